/* Softmax regression as people call it: a fit to all rows, and the choice of its penalty on rows held out by group. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "classifiers/logistic.h"
#include "datasets/classes.h"
#include "kernels/linear.h"
#include "kernels/softmax.h"
#include "reshift/words.h"

static reshift_status check_options(const reshift_logistic_options *o, int n_classes, reshift_error *error)
{
    if (!(o->l2 >= 0) || !isfinite(o->l2)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "L-BFGS: expected an l2 of 0 or more, found %g", o->l2);
    }
    for (int k = 0; o->class_weights && k < n_classes; k++) {
        if (!(o->class_weights[k] >= 0) || !isfinite(o->class_weights[k])) {
            return error_set(error, RESHIFT_ERROR_NUMERIC, "L-BFGS: class weight %d: expected 0 or more, found %g", k,
                             o->class_weights[k]);
        }
    }
    if (o->max_iterations < 1 || !(o->tolerance >= 0) || !o->initial_weight != !o->initial_bias) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "L-BFGS: expected at least one iteration, a tolerance of 0 or more, and initial weight and "
                         "bias together, found %d and %g",
                         o->max_iterations, o->tolerance);
    }
    return RESHIFT_OK;
}

/* Checked features and labels, and the number of classes. */
static reshift_status take(const reshift_array *features, const reshift_array *labels, int *n_classes, sample *s,
                           const reshift_progress *progress, reshift_error *error)
{
    int largest = -1;
    reshift_status status = sample_take(features, labels, "training", s, &largest, error);
    if (status == RESHIFT_OK && *n_classes <= 0) {
        *n_classes = largest + 1;
    }
    if (status == RESHIFT_OK) {
        status = sample_check_labels(s, "training", *n_classes, error);
    }
    return status == RESHIFT_OK ? classes_check(s->labels, s->n, *n_classes, "training labels", progress, error)
                                : status;
}

/*
 * The gradient at zero weights is at most the features' spread s, so that |W| is at most about s / l2 and a logit about
 * s^2 / l2. Where that is next to nothing, the minimum is right and useless: the features' unit is too small for the
 * penalty.
 */
static void warn_of_penalty(const sample *s, double l2, const reshift_progress *progress)
{
    const double spread = sample_spread(s);
    if (spread > 0 && spread * spread < 1e-4 * l2) {
        progress_message(
            progress, RESHIFT_LOG_WARNING,
            "L-BFGS: the features' standard deviation is %.2g (all columns together), so that the penalty l2 = "
            "%.3g keeps the weights at 0: scale the features to values of about 1, or use an l2 below %.1g",
            spread, l2, spread * spread);
    }
}

reshift_status reshift_logistic_train(const reshift_array *features, const reshift_array *labels, int n_classes,
                                      const reshift_logistic_options *options, reshift_array *weight,
                                      reshift_array *bias, reshift_logistic_fit *fit, const reshift_progress *progress,
                                      reshift_error *error)
{
    reshift_logistic_options defaults;
    reshift_logistic_options_default(&defaults);
    options = options ? options : &defaults;
    memset(weight, 0, sizeof *weight);
    memset(bias, 0, sizeof *bias);
    sample s = {0};
    reshift_status status = take(features, labels, &n_classes, &s, progress, error);
    if (status == RESHIFT_OK) {
        status = check_options(options, n_classes, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n_classes, s.n_features}, weight, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 1, (int64_t[]){n_classes}, bias, error);
    }
    if (status == RESHIFT_OK) {
        status = logistic_fit(&(logistic_rows){&s, NULL, s.n}, n_classes, options, weight->data, bias->data, fit,
                              progress, error);
    }
    if (status == RESHIFT_OK) {
        warn_of_penalty(&s, options->l2, progress);
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(weight);
        reshift_array_destroy(bias);
    }
    sample_release(&s);
    return status;
}

/* ---- the path ---- */

void reshift_logistic_path_options_default(reshift_logistic_path_options *options)
{
    *options = (reshift_logistic_path_options){.low = 1e-6, .high = 1, .per_decade = 2, .held_out = 0.1};
    reshift_logistic_options_default(&options->fit);
    options->fit.tolerance = 1e-5; /* near enough to compare held-out losses */
}

static int count_points(const reshift_logistic_path_options *o)
{
    double decades = log10(o->high / o->low);
    return o->low > 0 && decades >= 0 && isfinite(decades) && o->per_decade >= 1 && o->per_decade <= 100
               ? (int)fmin(floor(decades * o->per_decade + 1.5), RESHIFT_LOGISTIC_POINTS + 1)
               : 0;
}

