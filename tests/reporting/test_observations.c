/* The sentences, word for word, on made-up numbers: the common cases and those where a sentence could come out wrong.
 */
#include "check.h"

#include "made_up_report.h"
#include "reporting/observations.h"
#include "reshift/reporting.h"

/* The list holds these sentences with these tones, and is emptied. NULL ends. */
static void check_list(observations *list, const char *tones, ...)
{
    va_list expected;
    va_start(expected, tones);
    if (list->n != (int)strlen(tones)) {
        for (int i = 0; i < list->n; i++) {
            print_message("# %s\n", list->items[i].words.bytes);
        }
    }
    assert_int_equal(list->n, strlen(tones));
    for (int i = 0; i < list->n; i++) {
        assert_false(list->items[i].words.failed);
        assert_string_equal(list->items[i].words.bytes, va_arg(expected, const char *));
        assert_int_equal("pgbw"[list->items[i].tone], tones[i]); /* plain, good, bad, warning */
    }
    va_end(expected);
    observations_destroy(list);
}

/* Epochs out of (training accuracy, test accuracy, test loss) triples. */
static reshift_history history_of(reshift_epoch *epochs, int n, const double (*values)[3])
{
    for (int i = 0; i < n; i++) {
        epochs[i] = (reshift_epoch){i + 1, 0.5, values[i][0], values[i][2], values[i][1], 1, NAN, NAN};
    }
    return (reshift_history){.epochs = epochs, .n_epochs = n};
}

#define LAST                                                                                                           \
    " The weights of the last epoch are used, not those of the best: choosing by the test set would flatter the "      \
    "result."

static void test_overfitting(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    reshift_history history = history_of(
        epochs, 4, (const double[][3]){{.80, .79, .7}, {.85, .807, .6}, {.87, .80, .62}, {.8872, .788, .65}});
    report_training training = {&history, 50000, 10000, "the clean test set", NULL, 0, 0};
    observe_training(&training, "the probe", &list);
    check_list(
        &list, "pbp",
        "After 4 epochs over 50,000 rows the training loss is 0.500 and training accuracy 88.72 %; accuracy on the "
        "clean test set is 78.80 %.",
        "Overfitting: test accuracy was best in epoch 2 at 80.70 % and ended at 78.80 % in epoch 4, 1.90 points lower, "
        "while training accuracy rose from 85.00 % to 88.72 %." LAST,
        "Test loss was lowest in epoch 2 (0.600) and is 0.650 in epoch 4: wrong answers are given with growing "
        "confidence.");
    /* the same fall on 100 test rows is within what 100 rows leave open */
    training.n_test = 100;
    training.n_train = 0;
    training.test_name = NULL;
    observe_training(&training, "the probe", &list);
    check_list(
        &list, "ppp",
        "After 4 epochs the training loss is 0.500 and training accuracy 88.72 %; accuracy on the test set is 78.80 %.",
        "Slight overfitting at most: test accuracy was best in epoch 2 at 80.70 % and ended at 78.80 % in epoch 4, "
        "1.90 "
        "points lower, while training accuracy rose from 85.00 % to 88.72 %. With 100 test rows one such figure is "
        "known "
        "to about 7.9 points either way, so this may be chance." LAST,
        "Test loss was lowest in epoch 2 (0.600) and is 0.650 in epoch 4: wrong answers are given with growing "
        "confidence.");
}

