/* One epoch of fine-tuning: rows in the epoch's order through the frozen blocks into the tail's steps; and measuring.
 */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/random.h"
#include "datasets/augmented.h"
#include "datasets/dataset.h"
#include "training/finetune.h"

/* Of the next step. */
static double rate_factor(const finetune *t)
{
    const reshift_finetune_options *o = t->options;
    int64_t of_epoch = (t->n_rows + o->batch - 1) / o->batch, step = tail_steps(t->tail);
    return o->schedule.by_step ? reshift_schedule_factor(&o->schedule, step, of_epoch * o->epochs)
                               : reshift_schedule_factor(&o->schedule, step / of_epoch, o->epochs);
}

/* Photographs that are corrupted are resized and cropped first, as the test images are. The caller closes *base. */
static reshift_status open_augmented_base(const finetune *t, reshift_dataset **base, reshift_error *error)
{
    reshift_dataset *set =
        (reshift_dataset *)t->dataset; /* casts away const: a view takes a reference, nothing changes */
    if (!finetune_crops_first(t)) {
        *base = dataset_share(set);
        return RESHIFT_OK;
    }
    const reshift_recipe recipe = reshift_recipe_at(reshift_model_recipe(t->model), t->options->size);
    return reshift_dataset_cropped(set, recipe.resize, recipe.size, base, error);
}

/* end_rows() after them or after an error, whose status it keeps. */
static reshift_status start_rows(finetune *t, int epoch, int64_t n, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    const int64_t *order = t->order;
    if (o->order && o->epochs > 0) {
        order = o->order + (epoch > 0 ? epoch - 1 : 0) * t->n_rows;
    } else {
        random_stream stream = random_open(o->seed, "finetune-shuffle", (uint64_t)epoch, 0);
        random_permutation(&stream, t->order, t->n_rows);
    }
    if (!o->augment || epoch == 0) {
        return frozen_start(t->frozen, t->dataset, order, n, false, error);
    }
    reshift_dataset *base = NULL;
    reshift_status status = open_augmented_base(t, &base, error);
    if (status == RESHIFT_OK) {
        status = augmented_open(base, o->augment, o->seed, epoch, &t->changed, error);
    }
    reshift_dataset_close(&base);
    return status == RESHIFT_OK ? frozen_start_anew(t->frozen, t->changed, order, n, error) : status;
}

static reshift_status end_rows(finetune *t, reshift_status status, reshift_error *error)
{
    if (t->changed) { /* the reader ahead of us must have let go of it */
        reshift_status stopped = frozen_commit(t->frozen, status == RESHIFT_OK ? error : NULL);
        status = status == RESHIFT_OK ? stopped : status;
        reshift_dataset_close(&t->changed);
    }
    return status;
}

reshift_status finetune_walk(finetune *t, const char *what, int epoch, int64_t n, finetune_step step, void *context,
                             reshift_error *error)
{
    progress_update(t->progress, what, 0, n, "images");
    reshift_status status = start_rows(t, epoch, n, error);
    for (int64_t done = 0; status == RESHIFT_OK && done < n;) {
        int rows = tail_step_rows(t->tail, t->n_rows - done);
        status = progress_check(t->progress, error);
        if (status == RESHIFT_OK) {
            status = frozen_next(t->frozen, rows, tail_step_input(t->tail, rows), t->labels, error);
        }
        if (status == RESHIFT_OK) {
            status = step(t, context, rows, done, error);
        }
        if (status == RESHIFT_OK) {
            done += rows;
            progress_update(t->progress, what, done, n, "images");
        }
    }
    return end_rows(t, status, error);
}

void finetune_diverged(const finetune *t, int epoch, reshift_error *error)
{
    const int64_t of_epoch = (t->n_rows + t->options->batch - 1) / t->options->batch;
    const int64_t step = tail_steps(t->tail) - of_epoch * (epoch - 1);
    if (epoch == 1 && step == 0) {
        error_prefix(error, RESHIFT_ERROR_NUMERIC, "before the first step of training");
        error_hint(error, "the network overflows as it is: start from other weights");
        return;
    }
    error_prefix(error, RESHIFT_ERROR_NUMERIC, "training diverged: epoch %d, after step %lld of %lld", epoch,
                 (long long)step, (long long)of_epoch);
    error_hint(error, "use smaller learning rates");
}

typedef struct epoch_sums {
    int epoch;
    double loss;
    int64_t correct;
} epoch_sums;

static reshift_status train_rows(finetune *t, void *context, int n, int64_t done, reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    epoch_sums *sums = context;
    double loss;
    int correct;
    reshift_status status = tail_step(t->tail, n, t->labels, rate_factor(t), &loss, &correct, error);
    if (status == RESHIFT_ERROR_NUMERIC) {
        finetune_diverged(t, sums->epoch, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    (void)done;
    t->first_loss = sums->epoch == 1 && isnan(t->first_loss) ? loss : t->first_loss;
    sums->loss += loss * n;
    sums->correct += correct;
    if (o->on_step) {
        o->on_step(o->context, tail_steps(t->tail), loss);
    }
    return RESHIFT_OK;
}

reshift_status finetune_epoch(finetune *t, reshift_epoch *epoch, reshift_error *error)
{
    char what[64];
    snprintf(what, sizeof what, "epoch %d/%d", epoch->epoch, t->options->epochs);
    epoch_sums sums = {.epoch = epoch->epoch};
    reshift_status status = finetune_walk(t, what, epoch->epoch, t->n_rows, train_rows, &sums, error);
    if (status == RESHIFT_OK) {
        status = tail_synchronise(t->tail, error);
    }
    epoch->train_loss = sums.loss / (double)t->n_rows;
    epoch->train_accuracy = (double)sums.correct / (double)t->n_rows;
    return status;
}

reshift_status finetune_check_finite(finetune *t, reshift_error *error)
{
    double accuracy;
    reshift_status status = tail_check_finite(t->tail, error);
    if (status == RESHIFT_OK) {
        status = finetune_measure(t, t->dataset, tail_measure_rows(t->tail, t->n_rows), &t->end_loss, &accuracy, error);
    }
    return status;
}

reshift_status finetune_measure(finetune *t, const reshift_dataset *dataset, int64_t count, double *loss,
                                double *accuracy, reshift_error *error)
{
    double loss_sum = 0;
    int64_t correct_sum = 0, done = 0;
    reshift_status status = frozen_start(t->frozen, dataset, NULL, count, false, error);
    progress_update(t->progress, "measuring", 0, count, "images");
    while (status == RESHIFT_OK && done < count) {
        int n = tail_measure_rows(t->tail, count - done);
        status = progress_check(t->progress, error);
        if (status == RESHIFT_OK) {
            status = frozen_next(t->frozen, n, tail_measure_input(t->tail), t->labels, error);
        }
        if (status == RESHIFT_OK) {
            status = tail_measure(t->tail, n, t->labels, &(output_rows){.dataset = dataset, .first = done}, &loss_sum,
                                  &correct_sum, error);
        }
        if (status == RESHIFT_OK) {
            done += n;
            progress_update(t->progress, "measuring", done, count, "images");
        }
    }
    *loss = loss_sum / (double)count;
    *accuracy = (double)correct_sum / (double)count;
    return status;
}
