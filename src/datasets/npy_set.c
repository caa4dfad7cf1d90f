/*
 * Labelled images as two arrays, uint8 [N,H,W,3] and integers [N]: two memory-mapped .npy files, or one .npz archive,
 * unpacked. CIFAR-10-C, which consists of such files, shares the checks and the reading of an image array.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "datasets/dataset.h"
#include "formats/blob.h"
#include "formats/npy.h"

enum { MAX_EXTENT = 1 << 16 };

reshift_status image_array_check(const reshift_array *images, const char *name, reshift_error *error)
{
    const int64_t *shape = images->shape;
    if (images->dtype == RESHIFT_U8 && images->n_dims == 4 && shape[0] > 0 && shape[1] > 0 && shape[1] <= MAX_EXTENT &&
        shape[2] > 0 && shape[2] <= MAX_EXTENT && shape[3] == 3) {
        return RESHIFT_OK;
    }
    char found[256];
    reshift_array_describe(images, found, sizeof found);
    error_set(error, RESHIFT_ERROR_SHAPE, "images '%s': expected uint8 [N,H,W,3], found %s", name, found);
    const int n_dims = images->n_dims;
    if (images->dtype == RESHIFT_F16 || images->dtype == RESHIFT_F32 || images->dtype == RESHIFT_F64) {
        error_hint(error,
                   "pixels are bytes from 0 to 255: for floats from 0 to 1, save (x * 255).round().astype('uint8')");
    } else if (images->dtype == RESHIFT_BOOL) {
        error_hint(error, "pixels are bytes from 0 to 255: save x.astype('uint8') * 255");
    } else if (images->dtype != RESHIFT_U8) {
        error_hint(error, "pixels are bytes: for values from 0 to 255, save x.astype('uint8')");
    } else if (n_dims == 4 && shape[1] == 3) {
        error_hint(error, "channels come last: save x.transpose(0, 2, 3, 1)");
    } else if (n_dims == 4 && shape[3] == 4) {
        error_hint(error, "without alpha: save x[..., :3]");
    } else if (n_dims == 4 && shape[3] == 1) {
        error_hint(error, "grey images have three equal channels here: save x.repeat(3, axis=3)");
    } else if (n_dims == 3 && shape[2] != 3) {
        error_hint(error, "grey images have three equal channels here: save x[..., None].repeat(3, axis=3)");
    } else if (n_dims == 3) {
        error_hint(error, "for one image, save x[None]");
    } else if (n_dims == 2 && shape[1] % 3 == 0) {
        error_hint(error, "for rows of flattened images, save x.reshape(-1, H, W, 3), or as CIFAR has them "
                          "x.reshape(-1, 3, H, W).transpose(0, 2, 3, 1)");
    }
    return error_at_offset(error, RESHIFT_ERROR_SHAPE, name, -1);
}

reshift_status image_array_read(const reshift_array *images, int64_t row, reshift_image *image, reshift_error *error)
{
    int height = (int)images->shape[1], width = (int)images->shape[2];
    reshift_status status = reshift_image_resize(image, height, width, error);
    if (status == RESHIFT_OK) {
        size_t bytes = (size_t)height * (size_t)width * 3;
        memcpy(image->pixels, (const uint8_t *)images->data + (size_t)row * bytes, bytes);
    }
    return status;
}

typedef struct npy_set {
    reshift_array images; /* [N,H,W,3] */
    char *name;           /* of the images' file */
} npy_set;

static reshift_status npy_set_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const npy_set *s = state;
    return image_array_read(&s->images, row, image, error);
}

static void npy_set_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const npy_set *s = state;
    snprintf(text, size, "%s[%lld]", s->name, (long long)row);
}

static void npy_set_destroy(void *state)
{
    npy_set *s = state;
    reshift_array_destroy(&s->images);
    free(s->name);
    free(s);
}

static void npy_set_forget(const void *state) { blob_array_forget(&((const npy_set *)state)->images); }

static const dataset_kind npy_set_kind = {npy_set_read, npy_set_row_name, NULL, npy_set_destroy, NULL, npy_set_forget};

reshift_status label_array_read(const reshift_array *labels, const char *name, int64_t n, int below, int **values,
                                int *n_classes, reshift_error *error)
{
    char *subject = NULL;
    *values = malloc(((size_t)n + 1) * sizeof **values);
    if (!*values || asprintf(&subject, "labels '%s'", name) < 0) {
        return error_memory(error, (size_t)n * sizeof **values, "labels");
    }
    reshift_status status = reshift_labels_read(labels, subject, n, below, *values, n_classes, error);
    free(subject);
    return status == RESHIFT_OK ? status : error_at_offset(error, status, name, -1);
}

