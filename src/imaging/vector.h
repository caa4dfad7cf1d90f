/*
 * RESHIFT_VECTOR under the name that files in this room include, and named vector types for sums that must stay in
 * registers: compilers keep an array of 32 doubles in memory. All operations are elementwise, so every instruction set
 * gives the same bits.
 */
#ifndef IMAGING_VECTOR_H
#define IMAGING_VECTOR_H

#include "kernels/vector.h"

enum { DOUBLE_LANES = 8 };

/* Eight doubles at any address aligned for double. */
typedef double double_lanes __attribute__((vector_size(64), aligned(8), may_alias));

#endif
