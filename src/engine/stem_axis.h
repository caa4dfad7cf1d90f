/*
 * One axis of the collapsed first convolution (stem.h): which source samples an output reads, and with which weights.
 * Output o reads k rows of the enlarged image, each a weighted sum of one or two source rows, so together `taps`
 * neighbouring source rows with k x taps weights. These weights repeat with the phase of the enlargement (7 phases from
 * 32 to 224) except near the borders; outputs with the same weights form a class.
 */
#ifndef ENGINE_STEM_AXIS_H
#define ENGINE_STEM_AXIS_H

#include "network/graph.h"
#include "reshift/status.h"

#define STEM_MAX_KERNEL 16

typedef struct stem_axis {
    int in, n, taps, n_classes;
    int *start, *class; /* [n] first source sample, class */
    double *weights;    /* [n_classes, kernel, taps] */
    bool *inside;       /* [n_classes, kernel] not in the padding */
    int *members;       /* [n] outputs, class by class */
    int *first_member;  /* [n_classes + 1] */
} stem_axis;

/**
 * `conv` over `in` samples enlarged to `size`. *fits says whether all of the axis can be described so; the axis is
 * destroyed by the caller either way. Errors: MEMORY.
 */
reshift_status stem_axis_create(stem_axis *a, const graph_node *conv, int in, int size, bool *fits,
                                reshift_error *error);
void stem_axis_destroy(stem_axis *a);

#endif
