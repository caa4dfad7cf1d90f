/*
 * The steps that are not oneDNN primitives: ReLU, addition, copies, rounding to 8 bits and back, global averages of
 * bfloat16 and 8-bit maps, the running statistics of batch norm. The loops themselves are in src/kernels; this file
 * knows the plan's tensors and shares the work out to threads.
 */
#include <string.h>

#include "engine/onednn/inside.h"
#include "kernels/average.h"
#include "kernels/bf16.h"
#include "kernels/elementwise.h"
#include "kernels/quantise.h"

#define CHUNK 8192 /* values a thread takes at a time */
#define CHANNELS_AT_ONCE 512

static void run_in_place(const onednn_step *s, void *a, const void *b, int64_t count, bool bf16)
{
    size_t width = bf16 ? sizeof(uint16_t) : sizeof(float);
    int64_t n_chunks = (count + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        int64_t first = chunk * CHUNK, n = count - first < CHUNK ? count - first : CHUNK;
        void *to = (char *)a + (size_t)first * width;
        const void *from = b ? (const char *)b + (size_t)first * width : NULL;
        switch (s->kind) {
        case STEP_RELU: bf16 ? relu_bf16(to, n) : relu_f32(to, n); break;
        case STEP_ADD: bf16 ? add_bf16(to, from, n) : add_f32(to, from, n); break;
        case STEP_RELU_BACKWARD: bf16 ? relu_backward_bf16(to, from, n) : relu_backward_f32(to, from, n); break;
        default: memcpy(to, from, (size_t)n * width); break; /* STEP_COPY */
        }
    }
}

/* ---- 8 bits ---- */

/* Rows `first` to `end` of [rows, channels], some channels at a time. */
static void run_rows(const onednn_step *s, const onednn_tensor *to, const onednn_tensor *from, int64_t channels,
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
                positive
                    ? dequantise_u8_bf16((uint16_t *)to->data + at, (const uint8_t *)from->data + at, n, s->unit + c)
                    : dequantise_s8_bf16((uint16_t *)to->data + at, (const int8_t *)from->data + at, n, s->unit + c);
            } else if (s->kind == STEP_DEQUANTISE && positive) {
                dequantise_u8_f32((float *)to->data + at, (const uint8_t *)from->data + at, n, s->unit + c);
            } else if (s->kind == STEP_DEQUANTISE) {
                dequantise_s8_f32((float *)to->data + at, (const int8_t *)from->data + at, n, s->unit + c);
            } else if (from->md.data_type == dnnl_bf16) {
                quantise_bf16((uint8_t *)to->data + at, (const uint16_t *)from->data + at, n, per_unit, least, most);
            } else {
                quantise_f32((uint8_t *)to->data + at, (const float *)from->data + at, n, per_unit, least, most);
            }
        }
    }
}

static void run_bytes(const onednn_step *s, const onednn_tensor *to, const onednn_tensor *from, int64_t channels)
{
    const onednn_tensor *bytes = s->kind == STEP_QUANTISE ? to : from;
    int64_t rows = (int64_t)dnnl_memory_desc_get_size(&bytes->md) / channels;
    int64_t rows_at_once = CHUNK / channels > 0 ? CHUNK / channels : 1;
    int64_t n_chunks = (rows + rows_at_once - 1) / rows_at_once;
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        int64_t first = chunk * rows_at_once, end = first + rows_at_once;
        run_rows(s, to, from, channels, first, end < rows ? end : rows);
    }
}

/* ---- the rest ---- */

/* running = (1 - momentum) running + momentum batch's; the variance by n/(n-1), as PyTorch keeps it. */
static void move_statistics(plan *p, const onednn_step *s)
{
    const graph_node *n = &p->net->graph->nodes[s->node];
    const float *mean = state_of(p)->tensors[s->a].data, *variance = state_of(p)->tensors[s->b].data;
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
static void mix_statistics(const plan *p, const onednn_step *s)
{
    enum { LANES = 16 };
    const graph_node *n = &p->net->graph->nodes[s->node];
    const onednn_tensor *from = &state_of(p)->tensors[s->tensor[0]];
    const float *wide = from->data;
    const uint16_t *bf16 = from->md.data_type == dnnl_bf16 ? from->data : NULL;
    const dnnl_dim_t *strides = from->md.format_desc.blocking.strides;
    const float *running_mean = network_parameter(p->net, n->parameter + 2);
    const float *running_variance = network_parameter(p->net, n->parameter + 3);
    float *mean = state_of(p)->tensors[s->a].data, *variance = state_of(p)->tensors[s->b].data;
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
                    double value = (double)(bf16 ? bf16_widen(bf16[at + offset[c]]) : wide[at + offset[c]]);
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

static void sum_columns(const onednn_step *s, const float *a)
{
    for (int64_t j = 0; j < s->columns; j++) {
        double sum = 0;
        for (int64_t i = 0; i < s->rows; i++) {
            sum += a[i * s->columns + j];
        }
        s->target[j] = (float)sum;
    }
}

void onednn_run_own(plan *p, const onednn_step *s)
{
    onednn_tensor *a = s->a >= 0 ? &state_of(p)->tensors[s->a] : NULL,
                  *b = s->b >= 0 ? &state_of(p)->tensors[s->b] : NULL;
    const graph_node *node = &p->net->graph->nodes[s->node];
    switch (s->kind) {
    case STEP_RELU:
    case STEP_ADD:
    case STEP_COPY:
    case STEP_RELU_BACKWARD: {
        bool bf16 = a->md.data_type == dnnl_bf16;
        size_t width = bf16 ? sizeof(uint16_t) : sizeof(float);
        run_in_place(s, a->data, b ? b->data : NULL, (int64_t)(dnnl_memory_desc_get_size(&a->md) / width), bf16);
        break;
    }
    case STEP_AVERAGE:
        if (b->md.data_type == dnnl_bf16) {
            average_bf16(b->data, p->options.batch, s->rows, node->channels_out, a->data);
        } else if (b->md.data_type == dnnl_u8) {
            average_u8(b->data, p->options.batch, s->rows, node->channels_out, s->unit, a->data);
        } else {
            average_s8(b->data, p->options.batch, s->rows, node->channels_out, s->unit, a->data);
        }
        break;
    case STEP_QUANTISE:
    case STEP_DEQUANTISE: run_bytes(s, a, b, node->channels_out); break;
    case STEP_AVERAGE_BACKWARD:
        average_backward_bf16(a->data, p->options.batch, s->rows, node->channels_out, b->data);
        break;
    case STEP_GATHER: onednn_run_gather(p, s); break;
    case STEP_STATISTICS: move_statistics(p, s); break;
    case STEP_MIX: mix_statistics(p, s); break;
    case STEP_COLUMN_SUM: sum_columns(s, a->data); break;
    case STEP_PRIMITIVE: break;
    }
}
