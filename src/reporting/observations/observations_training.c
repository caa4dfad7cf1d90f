/*
 * The sentences about a training: its final result, whether it diverged, whether it overfitted. They use the whole
 * history, not only its last epoch, and compare differences with the precision that the number of test images allows.
 */
#include "reporting/observations/observations.h"

#include <math.h>
#include <stdio.h>

#include "reshift/learning.h"
#include "reshift/reporting.h"

/* A twentieth of a point between two epochs is not a change. */
#define VISIBLE_IN_CURVE 0.0005
/* Nor is a change of the loss that is not visible in its curve. */
#define VISIBLE_IN_LOSS 0.005
/* "Stayed there": no later epoch differs by more than half a point. */
#define SAME_LEVEL 0.005
/* Overfitting by the gap between training and test accuracy: at least ten points. */
#define WIDE_GAP 0.10
/* Overfitting by the loss: a rise of at least a tenth of its lowest value, while the training loss falls. */
#define LOSS_RISE 0.10
/* A training is unstable if its training accuracy falls by ten points from its best epoch. */
#define UNSTABLE 0.10

/* The epochs that the sentences mention, for one set of measured rows. */
typedef struct training_course {
    const reshift_history *history;
    const reshift_epoch *last, *best, *last_measured, *lowest_loss;
    const reshift_epoch *dip; /* lowest accuracy after the best epoch; NULL: the best is the last one measured */
    double worst;             /* lowest accuracy of all epochs */
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
    training_course course = {.history = history, .by_validation = by_validation, .worst = INFINITY};
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *epoch = &history->epochs[i];
        const double accuracy = accuracy_of(&course, epoch), loss = loss_of(&course, epoch);
        course.last = epoch;
        if (isfinite(accuracy)) {
            course.n_measured++;
            course.last_measured = epoch;
            course.worst = fmin(course.worst, accuracy);
            if (!course.best || accuracy > accuracy_of(&course, course.best)) {
                course.best = epoch;
                course.dip = NULL;
            } else if (!course.dip || accuracy < accuracy_of(&course, course.dip)) {
                course.dip = epoch;
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

static const char *set_word(const training_course *course) { return course->by_validation ? "validation" : "test"; }

/* Number of images behind one value of the curve; 0: unknown. */
static int64_t images_of(const training_course *course, const report_training *training)
{
    return course->by_validation         ? training->n_validation
           : training->n_test_images > 0 ? training->n_test_images
                                         : training->n_test;
}

/* ---- how it ended ---- */

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
        text_add_plural(text, training->n_train, "row", "rows");
        if (training->n_validation > 0) {
            text_add(text, " (");
            text_add_count(text, training->n_validation);
            text_add(text, " more were held out for validation)");
        }
    }
    text_add(text, training->minimum ? ":" : "");
    if (isnan(course->last->train_loss) || isnan(course->last->train_accuracy)) {
        text_add(text, " no training figures are known");
    } else {
        text_add(text, " the training loss is ");
        text_add_loss(text, course->last->train_loss, 3);
        text_add(text, " and training accuracy ");
        text_add_percent(text, course->last->train_accuracy, 2);
    }
    if (course->last_measured) {
        text_printf(text, "; accuracy on %s", test_name(training));
        if (training->n_test > 0) {
            text_add(text, " (");
            text_add_plural(text, training->n_test, "row", "rows");
            if (training->n_test_all > training->n_test) {
                text_add(text, " monitored after every epoch; the results count all ");
                text_add_count(text, training->n_test_all);
            }
            text_add(text, ")");
        }
        text_add(text, " is ");
        text_add_percent(text, course->last_measured->test_accuracy, 2);
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

/* The epoch whose weights are used, if rows were held out for validation. */
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
        text_printf(text, " is highest in epoch %d (", validation->best->epoch);
        text_add_percent(text, validation->best->validation_accuracy, 2);
        text_add(text, ") and ");
        text_add_percent(text, validation->last_measured->validation_accuracy, 2);
        text_printf(text, " in epoch %d. The weights of the last epoch are used: validation chose nothing.",
                    validation->last_measured->epoch);
        return;
    }
    text_printf(text, "The weights of epoch %d are kept: of all epochs it has the highest accuracy ", kept->epoch);
    add_held_out(text, training);
    text_add(text, ", ");
    text_add_percent(text, kept->validation_accuracy, 2);
    if (kept != validation->last) {
        text_add(text, " (the last epoch: ");
        text_add_percent(text, validation->last_measured->validation_accuracy, 2);
        text_add(text, ")");
    }
    text_add(text, ". The test set had no part in the choice");
    if (isfinite(kept->test_accuracy)) {
        text_printf(text, "; accuracy on %s is ", test_name(training));
        text_add_percent(text, kept->test_accuracy, 2);
        text_add(text, " in the epoch kept");
    }
    text_add(text, ".");
}

/* ---- did it work at all? ---- */

/* Loss of a network that gives every class the same probability. */
static double guessing_loss(const report_training *training)
{
    return training->n_classes > 1 ? log(training->n_classes) : 0;
}

/* True if the last epoch's loss is diverged by the definition of learning.h. */
static bool diverged(const report_training *training)
{
    const double loss = training->history->epochs[training->history->n_epochs - 1].train_loss;
    return !isnan(loss) && reshift_loss_diverged(loss, training->n_classes);
}

bool training_failed(const report_training *training)
{
    const reshift_history *history = training->history;
    double lowest = INFINITY, best = 0;
    if (!history || history->n_epochs < 1) {
        return false;
    }
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *epoch = &history->epochs[i];
        if (isinf(epoch->train_loss) || (isnan(epoch->train_loss) && isfinite(lowest))) {
            return true;
        }
        lowest = fmin(lowest, epoch->train_loss);
        best = fmax(best, epoch->train_accuracy);
    }
    const reshift_epoch *last = &history->epochs[history->n_epochs - 1];
    const double guessing = guessing_loss(training);
    return (guessing > 0 && last->train_loss > 2 * guessing) ||
           (last->train_loss > fmax(guessing, 0.7) && last->train_loss > 3 * lowest &&
            best - last->train_accuracy >= UNSTABLE);
}

