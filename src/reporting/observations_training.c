/* The sentences about a training: where it ended, and whether it overfitted. */
#include "reporting/observations.h"

#include <math.h>
#include <stdio.h>

#include "reshift/reporting.h"

/* A twentieth of a point between two epochs is no fall. */
#define VISIBLE_IN_CURVE 0.0005
/* Nor is a rise of the loss that its curve does not show. */
#define VISIBLE_IN_LOSS 0.005

/* The epochs that the sentences name, by what was measured on one set of rows. */
typedef struct training_course {
    const reshift_epoch *last, *best, *last_measured, *lowest_loss;
    bool by_validation;
    int n_measured;
} training_course;

static double accuracy_of(const training_course *course, const reshift_epoch *epoch)
{
    return course->by_validation ? epoch->validation_accuracy : epoch->test_accuracy;
}

static double loss_of(const training_course *course, const reshift_epoch *epoch)
{
    return course->by_validation ? epoch->validation_loss : epoch->test_loss;
}

static training_course follow(const reshift_history *history, bool by_validation)
{
    training_course course = {.by_validation = by_validation};
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *epoch = &history->epochs[i];
        const double accuracy = accuracy_of(&course, epoch), loss = loss_of(&course, epoch);
        course.last = epoch;
        if (isfinite(accuracy)) {
            course.n_measured++;
            course.last_measured = epoch;
            if (!course.best || accuracy > accuracy_of(&course, course.best)) {
                course.best = epoch;
            }
        }
        if (isfinite(loss) && (!course.lowest_loss || loss < loss_of(&course, course.lowest_loss))) {
            course.lowest_loss = epoch;
        }
    }
    return course;
}

static const char *test_name(const report_training *training)
{
    return training->test_name ? training->test_name : "the test set";
}

static void add_end(const training_course *course, const report_training *training, observations *list)
{
    text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
    if (training->minimum) {
        text_printf(text, "Trained %s", training->minimum);
    } else {
        text_printf(text, "After %d epoch%s", course->last->epoch, course->last->epoch == 1 ? "" : "s");
    }
    if (training->n_train > 0) {
        text_add(text, " over ");
        text_add_count(text, training->n_train);
        text_add(text, training->n_train == 1 ? " row" : " rows");
        if (training->n_validation > 0) {
            text_add(text, " (");
            text_add_count(text, training->n_validation);
            text_add(text, " more were held out for validation)");
        }
    }
    text_add(text, training->minimum ? ":" : "");
    if (isfinite(course->last->train_loss) && isfinite(course->last->train_accuracy)) {
        text_printf(text, " the training loss is %.3f and training accuracy %.2f %%", course->last->train_loss,
                    100 * course->last->train_accuracy);
    } else {
        text_add(text, " no training figures are known");
    }
    if (course->last_measured) {
        text_printf(text, "; accuracy on %s is %.2f %%", test_name(training),
                    100 * course->last_measured->test_accuracy);
        if (course->last_measured != course->last) {
            text_printf(text, " (measured in epoch %d)", course->last_measured->epoch);
        }
    }
    text_add(text, ".");
}

static void add_held_out(text_buffer *text, const report_training *training)
{
    text_add(text, "on the ");
    if (training->n_validation > 0) {
        text_add_count(text, training->n_validation);
        text_add(text, " ");
    }
    text_add(text, "rows held out of training for validation");
}

/* Which epoch's weights are used, where rows were held out to judge by. */
static void add_choice(const training_course *validation, const report_training *training, observations *list)
{
    const reshift_epoch *kept = NULL;
    text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
    for (int i = 0; i < training->history->n_epochs; i++) {
        if (training->history->epochs[i].epoch == training->kept) {
            kept = &training->history->epochs[i];
        }
    }
    if (!kept) {
        text_add(text, "Accuracy ");
        add_held_out(text, training);
        text_printf(text,
                    " is highest in epoch %d (%.2f %%) and %.2f %% in epoch %d. The weights of the last epoch are "
                    "used: validation chose nothing.",
                    validation->best->epoch, 100 * validation->best->validation_accuracy,
                    100 * validation->last_measured->validation_accuracy, validation->last_measured->epoch);
        return;
    }
    text_printf(text, "The weights of epoch %d are kept: of all epochs it has the highest accuracy ", kept->epoch);
    add_held_out(text, training);
    text_printf(text, ", %.2f %%", 100 * kept->validation_accuracy);
    if (kept != validation->last) {
        text_printf(text, " (the last epoch: %.2f %%)", 100 * validation->last_measured->validation_accuracy);
    }
    text_add(text, ". The test set had no part in the choice");
    if (isfinite(kept->test_accuracy)) {
        text_printf(text, "; accuracy on %s is %.2f %% in the epoch kept", test_name(training),
                    100 * kept->test_accuracy);
    }
    text_add(text, ".");
}

/* Is the fall smaller than what the number of rows leaves open? */
static bool within_noise(int64_t n, double fall, double accuracy, double *half_width)
{
    if (n <= 0) {
        return false;
    }
    reshift_accuracy a = reshift_accuracy_of((int64_t)llround(accuracy * (double)n), n);
    *half_width = (a.high - a.low) / 2;
    return fall < *half_width;
}

