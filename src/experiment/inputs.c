/*
 * What a run reads from outside: the data sets, the weights, and the split that is drawn from them. Everything is
 * opened and held against everything else before the first long stage, so that a mistake shows in seconds, not after
 * hours.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/progress.h"
#include "datasets/dataset.h"
#include "experiment/run.h"
#include "reshift/learning.h"
#include "reshift/tensors.h"

static reshift_status open_set(run *r, const char *what, const char *spec, reshift_dataset_options *options,
                               run_input input, reshift_dataset **dataset, reshift_error *error)
{
    options->data_dir = r->data_dir;
    options->seed = (uint64_t)r->experiment->seed;
    reshift_status status = reshift_dataset_open(spec, options, dataset, error);
    if (status == RESHIFT_OK) {
        status = reshift_dataset_identity(*dataset, r->identities[input], error);
    }
    return status == RESHIFT_OK ? status : error_prefix(error, status, "%s '%s'", what, spec);
}

/* The training images, shifted as the test images are: by the same corruption, or as a shifted set has its own. */
static reshift_status open_shifted_train(run *r, reshift_error *error)
{
    const reshift_experiment *e = r->experiment;
    const char *spec = r->paired ? e->source.data : e->shift.data;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.split = "train";
    options.limit = e->source.limit_train;
    options.test_share = r->paired ? e->source.test_fraction : 0;
    options.corruption = r->paired ? e->shift.corruption : NULL;
    options.severity_first = (int)e->shift.severity.first;
    options.severity_last = (int)e->shift.severity.last;
    options.generate = true;
    options.constants = (reshift_constants)e->shift.constants;
    options.jpeg = (reshift_jpeg_step)e->shift.jpeg;
    reshift_status status = open_set(r, "shifted training data", spec, &options, INPUT_ROWS, &r->shifted_train, error);
    const run_input train = r->paired ? INPUT_TRAIN : INPUT_ROWS, test = r->paired ? INPUT_TEST : INPUT_SHIFT;
    if (status == RESHIFT_OK && strcmp(r->identities[train], r->identities[test]) == 0) {
        error_set(error, RESHIFT_ERROR_ARGUMENT,
                  "'finetune.rows': train: the training images of '%s' are its test images", spec);
        error_hint(error, "use data with a training and a test part, or finetune.rows=shifted");
        return RESHIFT_ERROR_ARGUMENT;
    }
    return status;
}

reshift_dataset *run_tuning_set(const run *r) { return r->shifted_train ? r->shifted_train : r->shift; }

static reshift_status open_sets(run *r, reshift_error *error)
{
    const reshift_experiment *e = r->experiment;
    reshift_dataset_options options;
    reshift_status status = RESHIFT_OK;
    if (r->pretrained_here) {
        reshift_dataset_options_default(&options);
        options.split = "train";
        options.limit = e->pretrain.limit;
        status = open_set(r, "pretraining data", "demo-source", &options, INPUT_PRETRAIN, &r->source, error);
    }
    if (status == RESHIFT_OK) {
        reshift_dataset_options_default(&options);
        options.split = "train";
        options.limit = e->source.limit_train;
        options.test_share = e->source.test_fraction;
        status = open_set(r, "training data", e->source.data, &options, INPUT_TRAIN, &r->train, error);
    }
    if (status == RESHIFT_OK) {
        reshift_dataset_options_default(&options);
        options.split = "test";
        options.limit = e->source.limit_test;
        options.test_share = e->source.test_fraction;
        status = open_set(r, "test data", e->source.data, &options, INPUT_TEST, &r->test, error);
    }
    if (status == RESHIFT_OK) {
        reshift_dataset_options_default(&options);
        options.split = "test";
        options.limit = e->source.limit_test;
        options.test_share = r->paired ? e->source.test_fraction : 0;
        options.corruption = r->paired ? e->shift.corruption : NULL;
        options.severity_first = (int)e->shift.severity.first;
        options.severity_last = (int)e->shift.severity.last;
        options.generate = e->shift.generate;
        options.constants = (reshift_constants)e->shift.constants;
        options.jpeg = (reshift_jpeg_step)e->shift.jpeg;
        status = open_set(r, "shifted data", e->shift.data, &options, INPUT_SHIFT, &r->shift, error);
        if (status == RESHIFT_OK && reshift_dataset_note(r->shift)) {
            progress_message(r->progress, RESHIFT_LOG_WARNING, "%s", reshift_dataset_note(r->shift));
        }
    }
    if (status == RESHIFT_OK && e->finetune.rows == SETTINGS_ROWS_TRAIN) {
        status = open_shifted_train(r, error);
    }
    return status;
}

