/*
 * Steps that are the plan's own: what works in place on a whole tensor, batch norm's running statistics, and the global
 * average of bfloat16 maps, whose result is float32. bfloat16 is the upper half of a float32; sums are made in float32
 * and rounded to the nearest, ties to even, as the processor's own instruction does.
 */
#include <string.h>

#include "base/vector.h"
#include "engine/plan_inside.h"

#define CHUNK 8192 /* values a thread takes at a time */

static inline float widen(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static inline uint16_t narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    return (uint16_t)((value != value ? bits | 0x400000 : rounded) >> 16); /* not-a-number stays one */
}

/* ---- float32, in place ---- */

RESHIFT_VECTOR static void relu_f32(float *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = a[i] < 0 ? 0 : a[i]; /* not-a-number stays */
    }
}

RESHIFT_VECTOR static void add_f32(float *restrict a, const float *restrict b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        a[i] += b[i];
    }
}

RESHIFT_VECTOR static void relu_backward_f32(float *restrict a, const float *restrict b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = b[i] > 0 ? a[i] : 0;
    }
}

/* ---- bfloat16, in place ---- */

/* Negative numbers have the sign bit; above minus infinity's bits lie the numbers that are none. */
RESHIFT_VECTOR static void relu_bf16(uint16_t *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = a[i] >= 0x8000 && a[i] <= 0xff80 ? 0 : a[i];
    }
}

RESHIFT_VECTOR static void add_bf16(uint16_t *restrict a, const uint16_t *restrict b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = narrow(widen(a[i]) + widen(b[i]));
    }
}

RESHIFT_VECTOR static void relu_backward_bf16(uint16_t *restrict a, const uint16_t *restrict b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = b[i] > 0 && b[i] <= 0x7f80 ? a[i] : 0;
    }
}

static void run_in_place(const plan_step *s, void *a, const void *b, int64_t count, bool half)
{
    size_t width = half ? sizeof(uint16_t) : sizeof(float);
    int64_t n_chunks = (count + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        int64_t first = chunk * CHUNK, n = count - first < CHUNK ? count - first : CHUNK;
        void *to = (char *)a + (size_t)first * width;
        const void *from = b ? (const char *)b + (size_t)first * width : NULL;
        switch (s->kind) {
        case STEP_RELU: half ? relu_bf16(to, n) : relu_f32(to, n); break;
        case STEP_ADD: half ? add_bf16(to, from, n) : add_f32(to, from, n); break;
        case STEP_RELU_BACKWARD: half ? relu_backward_bf16(to, from, n) : relu_backward_f32(to, from, n); break;
        default: memcpy(to, from, (size_t)n * width); break; /* STEP_COPY */
        }
    }
}

/* ---- the global average of bfloat16 maps ---- */

RESHIFT_VECTOR static void add_row(float *restrict sum, const uint16_t *restrict row, int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        sum[c] += widen(row[c]);
    }
}

/* mean[n,c] over the area of x[n,area,c], in order of the pixels. */
static void average(const uint16_t *x, int64_t n_images, int64_t area, int64_t channels, float *mean)
{
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < n_images; n++) {
        float *sum = mean + n * channels;
        memset(sum, 0, (size_t)channels * sizeof *sum);
        for (int64_t p = 0; p < area; p++) {
            add_row(sum, x + (n * area + p) * channels, channels);
        }
        for (int64_t c = 0; c < channels; c++) {
            sum[c] /= (float)area;
        }
    }
}

static void average_backward(uint16_t *x, int64_t n_images, int64_t area, int64_t channels, const float *gradient)
{
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < n_images; n++) {
        uint16_t *first = x + n * area * channels;
        for (int64_t c = 0; c < channels; c++) {
            first[c] = narrow(gradient[n * channels + c] / (float)area);
        }
        for (int64_t p = 1; p < area; p++) {
            memcpy(first + p * channels, first, (size_t)channels * sizeof *first);
        }
    }
}

/* ---- the rest ---- */

/* running = (1 - momentum) running + momentum batch's; the variance by n/(n-1), as PyTorch keeps it. */
static void move_statistics(plan *p, const plan_step *s)
{
    const graph_node *n = &p->net->graph->nodes[s->node];
    const float *mean = p->tensors[s->a].data, *variance = p->tensors[s->b].data;
    float *running_mean = network_parameter(p->net, n->parameter + 2);
    float *running_variance = network_parameter(p->net, n->parameter + 3);
    double count = (double)p->options.batch * p->nodes[s->node].h * p->nodes[s->node].w;
    float unbiased = (float)(count / (count - 1));
    for (int c = 0; c < n->channels_out; c++) {
        running_mean[c] = (1 - n->momentum) * running_mean[c] + n->momentum * mean[c];
        running_variance[c] = (1 - n->momentum) * running_variance[c] + n->momentum * unbiased * variance[c];
    }
    network_touch(p->net, n->parameter + 2);
    network_touch(p->net, n->parameter + 3);
    p->net->batches_tracked[s->node]++;
}

static void sum_columns(const plan_step *s, const float *a)
{
    for (int64_t j = 0; j < s->columns; j++) {
        double sum = 0;
        for (int64_t i = 0; i < s->rows; i++) {
            sum += a[i * s->columns + j];
        }
        s->target[j] = (float)sum;
    }
}

void plan_run_own(plan *p, const plan_step *s)
{
    plan_tensor *a = s->a >= 0 ? &p->tensors[s->a] : NULL, *b = s->b >= 0 ? &p->tensors[s->b] : NULL;
    const graph_node *node = &p->net->graph->nodes[s->node];
    switch (s->kind) {
    case STEP_RELU:
    case STEP_ADD:
    case STEP_COPY:
    case STEP_RELU_BACKWARD: {
        bool half = a->md.data_type == dnnl_bf16;
        size_t width = half ? sizeof(uint16_t) : sizeof(float);
        run_in_place(s, a->data, b ? b->data : NULL, (int64_t)(dnnl_memory_desc_get_size(&a->md) / width), half);
        break;
    }
    case STEP_AVERAGE: average(b->data, p->options.batch, s->rows, node->channels_out, a->data); break;
    case STEP_AVERAGE_BACKWARD:
        average_backward(a->data, p->options.batch, s->rows, node->channels_out, b->data);
        break;
    case STEP_STATISTICS: move_statistics(p, s); break;
    case STEP_COLUMN_SUM: sum_columns(s, a->data); break;
    case STEP_PRIMITIVE: break;
    }
}
