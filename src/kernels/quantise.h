/*
 * Rounding a row of channels to 8 bits and back, each channel with its unit (the value of one step), on the calling
 * thread. Every instruction set gives the same bits.
 */
#ifndef KERNELS_QUANTISE_H
#define KERNELS_QUANTISE_H

#include <stdint.h>

/**
 * a = b * per_unit, [n], rounded to the nearest (ties to even) and clipped to least..most: 0..255 for uint8, -127..127
 * for int8, whose two's complement is stored. per_unit [n] is 1 / unit. Not-a-number becomes `least`.
 */
void quantise_f32(uint8_t *restrict a, const float *restrict b, int64_t n, const float *restrict per_unit, float least,
                  float most);
void quantise_bf16(uint8_t *restrict a, const uint16_t *restrict b, int64_t n, const float *restrict per_unit,
                   float least, float most);

/** a = b * unit, [n]: from uint8 or int8 to float32 or bfloat16 (rounded once). */
void dequantise_u8_f32(float *restrict a, const uint8_t *restrict b, int64_t n, const float *restrict unit);
void dequantise_s8_f32(float *restrict a, const int8_t *restrict b, int64_t n, const float *restrict unit);
void dequantise_u8_bf16(uint16_t *restrict a, const uint8_t *restrict b, int64_t n, const float *restrict unit);
void dequantise_s8_bf16(uint16_t *restrict a, const int8_t *restrict b, int64_t n, const float *restrict unit);

#endif
