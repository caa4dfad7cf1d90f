/*
 * Overflow inside an inference plan. A ReLU that is fused into a convolution makes 0 of NaN (max(NaN, 0) in vector
 * instructions), so an overflow in a lower layer can end as finite, meaningless features, and the outputs alone do not
 * show it. The guard therefore looks at every convolution's result as it is made, of the first image of each pass:
 * the first result to overflow holds an infinity, or was made from values so large (2^96 and more, far beyond any working
 * network's) that their products are infinite. Training plans need none: their own ReLU keeps NaN, and their loss shows
 * it.
 */
#include "base/error.h"
#include "engine/plan_inside.h"
#include "kernels/elementwise.h"

/* Bytes of the first image; 0 if the layout mixes images. */
static size_t image_bytes(const plan *p, const plan_tensor *t)
{
    const dnnl_memory_desc_t *md = &t->md;
    if (md->format_kind != dnnl_blocked) {
        return 0;
    }
    for (int i = 0; i < md->format_desc.blocking.inner_nblks; i++) {
        if (md->format_desc.blocking.inner_idxs[i] == 0) {
            return 0;
        }
    }
    return dnnl_memory_desc_get_size(md) / (size_t)p->options.batch;
}

/* What the step wrote; the node's result may be a copy of it in another layout, made by a later step. */
static const plan_tensor *written_by(const plan *p, const plan_step *s)
{
    for (int i = 0; i < s->n && s->kind == STEP_PRIMITIVE; i++) {
        if (s->argument[i] == DNNL_ARG_DST) {
            return &p->tensors[s->tensor[i]];
        }
    }
    return &p->tensors[s->a];
}

reshift_status plan_guard(const plan *p, const plan_step *s, reshift_error *error)
{
    const plan_tensor *t = written_by(p, s);
    const size_t bytes = image_bytes(p, t);
    const bool huge = t->md.data_type == dnnl_f32    ? any_huge_f32(t->data, bytes / sizeof(float))
                      : t->md.data_type == dnnl_bf16 ? any_huge_bf16(t->data, bytes / sizeof(uint16_t))
                                                     : false; /* 8 bits saturate */
    return huge ? error_set(error, RESHIFT_ERROR_NUMERIC, "activations overflow in '%s'", p->net->graph->nodes[s->end].name)
                : RESHIFT_OK;
}
