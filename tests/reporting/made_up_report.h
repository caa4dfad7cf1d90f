/*
 * The content of a report with synthetic numbers in the range of the real study; tests change the parts they examine.
 */
#ifndef TESTS_REPORTING_MADE_UP_REPORT_H
#define TESTS_REPORTING_MADE_UP_REPORT_H

#include <math.h>

#include "reporting/page/report.h"

typedef struct made_up_report {
    report_content content;
    reshift_epoch probe_epochs[30], finetune_epochs[10];
    reshift_history probe, finetune;
    report_measurement measurements[64];
    reshift_split split;
    report_panel panels[4];
} made_up_report;

static const char *const made_up_classes[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                              "dog",      "frog",       "horse", "ship", "truck"};
static const report_setting made_up_settings[] = {{"name", "seed"},
                                                  {"seed", "0"},
                                                  {"model.arch", "resnet50"},
                                                  {"model.weights", "resnet50"},
                                                  {"input.size", "224"},
                                                  {"probe.epochs", "30"},
                                                  {"shift.corruption", "gaussian_blur"},
                                                  {"shift.severity", "1-5"},
                                                  {"finetune.train", "layer4, fc"},
                                                  {"finetune.split", "by-image"}};

static inline void made_up_measure(made_up_report *report, report_model model, report_data data, int severity,
                                   report_subset subset, int64_t correct, int64_t n)
{
    report_measurement m = {.model = model,
                            .data = data,
                            .corruption = data == REPORT_CLEAN ? NULL : "gaussian_blur",
                            .severity = severity,
                            .subset = subset,
                            .accuracy = reshift_accuracy_of(correct, n)};
    report->measurements[report->content.n_measurements++] = m;
}

/*
 * One accuracy against another over the same images; `even` of a hundred images change for the better, and as many for
 * the worse.
 */
static inline reshift_difference made_up_difference(const reshift_accuracy *a, const reshift_accuracy *b, int even)
{
    if (a->n < 1 || b->n < 1) {
        return (reshift_difference){.accuracy = {NAN, NAN, NAN}, .p = NAN};
    }
    const int64_t n = a->n_images, only_b = n * even / 100;
    const double change = a->accuracy - b->accuracy;
    const int64_t more = llround(change * (double)n);
    reshift_difference d = reshift_difference_of(only_b + (more > 0 ? more : 0), only_b + (more < 0 ? -more : 0), n);
    d.accuracy.value = change;
    d.n = a->n;
    if (a->n != a->n_images) {
        d.only_a = d.only_b = 0;
        d.p = NAN;
    }
    return d;
}

/* Accuracies of all severities have five rows per image; changes follow from the accuracies. */
static inline void made_up_compare(made_up_report *report)
{
    for (int i = 0; i < report->content.n_measurements; i++) {
        report_measurement *m = &report->measurements[i];
        if (m->data == REPORT_SHIFT && m->severity == 0 && m->accuracy.n_images == m->accuracy.n && m->accuracy.n > 0) {
            const reshift_accuracy by_image = reshift_accuracy_of(m->accuracy.correct / 5, m->accuracy.n / 5);
            m->accuracy.n_images = by_image.n;
            m->accuracy.low = by_image.low;
            m->accuracy.high = by_image.high;
        }
    }
    for (int i = 0; i < report->content.n_measurements; i++) {
        report_measurement *m = &report->measurements[i];
        const bool after = m->model == REPORT_FINETUNED, shift = m->data == REPORT_SHIFT;
        const reshift_accuracy *other =
            after   ? report_find(&report->content, REPORT_ORIGINAL, m->data, m->severity, m->subset)
            : shift ? report_find(&report->content, REPORT_ORIGINAL, REPORT_CLEAN, 0, m->subset)
                    : NULL;
        if (other) {
            m->change = made_up_difference(&m->accuracy, other, 2);
        }
    }
}

static inline reshift_accuracy *made_up_find(made_up_report *report, report_model model, report_data data, int severity,
                                             report_subset subset)
{
    return (reshift_accuracy *)(uintptr_t)report_find(&report->content, model, data, severity, subset);
}