static void test_no_overfitting(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    /* best in the last epoch; test loss not measured */
    reshift_history history =
        history_of(epochs, 3, (const double[][3]){{.8, .7, NAN}, {.9, .71, NAN}, {.95, .72, NAN}});
    report_training training = {&history, 1, 10000, NULL, NULL, 0, 0};
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 3 epochs over 1 row the training loss is 0.500 and training accuracy 95.00 %; accuracy on the "
               "test set is 72.00 %.",
               "Test accuracy is highest in the last epoch measured (3): no overfitting is seen, and more epochs may "
               "still help.");
    training.n_train = 0;
    /* best early, but level since */
    history = history_of(epochs, 3, (const double[][3]){{.8, .7201, .5}, {.9, .71, .5}, {.95, .7199, .5}});
    observe_training(&training, "the probe", &list);
    check_list(
        &list, "pp",
        "After 3 epochs the training loss is 0.500 and training accuracy 95.00 %; accuracy on the test set is 71.99 %.",
        "Test accuracy reached 72.01 % in epoch 1 and stayed there: no overfitting is seen in accuracy.");
    /* test accuracy falls and training accuracy with it */
    history = history_of(epochs, 2, (const double[][3]){{.9, .8, .5}, {.7, .6, .4}});
    observe_training(&training, "the probe", &list);
    check_list(
        &list, "pp",
        "After 2 epochs the training loss is 0.500 and training accuracy 70.00 %; accuracy on the test set is 60.00 %.",
        "Unsteady, but not overfitting: test accuracy was best in epoch 1 at 80.00 % and ended at 60.00 % in epoch 2, "
        "20.00 points lower, and training accuracy did not rise either (90.00 %, then 70.00 %)." LAST);
    /* training figures unknown */
    history = history_of(epochs, 2, (const double[][3]){{NAN, .8, NAN}, {NAN, .6, NAN}});
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp", "After 2 epochs no training figures are known; accuracy on the test set is 60.00 %.",
               "Falling back: test accuracy was best in epoch 1 at 80.00 % and ended at 60.00 % in epoch 2, 20.00 "
               "points lower." LAST);
}

static void test_too_little_history(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[3];
    report_training training = {NULL, 0, 0, NULL, NULL, 0, 0};
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "p", "There is no history of fine-tuning in this run.");
    reshift_history history = history_of(epochs, 1, (const double[][3]){{.8, .7, .5}});
    training.history = &history;
    observe_training(&training, "fine-tuning", &list);
    check_list(
        &list, "pp",
        "After 1 epoch the training loss is 0.500 and training accuracy 80.00 %; accuracy on the test set is 70.00 %.",
        "It was measured once only, so overfitting cannot be judged.");
    history = history_of(epochs, 3, (const double[][3]){{.8, NAN, NAN}, {.9, NAN, NAN}, {.9, NAN, NAN}});
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pp", "After 3 epochs the training loss is 0.500 and training accuracy 90.00 %.",
               "It was not measured on a test set after each epoch, so overfitting cannot be judged.");
    history = history_of(epochs, 3, (const double[][3]){{.8, .7, NAN}, {.9, .6, NAN}, {.95, NAN, NAN}});
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pb",
               "After 3 epochs the training loss is 0.500 and training accuracy 95.00 %; accuracy on the test set is "
               "60.00 % (measured in epoch 2).",
               "Overfitting: test accuracy was best in epoch 1 at 70.00 % and ended at 60.00 % in epoch 2, 10.00 "
               "points lower, "
               "while training accuracy rose from 80.00 % to 90.00 %." LAST);
}

/* Rows held out: the epoch they chose is named with its figure, and that the test set chose nothing. */
static void test_validation(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[4];
    reshift_history history = history_of(epochs, 3, (const double[][3]){{.8, .70, .5}, {.9, .72, .5}, {.95, .69, .5}});
    static const double held_out[3] = {.75, .80, .775};
    for (int i = 0; i < 3; i++) {
        epochs[i].validation_accuracy = held_out[i];
        epochs[i].validation_loss = 0.4 + 0.1 * i;
    }
    report_training training = {&history, 1000, 10000, NULL, NULL, 200, reshift_history_best(&history)};
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "ppb",
               "After 3 epochs over 1,000 rows (200 more were held out for validation) the training loss is 0.500 and "
               "training accuracy 95.00 %; accuracy on the test set is 69.00 %.",
               "The weights of epoch 2 are kept: of all epochs it has the highest accuracy on the 200 rows held out of "
               "training for validation, 80.00 % (the last epoch: 77.50 %). The test set had no part in the choice; "
               "accuracy on the test set is 72.00 % in the epoch kept.",
               "Overfitting: test accuracy was best in epoch 2 at 72.00 % and ended at 69.00 % in epoch 3, 3.00 points "
               "lower, while training accuracy rose from 90.00 % to 95.00 %.");
    /* measured, but the last epoch's weights are used */
    training.kept = 0;
    observe_training(&training, "fine-tuning", &list);
    assert_int_equal(list.n, 3);
    assert_string_equal(
        list.items[1].words.bytes,
        "Accuracy on the 200 rows held out of training for validation is highest in epoch 2 (80.00 %) and "
        "77.50 % in epoch 3. The weights of the last epoch are used: validation chose nothing.");
    assert_non_null(strstr(list.items[2].words.bytes, LAST));
    observations_destroy(&list);
    /* no test set: judged by the rows held out */
    for (int i = 0; i < 3; i++) {
        epochs[i].test_accuracy = epochs[i].test_loss = NAN;
    }
    training.kept = 3; /* the last one itself */
    training.n_train = training.n_validation = 0;
    observe_training(&training, "fine-tuning", &list);
    check_list(
        &list, "ppbp", "After 3 epochs the training loss is 0.500 and training accuracy 95.00 %.",
        "The weights of epoch 3 are kept: of all epochs it has the highest accuracy on the rows held out of training "
        "for validation, 77.50 %. The test set had no part in the choice.",
        "Overfitting: validation accuracy was best in epoch 2 at 80.00 % and ended at 77.50 % in epoch 3, 2.50 "
        "points lower, while training accuracy rose from 90.00 % to 95.00 %.",
        "Validation loss was lowest in epoch 1 (0.400) and is 0.600 in epoch 3: wrong answers are given with "
        "growing confidence.");
}

