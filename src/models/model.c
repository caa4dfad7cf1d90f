/*
 * The opaque model: a row of the table of architectures, a network with values, the recipe, and the names of the
 * classes. Reading, writing, initial values and names of weights have files of their own; here they are put together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "models/initialise.h"
#include "models/metadata.h"
#include "models/model_inside.h"
#include "models/ranges.h"
#include "models/recipe.h"
#include "models/trained_on.h"
#include "models/weights/find.h"
#include "models/weights/unwrap.h"
#include "models/weights/weights.h"
#include "reshift/preparation.h"

/* A reader below may have put "cannot read 'PATH': " before the message already. */
reshift_status model_name_file(reshift_error *error, reshift_status status, const char *what, const char *path)
{
    if (error) {
        char said[sizeof error->message];
        int length = snprintf(said, sizeof said, "cannot read '%s': ", path);
        reshift_text_clean(said); /* as the message is */
        length = length < 0 ? length : (int)strlen(said);
        if (length > 0 && (size_t)length < sizeof said && !strncmp(error->message, said, (size_t)length)) {
            memmove(error->message, error->message + length, strlen(error->message + length) + 1);
        }
    }
    return error_prefix(error, status, "cannot read %s '%.400s'", what, path);
}

reshift_status model_make_network(const architecture *arch, int n_classes, network **net, reshift_error *error)
{
    graph *g = NULL;
    reshift_status status = architecture_graph(arch, n_classes, &g, error);
    if (status == RESHIFT_OK) {
        size_t bytes = g->n_floats * sizeof(float);
        *net = network_create(g);
        status = *net ? RESHIFT_OK : error_memory(error, bytes, "the network's parameters");
    }
    return status;
}

static reshift_status make_model(const architecture *arch, int n_classes, reshift_model **model, reshift_error *error)
{
    *model = calloc(1, sizeof **model);
    if (!*model) {
        return error_memory(error, sizeof **model, "a model");
    }
    (*model)->arch = arch;
    (*model)->n_classes = n_classes;
    recipe_default(arch, 1, &(*model)->recipe);
    reshift_status status = model_make_network(arch, n_classes, &(*model)->net, error);
    if (status != RESHIFT_OK) {
        reshift_model_destroy(model);
    }
    return status;
}

/* ---- making and destroying ---- */

static reshift_status from_tensors(reshift_tensors *tensors, const char *branch, int version, reshift_model **model,
                                   reshift_error *error)
{
    const architecture *arch;
    int n_classes;
    unwrapped inside;
    notes remarks = {0};
    *model = NULL;
    reshift_status status = unwrap_checkpoint(tensors, branch, &inside, &remarks, error);
    if (status == RESHIFT_OK) {
        status = architecture_detect(tensors, &arch, &n_classes, error);
        if (status != RESHIFT_OK && inside.branch[0]) {
            error_prefix(error, status, "below '%.100s'", inside.branch);
        }
    }
    if (status == RESHIFT_OK) {
        status = make_model(arch, inside.has_head ? n_classes : 1, model, error);
    }
    if (status != RESHIFT_OK) {
        notes_clear(&remarks);
        return status;
    }
    (*model)->notes = remarks;
    (*model)->headless = !inside.has_head;
    n_classes = (*model)->n_classes = inside.has_head ? n_classes : 0;
    recipe_default(arch, version, &(*model)->recipe);
    status = weights_from_tensors((*model)->net, tensors, inside.has_head, error);
    if (status == RESHIFT_OK) {
        status = recipe_from_tensors(tensors, &(*model)->recipe, &(*model)->notes, error);
    }
    if (status == RESHIFT_OK && inside.has_normalisation) {
        memcpy((*model)->recipe.mean, inside.mean, sizeof inside.mean);
        memcpy((*model)->recipe.std, inside.std, sizeof inside.std);
        (*model)->recipe.stored = true;
    }
    if (status == RESHIFT_OK && n_classes > 0) {
        status = recipe_class_names_from_tensors(tensors, n_classes, &(*model)->class_names, &(*model)->notes, error);
    }
    if (status == RESHIFT_OK) {
        status = ranges_from_tensors(tensors, (*model)->net, &(*model)->notes, error);
    }
    if (status == RESHIFT_OK) {
        status = trained_on_read(tensors, &(*model)->trained_on, &(*model)->training_known, &(*model)->notes, error);
    }
    if (status != RESHIFT_OK) {
        reshift_model_destroy(model);
    }
    return status;
}

