/*
 * The probe by L-BFGS: softmax regression at the minimum of its penalised loss, the penalty chosen on training rows
 * held out. There are no epochs, so that its history is one line: where it ended.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/progress.h"
#include "experiment/run.h"
#include "reshift/classifiers.h"
#include "reshift/words.h"

/* Mean loss (without the penalty) and accuracy of the layer on rows [n]; labels are int64. */
static reshift_status measure(const reshift_array *weight, const reshift_array *bias, const reshift_array *features,
                              const reshift_array *labels, reshift_metrics *metrics, reshift_error *error)
{
    reshift_array scores = {0};
    reshift_status status = reshift_linear_scores(weight, bias, features, &scores, error);
    if (status == RESHIFT_OK) {
        status = reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, labels, NULL, NULL, metrics, error);
    }
    reshift_array_destroy(&scores);
    return status;
}

/* The penalty with the smallest loss on rows held out; every value tried is told. */
static reshift_status choose(const run *r, const probe_rows *rows, int n_classes, double *l2, reshift_error *error)
{
    reshift_logistic_point points[RESHIFT_LOGISTIC_POINTS];
    reshift_logistic_path_options path;
    int n, best;
    reshift_logistic_path_options_default(&path);
    path.held_out = SETTING(r, probe.held_out);
    path.seed = (uint64_t)SETTING(r, seed);
    reshift_status status =
        reshift_logistic_path(rows->train, rows->train_labels, n_classes, &path, points, &n, &best, r->progress, error);
    for (int i = 0; i < n && status == RESHIFT_OK; i++) {
        progress_message(r->progress, RESHIFT_LOG_INFO, "l2 %-8.3g held-out loss %.4f, accuracy %.2f %%%s",
                         points[i].l2, points[i].held_out_loss, 100 * points[i].held_out_accuracy,
                         i == best ? " (chosen)" : "");
    }
    if (status == RESHIFT_OK) {
        *l2 = points[best].l2;
    }
    return status;
}

reshift_status run_probe_lbfgs(const run *r, const probe_rows *rows, int n_classes, reshift_array *weight,
                               reshift_array *bias, double *l2, reshift_history *history, reshift_error *error)
{
    reshift_logistic_options options;
    reshift_logistic_fit fit;
    reshift_metrics train, test;
    reshift_logistic_options_default(&options);
    reshift_status status = RESHIFT_OK;
    double start = clock_seconds();
    options.l2 = SETTING(r, probe.l2);
    if (options.l2 == SETTINGS_NUMBER_AUTO) {
        status = choose(r, rows, n_classes, &options.l2, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_logistic_train(rows->train, rows->train_labels, n_classes, &options, weight, bias, &fit,
                                        r->progress, error);
    }
    if (status == RESHIFT_OK) {
        status = measure(weight, bias, rows->train, rows->train_labels, &train, error);
    }
    if (status == RESHIFT_OK) {
        status = measure(weight, bias, rows->test, rows->test_labels, &test, error);
    }
    if (status == RESHIFT_OK && !(history->epochs = calloc(1, sizeof *history->epochs))) {
        status = error_memory(error, sizeof *history->epochs, "a history");
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    if (!fit.converged) {
        progress_message(r->progress, RESHIFT_LOG_WARNING,
                         "L-BFGS: %s after %d %s with a gradient of %.2g; the minimum counts as reached at %.2g",
                         fit.at_limit ? "the limit of steps was reached" : "rounding hides any lower point",
                         fit.iterations, reshift_noun_for(fit.iterations, "step", "steps"), fit.gradient,
                         options.tolerance);
    }
    *l2 = options.l2;
    history->n_epochs = 1;
    history->epochs[0] = (reshift_epoch){
        1, train.nll, train.accuracy.accuracy, test.nll, test.accuracy.accuracy, clock_seconds() - start, NAN, NAN};
    progress_message(r->progress, RESHIFT_LOG_INFO,
                     "probe by L-BFGS, l2 %.3g: loss %.4f, training accuracy %.2f %%, test accuracy %.2f %%, %.2f s",
                     *l2, train.nll, 100 * train.accuracy.accuracy, 100 * test.accuracy.accuracy,
                     history->epochs[0].seconds);
    return RESHIFT_OK;
}