typedef struct row_of_group {
    int64_t group, row;
} row_of_group;

static int by_group(const void *a, const void *b)
{
    const row_of_group *x = a, *y = b;
    return x->group != y->group ? (x->group > y->group) - (x->group < y->group) : (x->row > y->row) - (x->row < y->row);
}

static int by_row(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/*
 * Shuffles the groups and puts whole ones aside until the share is reached: order [n] holds the rows to fit in
 * order[0..*n_fit), those held out behind, each in ascending order.
 */
static reshift_status hold_out(const reshift_logistic_path_options *o, int64_t n, int64_t *order, int64_t *n_fit,
                               reshift_error *error)
{
    row_of_group *sorted = memory_allocate((size_t)n * sizeof *sorted);
    int64_t *starts = memory_allocate((size_t)(n + 1) * sizeof *starts);
    int64_t *shuffled = memory_allocate((size_t)n * sizeof *shuffled);
    int64_t n_groups = 0, wanted = (int64_t)llround(o->held_out * (double)n), fit = 0, held = n;
    reshift_status status = RESHIFT_OK;
    if (!sorted || !starts || !shuffled) {
        status = error_memory(error, (size_t)n * 32, "the order of rows");
        goto end;
    }
    for (int64_t i = 0; i < n; i++) {
        sorted[i] = (row_of_group){o->groups ? o->groups[i] : i, i};
    }
    qsort(sorted, (size_t)n, sizeof *sorted, by_group);
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || sorted[i].group != sorted[i - 1].group) {
            starts[n_groups++] = i;
        }
    }
    starts[n_groups] = n;
    random_stream stream = random_open(o->seed, "logistic-held-out", 0, 0);
    random_permutation(&stream, shuffled, n_groups);
    for (int64_t g = 0; g < n_groups; g++) {
        int64_t first = starts[shuffled[g]], last = starts[shuffled[g] + 1];
        bool aside = n - held < wanted;
        for (int64_t i = first; i < last; i++) {
            order[aside ? --held : fit++] = sorted[i].row;
        }
    }
    qsort(order, (size_t)fit, sizeof *order, by_row);
    qsort(order + fit, (size_t)(n - fit), sizeof *order, by_row);
    *n_fit = fit;
    if (fit == 0 || fit == n) {
        status =
            error_set(error, RESHIFT_ERROR_SHAPE, "L-BFGS: %g of %lld %s in %lld %s cannot be held out to choose l2",
                      o->held_out, (long long)n, reshift_noun_for(n, "row", "rows"), (long long)n_groups,
                      reshift_noun_for(n_groups, "group", "groups"));
    }
end:
    memory_free(sorted);
    memory_free(starts);
    memory_free(shuffled);
    return status;
}

/* Loss and accuracy of a layer on some rows, summed in order. */
static reshift_status measure(const logistic_rows *rows, int n_classes, const float *weight, const float *bias,
                              reshift_logistic_point *point, reshift_error *error)
{
    linear layer = {0};
    const int64_t tiles = (rows->n + LINEAR_TILE - 1) / LINEAR_TILE;
    double *losses = memory_allocate((size_t)tiles * sizeof *losses), loss = 0;
    int64_t correct = 0;
    int missing = 0;
    reshift_status status = linear_create(rows->sample->n_features, n_classes, &layer, error);
    if (status == RESHIFT_OK && !losses) {
        status = error_memory(error, (size_t)tiles * sizeof *losses, "losses");
    }
    if (status != RESHIFT_OK) {
        goto end;
    }
    linear_set(&layer, weight, bias);
#pragma omp parallel reduction(+ : correct, missing)
    {
        float *scratch = memory_allocate(LINEAR_TILE * (LINEAR_LANES + (size_t)n_classes) * sizeof(float));
        float *logits = scratch ? scratch + LINEAR_TILE * LINEAR_LANES : NULL;
        missing += !scratch;
#pragma omp for schedule(static)
        for (int64_t t = 0; t < tiles; t++) {
            const float *of[LINEAR_TILE];
            int64_t first = t * LINEAR_TILE;
            int n = rows->n - first < LINEAR_TILE ? (int)(rows->n - first) : LINEAR_TILE;
            losses[t] = 0;
            for (int b = 0; scratch && b < n; b++) {
                of[b] = rows->sample->features + rows->rows[first + b] * rows->sample->n_features;
            }
            if (scratch) {
                linear_logits(&layer, of, n, scratch, logits);
            }
            for (int b = 0; scratch && b < n; b++) {
                int right;
                losses[t] +=
                    (double)softmax_cross_entropy_f32(logits + (int64_t)b * n_classes, n_classes,
                                                      rows->sample->labels[rows->rows[first + b]], 1, NULL, &right);
                correct += right;
            }
        }
        memory_free(scratch);
    }
    for (int64_t t = 0; t < tiles; t++) {
        loss += losses[t];
    }
    point->held_out_loss = loss / (double)rows->n;
    point->held_out_accuracy = (double)correct / (double)rows->n;
    if (missing) {
        status = error_memory(error, LINEAR_TILE * (size_t)n_classes * sizeof(float), "logits");
    }
end:
    memory_free(losses);
    linear_destroy(&layer);
    return status;
}

