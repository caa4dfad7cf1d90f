/*
 * The effect of a JPEG save and load on pixels, without the file. Entropy coding is lossless, so only colour
 * conversion, subsampling, the cosine transform, quantisation and their inverses are needed.
 */
#ifndef IMAGING_JPEG_LOSS_H
#define IMAGING_JPEG_LOSS_H

#include "reshift/image.h"

/** Maximum height and width of a JPEG (libjpeg's JPEG_MAX_DIMENSION). */
#define JPEG_EXTENT_MAX 65500

/**
 * The pixels of `input` after saving and loading as a baseline JPEG of `quality` (1 to 100) with 4:2:0 chroma. Byte for
 * byte equal to libjpeg-turbo with its defaults, and therefore to Pillow.
 *
 * output  [H,W,3]: must not overlap the input, or is the input's own pixels
 * Errors  UNSUPPORTED (an extent beyond JPEG_EXTENT_MAX), MEMORY (freed before returning; none up to 64x64).
 *         Same result on every machine.
 * Source  ITU-T T.81; libjpeg-turbo 2.1: jccolor, jcsample, jfdctint, jcdctmgr, jidctint, jdsample, jdcolor
 */
reshift_status jpeg_loss(const reshift_image *input, int quality, uint8_t *output, reshift_error *error);

#endif