static inline void made_up_fill(made_up_report *report)
{
    *report = (made_up_report){0};
    for (int i = 0; i < 30; i++) {
        report->probe_epochs[i] = (reshift_epoch){i + 1,
                                                  0.329 + 0.5 * exp(-i / 3.0),
                                                  0.887 - 0.12 * exp(-i / 5.0),
                                                  0.6 + 0.3 * exp(-i / 1.5) + 0.004 * i,
                                                  0.807 - 0.05 * exp(-i * 1.2) - (i > 4 ? 0.00076 * (i - 4) : 0),
                                                  0.5,
                                                  NAN,
                                                  NAN};
    }
    for (int i = 0; i < 10; i++) {
        report->finetune_epochs[i] = (reshift_epoch){
            i + 1, 0.52 * exp(-i / 1.5), 1 - 0.17 * exp(-i / 1.2), 0.62 + 0.02 * i, 0.81 - 0.011 * exp(-i), 40, NAN,
            NAN};
    }
    report->probe = (reshift_history){.epochs = report->probe_epochs, .n_epochs = 30};
    report->finetune = (reshift_history){.epochs = report->finetune_epochs, .n_epochs = 10};
    static const int64_t before[6] = {7880, 7560, 7050, 6650, 6350, 5100},
                         after[6] = {7860, 7750, 7400, 7100, 6780, 6150};
    for (int subset = 0; subset < 3; subset++) { /* of 10,000 images 4,000 were seen; the accuracy on these is 99 % */
        int64_t n = subset == REPORT_ALL ? 10000 : subset == REPORT_UNSEEN ? 6000 : 4000, sums[2] = {0, 0};
        for (int severity = 0; severity < 6; severity++) {
            int64_t unseen = after[severity] * 6 / 10, seen = 3960;
            int64_t right[2] = {before[severity] * n / 10000, subset == REPORT_ALL      ? unseen + seen
                                                              : subset == REPORT_UNSEEN ? unseen
                                                                                        : seen};
            for (int model = 0; model < 2; model++) {
                made_up_measure(report, (report_model)model, severity ? REPORT_SHIFT : REPORT_CLEAN, severity,
                                (report_subset)subset, right[model], n);
                sums[model] += severity ? right[model] : 0;
            }
        }
        for (int model = 0; model < 2; model++) {
            made_up_measure(report, (report_model)model, REPORT_SHIFT, 0, (report_subset)subset, sums[model], 5 * n);
        }
    }
    report->split = (reshift_split){.kind = RESHIFT_SPLIT_BY_IMAGE,
                                    .n_train = 20000,
                                    .n_test = 30000,
                                    .n_images = 10000,
                                    .n_images_seen = 4000,
                                    .n_test_images = 6000};
    for (int i = 0; i < 4; i++) {
        report_model model = i % 2 ? REPORT_FINETUNED : REPORT_ORIGINAL;
        report_data data = i / 2 ? REPORT_CLEAN : REPORT_SHIFT;
        double good = 0.3 * (i % 2) + 0.2 * (i / 2);
        report->panels[i] = (report_panel){.model = model,
                                           .data = data,
                                           .n = data == REPORT_SHIFT ? 50000 : 10000,
                                           .n_seen = data == REPORT_SHIFT ? 20000 : 4000,
                                           .ratio = {0.234 - 0.05 * good, 0.113},
                                           .separation = {-0.08 + 0.4 * good, 0.6 + 2 * good, 0.71 - 0.6 * good,
                                                          3.1 + good, 3, 5, 0.21 + good, 4.4, i % 2 ? 3 : 6, 10}};
        if (i % 2) {
            report->panels[i].change =
                (reshift_separation_change){{-0.18, -0.19, -0.17}, {0.12, 0.11, 0.13}, {0.6, 0.5, 0.7}, 6000};
        }
    }
    report_content *content = &report->content;
    content->name = "seed";
    content->version = "0.1.0";
    content->arch = "resnet50";
    content->weights = "resnet50";
    content->source = "CIFAR-10";
    content->shift = "CIFAR-10-C";
    content->corruption = "gaussian_blur";
    content->severity_first = 1;
    content->severity_last = 5;
    content->n_parameters = 23528522;
    content->n_features = 2048;
    content->settings = made_up_settings;
    content->n_settings = (int)(sizeof made_up_settings / sizeof *made_up_settings);
    content->class_names = made_up_classes;
    content->n_classes = 10;
    content->probe = (report_training){.history = &report->probe,
                                       .n_train = 50000,
                                       .n_test = 10000,
                                       .test_name = "the clean test set",
                                       .n_classes = 10};
    content->finetune = (report_training){.history = &report->finetune,
                                          .n_train = 20000,
                                          .n_test = 30000,
                                          .test_name = "shifted images it never saw",
                                          .n_classes = 10};
    content->measurements = report->measurements;
    content->split = &report->split;
    content->panels = report->panels;
    content->n_panels = 4;
    made_up_compare(report);
}

#endif
