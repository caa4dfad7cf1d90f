/* What the table knows of a corruption beyond its public row: the function that makes it. One file a family has them.
 */
#ifndef CORRUPTIONS_FAMILY_H
#define CORRUPTIONS_FAMILY_H

#include "reshift/corruption.h"

/* One image to be corrupted. The table has checked everything: severity 1..5, an image with pixels, an output of the
 * input's size that is another image. */
typedef struct corruption_call {
    const reshift_corruption *corruption;
    int severity;
    reshift_constants constants; /* CIFAR or IMAGENET, never AUTO */
    uint64_t seed;
    int64_t image_index;
    const reshift_frost *frost; /* NULL: overlays are drawn procedurally */
    const reshift_image *input;
    reshift_image *output;
} corruption_call;

typedef reshift_status (*corruption_function)(const corruption_call *call, reshift_error *error);

/* noise.c */
reshift_status corruption_gaussian_noise(const corruption_call *call, reshift_error *error);
reshift_status corruption_shot_noise(const corruption_call *call, reshift_error *error);
reshift_status corruption_impulse_noise(const corruption_call *call, reshift_error *error);
reshift_status corruption_speckle_noise(const corruption_call *call, reshift_error *error);

/* blur_defocus.c, blur_glass.c, blur_motion.c, blur_zoom.c, blur.c */
reshift_status corruption_defocus_blur(const corruption_call *call, reshift_error *error);
reshift_status corruption_glass_blur(const corruption_call *call, reshift_error *error);
reshift_status corruption_motion_blur(const corruption_call *call, reshift_error *error);
reshift_status corruption_zoom_blur(const corruption_call *call, reshift_error *error);
reshift_status corruption_gaussian_blur(const corruption_call *call, reshift_error *error);

/* weather.c, weather_spatter.c */
reshift_status corruption_snow(const corruption_call *call, reshift_error *error);
reshift_status corruption_frost(const corruption_call *call, reshift_error *error);
reshift_status corruption_fog(const corruption_call *call, reshift_error *error);
reshift_status corruption_spatter(const corruption_call *call, reshift_error *error);

/* digital.c */
reshift_status corruption_contrast(const corruption_call *call, reshift_error *error);
reshift_status corruption_brightness(const corruption_call *call, reshift_error *error);
reshift_status corruption_saturate(const corruption_call *call, reshift_error *error);
reshift_status corruption_pixelate(const corruption_call *call, reshift_error *error);
reshift_status corruption_jpeg_compression(const corruption_call *call, reshift_error *error);

/* digital_elastic.c */
reshift_status corruption_elastic_transform(const corruption_call *call, reshift_error *error);

#endif
