/*
 * Measuring: the fine-tuned network's features of the clean and the shifted images, then every accuracy of the study
 * from the four feature sets. Before and after are counted on the same rows: each row is marked as seen when any
 * version of its image was fine-tuned on, and all, unseen and seen rows are counted for both networks. Predictions of
 * every row are kept (predictions/), so that changes are compared image by image, here and by others.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "experiment/results.h"
#include "experiment/run.h"
#include "reshift/learning.h"

/* The rows of one image set. */
typedef struct row_facts {
    int *labels, *severities;
    int64_t *images; /* the image that each row shows */
    int64_t n;
    reshift_array seen;           /* uint8 [n] */
    reshift_array predictions[2]; /* int32 [n], of the original and the fine-tuned network */
} row_facts;

static void row_facts_destroy(row_facts *facts)
{
    free(facts->labels);
    free(facts->severities);
    free(facts->images);
    reshift_array_destroy(&facts->seen);
    reshift_array_destroy(&facts->predictions[0]);
    reshift_array_destroy(&facts->predictions[1]);
}

static reshift_status facts_of(const run *r, const reshift_dataset *dataset, bool comparable, row_facts *facts,
                               reshift_error *error)
{
    facts->n = reshift_dataset_count(dataset);
    size_t bytes = (size_t)facts->n * sizeof(int);
    facts->labels = malloc(bytes);
    facts->severities = malloc(bytes);
    facts->images = malloc((size_t)facts->n * sizeof *facts->images);
    if (!facts->labels || !facts->severities || !facts->images) {
        return error_memory(error, bytes, "labels");
    }
    reshift_status status = reshift_array_create(RESHIFT_U8, 1, &facts->n, &facts->seen, error);
    for (int m = 0; m < 2 && status == RESHIFT_OK; m++) {
        status = reshift_array_create(RESHIFT_I32, 1, &facts->n, &facts->predictions[m], error);
    }
    for (int64_t row = 0; row < facts->n && status == RESHIFT_OK; row++) {
        int64_t source = reshift_dataset_source(dataset, row);
        facts->labels[row] = reshift_dataset_label(dataset, row);
        facts->severities[row] = reshift_dataset_severity(dataset, row);
        facts->images[row] = source;
        ((uint8_t *)facts->seen.data)[row] =
            comparable && source < run_split(r)->n_sources && run_split(r)->source_seen[source];
    }
    return status;
}

static reshift_status save_array(const run *r, const char *name, const reshift_array *array, reshift_error *error)
{
    char *path;
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_save_npy(path, array, true, error);
    }
    free(path);
    return status;
}

static const char *const model_names[2] = {"original", "finetuned"};

/* predictions/<model>-<set>.npy of the kept features. */
static reshift_status predict_set(run *r, const reshift_model *model, int m, bool shifted, row_facts *facts,
                                  reshift_error *error)
{
    char name[64];
    char *path = NULL;
    reshift_array features = {0}, logits = {0};
    snprintf(name, sizeof name, "features/%s-%s.npy", model_names[m], shifted ? "shift" : "clean");
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(path, &features, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_head_logits(model, &features, &logits, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_predictions(&logits, facts->predictions[m].data, error);
    }
    if (status == RESHIFT_OK) {
        snprintf(name, sizeof name, "predictions/%s-%s.npy", model_names[m], shifted ? "shift" : "clean");
        status = save_array(r, name, &facts->predictions[m], error);
    }
    free(path);
    reshift_array_destroy(&features);
    reshift_array_destroy(&logits);
    return status;
}

static results_rows rows_of(const row_facts *facts, int m)
{
    return (results_rows){facts->predictions[m].data, facts->labels, facts->severities,
                          facts->seen.data,           facts->images, facts->n};
}

/* The fine-tuned network against the original one on the same rows; the original one's shifted rows against its clean
 * ones. */
static reshift_status measure_set(run *r, int m, bool shifted, const row_facts *clean, const row_facts *shift,
                                  results *out, reshift_error *error)
{
    const reshift_dataset *dataset = shifted ? run_shift_set(r) : run_test_set(r);
    const row_facts *facts = shifted ? shift : clean;
    const results_rows before = rows_of(facts, 0), unshifted = rows_of(clean, 0);
    const results_source source = {
        .model = model_names[m],
        .set = shifted ? "shift" : "clean",
        .data = reshift_dataset_kind(dataset),
        .corruption = shifted ? reshift_dataset_corruption(dataset) : NULL,
        .rows = rows_of(facts, m),
        .against = m == 1    ? "original"
                   : shifted ? "clean"
                             : NULL,
        .other = m == 1    ? &before
                 : shifted ? &unshifted
                           : NULL,
        .paired = m == 1 || run_paired(r),
        .headline_unseen = run_split(r)->kind != RESHIFT_SPLIT_BY_ROW,
        .prepared = run_image_facts(r, dataset),
    };
    return results_add(out, &source, error);
}

reshift_status stage_measure(run *r, reshift_error *error)
{
    reshift_model *original = NULL, *finetuned = NULL;
    row_facts clean = {0}, shift = {0};
    results all = {0};
    char *path = NULL;
    reshift_status status = run_original_with_probe(r, &original, error);
    if (status == RESHIFT_OK) {
        status = run_path(r, "weights/finetuned.safetensors", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_load(path, NULL, &finetuned, error);
    }
    if (status == RESHIFT_OK) {
        status = run_calibrate(r, finetuned, error);
    }
    if (status == RESHIFT_OK) {
        status = run_extract(r, STAGE_MEASURE, finetuned, run_test_set(r), EXTRACT_FROM_KEPT, "finetuned-clean", NULL,
                             error);
    }
    if (status == RESHIFT_OK) {
        status = run_extract(r, STAGE_MEASURE, finetuned, run_shift_set(r), EXTRACT_FROM_KEPT, "finetuned-shift", NULL,
                             error);
    }
    if (status == RESHIFT_OK) {
        status = facts_of(r, run_test_set(r), run_paired(r), &clean, error);
    }
    if (status == RESHIFT_OK) {
        status = facts_of(r, run_shift_set(r), true, &shift, error);
    }
    for (int m = 0; m < 2 && status == RESHIFT_OK; m++) {
        const reshift_model *model = m == 0 ? original : finetuned;
        status = predict_set(r, model, m, false, &clean, error);
        if (status == RESHIFT_OK) {
            status = predict_set(r, model, m, true, &shift, error);
        }
    }
    for (int i = 0; i < 4 && status == RESHIFT_OK; i++) { /* original clean, shift; finetuned clean, shift */
        status = measure_set(r, i / 2, i % 2, &clean, &shift, &all, error);
    }
    if (status == RESHIFT_OK) {
        status = save_array(r, "features/clean-seen.npy", &clean.seen, error);
    }
    if (status == RESHIFT_OK) {
        status = save_array(r, "features/shift-seen.npy", &shift.seen, error);
    }
    if (status == RESHIFT_OK) {
        status = results_save(&all, r->folder, error);
    }
    free(path);
    results_destroy(&all);
    row_facts_destroy(&clean);
    row_facts_destroy(&shift);
    reshift_model_destroy(&original);
    reshift_model_destroy(&finetuned);
    return status;
}
