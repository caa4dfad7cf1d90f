/* The corruptions of CIFAR-10-C and ImageNet-C (Hendrycks & Dietterich 2019), pixels to pixels. */
#ifndef RESHIFT_CORRUPTION_H
#define RESHIFT_CORRUPTION_H

#include <stdbool.h>

#include "reshift/image.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum reshift_constants {
    RESHIFT_CONSTANTS_AUTO,
    RESHIFT_CONSTANTS_CIFAR,
    RESHIFT_CONSTANTS_IMAGENET
} reshift_constants;

/** One row of the table of corruptions. */
typedef struct reshift_corruption {
    const char *name;
    const char *family; /* noise, blur, weather, digital */
    bool random;        /* needs draws; else the same image always comes out */
    bool validation;    /* one of the 4 that leaderboards leave out */
    bool available;     /* this build can make it */
} reshift_corruption;

/** The table, in CIFAR-10-C's customary order; *count rows, static. */
RESHIFT_API const reshift_corruption *reshift_corruption_table(int *count);

/** A row by name, or by another name in use (frosted_glass_blur, elastic, jpeg). Errors: NOT_FOUND with the nearest
 * name as a hint. */
RESHIFT_API reshift_status reshift_corruption_find(const char *name, const reshift_corruption **corruption,
                                                   reshift_error *error);

/** The set of constants used for images of this size: the one asked for, and for AUTO the nearer of 32 and 224 pixels
 * at the shorter side. Never AUTO. */
RESHIFT_API reshift_constants reshift_corruption_constants(reshift_constants asked, int height, int width);

/**
 * Makes `output` (any image, resized as needed; not `input`) from `input` at `severity` 1 to 5. Random draws depend on
 * (seed, corruption, severity, image_index) only. Thread-safe. Errors: ARGUMENT (severity), UNSUPPORTED (not available,
 * image too small), MEMORY.
 */
RESHIFT_API reshift_status reshift_corruption_apply(const reshift_corruption *corruption, int severity,
                                                    reshift_constants constants, uint64_t seed, int64_t image_index,
                                                    const reshift_image *input, reshift_image *output,
                                                    reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
