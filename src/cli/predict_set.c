/* Predictions for a whole data set. Labels are there, so their accuracy is told with them. */
#include "cli/predict_set.h"
#include "cli/show.h"
#include "reshift/words.h"

#include <stdio.h>
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

static void tell(const common *c, const predict_set *what, const reshift_array *probabilities,
                 const reshift_dataset *dataset, const reshift_class_map *map)
{
    const int64_t n = probabilities->shape[0], k = probabilities->shape[1];
    int64_t right = 0;
    for (int64_t row = 0; row < n; row++) {
        int best;
        reshift_top_classes((const float *)probabilities->data + row * k, (int)k, &best, 1);
        right += map->outputs && best == map->outputs[reshift_dataset_label(dataset, row)];
    }
    if (!map->outputs) {
        printf(c->json ? "{\"rows\": %lld}\n" : "%lld rows\n", (long long)n);
        return;
    }
    reshift_accuracy a = reshift_accuracy_of(right, n);
    if (c->json) {
        char text[40];
        printf("{\"rows\": %lld, \"correct\": %lld, \"accuracy\": %s}\n", (long long)n, (long long)right,
               reshift_number_text(a.accuracy, text));
    } else {
        printf("%s: %lld rows, accuracy %.2f %% (95 %% interval %.2f-%.2f)\n", shown(what->out), (long long)n,
               100 * a.accuracy, 100 * a.low, 100 * a.high);
    }
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
    reshift_class_map map = {0}; /* predictions need none, their accuracy does */
    reshift_error no_map;
    const reshift_status mapped =
        status == RESHIFT_OK ? reshift_classes_map(model, dataset, NULL, &map, &no_map) : RESHIFT_OK;
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
        tell(c, what, &logits, dataset, &map);
    }
    reshift_class_map_destroy(&map);
    reshift_array_destroy(&logits);
    reshift_dataset_close(&dataset);
    return status;
}
