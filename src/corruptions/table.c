/*
 * The nineteen corruptions by name: who they are, which of them this build makes, and the checks that all share. The
 * order is CIFAR-10-C's: fifteen that leaderboards average, then the four of the validation set.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "corruptions/family.h"
#include "reshift/words.h"

enum { N_CORRUPTIONS = 19 };

static const reshift_corruption corruptions[N_CORRUPTIONS] = {
    /* name, family, random, validation, available */
    {"gaussian_noise", "noise", true, false, true},
    {"shot_noise", "noise", true, false, true},
    {"impulse_noise", "noise", true, false, true},
    {"defocus_blur", "blur", false, false, true},
    {"glass_blur", "blur", true, false, true},
    {"motion_blur", "blur", true, false, true},
    {"zoom_blur", "blur", false, false, true},
    {"snow", "weather", true, false, true},
    {"frost", "weather", true, false, true},
    {"fog", "weather", true, false, true},
    {"brightness", "weather", false, false, true},
    {"contrast", "digital", false, false, true},
    {"elastic_transform", "digital", true, false, true},
    {"pixelate", "digital", false, false, true},
    {"jpeg_compression", "digital", false, false, true},
    {"speckle_noise", "noise", true, true, true},
    {"gaussian_blur", "blur", false, true, true},
    {"spatter", "weather", true, true, true},
    {"saturate", "digital", false, true, true},
};

/* Who makes each, in the table's order; NULL where `available` is false. */
static const corruption_function functions[N_CORRUPTIONS] = {
    corruption_gaussian_noise,
    corruption_shot_noise,
    corruption_impulse_noise,
    corruption_defocus_blur,
    corruption_glass_blur,
    corruption_motion_blur,
    corruption_zoom_blur,
    corruption_snow,
    corruption_frost,
    corruption_fog,
    corruption_brightness,
    corruption_contrast,
    corruption_elastic_transform,
    corruption_pixelate,
    corruption_jpeg_compression,
    corruption_speckle_noise,
    corruption_gaussian_blur,
    corruption_spatter,
    corruption_saturate,
};

/* Other names in use: the generator's own method names and ImageNet-C's folders. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"frosted_glass_blur", "glass_blur"},
    {"elastic", "elastic_transform"},
    {"jpeg", "jpeg_compression"},
};

const reshift_corruption *reshift_corruption_table(int *count)
{
    *count = N_CORRUPTIONS;
    return corruptions;
}

/* The name or alias nearest to `name`, or NULL where nothing is near: more than a third of it would have to change. */
static const char *nearest_name(const char *name)
{
    size_t length = strlen(name);
    if (length > RESHIFT_WORD_FAR) {
        return NULL;
    }
    const char *nearest = NULL;
    int fewest = (int)length / 3 + 2;
    for (int i = 0; i < N_CORRUPTIONS; i++) {
        int distance = reshift_word_distance(name, corruptions[i].name);
        if (distance < fewest) {
            fewest = distance;
            nearest = corruptions[i].name;
        }
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        int distance = reshift_word_distance(name, aliases[i].alias);
        if (distance < fewest) {
            fewest = distance;
            nearest = aliases[i].name;
        }
    }
    return nearest;
}

static void hint_names(reshift_error *error)
{
    char names[512];
    size_t used = 0;
    for (int i = 0; i < N_CORRUPTIONS && used < sizeof names; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", corruptions[i].name);
    }
    error_hint(error, "the corruptions are %s", names);
}

reshift_status reshift_corruption_find(const char *name, const reshift_corruption **corruption, reshift_error *error)
{
    *corruption = NULL;
    const char *wanted = name;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        wanted = strcmp(name, aliases[i].alias) == 0 ? aliases[i].name : wanted;
    }
    for (int i = 0; i < N_CORRUPTIONS; i++) {
        if (strcmp(wanted, corruptions[i].name) == 0) {
            *corruption = &corruptions[i];
            return RESHIFT_OK;
        }
    }
    error_set(error, RESHIFT_ERROR_NOT_FOUND, "there is no corruption '%.100s'", name);
    const char *nearest = nearest_name(name);
    if (nearest) {
        error_hint(error, "did you mean '%s'?", nearest);
    } else {
        hint_names(error);
    }
    return RESHIFT_ERROR_NOT_FOUND;
}

reshift_constants reshift_corruption_constants(reshift_constants asked, int height, int width)
{
    int shorter = height < width ? height : width;
    return asked != RESHIFT_CONSTANTS_AUTO           ? asked
           : abs(shorter - 32) <= abs(shorter - 224) ? RESHIFT_CONSTANTS_CIFAR
                                                     : RESHIFT_CONSTANTS_IMAGENET;
}

reshift_status reshift_corruption_apply(const reshift_corruption *corruption, int severity, reshift_constants constants,
                                        uint64_t seed, int64_t image_index, const reshift_frost *frost,
                                        const reshift_image *input, reshift_image *output, reshift_error *error)
{
    int number = 0;
    while (number < N_CORRUPTIONS && corruption != &corruptions[number]) {
        number++;
    }
    if (number == N_CORRUPTIONS) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "the corruption asked for is no row of the table");
    }
    if (severity < 1 || severity > 5) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: severity is 1 to 5, found %d", corruption->name, severity);
    }
    if (constants != RESHIFT_CONSTANTS_AUTO && constants != RESHIFT_CONSTANTS_CIFAR &&
        constants != RESHIFT_CONSTANTS_IMAGENET) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: constants number %d do not exist", corruption->name,
                         (int)constants);
    }
    if (!functions[number]) {
        error_set(error, RESHIFT_ERROR_UNSUPPORTED, "this build of reshift cannot make the corruption '%s'",
                  corruption->name);
        error_hint(error, "it reads it from CIFAR-10-C's own files: reshift fetch cifar10-c");
        return RESHIFT_ERROR_UNSUPPORTED;
    }
    if (!input->pixels || input->height < 1 || input->width < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: the image is empty", corruption->name);
    }
    if (output == input) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: output must be another image than input",
                         corruption->name);
    }
    reshift_status status = reshift_image_resize(output, input->height, input->width, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    corruption_call call = {
        corruption, severity,    reshift_corruption_constants(constants, input->height, input->width),
        seed,       image_index, frost,
        input,      output};
    return functions[number](&call, error);
}