static void test_moved(void **state)
{
    (void)state;
    observations list = {0};
    report_block blocks[3] = {
        {"layer3", false, {6, 0, 1200, 0, 0, 3}, {4, 0, 40, 0, 0, 2}},
        {"layer4", true, {6, 6, 5000, 4999, 0.5, 10}, {4, 0, 80, 0, 0, 2}},
        {"fc", true, {2, 2, 100, 100, 1, 4}, {0, 0, 0, 0, 0, 0}},
    };
    report_content content = {.blocks = blocks, .n_blocks = 3, .batchnorm = "frozen"};
    observe_moved(&content, &list);
    check_list(
        &list, "gp",
        "Every tensor outside the trained blocks (layer4 and fc) is byte-identical to what it was: 10 tensors, "
        "1,240 values.",
        "Batch norm was frozen: in training as in testing it normalises by the running means and variances it came "
        "with. All 8 tensors of them are byte-identical to what they were; its scales and shifts count as "
        "weights.");
    /* the claim is what was counted, not what was asked for */
    blocks[0].weights.moved = 1;
    blocks[1].statistics.moved = 2;
    observe_moved(&content, &list);
    check_list(
        &list, "ww", "Outside the trained blocks (layer4 and fc) 1 of 10 tensors changed, which none should have.",
        "Batch norm was frozen: in training as in testing it normalises by the running means and variances it came "
        "with. Yet 2 of 8 tensors of them changed.");
    blocks[0].weights.moved = 0;
    blocks[0].statistics.moved = 4;
    content.batchnorm = "train-all";
    observe_moved(&content, &list);
    check_list(
        &list, "pp",
        "Outside the trained blocks (layer4 and fc) 4 of 10 tensors changed, all of them statistics that batch norm "
        "gathers.",
        "Batch norm in all blocks normalised by each training batch and gathered running means and variances on the "
        "way: 6 of 8 tensors of them moved. They are not trained, so they are counted apart from the weights.");
    content.batchnorm = "train"; /* then those of other blocks must stand still */
    observe_moved(&content, &list);
    assert_int_equal(list.items[0].tone, OBSERVATION_WARNING);
    assert_non_null(strstr(list.items[1].words.bytes, "Batch norm in the trained blocks normalised by each"));
    observations_destroy(&list);
    blocks[0].statistics.moved = 0;
    content.batchnorm = "recalibrate";
    observe_moved(&content, &list);
    check_list(
        &list, "gp",
        "Every tensor outside the trained blocks (layer4 and fc) is byte-identical to what it was: 10 tensors, "
        "1,240 values.",
        "Batch norm in the trained blocks was recalibrated: its running means and variances were computed anew from "
        "the training rows before the first epoch and fixed from then on: 2 of 8 tensors of them moved. They are not "
        "trained, so they are counted apart from the weights.");
    blocks[0].statistics.moved = 4;
    blocks[0].trained = true; /* everything is trained: nothing to say of the others */
    observe_moved(&content, &list);
    assert_int_equal(list.n, 1);
    observations_destroy(&list);
}

