/* RESHIFT_VECTOR, under the name that this room's files include, and vectors by name where sums are to stay in
 * registers: compilers keep an array of 32 doubles in memory. Only element by element: any instruction set gives the
 * same bits. */
#ifndef IMAGING_VECTOR_H
#define IMAGING_VECTOR_H

#include "kernels/vector.h"

enum { DOUBLE_LANES = 8 };

/* Eight doubles anywhere in memory. */
typedef double double_lanes __attribute__((vector_size(64), aligned(8), may_alias));

#endif
