/* The layer itself: its layout, logits of rows. The arithmetic is linear_kernels.c's. */
#include "kernels/linear.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Four parts at least, so that threads have something to share, of 512 columns at most: a part's weights stay in the
 * first level of cache, and folding the lanes at its end costs little beside it. */
static int64_t choose_part(int64_t n_groups)
{
    const int64_t most = 512 / LINEAR_LANES, step = 64 / LINEAR_LANES;
    int64_t quarter = ((n_groups + 3) / 4 + step - 1) / step * step;
    return quarter < most ? quarter : most;
}

reshift_status linear_create(int64_t n_features, int n_classes, linear *l, reshift_error *error)
{
    memset(l, 0, sizeof *l);
    l->n_features = n_features;
    l->n_classes = n_classes;
    l->n_blocks = (int)(((int64_t)n_classes + LINEAR_CLASSES - 1) / LINEAR_CLASSES);
    l->n_groups = n_features / LINEAR_LANES + (n_features % LINEAR_LANES != 0);
    l->part_groups = choose_part(l->n_groups);
    l->n_parts = (l->n_groups + l->part_groups - 1) / l->part_groups;
    size_t bytes = 0;
    if (!memory_product((size_t)l->n_blocks * LINEAR_GROUP, (size_t)l->n_groups, &l->n_weights) ||
        !memory_product(l->n_weights, sizeof(float), &bytes)) {
        return error_set(error, RESHIFT_ERROR_MEMORY,
                         "a linear layer of %d classes and %lld features does not fit any memory", n_classes,
                         (long long)n_features);
    }
    l->weight = memory_allocate(bytes);
    l->bias = memory_allocate((size_t)l->n_blocks * LINEAR_LANES * sizeof(float));
    if (!l->weight || !l->bias) {
        linear_destroy(l);
        return error_memory(error, bytes, "a linear layer");
    }
    for (int64_t k = 0; k < (int64_t)l->n_blocks * LINEAR_LANES; k++) {
        int64_t class = k / LINEAR_LANES * LINEAR_CLASSES + k % LINEAR_LANES;
        l->bias[k] = k % LINEAR_LANES < LINEAR_CLASSES && class < n_classes ? 0 : -INFINITY;
    }
    return RESHIFT_OK;
}

int64_t linear_rounded(int64_t n_features)
{
    const int64_t pair = 2 * LINEAR_LANES;
    return (n_features / pair + (n_features % pair != 0)) * pair;
}

int64_t linear_pair(const linear *l, int block, int64_t group)
{
    const int64_t pairs = linear_rounded(l->n_features) / (2 * LINEAR_LANES);
    return (block * pairs + group / 2) * 2 * LINEAR_GROUP;
}

void linear_destroy(linear *l)
{
    memory_free(l->weight);
    memory_free(l->bias);
    memset(l, 0, sizeof *l);
}

float *linear_weight(const linear *l, int block, int64_t group)
{
    return l->weight + ((int64_t)block * l->n_groups + group) * LINEAR_GROUP;
}

/* Where class k and feature d lie in `weight`. */
static int64_t place(const linear *l, int64_t k, int64_t d)
{
    return ((k / LINEAR_CLASSES * l->n_groups + d / LINEAR_LANES) * LINEAR_CLASSES + k % LINEAR_CLASSES) *
               LINEAR_LANES +
           d % LINEAR_LANES;
}

static int64_t place_of_bias(int64_t k) { return k / LINEAR_CLASSES * LINEAR_LANES + k % LINEAR_CLASSES; }

void linear_set(linear *l, const float *weight, const float *bias)
{
    for (int64_t k = 0; k < l->n_classes; k++) {
        for (int64_t d = 0; d < l->n_features; d++) {
            l->weight[place(l, k, d)] = weight[k * l->n_features + d];
        }
        l->bias[place_of_bias(k)] = bias[k];
    }
}

void linear_get(const linear *l, float *weight, float *bias)
{
    for (int64_t k = 0; k < l->n_classes; k++) {
        for (int64_t d = 0; d < l->n_features; d++) {
            weight[k * l->n_features + d] = l->weight[place(l, k, d)];
        }
        bias[k] = l->bias[place_of_bias(k)];
    }
}

void linear_part_range(const linear *l, int64_t part, int64_t *first, int64_t *last)
{
    *first = part * l->part_groups;
    *last = *first + l->part_groups < l->n_groups ? *first + l->part_groups : l->n_groups;
}

void linear_logits(const linear *l, const float *const *rows, int n, float *scratch, float *logits)
{
    linear_rows r = {.rows = rows, .n = n, .n_features = l->n_features};
    for (int block = 0; block < l->n_blocks; block++) {
        int first_class = block * LINEAR_CLASSES;
        int classes = l->n_classes - first_class < LINEAR_CLASSES ? l->n_classes - first_class : LINEAR_CLASSES;
        const float *bias = l->bias + block * LINEAR_LANES;
        for (int64_t part = 0; part < l->n_parts; part++) {
            linear_part_range(l, part, &r.first, &r.last);
            linear_forward(&r, linear_weight(l, block, r.first), scratch);
            for (int b = 0; b < n; b++) {
                float *to = logits + (int64_t)b * l->n_classes + first_class;
                for (int k = 0; k < classes; k++) {
                    to[k] = (part == 0 ? bias[k] : to[k]) + scratch[b * LINEAR_LANES + k];
                }
            }
        }
    }
}
