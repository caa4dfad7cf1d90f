/* The sentences about a training: where it ended, and whether it overfitted. */
#include "reporting/observations.h"

#include <math.h>
#include <stdio.h>

#include "reshift/reporting.h"

/* A twentieth of a point between two epochs is no fall. */
#define VISIBLE_IN_CURVE 0.0005

/* The epochs that the sentences name: the last one, and the best and last of those measured on a test set. */
typedef struct training_course {
    const reshift_epoch *last, *best_test, *last_test, *lowest_loss;
    int n_measured;
} training_course;

static training_course follow(const reshift_history *history)
{
    training_course course = {0};
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *epoch = &history->epochs[i];
        course.last = epoch;
        if (isfinite(epoch->test_accuracy)) {
            course.n_measured++;
            course.last_test = epoch;
            if (!course.best_test || epoch->test_accuracy > course.best_test->test_accuracy) {
                course.best_test = epoch;
            }
        }
        if (isfinite(epoch->test_loss) && (!course.lowest_loss || epoch->test_loss < course.lowest_loss->test_loss)) {
            course.lowest_loss = epoch;
        }
    }
    return course;
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
    }
    text_add(text, training->minimum ? ":" : "");
    if (isfinite(course->last->train_loss) && isfinite(course->last->train_accuracy)) {
        text_printf(text, " the training loss is %.3f and training accuracy %.2f %%", course->last->train_loss,
                    100 * course->last->train_accuracy);
    } else {
        text_add(text, " no training figures are known");
    }
    if (course->last_test) {
        text_printf(text, "; accuracy on %s is %.2f %%", training->test_name ? training->test_name : "the test set",
                    100 * course->last_test->test_accuracy);
        if (course->last_test != course->last) {
            text_printf(text, " (measured in epoch %d)", course->last_test->epoch);
        }
    }
    text_add(text, ".");
}

/* Is the fall smaller than what the size of the test set leaves open? */
static bool within_noise(const report_training *training, double fall, double accuracy, double *half_width)
{
    if (training->n_test <= 0) {
        return false;
    }
    reshift_accuracy a = reshift_accuracy_of((int64_t)llround(accuracy * (double)training->n_test), training->n_test);
    *half_width = (a.high - a.low) / 2;
    return fall < *half_width;
}

static void add_overfitting(const training_course *course, const report_training *training, observations *list)
{
    const reshift_epoch *best = course->best_test, *end = course->last_test;
    double fall = best->test_accuracy - end->test_accuracy, half_width = 0;
    if (best == end) {
        text_printf(
            observations_add(list, OBSERVATION_PLAIN),
            "Test accuracy is highest in the last epoch measured (%d): no overfitting is seen, and more epochs may "
            "still help.",
            end->epoch);
        return;
    }
    if (fall < VISIBLE_IN_CURVE) {
        text_printf(observations_add(list, OBSERVATION_PLAIN),
                    "Test accuracy reached %.2f %% in epoch %d and stayed there: no overfitting is seen in accuracy.",
                    100 * best->test_accuracy, best->epoch);
        return;
    }
    bool known = isfinite(best->train_accuracy) && isfinite(end->train_accuracy);
    bool rises = known && end->train_accuracy - best->train_accuracy >= VISIBLE_IN_CURVE;
    bool noise = within_noise(training, fall, end->test_accuracy, &half_width);
    text_buffer *text = observations_add(list, rises && !noise ? OBSERVATION_BAD : OBSERVATION_PLAIN);
    text_printf(text,
                "%s: test accuracy was best in epoch %d at %.2f %% and ended at %.2f %% in epoch %d, %.2f points lower",
                !known   ? "Falling back"
                : !rises ? "Unsteady, but not overfitting"
                : noise  ? "Slight overfitting at most"
                         : "Overfitting",
                best->epoch, 100 * best->test_accuracy, 100 * end->test_accuracy, end->epoch, 100 * fall);
    if (known) {
        text_printf(text,
                    rises ? ", while training accuracy rose from %.2f %% to %.2f %%"
                          : ", and training accuracy did not rise either (%.2f %%, then %.2f %%)",
                    100 * best->train_accuracy, 100 * end->train_accuracy);
    }
    text_add(text, ".");
    if (noise && rises) {
        text_add(text, " With ");
        text_add_count(text, training->n_test);
        text_printf(text, " test rows one such figure is known to about %.1f points either way, so this may be chance.",
                    100 * half_width);
    }
    text_add(text,
             " The weights of the last epoch are used, not those of the best: choosing by the test set would flatter "
             "the result.");
}

void observe_training(const report_training *training, const char *subject, observations *list)
{
    if (!training->history || training->history->n_epochs < 1) {
        text_printf(observations_add(list, OBSERVATION_PLAIN), "There is no history of %s in this run.", subject);
        return;
    }
    training_course course = follow(training->history);
    add_end(&course, training, list);
    if (training->minimum) {
        return;
    }
    if (course.n_measured == 0) {
        text_printf(observations_add(list, OBSERVATION_PLAIN),
                    "It was not measured on a test set after each epoch, so overfitting cannot "
                    "be judged.");
        return;
    }
    if (course.n_measured == 1) {
        text_printf(observations_add(list, OBSERVATION_PLAIN),
                    "It was measured once only, so overfitting cannot be judged.");
        return;
    }
    add_overfitting(&course, training, list);
    const reshift_epoch *lowest = course.lowest_loss, *end = course.last_test;
    if (lowest && isfinite(end->test_loss) && end->epoch > lowest->epoch &&
        end->test_loss - lowest->test_loss >= 0.0005) {
        text_printf(
            observations_add(list, OBSERVATION_PLAIN),
            "Test loss was lowest in epoch %d (%.3f) and is %.3f in epoch %d: wrong answers are given with growing "
            "confidence.",
            lowest->epoch, lowest->test_loss, end->test_loss, end->epoch);
    }
}

reshift_status reshift_describe_history(const reshift_history *history, int64_t n_test, char *text, size_t size,
                                        reshift_error *error)
{
    observations list = {0};
    report_training training = {.history = history, .n_test = n_test};
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