reshift_status reshift_model_from_tensors(reshift_tensors *tensors, reshift_model **model, reshift_error *error)
{
    return from_tensors(tensors, NULL, 1, model, error);
}

reshift_status reshift_model_load(const char *weights, const char *data_dir, reshift_model **model,
                                  reshift_error *error)
{
    char path[4096 + 128];
    reshift_tensors *tensors = NULL;
    *model = NULL;
    reshift_status status = reshift_model_find(weights, data_dir, path, sizeof path, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    status = reshift_tensors_load(path, &tensors, error);
    if (status == RESHIFT_OK) {
        status = from_tensors(tensors, path_part(weights), find_version(path), model, error);
    }
    reshift_tensors_destroy(&tensors);
    return status == RESHIFT_OK ? status : model_name_file(error, status, "weights", path);
}

reshift_status reshift_model_create(const char *arch, int n_classes, uint64_t seed, reshift_model **model,
                                    reshift_error *error)
{
    const architecture *row;
    *model = NULL;
    reshift_status status = architecture_find(arch, &row, error);
    if (status == RESHIFT_OK && n_classes < 1) {
        status = error_set(error, RESHIFT_ERROR_ARGUMENT, "a network has at least 1 class, found %d", n_classes);
    }
    if (status == RESHIFT_OK) {
        status = make_model(row, n_classes, model, error);
    }
    if (status == RESHIFT_OK) {
        initialise_network((*model)->net, seed);
    }
    return status;
}

static reshift_status copy_names(char *const *names, int n, char ***copy, reshift_error *error)
{
    *copy = calloc((size_t)n, sizeof **copy);
    for (int k = 0; *copy && k < n; k++) {
        if (!((*copy)[k] = strdup(names[k]))) {
            recipe_class_names_destroy(copy, n);
        }
    }
    return *copy ? RESHIFT_OK : error_memory(error, (size_t)n * sizeof **copy, "the names of the classes");
}

reshift_status reshift_model_clone(const reshift_model *model, reshift_model **copy, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    *copy = calloc(1, sizeof **copy);
    if (!*copy) {
        return error_memory(error, sizeof **copy, "a model");
    }
    **copy = *model;
    (*copy)->class_names = NULL;
    (*copy)->notes = (notes){0};
    (*copy)->trained_on = (reshift_fingerprints){0};
    (*copy)->net = network_clone(model->net);
    if (!(*copy)->net) {
        status = error_memory(error, model->net->graph->n_floats * sizeof(float), "the network's parameters");
    } else if (model->class_names) {
        status = copy_names(model->class_names, model->n_classes, &(*copy)->class_names, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_fingerprints_add(&(*copy)->trained_on, model->trained_on.values, model->trained_on.n, error);
    }
    if (status != RESHIFT_OK) {
        reshift_model_destroy(copy);
    }
    return status;
}

void reshift_model_destroy(reshift_model **model)
{
    if (model && *model) {
        recipe_class_names_destroy(&(*model)->class_names, (*model)->n_classes);
        network_destroy(&(*model)->net);
        reshift_fingerprints_destroy(&(*model)->trained_on);
        notes_clear(&(*model)->notes);
        free(*model);
        *model = NULL;
    }
}

/* ---- what it is ---- */

network *model_network(const reshift_model *model) { return model->net; }
const char *reshift_model_arch(const reshift_model *model) { return model->arch->name; }
int reshift_model_n_classes(const reshift_model *model) { return model->n_classes; }
int reshift_model_n_features(const reshift_model *model) { return architecture_n_features(model->arch); }
const reshift_recipe *reshift_model_recipe(const reshift_model *model) { return &model->recipe; }
void reshift_model_set_recipe(reshift_model *model, const reshift_recipe *recipe) { model->recipe = *recipe; }
int reshift_model_head_size(const reshift_model *model) { return model->head_size; }
void reshift_model_set_size(reshift_model *model, int size) { model->recipe = reshift_recipe_at(&model->recipe, size); }

const char *reshift_model_note(const reshift_model *model, int index, reshift_log_level *level)
{
    if (index < 0 || index >= model->notes.n) {
        return NULL;
    }
    *level = model->notes.items[index].level;
    return model->notes.items[index].text;
}

reshift_status model_need_head(const reshift_model *model, reshift_error *error)
{
    if (!model->headless) {
        return RESHIFT_OK;
    }
    const graph *g = model->net->graph;
    error_set(error, RESHIFT_ERROR_SHAPE, "the network has no last layer (%s): it gives features, not classes",
              g->nodes[g->head].name);
    error_hint(error, "--head FILE gives it one: 'reshift extract' and 'reshift probe' make such a file");
    return RESHIFT_ERROR_SHAPE;
}

int64_t reshift_model_n_parameters(const reshift_model *model)
{
    const graph *g = model->net->graph;
    int64_t count = 0;
    for (int p = 0; p < g->n_parameters; p++) {
        graph_role role = g->parameters[p].role;
        count += role == GRAPH_RUNNING_MEAN || role == GRAPH_RUNNING_VAR ? 0 : (int64_t)g->parameters[p].count;
    }
    return count;
}

bool reshift_model_is_calibrated(const reshift_model *model)
{
    return network_has_ranges(model->net, 0, model->net->graph->n_blocks - 1);
}

const char *reshift_model_block(const reshift_model *model, int index)
{
    const graph *g = model->net->graph;
    return index >= 0 && index < g->n_blocks ? g->blocks[index] : NULL;
}

const char *reshift_model_default_block(const reshift_model *model, int index)
{
    const graph *g = model->net->graph;
    const int node = index == 0 ? g->features : index == 1 ? g->head : -1;
    return node >= 0 ? g->blocks[g->nodes[node].block] : NULL;
}

const char *reshift_model_class_name(const reshift_model *model, int label)
{
    return model->class_names && label >= 0 && label < model->n_classes ? model->class_names[label] : NULL;
}

reshift_status reshift_model_set_class_names(reshift_model *model, const char *const *names, int n,
                                             reshift_error *error)
{
    char **copy = NULL;
    if (names && n != model->n_classes) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "expected %d class names, found %d", model->n_classes, n);
    }
    if (names) {
        reshift_status status = copy_names((char *const *)names, n, &copy, error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    recipe_class_names_destroy(&model->class_names, model->n_classes);
    model->class_names = copy;
    return RESHIFT_OK;
}

const reshift_fingerprints *reshift_model_trained_on(const reshift_model *model)
{
    return model->training_known ? &model->trained_on : NULL;
}

reshift_status reshift_model_add_trained_on(reshift_model *model, const reshift_fingerprints *prints,
                                            reshift_error *error)
{
    reshift_status status = reshift_fingerprints_add(&model->trained_on, prints->values, prints->n, error);
    model->training_known |= status == RESHIFT_OK;
    return status;
}

/* ---- writing ---- */

reshift_status reshift_model_to_tensors(const reshift_model *model, reshift_tensors **tensors, reshift_error *error)
{
    *tensors = reshift_tensors_create();
    if (!*tensors) {
        return error_set(error, RESHIFT_ERROR_MEMORY, "out of memory for the tensors of a network");
    }
    char producer[64];
    snprintf(producer, sizeof producer, "reshift %s", reshift_version());
    const char *texts[][2] = {
        {"format", "pt"}, {METADATA_PREFIX "arch", model->arch->name}, {METADATA_PREFIX "producer", producer}};
    reshift_status status = weights_to_tensors(model->net, !model->headless, *tensors, error);
    for (size_t t = 0; t < sizeof texts / sizeof texts[0] && status == RESHIFT_OK; t++) {
        status = reshift_tensors_set_text(*tensors, texts[t][0], texts[t][1], error);
    }
    if (status == RESHIFT_OK) {
        status = recipe_to_tensors(&model->recipe, *tensors, error);
    }
    if (status == RESHIFT_OK) {
        status = ranges_to_tensors(model->net, *tensors, error);
    }
    if (status == RESHIFT_OK && model->class_names) {
        status = recipe_class_names_to_tensors(model->class_names, model->n_classes, *tensors, error);
    }
    if (status == RESHIFT_OK && model->training_known) {
        status = reshift_tensors_set_trained_on(*tensors, &model->trained_on, error);
    }
    if (status != RESHIFT_OK) {
        reshift_tensors_destroy(tensors);
    }
    return status;
}

reshift_status reshift_model_save(const char *path, const reshift_model *model, bool overwrite, reshift_error *error)
{
    reshift_tensors *tensors = NULL;
    reshift_status status = reshift_model_to_tensors(model, &tensors, error);
    if (status == RESHIFT_OK) {
        status = reshift_tensors_save(path, tensors, overwrite, error);
    }
    reshift_tensors_destroy(&tensors);
    return status;
}
