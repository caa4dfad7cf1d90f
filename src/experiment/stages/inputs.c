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
#include "models/identity.h"
#include "datasets/classes.h"
#include "reshift/learning.h"
#include "reshift/tensors.h"
#include "reshift/words.h"

/* Opens a set and takes its identity. What was read of the settings must be what their rows say of this input. */
static reshift_status open_set(run *r, const char *what, const char *spec, reshift_dataset_options *options,
                               run_input input, reshift_dataset **dataset, reshift_error *error)
{
    options->data_dir = r->data_dir;
    options->progress = r->progress;
    options->seed = (uint64_t)SETTING(r, seed);
    reshift_status status = reshift_dataset_open(spec, options, dataset, error);
    if (status == RESHIFT_OK) {
        status = reshift_dataset_identity(*dataset, r->identities[input], error);
    }
    if (status != RESHIFT_OK) {
        return error_prefix(error, status, "%s '%s'", what, spec);
    }
    return reads_end(r, error);
}

static reshift_status open_pretraining_set(run *r, reshift_error *error)
{
    reshift_dataset_options options;
    reads_begin_input(r, INPUT_PRETRAIN);
    reshift_dataset_options_default(&options);
    options.split = "train";
    options.limit = SETTING(r, pretrain.limit);
    return open_set(r, "pretraining data", "demo-source", &options, INPUT_PRETRAIN, &r->opened.source, error);
}

static reshift_status open_train(run *r, reshift_error *error)
{
    reshift_dataset_options options;
    reads_begin_input(r, INPUT_TRAIN);
    reshift_dataset_options_default(&options);
    options.split = "train";
    options.limit = SETTING(r, source.limit_train);
    options.test_share = SETTING(r, source.test_fraction);
    options.skip_bad = SETTING(r, source.skip_bad);
    return open_set(r, "training data", SETTING(r, source.data), &options, INPUT_TRAIN, &r->opened.train, error);
}

static reshift_status open_test(run *r, reshift_error *error)
{
    reshift_dataset_options options;
    reads_begin_input(r, INPUT_TEST);
    reshift_dataset_options_default(&options);
    options.split = "test";
    options.limit = SETTING(r, source.limit_test);
    options.test_share = SETTING(r, source.test_fraction);
    options.skip_bad = SETTING(r, source.skip_bad);
    return open_set(r, "test data", SETTING(r, source.data), &options, INPUT_TEST, &r->opened.test, error);
}

/* How both shifted sets are shifted. */
static void shift_options(const run *r, reshift_dataset_options *options)
{
    options->test_share = r->opened.paired ? SETTING(r, source.test_fraction) : 0;
    options->skip_bad = SETTING(r, source.skip_bad);
    options->corruption = r->opened.paired ? SETTING(r, shift.corruption) : NULL;
    options->severity_first = (int)SETTING(r, shift.severity.first);
    options->severity_last = (int)SETTING(r, shift.severity.last);
    options->constants = (reshift_constants)SETTING(r, shift.constants);
    options->jpeg = (reshift_jpeg_step)SETTING(r, shift.jpeg);
    if (SETTING(r, shift.corrupt_at) == 0) {
        const reshift_recipe recipe = reshift_recipe_at(&r->opened.recipe, (int)SETTING(r, input.size));
        options->crop_resize = recipe.resize;
        options->crop_size = recipe.size;
    }
}

static reshift_status open_shift(run *r, reshift_error *error)
{
    reshift_dataset_options options;
    reads_begin_input(r, INPUT_SHIFT);
    reshift_dataset_options_default(&options);
    options.split = "test";
    options.limit = SETTING(r, source.limit_test);
    options.generate = SETTING(r, shift.generate);
    shift_options(r, &options);
    if (options.corruption && !options.generate && !reshift_dataset_is_shifted(SETTING(r, shift.data))) {
        error_set(error, RESHIFT_ERROR_ARGUMENT,
                  "'shift.generate': false: no files hold %s of '%s', it can only be made", options.corruption,
                  SETTING(r, shift.data));
        error_hint(error, "use files of corrupted images (cifar10-c, imagenet-c:DIR), a set that is shifted by itself "
                          "(shift.corruption=none), or shift.generate=true");
        return RESHIFT_ERROR_ARGUMENT;
    }
    reshift_status status =
        open_set(r, "shifted data", SETTING(r, shift.data), &options, INPUT_SHIFT, &r->opened.shift, error);
    if (status == RESHIFT_OK && reshift_dataset_note(r->opened.shift)) {
        progress_message(r->progress, RESHIFT_LOG_WARNING, "%s", reshift_dataset_note(r->opened.shift));
    }
    return status;
}

