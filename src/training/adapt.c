/* A plan for whole batches and one for the last batch where that has another size; one network for both. */
#include "training/adapt.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "datasets/loader.h"
#include "engine/plan_optimiser.h"
#include "inference/outputs.h"
#include "models/model.h"
#include "models/recipe.h"

#define MOMENTUM 0.9

struct adapt {
    reshift_adapt_options options;
    const network *given; /* the model's */
    network *net;         /* the copy that moves */
    plan *whole, *rest;   /* of a batch, and of the last one where that has another size; NULL: there is none */
    int rest_rows;        /* of the last batch, 0: it is whole */
    int n_classes;
    int64_t n_rows;
    loader_options reading;
    loader *loader;
    float *logits;     /* [batch + 1,K]: of before the step */
    int *labels;       /* [batch + 1] */
    output_rows reads; /* the images of the next batch */
    /* Tent */
    int *affine, n_affine; /* parameters */
    double *rates;         /* [n_affine] */
    plan_optimiser *optimiser;
};

void reshift_adapt_options_default(reshift_adapt_options *options)
{
    *options = (reshift_adapt_options){.kind = RESHIFT_ADAPT_NONE, .batch = 64, .learning_rate = 0.001};
}

static const char *const names[] = {"none", "bn", "tent", NULL}; /* the enum's order */
static const reshift_adapt_options *options_of(const void *options) { return options; }
static bool adapts(const void *o) { return options_of(o)->kind != RESHIFT_ADAPT_NONE; }
static bool is_bn(const void *o) { return options_of(o)->kind == RESHIFT_ADAPT_BN; }
static bool is_tent(const void *o) { return options_of(o)->kind == RESHIFT_ADAPT_TENT; }

#define ADAPT_FIELDS(ROW, T)                                                                                           \
    ROW(T, CHOICE, kind, "adaptation", .words = names)                                                                 \
    ROW(T, INT, batch, "adaptation: batch", .counts = adapts)                                                          \
    ROW(T, BOOL, shuffled, "adaptation: shuffled", .counts = adapts)                                                   \
    ROW(T, NUMBER, source_images, "adaptation: source images", .counts = is_bn)                                        \
    ROW(T, BOOL, sgd, "adaptation: sgd", .counts = is_tent)                                                            \
    ROW(T, NUMBER, learning_rate, "adaptation: learning rate", .counts = is_tent)
FACTS_TABLE(adapt_facts, reshift_adapt_options, ADAPT_FIELDS);

const char *reshift_adapt_name(reshift_adapt_kind kind) { return names[kind]; }

bool reshift_adapt_read(const char *name, reshift_adapt_kind *kind)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], name) == 0) {
            *kind = (reshift_adapt_kind)i;
            return true;
        }
    }
    return false;
}

/* ---- making ---- */

int adapt_rest(int64_t n_rows, int batch)
{
    if (n_rows <= batch) {
        return 0;
    }
    const int rest = (int)(n_rows % batch);
    return rest == 1 && batch > 1 ? batch + 1 : rest;
}

static reshift_status make_plan(adapt *a, int rows, reshift_precision precision, plan **out, reshift_error *error)
{
    const graph *g = a->net->graph;
    bool *all = malloc((size_t)g->n_blocks * sizeof *all + 1);
    if (!all) {
        return error_memory(error, (size_t)g->n_blocks, "a plan");
    }
    memset(all, true, (size_t)g->n_blocks * sizeof *all);
    double prior = a->options.source_images;
    const plan_options options = {.batch = rows,
                                  .height = a->reading.size,
                                  .width = a->reading.size,
                                  .last_block = g->n_blocks - 1,
                                  .precision = precision,
                                  .train_block = a->options.kind == RESHIFT_ADAPT_TENT ? all : NULL,
                                  .batchnorm_batch = all,
                                  .affine_only = true,
                                  .source_share =
                                      a->options.kind == RESHIFT_ADAPT_BN ? (float)(prior / (prior + rows)) : 0};
    reshift_status status = plan_create(a->net, &options, out, error);
    free(all);
    return status;
}

