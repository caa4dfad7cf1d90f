/* reshift probe --method lbfgs, mean, neighbours: fits, tables and JSON. */
#include "cli/probe_methods.h"
#include "cli/show.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reshift/classifiers.h"
#include "reshift/evaluation.h"
#include "reshift/labels.h"
#include "reshift/words.h"

const char *probe_check_choice(const probe_choice *choice)
{
    double l2;
    if (strcmp(choice->method, "lbfgs") != 0 && strcmp(choice->method, "mean") != 0 &&
        strcmp(choice->method, "neighbours") != 0) {
        return "--method: expected adam, lbfgs, mean or neighbours";
    }
    if (strcmp(choice->l2, "auto") != 0 && !read_number(choice->l2, 0, 1e6, &l2)) {
        return "--l2: expected auto, or a number from 0 to 1000000";
    }
    return NULL;
}

/* ---- softmax regression ---- */

/* The choice of l2, as a table or as JSON "path". */
static void tell_path(const common *c, const reshift_logistic_point *points, int n, int best, json_t *result)
{
    json_t *path = json_array();
    if (!c->json) {
        printf("%12s %6s %11s %13s %11s\n", "l2", "steps", "train loss", "held-out loss", "held-out %");
    }
    for (int i = 0; i < n; i++) {
        const reshift_logistic_point *p = &points[i];
        if (c->json) {
            json_array_append_new(path,
                                  json_pack("{s:f, s:i, s:b, s:f, s:f, s:f}", "l2", p->l2, "steps", p->fit.iterations,
                                            "converged", p->fit.converged, "train_loss", p->fit.loss, "held_out_loss",
                                            p->held_out_loss, "held_out_accuracy", p->held_out_accuracy));
        } else {
            printf("%12.3g %6d %11.4f %13.4f %11.2f%s\n", p->l2, p->fit.iterations, p->fit.loss, p->held_out_loss,
                   100 * p->held_out_accuracy, i == best ? "  chosen" : "");
        }
    }
    json_object_set_new(result, "path", path);
    if (best == 0 || best == n - 1) {
        session_say("the chosen l2 is the %s that was tried: the best may lie beyond", best ? "smallest" : "largest");
    }
}

/* Requires that the groups cover every row. */
static reshift_status take_groups(const probe_data *data, const int64_t **groups, reshift_error *error)
{
    *groups = NULL;
    if (!data->groups.data) {
        return RESHIFT_OK;
    }
    if (data->groups.dtype != RESHIFT_I64 || data->groups.n_dims != 1 ||
        data->groups.shape[0] != data->features.shape[0]) {
        return fail_with(error, RESHIFT_ERROR_SHAPE,
                         "--groups: expected int64 [%lld], one for every training row, found %s [%lld]",
                         (long long)data->features.shape[0], reshift_dtype_name(data->groups.dtype),
                         data->groups.n_dims ? (long long)data->groups.shape[0] : 0);
    }
    *groups = data->groups.data;
    return RESHIFT_OK;
}

/*
 * Loss weights by class: "balanced" is N / (classes with rows * rows of the class), as in scikit-learn; otherwise a
 * file of K floats.
 */
reshift_status probe_class_weights(const probe_choice *choice, const probe_data *data, double **weights,
                                   reshift_error *error)
{
    const int64_t n = data->features.shape[0];
    int found = 0, K = choice->n_classes;
    int *labels = choice->class_weight ? malloc((size_t)n * sizeof *labels + 1) : NULL;
    *weights = NULL;
    if (!choice->class_weight) {
        return RESHIFT_OK;
    }
    reshift_status status = labels ? RESHIFT_OK : fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory");
    if (status == RESHIFT_OK) {
        status = reshift_labels_read(&data->labels, "training labels", n, 0, labels, &found, error);
    }
    K = K > 0 ? K : found;
    if (status == RESHIFT_OK && found > K) {
        status =
            fail_with(error, RESHIFT_ERROR_SHAPE, "training labels: expected labels below %d, found %d", K, found - 1);
    }
    if (status == RESHIFT_OK && !(*weights = calloc((size_t)K + 1, sizeof **weights))) {
        status = fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory");
    }
    if (status == RESHIFT_OK && strcmp(choice->class_weight, "balanced") == 0) {
        int present = 0;
        for (int64_t i = 0; i < n; i++) {
            present += (*weights)[labels[i]]++ == 0;
        }
        for (int k = 0; k < K; k++) {
            (*weights)[k] = (*weights)[k] > 0 ? (double)n / (present * (*weights)[k]) : 0;
        }
    } else if (status == RESHIFT_OK) {
        reshift_array file = {0};
        status = reshift_array_load_npy(choice->class_weight, &file, error);
        if (status == RESHIFT_OK &&
            ((file.dtype != RESHIFT_F64 && file.dtype != RESHIFT_F32) || file.n_dims != 1 || file.shape[0] != K)) {
            char text[256];
            reshift_array_describe(&file, text, sizeof text);
            status = fail_with(error, RESHIFT_ERROR_SHAPE,
                               "'%s': expected a weight a class, float32 or float64 [%d], found %s",
                               choice->class_weight, K, text);
        }
        for (int k = 0; k < K && status == RESHIFT_OK; k++) {
            (*weights)[k] =
                file.dtype == RESHIFT_F64 ? ((const double *)file.data)[k] : (double)((const float *)file.data)[k];
        }
        reshift_array_destroy(&file);
    }
    free(labels);
    return status;
}