static void test_describe(void **state)
{
    (void)state;
    reshift_epoch epochs[3];
    reshift_error error;
    char text[1024], cut[10];
    reshift_history history = history_of(epochs, 2, (const double[][3]){{.8, .7, NAN}, {.9, .72, NAN}});
    check_ok(reshift_describe_history(&history, 100, 0, text, sizeof text, &error));
    assert_string_equal(
        text,
        "After 2 epochs the training loss is 0.500 and training accuracy 90.00 %; accuracy on the test set is 72.00 %. "
        "Test accuracy is highest in the last epoch measured (2): no overfitting is seen, and more epochs may still "
        "help.");
    check_ok(reshift_describe_history(&history, 100, 0, cut, sizeof cut, &error));
    assert_string_equal(cut, "After 2 e");
}

static void test_drop(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    const report_content *content = &report.content;
    observe_drop(content, &list);
    check_list(
        &list, "bp",
        "The original network with its probe is right on 78.80 % of the 10,000 rows of CIFAR-10 and on 65.42 % of the "
        "50,000 rows of CIFAR-10-C gaussian_blur: the shift costs 13.38 points. The 95 % intervals (78.0 to 79.6 and "
        "65.0 to 65.8) do not overlap.",
        "Accuracy falls with severity, from 75.60 % at severity 1 to 51.00 % at severity 5: 3.20 points below clean, "
        "then 27.80 points below.");
    /* a shift that helps, and severities out of order */
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL) = reshift_accuracy_of(39500, 50000);
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, 2, REPORT_ALL) = reshift_accuracy_of(8000, 10000);
    observe_drop(content, &list);
    check_list(
        &list, "pp",
        "The original network with its probe is right on 78.80 % of the 10,000 rows of CIFAR-10 and on 79.00 % of the "
        "50,000 rows of CIFAR-10-C gaussian_blur: the shift costs nothing, accuracy is 0.20 points higher. The 95 % "
        "intervals (78.0 to 79.6 and 78.6 to 79.4) overlap: a difference of this size may be chance.",
        "Accuracy does not simply fall with severity: it is highest at severity 2 (80.00 %) and lowest at severity 5 "
        "(51.00 %).");
    /* no difference at all, first severity above clean */
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL) = reshift_accuracy_of(39400, 50000);
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, 1, REPORT_ALL) = reshift_accuracy_of(8000, 10000);
    report.content.source = report.content.shift = report.content.corruption = NULL;
    observe_drop(content, &list);
    check_list(
        &list, "pp",
        "The original network with its probe is right on 78.80 % of the 10,000 rows of clean images and on 78.80 % of "
        "the 50,000 rows of shifted images: the shift costs nothing.",
        "Accuracy falls with severity, from 80.00 % at severity 1 to 51.00 % at severity 5: 1.20 points above clean, "
        "then 27.80 points below.");
    /* every severity alike; then only one; then none */
    for (int severity = 1; severity <= 5; severity++) {
        *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_ALL) = reshift_accuracy_of(788, 1000);
    }
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(0, 0);
    observe_drop(content, &list);
    check_list(&list, "pp",
               "The original network was not measured on both clean and shifted images, so what the shift costs cannot "
               "be said.",
               "Severity makes no difference: 78.80 % at all 5 severities.");
    for (int severity = 1; severity <= 5; severity++) {
        if (severity != 3) {
            *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_ALL) = reshift_accuracy_of(0, 0);
        }
    }
    observe_drop(content, &list);
    check_list(&list, "pp",
               "The original network was not measured on both clean and shifted images, so what the shift costs cannot "
               "be said.",
               "Only severity 3 was measured.");
    report.content.n_measurements = 0;
    observe_drop(content, &list);
    check_list(&list, "p",
               "The original network was not measured on both clean and shifted images, so what the shift costs cannot "
               "be said.");
}

