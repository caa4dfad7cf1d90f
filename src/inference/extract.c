/* What a network says about images: features and logits of a data set, in memory or streamed to files; one prediction.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/progress.h"
#include "engine/plan.h"
#include "formats/npy.h"
#include "imaging/preprocess.h"
#include "inference/calibrate.h"
#include "inference/extraction.h"
#include "inference/outputs.h"
#include "kernels/linear.h"
#include "kernels/softmax.h"
#include "models/model.h"
#include "reshift/learning.h"

/* Where a pass goes: called once a pass, rows in order. */
typedef reshift_status (*pass_sink)(void *context, int64_t first, const forward_pass *pass, reshift_error *error);

/* All of `dataset` through the network: to the features, or on to the logits. */
static reshift_status run_rows(const reshift_model *model, const reshift_dataset *dataset,
                               const reshift_forward_options *options, bool stop_at_features, pass_sink sink,
                               void *context, const reshift_progress *progress, reshift_error *error)
{
    network *net = model_network(model);
    int64_t n = reshift_dataset_count(dataset), done = 0;
    if (n < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "the data set holds no images");
    }
    extraction_setup setup = {.forward = {.net = net,
                                          .recipe = reshift_model_recipe(model),
                                          .size = options ? options->size : 0,
                                          .batch = options ? options->batch : 0,
                                          .n_rows = n,
                                          .precision = options ? forward_precision(options->precision, false, progress)
                                                               : RESHIFT_PRECISION_F32,
                                          .last_block = net->graph->n_blocks - 1,
                                          .stop_at_features = stop_at_features},
                              .cache = options ? options->cache : NULL,
                              .n_rows = n};
    const char *what = stop_at_features ? "features" : "forward";
    extraction *e = NULL;
    forward_expect(&setup.forward, dataset);
    reshift_status status = calibrate_if_needed(&setup.forward, dataset, progress, error);
    if (status == RESHIFT_OK) {
        status = extraction_create(&setup, &e, progress, error);
    }
    if (status == RESHIFT_OK) {
        status = extraction_start(e, dataset, NULL, n, true, error);
    }
    progress_update(progress, what, 0, n, "images");
    while (status == RESHIFT_OK && done < n) {
        forward_pass pass;
        status = progress_check(progress, error);
        if (status == RESHIFT_OK) {
            status = extraction_next(e, &pass, error);
        }
        if (status == RESHIFT_OK) {
            status = sink(context, done, &pass, error);
        }
        if (status == RESHIFT_OK) {
            done += pass.n;
            progress_update(progress, what, done, n, "images");
        }
    }
    if (status == RESHIFT_OK) {
        status = extraction_commit(e, error);
    }
    extraction_destroy(&e);
    return status;
}

/* ---- into memory ---- */

typedef struct memory_sink {
    float *features, *logits; /* [N,D], [N,K]; NULL: not wanted */
    int64_t n_features, n_classes;
    bool stopped_at_features;
} memory_sink;

static reshift_status store_in_memory(void *context, int64_t first, const forward_pass *pass, reshift_error *error)
{
    (void)error;
    const memory_sink *s = context;
    if (s->features) {
        memcpy(s->features + first * s->n_features, s->stopped_at_features ? pass->output : pass->features,
               (size_t)(pass->n * s->n_features) * sizeof(float));
    }
    if (s->logits) {
        memcpy(s->logits + first * s->n_classes, pass->output, (size_t)(pass->n * s->n_classes) * sizeof(float));
    }
    return RESHIFT_OK;
}

void reshift_forward_options_default(reshift_forward_options *options)
{
    *options = (reshift_forward_options){.precision = RESHIFT_PRECISION_F32};
}

reshift_status reshift_forward(const reshift_model *model, const reshift_dataset *dataset,
                               const reshift_forward_options *options, reshift_array *features, reshift_array *logits,
                               const reshift_progress *progress, reshift_error *error)
{
    int64_t n = reshift_dataset_count(dataset);
    if (logits && model_need_head(model, error) != RESHIFT_OK) {
        return RESHIFT_ERROR_SHAPE;
    }
    memory_sink sink = {.n_features = reshift_model_n_features(model),
                        .n_classes = reshift_model_n_classes(model),
                        .stopped_at_features = !logits};
    reshift_status status = RESHIFT_OK;
    if (features) {
        status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, sink.n_features}, features, error);
        sink.features = features->data;
    }
    if (logits) {
        memset(logits, 0, sizeof *logits);
        if (status == RESHIFT_OK) {
            status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, sink.n_classes}, logits, error);
            sink.logits = logits->data;
        }
    }
    if (status == RESHIFT_OK) {
        status = run_rows(model, dataset, options, !logits, store_in_memory, &sink, progress, error);
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(features);
        reshift_array_destroy(logits);
    }
    return status;
}

/* ---- into files ---- */

typedef struct file_sink {
    npy_writer features, labels;
    bool write_labels;
    int64_t n_features;
} file_sink;

static reshift_status store_in_files(void *context, int64_t first, const forward_pass *pass, reshift_error *error)
{
    (void)first;
    file_sink *s = context;
    reshift_status status =
        npy_writer_append(&s->features, pass->output, (size_t)(pass->n * s->n_features) * sizeof(float), error);
    for (int i = 0; status == RESHIFT_OK && s->write_labels && i < pass->n; i++) {
        int64_t label = pass->labels[i];
        status = npy_writer_append(&s->labels, &label, sizeof label, error);
    }
    return status;
}

