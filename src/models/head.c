/*
 * The head: the linear layer that makes logits of features. Files of heads are written without knowing the network, so
 * their tensors have one name for all of them (HEAD_OF_FILES), and reading accepts the network's own name as well.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/initialise.h"
#include "models/metadata.h"
#include "models/model_inside.h"
#include "models/recipe.h"
#include "models/trained_on.h"
#include "models/weights/weights.h"
#include "reshift/preparation.h"

#define HEAD_OF_FILES "fc"

/* Makes the head n_classes wide; all other parameters stay. Class names are removed: they were the old head's. */
static reshift_status resize_head(reshift_model *model, int n_classes, reshift_error *error)
{
    if (n_classes != model->n_classes) {
        network *wider = NULL;
        reshift_status status = model_make_network(model->arch, n_classes, &wider, error);
        if (status != RESHIFT_OK) {
            return status;
        }
        /* Same architecture: same nodes and parameters in the same order. */
        const graph *g = model->net->graph;
        for (int p = 0; p < g->n_parameters; p++) {
            if (g->parameters[p].node != g->head) {
                memcpy(network_parameter(wider, p), network_parameter(model->net, p),
                       g->parameters[p].count * sizeof(float));
            }
        }
        memcpy(wider->batches_tracked, model->net->batches_tracked,
               (size_t)g->n_nodes * sizeof *wider->batches_tracked);
        if (!network_copy_ranges(wider, model->net)) {
            network_destroy(&wider);
            return error_memory(error, sizeof(float), "the ranges of activations");
        }
        network_destroy(&model->net);
        model->net = wider;
    }
    recipe_class_names_destroy(&model->class_names, model->n_classes);
    model->n_classes = n_classes;
    model->headless = false;
    return RESHIFT_OK;
}

/* Index of the head's weight or bias. */
static int head_parameter(const reshift_model *model, graph_role role)
{
    return graph_parameter_of(model->net->graph, model->net->graph->head, role);
}

static const char *head_name(const reshift_model *model, graph_role role)
{
    return model->net->graph->parameters[head_parameter(model, role)].name;
}

static reshift_status check_head(const reshift_model *model, const reshift_array *weight, const reshift_array *bias,
                                 reshift_error *error)
{
    const char *const names[2] = {head_name(model, GRAPH_WEIGHT), head_name(model, GRAPH_BIAS)};
    int features = reshift_model_n_features(model);
    char found[96];
    weights_shape_text(weight->n_dims, weight->shape, found, sizeof found);
    if (weight->n_dims != 2 || weight->shape[1] != features || weight->shape[0] < 1 || weight->shape[0] > INT32_MAX) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "tensor '%s': expected [K,%d] for any number of classes K, found %s", names[0], features,
                         found);
    }
    weights_shape_text(bias->n_dims, bias->shape, found, sizeof found);
    if (bias->n_dims != 1 || bias->shape[0] != weight->shape[0]) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "tensor '%s': expected [%lld], found %s", names[1],
                         (long long)weight->shape[0], found);
    }
    const reshift_array *both[2] = {weight, bias};
    for (int a = 0; a < 2; a++) {
        if (both[a]->dtype != RESHIFT_F32) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "tensor '%s': expected float32, found %s", names[a],
                             reshift_dtype_name(both[a]->dtype));
        }
        for (int64_t i = 0; i < reshift_array_count(both[a]); i++) {
            if (!isfinite(((const float *)both[a]->data)[i])) {
                return error_set(error, RESHIFT_ERROR_NUMERIC, "tensor '%s': element %lld is not finite", names[a],
                                 (long long)i);
            }
        }
    }
    return RESHIFT_OK;
}

