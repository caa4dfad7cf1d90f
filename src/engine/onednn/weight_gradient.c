/*
 * The gradient of a convolution's weights in bfloat16, as matrix products: dW [O, K*K*I] = dY^T [O, pixels] X [pixels,
 * K*K*I], where row p of X holds what the kernel saw at output pixel p. For 1x1 kernels without stride that is the
 * input as it lies; otherwise it is gathered, some hundred pixels at a time, and the products are summed up.
 *
 * oneDNN 2.6.3 has kernels of its own for this, which spend most of their time on changes of layout. ResNet-50's layer4
 * at 224, batch 64, one busy AMX core, library / products: 1024->2048 stride 2 208 / 28 ms, 512->2048 54 / 12,
 * 2048->512 74 / 12, 3x3 512->512 58 / 25, with stride 2 146 / 25. All of ResNet-50 trained at batch 32: 0.102 / 0.084
 * seconds of one core an image. Only 3x3 kernels without stride on few channels are the library's: 64->64 14.2 / 15.7
 * at batch 32.
 */
#include <string.h>

#include "engine/onednn/inside.h"

#define CHUNK_PIXELS 784 /* with more the library's product of a transposed matrix slows down */
#define CHUNKS_MOST 16

static const graph_node *node_of(const plan *p, int node) { return &p->net->graph->nodes[node]; }

bool onednn_has_weight_products(const plan *p, int node)
{
    const graph_node *n = node_of(p, node);
    if (!graph_is_square(&n->window) ||
        (n->window.kernel[0] > 1 && n->window.stride[0] == 1 && n->channels_in <= 128)) {
        return false; /* gathering would eat what the products save */
    }
    return state_of(p)->tensors[p->nodes[node].result].md.data_type == dnnl_bf16 &&
           state_of(p)->tensors[p->nodes[n->inputs[0]].result].md.data_type == dnnl_bf16 && n->channels_in % 32 == 0 &&
           n->channels_out % 32 == 0;
}

static reshift_status matrix_of(dnnl_memory_desc_t *md, dnnl_data_type_t type, int64_t rows, int64_t columns,
                                int64_t row_stride, int64_t column_stride, reshift_error *error)
{
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    ONEDNN(dnnl_memory_desc_init_by_strides(md, 2, dims, type, strides), "laying out a matrix");
    return RESHIFT_OK;
}