/* The training images, shifted as the test images are: by the same corruption, or as a shifted set has its own. */
static reshift_status open_shifted_train(run *r, reshift_error *error)
{
    const bool paired = r->opened.paired;
    reads_begin_input(r, INPUT_ROWS);
    if (SETTING(r, finetune.rows) != SETTINGS_ROWS_TRAIN) {
        return reads_end(r, error);
    }
    const char *spec = paired ? SETTING(r, source.data) : SETTING(r, shift.data);
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.split = "train";
    options.limit = SETTING(r, source.limit_train);
    options.generate = true;
    shift_options(r, &options);
    reshift_status status =
        open_set(r, "shifted training data", spec, &options, INPUT_ROWS, &r->opened.shifted_train, error);
    const run_input train = paired ? INPUT_TRAIN : INPUT_ROWS, test = paired ? INPUT_TEST : INPUT_SHIFT;
    if (status == RESHIFT_OK && strcmp(r->identities[train], r->identities[test]) == 0) {
        error_set(error, RESHIFT_ERROR_SHAPE, "'finetune.rows': train: the training images of '%s' are its test images",
                  spec);
        error_hint(error, "use data with a training and a test part, or finetune.rows=shifted");
        return RESHIFT_ERROR_SHAPE;
    }
    return status;
}

static reshift_status open_sets(run *r, reshift_error *error)
{
    reshift_status status = r->opened.pretrained_here ? open_pretraining_set(r, error) : RESHIFT_OK;
    if (status == RESHIFT_OK) {
        status = open_train(r, error);
    }
    if (status == RESHIFT_OK) {
        status = classes_check_dataset(r->opened.train, "training images", NULL, error); /* the probe warns of gaps */
    }
    if (status == RESHIFT_OK) {
        status = open_test(r, error);
    }
    if (status == RESHIFT_OK) {
        status = open_shift(r, error);
    }
    return status == RESHIFT_OK ? open_shifted_train(r, error) : status;
}

/* A class that is tested on is one that could be learned. */
static reshift_status check_classes(const run *r, const reshift_dataset *tested, reshift_error *error)
{
    const int n = reshift_dataset_n_classes(r->opened.train);
    int64_t *trained = calloc((size_t)n + 1, sizeof *trained);
    if (!trained) {
        return error_memory(error, (size_t)n * sizeof *trained, "classes");
    }
    reshift_status status = RESHIFT_OK;
    for (int64_t row = 0; row < reshift_dataset_count(r->opened.train); row++) {
        trained[reshift_dataset_label(r->opened.train, row)]++;
    }
    for (int64_t row = 0; status == RESHIFT_OK && row < reshift_dataset_count(tested); row++) {
        const int label = reshift_dataset_label(tested, row);
        if (trained[label] == 0) {
            char name[256];
            reshift_dataset_row_name(tested, row, name, sizeof name);
            status = error_set(error, RESHIFT_ERROR_SHAPE, "class '%s' is tested (%s) and has no training image",
                               reshift_dataset_class_name(tested, label), name);
            error_hint(error,
                       SETTING(r, source.limit_train) > 0
                           ? "source.limit_train takes the first images, and folders are sorted by class: raise it"
                           : "take its images out of the test set, or give it training images");
        }
    }
    free(trained);
    return status;
}

static reshift_status check_sets(const run *r, reshift_error *error)
{
    int classes = reshift_dataset_n_classes(r->opened.train);
    const run_opened *o = &r->opened;
    const reshift_dataset *others[] = {o->test, o->shift, o->shifted_train ? o->shifted_train : o->shift};
    const char *names[] = {"test", "shifted", "shifted training"};
    for (int i = 0; i < 3; i++) {
        if (reshift_dataset_n_classes(others[i]) != classes) {
            return error_set(error, RESHIFT_ERROR_SHAPE,
                             "the %s set has other classes than the training set: expected %d, found %d", names[i],
                             classes, reshift_dataset_n_classes(others[i]));
        }
    }
    if (reshift_dataset_count(r->opened.train) < 1 || reshift_dataset_count(r->opened.test) < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "'%s' holds no images", SETTING(r, source.data));
    }
    reshift_status status = check_classes(r, r->opened.test, error);
    return status == RESHIFT_OK ? check_classes(r, r->opened.shift, error) : status;
}

