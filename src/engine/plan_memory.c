/*
 * Tensors and steps of a plan, and where tensors lie: sorted by size, each takes the lowest place that no tensor alive
 * at the same time occupies (first fit by decreasing size).
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/plan_inside.h"

/* Room for one more element; grows by doubling at powers of two. */
static bool grow(void **array, int count, size_t element)
{
    if (count & (count - 1)) {
        return true;
    }
    void *larger = realloc(*array, (count ? 2 * (size_t)count : 1) * element);
    if (!larger) {
        return false;
    }
    *array = larger;
    return true;
}

int plan_tensor_add(plan *p, const dnnl_memory_desc_t *md)
{
    const dnnl_memory_desc_t kept = *md; /* md may lie in the array that grows */
    if (!grow((void **)&p->tensors, p->n_tensors, sizeof *p->tensors)) {
        return -1;
    }
    plan_tensor *t = &p->tensors[p->n_tensors];
    memset(t, 0, sizeof *t);
    t->md = kept;
    t->bytes = memory_align(dnnl_memory_desc_get_size(&kept));
    t->first = -1;
    return p->n_tensors++;
}

plan_step *plan_step_add(plan *p, step_kind kind, int node)
{
    if (!grow((void **)&p->steps, p->n_steps, sizeof *p->steps)) {
        return NULL;
    }
    plan_step *s = &p->steps[p->n_steps++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->node = node;
    s->a = s->b = s->end = -1;
    return s;
}

void plan_step_tensor(plan_step *s, int argument, int tensor)
{
    s->argument[s->n] = argument;
    s->tensor[s->n++] = tensor;
}

void plan_step_view(plan_step *s, int argument, int tensor, const dnnl_memory_desc_t *md, size_t shift)
{
    plan_step_tensor(s, argument, tensor);
    s->view[s->n - 1] = *md;
    s->viewed[s->n - 1] = true;
    s->shift[s->n - 1] = shift;
}

void plan_step_fixed(plan_step *s, int argument, dnnl_memory_t memory)
{
    s->argument[s->n] = argument;
    s->tensor[s->n] = -1;
    s->fixed[s->n++] = memory;
}

reshift_status plan_descriptor(plan *p, const_dnnl_op_desc_t op, const_dnnl_post_ops_t post_ops,
                               const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *pd, const char *what,
                               reshift_error *error)
{
    return plan_descriptor_scaled(p, op, post_ops, NULL, 0, hint, pd, what, error);
}

reshift_status plan_descriptor_scaled(plan *p, const_dnnl_op_desc_t op, const_dnnl_post_ops_t post_ops,
                                      const float *scales, int n_scales, const_dnnl_primitive_desc_t hint,
                                      dnnl_primitive_desc_t *pd, const char *what, reshift_error *error)
{
    if (!grow((void **)&p->descriptors, p->n_descriptors, sizeof *p->descriptors)) {
        return error_memory(error, sizeof *p->descriptors, "a plan");
    }
    dnnl_primitive_attr_t attributes;
    ONEDNN(dnnl_primitive_attr_create(&attributes), what);
    dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && post_ops) {
        status = dnnl_primitive_attr_set_post_ops(attributes, post_ops);
    }
    if (status == dnnl_success && scales) {
        status = dnnl_primitive_attr_set_output_scales(attributes, n_scales, 1 << 1, scales);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_desc_create(pd, op, attributes, p->engine, hint);
    }
    dnnl_primitive_attr_destroy(attributes);
    ONEDNN(status, what);
    p->descriptors[p->n_descriptors++] = *pd;
    return RESHIFT_OK;
}

reshift_status plan_fixed_memory(plan *p, const dnnl_memory_desc_t *md, void *data, dnnl_memory_t *memory,
                                 reshift_error *error)
{
    if (!grow((void **)&p->memories, p->n_memories, sizeof *p->memories)) {
        return error_memory(error, sizeof *p->memories, "a plan");
    }
    ONEDNN(dnnl_memory_create(memory, md, p->engine, data), "describing memory");
    p->memories[p->n_memories++] = *memory;
    return RESHIFT_OK;
}

