/*
 * What a JPEG save and load does to pixels, without the file: entropy coding loses nothing, so colour, subsampling, the
 * cosine transform, quantisation and the way back are all there is.
 */
#ifndef IMAGING_JPEG_LOSS_H
#define IMAGING_JPEG_LOSS_H

#include "reshift/image.h"

/** Pixels a side that a JPEG may have (libjpeg's JPEG_MAX_DIMENSION). */
#define JPEG_EXTENT_MAX 65500

/**
 * The pixels of `input` after a baseline JPEG of `quality` (1 to 100) with 4:2:0 chroma, byte for byte what
 * libjpeg-turbo writes and reads with its defaults, and so Pillow.
 *
 * output  [H,W,3]: other memory than the input's, or the input's own pixels
 * Errors  UNSUPPORTED (an extent beyond JPEG_EXTENT_MAX), MEMORY (freed before returning; none up to 64x64).
 *         Same result on every machine.
 * Source  ITU-T T.81; libjpeg-turbo 2.1: jccolor, jcsample, jfdctint, jcdctmgr, jidctint, jdsample, jdcolor
 */
reshift_status jpeg_loss(const reshift_image *input, int quality, uint8_t *output, reshift_error *error);

#endif