static reshift_status check_model(run *r, reshift_error *error)
{
    const char *arch = reshift_model_arch(r->opened.original);
    if (strcmp(SETTING(r, model.arch), "any") != 0 && strcmp(SETTING(r, model.arch), arch) != 0) {
        error_set(error, RESHIFT_ERROR_SHAPE, "weights '%s': expected the architecture %s (model.arch), found %s",
                  SETTING(r, model.weights), SETTING(r, model.arch), arch);
        error_hint(error, "--set model.arch=%s, if these are the weights you mean", arch);
        return RESHIFT_ERROR_SHAPE;
    }
    return RESHIFT_OK;
}

/* The trained blocks are blocks of this network; the settings were read before it was known. */
static reshift_status check_blocks(const run *r, reshift_error *error)
{
    const reshift_model *model = r->opened.original;
    for (int i = 0; i < SETTING(r, finetune.train.n); i++) {
        const char *name = SETTING(r, finetune.train.names)[i], *block;
        char names[512] = "";
        bool found = strcmp(name, "all") == 0;
        for (int b = 0; (block = reshift_model_block(model, b)) != NULL; b++) {
            const size_t length = strlen(names);
            snprintf(names + length, sizeof names - length, "%s%s", b ? ", " : "", block);
            found = found || strcmp(block, name) == 0;
        }
        if (!found) {
            error_set(error, RESHIFT_ERROR_NOT_FOUND,
                      "'finetune.train': the network (%s) has no block '%s', its blocks are %s",
                      reshift_model_arch(model), name, names);
            error_hint(error, "its last stage and its head: --set 'finetune.train=[%s, %s]'",
                       reshift_model_default_block(model, 0), reshift_model_default_block(model, 1));
            return RESHIFT_ERROR_NOT_FOUND;
        }
    }
    return RESHIFT_OK;
}

static reshift_status hold_out(run *r, reshift_error *error)
{
    run_opened *o = &r->opened;
    o->held_out = calloc((size_t)o->split.n_train + 1, 1);
    if (!o->held_out) {
        return error_memory(error, (size_t)o->split.n_train, "rows held out");
    }
    reshift_dataset *set = o->shifted_train ? o->shifted_train : o->shift;
    reshift_status status =
        reshift_split_hold_out(set, o->split.train_rows, o->split.n_train, SETTING(r, finetune.validation),
                               (uint64_t)SETTING(r, seed), o->held_out, &o->n_held_out, error);
    return status == RESHIFT_OK ? status : error_prefix(error, status, "'finetune.validation'");
}

/* The rows themselves, so that nothing depends on how they were drawn. */
static reshift_status identify_split(run *r, reshift_error *error)
{
    const run_opened *o = &r->opened;
    fact_list *f = facts_create();
    if (!f) {
        return error_memory(error, 0, "the identity of a split");
    }
    facts_add(f, "kind", "%d", (int)o->split.kind);
    identity_add_rows(f, "training rows", "the shifted set", o->split.train_rows, o->split.n_train);
    identity_add_rows(f, "test rows", "the shifted set", o->split.test_rows, o->split.n_test);
    if (o->n_held_out > 0) {
        facts_add_bytes(f, "held out", o->held_out, (size_t)o->split.n_train);
    }
    const reshift_status status = facts_finish(f, r->identities[INPUT_SPLIT], error);
    facts_destroy(&f);
    return status;
}

static reshift_status draw_split(run *r, reshift_error *error)
{
    run_opened *o = &r->opened;
    reads_begin_input(r, INPUT_SPLIT);
    const reshift_split_kind kind = (reshift_split_kind)SETTING(r, finetune.split);
    const int64_t samples = SETTING(r, finetune.samples);
    const uint64_t seed = (uint64_t)SETTING(r, seed);
    reshift_status status =
        o->shifted_train ? reshift_split_draw_apart(o->shifted_train, o->shift, kind, samples, seed, &o->split, error)
                         : reshift_split_draw(o->shift, kind, samples, seed, &o->split, error);
    if (status != RESHIFT_OK) {
        return error_prefix(error, status, "'finetune.samples'");
    }
    if (SETTING(r, finetune.validation) > 0) {
        status = hold_out(r, error);
    }
    if (status == RESHIFT_OK) {
        status = identify_split(r, error);
    }
    return status == RESHIFT_OK ? reads_end(r, error) : status;
}

