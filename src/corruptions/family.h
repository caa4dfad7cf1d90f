/*
 * What stands behind a row of the table: the function that makes the corruption, and the call that all of them take. A
 * family's functions are in the files of its name.
 */
#ifndef CORRUPTIONS_FAMILY_H
#define CORRUPTIONS_FAMILY_H

#include "base/random.h"
#include "reshift/corruption.h"

/* One image to be corrupted. The table has checked everything: severity 1..5, an image with pixels, an output of the
 * input's size that is another image. */
typedef struct corruption_call {
    const reshift_corruption *corruption;
    int severity;
    reshift_constants set;   /* CIFAR or IMAGENET, never AUTO */
    const double *constants; /* the table's, of this set and severity */
    uint64_t seed;
    int64_t image_index;
    const reshift_frost *frost; /* NULL: overlays are drawn procedurally */
    const reshift_image *input;
    reshift_image *output;
} corruption_call;

typedef reshift_status (*corruption_function)(const corruption_call *call, reshift_error *error);

/** Who makes it; NULL for what is no row of the table. */
corruption_function corruption_maker(const reshift_corruption *corruption);

/** The stream of an image's draws, named by (seed, the corruption's name, severity, image) and stable for good. */
random_stream corruption_stream(const corruption_call *call);

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

/* weather_snow.c, weather_frost.c, weather_fog.c, weather_spatter.c */
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