static reshift_status by_lbfgs(const common *c, const probe_choice *choice, const probe_data *data, json_t *result,
                               reshift_array *weight, reshift_array *bias, reshift_error *error)
{
    reshift_logistic_options options;
    reshift_logistic_options_default(&options);
    reshift_logistic_fit fit;
    double *weights;
    reshift_status status = probe_class_weights(choice, data, &weights, error);
    options.class_weights = weights;
    if (status == RESHIFT_OK && strcmp(choice->l2, "auto") == 0) {
        reshift_logistic_point points[RESHIFT_LOGISTIC_POINTS];
        reshift_logistic_path_options path;
        int n, best;
        reshift_logistic_path_options_default(&path);
        path.held_out = choice->held_out;
        path.seed = (uint64_t)c->seed;
        path.fit.class_weights = weights;
        status = take_groups(data, &path.groups, error);
        if (status == RESHIFT_OK) {
            status = reshift_logistic_path(&data->features, &data->labels, choice->n_classes, &path, points, &n, &best,
                                           session_progress(), error);
        }
        if (status == RESHIFT_OK) {
            tell_path(c, points, n, best, result);
            options.l2 = points[best].l2;
        }
    } else if (status == RESHIFT_OK) {
        read_number(choice->l2, 0, 1e6, &options.l2);
    }
    if (status == RESHIFT_OK) {
        status = reshift_logistic_train(&data->features, &data->labels, choice->n_classes, &options, weight, bias, &fit,
                                        session_progress(), error);
    }
    free(weights);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (!fit.converged) {
        session_say("L-BFGS: %s after %d %s with a gradient of %.2g; the minimum counts as reached at %.2g",
                    fit.at_limit ? "the limit of steps was reached" : "rounding hides any lower point", fit.iterations,
                    reshift_noun_for(fit.iterations, "step", "steps"), fit.gradient, options.tolerance);
    }
    json_object_set_new(result, "l2", json_real(options.l2));
    json_object_set_new(result, "steps", json_integer(fit.iterations));
    json_object_set_new(result, "gradient", json_real(fit.gradient));
    json_object_set_new(result, "train_loss", json_real(fit.loss));
    if (!c->json) {
        printf("l2 %.3g: loss %.4f on all %lld training %s after %d %s\n", options.l2, fit.loss,
               (long long)data->features.shape[0], reshift_noun_for(data->features.shape[0], "row", "rows"),
               fit.iterations, reshift_noun_for(fit.iterations, "step", "steps"));
    }
    return RESHIFT_OK;
}

/* ---- the test rows ---- */

static reshift_status measure(const common *c, const probe_data *data, const reshift_array *scores, reshift_scores kind,
                              json_t *result, reshift_error *error)
{
    reshift_metrics m;
    reshift_status status = reshift_metrics_of(scores, kind, &data->test_labels, NULL, NULL, &m, error);
    if (status != RESHIFT_OK) {
        fail_in(error, status, "test rows");
    }
    reshift_class_metrics by_class = {0};
    if (status == RESHIFT_OK) {
        status = reshift_class_metrics_of(scores, &data->test_labels, &by_class, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    if (c->json) {
        json_object_set_new(result, "test",
                            json_pack("{s:I, s:I, s:f, s:f, s:f, s:o, s:f, s:f, s:f, s:o}", "n",
                                      (json_int_t)m.accuracy.n, "correct", (json_int_t)m.accuracy.correct, "accuracy",
                                      m.accuracy.accuracy, "low", m.accuracy.low, "high", m.accuracy.high, "nll",
                                      m.nll < 1e300 ? json_real(m.nll) : json_null(), "brier", m.brier, "ece", m.ece,
                                      "balanced_accuracy", by_class.balanced, "top5_accuracy",
                                      isnan(by_class.top5) ? json_null() : json_real(by_class.top5)));
    } else {
        printf("test accuracy %.2f %% (95 %% interval %.2f-%.2f) of %lld %s; log-likelihood %.4f, Brier %.4f, ECE "
               "%.2f %%\n",
               100 * m.accuracy.accuracy, 100 * m.accuracy.low, 100 * m.accuracy.high, (long long)m.accuracy.n,
               reshift_noun_for(m.accuracy.n, "row", "rows"), -m.nll, m.brier, 100 * m.ece);
        printf("balanced accuracy %.2f %% (mean of the classes' own)", 100 * by_class.balanced);
        printf(isnan(by_class.top5) ? "\n" : ", top-5 accuracy %.2f %%\n", 100 * by_class.top5);
    }
    return RESHIFT_OK;
}

reshift_status probe_by_method(const common *c, const probe_choice *choice, const probe_data *data,
                               reshift_array *weight, reshift_array *bias, reshift_error *error)
{
    json_t *result = json_pack("{s:s}", "method", choice->method);
    reshift_array scores = {0};
    reshift_scores kind = RESHIFT_SCORES_LOGITS;
    reshift_status status = RESHIFT_OK;
    const bool tested = data->test_features.data != NULL;
    if (strcmp(choice->method, "neighbours") == 0) {
        kind = RESHIFT_SCORES_PROBABILITIES;
        status = reshift_nearest_neighbours_score(&data->features, &data->labels, &data->test_features,
                                                  choice->n_classes, choice->neighbours, choice->temperature, &scores,
                                                  session_progress(), error);
    } else {
        status =
            strcmp(choice->method, "mean") == 0
                ? reshift_nearest_mean_train(&data->features, &data->labels, choice->n_classes, weight, bias, error)
                : by_lbfgs(c, choice, data, result, weight, bias, error);
        if (status == RESHIFT_OK && tested) {
            status = reshift_linear_scores(weight, bias, &data->test_features, &scores, error);
        }
    }
    if (status == RESHIFT_OK && tested) {
        status = measure(c, data, &scores, kind, result, error);
    }
    if (status == RESHIFT_OK && c->json) {
        print_json(result, JSON_INDENT(1) | JSON_REAL_PRECISION(17), "{}");
    }
    json_decref(result);
    reshift_array_destroy(&scores);
    return status;
}