/* Clipping ranges that are not stored with the weights come from the training images. */
static void identify_calibration(run *r)
{
    const bool stored = !r->opened.pretrained_here && reshift_model_is_calibrated(r->opened.original);
    if (SETTING(r, input.precision) == RESHIFT_PRECISION_INT8 && !stored) {
        memcpy(r->identities[INPUT_CALIBRATION], r->identities[INPUT_TRAIN], DIGEST_HEX_BYTES);
    }
}

/* The file, and which of its networks where one is named ("FILE#BRANCH"). */
static reshift_status identify_weights(run *r, reshift_error *error)
{
    char *identity = r->identities[INPUT_WEIGHTS];
    const char *branch = path_part(SETTING(r, model.weights));
    reshift_status status = digest_file(DIGEST_SHA256, r->weights_path, identity, error);
    if (status != RESHIFT_OK || !branch) {
        return status;
    }
    fact_list *f = facts_create();
    if (!f) {
        return error_memory(error, 0, "the identity of weights");
    }
    facts_add(f, "file", "%s", identity);
    facts_add(f, "branch", "%s", branch);
    status = facts_finish(f, identity, error);
    facts_destroy(&f);
    return status;
}

static reshift_status open_weights(run *r, reshift_error *error)
{
    if (r->opened.pretrained_here) {
        /* the architecture is known beforehand: a fresh network of it answers every question about blocks */
        reshift_status status = reshift_model_create("resnet-demo", 2, 0, &r->opened.original, error);
        status = status == RESHIFT_OK ? check_model(r, error) : status;
        status = status == RESHIFT_OK ? check_blocks(r, error) : status;
        if (status == RESHIFT_OK) {
            r->opened.recipe = *reshift_model_recipe(r->opened.original);
        }
        reshift_model_destroy(&r->opened.original);
        return status;
    }
    reads_begin_input(r, INPUT_WEIGHTS);
    reshift_status status =
        reshift_model_find(SETTING(r, model.weights), r->data_dir, r->weights_path, sizeof r->weights_path, error);
    if (status == RESHIFT_OK) {
        status = identify_weights(r, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_load(SETTING(r, model.weights), r->data_dir, &r->opened.original, error);
    }
    reshift_log_level level;
    const char *note;
    for (int i = 0; status == RESHIFT_OK && (note = reshift_model_note(r->opened.original, i, &level)) != NULL; i++) {
        progress_message(r->progress, level, "%s: %s", SETTING(r, model.weights), note);
    }
    if (status == RESHIFT_OK) {
        r->opened.recipe = *reshift_model_recipe(r->opened.original);
        status = check_model(r, error);
    }
    if (status == RESHIFT_OK) {
        status = reads_end(r, error);
    }
    return status == RESHIFT_OK ? check_blocks(r, error) : status;
}

reshift_status run_open(run *r, reshift_error *error)
{
    const reshift_corruption *corruption;
    r->opened.pretrained_here = strcmp(SETTING(r, model.weights), "demo") == 0;
    r->opened.paired = strcmp(SETTING(r, shift.corruption), "none") != 0;
    reshift_status status =
        r->opened.paired ? reshift_corruption_find(SETTING(r, shift.corruption), &corruption, error) : RESHIFT_OK;
    if (status == RESHIFT_OK) {
        status = open_weights(r, error);
    }
    if (status == RESHIFT_OK) {
        status = open_sets(r, error);
    }
    if (status == RESHIFT_OK) {
        status = check_sets(r, error);
    }
    if (status == RESHIFT_OK && !r->opened.test->has_parts) {
        progress_message(r->progress, RESHIFT_LOG_INFO,
                         "'%s' has no training and test part of its own: %lld %s to learn from and %lld to test on, "
                         "drawn by class",
                         SETTING(r, source.data), (long long)reshift_dataset_count(r->opened.train),
                         reshift_noun_for(reshift_dataset_count(r->opened.train), "image", "images"),
                         (long long)reshift_dataset_count(r->opened.test));
    }
    if (status == RESHIFT_OK) {
        identify_calibration(r);
        status = draw_split(r, error);
    }
    return status;
}

void run_close(run *r)
{
    reshift_dataset_close(&r->opened.source);
    reshift_dataset_close(&r->opened.train);
    reshift_dataset_close(&r->opened.test);
    reshift_dataset_close(&r->opened.shift);
    reshift_dataset_close(&r->opened.shifted_train);
    reshift_frozen_cache_close(&r->cache); /* holds the sets too */
    reshift_model_destroy(&r->opened.original);
    reshift_split_destroy(&r->opened.split);
    free(r->opened.held_out);
    run_forget_keys(r);
    json_decref(r->manifest);
    r->manifest = NULL;
}
