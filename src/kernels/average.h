/*
 * The mean over the pixels of maps [images, area, channels] of 16 or 8 bits, in float32, and its gradient. Images are
 * shared out to all threads; neither threads nor the instruction set change a bit.
 */
#ifndef KERNELS_AVERAGE_H
#define KERNELS_AVERAGE_H

#include <stdint.h>

/** mean [images, channels] of bfloat16 maps: float32 sums in the order of the pixels, divided by the area. */
void average_bf16(const uint16_t *x, int64_t n_images, int64_t area, int64_t channels, float *mean);
/** The same of 8 bits, each channel with its unit [channels]: sums are integers and exact; area at most 2^23. */
void average_u8(const uint8_t *x, int64_t n_images, int64_t area, int64_t channels, const float *unit, float *mean);
void average_s8(const int8_t *x, int64_t n_images, int64_t area, int64_t channels, const float *unit, float *mean);
/** x = gradient / area for every pixel, rounded once; gradient [images, channels]. */
void average_backward_bf16(uint16_t *x, int64_t n_images, int64_t area, int64_t channels, const float *gradient);

/** sum += row, [n]: what the averages add up with. */
void add_row_bf16(float *restrict sum, const uint16_t *restrict row, int64_t n);
void add_row_u8(int32_t *restrict sum, const uint8_t *restrict row, int64_t n);
void add_row_s8(int32_t *restrict sum, const int8_t *restrict row, int64_t n);

#endif
