/*
 * A linear layer's arithmetic for the probe, the head and PCA: products of rows with up to ten vectors at a time,
 * forward (logits) and backward (gradients), float32.
 *
 * Columns lie side by side in vectors of 16, so that features are read as they stand in memory. Classes go in blocks of
 * ten, padded with zeros: ten classes times two rows (forward) or two vectors of columns (backward) are the 20 sums
 * that the registers of AVX-512 hold, and a feature that is loaded meets all ten. A sum over columns has 16 lanes,
 * which are folded in a fixed order at the end of a part; parts have a size that only D decides, and are added in
 * order. So results do not depend on threads, and AVX2 and AVX-512 give the same bits; processors without fused
 * multiply-add round differently.
 */
#ifndef KERNELS_LINEAR_H
#define KERNELS_LINEAR_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/optimiser.h"
#include "reshift/status.h"

#define LINEAR_LANES 16
#define LINEAR_CLASSES 10 /* of a block */
#define LINEAR_TILE 64    /* rows of linear_logits' scratch */
/* floats of a block for a group of 16 columns: [10][16] */
#define LINEAR_GROUP (LINEAR_CLASSES * LINEAR_LANES)

typedef struct linear {
    int64_t n_features;  /* D */
    int64_t n_groups;    /* ceil(D / 16) */
    int64_t part_groups; /* groups of a part */
    int64_t n_parts;
    int n_classes;    /* K */
    int n_blocks;     /* ceil(K / 10) */
    size_t n_weights; /* n_blocks * n_groups * 160, floats */
    float *weight;    /* [n_blocks][n_groups][10][16] */
    float *bias;      /* [n_blocks][16]; -infinity where there is no class, so that softmax gives 0 there */
} linear;

/** Weights and biases 0. Errors: MEMORY (also when sizes overflow). linear_destroy() also of a zeroed struct. */
reshift_status linear_create(int64_t n_features, int n_classes, linear *l, reshift_error *error);
void linear_destroy(linear *l);
/** From and to PyTorch's layout: weight [K,D], bias [K]. */
void linear_set(linear *l, const float *weight, const float *bias);
void linear_get(const linear *l, float *weight, float *bias);
/** A block's weights from group `group` on. */
float *linear_weight(const linear *l, int block, int64_t group);
/** Groups of a part: [*first, *last). */
void linear_part_range(const linear *l, int64_t part, int64_t *first, int64_t *last);

/** Some groups of columns of some rows. */
typedef struct linear_rows {
    union {
        const float *const *rows;         /* [n] pointers to features [D] */
        const uint16_t *const *rows_bf16; /* the same in bfloat16: linear_bf16.round_row() made them */
    };
    int n;
    int64_t n_features;  /* D: the last group may have fewer than 16 columns */
    int64_t first, last; /* groups */
    int more;            /* rows behind the n that are asked for while these are gone through, */
    int64_t begin, end;  /* over these groups, which hold [first,last); end 0: over [first,last) */
    union {
        const float *const *coming; /* [n] other rows that are asked for while gradients of these are summed, or NULL */
        const uint16_t *const *coming_bf16;
    };
} linear_rows;

/**
 * out[b][c] = sum over the columns of [first,last) of rows[b][d] * weight[c][d], for one block; `weight` is
 * linear_weight() of `first`, out [n][16] with zeros behind the ten.
 */
void linear_forward(const linear_rows *r, const float *weight, float *out);

/** gradient[group][c][16] = sum over rows b of rows[b][d] * delta[b * stride + c]; gradient [last-first][10][16]. */
void linear_gradient(const linear_rows *r, const float *delta, int64_t stride, float *gradient);

/** The same gradient, which meets Adam in the registers: weight and both moments are those of group `first`. */
void linear_descend(const linear_rows *r, const float *delta, int64_t stride, const adam_step *step, float *weight,
                    float *m, float *v);

/** Values of a row in bfloat16: D, and zeros up to a whole pair of groups. */
int64_t linear_rounded(int64_t n_features);
/** Where the rounded weights of a block from group `group`, an even one, on begin; of block n_blocks: how many all are.
 */
int64_t linear_pair(const linear *l, int block, int64_t group);

/*
 * The same in bfloat16: products of features, weights and deltas rounded to the nearest (ties to even), summed in
 * float32; weights and moments stay float32. A product takes two columns (forward) or two rows (backward) at once.
 */
typedef struct linear_bf16 {
    /** A row [D] to [linear_rounded(D)]. */
    void (*round_row)(const float *row, int64_t n_features, uint16_t *out);
    /** All weights, [n_blocks][pairs of groups][10][32], zeros where a last group has no other: see linear_pair(). */
    void (*round_weights)(const linear *l, uint16_t *out);
    /** delta [n][stride] to [(n + 1) / 2][stride]: row 2i in the low half, 2i + 1 (0 behind the last) in the high one.
     */
    void (*round_deltas)(const float *delta, int n, int64_t stride, uint32_t *out);
    /** As linear_forward(), from an even group on; `weight` is linear_pair() of it. */
    void (*forward)(const linear_rows *r, const uint16_t *weight, float *out);
    /** As linear_descend(), from an even group on, by rounded deltas; leaves the new weights in `rounded` too. */
    void (*descend)(const linear_rows *r, const uint32_t *delta, int64_t stride, const adam_step *step, float *weight,
                    float *m, float *v, uint16_t *rounded);
} linear_bf16;

/** Static; NULL where the processor does not multiply bfloat16. */
const linear_bf16 *linear_bf16_here(void);

/**
 * Logits of n <= LINEAR_TILE rows, bias included: logits [n][K]. `scratch` [LINEAR_TILE * 16] floats.
 * On the calling thread.
 */
void linear_logits(const linear *l, const float *const *rows, int n, float *scratch, float *logits);

#endif
