/* The stages that train: the demo's network, the probe, and fine-tuning. Each writes weights and a history. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "experiment/run.h"
#include "reshift/learning.h"
#include "reshift/preparation.h"

void tell_epoch(void *context, const reshift_epoch *epoch)
{
    const epoch_teller *teller = context;
    char test[64] = "", validation[64] = "";
    if (!isnan(epoch->validation_accuracy)) {
        snprintf(validation, sizeof validation, ", validation accuracy %.2f %%", 100 * epoch->validation_accuracy);
    }
    if (!isnan(epoch->test_accuracy)) {
        snprintf(test, sizeof test, ", test accuracy %.2f %%", 100 * epoch->test_accuracy);
    }
    progress_message(teller->progress, RESHIFT_LOG_INFO,
                     "%s epoch %d/%d: loss %.4f, training accuracy %.2f %%%s%s, %.2f s", teller->what, epoch->epoch,
                     teller->epochs, epoch->train_loss, 100 * epoch->train_accuracy, validation, test, epoch->seconds);
}

static reshift_status save_history(const run *r, const char *name, const reshift_history *history, reshift_error *error)
{
    char *path;
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_history_save_csv(path, history, true, error);
    }
    free(path);
    return status;
}

static reshift_status save_model(const run *r, const char *name, const reshift_model *model, reshift_error *error)
{
    char *path;
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_model_save(path, model, true, error);
    }
    free(path);
    return status;
}

static reshift_status name_classes(reshift_model *model, const reshift_dataset *dataset, reshift_error *error)
{
    int n = reshift_dataset_n_classes(dataset);
    const char **names = calloc((size_t)n, sizeof *names);
    if (!names) {
        return error_memory(error, (size_t)n * sizeof *names, "class names");
    }
    bool all = true;
    for (int label = 0; label < n; label++) {
        names[label] = reshift_dataset_class_name(dataset, label);
        all = all && names[label];
    }
    reshift_status status = all ? reshift_model_set_class_names(model, names, n, error) : RESHIFT_OK;
    free(names);
    return status;
}

/* A checkpoint is named after the stage's key: one of other settings is never taken up. run.c removes it. */
static reshift_status checkpoint_path(const run *r, stage_name owner, char **path, reshift_error *error)
{
    char relative[64];
    snprintf(relative, sizeof relative, RUN_PARTS "/%.16s", r->keys[owner]);
    char *folder = NULL;
    reshift_status status = run_path(r, relative, &folder, error);
    if (status == RESHIFT_OK) {
        status = folder_create(folder, error);
    }
    if (status == RESHIFT_OK) {
        snprintf(relative, sizeof relative, RUN_PARTS "/%.16s/checkpoint.safetensors", r->keys[owner]);
        status = run_path(r, relative, path, error);
    }
    free(folder);
    return status;
}

/* Block names and rates; "all" stands for every block of the model. */
static int block_rates(const run *r, const reshift_model *model, reshift_block_rate *rates)
{
    int n = 0;
    bool all = SETTING(r, finetune.train.n) == 1 && strcmp(SETTING(r, finetune.train.names)[0], "all") == 0;
    for (int i = 0; n < SETTINGS_BLOCKS; i++) {
        const char *block = all                                ? reshift_model_block(model, i)
                            : i < SETTING(r, finetune.train.n) ? SETTING(r, finetune.train.names)[i]
                                                               : NULL;
        if (!block) {
            break;
        }
        snprintf(rates[n].block, sizeof rates[n].block, "%s", block);
        rates[n++].learning_rate =
            settings_auto_rate(&SETTING(r, finetune.rates)) > 0 ? 0 : settings_rate(&SETTING(r, finetune.rates), block);
    }
    return n;
}

