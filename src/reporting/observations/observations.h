/*
 * Sentences about the numbers of a run. Pure functions of numbers: nothing is measured, drawn or read here. Every case
 * has its own wording (gains that are losses, changes that are not significant, nothing measured), and each is tested.
 */
#ifndef REPORTING_OBSERVATIONS_OBSERVATIONS_H
#define REPORTING_OBSERVATIONS_OBSERVATIONS_H

#include "reporting/content.h"
#include "reporting/text.h"

typedef enum observation_tone {
    OBSERVATION_PLAIN,
    OBSERVATION_GOOD,
    OBSERVATION_BAD,
    OBSERVATION_WARNING /* a number that must not be trusted without further explanation */
} observation_tone;

typedef struct observation {
    observation_tone tone;
    text_buffer words; /* plain text, UTF-8, not escaped */
} observation;

#define OBSERVATIONS_MAX 16

/** A zeroed struct is the empty list. observations_destroy() frees the texts. */
typedef struct observations {
    observation items[OBSERVATIONS_MAX];
    int n;
} observations;

/** The text of a new observation, to be appended to. If the list is full, returns the last one. */
text_buffer *observations_add(observations *list, observation_tone tone);
void observations_destroy(observations *list);

/** With fewer images than this and no significant change, the number of images is too small for a statement. */
#define FEW_IMAGES 30

/** The training: its final result, whether it diverged, whether it overfitted. `subject`: "the probe". */
void observe_training(const report_training *training, const char *subject, observations *list);
/** True if the final training loss is above that of guessing or is not finite: the weights are useless. */
bool training_failed(const report_training *training);
/** The cost of the shift for the original network, in total and by severity. */
void observe_drop(const report_content *content, observations *list);
/** The tensors changed by fine-tuning: whether the other blocks are unchanged, and the effect of batch norm. */
void observe_moved(const report_content *content, observations *list);
/** How the rows were split, and the leak of a split by row. Nothing without a split. */
void observe_split(const report_content *content, observations *list);
/**
 * The effect of fine-tuning on shifted or clean images: unseen ones first (by-row: all, as published), then all rows.
 */
void observe_gain(const report_content *content, report_data data, observations *list);
/** How well the classes of one panel are separated. */
void observe_panel(const report_content *content, const report_panel *panel, observations *list);
/** Compares the two panels of one data set, before and after. Nothing if one is missing. */
void observe_change(const report_content *content, report_data data, observations *list);

/** The lead: a few sentences with the headline numbers. */
void observe_lead(const report_content *content, text_buffer *text);

/** True if nothing was trained and only batch norm statistics were recomputed. "Fine-tuning" is the wrong word then. */
bool only_recalibrated(const report_content *content);
/** What was done to the network: "fine-tuning" or "recalibration". */
const char *deed_word(const report_content *content);
/** The resulting network: "fine-tuned" or "recalibrated". */
const char *deed_adjective(const report_content *content);
/** True if the block was trained or, after recalibration, has statistics that were recomputed. */
bool block_changed(const report_content *content, const report_block *block);
/** True if the panel shows too few images, in total or per class, to judge the separation of classes. */
bool panel_too_small(const report_content *content, const report_panel *panel);
/** The rows used for headline numbers after fine-tuning: UNSEEN, or ALL for a split by row. */
report_subset headline_subset(const report_content *content);
/** "CIFAR-10" or "clean images"; "CIFAR-10-C gaussian_blur" or "shifted images". */
void data_words(const report_content *content, report_data data, text_buffer *text);
/** "65.42 %", as reshift_percent() rounds. */
void text_add_percent(text_buffer *text, double fraction, int digits);
/** "1 row", "10,000 rows" */
void text_add_plural(text_buffer *text, int64_t count, const char *one, const char *more);
/** "10,000 images", "50,000 rows of 10,000 images" */
void text_add_rows(text_buffer *text, const reshift_accuracy *accuracy);
/** "95 % interval, paired by image: 3.9 to 6.0 points; McNemar p = 0.0075"; as_loss: with the other sign. */
void text_add_change_interval(text_buffer *text, const reshift_difference *change, bool as_loss, int digits);
/** "+4.94", "-4.94", "0.00" */
void text_add_signed(text_buffer *text, double value, int digits);
/** A loss with `digits` decimals, or as 9.93e+14 if it is too large for that. */
void text_add_loss(text_buffer *text, double loss, int digits);
/** "10,000" */
void text_add_count(text_buffer *text, int64_t count);
/** A distance with three digits: "4.90", "49.0", "490", "8.12e+12". */
void text_add_spread(text_buffer *text, double distance);
/** The name of the class, or "class 3". */
void text_add_class(text_buffer *text, const report_content *content, int label);

#endif
