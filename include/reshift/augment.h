/* Augmentation: training images changed by chance, anew in every epoch. */
#ifndef RESHIFT_AUGMENT_H
#define RESHIFT_AUGMENT_H

#include "reshift/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is done to an image, in this order; all zero: nothing. */
typedef struct reshift_augment {
    bool corrupt; /* one of `corruptions` at a severity of the range, each as likely */
    const char *corruptions[RESHIFT_CORRUPTIONS_MOST];
    int n_corruptions;
    int severity_first, severity_last; /* 1..5 */
    reshift_constants constants;
    reshift_jpeg_step jpeg; /* last step of the corruption */
    bool corrupt_native; /* photographs are corrupted at their own size; false: resized and cropped by the recipe first
                          */
    bool crop;           /* padded with black on every side, then a window of the image's own size anywhere in it */
    double crop_padding; /* of the shorter side, rounded to pixels: 0.125 is 4 of 32; above 0, at most 1 */
    bool flip;           /* left and right exchanged, of every other image by chance */
} reshift_augment;

/** Nothing is changed; crop_padding 0.125, severities 1 to 5. NULL instead of a reshift_augment means no augmentation.
 */
RESHIFT_API void reshift_augment_default(reshift_augment *augment);

#ifdef __cplusplus
}
#endif
#endif
