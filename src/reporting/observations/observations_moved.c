/* The sentences about the tensors changed by fine-tuning, from counts of values that differ in any bit. */
#include <string.h>

#include "reporting/observations/observations.h"

static void add_sum(report_moved *sum, const report_moved *more)
{
    sum->tensors += more->tensors;
    sum->moved += more->moved;
    sum->values += more->values;
    sum->changed += more->changed;
}

static void add_trained_blocks(text_buffer *text, const report_content *content, int n_trained)
{
    for (int i = 0, n = 0; i < content->n_blocks; i++) {
        if (block_changed(content, &content->blocks[i])) {
            text_printf(text, "%s%s", n == 0 ? "" : n + 1 == n_trained ? " and " : ", ", content->blocks[i].name);
            n++;
        }
    }
}

/* What must be unchanged: tensors of other blocks; their statistics may change if batch norm updates them. */
static void observe_others(const report_content *content, const report_moved *weights, const report_moved *statistics,
                           int n_trained, observations *list)
{
    const int tensors = weights->tensors + statistics->tensors, moved = weights->moved + statistics->moved;
    const bool gathered = content->batchnorm && strcmp(content->batchnorm, "train-all") == 0;
    const char *done = only_recalibrated(content) ? "recalibrated" : "trained";
    if (tensors == 0) {
        return;
    }
    const bool wrong = weights->moved > 0 || (moved > 0 && !gathered);
    text_buffer *text = observations_add(list, moved == 0 ? OBSERVATION_GOOD
                                               : wrong    ? OBSERVATION_WARNING
                                                          : OBSERVATION_PLAIN);
    if (moved == 0) {
        text_printf(text, "Every tensor outside the %s block%s (", done, n_trained == 1 ? "" : "s");
        add_trained_blocks(text, content, n_trained);
        text_add(text, ") is unchanged, byte for byte: ");
        text_add_plural(text, tensors, "tensor", "tensors");
        text_add(text, ", ");
        text_add_plural(text, weights->values + statistics->values, "value", "values");
        text_add(text, ".");
        return;
    }
    text_printf(text, "Outside the %s block%s (", done, n_trained == 1 ? "" : "s");
    add_trained_blocks(text, content, n_trained);
    text_printf(text, ") %d of %d tensors changed", moved, tensors);
    text_add(text, wrong ? ", though none should have." : ", all of them running statistics of batch norm.");
}

/* Without training: no weight may have changed in the blocks whose statistics were recomputed. */
static void observe_untrained(const report_content *content, const report_moved *weights, observations *list)
{
    if (!only_recalibrated(content) || weights->tensors == 0) {
        return;
    }
    text_buffer *text = observations_add(list, weights->moved ? OBSERVATION_WARNING : OBSERVATION_GOOD);
    if (weights->moved == 0) {
        text_add(text, "Nothing was trained, and no weight of any block changed (");
        text_add_plural(text, weights->tensors, "tensor", "tensors");
        text_add(text, ").");
    } else {
        text_printf(text, "Nothing was trained, yet %d of %d weight tensors changed.", weights->moved,
                    weights->tensors);
    }
}

static void observe_batchnorm(const report_content *content, const report_moved *statistics, observations *list)
{
    if (statistics->tensors == 0 || !content->batchnorm) {
        return;
    }
    const bool frozen = strcmp(content->batchnorm, "frozen") == 0;
    text_buffer *text =
        observations_add(list, frozen && statistics->moved > 0 ? OBSERVATION_WARNING : OBSERVATION_PLAIN);
    if (frozen) {
        text_add(text, "Batch norm was frozen: it normalises by the stored running means and variances in training "
                       "and testing. ");
        if (statistics->moved == 0) {
            text_printf(text, "The %d running-statistics tensors did not change; gamma and beta count as weights.",
                        statistics->tensors);
        } else {
            text_printf(text, "Yet %d of %d running-statistics tensors changed.", statistics->moved,
                        statistics->tensors);
        }
        return;
    }
    text_printf(text, "Batch norm in %s ",
                strcmp(content->batchnorm, "train-all") == 0 ? "all blocks"
                : only_recalibrated(content)                 ? "the recalibrated blocks"
                                                             : "the trained blocks");
    text_add(text,
             only_recalibrated(content)
                 ? "was recalibrated: its running means and variances were recomputed from the rows of recalibration"
             : strcmp(content->batchnorm, "recalibrate") == 0
                 ? "was recalibrated: its running means and variances were recomputed from the training rows "
                   "and kept fixed in training"
                 : "normalised by each training batch and updated its running means and variances");
    text_printf(
        text,
        ". %d of %d running-statistics tensors changed; they are not trained and are counted apart from the weights.",
        statistics->moved, statistics->tensors);
}

void observe_moved(const report_content *content, observations *list)
{
    report_moved weights = {0}, statistics = {0}; /* of blocks not trained */
    report_moved all_weights = {0}, all_statistics = {0};
    int n_trained = 0;
    for (int i = 0; i < content->n_blocks; i++) {
        const report_block *block = &content->blocks[i];
        n_trained += block_changed(content, block);
        add_sum(&all_weights, &block->weights);
        add_sum(&all_statistics, &block->statistics);
        if (!block_changed(content, block)) {
            add_sum(&weights, &block->weights);
            add_sum(&statistics, &block->statistics);
        }
    }
    observe_others(content, &weights, &statistics, n_trained, list);
    observe_untrained(content, &all_weights, list);
    observe_batchnorm(content, &all_statistics, list);
}
