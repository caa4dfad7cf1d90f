/* The table. */
#include "kernels/kernels.h"

#define ROW(NAME) {#NAME, NAME##_forms, 0, 0},
static const kernel table[] = {
    KERNELS_SAME_BITS(ROW)
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
