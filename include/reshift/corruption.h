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

/**
 * Whether a corrupted image is encoded as JPEG and decoded again as the last step, as the published ImageNet-C and
 * Tiny-ImageNet-C were stored (quality 85). CIFAR-10-C was stored as arrays. AUTO: with ImageNet's constants.
 */
typedef enum reshift_jpeg_step { RESHIFT_JPEG_AUTO, RESHIFT_JPEG_ON, RESHIFT_JPEG_OFF } reshift_jpeg_step;

/** Quality of the JPEG step. */
#define RESHIFT_JPEG_QUALITY 85

/** Room for the rows of reshift_corruption_table() in arrays with an entry a row. Fewer are in use. */
#define RESHIFT_CORRUPTIONS_MOST 32
#define RESHIFT_SEVERITIES 5

/** The most constants that a severity has: snow's. */
#define RESHIFT_CORRUPTION_CONSTANTS 7

/** One row of the table of corruptions: all that is known of one, but for the function that makes it. */
typedef struct reshift_corruption {
    const char *name;
    const char *family;     /* noise, blur, weather, digital */
    bool random;            /* needs draws; else the same image always comes out */
    bool validation;        /* one of the 4 that leaderboards leave out */
    const char *about;      /* for people: "normal noise added to every value" */
    const char *parameters; /* and what the constants are, in their order */
    int n_constants;        /* that each severity has; 0 beyond them */
    double cifar[RESHIFT_SEVERITIES][RESHIFT_CORRUPTION_CONSTANTS];    /* of severities 1 to 5 for images of 32x32 */
    double imagenet[RESHIFT_SEVERITIES][RESHIFT_CORRUPTION_CONSTANTS]; /* and of 224x224 */
} reshift_corruption;

/** The table, in CIFAR-10-C's customary order; *count rows, static. */
RESHIFT_API const reshift_corruption *reshift_corruption_table(int *count);
/** How many corruptions of the table leaderboards average: those that are not `validation`. Errors: none. */
RESHIFT_API int reshift_corruption_official_count(void);

/** A row by name, or by another name in use (frosted_glass_blur, elastic, jpeg). Errors: NOT_FOUND with the nearest
 * name as a hint. */
RESHIFT_API reshift_status reshift_corruption_find(const char *name, const reshift_corruption **corruption,
                                                   reshift_error *error);

/** The set of constants used for images of this size: the one asked for, and for AUTO the nearer of 32 and 224 pixels
 * at the shorter side. Never AUTO. */
RESHIFT_API reshift_constants reshift_corruption_constants(reshift_constants asked, int height, int width);

/** Whether an image of this size gets the JPEG step: as requested, and for AUTO where
 * reshift_corruption_constants(requested_constants, height, width) is IMAGENET. */
RESHIFT_API bool reshift_corruption_has_jpeg(reshift_jpeg_step requested, reshift_constants requested_constants,
                                             int height, int width);

/**
 * The overlays that the frost corruption lays over images: photographs of frozen glass, opened once and shared by any
 * number of threads. Where none are handed in, frost draws overlays of its own: the same kind of picture, other pixels.
 */
typedef struct reshift_frost reshift_frost;

/** Opens FOLDER/frost1.png .. frost3.png, frost4.jpg, frost5.jpg (`reshift fetch frost`). Errors: NOT_FOUND (naming the
 * file, with a hint), FORMAT, UNSUPPORTED (too small), IO, MEMORY. The caller closes *frost. */
RESHIFT_API reshift_status reshift_frost_open(const char *folder, reshift_frost **frost, reshift_error *error);
/** Closes and nulls the caller's pointer; NULL accepted. */
RESHIFT_API void reshift_frost_close(reshift_frost **frost);

/**
 * Makes `output` (any image, resized as needed; not `input`) from `input` at `severity` 1 to 5. Random draws depend on
 * (seed, corruption, severity, image_index) only. `frost`: the overlays of the corruption frost, which alone looks at
 * them; NULL: drawn procedurally. Thread-safe. Errors: ARGUMENT (severity), UNSUPPORTED (an image too small, or too
 * large for fog), MEMORY. The JPEG step is not part of it: see reshift_image_compress().
 */
RESHIFT_API reshift_status reshift_corruption_apply(const reshift_corruption *corruption, int severity,
                                                    reshift_constants constants, uint64_t seed, int64_t image_index,
                                                    const reshift_frost *frost, const reshift_image *input,
                                                    reshift_image *output, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