reshift_status stage_pretrain(run *r, reshift_error *error)
{
    reshift_model *model = NULL;
    reshift_history history = {0};
    char *checkpoint = NULL;
    epoch_teller teller = {r->progress, "pretraining", (int)SETTING(r, pretrain.epochs)};
    reshift_finetune_options options;
    reshift_block_rate rates[SETTINGS_BLOCKS];
    reshift_finetune_options_default(&options);
    reshift_status status = reshift_model_create("resnet-demo", reshift_dataset_n_classes(run_pretraining_set(r)),
                                                 (uint64_t)SETTING(r, seed), &model, error);
    if (status == RESHIFT_OK) {
        status = checkpoint_path(r, STAGE_PRETRAIN, &checkpoint, error);
    }
    if (status == RESHIFT_OK) {
        const char *block;
        options.n_blocks = 0;
        while (options.n_blocks < SETTINGS_BLOCKS && (block = reshift_model_block(model, options.n_blocks)) != NULL) {
            snprintf(rates[options.n_blocks].block, sizeof rates[0].block, "%s", block);
            rates[options.n_blocks++].learning_rate = SETTING(r, pretrain.learning_rate);
        }
        options.blocks = rates;
        options.epochs = (int)SETTING(r, pretrain.epochs);
        options.batch = (int)SETTING(r, pretrain.batch);
        options.size = (int)SETTING(r, input.size);
        options.batchnorm = RESHIFT_BATCHNORM_TRAIN_ALL;
        options.precision = (reshift_precision)SETTING(r, input.precision);
        options.seed = (uint64_t)SETTING(r, seed);
        options.cache_budget_bytes = 0; /* nothing is frozen */
        options.checkpoint = checkpoint;
        options.checkpoint_mismatch = RESHIFT_CHECKPOINT_OWN;
        options.on_epoch = tell_epoch;
        options.context = &teller;
        status = reshift_finetune(model, run_pretraining_set(r), &options, &history, r->progress, error);
    }
    if (status == RESHIFT_OK) {
        status = name_classes(model, run_pretraining_set(r), error);
    }
    if (status == RESHIFT_OK) {
        status = save_model(r, "weights/pretrained.safetensors", model, error);
    }
    if (status == RESHIFT_OK) {
        status = save_history(r, "history/pretrain.csv", &history, error);
    }
    reshift_model_destroy(
        &r->opened.original); /* read from the file again: the same start whether trained now or before */
    free(checkpoint);
    reshift_history_destroy(&history);
    reshift_model_destroy(&model);
    return status;
}

static reshift_status load_array(const run *r, const char *name, reshift_array *array, reshift_error *error)
{
    char *path;
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(path, array, error);
    }
    free(path);
    return status;
}

/* The preparation of the images that the probe is trained on, into its file. */
static reshift_status describe_preparation(run *r, reshift_tensors *tensors, reshift_error *error)
{
    reshift_preparation how = {0};
    reshift_status status = run_original(r, error);
    if (status == RESHIFT_OK) {
        const reshift_model *network = r->opened.original;
        how.recipe = reshift_recipe_at(reshift_model_recipe(network), (int)SETTING(r, input.size));
        snprintf(how.arch, sizeof how.arch, "%s", reshift_model_arch(network));
        snprintf(how.data, sizeof how.data, "%s, train", reshift_dataset_kind(run_train_set(r)));
        status = reshift_tensors_set_preparation(tensors, &how, error);
    }
    char *features = NULL;
    if (status == RESHIFT_OK) {
        status = run_path(r, "features/train-clean.npy", &features, error);
    }
    if (status == RESHIFT_OK) {
        status =
            reshift_tensors_set_class_names_of(tensors, features, reshift_dataset_n_classes(run_train_set(r)), error);
    }
    free(features);
    return status;
}