/* A class that is tested on is one that could be learned. */
static reshift_status check_classes(const run *r, const reshift_dataset *tested, reshift_error *error)
{
    const int n = reshift_dataset_n_classes(r->train);
    int64_t *trained = calloc((size_t)n + 1, sizeof *trained);
    if (!trained) {
        return error_memory(error, (size_t)n * sizeof *trained, "classes");
    }
    reshift_status status = RESHIFT_OK;
    for (int64_t row = 0; row < reshift_dataset_count(r->train); row++) {
        trained[reshift_dataset_label(r->train, row)]++;
    }
    for (int64_t row = 0; status == RESHIFT_OK && row < reshift_dataset_count(tested); row++) {
        const int label = reshift_dataset_label(tested, row);
        if (trained[label] == 0) {
            char name[256];
            reshift_dataset_row_name(tested, row, name, sizeof name);
            status = error_set(error, RESHIFT_ERROR_SHAPE, "class '%s' is tested (%s) and has no training image",
                               reshift_dataset_class_name(tested, label), name);
            error_hint(error, r->experiment->source.limit_train > 0
                                  ? "source.limit_train takes the first images, and folders are sorted by class: raise it"
                                  : "take its images out of the test set, or give it training images");
        }
    }
    free(trained);
    return status;
}

static reshift_status check_sets(const run *r, reshift_error *error)
{
    int classes = reshift_dataset_n_classes(r->train);
    const reshift_dataset *others[] = {r->test, r->shift, run_tuning_set(r)};
    const char *names[] = {"test", "shifted", "shifted training"};
    for (int i = 0; i < 3; i++) {
        if (reshift_dataset_n_classes(others[i]) != classes) {
            return error_set(error, RESHIFT_ERROR_SHAPE,
                             "the %s set has other classes than the training set: expected %d, found %d", names[i],
                             classes, reshift_dataset_n_classes(others[i]));
        }
    }
    if (reshift_dataset_count(r->train) < 1 || reshift_dataset_count(r->test) < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "'%s' holds no images", r->experiment->source.data);
    }
    reshift_status status = check_classes(r, r->test, error);
    return status == RESHIFT_OK ? check_classes(r, r->shift, error) : status;
}

static reshift_status check_model(run *r, reshift_error *error)
{
    const reshift_experiment *e = r->experiment;
    const char *arch = reshift_model_arch(r->original);
    if (strcmp(e->model.arch, "any") != 0 && strcmp(e->model.arch, arch) != 0) {
        error_set(error, RESHIFT_ERROR_SHAPE, "weights '%s': expected the architecture %s (model.arch), found %s",
                  e->model.weights, e->model.arch, arch);
        error_hint(error, "--set model.arch=%s, if these are the weights you mean", arch);
        return RESHIFT_ERROR_SHAPE;
    }
    return RESHIFT_OK;
}

static reshift_status hold_out(run *r, reshift_error *error)
{
    r->held_out = calloc((size_t)r->split.n_train + 1, 1);
    if (!r->held_out) {
        return error_memory(error, (size_t)r->split.n_train, "rows held out");
    }
    reshift_status status = reshift_split_hold_out(run_tuning_set(r), r->split.train_rows, r->split.n_train,
                                                   r->experiment->finetune.validation, (uint64_t)r->experiment->seed,
                                                   r->held_out, &r->n_held_out, error);
    return status == RESHIFT_OK ? status : error_prefix(error, status, "'finetune.validation'");
}

/* The rows that the split drew, so that whatever depends on them depends on nothing else of how they were drawn. */
static reshift_status identify_split(run *r, reshift_error *error)
{
    const reshift_split *split = &r->split;
    const int64_t facts[] = {(int64_t)split->kind, split->n_train, split->n_test, r->n_held_out};
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        return error_memory(error, 0, "a digest");
    }
    digest_add(d, facts, sizeof facts);
    digest_add(d, split->train_rows, (size_t)split->n_train * sizeof *split->train_rows);
    digest_add(d, split->test_rows, (size_t)split->n_test * sizeof *split->test_rows);
    if (r->n_held_out > 0) {
        digest_add(d, r->held_out, (size_t)split->n_train);
    }
    digest_finish(d, r->identities[INPUT_SPLIT]);
    digest_destroy(&d);
    return RESHIFT_OK;
}

/* Clipping ranges that are not stored with the weights come from the training images. */
static void identify_calibration(run *r)
{
    const bool stored = !r->pretrained_here && reshift_model_is_calibrated(r->original);
    if (r->experiment->input.precision == RESHIFT_PRECISION_INT8 && !stored) {
        memcpy(r->identities[INPUT_CALIBRATION], r->identities[INPUT_TRAIN], DIGEST_HEX_BYTES);
    }
}

