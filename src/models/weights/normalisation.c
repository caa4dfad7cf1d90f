/*
 * Known by the last word of the name and by its place: in a dict or module that is around the network, or one step
 * below such. Values above 1 are of pixels from 0 to 255.
 */
#include "models/weights/normalisation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "models/weights/weights.h"

#define NAME_BYTES 1024

/* Means and the deviations that go with them. */
static const char *const pairs[][2] = {
    {"mu", "sigma"},
    {"mean", "std"},
    {"new_mean", "new_std"},
    {"means", "stds"},
    {"mean", "sigma"},
    {"_mean", "_std"},
    {"pixel_mean", "pixel_std"},
    {"image_mean", "image_std"},
    {"input_mean", "input_std"},
    {"mean", "sd"},
};
#define N_PAIRS (sizeof pairs / sizeof *pairs)

static const char *last_word(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* Index of the tensor called like `name` but for its last word; -1 where there is none. */
static int64_t find_beside(const reshift_tensors *tensors, const char *name, const char *word)
{
    char other[NAME_BYTES];
    int length = (int)(last_word(name) - name);
    if ((size_t)snprintf(other, sizeof other, "%.*s%s", length, name, word) >= sizeof other ||
        !reshift_tensors_find(tensors, other)) {
        return -1;
    }
    int64_t t = 0;
    while (strcmp(reshift_tensors_name(tensors, t), other) != 0) {
        t++;
    }
    return t;
}

/*
 * The place of a tensor called mean or deviation: its parents are a dict or module around the branch, or one that
 * stands in such a one and belongs to no network.
 */
static bool is_near(const branches *all, int own, const char *name)
{
    const char *prefix = all->items[own].prefix, *word = last_word(name);
    size_t length = (size_t)(word - name); /* of the parents, with the dot */
    if (branches_own_other(all, own, name)) {
        return false;
    }
    if (strncmp(prefix, name, length) == 0) {
        return true;
    }
    size_t parent = length - 1; /* one module less */
    while (parent > 0 && name[parent - 1] != '.') {
        parent--;
    }
    bool in_block = strncmp(name, prefix, strlen(prefix)) == 0 &&
                    architecture_is_trunk(all->items[own].family, name + strlen(prefix));
    return strncmp(prefix, name, parent) == 0 && !in_block;
}

static reshift_status not_understood(const char *name, const char *why, reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_UNSUPPORTED,
              "the checkpoint has an input normalisation that is not understood: '%.200s' %s", name, why);
    error_hint(
        error,
        "save the network's own tensors alone, as safetensors with the metadata 'reshift.mean' and 'reshift.std'");
    return RESHIFT_ERROR_UNSUPPORTED;
}

/* One number, or one a channel, in [3], [1,3,1,1], [3,1,1] ... */
static reshift_status read_channels(const reshift_array *array, const char *name, float values[3], reshift_error *error)
{
    int64_t count = reshift_array_count(array);
    char shape[96], why[160];
    if ((count != 1 && count != 3) || !weights_convert(array, values)) {
        weights_shape_text(array->n_dims, array->shape, shape, sizeof shape);
        snprintf(why, sizeof why, "is %s %s, expected a floating-point number or one a channel",
                 reshift_dtype_name(array->dtype), shape);
        return not_understood(name, why, error);
    }
    for (int c = 1; c < 3 && count == 1; c++) {
        values[c] = values[0];
    }
    return RESHIFT_OK;
}

static reshift_status check_values(normalisation *result, const char *mean_name, const char *std_name,
                                   reshift_error *error)
{
    float largest = 0;
    for (int c = 0; c < 3; c++) {
        if (!(result->mean[c] >= 0 && result->mean[c] <= 255)) {
            return not_understood(mean_name, "is not from 0 to 1, nor from 0 to 255", error);
        }
        if (!(result->std[c] > 0) || !isfinite(result->std[c])) {
            return not_understood(std_name, "is not positive", error);
        }
        largest = result->mean[c] > largest ? result->mean[c] : largest;
    }
    for (int c = 0; c < 3 && largest > 1; c++) {
        result->mean[c] /= 255;
        result->std[c] /= 255;
    }
    return RESHIFT_OK;
}

reshift_status normalisation_find(const reshift_tensors *tensors, const branches *all, int own, normalisation *result,
                                  reshift_error *error)
{
    *result = (normalisation){.found = false};
    for (int64_t t = 0; t < reshift_tensors_count(tensors); t++) {
        const char *name = reshift_tensors_name(tensors, t), *word = last_word(name);
        int64_t other = -1;
        bool is_mean = false, is_std = false;
        for (size_t p = 0; p < N_PAIRS && other < 0; p++) {
            bool mean = strcmp(word, pairs[p][0]) == 0, std = strcmp(word, pairs[p][1]) == 0;
            other = mean || std ? find_beside(tensors, name, pairs[p][mean ? 1 : 0]) : -1;
            is_mean = is_mean || mean;
            is_std = is_std || std;
        }
        if ((!is_mean && !is_std) || !is_near(all, own, name)) {
            continue;
        }
        if (other < 0) {
            return not_understood(name, is_mean ? "has no deviation beside it" : "has no mean beside it", error);
        }
        if (is_mean && !result->found) { /* the first pair: the outermost module comes first in a state dict */
            result->found = true;
            result->mean_index = t;
            result->std_index = other;
            const char *std_name = reshift_tensors_name(tensors, other);
            reshift_status status = read_channels(reshift_tensors_at(tensors, t), name, result->mean, error);
            if (status == RESHIFT_OK) {
                status = read_channels(reshift_tensors_at(tensors, other), std_name, result->std, error);
            }
            if (status == RESHIFT_OK) {
                status = check_values(result, name, std_name, error);
            }
            if (status != RESHIFT_OK) {
                return status;
            }
        }
    }
    return RESHIFT_OK;
}
