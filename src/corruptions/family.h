/*
 * Private part of the table of corruptions: the function of each row, and the arguments that all of them take. The
 * functions are in the files named after their family.
 */
#ifndef CORRUPTIONS_FAMILY_H
#define CORRUPTIONS_FAMILY_H

#include "base/random.h"
#include "reshift/corruption.h"

/*
 * One image to be corrupted. The caller has checked everything: severity is 1..5, the image is not empty, the output is
 * another image of the same size.
 */
typedef struct corruption_call {
    const reshift_corruption *corruption;
    int severity;
    reshift_constants set;   /* CIFAR or IMAGENET, never AUTO */
    const double *constants; /* of this set and severity, from the table */
    uint64_t seed;
    int64_t image_index;
    const reshift_frost *frost; /* NULL: procedurally drawn overlays */
    const reshift_image *input;
    reshift_image *output;
} corruption_call;

typedef reshift_status (*corruption_function)(const corruption_call *call, reshift_error *error);

/** The function of a corruption; NULL if it is not a row of the table. */
corruption_function corruption_maker(const reshift_corruption *corruption);

/**
 * The random stream of an image, identified by (seed, name of the corruption, severity, image). Never changes between
 * versions.
 */
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