static void test_split(void **state)
{
    (void)state;
    observations list = {0};
    reshift_split split = {
        .kind = RESHIFT_SPLIT_BY_IMAGE, .n_train = 20000, .n_test = 30000, .n_images = 10000, .n_images_seen = 4000};
    observe_split(NULL, &list);
    assert_int_equal(list.n, 0);
    observe_split(&split, &list);
    check_list(
        &list, "g",
        "Split by image: fine-tuning saw 20,000 rows of 4,000 images. Of the other 6,000 it saw no version at all, and "
        "only those count in the figures after fine-tuning.");
    split = (reshift_split){.kind = RESHIFT_SPLIT_BY_ROW,
                            .n_train = 20000,
                            .n_test = 50000,
                            .n_test_rows_seen = 20000,
                            .n_test_images = 10000,
                            .n_test_images_seen = 9222};
    observe_split(&split, &list);
    check_list(
        &list, "w",
        "Split by row, the published protocol: 9,222 of 10,000 test images (92.2 %) have at least one version among "
        "the "
        "training rows, and 20,000 of 50,000 test rows (40.0 %) are training rows themselves. One version in training "
        "gives an image away, so accuracy after fine-tuning on all rows measures memory as well as robustness. For a "
        "figure to rely on use split: by-image.");
    split = (reshift_split){.kind = RESHIFT_SPLIT_BY_ROW};
    observe_split(&split, &list);
    check_list(
        &list, "p",
        "Split by row, the published protocol: 0 of 0 test images (0.0 %) have at least one version among the training "
        "rows, and 0 of 0 test rows (0.0 %) are training rows themselves. Nothing leaks in this draw.");
}

static void test_gain_by_image(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    observe_gain(&report.content, REPORT_SHIFT, &list);
    check_list(
        &list, "gpw",
        "On shifted images that fine-tuning never saw (30,000 rows) accuracy rises from 65.42 % to 70.36 %, 4.94 "
        "points "
        "gained. The 95 % intervals (64.9 to 66.0 and 69.8 to 70.9) do not overlap.",
        "By severity the change is most favourable at 5 (+10.50 points) and least at 1 (+1.90 points).",
        "Counted on all 50,000 rows, accuracy rises from 65.42 % to 81.82 %, 16.40 points gained. That is not to be "
        "trusted: 20,000 of these rows show images that fine-tuning was trained on, and the figure comes out 11.46 "
        "points "
        "higher than on unseen images.");
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(
        &list, "pw",
        "On clean images that fine-tuning never saw (6,000 rows) accuracy falls from 78.80 % to 78.60 %, 0.20 points "
        "lost. The 95 % intervals (77.7 to 79.8 and 77.5 to 79.6) overlap: a difference of this size may be chance.",
        "Counted on all 10,000 rows, accuracy rises from 78.80 % to 86.76 %, 7.96 points gained. That is not to be "
        "trusted: 4,000 of these rows show images that fine-tuning was trained on, and the figure comes out 8.16 "
        "points "
        "higher than on unseen images.");
    /* a clear loss on clean images; all rows agree with the unseen ones */
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(4200, 6000);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(7000, 10000);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(
        &list, "bw",
        "On clean images that fine-tuning never saw (6,000 rows) accuracy falls from 78.80 % to 70.00 %, 8.80 points "
        "lost. The 95 % intervals (77.7 to 79.8 and 68.8 to 71.1) do not overlap. Learning the shift has cost some of "
        "what the network knew about clean images.",
        "Counted on all 10,000 rows, accuracy falls from 78.80 % to 70.00 %, 8.80 points lost. That is not to be "
        "trusted: 4,000 of these rows show images that fine-tuning was trained on, though here both counts agree.");
    /* no change on one row, no all-rows figure */
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(1, 1);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(1, 1);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(0, 0);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "p", "On clean images that fine-tuning never saw (1 row) accuracy stays at 100.00 %.");
    /* nothing unseen is left, but all rows were measured */
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(0, 0);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(9500, 10000);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(
        &list, "pw",
        "There is no measurement before and after fine-tuning on unseen clean images, so its effect there cannot be "
        "said.",
        "Counted on all 10,000 rows, accuracy rises from 78.80 % to 95.00 %, 16.20 points gained. That is not to be "
        "trusted: fine-tuning was trained on versions of these images.");
    /* the same change at every severity, a loss; and one severity only */
    for (int severity = 1; severity <= 5; severity++) {
        *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_UNSEEN) =
            reshift_accuracy_of(60 + severity, 100);
        *made_up_find(&report, REPORT_FINETUNED, REPORT_SHIFT, severity, REPORT_UNSEEN) =
            reshift_accuracy_of(50 + severity, 100);
    }
    observe_gain(&report.content, REPORT_SHIFT, &list);
    assert_int_equal(list.n, 3);
    assert_string_equal(list.items[1].words.bytes, "The change is the same at every severity (-10.00 points).");
    observations_destroy(&list);
    for (int severity = 2; severity <= 5; severity++) {
        *made_up_find(&report, REPORT_FINETUNED, REPORT_SHIFT, severity, REPORT_UNSEEN) = reshift_accuracy_of(0, 0);
    }
    observe_gain(&report.content, REPORT_SHIFT, &list);
    assert_int_equal(list.n, 2);
    observations_destroy(&list);
}