static reshift_status find_affine(adapt *a, reshift_error *error)
{
    const graph *g = a->net->graph;
    size_t n = (size_t)g->n_parameters;
    a->affine = calloc(n + 1, sizeof *a->affine);
    a->rates = calloc(n + 1, sizeof *a->rates);
    if (!a->affine || !a->rates) {
        return error_memory(error, n * sizeof *a->rates, "the optimiser");
    }
    for (int p = 0; p < g->n_parameters; p++) {
        if (g->parameters[p].role == GRAPH_GAMMA || g->parameters[p].role == GRAPH_BETA) {
            a->rates[a->n_affine] = a->options.learning_rate;
            a->affine[a->n_affine++] = p;
        }
    }
    return RESHIFT_OK;
}

static reshift_status check_options(const reshift_adapt_options *o, reshift_error *error)
{
    const bool mixed = o->kind == RESHIFT_ADAPT_BN && o->source_images > 0; /* then one image has statistics too */
    if (o->kind == RESHIFT_ADAPT_NONE || o->batch < (mixed ? 1 : 2) ||
        !(o->source_images >= 0 && o->source_images <= 1e9) || !(o->learning_rate > 0 && o->learning_rate <= 10)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "adaptation: expected a batch of 2 or more (1 with bn and source images), source images of 0 "
                         "or more and a learning rate above "
                         "0, found %d, %g and %g",
                         o->batch, o->source_images, o->learning_rate);
    }
    return RESHIFT_OK;
}

