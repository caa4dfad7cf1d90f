/* What stages read: the opened inputs, each read noted, and the networks that the study starts from. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/run.h"
#include "reshift/learning.h"

const char *run_input_name(run_input input)
{
    static const char *const names[INPUT_COUNT] = {
        [INPUT_PRETRAIN] = "pretraining set",    [INPUT_WEIGHTS] = "weights", [INPUT_TRAIN] = "training set",
        [INPUT_CALIBRATION] = "calibration set", [INPUT_TEST] = "test set",   [INPUT_SHIFT] = "shifted set",
        [INPUT_ROWS] = "fine-tuning set",        [INPUT_SPLIT] = "split"};
    return names[input];
}

reshift_dataset *run_pretraining_set(const run *r)
{
    reads_input(r->reads, INPUT_PRETRAIN);
    return r->opened.source;
}

reshift_dataset *run_train_set(const run *r)
{
    reads_input(r->reads, INPUT_TRAIN);
    return r->opened.train;
}

reshift_dataset *run_test_set(const run *r)
{
    reads_input(r->reads, INPUT_TEST);
    return r->opened.test;
}

reshift_dataset *run_shift_set(const run *r)
{
    reads_input(r->reads, INPUT_SHIFT);
    return r->opened.shift;
}

bool run_paired(const run *r)
{
    reads_input(r->reads, INPUT_SHIFT);
    return r->opened.paired;
}

reshift_image_facts run_image_facts(const run *r, const reshift_dataset *dataset)
{
    reads_input(r->reads, INPUT_WEIGHTS);
    return reshift_image_facts_of(dataset, &r->opened.recipe, (int)SETTING(r, input.size));
}

const char *run_data(const run *r, run_input input)
{
    reads_input(r->reads, input);
    return input == INPUT_SHIFT ? r->all_settings->shift.data : r->all_settings->source.data;
}

reshift_dataset *run_tuning_set(const run *r)
{
    reads_input(r->reads, r->opened.shifted_train ? INPUT_ROWS : INPUT_SHIFT);
    return r->opened.shifted_train ? r->opened.shifted_train : r->opened.shift;
}

const reshift_split *run_split(const run *r)
{
    reads_input(r->reads, INPUT_SPLIT);
    return &r->opened.split;
}

const uint8_t *run_held_out(const run *r)
{
    reads_input(r->reads, INPUT_SPLIT);
    return r->opened.held_out;
}

int64_t run_n_held_out(const run *r)
{
    reads_input(r->reads, INPUT_SPLIT);
    return r->opened.n_held_out;
}

reshift_status run_path(const run *r, const char *name, char **path, reshift_error *error)
{
    reads_file(r, name);
    *path = path_join(r->folder, name);
    return *path ? RESHIFT_OK : error_memory(error, strlen(name), "a path");
}

static reshift_dataset *calibration_set(const run *r)
{
    reads_input(r->reads, INPUT_CALIBRATION);
    return r->opened.train;
}

reshift_status run_calibrate(const run *r, reshift_model *model, reshift_error *error)
{
    bool needed = SETTING(r, input.precision) == RESHIFT_PRECISION_INT8 && !reshift_model_is_calibrated(model);
    return needed ? reshift_calibrate(model, calibration_set(r), (int)SETTING(r, input.size), r->progress, error)
                  : RESHIFT_OK;
}

reshift_status run_original(run *r, reshift_error *error)
{
    char *path = NULL;
    reshift_status status = RESHIFT_OK;
    reads_input(r->reads, INPUT_WEIGHTS);
    if (!r->opened.original) {
        status = run_path(r, "weights/pretrained.safetensors", &path, error);
        if (status == RESHIFT_OK) {
            status = reshift_model_load(path, NULL, &r->opened.original, error);
        }
    }
    free(path);
    return status == RESHIFT_OK ? run_calibrate(r, r->opened.original, error) : status;
}

reshift_status run_original_with_probe(run *r, reshift_model **model, reshift_error *error)
{
    char *path = NULL;
    *model = NULL;
    reshift_status status = run_original(r, error);
    if (status == RESHIFT_OK) {
        status = reshift_model_clone(r->opened.original, model, error);
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