/* The accuracy `fraction` with the interval for `n` images; n is 0 if the number is unknown. */
static reshift_accuracy accuracy_of_images(double fraction, int64_t n)
{
    return n > 0 && isfinite(fraction) ? reshift_accuracy_of((int64_t)llround(fraction * (double)n), n)
                                       : (reshift_accuracy){0};
}

/*
 * True if `high` is significantly above `low`. Without the answers for every image, these are treated as different
 * images, which makes the interval for two epochs on the same images too wide, not too narrow. 0 images: unknown, the
 * accuracy is treated as exact.
 */
static bool clearly_above(double high, int64_t n_high, double low, int64_t n_low)
{
    const reshift_accuracy a = accuracy_of_images(high, n_high), b = accuracy_of_images(low, n_low);
    return a.n > 0 && b.n > 0 ? reshift_difference_apart(&a, &b).clear
           : b.n > 0          ? high > b.high
           : a.n > 0          ? low < a.low
                              : high > low;
}

static int64_t training_images(const report_training *training)
{
    return training->n_train_images > 0 ? training->n_train_images : training->n_train;
}

/* Returns true if nothing more can be said about the training. */
static bool add_divergence(const training_course *course, const report_training *training, observations *list)
{
    const double guessing = guessing_loss(training);
    const reshift_epoch *best = NULL, *last = course->last;
    for (int i = 0; i < training->history->n_epochs; i++) {
        const reshift_epoch *epoch = &training->history->epochs[i];
        if (isfinite(epoch->train_accuracy) && (!best || epoch->train_accuracy > best->train_accuracy)) {
            best = epoch;
        }
    }
    if (training_failed(training)) {
        text_buffer *text = observations_add(list, OBSERVATION_BAD);
        text_printf(text, "Training %s: the training loss is ", diverged(training) ? "diverged" : "failed");
        text_add_loss(text, last->train_loss, 3);
        text_printf(text, " in epoch %d", last->epoch);
        if (guessing > 0) {
            text_printf(text, ", where guessing among %d classes costs %.3f", training->n_classes, guessing);
        }
        text_add(text, ". A lower learning rate is the usual remedy.");
        return true;
    }
    if (best && isfinite(last->train_accuracy) && best->train_accuracy - last->train_accuracy >= UNSTABLE &&
        clearly_above(best->train_accuracy, training_images(training), last->train_accuracy,
                      training_images(training))) {
        text_buffer *text = observations_add(list, OBSERVATION_BAD);
        text_add(text, "Training was unstable: training accuracy fell from ");
        text_add_percent(text, best->train_accuracy, 2);
        text_printf(text, " in epoch %d to ", best->epoch);
        text_add_percent(text, last->train_accuracy, 2);
        text_printf(text, " in epoch %d.", last->epoch);
    }
    return false;
}