static void test_gain_by_row(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    report.split.kind = RESHIFT_SPLIT_BY_ROW;
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(
        &list, "gw",
        "On all clean rows, seen ones included (10,000 rows) accuracy rises from 78.80 % to 86.76 %, 7.96 points "
        "gained. "
        "The 95 % intervals (78.0 to 79.6 and 86.1 to 87.4) do not overlap.",
        "On the 6,000 clean rows whose image fine-tuning never saw in any version, accuracy falls from 78.80 % to "
        "78.60 %, 0.20 points lost; this is the figure to rely on. The 95 % intervals (77.7 to 79.8 and 77.5 to 79.6) "
        "overlap: a difference of this size may be chance.");
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(0, 0);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    assert_int_equal(list.n, 2);
    assert_string_equal(
        list.items[1].words.bytes,
        "No unseen clean images were left to measure on, so how much of this is memory cannot be said.");
    observations_destroy(&list);
    report.content.n_measurements = 0;
    observe_gain(&report.content, REPORT_SHIFT, &list);
    check_list(
        &list, "p",
        "There is no measurement before and after fine-tuning on shifted images, so its effect there cannot be said.");
}

static void test_panel(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(
        &list, "p",
        "Original network on CIFAR-10-C gaussian_blur: the classes lie largely on top of one another: 71.0 % of the "
        "points "
        "lie nearer to another class's centre than to their own (silhouette -0.08). Points spread 3.10 around their "
        "class's centre, most in frog (4.40). Nearest to each other are cat and dog, 0.21 spreads apart. The two axes "
        "hold "
        "34.7 % of the variance.");
    static const struct {
        double overlap;
        const char *words;
    } grades[] = {{0.05, "the classes stand well apart: 5.0 %"},
                  {0.2, "the classes overlap at their edges: 20.0 %"},
                  {0.5, "the classes overlap widely: 50.0 %"}};
    for (size_t i = 0; i < sizeof grades / sizeof *grades; i++) {
        report.panels[3].separation.overlap = grades[i].overlap;
        observe_panel(&report.content, &report.panels[3], &list);
        assert_non_null(strstr(list.items[0].words.bytes, grades[i].words));
        assert_non_null(strstr(list.items[0].words.bytes, "Fine-tuned network on CIFAR-10: "));
        observations_destroy(&list);
    }
    /* one class only: nothing to be near to; a class without a name; no spread */
    report.panels[0].separation = (reshift_separation){NAN, NAN, 0, 0, -1, -1, NAN, 0, 12};
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(
        &list, "p",
        "Original network on CIFAR-10-C gaussian_blur: the classes stand well apart: 0.0 % of the points lie nearer to "
        "another class's centre than to their own. Points spread 0.00 around their class's centre, most in class 12 "
        "(0.00). "
        "The "
        "two axes hold 34.7 % of the variance.");
    report.panels[0].n = 0;
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(&list, "p", "Original network on CIFAR-10-C gaussian_blur: there are no points to judge.");
}

