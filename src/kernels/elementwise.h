/*
 * ReLU, addition and ReLU's gradient over stretches of values, in place, in float32 and bfloat16, on the calling
 * thread. Every instruction set gives the same bits.
 */
#ifndef KERNELS_ELEMENTWISE_H
#define KERNELS_ELEMENTWISE_H

#include <stdint.h>

/** a = a < 0 ? 0 : a, [n]. Not-a-number and negative zero stay. bfloat16: negative zero becomes 0. */
void relu_f32(float *a, int64_t n);
void relu_bf16(uint16_t *a, int64_t n);

/** a += b, [n]. bfloat16: added in float32, rounded once (bf16.h). */
void add_f32(float *restrict a, const float *restrict b, int64_t n);
void add_bf16(uint16_t *restrict a, const uint16_t *restrict b, int64_t n);

/** a = b > 0 ? a : 0, [n]: the gradient by ReLU's input from the gradient by its output and that output. */
void relu_backward_f32(float *restrict a, const float *restrict b, int64_t n);
void relu_backward_bf16(uint16_t *restrict a, const uint16_t *restrict b, int64_t n);

#endif