/* ---- overfitting ---- */

/* The evidence for overfitting. */
typedef struct evidence {
    double fall;       /* from the best epoch to the end, fractions */
    double gap;        /* training minus test accuracy at the end; NAN if unknown */
    double rise;       /* of the loss, from its lowest value to the end */
    double half_width; /* precision of the difference of two values; 0: unknown */
    bool above;        /* the gap is significant */
    bool falls, wide, loss_rises;
} evidence;

static evidence weigh(const training_course *course, const report_training *training)
{
    const reshift_epoch *best = course->best, *end = course->last_measured, *lowest = course->lowest_loss;
    const int64_t n = images_of(course, training);
    const double final = accuracy_of(course, end);
    evidence e = {.fall = accuracy_of(course, best) - final, .gap = end->train_accuracy - final};
    if (n > 0) {
        const reshift_accuracy high = accuracy_of_images(accuracy_of(course, best), n),
                               low = accuracy_of_images(final, n);
        const reshift_interval fall = reshift_difference_apart(&high, &low).accuracy;
        e.half_width = (fall.high - fall.low) / 2;
    }
    const bool held = isfinite(end->train_accuracy) && end->train_accuracy >= best->train_accuracy - VISIBLE_IN_CURVE;
    e.falls = e.fall >= VISIBLE_IN_CURVE && held && clearly_above(accuracy_of(course, best), n, final, n);
    e.above = isfinite(e.gap) && clearly_above(end->train_accuracy, training_images(training), final, n);
    e.wide = e.above && e.gap >= WIDE_GAP;
    if (lowest && isfinite(loss_of(course, end)) && end->epoch > lowest->epoch) {
        e.rise = loss_of(course, end) - loss_of(course, lowest);
        e.loss_rises = e.rise >= VISIBLE_IN_LOSS && e.rise >= LOSS_RISE * loss_of(course, lowest) &&
                       end->train_loss < lowest->train_loss;
    }
    return e;
}

/* "With 100 test images a difference of two such figures is known to about 11.1 points either way" */
static void add_precision(text_buffer *text, const training_course *course, const report_training *training,
                          const evidence *e)
{
    text_add(text, training->n_test_all > training->n_test ? "With about " : "With "); /* a mean if monitored */
    text_add_count(text, images_of(course, training));
    text_printf(text, " %s images a difference of two such figures is known to about %.1f points either way",
                set_word(course), reshift_percent(e->half_width, 1));
}

static void add_last_weights(text_buffer *text, const training_course *course, const report_training *training)
{
    if (training->kept == 0 && !course->by_validation && course->best != course->last_measured) {
        text_add(text, " The weights of the last epoch are used, not those of the best: choosing by the test set would "
                       "flatter the result.");
    }
}

/* The fall from the best epoch to the end, without a verdict. */
static void add_fall(text_buffer *text, const training_course *course)
{
    const reshift_epoch *best = course->best, *end = course->last_measured;
    const double highest = accuracy_of(course, best), final = accuracy_of(course, end);
    text_printf(text, "%s accuracy was best in epoch %d at ", set_word(course), best->epoch);
    text_add_percent(text, highest, 2);
    text_add(text, " and ended at ");
    text_add_percent(text, final, 2);
    text_printf(text, " in epoch %d, %.2f points lower", end->epoch, reshift_percent_change(final, highest, 2));
}