reshift_status reshift_extract(const reshift_model *model, const reshift_dataset *dataset,
                               const reshift_forward_options *options, const char *features_path,
                               const char *labels_path, bool overwrite, const reshift_progress *progress,
                               reshift_error *error)
{
    int64_t n = reshift_dataset_count(dataset), n_features = reshift_model_n_features(model);
    file_sink sink = {.write_labels = labels_path != NULL, .n_features = n_features};
    if (labels_path && !strcmp(labels_path, features_path)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "features and labels cannot both go to '%s'", labels_path);
    }
    reshift_status status =
        npy_writer_open(features_path, RESHIFT_F32, 2, (int64_t[]){n, n_features}, overwrite, &sink.features, error);
    if (status == RESHIFT_OK && labels_path) {
        status = npy_writer_open(labels_path, RESHIFT_I64, 1, (int64_t[]){n}, overwrite, &sink.labels, error);
    }
    if (status == RESHIFT_OK) {
        status = run_rows(model, dataset, options, true, store_in_files, &sink, progress, error);
    }
    if (status == RESHIFT_OK) {
        status = npy_writer_commit(&sink.features, error);
    }
    if (status == RESHIFT_OK && labels_path) {
        status = npy_writer_commit(&sink.labels, error);
    }
    npy_writer_abort(&sink.features);
    npy_writer_abort(&sink.labels);
    return status;
}

/* ---- the head alone ---- */

reshift_status reshift_head_logits(const reshift_model *model, const reshift_array *features, reshift_array *logits,
                                   reshift_error *error)
{
    memset(logits, 0, sizeof *logits);
    if (model_need_head(model, error) != RESHIFT_OK) {
        return RESHIFT_ERROR_SHAPE;
    }
    int n_classes = reshift_model_n_classes(model), n_features = reshift_model_n_features(model);
    if (features->dtype != RESHIFT_F32 || features->n_dims != 2 || features->shape[1] != n_features) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "features: expected float32 [N,%d], found %s with %d dimensions, the last %lld", n_features,
                         reshift_dtype_name(features->dtype), features->n_dims,
                         (long long)(features->n_dims ? features->shape[features->n_dims - 1] : 0));
    }
    const network *net = model_network(model);
    const graph *g = net->graph;
    int weight = graph_parameter_of(g, g->head, GRAPH_WEIGHT), bias = graph_parameter_of(g, g->head, GRAPH_BIAS);
    int64_t n = features->shape[0], n_tiles = (n + LINEAR_TILE - 1) / LINEAR_TILE;
    linear layer = {0};
    reshift_status status = linear_create(n_features, n_classes, &layer, error);
    if (status == RESHIFT_OK) {
        linear_set(&layer, network_parameter(net, weight), network_parameter(net, bias));
        status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, n_classes}, logits, error);
    }
    if (status == RESHIFT_OK) {
#pragma omp parallel for schedule(static)
        for (int64_t tile = 0; tile < n_tiles; tile++) {
            _Alignas(64) float scratch[LINEAR_TILE * LINEAR_LANES];
            const float *rows[LINEAR_TILE];
            int count = 0;
            for (int64_t i = tile * LINEAR_TILE; i < n && count < LINEAR_TILE; i++) {
                rows[count++] = (const float *)features->data + i * n_features;
            }
            linear_logits(&layer, rows, count, scratch, (float *)logits->data + tile * LINEAR_TILE * n_classes);
        }
        const int64_t bad = finite_first_bad(logits->data, n, n_classes);
        if (bad < n) {
            status = error_set(error, RESHIFT_ERROR_NUMERIC, "row %lld of the features: logits are not finite",
                               (long long)bad);
        }
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(logits);
    }
    linear_destroy(&layer);
    return status;
}

/* ---- one image ---- */

reshift_status reshift_predict(const reshift_model *model, const reshift_image *image, reshift_precision precision,
                               float *probabilities, reshift_error *error)
{
    network *net = model_network(model);
    const reshift_recipe *recipe = reshift_model_recipe(model);
    if (model_need_head(model, error) != RESHIFT_OK) {
        return RESHIFT_ERROR_SHAPE;
    }
    if (reshift_precision_here(precision, false) == RESHIFT_PRECISION_INT8 && !reshift_model_is_calibrated(model)) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "int8: the weights do not say how large activations get");
        error_hint(error, "store it with them: reshift calibrate --weights W --data DATA --out FILE");
        return RESHIFT_ERROR_NOT_FOUND;
    }
    plan_options options = {.batch = 1,
                            .height = recipe->size,
                            .width = recipe->size,
                            .last_block = net->graph->n_blocks - 1,
                            .precision = precision};
    plan *p;
    reshift_status status = plan_create(net, &options, &p, error);
    if (status == RESHIFT_OK) {
        status =
            preprocess_photo(image, recipe->resize, recipe->size, recipe->mean, recipe->std, plan_staging(p), error);
    }
    if (status == RESHIFT_OK) {
        status = plan_forward(p, error);
    }
    plan_results results = {NULL, NULL, NULL};
    if (status == RESHIFT_OK) {
        status = plan_read(p, &results, error);
    }
    if (status == RESHIFT_ERROR_NUMERIC) {
        outputs_overflow(&(output_rows){NULL, NULL, 0}, 0, error);
    }
    if (status == RESHIFT_OK) {
        status = outputs_check(results.output, 1, reshift_model_n_classes(model), "logits",
                               &(output_rows){NULL, NULL, 0}, error);
    }
    if (status == RESHIFT_OK) {
        softmax_probabilities_rounded(results.output, reshift_model_n_classes(model), probabilities);
    }
    plan_destroy(&p);
    return status;
}