static void test_change(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    const char *seen =
        " 4,000 of the 10,000 points show images seen in fine-tuning, which flatters the picture after it.";
    char expected[1024];
    observe_change(&report.content, REPORT_CLEAN, &list);
    snprintf(
        expected, sizeof expected,
        "Fine-tuning, seen on CIFAR-10, moves the classes apart: overlap 59.0 %% before, 41.0 %% after; silhouette "
        "0.00, "
        "then 0.12; scatter between classes over scatter within 1.00, then 1.60. Nearest to each other are cat and dog "
        "both times, 0.41 and then 0.71 spreads apart.%s",
        seen);
    check_list(&list, "g", expected);
    /* the other way round, another pair, nothing seen */
    reshift_separation kept = report.panels[2].separation;
    report.panels[2].separation = report.panels[3].separation;
    report.panels[3].separation = kept;
    report.panels[3].separation.nearest_b = 7;
    report.panels[3].n_seen = 0;
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "b",
               "Fine-tuning, seen on CIFAR-10, moves the classes together: overlap 41.0 % before, 59.0 % after; "
               "silhouette 0.12, "
               "then 0.00; scatter between classes over scatter within 1.60, then 1.00. Nearest to each other were cat "
               "and dog "
               "(0.71 spreads), and are now cat and horse (0.41).");
    /* overlap and silhouette disagree; no pair, no ratio */
    report.panels[2].separation = (reshift_separation){0.1, INFINITY, 0.5, 1, -1, -1, NAN, 1, 0};
    report.panels[3].separation = (reshift_separation){0.05, NAN, 0.4, 1, -1, -1, NAN, 1, 0};
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "p",
               "Fine-tuning, seen on CIFAR-10 in two dimensions, says nothing clear: overlap 50.0 % before, 40.0 % "
               "after; silhouette 0.10, then 0.05.");
    report.panels[3].separation = report.panels[2].separation;
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "p",
               "Fine-tuning, seen on CIFAR-10, leaves the classes as they lay: overlap 50.0 % before, 50.0 % after; "
               "silhouette 0.10, then 0.10.");
    report.panels[3].separation.silhouette = NAN;
    report.panels[3].separation.overlap = 0.3;
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "g",
               "Fine-tuning, seen on CIFAR-10, moves the classes apart: overlap 50.0 % before, 30.0 % after.");
    report.content.n_panels = 3;
    observe_change(&report.content, REPORT_CLEAN, &list);
    assert_int_equal(list.n, 0);
}

static void check_lead(const report_content *content, const char *expected)
{
    text_buffer text = {0};
    observe_lead(content, &text);
    assert_string_equal(text.bytes, expected);
    text_destroy(&text);
}

static void test_lead(void **state)
{
    (void)state;
    static made_up_report report;
    made_up_fill(&report);
    check_lead(
        &report.content,
        "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10. On CIFAR-10-C "
        "gaussian_blur it is right on 65.4 %. Fine-tuning layer4 and fc on 20,000 shifted rows takes accuracy from "
        "65.4 % to 70.4 % on shifted images it never saw, and from 78.8 % to 78.6 % on clean ones it never saw.");
    report.split.kind = RESHIFT_SPLIT_BY_ROW;
    report.split.n_test_images = 10000;
    report.split.n_test_images_seen = 9222;
    report.content.n_settings = 0;
    check_lead(
        &report.content,
        "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10. On CIFAR-10-C "
        "gaussian_blur it is right on 65.4 %. Fine-tuning on 20,000 shifted rows takes accuracy from 65.4 % to 81.8 % "
        "on "
        "all shifted rows, seen ones included, and from 78.8 % to 86.8 % on all clean ones. But 92.2 % of the test "
        "images "
        "have a version among the training rows, so the figures after fine-tuning are not to be trusted: on the 30,000 "
        "shifted rows of unseen images it is 70.4 %.");
    report.content.n_measurements = 0;
    check_lead(&report.content, "Nothing has been measured in this run.");
}

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        int64_t count;
        const char *words;
    } cases[] = {{0, "0"}, {999, "999"}, {1000, "1,000"}, {50007, "50,007"}, {23528522, "23,528,522"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_buffer text = {0};
        text_add_count(&text, cases[i].count);
        assert_string_equal(text.bytes, cases[i].words);
        text_destroy(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overfitting),
        cmocka_unit_test(test_no_overfitting),
        cmocka_unit_test(test_too_little_history),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_gain_by_image),
        cmocka_unit_test(test_gain_by_row),
        cmocka_unit_test(test_panel),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_lead),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests_name("observations", tests, NULL, NULL);
}