reshift_status plan_step_primitive(plan *p, plan_step *s, dnnl_primitive_desc_t pd, reshift_error *error)
{
    ONEDNN(dnnl_primitive_create(&s->primitive, pd), "making a primitive");
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    size_t bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (bytes) {
        if (bytes > p->scratch_bytes) {
            p->scratch_bytes = bytes;
        }
        dnnl_memory_t memory;
        reshift_status status = plan_fixed_memory(p, scratch, NULL, &memory, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        plan_step_fixed(s, DNNL_ARG_SCRATCHPAD, memory);
    }
    return RESHIFT_OK;
}

static reshift_status reorder_step(plan *p, int node, int from, const dnnl_memory_desc_t *md, int to,
                                   dnnl_memory_t fixed, reshift_error *error)
{
    if (!grow((void **)&p->descriptors, p->n_descriptors, sizeof *p->descriptors)) {
        return error_memory(error, sizeof *p->descriptors, "a plan");
    }
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t pd = NULL;
    ONEDNN(dnnl_primitive_attr_create(&attributes), "planning a change of layout");
    dnnl_status_t made = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (made == dnnl_success) {
        made = dnnl_reorder_primitive_desc_create(&pd, &p->tensors[from].md, p->engine, md, p->engine, attributes);
    }
    dnnl_primitive_attr_destroy(attributes);
    ONEDNN(made, "planning a change of layout");
    p->descriptors[p->n_descriptors++] = pd;
    plan_step *s = plan_step_add(p, STEP_PRIMITIVE, node);
    if (!s) {
        return error_memory(error, sizeof *s, "a plan");
    }
    plan_step_tensor(s, DNNL_ARG_FROM, from);
    if (to >= 0) {
        plan_step_tensor(s, DNNL_ARG_TO, to);
    } else {
        plan_step_fixed(s, DNNL_ARG_TO, fixed);
    }
    return plan_step_primitive(p, s, pd, error);
}

reshift_status plan_reorder(plan *p, int node, int from, int to, reshift_error *error)
{
    return reorder_step(p, node, from, &p->tensors[to].md, to, NULL, error);
}

reshift_status plan_reorder_to(plan *p, int node, int from, const dnnl_memory_desc_t *md, dnnl_memory_t to,
                               reshift_error *error)
{
    return reorder_step(p, node, from, md, -1, to, error);
}

static void use(plan_tensor *t, int step)
{
    if (t->first < 0) {
        t->first = step;
    }
    t->last = step;
}

static bool together(const plan_tensor *a, const plan_tensor *b) { return a->first <= b->last && b->first <= a->last; }

static int larger_first(const void *a, const void *b)
{
    const plan_tensor *x = *(plan_tensor *const *)a, *y = *(plan_tensor *const *)b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : (x > y) - (x < y);
}

static int lower_first(const void *a, const void *b)
{
    const plan_tensor *x = *(plan_tensor *const *)a, *y = *(plan_tensor *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static reshift_status choose_places(plan *p, reshift_error *error)
{
    plan_tensor **by_size = calloc((size_t)p->n_tensors, sizeof *by_size);
    plan_tensor **alive = calloc((size_t)p->n_tensors, sizeof *alive);
    if (!by_size || !alive) {
        free(by_size);
        free(alive);
        return error_memory(error, (size_t)p->n_tensors * sizeof *by_size, "a plan");
    }
    for (int i = 0; i < p->n_tensors; i++) {
        by_size[i] = &p->tensors[i];
    }
    qsort(by_size, (size_t)p->n_tensors, sizeof *by_size, larger_first);
    p->activation_bytes = 0;
    for (int i = 0; i < p->n_tensors; i++) {
        int n = 0;
        for (int j = 0; j < i; j++) {
            if (together(by_size[i], by_size[j])) {
                alive[n++] = by_size[j];
            }
        }
        qsort(alive, (size_t)n, sizeof *alive, lower_first);
        size_t offset = 0;
        for (int j = 0; j < n && alive[j]->offset < offset + by_size[i]->bytes; j++) {
            size_t end = alive[j]->offset + alive[j]->bytes;
            if (end > offset) {
                offset = end;
            }
        }
        by_size[i]->offset = offset;
        if (offset + by_size[i]->bytes > p->activation_bytes) {
            p->activation_bytes = offset + by_size[i]->bytes;
        }
    }
    free(by_size);
    free(alive);
    return RESHIFT_OK;
}

bool plan_places_are_sound(const plan *p)
{
    for (int i = 0; i < p->n_tensors; i++) {
        for (int j = 0; j < i; j++) {
            const plan_tensor *a = &p->tensors[i], *b = &p->tensors[j];
            if (a->bytes && b->bytes && together(a, b) && a->offset < b->offset + b->bytes &&
                b->offset < a->offset + a->bytes) {
                return false;
            }
        }
    }
    return true;
}

reshift_status plan_place(plan *p, reshift_error *error)
{
    for (int i = 0; i < p->n_steps; i++) {
        const plan_step *s = &p->steps[i];
        for (int j = 0; j < s->n; j++) {
            if (s->tensor[j] >= 0) {
                use(&p->tensors[s->tensor[j]], i);
            }
        }
        if (s->a >= 0) {
            use(&p->tensors[s->a], i);
        }
        if (s->b >= 0) {
            use(&p->tensors[s->b], i);
        }
    }
    for (int i = 0; i < p->n_tensors; i++) {
        plan_tensor *t = &p->tensors[i];
        if (t->external || t->first < 0) {
            t->first = 0;
            t->last = p->n_steps;
        }
    }
    reshift_status status = choose_places(p, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    p->activations = memory_allocate(p->activation_bytes);
    p->scratch = memory_allocate(p->scratch_bytes);
    if (!p->activations || !p->scratch) {
        return error_memory(error, p->activation_bytes + p->scratch_bytes, "activations");
    }
    for (int i = 0; i < p->n_tensors; i++) {
        plan_tensor *t = &p->tensors[i];
        t->data = (char *)p->activations + t->offset;
        ONEDNN(dnnl_memory_create(&t->memory, &t->md, p->engine, t->data), "describing an activation");
    }
    for (int i = 0; i < p->n_steps; i++) {
        plan_step *s = &p->steps[i];
        for (int j = 0; j < s->n; j++) {
            dnnl_memory_t memory = s->tensor[j] >= 0 ? p->tensors[s->tensor[j]].memory : s->fixed[j];
            if (s->viewed[j]) {
                reshift_status viewed =
                    plan_fixed_memory(p, &s->view[j], (char *)p->tensors[s->tensor[j]].data + s->shift[j], &memory, error);
                if (viewed != RESHIFT_OK) {
                    return viewed;
                }
            }
            if (s->argument[j] == DNNL_ARG_SCRATCHPAD) {
                ONEDNN(dnnl_memory_set_data_handle(memory, p->scratch), "binding the scratchpad");
            }
            s->bound[j] = (dnnl_exec_arg_t){s->argument[j], memory};
        }
    }
    return RESHIFT_OK;
}
