/*
 * The products of a PCA pass on AMX, the matrix units of newer Intel processors: ten vectors at a time, like the
 * kernels of kernels/linear.h, but at the pace of memory. A float32 counts as the sum of two bfloat16 (16 bits of
 * mantissa), products of the two smaller halves are left out, sums are float32: a product is right to some 2^-16 of its
 * parts.
 */
#ifndef ANALYSIS_PCA_TILES_H
#define ANALYSIS_PCA_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/pca_inside.h"

enum { PCA_TILE_ROWS = 64 }; /* of a batch */

/** True if AMX may be used (base/cpu.h), the system lets this process use it, and rows are a multiple of 32 long. */
bool pca_tiles_suit(int64_t d);

/** uint16_t of `packed`, and bytes of a thread's scratch (zeroed, 64-byte aligned), for n_blocks blocks of ten vectors.
 */
size_t pca_tiles_packed(int64_t d, int n_blocks);
size_t pca_tiles_scratch(int64_t d, int n_blocks);

/** One block of ten vectors [10,d] (float32 in float64) into its place in `packed`. */
void pca_tiles_pack(const double *block, int64_t d, uint16_t *packed);

/** The column that lane `lane` of group `group` of the sums of pca_tiles_add() belongs to. */
int64_t pca_tiles_column(int64_t group, int64_t lane);

/**
 * Adds what the rows first, first + 1, ... last - 1 give, each of them `stride` rows of `rows` apart: T = scale (X Q -
 * centre), sums [n_blocks][d / 16 groups][10][16] += X' T and total [n_blocks * 10] += the sum of T. X is not centred.
 * Once pca_tiles_suit().
 */
void pca_tiles_add(const centred_rows *rows, int64_t first, int64_t last, int64_t stride, const uint16_t *packed,
                   int n_blocks, const double *centre, double scale, void *scratch, double *sums, double *total);

#endif
