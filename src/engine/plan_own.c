/*
 * Steps that are the plan's own: what works in place on a whole tensor, batch norm's running statistics, rounding to 8
 * bits and back, and the global average of bfloat16 and 8-bit maps, whose result is float32. bfloat16 is the upper half
 * of a float32; sums are made in float32 and rounded to the nearest, ties to even, as the processor's own instruction
 * does.
 */
#include <math.h>
#include <string.h>

#include "base/vector.h"
#include "engine/plan_inside.h"

#define CHUNK 8192 /* values a thread takes at a time */
#define CHANNELS_AT_ONCE 512

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

static RESHIFT_VECTOR(void, relu_f32, (float *a, int64_t n), (a, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = a[i] < 0 ? 0 : a[i]; /* not-a-number stays */
    }
}

static RESHIFT_VECTOR(void, add_f32, (float *restrict a, const float *restrict b, int64_t n), (a, b, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] += b[i];
    }
}

static RESHIFT_VECTOR(void, relu_backward_f32, (float *restrict a, const float *restrict b, int64_t n), (a, b, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = b[i] > 0 ? a[i] : 0;
    }
}

/* ---- bfloat16, in place ---- */

/* Negative numbers have the sign bit; above minus infinity's bits lie the numbers that are none. */
static RESHIFT_VECTOR(void, relu_bf16, (uint16_t *a, int64_t n), (a, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = a[i] >= 0x8000 && a[i] <= 0xff80 ? 0 : a[i];
    }
}

static RESHIFT_VECTOR(void, add_bf16, (uint16_t *restrict a, const uint16_t *restrict b, int64_t n), (a, b, n))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = narrow(widen(a[i]) + widen(b[i]));
    }
}

static RESHIFT_VECTOR(void, relu_backward_bf16, (uint16_t *restrict a, const uint16_t *restrict b, int64_t n),
                      (a, b, n))
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

/* ---- 8 bits ---- */

/* A row of channels; 1/unit is taken once for all rows. */
static RESHIFT_VECTOR(void, quantise_f32, (uint8_t *restrict a, const float *restrict b, int64_t n,
                                           const float *restrict per_unit, float least, float most),
                      (a, b, n, per_unit, least, most))
{
    for (int64_t i = 0; i < n; i++) {
        float value = rintf(b[i] * per_unit[i]);
        value = value > least ? value : least; /* not-a-number too */
        a[i] = (uint8_t)(int)(value < most ? value : most);
    }
}

static RESHIFT_VECTOR(void, quantise_bf16, (uint8_t *restrict a, const uint16_t *restrict b, int64_t n,
                                            const float *restrict per_unit, float least, float most),
                      (a, b, n, per_unit, least, most))
{
    for (int64_t i = 0; i < n; i++) {
        float value = rintf(widen(b[i]) * per_unit[i]);
        value = value > least ? value : least; /* not-a-number too */
        a[i] = (uint8_t)(int)(value < most ? value : most);
    }
}

static RESHIFT_VECTOR(void, dequantise_u8, (float *restrict a, const uint8_t *restrict b, int64_t n,
                                            const float *restrict unit), (a, b, n, unit))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = (float)b[i] * unit[i];
    }
}

static RESHIFT_VECTOR(void, dequantise_s8, (float *restrict a, const int8_t *restrict b, int64_t n,
                                            const float *restrict unit), (a, b, n, unit))
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = (float)b[i] * unit[i];
    }
}

/* Behind a ReLU, or a shortcut's batch norm. */
static RESHIFT_VECTOR(void, dequantise_half, (uint16_t *restrict a, const void *b, int64_t n,
                                              const float *restrict unit, bool positive), (a, b, n, unit, positive))
{
    const uint8_t *restrict u = b;
    const int8_t *restrict s = b;
    for (int64_t i = 0; i < n; i++) {
        a[i] = narrow((float)(positive ? u[i] : s[i]) * unit[i]);
    }
}