/*
 * A held-out row says something about l2 only if its class has rows to fit. Where hardly any has, nothing can be
 * chosen; where some have not, they count against every penalty alike, which is said.
 */
static reshift_status check_held_out(const sample *s, int n_classes, const int64_t *order, int64_t n_fit,
                                     const reshift_progress *progress, reshift_error *error)
{
    bool *fitted = calloc((size_t)n_classes, sizeof *fitted);
    if (!fitted) {
        return error_memory(error, (size_t)n_classes, "classes");
    }
    int64_t alone = 0;
    const int64_t held = s->n - n_fit;
    for (int64_t i = 0; i < n_fit; i++) {
        fitted[s->labels[order[i]]] = true;
    }
    for (int64_t i = n_fit; i < s->n; i++) {
        alone += !fitted[s->labels[order[i]]];
    }
    free(fitted);
    if (2 * alone > held) {
        error_set(error, RESHIFT_ERROR_SHAPE,
                  "L-BFGS: %lld of %lld %s held out to choose l2 %s of a class without another row: too few rows a "
                  "class",
                  (long long)alone, (long long)held, reshift_noun_for(held, "row", "rows"),
                  reshift_noun_for(alone, "is", "are"));
        error_hint(error, "give l2 as a number, or more rows a class");
        return RESHIFT_ERROR_SHAPE;
    }
    if (alone) {
        progress_message(progress, RESHIFT_LOG_WARNING,
                         "L-BFGS: %lld of %lld %s held out to choose l2 %s of a class without another row",
                         (long long)alone, (long long)held, reshift_noun_for(held, "row", "rows"),
                         reshift_noun_for(alone, "is", "are"));
    }
    return RESHIFT_OK;
}

static reshift_status walk(const sample *s, int n_classes, const reshift_logistic_path_options *o, const int64_t *order,
                           int64_t n_fit, reshift_logistic_point *points, int n_points, int *best,
                           const reshift_progress *progress, reshift_error *error)
{
    size_t bytes = (size_t)n_classes * (size_t)(s->n_features + 1) * sizeof(float);
    float *weight = memory_allocate(bytes), *bias = weight ? weight + (int64_t)n_classes * s->n_features : NULL;
    if (!weight) {
        return error_memory(error, bytes, "weights");
    }
    const logistic_rows fitted = {s, order, n_fit}, held_out = {s, order + n_fit, s->n - n_fit};
    reshift_logistic_options fit = o->fit;
    reshift_status status = RESHIFT_OK;
    *best = 0;
    for (int i = 0; status == RESHIFT_OK && i < n_points; i++) {
        reshift_logistic_point *p = &points[i];
        fit.l2 = p->l2 = o->high * pow(10, -(double)i / o->per_decade);
        status = logistic_fit(&fitted, n_classes, &fit, weight, bias, &p->fit, progress, error);
        if (status == RESHIFT_OK) {
            status = measure(&held_out, n_classes, weight, bias, p, error);
        }
        if (status == RESHIFT_OK && p->held_out_loss < points[*best].held_out_loss) {
            *best = i;
        }
        fit.initial_weight = weight;
        fit.initial_bias = bias;
    }
    memory_free(weight);
    return status;
}

