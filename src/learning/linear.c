/* The kernels are written once over vectors of 16 floats and compiled for three instruction sets, picked at run time.
 */
#include "learning/linear.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* 16 floats: one register of AVX-512, two of AVX2, four of the base set. */
typedef float lanes __attribute__((vector_size(64), aligned(64), may_alias));

reshift_status linear_create(int64_t n_features, int n_classes, linear *l, reshift_error *error)
{
    memset(l, 0, sizeof *l);
    l->n_features = n_features;
    l->n_classes = n_classes;
    l->n_blocks = (int)(((int64_t)n_classes + LINEAR_LANES - 1) / LINEAR_LANES);
    l->n_chunks = (n_features + LINEAR_CHUNK - 1) / LINEAR_CHUNK;
    size_t padded = (size_t)l->n_blocks * LINEAR_LANES, bytes = 0;
    if (!memory_product(padded, (size_t)n_features, &l->n_weights) ||
        !memory_product(l->n_weights, sizeof(float), &bytes)) {
        return error_set(error, RESHIFT_ERROR_MEMORY,
                         "a linear layer of %d classes and %lld features does not fit any memory", n_classes,
                         (long long)n_features);
    }
    l->weight = memory_allocate(bytes);
    l->bias = memory_allocate(padded * sizeof(float));
    if (!l->weight || !l->bias) {
        linear_destroy(l);
        return error_memory(error, bytes, "a linear layer");
    }
    return RESHIFT_OK;
}

void linear_destroy(linear *l)
{
    memory_free(l->weight);
    memory_free(l->bias);
    memset(l, 0, sizeof *l);
}

/* Where class k and feature d lie in `weight`. */
static size_t place(const linear *l, int64_t k, int64_t d)
{
    return (size_t)((k / LINEAR_LANES * l->n_features + d) * LINEAR_LANES + k % LINEAR_LANES);
}

void linear_set(linear *l, const float *weight, const float *bias)
{
    for (int64_t k = 0; k < l->n_classes; k++) {
        for (int64_t d = 0; d < l->n_features; d++) {
            l->weight[place(l, k, d)] = weight[k * l->n_features + d];
        }
        l->bias[k] = bias[k];
    }
}

void linear_get(const linear *l, float *weight, float *bias)
{
    for (int64_t k = 0; k < l->n_classes; k++) {
        for (int64_t d = 0; d < l->n_features; d++) {
            weight[k * l->n_features + d] = l->weight[place(l, k, d)];
        }
        bias[k] = l->bias[k];
    }
}

void linear_chunk_range(const linear *l, int64_t chunk, int64_t *first, int64_t *last)
{
    *first = chunk * LINEAR_CHUNK;
    *last = *first + LINEAR_CHUNK < l->n_features ? *first + LINEAR_CHUNK : l->n_features;
}

/* ---- forward: `tile` rows at a time, their sums in registers ---- */

#define MAX_TILE 8

static inline __attribute__((always_inline)) void forward_tile(const float *const *rows, int64_t first, int64_t last,
                                                               const float *weight, float *out, const int tile)
{
    lanes sums[MAX_TILE] = {0};
    for (int64_t d = first; d < last; d++) {
        lanes w = *(const lanes *)(weight + d * LINEAR_LANES);
#pragma GCC unroll 8
        for (int b = 0; b < tile; b++) {
            sums[b] += w * rows[b][d];
        }
    }
#pragma GCC unroll 8
    for (int b = 0; b < tile; b++) {
        *(lanes *)(out + b * LINEAR_LANES) = sums[b];
    }
}

static inline __attribute__((always_inline)) void forward_body(const float *const *rows, int n, int64_t first,
                                                               int64_t last, const float *weight, float *out,
                                                               const int tile)
{
    int b = 0;
    for (; b + tile <= n; b += tile) {
        forward_tile(rows + b, first, last, weight, out + (int64_t)b * LINEAR_LANES, tile);
    }
    for (; b < n; b++) {
        forward_tile(rows + b, first, last, weight, out + (int64_t)b * LINEAR_LANES, 1);
    }
}

/* ---- gradient: `tile` columns at a time, their sums over the rows in registers ---- */

#define MAX_COLUMNS 16

static inline __attribute__((always_inline)) void gradient_tile(const float *const *rows, int n, int64_t d,
                                                                const float *delta, float *gradient, const int tile)
{
    lanes sums[MAX_COLUMNS] = {0};
    for (int b = 0; b < n; b++) {
        lanes error = *(const lanes *)(delta + (int64_t)b * LINEAR_LANES);
        const float *x = rows[b] + d;
#pragma GCC unroll 16
        for (int j = 0; j < tile; j++) {
            sums[j] += error * x[j];
        }
    }
#pragma GCC unroll 16
    for (int j = 0; j < tile; j++) {
        *(lanes *)(gradient + j * LINEAR_LANES) = sums[j];
    }
}