reshift_status stage_probe(run *r, reshift_error *error)
{
    reshift_array train = {0}, train_labels = {0}, test = {0}, test_labels = {0}, weight = {0}, bias = {0};
    reshift_history history = {0};
    epoch_teller teller = {r->progress, "probe", (int)SETTING(r, probe.epochs)};
    reshift_tensors *tensors = NULL;
    reshift_fingerprints images = {0};
    char *path = NULL;
    reshift_status status = load_array(r, "features/train-clean.npy", &train, error);
    if (status == RESHIFT_OK) {
        status = load_array(r, "features/train-clean-labels.npy", &train_labels, error);
    }
    if (status == RESHIFT_OK) {
        status = load_array(r, "features/original-clean.npy", &test, error);
    }
    if (status == RESHIFT_OK) {
        status = load_array(r, "features/clean-labels.npy", &test_labels, error);
    }
    const int n_classes = reshift_dataset_n_classes(run_train_set(r));
    const bool by_lbfgs = SETTING(r, probe.optimizer) == SETTINGS_PROBE_LBFGS;
    double l2 = 0;
    if (status == RESHIFT_OK && by_lbfgs) {
        const probe_rows rows = {&train, &train_labels, &test, &test_labels};
        status = run_probe_lbfgs(r, &rows, n_classes, &weight, &bias, &l2, &history, error);
    } else if (status == RESHIFT_OK) {
        reshift_probe_options options;
        reshift_probe_options_default(&options);
        options.epochs = (int)SETTING(r, probe.epochs);
        options.batch = (int)SETTING(r, probe.batch);
        options.learning_rate = SETTING(r, probe.learning_rate);
        options.seed = (uint64_t)SETTING(r, seed);
        options.on_epoch = tell_epoch;
        options.context = &teller;
        status = reshift_probe_train(&train, &train_labels, &test, &test_labels, n_classes, &options, &weight, &bias,
                                     &history, r->progress, error);
    }
    if (status == RESHIFT_OK && !(tensors = reshift_tensors_create())) {
        status = error_memory(error, 0, "the probe's weights");
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_add_head(tensors, &weight, &bias, error);
    }
    if (status == RESHIFT_OK && by_lbfgs) {
        char text[32];
        snprintf(text, sizeof text, "%.6g", l2);
        status = reshift_tensors_set_text(tensors, "reshift.l2", text, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_fingerprints_of(run_train_set(r), &images, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_set_trained_on(tensors, &images, error);
    }
    reshift_fingerprints_destroy(&images);
    if (status == RESHIFT_OK) {
        status = describe_preparation(r, tensors, error);
    }
    if (status == RESHIFT_OK) {
        status = run_path(r, "weights/probe.safetensors", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_save(path, tensors, true, error);
    }
    if (status == RESHIFT_OK) {
        status = save_history(r, "history/probe.csv", &history, error);
    }
    free(path);
    reshift_tensors_destroy(&tensors);
    reshift_history_destroy(&history);
    reshift_array_destroy(&train);
    reshift_array_destroy(&train_labels);
    reshift_array_destroy(&test);
    reshift_array_destroy(&test_labels);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    return status;
}

/* ---- fine-tuning ---- */

static reshift_status save_rows(const run *r, const char *name, const int64_t *rows, int64_t n, reshift_error *error)
{
    char *path = NULL;
    reshift_array array = {0};
    reshift_status status = reshift_array_create(RESHIFT_I64, 1, &n, &array, error);
    if (status == RESHIFT_OK) {
        status = run_path(r, name, &path, error);
    }
    if (status == RESHIFT_OK) {
        memcpy(array.data, rows, (size_t)n * sizeof *rows);
        status = reshift_array_save_npy(path, &array, true, error);
    }
    free(path);
    reshift_array_destroy(&array);
    return status;
}

/* The training rows that are trained on, or those held out (which may be none), as a set and as a file. */
static reshift_status tuning_rows(const run *r, bool held_out, const char *name, reshift_dataset **set,
                                  reshift_error *error)
{
    *set = NULL;
    const int64_t n_most = held_out ? run_n_held_out(r) : run_split(r)->n_train - run_n_held_out(r);
    if (n_most == 0) {
        return RESHIFT_OK;
    }
    int64_t n = 0, *rows = malloc((size_t)n_most * sizeof *rows);
    if (!rows) {
        return error_memory(error, (size_t)n_most * sizeof *rows, "rows");
    }
    for (int64_t i = 0; i < run_split(r)->n_train; i++) {
        if ((run_held_out(r) && run_held_out(r)[i]) == held_out) {
            rows[n++] = run_split(r)->train_rows[i];
        }
    }
    reshift_status status = save_rows(r, name, rows, n, error);
    if (status == RESHIFT_OK) {
        status = reshift_dataset_subset(run_tuning_set(r), rows, n, set, error);
    }
    free(rows);
    return status;
}

/* The rows measured after every epoch. NULL where none are. */
static reshift_status monitor_set(run *r, reshift_dataset **monitor, reshift_error *error)
{
    int64_t *rows, n;
    *monitor = NULL;
    reshift_status status = run_monitored_rows(r, &rows, &n, error);
    if (status == RESHIFT_OK && n > 0) {
        status = reshift_dataset_subset(run_shift_set(r), rows, n, monitor, error);
    }
    free(rows);
    return status;
}

/* What training moved, against the network with its probe that it began with. */
static reshift_status tell_moved(run *r, const reshift_model *after, reshift_error *error)
{
    reshift_model *before = NULL;
    reshift_moved *rows = NULL;
    char *path = NULL;
    int n = 0;
    reshift_status status = run_original_with_probe(r, &before, error);
    if (status == RESHIFT_OK) {
        status = reshift_moved_between(before, after, &rows, &n, error);
    }
    if (status == RESHIFT_OK) {
        status = run_path(r, "weights/moved.csv", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_moved_save_csv(path, rows, n, true, error);
    }
    if (status == RESHIFT_OK) {
        reshift_moved_tell(rows, n, r->progress);
    }
    free(path);
    free(rows);
    reshift_model_destroy(&before);
    return status;
}

reshift_status stage_finetune(run *r, reshift_error *error)
{
    reshift_model *model = NULL;
    reshift_dataset *rows = NULL, *monitor = NULL, *validation = NULL;
    reshift_history history = {0};
    reshift_block_rate rates[SETTINGS_BLOCKS];
    char *checkpoint = NULL;
    epoch_teller teller = {r->progress, "fine-tuning", (int)SETTING(r, finetune.epochs)};
    reshift_status status = run_original_with_probe(r, &model, error);
    if (status == RESHIFT_OK) {
        status = tuning_rows(r, false, "split/train-rows.npy", &rows, error);
    }
    if (status == RESHIFT_OK) {
        status = tuning_rows(r, true, "split/validation-rows.npy", &validation, error);
    }
    if (status == RESHIFT_OK) {
        status = save_rows(r, "split/test-rows.npy", run_split(r)->test_rows, run_split(r)->n_test, error);
    }
    if (status == RESHIFT_OK) {
        status = monitor_set(r, &monitor, error);
    }
    if (status == RESHIFT_OK) {
        status = checkpoint_path(r, STAGE_FINETUNE, &checkpoint, error);
    }
    reshift_augment augment = {.crop_padding = SETTING(r, finetune.crop_padding),
                               .severity_first = (int)SETTING(r, finetune.augment_severity).first,
                               .severity_last = (int)SETTING(r, finetune.augment_severity).last,
                               .constants = (reshift_constants)SETTING(r, shift.constants),
                               .jpeg = (reshift_jpeg_step)SETTING(r, shift.jpeg),
                               .corrupt_native = SETTING(r, shift.corrupt_at) == 1};
    if (status == RESHIFT_OK) {
        status =
            settings_augment(&SETTING(r, finetune.augment), &SETTING(r, finetune.augment_corruptions), &augment, error);
    }
    if (status == RESHIFT_OK) {
        status = run_frozen_cache(r, error);
    }
    if (status == RESHIFT_OK) {
        reshift_finetune_options options;
        reshift_finetune_options_default(&options);
        options.blocks = rates;
        options.n_blocks = block_rates(r, model, rates);
        options.auto_rate = settings_auto_rate(&SETTING(r, finetune.rates));
        options.epochs = (int)SETTING(r, finetune.epochs);
        options.batch = (int)SETTING(r, finetune.batch);
        options.size = (int)SETTING(r, input.size);
        options.batchnorm = (reshift_batchnorm)SETTING(r, finetune.batchnorm);
        options.precision = (reshift_precision)SETTING(r, input.precision);
        options.seed = (uint64_t)SETTING(r, seed);
        options.cache = r->cache;
        options.forward_batch = (int)SETTING(r, input.batch);
        options.cache_budget_bytes = 0; /* the run's or none */
        options.checkpoint = checkpoint;
        options.checkpoint_mismatch = RESHIFT_CHECKPOINT_OWN;
        options.test = monitor;
        options.validation = validation;
        options.augment = augment.flip || augment.crop || augment.corrupt ? &augment : NULL;
        options.keep = (reshift_keep)SETTING(r, finetune.keep);
        options.optimizer = (reshift_optimizer)SETTING(r, finetune.optimizer);
        options.momentum = SETTING(r, finetune.momentum);
        options.nesterov = SETTING(r, finetune.nesterov);
        options.weight_decay = SETTING(r, finetune.weight_decay);
        options.label_smoothing = SETTING(r, finetune.label_smoothing);
        options.schedule = (reshift_schedule){.kind = (reshift_schedule_kind)SETTING(r, finetune.schedule),
                                              .by_step = SETTING(r, finetune.schedule_unit) == 1,
                                              .warmup = SETTING(r, finetune.warmup),
                                              .step_size = SETTING(r, finetune.step_size),
                                              .gamma = SETTING(r, finetune.gamma)};
        options.on_epoch = tell_epoch;
        options.context = &teller;
        status = reshift_finetune(model, rows, &options, &history, r->progress, error);
    }
    if (status == RESHIFT_OK) {
        status = name_classes(model, run_shift_set(r), error);
    }
    if (status == RESHIFT_OK) {
        status = tell_moved(r, model, error);
    }
    if (status == RESHIFT_OK) {
        status = save_model(r, "weights/finetuned.safetensors", model, error);
    }
    if (status == RESHIFT_OK) {
        status = save_history(r, "history/finetune.csv", &history, error);
    }
    free(checkpoint);
    reshift_history_destroy(&history);
    reshift_dataset_close(&monitor);
    reshift_dataset_close(&validation);
    reshift_dataset_close(&rows);
    reshift_model_destroy(&model);
    return status;
}