reshift_status reshift_model_set_head(reshift_model *model, const reshift_array *weight, const reshift_array *bias,
                                      reshift_error *error)
{
    reshift_status status = check_head(model, weight, bias, error);
    if (status == RESHIFT_OK) {
        status = resize_head(model, (int)weight->shape[0], error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    const reshift_array *values[2] = {weight, bias};
    for (int a = 0; a < 2; a++) {
        int p = head_parameter(model, a ? GRAPH_BIAS : GRAPH_WEIGHT);
        memcpy(network_parameter(model->net, p), values[a]->data, reshift_array_bytes(values[a]));
        network_touch(model->net, p);
    }
    return RESHIFT_OK;
}

/*
 * The head's weight or bias out of a file, as float32: under the network's own name, under the name that a probe's file
 * has, under its last word alone (the state of a bare linear layer), or the only tensor whose name ends in that word.
 */
static reshift_status read_head_tensor(const reshift_tensors *tensors, const char *own, reshift_array *values,
                                       reshift_error *error)
{
    const char *end = strrchr(own, '.');
    char probe[32];
    snprintf(probe, sizeof probe, HEAD_OF_FILES "%s", end);
    const char *const names[] = {own, probe, end + 1};
    const reshift_array *found = NULL, *other = NULL;
    for (int i = 0; i < 3 && !found; i++) {
        found = reshift_tensors_find(tensors, names[i]);
    }
    int n_others = 0;
    for (int64_t t = 0; !found && t < reshift_tensors_count(tensors); t++) {
        const char *whole = reshift_tensors_name(tensors, t);
        size_t length = strlen(whole), tail = strlen(end);
        if (length > tail && strcmp(whole + length - tail, end) == 0) {
            other = reshift_tensors_at(tensors, t);
            n_others++;
        }
    }
    found = n_others == 1 ? other : found;
    if (!found) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "missing tensor '%s'", own);
    }
    reshift_status status = reshift_array_create(RESHIFT_F32, found->n_dims, found->shape, values, error);
    if (status == RESHIFT_OK && !weights_convert(found, values->data)) {
        status = error_set(error, RESHIFT_ERROR_SHAPE,
                           "tensor '%s': expected float32, float16, bfloat16 or float64, found %s", own,
                           reshift_dtype_name(found->dtype));
    }
    return status;
}

/*
 * How the images were prepared that the head was trained on, where its file says so. Size and resize become the
 * network's: they are only what it is used at unless told otherwise. Mean and standard deviation must agree.
 */
static reshift_status adopt_preparation(reshift_model *model, const reshift_tensors *tensors, reshift_error *error)
{
    reshift_preparation head = {.recipe = model->recipe}, own = {.recipe = model->recipe};
    char difference[256];
    head.recipe.stored = false;
    reshift_status status = recipe_from_tensors(tensors, &head.recipe, &model->notes, error);
    if (status != RESHIFT_OK || !head.recipe.stored || !metadata_find(tensors, "input_size").text) {
        return status;
    }
    own.recipe.size = head.recipe.size;
    own.recipe.resize = head.recipe.resize;
    if (!reshift_preparation_same(&head, &own, difference, sizeof difference)) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "head and network were trained on differently prepared images: %s",
                         difference);
    }
    model->recipe.size = model->head_size = head.recipe.size;
    model->recipe.resize = head.recipe.resize;
    return RESHIFT_OK;
}

reshift_status reshift_model_load_head(reshift_model *model, const char *path, reshift_error *error)
{
    reshift_tensors *tensors = NULL;
    reshift_array weight = {0}, bias = {0};
    char **names = NULL;
    reshift_fingerprints trained_on = {0};
    bool training_known = false;
    reshift_status status = reshift_tensors_load(path, &tensors, error);
    if (status == RESHIFT_OK) {
        reshift_tensors_unwrap(tensors);
        status = read_head_tensor(tensors, head_name(model, GRAPH_WEIGHT), &weight, error);
    }
    if (status == RESHIFT_OK) {
        status = read_head_tensor(tensors, head_name(model, GRAPH_BIAS), &bias, error);
    }
    if (status == RESHIFT_OK) {
        status = check_head(model, &weight, &bias, error);
    }
    if (status == RESHIFT_OK) {
        status = recipe_class_names_from_tensors(tensors, (int)weight.shape[0], &names, &model->notes, error);
    }
    if (status == RESHIFT_OK) {
        status = trained_on_read(tensors, &trained_on, &training_known, &model->notes, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_set_head(model, &weight, &bias, error);
    }
    if (status == RESHIFT_OK) {
        status = adopt_preparation(model, tensors, error);
    }
    if (status == RESHIFT_OK && training_known) {
        status = reshift_model_add_trained_on(model, &trained_on, error);
    }
    reshift_fingerprints_destroy(&trained_on);
    if (status == RESHIFT_OK) {
        model->class_names = names;
    } else {
        recipe_class_names_destroy(&names, names ? (int)weight.shape[0] : 0);
    }
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_tensors_destroy(&tensors);
    return status == RESHIFT_OK ? status : model_name_file(error, status, "head", path);
}

reshift_status reshift_model_reset_head(reshift_model *model, int n_classes, uint64_t seed, reshift_error *error)
{
    if (n_classes < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a network has at least 1 class, found %d", n_classes);
    }
    reshift_status status = resize_head(model, n_classes, error);
    if (status == RESHIFT_OK) {
        initialise_node(model->net, model->net->graph->head, seed);
    }
    return status;
}

reshift_status reshift_tensors_add_head(reshift_tensors *tensors, reshift_array *weight, reshift_array *bias,
                                        reshift_error *error)
{
    reshift_status status = reshift_tensors_add(tensors, HEAD_OF_FILES ".weight", weight, error);
    return status == RESHIFT_OK ? reshift_tensors_add(tensors, HEAD_OF_FILES ".bias", bias, error) : status;
}