static inline __attribute__((always_inline)) void gradient_body(const float *const *rows, int n,
                                                                const float *const *next, int n_next, int64_t first,
                                                                int64_t last, const float *delta, float *gradient,
                                                                const int tile)
{
    const int64_t line = 64 / sizeof(float);
    int64_t d = first;
    for (; d + tile <= last; d += tile) {
        if ((d - first) % line == 0) {
            for (int b = 0; b < n_next; b++) {
                __builtin_prefetch(next[b] + d);
            }
        }
        gradient_tile(rows, n, d, delta, gradient + (d - first) * LINEAR_LANES, tile);
    }
    for (; d < last; d++) {
        gradient_tile(rows, n, d, delta, gradient + (d - first) * LINEAR_LANES, 1);
    }
}

/* Tiles as large as the registers of each set allow. */
#define KERNELS(SUFFIX, TARGET, ROWS, COLUMNS)                                                                         \
    TARGET static void forward_##SUFFIX(const float *const *rows, int n, int64_t first, int64_t last,                  \
                                        const float *weight, float *out)                                               \
    {                                                                                                                  \
        forward_body(rows, n, first, last, weight, out, ROWS);                                                         \
    }                                                                                                                  \
    TARGET static void gradient_##SUFFIX(const float *const *rows, int n, const float *const *next, int n_next,        \
                                         int64_t first, int64_t last, const float *delta, float *gradient)             \
    {                                                                                                                  \
        gradient_body(rows, n, next, n_next, first, last, delta, gradient, COLUMNS);                                   \
    }

KERNELS(base, , 2, 2)
#ifdef __x86_64__
KERNELS(avx2, __attribute__((target("avx2"))), 4, 4)
KERNELS(avx512, __attribute__((target("avx512f"))), 8, 16)
#endif

void linear_forward(const float *const *rows, int n, int64_t first, int64_t last, const float *weight, float *out)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        forward_avx512(rows, n, first, last, weight, out);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        forward_avx2(rows, n, first, last, weight, out);
        return;
    }
#endif
    forward_base(rows, n, first, last, weight, out);
}

void linear_gradient(const float *const *rows, int n, const float *const *next, int n_next, int64_t first, int64_t last,
                     const float *delta, float *gradient)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        gradient_avx512(rows, n, next, n_next, first, last, delta, gradient);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        gradient_avx2(rows, n, next, n_next, first, last, delta, gradient);
        return;
    }
#endif
    gradient_base(rows, n, next, n_next, first, last, delta, gradient);
}

void linear_logits(const linear *l, const float *const *rows, int n, float *scratch, float *logits)
{
    for (int block = 0; block < l->n_blocks; block++) {
        const float *weight = l->weight + (size_t)block * (size_t)l->n_features * LINEAR_LANES;
        int first_class = block * LINEAR_LANES;
        int classes = l->n_classes - first_class < LINEAR_LANES ? l->n_classes - first_class : LINEAR_LANES;
        for (int64_t chunk = 0; chunk < l->n_chunks; chunk++) {
            int64_t first, last;
            linear_chunk_range(l, chunk, &first, &last);
            linear_forward(rows, n, first, last, weight, scratch);
            for (int b = 0; b < n; b++) {
                float *to = logits + (int64_t)b * l->n_classes + first_class;
                for (int k = 0; k < classes; k++) {
                    to[k] = (chunk == 0 ? l->bias[first_class + k] : to[k]) + scratch[b * LINEAR_LANES + k];
                }
            }
        }
    }
}

float linear_cross_entropy(const float *logits, int n_classes, int label, float scale, float *delta, int *correct)
{
    int best = 0;
    for (int k = 1; k < n_classes; k++) {
        if (logits[k] > logits[best]) {
            best = k;
        }
    }
    float largest = logits[best], sum = 0;
    for (int k = 0; k < n_classes; k++) {
        float e = expf(logits[k] - largest);
        sum += e;
        if (delta) {
            delta[k] = e;
        }
    }
    if (delta) {
        for (int k = 0; k < n_classes; k++) {
            delta[k] = (delta[k] / sum - (k == label ? 1.0f : 0.0f)) * scale;
        }
    }
    *correct = best == label;
    return logf(sum) - (logits[label] - largest);
}
