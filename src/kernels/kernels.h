/*
 * The table of all vector kernels: every form of each, and how far a form may be from the plain one. Tests compare all
 * forms that the machine has; a kernel without a row fails them.
 *
 * A kernel is a function of this room that exists once for each instruction set that is worth it. Most are one loop
 * that RESHIFT_KERNEL (vector.h) compiles several times; linear_*, philox_words and tiles_* are written with the
 * instructions themselves. The forms with bfloat16 products have no plain form: the results of the instruction (flushed
 * denormals, order of the two additions) are its own, and a processor without it does not run them.
 */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include "kernels/vector.h"

/* Kernels of which every form gives the same bits. Formatted by hand: clang-format 14 changes this list at every run.
 */
/* clang-format off */
#define KERNELS_SAME_BITS(X)                                                                                           \
    X(relu_f32) X(add_f32) X(relu_backward_f32) X(relu_bf16) X(add_bf16) X(relu_backward_bf16)                         \
    X(largest_magnitude_f32) X(largest_magnitude_bf16) X(sums_by_sign) X(quantise_f32) X(quantise_bf16)                \
    X(dequantise_u8_f32) X(dequantise_s8_f32) X(dequantise_u8_bf16) X(dequantise_s8_bf16) X(add_row_bf16)              \
    X(add_row_u8) X(add_row_s8) X(philox_words) X(words_to_uniform) X(words_to_gaussian) X(add_f32_to_f64)             \
    X(subtract_scaled_f64) X(dot_f64) X(columns_f64) X(centred_dots) X(centred_products) X(softmax_rows)               \
    X(optimiser_update) X(linear_bf16_round_row) X(linear_bf16_round_weights) X(linear_bf16_round_deltas)
/* clang-format on */
/* Kernels whose sums differ within the bounds of their rows. */
#define KERNELS_BOUNDED(X)                                                                                             \
    X(linear_forward) X(linear_gradient) X(linear_descend) X(linear_bf16_forward) X(linear_bf16_descend) X(tiles_add)

#define KERNEL_FORMS_OF(NAME) extern const kernel_form NAME##_forms[];
KERNELS_SAME_BITS(KERNEL_FORMS_OF)
KERNELS_BOUNDED(KERNEL_FORMS_OF)

typedef struct kernel {
    const char *name;
    const kernel_form *forms; /* "base" first, which is plain C; ended by a NULL name */
    /*
     * 0, 0: every form gives the same bits (any not-a-number counts as the same). Else a form's sum of n products is
     * within (each * n + more) 2^-24 times the sum of their absolute values of the exact sum: `each` roundings a term
     * and `more` that do not grow with n.
     */
    int roundings_each, roundings_more;
} kernel;

/** Row i of the table; NULL past its end. */
const kernel *kernel_at(int i);

#endif