static void add_overfitting(const training_course *course, const report_training *training, const evidence *e,
                            observations *list)
{
    const reshift_epoch *end = course->last_measured, *lowest = course->lowest_loss;
    text_buffer *text = observations_add(list, OBSERVATION_BAD);
    text_add(text, "Overfitting: ");
    if (e->wide) {
        text_add(text, "training accuracy is ");
        text_add_percent(text, end->train_accuracy, 2);
        text_printf(text, " and %s accuracy ", set_word(course));
        text_add_percent(text, accuracy_of(course, end), 2);
        text_printf(text, " in epoch %d, a gap of %.2f points", end->epoch,
                    reshift_percent_change(accuracy_of(course, end), end->train_accuracy, 2));
    }
    if (e->falls) {
        text_add(text, e->wide ? "; " : "");
        add_fall(text, course);
    }
    if (e->loss_rises) {
        text_printf(text, "%s%s loss rose from ", e->wide || e->falls ? "; " : "", set_word(course));
        text_add_loss(text, loss_of(course, lowest), 3);
        text_printf(text, " in epoch %d to ", lowest->epoch);
        text_add_loss(text, loss_of(course, end), 3);
        text_printf(text, " in epoch %d while training loss fell from ", end->epoch);
        text_add_loss(text, lowest->train_loss, 3);
        text_add(text, " to ");
        text_add_loss(text, end->train_loss, 3);
    }
    text_add(text, ".");
    add_last_weights(text, course, training);
}

/* No overfitting was found: describes the curve. */
static void add_course(const training_course *course, const report_training *training, const evidence *e,
                       observations *list)
{
    const reshift_epoch *best = course->best, *end = course->last_measured, *dip = course->dip;
    const double highest = accuracy_of(course, best);
    const char *what = course->by_validation ? "Validation" : "Test";
    text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
    if (highest - course->worst < VISIBLE_IN_CURVE) {
        text_printf(text, "%s accuracy is the same in every epoch (", what);
        text_add_percent(text, highest, 2);
        text_add(text, ").");
        return;
    }
    if (best == end) {
        text_printf(text,
                    "%s accuracy is highest in the last epoch measured (%d): no overfitting is seen, and more epochs "
                    "may still help.",
                    what, end->epoch);
    } else if (highest - accuracy_of(course, dip) <= SAME_LEVEL && e->fall < VISIBLE_IN_CURVE) {
        text_printf(text, "%s accuracy reached ", what);
        text_add_percent(text, highest, 2);
        text_printf(text, " in epoch %d and stayed there: no overfitting is seen in accuracy.", best->epoch);
    } else if (e->fall < VISIBLE_IN_CURVE && highest - accuracy_of(course, dip) <= e->half_width) {
        text_printf(text, "%s accuracy was ", what);
        text_add_percent(text, highest, 2);
        text_printf(text, " in epoch %d and is so in epoch %d, with ", best->epoch, end->epoch);
        text_add_percent(text, accuracy_of(course, dip), 2);
        text_printf(text, " in epoch %d between them: no overfitting is seen in accuracy.", dip->epoch);
    } else if (highest - accuracy_of(course, dip) > fmax(SAME_LEVEL, e->half_width) && dip != end) {
        text_printf(text, "Unsteady: %s accuracy was ", set_word(course));
        text_add_percent(text, highest, 2);
        text_printf(text, " in epoch %d, ", best->epoch);
        text_add_percent(text, accuracy_of(course, dip), 2);
        text_printf(text, " in epoch %d and ", dip->epoch);
        text_add_percent(text, accuracy_of(course, end), 2);
        text_printf(text, " in epoch %d.", end->epoch);
        if (e->fall >= VISIBLE_IN_CURVE) {
            add_last_weights(text, course, training);
        }
    } else if (e->fall < fmax(e->half_width, SAME_LEVEL)) {
        text_printf(text, "No clear overfitting: ");
        add_fall(text, course);
        text_add(text, ".");
        if (e->half_width > 0) {
            text_add(text, " ");
            add_precision(text, course, training, e);
            text_add(text, ", so this may be chance.");
        }
        add_last_weights(text, course, training);
    } else {
        const bool known = isfinite(best->train_accuracy) && isfinite(end->train_accuracy);
        text_add(text, known ? "Unsteady, but not overfitting: " : "Falling back: ");
        add_fall(text, course);
        if (known) {
            text_add(text, ", and training accuracy fell too (");
            text_add_percent(text, best->train_accuracy, 2);
            text_add(text, ", then ");
            text_add_percent(text, end->train_accuracy, 2);
            text_add(text, ")");
        }
        text_add(text, ".");
        add_last_weights(text, course, training);
    }
    if (e->above && e->gap >= 0.02) {
        text_printf(text, " Training accuracy is %.2f points above %s accuracy.",
                    reshift_percent_change(accuracy_of(course, end), end->train_accuracy, 2), set_word(course));
    }
}

