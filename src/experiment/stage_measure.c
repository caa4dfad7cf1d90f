/*
 * Measuring: the fine-tuned network's features of the clean and the shifted images, then every accuracy of the study
 * from the four feature sets. Before and after are counted on the same rows: each row is marked as seen when any
 * version of its image was fine-tuned on, and all, unseen and seen rows are counted side by side for both networks.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "experiment/results.h"
#include "experiment/run.h"
#include "reshift/learning.h"

/* The rows of one image set, as counting needs them. */
typedef struct row_facts {
    int *labels, *severities, *predictions;
    int64_t n;
    reshift_array seen; /* uint8 [n] */
} row_facts;

static void facts_destroy(row_facts *facts)
{
    free(facts->labels);
    free(facts->severities);
    free(facts->predictions);
    reshift_array_destroy(&facts->seen);
}

static reshift_status facts_of(const run *r, const reshift_dataset *dataset, bool comparable, row_facts *facts,
                               reshift_error *error)
{
    facts->n = reshift_dataset_count(dataset);
    size_t bytes = (size_t)facts->n * sizeof(int);
    facts->labels = malloc(bytes);
    facts->severities = malloc(bytes);
    facts->predictions = malloc(bytes);
    if (!facts->labels || !facts->severities || !facts->predictions) {
        return error_memory(error, bytes, "labels");
    }
    reshift_status status = reshift_array_create(RESHIFT_U8, 1, &facts->n, &facts->seen, error);
    for (int64_t row = 0; row < facts->n && status == RESHIFT_OK; row++) {
        int64_t source = reshift_dataset_source(dataset, row);
        facts->labels[row] = reshift_dataset_label(dataset, row);
        facts->severities[row] = reshift_dataset_severity(dataset, row);
        ((uint8_t *)facts->seen.data)[row] = comparable && source < run_split(r)->n_sources && run_split(r)->source_seen[source];
    }
    return status;
}

static reshift_status save_seen(const run *r, const char *name, const row_facts *facts, reshift_error *error)
{
    char *path;
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_save_npy(path, &facts->seen, true, error);
    }
    free(path);
    return status;
}

static reshift_status measure_set(run *r, const reshift_model *model, const char *model_name, bool shifted,
                                  const row_facts *facts, results *out, reshift_error *error)
{
    char name[64];
    char *path = NULL;
    reshift_array features = {0}, logits = {0};
    snprintf(name, sizeof name, "features/%s-%s.npy", model_name, shifted ? "shift" : "clean");
    reshift_status status = run_path(r, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(path, &features, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_head_logits(model, &features, &logits, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_predictions(&logits, facts->predictions, error);
    }
    if (status == RESHIFT_OK) {
        const reshift_dataset *dataset = shifted ? run_shift_set(r) : run_test_set(r);
        const results_source source = {
            .model = model_name,
            .set = shifted ? "shift" : "clean",
            .data = reshift_dataset_kind(dataset),
            .corruption = shifted ? reshift_dataset_corruption(dataset) : NULL,
            .predictions = facts->predictions,
            .labels = facts->labels,
            .severities = facts->severities,
            .seen = facts->seen.data,
            .n = facts->n,
            .headline_unseen = run_split(r)->kind != RESHIFT_SPLIT_BY_ROW,
        };
        status = results_add(out, &source, error);
    }
    free(path);
    reshift_array_destroy(&features);
    reshift_array_destroy(&logits);
    return status;
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
        status = run_extract(r, STAGE_MEASURE, finetuned, run_test_set(r), EXTRACT_FROM_KEPT, "finetuned-clean", NULL, error);
    }
    if (status == RESHIFT_OK) {
        status = run_extract(r, STAGE_MEASURE, finetuned, run_shift_set(r), EXTRACT_FROM_KEPT, "finetuned-shift", NULL, error);
    }
    if (status == RESHIFT_OK) {
        status = facts_of(r, run_test_set(r), run_paired(r), &clean, error);
    }
    if (status == RESHIFT_OK) {
        status = facts_of(r, run_shift_set(r), true, &shift, error);
    }
    for (int m = 0; m < 2 && status == RESHIFT_OK; m++) {
        const reshift_model *model = m == 0 ? original : finetuned;
        const char *name = m == 0 ? "original" : "finetuned";
        status = measure_set(r, model, name, false, &clean, &all, error);
        if (status == RESHIFT_OK) {
            status = measure_set(r, model, name, true, &shift, &all, error);
        }
    }
    if (status == RESHIFT_OK) {
        status = save_seen(r, "features/clean-seen.npy", &clean, error);
    }
    if (status == RESHIFT_OK) {
        status = save_seen(r, "features/shift-seen.npy", &shift, error);
    }
    if (status == RESHIFT_OK) {
        status = results_save(&all, r->folder, error);
    }
    free(path);
    results_destroy(&all);
    facts_destroy(&clean);
    facts_destroy(&shift);
    reshift_model_destroy(&original);
    reshift_model_destroy(&finetuned);
    return status;
}