reshift_status run_open(run *r, reshift_error *error)
{
    const reshift_experiment *e = r->experiment;
    r->pretrained_here = strcmp(e->model.weights, "demo") == 0;
    r->paired = strcmp(e->shift.corruption, "none") != 0;
    const reshift_corruption *corruption;
    reshift_status status = r->paired ? reshift_corruption_find(e->shift.corruption, &corruption, error) : RESHIFT_OK;
    if (status == RESHIFT_OK && r->pretrained_here) {
        /* the architecture is known beforehand: a fresh network of it answers every question about blocks */
        status = reshift_model_create("resnet-demo", 2, 0, &r->original, error);
    } else if (status == RESHIFT_OK) {
        status = reshift_model_find(e->model.weights, r->data_dir, r->weights_path, sizeof r->weights_path, error);
        if (status == RESHIFT_OK) {
            status = digest_file(DIGEST_SHA256, r->weights_path, r->identities[INPUT_WEIGHTS], error);
        }
        if (status == RESHIFT_OK) {
            status = reshift_model_load(r->weights_path, r->data_dir, &r->original, error);
        }
    }
    if (status == RESHIFT_OK) {
        status = check_model(r, error);
    }
    if (r->pretrained_here) {
        reshift_model_destroy(&r->original);
    }
    if (status == RESHIFT_OK) {
        status = open_sets(r, error);
    }
    if (status == RESHIFT_OK) {
        status = check_sets(r, error);
    }
    if (status == RESHIFT_OK && !r->test->has_parts) {
        progress_message(r->progress, RESHIFT_LOG_INFO,
                         "'%s' has no training and test part of its own: %lld images to learn from and %lld to test on, "
                         "drawn by class", e->source.data, (long long)reshift_dataset_count(r->train),
                         (long long)reshift_dataset_count(r->test));
    }
    if (status == RESHIFT_OK) {
        const reshift_split_kind kind = (reshift_split_kind)e->finetune.split;
        status = r->shifted_train
                     ? reshift_split_draw_apart(r->shifted_train, r->shift, kind, e->finetune.samples,
                                                (uint64_t)e->seed, &r->split, error)
                     : reshift_split_draw(r->shift, kind, e->finetune.samples, (uint64_t)e->seed, &r->split, error);
        if (status != RESHIFT_OK) {
            error_prefix(error, status, "'finetune.samples'");
        }
    }
    if (status == RESHIFT_OK && e->finetune.validation > 0) {
        status = hold_out(r, error);
    }
    if (status == RESHIFT_OK) {
        identify_calibration(r);
        status = identify_split(r, error);
    }
    return status;
}

void run_close(run *r)
{
    reshift_dataset_close(&r->source);
    reshift_dataset_close(&r->train);
    reshift_dataset_close(&r->test);
    reshift_dataset_close(&r->shift);
    reshift_dataset_close(&r->shifted_train);
    reshift_frozen_cache_close(&r->cache); /* holds the sets too */
    reshift_model_destroy(&r->original);
    reshift_split_destroy(&r->split);
    free(r->held_out);
    json_decref(r->manifest);
    r->manifest = NULL;
}

reshift_status run_path(const run *r, const char *name, char **path, reshift_error *error)
{
    *path = path_join(r->folder, name);
    return *path ? RESHIFT_OK : error_memory(error, strlen(name), "a path");
}

reshift_status run_calibrate(const run *r, reshift_model *model, reshift_error *error)
{
    bool needed = r->experiment->input.precision == RESHIFT_PRECISION_INT8 && !reshift_model_is_calibrated(model);
    return needed ? reshift_calibrate(model, r->train, (int)r->experiment->input.size, r->progress, error) : RESHIFT_OK;
}

reshift_status run_original(run *r, reshift_error *error)
{
    char *path = NULL;
    reshift_status status = RESHIFT_OK;
    if (!r->original) {
        status = run_path(r, "weights/pretrained.safetensors", &path, error);
        if (status == RESHIFT_OK) {
            status = reshift_model_load(path, NULL, &r->original, error);
        }
    }
    free(path);
    return status == RESHIFT_OK ? run_calibrate(r, r->original, error) : status;
}

reshift_status run_original_with_probe(run *r, reshift_model **model, reshift_error *error)
{
    char *path = NULL;
    *model = NULL;
    reshift_status status = run_original(r, error);
    if (status == RESHIFT_OK) {
        status = reshift_model_clone(r->original, model, error);
    }
    if (status == RESHIFT_OK) {
        status = run_path(r, "weights/probe.safetensors", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_load_head(*model, path, error);
    }
    free(path);
    if (status != RESHIFT_OK) {
        reshift_model_destroy(model);
    }
    return status;
}