static reshift_status open_files(npy_set *s, const char *images_path, const char *labels_path, bool has_parts,
                                 const reshift_dataset_options *options, reshift_dataset **dataset,
                                 reshift_error *error)
{
    int n_classes = 0, *values = NULL;
    reshift_array labels = {0};
    reshift_status status = reshift_array_load_npy(images_path, &s->images, error);
    if (status == RESHIFT_OK) {
        status = image_array_check(&s->images, images_path, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(labels_path, &labels, error);
    }
    if (status == RESHIFT_OK) {
        status = label_array_read(&labels, labels_path, s->images.shape[0], 0, &values, &n_classes, error);
    }
    if (status == RESHIFT_OK && !(s->name = strdup(images_path))) {
        status = error_memory(error, strlen(images_path), "a name");
    }
    if (status == RESHIFT_OK) {
        int height = (int)s->images.shape[1], width = (int)s->images.shape[2];
        int64_t count = dataset_limit(s->images.shape[0], options->limit);
        status = dataset_create(&npy_set_kind, s, "npy", count, n_classes, NULL, dataset, error);
        s = NULL; /* owned by the set from here on, also on failure */
        for (int64_t row = 0; status == RESHIFT_OK && row < count; row++) {
            (*dataset)->rows[row].label = values[row];
        }
        if (status == RESHIFT_OK) {
            (*dataset)->fixed_size = true;
            (*dataset)->has_parts = has_parts;
            (*dataset)->height = height;
            (*dataset)->width = width;
        }
    }
    if (s) {
        npy_set_destroy(s);
    }
    free(values);
    reshift_array_destroy(&labels);
    return status;
}

static bool is_npz(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcasecmp(dot, ".npz") == 0;
}

reshift_status npy_set_check(const char *where, reshift_error *error)
{
    const char *comma = strrchr(where, ',');
    if (comma ? comma == where || !comma[1] : !is_npz(where)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "data 'npy:%s': expected npy:IMAGES.npy,LABELS.npy or npy:BOTH.npz", where);
    }
    return RESHIFT_OK;
}

/* Common names of images and labels in one archive: NumPy's for unnamed arrays, Keras', MedMNIST's. */
typedef struct pair_names {
    const char *images, *labels, *part; /* part: the split of this pair, or NULL for the whole set */
} pair_names;

static const pair_names pairs[] = {
    {"images", "labels", NULL},
    {"x", "y", NULL},
    {"X", "y", NULL},
    {"data", "labels", NULL},
    {"arr_0", "arr_1", NULL},
    {"x_train", "y_train", "train"},
    {"x_test", "y_test", "test"},
    {"train_images", "train_labels", "train"},
    {"test_images", "test_labels", "test"},
};
enum { N_PAIRS = sizeof pairs / sizeof *pairs };

/*
 * The pair of arrays in the archive for `split`. An archive with a training and a test pair has parts; a single pair is
 * the whole set, whatever its names.
 */
static reshift_status choose_pair(const char *path, const char *split, const pair_names **chosen, bool *has_parts,
                                  reshift_error *error)
{
    const char *names[2 * N_PAIRS];
    bool there[2 * N_PAIRS];
    char list[600];
    for (int i = 0; i < N_PAIRS; i++) {
        names[2 * i] = pairs[i].images;
        names[2 * i + 1] = pairs[i].labels;
    }
    reshift_status status = npz_look(path, names, 2 * N_PAIRS, there, list, sizeof list, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int n = 0, n_split = 0;
    const pair_names *first = NULL, *of_split = NULL;
    for (int i = 0; i < N_PAIRS; i++) {
        if (there[2 * i] && there[2 * i + 1]) {
            first = first ? first : &pairs[i];
            n++;
            if (pairs[i].part && strcmp(pairs[i].part, split) == 0) {
                of_split = &pairs[i];
                n_split++;
            }
        }
    }
    *has_parts = n == 2 && n_split == 1 && first->part;
    *chosen = n == 1 ? first : *has_parts ? of_split : NULL;
    if (*chosen) {
        return RESHIFT_OK;
    }
    refuse(error, RESHIFT_ERROR_NOT_FOUND, path, -1, "which arrays are images and labels? it holds %s", list);
    error_hint(
        error,
        "name them: 'npy:%.150s#IMAGES,%.150s#LABELS'; found by themselves are images and labels, x and y, data and "
        "labels, arr_0 and arr_1, x_train and y_train with x_test and y_test",
        path, path);
    return RESHIFT_ERROR_NOT_FOUND;
}

/* The paths of images and labels: the two files of `where`, or two arrays of one archive. The caller frees both. */
static reshift_status find_paths(const char *where, const char *split, char **images, char **labels, bool *has_parts,
                                 reshift_error *error)
{
    const char *comma = strrchr(where, ',');
    *has_parts = false;
    if (comma) {
        *images = strndup(where, (size_t)(comma - where));
        *labels = strdup(comma + 1);
    } else {
        const pair_names *pair;
        reshift_status status = choose_pair(where, split, &pair, has_parts, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        *images = *labels = NULL;
        if (asprintf(images, "%s#%s", where, pair->images) < 0) {
            *images = NULL;
        }
        if (asprintf(labels, "%s#%s", where, pair->labels) < 0) {
            *labels = NULL;
        }
    }
    return *images && *labels ? RESHIFT_OK : error_memory(error, strlen(where), "a path");
}

reshift_status npy_set_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                            reshift_error *error)
{
    *dataset = NULL;
    char *images_path = NULL, *labels_path = NULL;
    bool has_parts;
    reshift_status status = find_paths(where, options->split, &images_path, &labels_path, &has_parts, error);
    npy_set *s = status == RESHIFT_OK ? calloc(1, sizeof *s) : NULL;
    if (status == RESHIFT_OK) {
        status = s ? open_files(s, images_path, labels_path, has_parts, options, dataset, error)
                   : error_memory(error, sizeof *s, "a data set");
    }
    free(images_path);
    free(labels_path);
    return status;
}
