/* Predictions for a whole data set. Labels are there, so their accuracy is told with them. */
#include "cli/predict_set.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

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
    return ends_with(what->out, ".csv") || ends_with(what->out, ".npy")
               ? NULL
               : "--out: expected a name ending in .csv or .npy";
}

static void tell(const common *c, const predict_set *what, const reshift_array *probabilities,
                 const reshift_dataset *dataset)
{
    const int64_t n = probabilities->shape[0], k = probabilities->shape[1];
    int64_t right = 0;
    for (int64_t row = 0; row < n; row++) {
        int best;
        reshift_top_classes((const float *)probabilities->data + row * k, (int)k, &best, 1);
        right += best == reshift_dataset_label(dataset, row);
    }
    reshift_accuracy a = reshift_accuracy_of(right, n);
    if (c->json) {
        printf("{\"rows\": %lld, \"correct\": %lld, \"accuracy\": %.17g}\n", (long long)n, (long long)right,
               a.accuracy);
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
    if (status == RESHIFT_OK && reshift_dataset_n_classes(dataset) > reshift_model_n_classes(model)) {
        status = fail_with(error, RESHIFT_ERROR_SHAPE, "the network tells %d classes apart, '%s' has %d",
                           reshift_model_n_classes(model), what->data, reshift_dataset_n_classes(dataset));
    }
    if (status == RESHIFT_OK && reshift_dataset_n_classes(dataset) < reshift_model_n_classes(model)) {
        char text[256];
        snprintf(text, sizeof text,
                 "the network tells %d classes apart, the set has %d: its labels are taken for the first of them",
                 reshift_model_n_classes(model), reshift_dataset_n_classes(dataset));
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
        for (int64_t row = 0; row < n; row++) {
            float *values = (float *)logits.data + row * k;
            reshift_probabilities(values, (int)k, values);
        }
        status = ends_with(what->out, ".csv")
                     ? reshift_predictions_save_csv(what->out, model, &logits, dataset, what->top, c->force, error)
                     : reshift_array_save_npy(what->out, &logits, c->force, error);
    }
    if (status == RESHIFT_OK) {
        tell(c, what, &logits, dataset);
    }
    reshift_array_destroy(&logits);
    reshift_dataset_close(&dataset);
    return status;
}
