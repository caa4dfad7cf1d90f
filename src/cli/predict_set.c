/* Predictions for a whole data set. Its labels give an accuracy, printed with the number of rows seen in training. */
#include "cli/predict_set.h"
#include "cli/show.h"
#include "reshift/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reshift/class_map.h"
#include "reshift/evaluation.h"
#include "reshift/export.h"
#include "reshift/learning.h"

static bool ends_with(const char *path, const char *ending)
{
    size_t length = strlen(path), part = strlen(ending);
    return length > part && strcmp(path + length - part, ending) == 0;
}

const char *predict_set_check(const predict_set *what)
{
    if (!what->out) {
        return "--data goes with --out FILE.csv or FILE.npy";
    }
    if (what->logits && !ends_with(what->out, ".npy")) {
        return "--logits goes with --out FILE.npy";
    }
    return ends_with(what->out, ".csv") || ends_with(what->out, ".npy")
               ? NULL
               : "--out: expected a name ending in .csv or .npy";
}

/* Number of the set's first `n` rows with an image that the network or its head was trained on. */
static reshift_status count_seen(const reshift_model *model, const reshift_dataset *dataset, int64_t n, int64_t *n_seen,
                                 reshift_error *error)
{
    const reshift_fingerprints *known = reshift_model_trained_on(model);
    *n_seen = 0;
    if (!known || n == 0) {
        return RESHIFT_OK;
    }
    uint8_t *seen = calloc((size_t)n, 1);
    if (!seen) {
        return fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory for %lld rows", (long long)n);
    }
    reshift_status status = reshift_fingerprints_find(known, dataset, NULL, n, seen, error);
    for (int64_t row = 0; row < n && status == RESHIFT_OK; row++) {
        *n_seen += seen[row];
    }
    free(seen);
    return status;
}

static reshift_status print_result(const common *c, const predict_set *what, const reshift_array *probabilities,
                                   const reshift_dataset *dataset, const reshift_class_map *map, int64_t n_seen,
                                   reshift_error *error)
{
    const int64_t n = probabilities->shape[0], k = probabilities->shape[1];
    if (!map->outputs) {
        printf(c->json ? "{\"rows\": %lld}\n" : "%lld %s\n", (long long)n, reshift_noun_for(n, "row", "rows"));
        return RESHIFT_OK;
    }
    uint8_t *correct = calloc((size_t)n, 1);
    int64_t *images = calloc((size_t)n, sizeof *images); /* versions of one image are not independent */
    reshift_accuracy a;
    reshift_status status = correct && images
                                ? RESHIFT_OK
                                : fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory for %lld rows", (long long)n);
    for (int64_t row = 0; row < n && status == RESHIFT_OK; row++) {
        int best;
        reshift_top_classes((const float *)probabilities->data + row * k, (int)k, &best, 1);
        correct[row] = best == map->outputs[reshift_dataset_label(dataset, row)];
        images[row] = reshift_dataset_source(dataset, row);
    }
    if (status == RESHIFT_OK) {
        status = reshift_accuracy_by_image(&(reshift_answers){correct, images, n}, &a, error);
    }
    free(correct);
    free(images);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (c->json) {
        char text[3][40];
        printf("{\"rows\": %lld, \"correct\": %lld, \"accuracy\": %s, \"low\": %s, \"high\": %s, \"seen_in_training\": "
               "%lld}\n",
               (long long)n, (long long)a.correct, reshift_number_text(a.accuracy, text[0]),
               reshift_number_text(a.low, text[1]), reshift_number_text(a.high, text[2]), (long long)n_seen);
    } else {
        printf("%s: %lld %s, accuracy %.2f %% (95 %% interval %.2f-%.2f)", shown(what->out), (long long)n,
               reshift_noun_for(n, "row", "rows"), 100 * a.accuracy, 100 * a.low, 100 * a.high);
        if (n_seen > 0) {
            printf("; %lld of these %s an image that the network was trained on", (long long)n_seen,
                   reshift_noun_for(n_seen, "rows shows", "rows show"));
        }
        printf("\n");
    }
    return RESHIFT_OK;
}

reshift_status predict_set_write(const common *c, const predict_set *what, reshift_model *model, reshift_error *error)
{
    reshift_dataset *dataset = NULL;
    reshift_array logits = {0};
    const reshift_forward_options forward = {
        .size = (int)c->size, .batch = (int)c->batch, .precision = session_precision(c)};
    reshift_status status = check_target(c, what->out, error);
    if (status == RESHIFT_OK) {
        status = open_data(c, what->data, what->split, what->corruption, &what->severity, model, &dataset, error);
    }
    reshift_class_map map = {0}; /* needed for the accuracy only */
    reshift_error no_map;
    const reshift_status mapped =
        status == RESHIFT_OK ? reshift_class_map_create(model, dataset, NULL, &map, &no_map) : RESHIFT_OK;
    if (mapped == RESHIFT_ERROR_MEMORY) {
        status = mapped;
        *error = no_map;
    } else if (mapped != RESHIFT_OK) {
        char text[sizeof no_map.message + 16];
        snprintf(text, sizeof text, "no accuracy: %s", no_map.message);
        session_progress()->message(session_progress()->context, RESHIFT_LOG_WARNING, text);
    }
    if (status == RESHIFT_OK) {
        status = session_calibrate(c, model, what->data, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_forward(model, dataset, &forward, NULL, &logits, session_progress(), error);
    }
    int64_t n_seen = 0;
    if (status == RESHIFT_OK && map.outputs) { /* the number is printed with the accuracy */
        status = count_seen(model, dataset, logits.shape[0], &n_seen, error);
    }
    if (status == RESHIFT_OK) {
        const int64_t n = logits.shape[0], k = logits.shape[1];
        for (int64_t row = 0; row < n && !what->logits; row++) {
            float *values = (float *)logits.data + row * k;
            reshift_probabilities(values, (int)k, values);
        }
        status = ends_with(what->out, ".csv")
                     ? reshift_predictions_save_csv(what->out, model, &logits, dataset, what->top, c->force, error)
                     : reshift_array_save_npy(what->out, &logits, c->force, error);
    }
    if (status == RESHIFT_OK) {
        status = print_result(c, what, &logits, dataset, &map, n_seen, error);
    }
    reshift_class_map_destroy(&map);
    reshift_array_destroy(&logits);
    reshift_dataset_close(&dataset);
    return status;
}