/* gradient [O,N] (+)= dY^T X over `n` pixels from `first` on; X in `seen`, its first row `seen_first`. */
static reshift_status add_product(plan *p, int node, int seen, int64_t seen_first, int64_t first, int64_t n,
                                  int64_t columns, int target, dnnl_memory_t fixed_target, reshift_error *error)
{
    const int64_t o = node_of(p, node)->channels_out;
    const char *name = node_of(p, node)->name;
    dnnl_memory_desc_t dy, x, dw;
    reshift_status status = matrix_of(&dy, dnnl_bf16, o, n, 1, o, error);
    if (status == RESHIFT_OK) {
        status = matrix_of(&x, dnnl_bf16, n, columns, columns, 1, error);
    }
    if (status == RESHIFT_OK) {
        status = matrix_of(&dw, dnnl_f32, o, columns, columns, 1, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    dnnl_matmul_desc_t m;
    dnnl_post_ops_t sum = NULL;
    dnnl_primitive_desc_t pd;
    ONEDNN(dnnl_matmul_desc_init(&m, &dy, &x, NULL, &dw), name);
    if (first > 0) {
        ONEDNN(dnnl_post_ops_create(&sum), name);
        ONEDNN(dnnl_post_ops_append_sum(sum, 1.0f), name);
    }
    status = onednn_descriptor(p, &m, sum, NULL, &pd, name, error);
    dnnl_post_ops_destroy(sum);
    onednn_step *s = status == RESHIFT_OK ? onednn_step_add(p, STEP_PRIMITIVE, node) : NULL;
    if (!s) {
        return status != RESHIFT_OK ? status : error_memory(error, sizeof *s, "a plan");
    }
    onednn_step_view(s, DNNL_ARG_SRC, state_of(p)->nodes[node].gradient, &dy, (size_t)(first * o) * sizeof(uint16_t));
    onednn_step_view(s, DNNL_ARG_WEIGHTS, seen, &x, (size_t)(seen_first * columns) * sizeof(uint16_t));
    if (target >= 0) {
        onednn_step_view(s, DNNL_ARG_DST, target, &dw, 0);
    } else {
        onednn_step_fixed(s, DNNL_ARG_DST, fixed_target);
    }
    return onednn_step_primitive(p, s, pd, error);
}

static reshift_status add_gather(plan *p, int node, int seen, int64_t first, int64_t n, reshift_error *error)
{
    onednn_step *s = onednn_step_add(p, STEP_GATHER, node);
    if (!s) {
        return error_memory(error, sizeof *s, "a plan");
    }
    s->a = seen;
    s->b = p->nodes[node_of(p, node)->inputs[0]].result;
    s->first = first;
    s->rows = n;
    return RESHIFT_OK;
}

/* Where the products go: straight into the gradient where its layout is theirs, else past a tensor of their own. */
static reshift_status make_target(plan *p, int node, float *gradient, int *target, dnnl_memory_t *ours,
                                  dnnl_memory_desc_t *plain, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    reshift_status status = onednn_weights_plain(n, dnnl_f32, plain, error);
    *target = -1;
    if (status == RESHIFT_OK && n->window.kernel[0] == 1) {
        dnnl_memory_desc_t matrix;
        status = matrix_of(&matrix, dnnl_f32, n->channels_out, n->channels_in, n->channels_in, 1, error);
        return status == RESHIFT_OK ? onednn_fixed_memory(p, &matrix, gradient, ours, error) : status;
    }
    if (status == RESHIFT_OK) {
        dnnl_memory_desc_t theirs;
        dnnl_dims_t dims = {n->channels_out, n->channels_in, n->window.kernel[0], n->window.kernel[0]};
        ONEDNN(dnnl_memory_desc_init_by_tag(&theirs, 4, dims, dnnl_f32, dnnl_acdb), n->name);
        *target = onednn_tensor_add(p, &theirs);
        status = *target < 0 ? error_memory(error, sizeof(onednn_tensor), "a plan")
                             : onednn_fixed_memory(p, plain, gradient, ours, error);
    }
    return status;
}

reshift_status onednn_weight_products(plan *p, int node, float *gradient, reshift_error *error)
{
    const graph_node *n = node_of(p, node);
    const plan_node *own = &p->nodes[node];
    const int64_t pixels = (int64_t)p->options.batch * own->h * own->w;
    const int64_t columns = (int64_t)n->channels_in * n->window.kernel[0] * n->window.kernel[0];
    const bool as_it_lies = n->window.kernel[0] == 1 && n->window.stride[0] == 1 && n->window.padding[0] == 0;
    int64_t chunk = (pixels + CHUNKS_MOST - 1) / CHUNKS_MOST;
    chunk = chunk < CHUNK_PIXELS ? CHUNK_PIXELS : chunk;
    chunk = chunk > pixels ? pixels : chunk;
    int seen = p->nodes[n->inputs[0]].result, target;
    dnnl_memory_t ours;
    dnnl_memory_desc_t plain;
    reshift_status status = make_target(p, node, gradient, &target, &ours, &plain, error);
    if (status == RESHIFT_OK && !as_it_lies) {
        dnnl_memory_desc_t gathered;
        status = matrix_of(&gathered, dnnl_bf16, chunk, columns, columns, 1, error);
        seen = status == RESHIFT_OK ? onednn_tensor_add(p, &gathered) : -1;
        if (seen < 0) {
            return status != RESHIFT_OK ? status : error_memory(error, sizeof(onednn_tensor), "a plan");
        }
    }
    for (int64_t first = 0; first < pixels && status == RESHIFT_OK; first += chunk) {
        int64_t count = pixels - first < chunk ? pixels - first : chunk;
        if (!as_it_lies) {
            status = add_gather(p, node, seen, first, count, error);
        }
        if (status == RESHIFT_OK) {
            status = add_product(p, node, seen, as_it_lies ? first : 0, first, count, columns, target, ours, error);
        }
    }
    return status == RESHIFT_OK && target >= 0 ? onednn_reorder_to(p, node, target, &plain, ours, error) : status;
}

void onednn_run_gather(plan *p, const onednn_step *s)
{
    const graph_node *n = node_of(p, s->node);
    const plan_node *own = &p->nodes[s->node], *from = &p->nodes[n->inputs[0]];
    const int64_t channels = n->channels_in, columns = channels * n->window.kernel[0] * n->window.kernel[0];
    const size_t bytes = (size_t)channels * sizeof(uint16_t);
    const uint16_t *x = state_of(p)->tensors[s->b].data;
    uint16_t *seen = state_of(p)->tensors[s->a].data;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < s->rows; row++) {
        int64_t pixel = s->first + row;
        const uint16_t *image = x + pixel / ((int64_t)own->h * own->w) * from->h * from->w * channels;
        int top = (int)(pixel / own->w % own->h) * n->window.stride[0] - n->window.padding[0];
        int left = (int)(pixel % own->w) * n->window.stride[0] - n->window.padding[0];
        uint16_t *to = seen + row * columns;
        for (int ky = 0; ky < n->window.kernel[0]; ky++) {
            for (int kx = 0; kx < n->window.kernel[0]; kx++, to += channels) {
                int y = top + ky, z = left + kx;
                if (y < 0 || y >= from->h || z < 0 || z >= from->w) {
                    memset(to, 0, bytes);
                } else {
                    memcpy(to, image + ((int64_t)y * from->w + z) * channels, bytes);
                }
            }
        }
    }
}
