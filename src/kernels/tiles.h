/*
 * The products of a PCA pass on AMX, the matrix units of newer Intel processors: ten vectors at a time, like the
 * kernels of linear.h, but at the pace of memory. A float32 counts as the sum of two bfloat16 (16 bits of
 * mantissa), products of the two smaller halves are left out, sums are float32: a product is right to some 2^-16 of its
 * parts.
 */
#ifndef KERNELS_TILES_H
#define KERNELS_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TILES_ROWS = 64 }; /* of a batch */

/** True if AMX may be used (base/cpu.h), the system lets this process use it, and rows are a multiple of 32 long. */
bool tiles_suit(int64_t d);

/** uint16_t of `packed`, and bytes of a thread's scratch (zeroed, 64-byte aligned), for n_blocks blocks of ten vectors.
 */
size_t tiles_packed(int64_t d, int n_blocks);
size_t tiles_scratch(int64_t d, int n_blocks);

/** One block of ten vectors [10,d] (float32 in float64) into its place in `packed`. */
void tiles_pack(const double *block, int64_t d, uint16_t *packed);

/** The column that lane `lane` of group `group` of the sums of tiles_add() belongs to. */
int64_t tiles_column(int64_t group, int64_t lane);

/**
 * Adds up the products of rows first to last - 1, which are `stride` rows of x [.., d] apart: T = scale (X Q - centre),
 * sums [n_blocks][d / 16 groups][10][16] += X' T and total [n_blocks * 10] += the sum of T. X is not centred.
 * Once tiles_suit().
 */
void tiles_add(const float *x, int64_t d, int64_t first, int64_t last, int64_t stride, const uint16_t *packed,
               int n_blocks, const double *centre, double scale, void *scratch, double *sums, double *total);

#endif
