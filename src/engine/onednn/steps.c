/* Tensors and steps of a plan, and their memory. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/onednn/inside.h"

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

int onednn_tensor_add(plan *p, const dnnl_memory_desc_t *md)
{
    const dnnl_memory_desc_t kept = *md; /* md may lie in the array that grows */
    if (!grow((void **)&state_of(p)->tensors, state_of(p)->n_tensors, sizeof *state_of(p)->tensors)) {
        return -1;
    }
    onednn_tensor *t = &state_of(p)->tensors[state_of(p)->n_tensors];
    memset(t, 0, sizeof *t);
    t->md = kept;
    t->place.bytes = memory_align(dnnl_memory_desc_get_size(&kept));
    t->place.first = -1;
    return state_of(p)->n_tensors++;
}

onednn_step *onednn_step_add(plan *p, step_kind kind, int node)
{
    if (!grow((void **)&state_of(p)->steps, state_of(p)->n_steps, sizeof *state_of(p)->steps)) {
        return NULL;
    }
    onednn_step *s = &state_of(p)->steps[state_of(p)->n_steps++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->node = node;
    s->a = s->b = s->end = -1;
    return s;
}

void onednn_step_tensor(onednn_step *s, int argument, int tensor)
{
    s->argument[s->n] = argument;
    s->tensor[s->n++] = tensor;
}

void onednn_step_view(onednn_step *s, int argument, int tensor, const dnnl_memory_desc_t *md, size_t shift)
{
    onednn_step_tensor(s, argument, tensor);
    s->view[s->n - 1] = *md;
    s->viewed[s->n - 1] = true;
    s->shift[s->n - 1] = shift;
}

void onednn_step_fixed(onednn_step *s, int argument, dnnl_memory_t memory)
{
    s->argument[s->n] = argument;
    s->tensor[s->n] = -1;
    s->fixed[s->n++] = memory;
}

reshift_status onednn_descriptor(plan *p, const_dnnl_op_desc_t op, const_dnnl_post_ops_t post_ops,
                                 const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *pd, const char *what,
                                 reshift_error *error)
{
    return onednn_descriptor_scaled(p, op, post_ops, NULL, 0, hint, pd, what, error);
}

reshift_status onednn_descriptor_scaled(plan *p, const_dnnl_op_desc_t op, const_dnnl_post_ops_t post_ops,
                                        const float *scales, int n_scales, const_dnnl_primitive_desc_t hint,
                                        dnnl_primitive_desc_t *pd, const char *what, reshift_error *error)
{
    if (!grow((void **)&state_of(p)->descriptors, state_of(p)->n_descriptors, sizeof *state_of(p)->descriptors)) {
        return error_memory(error, sizeof *state_of(p)->descriptors, "a plan");
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
        status = dnnl_primitive_desc_create(pd, op, attributes, state_of(p)->engine, hint);
    }
    dnnl_primitive_attr_destroy(attributes);
    ONEDNN(status, what);
    state_of(p)->descriptors[state_of(p)->n_descriptors++] = *pd;
    return RESHIFT_OK;
}

reshift_status onednn_fixed_memory(plan *p, const dnnl_memory_desc_t *md, void *data, dnnl_memory_t *memory,
                                   reshift_error *error)
{
    if (!grow((void **)&state_of(p)->memories, state_of(p)->n_memories, sizeof *state_of(p)->memories)) {
        return error_memory(error, sizeof *state_of(p)->memories, "a plan");
    }
    ONEDNN(dnnl_memory_create(memory, md, state_of(p)->engine, data), "describing memory");
    state_of(p)->memories[state_of(p)->n_memories++] = *memory;
    return RESHIFT_OK;
}

reshift_status onednn_step_primitive(plan *p, onednn_step *s, dnnl_primitive_desc_t pd, reshift_error *error)
{
    ONEDNN(dnnl_primitive_create(&s->primitive, pd), "making a primitive");
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    size_t bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (bytes) {
        if (bytes > state_of(p)->scratch_bytes) {
            state_of(p)->scratch_bytes = bytes;
        }
        dnnl_memory_t memory;
        reshift_status status = onednn_fixed_memory(p, scratch, NULL, &memory, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        onednn_step_fixed(s, DNNL_ARG_SCRATCHPAD, memory);
    }
    return RESHIFT_OK;
}

static reshift_status reorder_step(plan *p, int node, int from, const dnnl_memory_desc_t *md, int to,
                                   dnnl_memory_t fixed, reshift_error *error)
{
    if (!grow((void **)&state_of(p)->descriptors, state_of(p)->n_descriptors, sizeof *state_of(p)->descriptors)) {
        return error_memory(error, sizeof *state_of(p)->descriptors, "a plan");
    }
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t pd = NULL;
    ONEDNN(dnnl_primitive_attr_create(&attributes), "planning a change of layout");
    dnnl_status_t made = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (made == dnnl_success) {
        made = dnnl_reorder_primitive_desc_create(&pd, &state_of(p)->tensors[from].md, state_of(p)->engine, md,
                                                  state_of(p)->engine, attributes);
    }
    dnnl_primitive_attr_destroy(attributes);
    ONEDNN(made, "planning a change of layout");
    state_of(p)->descriptors[state_of(p)->n_descriptors++] = pd;
    onednn_step *s = onednn_step_add(p, STEP_PRIMITIVE, node);
    if (!s) {
        return error_memory(error, sizeof *s, "a plan");
    }
    onednn_step_tensor(s, DNNL_ARG_FROM, from);
    if (to >= 0) {
        onednn_step_tensor(s, DNNL_ARG_TO, to);
    } else {
        onednn_step_fixed(s, DNNL_ARG_TO, fixed);
    }
    return onednn_step_primitive(p, s, pd, error);
}

reshift_status onednn_reorder(plan *p, int node, int from, int to, reshift_error *error)
{
    return reorder_step(p, node, from, &state_of(p)->tensors[to].md, to, NULL, error);
}

reshift_status onednn_reorder_to(plan *p, int node, int from, const dnnl_memory_desc_t *md, dnnl_memory_t to,
                                 reshift_error *error)
{
    return reorder_step(p, node, from, md, -1, to, error);
}

/* The tensors' places, for placement.h. */
static placement **places_of(const plan *p)
{
    placement **places = calloc((size_t)state_of(p)->n_tensors + 1, sizeof *places);
    for (int i = 0; places && i < state_of(p)->n_tensors; i++) {
        places[i] = &state_of(p)->tensors[i].place;
    }
    return places;
}

static reshift_status choose_places(plan *p, reshift_error *error)
{
    placement **places = places_of(p);
    if (!places) {
        return error_memory(error, (size_t)state_of(p)->n_tensors * sizeof *places, "a plan");
    }
    reshift_status status = placement_choose(places, state_of(p)->n_tensors, &state_of(p)->activation_bytes, error);
    free(places);
    return status;
}

bool onednn_places_are_sound(const plan *p)
{
    placement **places = places_of(p);
    const bool sound = places && placement_is_sound(places, state_of(p)->n_tensors);
    free(places);
    return sound;
}

reshift_status onednn_place(plan *p, reshift_error *error)
{
    for (int i = 0; i < state_of(p)->n_steps; i++) {
        const onednn_step *s = &state_of(p)->steps[i];
        for (int j = 0; j < s->n; j++) {
            if (s->tensor[j] >= 0) {
                placement_use(&state_of(p)->tensors[s->tensor[j]].place, i);
            }
        }
        if (s->a >= 0) {
            placement_use(&state_of(p)->tensors[s->a].place, i);
        }
        if (s->b >= 0) {
            placement_use(&state_of(p)->tensors[s->b].place, i);
        }
    }
    for (int i = 0; i < state_of(p)->n_tensors; i++) {
        onednn_tensor *t = &state_of(p)->tensors[i];
        if (t->external || t->place.first < 0) {
            t->place.first = 0;
            t->place.last = state_of(p)->n_steps;
        }
    }
    reshift_status status = choose_places(p, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    state_of(p)->activations = memory_allocate(state_of(p)->activation_bytes);
    state_of(p)->scratch = memory_allocate(state_of(p)->scratch_bytes);
    if (!state_of(p)->activations || !state_of(p)->scratch) {
        return error_memory(error, state_of(p)->activation_bytes + state_of(p)->scratch_bytes, "activations");
    }
    for (int i = 0; i < state_of(p)->n_tensors; i++) {
        onednn_tensor *t = &state_of(p)->tensors[i];
        t->data = (char *)state_of(p)->activations + t->place.offset;
        ONEDNN(dnnl_memory_create(&t->memory, &t->md, state_of(p)->engine, t->data), "describing an activation");
    }
    for (int i = 0; i < state_of(p)->n_steps; i++) {
        onednn_step *s = &state_of(p)->steps[i];
        for (int j = 0; j < s->n; j++) {
            dnnl_memory_t memory = s->tensor[j] >= 0 ? state_of(p)->tensors[s->tensor[j]].memory : s->fixed[j];
            if (s->viewed[j]) {
                reshift_status viewed = onednn_fixed_memory(
                    p, &s->view[j], (char *)state_of(p)->tensors[s->tensor[j]].data + s->shift[j], &memory, error);
                if (viewed != RESHIFT_OK) {
                    return viewed;
                }
            }
            if (s->argument[j] == DNNL_ARG_SCRATCHPAD) {
                ONEDNN(dnnl_memory_set_data_handle(memory, state_of(p)->scratch), "binding the scratchpad");
            }
            s->bound[j] = (dnnl_exec_arg_t){s->argument[j], memory};
        }
    }
    return RESHIFT_OK;
}