/* Rows `first` to `end` of [rows, channels], some channels at a time. */
static void run_rows(const plan_step *s, const plan_tensor *to, const plan_tensor *from, int64_t channels,
                     int64_t first, int64_t end)
{
    bool positive = (s->kind == STEP_QUANTISE ? to : from)->md.data_type == dnnl_u8;
    float per_unit[CHANNELS_AT_ONCE], least = positive ? 0 : -127, most = positive ? 255 : 127;
    for (int64_t c = 0; c < channels; c += CHANNELS_AT_ONCE) {
        int64_t n = channels - c < CHANNELS_AT_ONCE ? channels - c : CHANNELS_AT_ONCE;
        for (int64_t i = 0; i < n; i++) {
            per_unit[i] = 1 / s->unit[c + i];
        }
        for (int64_t row = first; row < end; row++) {
            int64_t at = row * channels + c;
            if (s->kind == STEP_DEQUANTISE && to->md.data_type == dnnl_bf16) {
                dequantise_half((uint16_t *)to->data + at, (const uint8_t *)from->data + at, n, s->unit + c, positive);
            } else if (s->kind == STEP_DEQUANTISE && positive) {
                dequantise_u8((float *)to->data + at, (const uint8_t *)from->data + at, n, s->unit + c);
            } else if (s->kind == STEP_DEQUANTISE) {
                dequantise_s8((float *)to->data + at, (const int8_t *)from->data + at, n, s->unit + c);
            } else if (from->md.data_type == dnnl_bf16) {
                quantise_bf16((uint8_t *)to->data + at, (const uint16_t *)from->data + at, n, per_unit, least, most);
            } else {
                quantise_f32((uint8_t *)to->data + at, (const float *)from->data + at, n, per_unit, least, most);
            }
        }
    }
}

static void run_bytes(const plan_step *s, const plan_tensor *to, const plan_tensor *from, int64_t channels)
{
    const plan_tensor *bytes = s->kind == STEP_QUANTISE ? to : from;
    int64_t rows = (int64_t)dnnl_memory_desc_get_size(&bytes->md) / channels;
    int64_t rows_at_once = CHUNK / channels > 0 ? CHUNK / channels : 1;
    int64_t n_chunks = (rows + rows_at_once - 1) / rows_at_once;
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        int64_t first = chunk * rows_at_once, end = first + rows_at_once;
        run_rows(s, to, from, channels, first, end < rows ? end : rows);
    }
}

/* ---- the global average of maps of 16 or 8 bits ---- */

static RESHIFT_VECTOR(void, add_row, (float *restrict sum, const uint16_t *restrict row, int64_t n), (sum, row, n))
{
    for (int64_t c = 0; c < n; c++) {
        sum[c] += widen(row[c]);
    }
}

static RESHIFT_VECTOR(void, add_row_u8, (int32_t *restrict sum, const uint8_t *restrict row, int64_t n), (sum, row, n))
{
    for (int64_t c = 0; c < n; c++) {
        sum[c] += row[c];
    }
}

static RESHIFT_VECTOR(void, add_row_s8, (int32_t *restrict sum, const int8_t *restrict row, int64_t n), (sum, row, n))
{
    for (int64_t c = 0; c < n; c++) {
        sum[c] += row[c];
    }
}

/* The same of 8 bits: sums are whole numbers and exact. */
static void average_bytes(const void *x, int64_t n_images, int64_t area, int64_t channels, bool positive,
                          const float *unit, float *mean)
{
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < n_images; n++) {
        float *result = mean + n * channels;
        int32_t sum[CHANNELS_AT_ONCE];
        for (int64_t first = 0; first < channels; first += CHANNELS_AT_ONCE) {
            int64_t count = channels - first < CHANNELS_AT_ONCE ? channels - first : CHANNELS_AT_ONCE;
            memset(sum, 0, sizeof sum);
            for (int64_t p = 0; p < area; p++) {
                int64_t at = (n * area + p) * channels + first;
                positive ? add_row_u8(sum, (const uint8_t *)x + at, count)
                         : add_row_s8(sum, (const int8_t *)x + at, count);
            }
            for (int64_t c = 0; c < count; c++) {
                result[first + c] = (float)sum[c] * unit[first + c] / (float)area;
            }
        }
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
    float momentum = p->momentum < 0 ? n->momentum : p->momentum;
    if (momentum == 0) {
        return;
    }
    for (int c = 0; c < n->channels_out; c++) {
        running_mean[c] = (1 - momentum) * running_mean[c] + momentum * mean[c];
        running_variance[c] = (1 - momentum) * running_variance[c] + momentum * unbiased * variance[c];
    }
    network_touch(p->net, n->parameter + 2);
    network_touch(p->net, n->parameter + 3);
    p->net->batches_tracked[s->node]++;
}

