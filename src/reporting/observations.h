/*
 * What the numbers of a run say, in sentences. Pure functions of numbers: nothing is measured, drawn or read here, and
 * every case has its own words (gains that are losses, intervals that overlap, nothing measured), each held by a test.
 */
#ifndef REPORTING_OBSERVATIONS_H
#define REPORTING_OBSERVATIONS_H

#include "reporting/report.h"
#include "reporting/text.h"

typedef enum observation_tone {
    OBSERVATION_PLAIN,
    OBSERVATION_GOOD,
    OBSERVATION_BAD,
    OBSERVATION_WARNING /* a figure that must not be trusted as it stands */
} observation_tone;

typedef struct observation {
    observation_tone tone;
    text_buffer words; /* plain text, UTF-8, not escaped */
} observation;

#define OBSERVATIONS_MAX 16

/** A zeroed struct is the empty list; observations_destroy() frees the words. */
typedef struct observations {
    observation items[OBSERVATIONS_MAX];
    int n;
} observations;

/** The words of a new observation, to be added to. A full list gives its last one. */
text_buffer *observations_add(observations *list, observation_tone tone);
void observations_destroy(observations *list);

/** The training: where it ended, and whether test accuracy fell while training accuracy rose. `subject`: "the probe".
 */
void observe_training(const report_training *training, const char *subject, observations *list);
/** What the shift costs the original network, together and by severity. */
void observe_drop(const report_content *content, observations *list);
/** Which tensors fine-tuning moved: that the other blocks are as they were, and what batch norm did. */
void observe_moved(const report_content *content, observations *list);
/** How the rows were split, and what by-row gives away. */
void observe_split(const reshift_split *split, observations *list);
/** What fine-tuning changed on shifted or clean images: unseen ones first (by-row: all, as published), then what all
 * rows would say. */
void observe_gain(const report_content *content, report_data data, observations *list);
/** How the classes of one panel lie. */
void observe_panel(const report_content *content, const report_panel *panel, observations *list);
/** The two panels of one data set, before against after. Nothing where one is missing. */
void observe_change(const report_content *content, report_data data, observations *list);

/** The lead: a few sentences with the headline numbers. */
void observe_lead(const report_content *content, text_buffer *text);

/** The rows that headline figures after fine-tuning count: UNSEEN, or ALL where the split is by row. */
report_subset headline_subset(const report_content *content);
/** "CIFAR-10" or "clean images"; "CIFAR-10-C gaussian_blur" or "shifted images". */
void data_words(const report_content *content, report_data data, text_buffer *text);
/** "10,000" */
void text_add_count(text_buffer *text, int64_t count);
/** A distance in three digits: "4.90", "49.0", "490". */
void text_add_spread(text_buffer *text, double distance);
/** The class' name, or "class 3". */
void text_add_class(text_buffer *text, const report_content *content, int label);

#endif
