/* The table. */
#include "kernels/kernels.h"

#include <stddef.h>

/* Every form of these gives the same bits. */
#define SAME_BITS(X)                                                                                                   \
    X(relu_f32) X(add_f32) X(relu_backward_f32) X(relu_bf16) X(add_bf16) X(relu_backward_bf16) X(any_huge_f32)         \
    X(any_huge_bf16) X(quantise_f32) X(quantise_bf16) X(dequantise_u8_f32) X(dequantise_s8_f32) X(dequantise_u8_bf16)  \
    X(dequantise_s8_bf16) X(add_row_bf16) X(add_row_u8) X(add_row_s8) X(philox_words) X(words_to_uniform)              \
    X(words_to_gaussian) X(add_f32_to_f64) X(subtract_scaled_f64) X(dot_f64) X(columns_f64) X(centred_dots)            \
    X(centred_products) X(softmax_rows) X(optimiser_update) X(linear_bf16_round_row) X(linear_bf16_round_weights)      \
    X(linear_bf16_round_deltas)

#define DECLARE(NAME) extern const kernel_form NAME##_forms[];
SAME_BITS(DECLARE)
DECLARE(linear_forward)
DECLARE(linear_gradient)
DECLARE(linear_descend)
DECLARE(linear_bf16_forward)
DECLARE(linear_bf16_descend)
DECLARE(tiles_add)

#define ROW(NAME) {#NAME, NAME##_forms, 0, 0},
static const kernel table[] = {
    SAME_BITS(ROW)
    /* A product and its addition round separately without fused multiply-add; 16 lanes are folded in 4 steps. */
    {"linear_forward", linear_forward_forms, 2, 4},
    {"linear_gradient", linear_gradient_forms, 2, 0},
    {"linear_descend", linear_descend_forms, 2, 0},
    /* Sums of products of bfloat16 values, which are exact in float32: two additions a product, 4 steps of the fold. */
    {"linear_bf16_forward", linear_bf16_forward_forms, 2, 4},
    {"linear_bf16_descend", linear_bf16_descend_forms, 2, 0},
    /* A float32 counts as two bfloat16, to 2^-16 of it (256 2^-24) in each factor; the product of the smaller parts, up
     * to 2^-14 (1024 2^-24), is left out. A product is three, each with an addition. */
    {"tiles_add", tiles_add_forms, 3, 2048},
};
enum { ROWS = sizeof table / sizeof *table };

const kernel *kernel_at(int i) { return i >= 0 && i < ROWS ? &table[i] : NULL; }