/* Where channel c of a blocked or plain layout begins, and how far apart images and pixels lie, in elements. */
static int64_t channel_offset(const dnnl_memory_desc_t *md, int c)
{
    const dnnl_blocking_desc_t *layout = &md->format_desc.blocking;
    int64_t block = layout->inner_nblks > 0 ? layout->inner_blks[0] : 1;
    return c / block * layout->strides[1] + c % block;
}

/*
 * Mean and (biased) variance of every channel of the step's argument, in two passes and float64, then mixed with the
 * running ones. A thread takes 16 channels, which lie side by side; the sums run over images and pixels in order.
 */
static void mix_statistics(const plan *p, const plan_step *s)
{
    enum { LANES = 16 };
    const graph_node *n = &p->net->graph->nodes[s->node];
    const plan_tensor *from = &p->tensors[s->tensor[0]];
    const float *wide = from->data;
    const uint16_t *half = from->md.data_type == dnnl_bf16 ? from->data : NULL;
    const dnnl_dim_t *strides = from->md.format_desc.blocking.strides;
    const float *running_mean = network_parameter(p->net, n->parameter + 2);
    const float *running_variance = network_parameter(p->net, n->parameter + 3);
    float *mean = p->tensors[s->a].data, *variance = p->tensors[s->b].data;
    double share = (double)p->options.source_share;
    int channels = n->channels_out, images = p->options.batch;
    int64_t pixels = (int64_t)p->nodes[s->node].h * p->nodes[s->node].w;
    double rows = (double)images * (double)pixels;
#pragma omp parallel for schedule(static)
    for (int first = 0; first < channels; first += LANES) {
        double sum[LANES] = {0}, squares[LANES] = {0};
        int64_t offset[LANES];
        int lanes = channels - first < LANES ? channels - first : LANES;
        for (int c = 0; c < lanes; c++) {
            offset[c] = channel_offset(&from->md, first + c);
        }
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t i = 0; i < images * pixels; i++) {
                int64_t at = i / pixels * strides[0] + i % pixels * strides[3];
                for (int c = 0; c < lanes; c++) {
                    double value = (double)(half ? widen(half[at + offset[c]]) : wide[at + offset[c]]);
                    double difference = value - sum[c] / rows; /* of the second pass: `sum` is complete */
                    sum[c] += pass == 0 ? value : 0;
                    squares[c] += pass == 1 ? difference * difference : 0;
                }
            }
        }
        for (int c = 0; c < lanes; c++) {
            int k = first + c;
            mean[k] = (float)(share * (double)running_mean[k] + (1 - share) * sum[c] / rows);
            variance[k] = (float)(share * (double)running_variance[k] + (1 - share) * squares[c] / rows);
        }
    }
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
    case STEP_AVERAGE:
        if (b->md.data_type == dnnl_bf16) {
            average(b->data, p->options.batch, s->rows, node->channels_out, a->data);
        } else {
            average_bytes(b->data, p->options.batch, s->rows, node->channels_out, b->md.data_type == dnnl_u8, s->unit,
                          a->data);
        }
        break;
    case STEP_QUANTISE:
    case STEP_DEQUANTISE: run_bytes(s, a, b, node->channels_out); break;
    case STEP_AVERAGE_BACKWARD:
        average_backward(a->data, p->options.batch, s->rows, node->channels_out, b->data);
        break;
    case STEP_GATHER: plan_run_gather(p, s); break;
    case STEP_STATISTICS: move_statistics(p, s); break;
    case STEP_MIX: mix_statistics(p, s); break;
    case STEP_COLUMN_SUM: sum_columns(s, a->data); break;
    case STEP_PRIMITIVE: break;
    }
}