reshift_status adapt_create(const reshift_model *model, const reshift_adapt_options *options, int size, int64_t n_rows,
                            reshift_precision precision, adapt **out, reshift_error *error)
{
    *out = NULL;
    reshift_status status = check_options(options, error);
    if (status == RESHIFT_OK) {
        status = model_need_head(model, error);
    }
    const reshift_recipe recipe = reshift_recipe_at(reshift_model_recipe(model), size);
    if (status == RESHIFT_OK) {
        status = recipe_check_size(recipe.size, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    adapt *a = calloc(1, sizeof *a);
    if (!a) {
        return error_memory(error, sizeof *a, "adaptation");
    }
    a->options = *options;
    a->given = model_network(model);
    a->n_rows = n_rows;
    a->n_classes = reshift_model_n_classes(model);
    a->reading.batch = n_rows < options->batch ? (int)n_rows : options->batch;
    a->reading.size = recipe.size;
    a->reading.resize = recipe.resize;
    memcpy(a->reading.mean, recipe.mean, sizeof a->reading.mean);
    memcpy(a->reading.std, recipe.std, sizeof a->reading.std);
    a->rest_rows = adapt_rest(n_rows, a->reading.batch);
    a->net = network_clone(a->given);
    a->logits = memory_allocate(((size_t)a->reading.batch + 1) * (size_t)a->n_classes * sizeof *a->logits);
    a->labels = calloc((size_t)a->reading.batch + 1, sizeof *a->labels);
    if (!a->net || !a->logits || !a->labels) {
        status = error_memory(error, a->given->graph->n_floats * sizeof(float), "a copy of the network");
    }
    if (status == RESHIFT_OK) {
        status = find_affine(a, error);
    }
    if (status == RESHIFT_OK) {
        status = make_plan(a, a->reading.batch, precision, &a->whole, error);
    }
    if (status == RESHIFT_OK && a->rest_rows > 0) {
        status = make_plan(a, a->rest_rows, precision, &a->rest, error);
    }
    if (status != RESHIFT_OK) {
        adapt_destroy(&a);
    }
    *out = a;
    return status;
}

void adapt_destroy(adapt **pointer)
{
    adapt *a = pointer ? *pointer : NULL;
    if (!a) {
        return;
    }
    loader_close(&a->loader);
    plan_destroy(&a->whole);
    plan_destroy(&a->rest);
    network_destroy(&a->net);
    plan_optimiser_destroy(&a->optimiser);
    free(a->rates);
    free(a->affine);
    free(a->labels);
    memory_free(a->logits);
    free(a);
    *pointer = NULL;
}

const network *adapt_network(const adapt *a) { return a->net; }

/* ---- starting afresh ---- */

static reshift_status make_optimiser(adapt *a, reshift_error *error)
{
    const optimiser_rule rule = {.kind = a->options.sgd ? OPTIMISER_SGD : OPTIMISER_ADAM, .momentum = MOMENTUM};
    plan_optimiser_destroy(&a->optimiser);
    return plan_optimiser_create(a->net, NULL, &rule, a->affine, a->rates, a->n_affine, &a->optimiser, error);
}

reshift_status adapt_start(adapt *a, const reshift_dataset *dataset, const int64_t *rows, reshift_error *error)
{
    const graph *g = a->net->graph;
    loader_close(&a->loader);
    memcpy(a->net->values, a->given->values, g->n_floats * sizeof *a->net->values);
    for (int p = 0; p < g->n_parameters; p++) {
        network_touch(a->net, p);
    }
    reshift_status status = RESHIFT_OK;
    if (a->options.kind == RESHIFT_ADAPT_TENT) {
        status = make_optimiser(a, error);
    }
    a->reads = (output_rows){.dataset = dataset, .order = rows};
    return status == RESHIFT_OK ? loader_open(dataset, rows, a->n_rows, &a->reading, &a->loader, error) : status;
}

/* ---- a batch ---- */

static reshift_status step(adapt *a, plan *p, reshift_error *error)
{
    double entropy;
    reshift_status status = plan_entropy(p, &entropy, error);
    if (status == RESHIFT_OK) {
        status = plan_backward(p, error);
    }
    return status == RESHIFT_OK ? plan_optimiser_step(a->optimiser, p, 1, error) : status;
}

/* Images and labels of the next batch, images into the input of the plan that fits. The last two batches of the loader
 * are one where the very last is a single image. */
static reshift_status read_batch(adapt *a, plan **fitting, int *n, reshift_error *error)
{
    const size_t image_floats = (size_t)a->reading.size * (size_t)a->reading.size * 3;
    const float *images;
    const int *labels;
    int count;
    reshift_status status = loader_next(a->loader, &images, &labels, &count, error);
    const bool last_two = a->rest_rows > a->reading.batch && a->reads.first + a->rest_rows == a->n_rows;
    plan *p = *fitting = count == a->reading.batch && !last_two ? a->whole : a->rest;
    for (*n = 0; status == RESHIFT_OK && count > 0;) {
        memcpy((float *)plan_staging(p) + (size_t)*n * image_floats, images,
               (size_t)count * image_floats * sizeof(float));
        memcpy(a->labels + *n, labels, (size_t)count * sizeof *labels);
        *n += count;
        count = 0;
        if (last_two && *n < a->rest_rows) {
            status = loader_next(a->loader, &images, &labels, &count, error);
        }
    }
    return status;
}

reshift_status adapt_next(adapt *a, const float **logits, const int **labels, int *n, reshift_error *error)
{
    plan *p;
    reshift_status status = read_batch(a, &p, n, error);
    *labels = a->labels;
    if (status != RESHIFT_OK || *n == 0) {
        return status;
    }
    status = plan_forward(p, error);
    plan_results results;
    if (status == RESHIFT_OK) {
        status = plan_read(p, &results, error);
    }
    if (status == RESHIFT_ERROR_NUMERIC) {
        outputs_overflow(&a->reads, plan_overflow_image(p), error);
    }
    if (status == RESHIFT_OK) {
        memcpy(a->logits, results.output, (size_t)*n * (size_t)a->n_classes * sizeof(float));
        *logits = a->logits;
        status = outputs_check(a->logits, *n, a->n_classes, "logits", &a->reads, error);
    }
    a->reads.first += *n;
    return status == RESHIFT_OK && a->options.kind == RESHIFT_ADAPT_TENT ? step(a, p, error) : status;
}
