/*
 * The beginning of a ResNet straight from small 8-bit images. Enlarging to the network's size, normalising, the first
 * convolution and its folded batch norm are all linear in the pixels, so they collapse into one small filter for every
 * phase of the enlargement, applied to the source image; ReLU and the maximum pool follow while the rows are in cache.
 * The enlarged image is never made. Same result as the plain way up to rounding: tests hold one against the other.
 */
#ifndef ENGINE_STEM_H
#define ENGINE_STEM_H

#include "network/network.h"

typedef struct stem stem;

/**
 * For images of height x width that are enlarged whole to size x size (preprocess_array()) and normalised. *out is
 * NULL, and the status RESHIFT_OK, where the first block is no convolution, batch norm, ReLU and 3x3 pool of stride 2,
 * or where collapsing would not save work: then the plain way is the way. Keeps a pointer to `net`. Errors: MEMORY.
 */
reshift_status stem_create(const network *net, int height, int width, int size, const float mean[3], const float std[3],
                           stem **out, reshift_error *error);
void stem_destroy(stem **s);

/** Of one image's output: [H,W,C], the output of the network's block 0. */
void stem_output_shape(const stem *s, int64_t shape[3]);

/**
 * images [n,height,width,3] to output [n,H,W,C] float. Parameters that changed since the last call are seen. Not to be
 * called by two threads at once; uses all of OpenMP's by itself, and the result does not depend on their number.
 * Errors: NUMERIC (the weights are so large that sums may overflow; names the convolution).
 */
reshift_status stem_run(stem *s, const uint8_t *images, int n, float *output, reshift_error *error);
/** No value of an output exceeds it, whatever the pixels are; of the parameters that the last stem_run() saw. */
double stem_output_bound(const stem *s);

/** Multiply-adds an image, and what the plain convolution takes. */
void stem_multiply_adds(const stem *s, double *collapsed, double *plain);

#endif