static void add_overfitting(const training_course *course, const report_training *training, observations *list)
{
    const reshift_epoch *best = course->best, *end = course->last_measured;
    const double highest = accuracy_of(course, best), final = accuracy_of(course, end), fall = highest - final;
    const int64_t n = course->by_validation ? training->n_validation : training->n_test;
    const char *what = course->by_validation ? "validation" : "test";
    double half_width = 0;
    if (best == end) {
        text_printf(
            observations_add(list, OBSERVATION_PLAIN),
            "%s accuracy is highest in the last epoch measured (%d): no overfitting is seen, and more epochs may "
            "still help.",
            course->by_validation ? "Validation" : "Test", end->epoch);
        return;
    }
    if (fall < VISIBLE_IN_CURVE) {
        text_printf(observations_add(list, OBSERVATION_PLAIN),
                    "%s accuracy reached %.2f %% in epoch %d and stayed there: no overfitting is seen in accuracy.",
                    course->by_validation ? "Validation" : "Test", 100 * highest, best->epoch);
        return;
    }
    bool known = isfinite(best->train_accuracy) && isfinite(end->train_accuracy);
    bool rises = known && end->train_accuracy - best->train_accuracy >= VISIBLE_IN_CURVE;
    bool noise = within_noise(n, fall, final, &half_width);
    text_buffer *text = observations_add(list, rises && !noise ? OBSERVATION_BAD : OBSERVATION_PLAIN);
    text_printf(text,
                "%s: %s accuracy was best in epoch %d at %.2f %% and ended at %.2f %% in epoch %d, %.2f points lower",
                !known   ? "Falling back"
                : !rises ? "Unsteady, but not overfitting"
                : noise  ? "Slight overfitting at most"
                         : "Overfitting",
                what, best->epoch, 100 * highest, 100 * final, end->epoch, 100 * fall);
    if (known) {
        text_printf(text,
                    rises ? ", while training accuracy rose from %.2f %% to %.2f %%"
                          : ", and training accuracy did not rise either (%.2f %%, then %.2f %%)",
                    100 * best->train_accuracy, 100 * end->train_accuracy);
    }
    text_add(text, ".");
    if (noise && rises) {
        text_add(text, " With ");
        text_add_count(text, n);
        text_printf(text, " %s rows one such figure is known to about %.1f points either way, so this may be chance.",
                    what, 100 * half_width);
    }
    if (training->kept == 0 && !course->by_validation) {
        text_add(text, " The weights of the last epoch are used, not those of the best: choosing by the test set would "
                       "flatter the result.");
    }
}

/* Was it measured often enough to be judged? Says so where not. */
static bool can_be_judged(const training_course *course, observations *list)
{
    if (course->n_measured > 1) {
        return true;
    }
    text_add(observations_add(list, OBSERVATION_PLAIN),
             course->n_measured == 0
                 ? "It was not measured on a test set after each epoch, so overfitting cannot be judged."
                 : "It was measured once only, so overfitting cannot be judged.");
    return false;
}

void observe_training(const report_training *training, const char *subject, observations *list)
{
    if (!training->history || training->history->n_epochs < 1) {
        text_printf(observations_add(list, OBSERVATION_PLAIN), "There is no history of %s in this run.", subject);
        return;
    }
    const training_course test = follow(training->history, false), validation = follow(training->history, true);
    const training_course *course = test.n_measured > 0 || validation.n_measured == 0 ? &test : &validation;
    add_end(&test, training, list);
    if (training->minimum) {
        return;
    }
    if (validation.n_measured > 0) {
        add_choice(&validation, training, list);
    }
    if (!can_be_judged(course, list)) {
        return;
    }
    add_overfitting(course, training, list);
    const reshift_epoch *lowest = course->lowest_loss, *end = course->last_measured;
    if (lowest && isfinite(loss_of(course, end)) && end->epoch > lowest->epoch &&
        loss_of(course, end) - loss_of(course, lowest) >= VISIBLE_IN_LOSS) {
        text_printf(
            observations_add(list, OBSERVATION_PLAIN),
            "%s loss was lowest in epoch %d (%.3f) and is %.3f in epoch %d: wrong answers are given with growing "
            "confidence.",
            course->by_validation ? "Validation" : "Test", lowest->epoch, loss_of(course, lowest), loss_of(course, end),
            end->epoch);
    }
}

reshift_status reshift_describe_history(const reshift_history *history, int64_t n_test, int kept, char *text,
                                        size_t size, reshift_error *error)
{
    observations list = {0};
    report_training training = {.history = history, .n_test = n_test, .kept = kept};
    text_buffer words = {0};
    observe_training(&training, "training", &list);
    for (int i = 0; i < list.n; i++) {
        words.failed |= list.items[i].words.failed;
        text_printf(&words, "%s%s", i ? " " : "", list.items[i].words.bytes ? list.items[i].words.bytes : "");
    }
    reshift_status status = text_status(&words, "a sentence", error);
    snprintf(text, size, "%s", words.bytes && !words.failed ? words.bytes : "");
    text_destroy(&words);
    observations_destroy(&list);
    return status;
}