reshift_status reshift_logistic_path(const reshift_array *features, const reshift_array *labels, int n_classes,
                                     const reshift_logistic_path_options *options, reshift_logistic_point *points,
                                     int *n_points, int *best, const reshift_progress *progress, reshift_error *error)
{
    reshift_logistic_path_options defaults;
    reshift_logistic_path_options_default(&defaults);
    options = options ? options : &defaults;
    sample s = {0};
    int64_t *order = NULL, n_fit = 0;
    *n_points = count_points(options);
    if (*n_points < 1 || *n_points > RESHIFT_LOGISTIC_POINTS) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "L-BFGS: expected a path of 1 to %d penalties, found %g to %g with %d a factor of ten",
                         RESHIFT_LOGISTIC_POINTS, options->low, options->high, options->per_decade);
    }
    reshift_status status = RESHIFT_OK;
    if (!(options->held_out > 0 && options->held_out < 1)) {
        status = error_set(error, RESHIFT_ERROR_ARGUMENT,
                           "L-BFGS: expected a share between 0 and 1 to hold out, found %g", options->held_out);
    }
    if (status == RESHIFT_OK) {
        status = take(features, labels, &n_classes, &s, NULL, error); /* the training warns */
    }
    if (status == RESHIFT_OK) {
        status = check_options(&options->fit, n_classes, error);
    }
    if (status == RESHIFT_OK && !(order = memory_allocate((size_t)s.n * sizeof *order))) {
        status = error_memory(error, (size_t)s.n * sizeof *order, "the order of rows");
    }
    if (status == RESHIFT_OK) {
        status = hold_out(options, s.n, order, &n_fit, error);
    }
    if (status == RESHIFT_OK) {
        status = check_held_out(&s, n_classes, order, n_fit, progress, error);
    }
    if (status == RESHIFT_OK) {
        status = walk(&s, n_classes, options, order, n_fit, points, *n_points, best, progress, error);
    }
    memory_free(order);
    sample_release(&s);
    return status;
}

/* ---- scores ---- */

static reshift_status check_scores(const reshift_array *features, const reshift_array *scores, reshift_error *error)
{
    const int64_t n = scores->shape[0], bad = finite_first_bad(scores->data, n, scores->shape[1]);
    if (bad == n) {
        return RESHIFT_OK;
    }
    const float *row = (const float *)features->data + bad * features->shape[1];
    return finite_first_bad(row, 1, features->shape[1]) == 1
               ? error_set(error, RESHIFT_ERROR_NUMERIC, "scores: row %lld overflows float32", (long long)bad)
               : error_set(error, RESHIFT_ERROR_NUMERIC, "features: row %lld holds a value that is not finite",
                           (long long)bad);
}

reshift_status reshift_linear_scores(const reshift_array *weight, const reshift_array *bias,
                                     const reshift_array *features, reshift_array *scores, reshift_error *error)
{
    memset(scores, 0, sizeof *scores);
    if (weight->dtype != RESHIFT_F32 || weight->n_dims != 2 || bias->dtype != RESHIFT_F32 || bias->n_dims != 1 ||
        bias->shape[0] != weight->shape[0] || weight->shape[0] > INT32_MAX) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "a linear layer: expected float32 weight [K,D] and bias [K]");
    }
    const int64_t K = weight->shape[0], D = weight->shape[1], n = features->shape[0];
    if (features->dtype != RESHIFT_F32 || features->n_dims != 2 || features->shape[1] != D) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "features: expected float32 [N,%lld], found %s with %d dimensions, %lld columns", (long long)D,
                         reshift_dtype_name(features->dtype), features->n_dims,
                         features->n_dims > 1 ? (long long)features->shape[1] : 0);
    }
    linear layer = {0};
    int missing = 0;
    reshift_status status = linear_create(D, (int)K, &layer, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, K}, scores, error);
    }
    if (status == RESHIFT_OK) {
        linear_set(&layer, weight->data, bias->data);
#pragma omp parallel reduction(+ : missing)
        {
            float *scratch = memory_allocate(LINEAR_TILE * LINEAR_LANES * sizeof(float));
            missing += !scratch;
#pragma omp for schedule(static)
            for (int64_t first = 0; first < n; first += LINEAR_TILE) {
                const float *rows[LINEAR_TILE];
                int count = n - first < LINEAR_TILE ? (int)(n - first) : LINEAR_TILE;
                for (int b = 0; b < count; b++) {
                    rows[b] = (const float *)features->data + (first + b) * D;
                }
                if (scratch) {
                    linear_logits(&layer, rows, count, scratch, (float *)scores->data + first * K);
                }
            }
            memory_free(scratch);
        }
        if (missing) {
            status = error_memory(error, LINEAR_TILE * LINEAR_LANES * sizeof(float), "scores");
        }
    }
    if (status == RESHIFT_OK) {
        status = check_scores(features, scores, error);
    }
    if (status != RESHIFT_OK) {
        reshift_array_destroy(scores);
    }
    linear_destroy(&layer);
    return status;
}