/* Worse than guessing is not overfitting but a sign of another error. Returns true if this sentence was added. */
static bool add_below_guessing(const training_course *course, const report_training *training, observations *list)
{
    const double guessing = training->n_classes > 1 ? 1.0 / training->n_classes : 0;
    const reshift_epoch *end = course->last_measured;
    const reshift_accuracy test = accuracy_of_images(end->test_accuracy, images_of(course, training));
    if (test.n == 0 || test.high >= guessing || end->train_accuracy <= guessing) {
        return false;
    }
    text_buffer *text = observations_add(list, OBSERVATION_WARNING);
    text_add(text, "Test accuracy, ");
    text_add_percent(text, end->test_accuracy, 2);
    text_printf(text, " in epoch %d, is below that of guessing among %d classes (", end->epoch, training->n_classes);
    text_add_percent(text, guessing, 2);
    text_add(text, ") by more than chance. Labels that mean other classes in training than in testing are one cause.");
    return true;
}

static void judge(const training_course *course, const report_training *training, observations *list)
{
    const int64_t n = images_of(course, training);
    if (course->n_measured < 1) {
        text_add(observations_add(list, OBSERVATION_PLAIN),
                 "It was not measured on a test set after each epoch, so overfitting cannot be judged.");
        return;
    }
    if (n > 0 && n < FEW_IMAGES) {
        text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
        text_add_plural(text, n, "image is", "images are");
        text_printf(text, " too few to judge overfitting by.");
        return;
    }
    const char *unfit = course->by_validation              ? NULL
                        : training->n_test_classes == 1    ? "are all of one class"
                        : training->test_has_training_rows ? "include rows that were trained on"
                                                           : NULL;
    if (unfit) {
        text_printf(observations_add(list, OBSERVATION_PLAIN), "The test rows %s, so overfitting cannot be judged.",
                    unfit);
        return;
    }
    if (!course->by_validation && add_below_guessing(course, training, list)) {
        return;
    }
    const evidence e = weigh(course, training);
    if (e.wide || e.falls || e.loss_rises) {
        add_overfitting(course, training, &e, list);
    } else if (course->n_measured == 1) {
        if (!training->minimum) {
            text_add(observations_add(list, OBSERVATION_PLAIN),
                     "It was measured once only, so a fall over the epochs cannot be judged.");
        }
    } else {
        add_course(course, training, &e, list);
    }
    const reshift_epoch *lowest = course->lowest_loss, *end = course->last_measured;
    if (!e.loss_rises && e.rise >= VISIBLE_IN_LOSS) {
        text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
        text_printf(text, "%s loss was lowest in epoch %d (", course->by_validation ? "Validation" : "Test",
                    lowest->epoch);
        text_add_loss(text, loss_of(course, lowest), 3);
        text_add(text, ") and is ");
        text_add_loss(text, loss_of(course, end), 3);
        text_printf(text, " in epoch %d.", end->epoch);
    }
}

void observe_training(const report_training *training, const char *subject, observations *list)
{
    if (!training->history || training->history->n_epochs < 1) {
        text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
        if (training->untrained) {
            text_printf(text, "Nothing was trained: %s.", training->untrained);
        } else {
            text_printf(text, "There is no history of %s in this run.", subject);
        }
        return;
    }
    const training_course test = follow(training->history, false), validation = follow(training->history, true);
    const training_course *course = test.n_measured > 0 || validation.n_measured == 0 ? &test : &validation;
    add_end(&test, training, list);
    if (validation.n_measured > 0 && !training->minimum) {
        add_choice(&validation, training, list);
    }
    if (!add_divergence(&test, training, list)) {
        judge(course, training, list);
    }
}

reshift_status reshift_history_describe(const reshift_history *history, int64_t n_test, int kept, char *text,
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
