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

static void test_overfitting(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    reshift_history history = history_of(
        epochs, 4, (const double[][3]){{.80, .79, .7}, {.85, .807, .6}, {.87, .80, .62}, {.8872, .788, .65}});
    report_training training = {.history = &history,
                                .n_train = 50000,
                                .n_test = 10000,
                                .test_name = "the clean test set",
                                .n_validation = 0,
                                .kept = 0};
    observe_training(&training, "the probe", &list);
    check_list(&list, "pbp",
               "After 4 epochs over 50,000 rows the training loss is 0.500 and training accuracy 88.72 %; "
               "accuracy on the clean test set (10,000 rows) is 78.80 %.",
               "Overfitting: test accuracy was best in epoch 2 at 80.70 % and ended at 78.80 % in epoch 4, 1.90 "
               "points lower. The weights of the last epoch are used, not those of the best: choosing by the "
               "test set would flatter the result.",
               "Test loss was lowest in epoch 2 (0.600) and is 0.650 in epoch 4.");
    /* the same fall on 100 test rows is within what 100 rows leave open */
    training.n_test = 100;
    training.n_train = 0;
    training.test_name = NULL;
    observe_training(&training, "the probe", &list);
    check_list(&list, "ppp",
               "After 4 epochs the training loss is 0.500 and training accuracy 88.72 %; accuracy on the test "
               "set (100 rows) is 78.80 %.",
               "No clear overfitting: test accuracy was best in epoch 2 at 80.70 % and ended at 78.80 % in epoch "
               "4, 1.90 points lower. With 100 test images such a figure is known to about 7.9 points either "
               "way, so this may be chance. The weights of the last epoch are used, not those of the best: "
               "choosing by the test set would flatter the result. Training accuracy is 9.92 points above test "
               "accuracy.",
               "Test loss was lowest in epoch 2 (0.600) and is 0.650 in epoch 4.");
}

static void test_no_overfitting(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    /* best in the last epoch; test loss not measured */
    reshift_history history =
        history_of(epochs, 3, (const double[][3]){{.71, .7, NAN}, {.72, .71, NAN}, {.73, .72, NAN}});
    report_training training = {.history = &history, .n_train = 1, .n_test = 10000};
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 3 epochs over 1 row the training loss is 0.500 and training accuracy 73.00 %; "
               "accuracy on the test set (10,000 rows) is 72.00 %.",
               "Test accuracy is highest in the last epoch measured (3): no overfitting is seen, and "
               "more epochs may still help.");
    training.n_train = 0;
    /* best early, but level since */
    history = history_of(epochs, 3, (const double[][3]){{.71, .7201, .5}, {.72, .719, .5}, {.73, .7199, .5}});
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 3 epochs the training loss is 0.500 and training accuracy 73.00 %; accuracy on the "
               "test set (10,000 rows) is 71.99 %.",
               "Test accuracy reached 72.01 % in epoch 1 and stayed there: no overfitting is seen in "
               "accuracy.");
    /* the same in every epoch */
    history = history_of(epochs, 2, (const double[][3]){{.05, 0, .5}, {.06, 0, .5}});
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 2 epochs the training loss is 0.500 and training accuracy 6.00 %; accuracy on the "
               "test set (10,000 rows) is 0.00 %.",
               "Test accuracy is the same in every epoch (0.00 %).");
    /* test accuracy falls and training accuracy with it */
    history = history_of(epochs, 2, (const double[][3]){{.66, .65, .5}, {.61, .6, .4}});
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 2 epochs the training loss is 0.500 and training accuracy 61.00 %; accuracy on the "
               "test set (10,000 rows) is 60.00 %.",
               "Unsteady, but not overfitting: test accuracy was best in epoch 1 at 65.00 % and ended at "
               "60.00 % in epoch 2, 5.00 points lower, and training accuracy fell too (66.00 %, then "
               "61.00 %). The weights of the last epoch are used, not those of the best: choosing by the "
               "test set would flatter the result.");
    /* training figures unknown */
    history = history_of(epochs, 2, (const double[][3]){{NAN, .8, NAN}, {NAN, .6, NAN}});
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 2 epochs no training figures are known; accuracy on the test set (10,000 rows) is "
               "60.00 %.",
               "Falling back: test accuracy was best in epoch 1 at 80.00 % and ended at 60.00 % in epoch "
               "2, 20.00 points lower. The weights of the last epoch are used, not those of the best: "
               "choosing by the test set would flatter the result.");
}

/* What lies between the end points: a history that comes back to its best value has not stayed there. */
static void test_dip(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    reshift_history history = history_of(
        epochs, 5, (const double[][3]){{.5, .5, NAN}, {.7, .7, NAN}, {.7, .2, NAN}, {.7, .25, NAN}, {.7, .7, NAN}});
    report_training training = {.history = &history, .n_test = 1000};
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 5 epochs the training loss is 0.500 and training accuracy 70.00 %; accuracy on the "
               "test set (1,000 rows) is 70.00 %.",
               "Unsteady: test accuracy was 70.00 % in epoch 2, 20.00 % in epoch 3 and 70.00 % in epoch "
               "5.");
}

/* Training accuracy is saturated, training loss falls, test loss rises: overfitting, whatever accuracies do. */
/* The best figure is met again in the end, with small dips between: no fall of "0.00 points". */
static void test_level(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    reshift_history history = history_of(
        epochs, 4, (const double[][3]){{.5, .5, NAN}, {.55, .5467, NAN}, {.56, .52, NAN}, {.58, .5467, NAN}});
    report_training training = {.history = &history, .n_test = 150};
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 4 epochs the training loss is 0.500 and training accuracy 58.00 %; accuracy on the "
               "test set (150 rows) is 54.67 %.",
               "Test accuracy was 54.67 % in epoch 2 and is so in epoch 4, with 52.00 % in epoch 3 "
               "between them: no overfitting is seen in accuracy.");
}

static void test_overfitting_by_loss(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    reshift_history history =
        history_of(epochs, 3, (const double[][3]){{1, .95, .736}, {1, .94, 1.0}, {1, .945, 1.311}});
    epochs[0].train_loss = 0.58;
    epochs[1].train_loss = 0.1;
    epochs[2].train_loss = 0.03;
    report_training training = {.history = &history, .n_test = 100};
    observe_training(&training, "the probe", &list);
    check_list(&list, "pb",
               "After 3 epochs the training loss is 0.030 and training accuracy 100.00 %; accuracy on "
               "the test set (100 rows) is 94.50 %.",
               "Overfitting: test loss rose from 0.736 in epoch 1 to 1.311 in epoch 3 while training "
               "loss fell from 0.580 to 0.030. The weights of the last epoch are used, not those of the "
               "best: choosing by the test set would flatter the result.");
}

/* The gap counts even where the last epoch is the best one, and for a fit without epochs. */
static void test_overfitting_by_gap(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    reshift_history history = history_of(epochs, 2, (const double[][3]){{.9, .6, NAN}, {.9833, .61, NAN}});
    report_training training = {.history = &history, .n_test = 200};
    observe_training(&training, "the probe", &list);
    check_list(&list, "pb",
               "After 2 epochs the training loss is 0.500 and training accuracy 98.33 %; accuracy on the "
               "test set (200 rows) is 61.00 %.",
               "Overfitting: training accuracy is 98.33 % and test accuracy 61.00 % in epoch 2, a gap of "
               "37.33 points.");
    training.minimum = "by L-BFGS with l2 0.01";
    history.n_epochs = 1;
    observe_training(&training, "the probe", &list);
    check_list(&list, "pb",
               "Trained by L-BFGS with l2 0.01: the training loss is 0.500 and training accuracy 90.00 "
               "%; accuracy on the test set (200 rows) is 60.00 %.",
               "Overfitting: training accuracy is 90.00 % and test accuracy 60.00 % in epoch 1, a gap of "
               "30.00 points.");
    /* six images say nothing */
    training.minimum = NULL;
    training.n_test = 6;
    history.n_epochs = 2;
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 2 epochs the training loss is 0.500 and training accuracy 98.33 %; accuracy on the "
               "test set (6 rows) is 61.00 %.",
               "6 images are too few to judge overfitting by.");
    training.n_test = 30; /* rows of six images */
    training.n_test_images = 6;
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 2 epochs the training loss is 0.500 and training accuracy 98.33 %; accuracy on the "
               "test set (30 rows) is 61.00 %.",
               "6 images are too few to judge overfitting by.");
    /* a part of the rows is monitored */
    training.n_test = 1000;
    training.n_test_images = 700;
    training.n_test_all = 6000;
    training.test_name = "shifted images not trained on";
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pb",
               "After 2 epochs the training loss is 0.500 and training accuracy 98.33 %; accuracy on "
               "shifted images not trained on (1,000 rows monitored after every epoch; the results count "
               "all 6,000) is 61.00 %.",
               "Overfitting: training accuracy is 98.33 % and test accuracy 61.00 % in epoch 2, a gap of "
               "37.33 points.");
}

static void test_divergence(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[8];
    reshift_history history =
        history_of(epochs, 3, (const double[][3]){{.12, .133, 9e5}, {.1, .133, 7e5}, {.11, .133, 6e5}});
    report_training training = {.history = &history, .n_test = 1000, .n_classes = 10};
    assert_false(training_diverged(&training)); /* loss 0.5 */
    for (int i = 0; i < 3; i++) {
        epochs[i].train_loss = 9e5 - 1e5 * i; /* it falls, and is useless all the same */
    }
    assert_true(training_diverged(&training));
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pb",
               "After 3 epochs the training loss is 7e+05 and training accuracy 11.00 %; accuracy on the "
               "test set (1,000 rows) is 13.30 %.",
               "Training diverged: the training loss is 7e+05 in epoch 3, where guessing among 10 "
               "classes costs 2.303. A lower learning rate is the usual remedy.");
    epochs[2].train_loss = INFINITY;
    assert_true(training_diverged(&training));
    epochs[2].train_loss = 4; /* below twice ln 10 */
    assert_false(training_diverged(&training));
    epochs[1].train_loss = 0.4;
    epochs[1].train_accuracy = 0.9; /* it had learned */
    assert_true(training_diverged(&training));
    training.n_classes = 0;
    assert_true(training_diverged(&training));
    epochs[2].train_loss = 0.6; /* accuracy fell, the loss hardly */
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pbp",
               "After 3 epochs the training loss is 0.600 and training accuracy 11.00 %; accuracy on the "
               "test set (1,000 rows) is 13.30 %.",
               "Training was unstable: training accuracy fell from 90.00 % in epoch 2 to 11.00 % in "
               "epoch 3.",
               "Test accuracy is the same in every epoch (13.30 %).");
    training.history = NULL;
    assert_false(training_diverged(&training));
}

static void test_too_little_history(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[3];
    report_training training = {.history = NULL};
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "p", "There is no history of fine-tuning in this run.");
    training.untrained = "the experiment has 0 epochs";
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "p", "Nothing was trained: the experiment has 0 epochs.");
    reshift_history history = history_of(epochs, 1, (const double[][3]){{.75, .7, .5}});
    training.history = &history;
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pp",
               "After 1 epoch the training loss is 0.500 and training accuracy 75.00 %; accuracy on the "
               "test set is 70.00 %.",
               "It was measured once only, so a fall over the epochs cannot be judged.");
    history = history_of(epochs, 3, (const double[][3]){{.8, NAN, NAN}, {.9, NAN, NAN}, {.9, NAN, NAN}});
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pp", "After 3 epochs the training loss is 0.500 and training accuracy 90.00 %.",
               "It was not measured on a test set after each epoch, so overfitting cannot be judged.");
    history = history_of(epochs, 3, (const double[][3]){{.75, .7, NAN}, {.76, .68, NAN}, {.95, NAN, NAN}});
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pb",
               "After 3 epochs the training loss is 0.500 and training accuracy 95.00 %; accuracy on the "
               "test set is 68.00 % (measured in epoch 2).",
               "Overfitting: test accuracy was best in epoch 1 at 70.00 % and ended at 68.00 % in epoch "
               "2, 2.00 points lower. The weights of the last epoch are used, not those of the best: "
               "choosing by the test set would flatter the result.");
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
    report_training training = {.history = &history,
                                .n_train = 1000,
                                .n_test = 10000,
                                .test_name = NULL,
                                .n_validation = 200,
                                .kept = reshift_history_best(&history)};
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "ppb",
               "After 3 epochs over 1,000 rows (200 more were held out for validation) the training loss "
               "is 0.500 and training accuracy 95.00 %; accuracy on the test set (10,000 rows) is 69.00 %.",
               "The weights of epoch 2 are kept: of all epochs it has the highest accuracy on the 200 rows held out of "
               "training for validation, 80.00 % (the last epoch: 77.50 %). The test set had no part in the choice; "
               "accuracy on the test set is 72.00 % in the epoch kept.",
               "Overfitting: training accuracy is 95.00 % and test accuracy 69.00 % in epoch 3, a gap of "
               "26.00 points; test accuracy was best in epoch 2 at 72.00 % and ended at 69.00 % in epoch "
               "3, 3.00 points lower.");
    /* measured, but the last epoch's weights are used */
    training.kept = 0;
    observe_training(&training, "fine-tuning", &list);
    assert_int_equal(list.n, 3);
    assert_string_equal(
        list.items[1].words.bytes,
        "Accuracy on the 200 rows held out of training for validation is highest in epoch 2 (80.00 %) and "
        "77.50 % in epoch 3. The weights of the last epoch are used: validation chose nothing.");
    assert_non_null(strstr(list.items[2].words.bytes, "The weights of the last epoch are used"));
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
        "Overfitting: training accuracy is 95.00 % and validation accuracy 77.50 % in epoch 3, a gap of "
        "17.50 points; validation accuracy was best in epoch 2 at 80.00 % and ended at 77.50 % in epoch "
        "3, 2.50 points lower.",
        "Validation loss was lowest in epoch 1 (0.400) and is 0.600 in epoch 3.");
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
    check_list(&list, "gp",
               "Every tensor outside the trained blocks (layer4 and fc) is unchanged, byte for byte: 10 tensors, "
               "1,240 values.",
               "Batch norm was frozen: it normalises by the stored running means and variances in training and "
               "testing. The 8 running-statistics tensors did not change; gamma and beta count as weights.");
    /* the claim is what was counted, not what was asked for */
    blocks[0].weights.moved = 1;
    blocks[1].statistics.moved = 2;
    observe_moved(&content, &list);
    check_list(&list, "ww",
               "Outside the trained blocks (layer4 and fc) 1 of 10 tensors changed, though none should "
               "have.",
               "Batch norm was frozen: it normalises by the stored running means and variances in training and "
               "testing. Yet 2 of 8 running-statistics tensors changed.");
    blocks[0].weights.moved = 0;
    blocks[0].statistics.moved = 4;
    content.batchnorm = "train-all";
    observe_moved(&content, &list);
    check_list(&list, "pp",
               "Outside the trained blocks (layer4 and fc) 4 of 10 tensors changed, all of them running "
               "statistics of batch norm.",
               "Batch norm in all blocks normalised by each training batch and updated its running means and "
               "variances: 6 of 8 running-statistics tensors changed. They are not trained and are counted apart "
               "from the weights.");
    content.batchnorm = "train"; /* then those of other blocks must stand still */
    observe_moved(&content, &list);
    assert_int_equal(list.items[0].tone, OBSERVATION_WARNING);
    assert_non_null(strstr(list.items[1].words.bytes, "Batch norm in the trained blocks normalised by each"));
    observations_destroy(&list);
    blocks[0].statistics.moved = 0;
    content.batchnorm = "recalibrate";
    observe_moved(&content, &list);
    check_list(&list, "gp",
               "Every tensor outside the trained blocks (layer4 and fc) is unchanged, byte for byte: 10 tensors, "
               "1,240 values.",
               "Batch norm in the trained blocks was recalibrated: its running means and variances were "
               "recomputed from the training rows and kept fixed in training: 2 of 8 running-statistics tensors "
               "changed. They are not trained and are counted apart from the weights.");
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
        text, "After 2 epochs the training loss is 0.500 and training accuracy 90.00 %; accuracy on the test "
              "set (100 rows) is 72.00 %. Overfitting: training accuracy is 90.00 % and test accuracy 72.00 % "
              "in epoch 2, a gap of 18.00 points.");
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
    made_up_compare(&report);
    observe_drop(content, &list);
    check_list(
        &list, "bp",
        "The original network with its probe is right on 78.80 % of CIFAR-10 (10,000 images) and on 65.42 "
        "% of CIFAR-10-C gaussian_blur (50,000 rows of 10,000 images): the shift costs 13.38 points (95 % "
        "interval, paired by image: 12.6 to 14.2 points).",
        "Accuracy falls with severity, from 75.60 % at severity 1 to 51.00 % at severity 5: 3.20 points below clean, "
        "then 27.80 points below.");
    /* a shift that helps, and severities out of order */
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL) = reshift_accuracy_of(39500, 50000);
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, 2, REPORT_ALL) = reshift_accuracy_of(8000, 10000);
    made_up_compare(&report);
    observe_drop(content, &list);
    check_list(
        &list, "pp",
        "The original network with its probe is right on 78.80 % of CIFAR-10 (10,000 images) and on 79.00 "
        "% of CIFAR-10-C gaussian_blur (50,000 rows of 10,000 images): 0.20 points more on shifted "
        "images, which may be chance (95 % interval, paired by image: -0.2 to 0.6 points).",
        "Accuracy does not simply fall with severity: it is highest at severity 2 (80.00 %) and lowest at severity 5 "
        "(51.00 %).");
    /* no difference at all, first severity above clean */
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL) = reshift_accuracy_of(39400, 50000);
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, 1, REPORT_ALL) = reshift_accuracy_of(8000, 10000);
    report.content.source = report.content.shift = report.content.corruption = NULL;
    made_up_compare(&report);
    observe_drop(content, &list);
    check_list(
        &list, "pp",
        "The original network with its probe is right on 78.80 % of clean images (10,000 images) and on "
        "78.80 % of shifted images (50,000 rows of 10,000 images): no difference (95 % interval, paired "
        "by image: -0.4 to 0.4 points).",
        "Accuracy falls with severity, from 80.00 % at severity 1 to 51.00 % at severity 5: 1.20 points above clean, "
        "then 27.80 points below.");
    /* every severity alike; then only one; then none */
    for (int severity = 1; severity <= 5; severity++) {
        *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_ALL) = reshift_accuracy_of(788, 1000);
    }
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(0, 0);
    made_up_compare(&report);
    observe_drop(content, &list);
    check_list(&list, "pp",
               "The original network was not measured on both clean and shifted images, so what the shift costs cannot "
               "be said.",
               "Accuracy is the same at every severity measured (78.80 %).");
    for (int severity = 1; severity <= 5; severity++) {
        if (severity != 3) {
            *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_ALL) = reshift_accuracy_of(0, 0);
        }
    }
    made_up_compare(&report);
    observe_drop(content, &list);
    check_list(&list, "pp",
               "The original network was not measured on both clean and shifted images, so what the shift costs cannot "
               "be said.",
               "Only severity 3 was measured.");
    report.content.n_measurements = 0;
    made_up_compare(&report);
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
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_SHIFT, &list);
    check_list(&list, "gpw",
               "On shifted images never seen in fine-tuning (30,000 rows of 6,000 images) accuracy rises from "
               "65.42 % to 70.36 %, a gain of 4.94 points (95 % interval, paired by image: 4.2 to 5.7 points).",
               "By severity the change ranges from +1.90 points (severity 1) to +10.50 points (severity 5).",
               "Counted on all 50,000 rows of 10,000 images, accuracy rises from 65.42 % to 81.82 %, a gain of "
               "16.40 points. That is not to be trusted: 20,000 of these rows show images that were used in "
               "fine-tuning, and the figure comes out 11.46 points higher than on unseen images.");
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "pw",
               "On clean images never seen in fine-tuning (6,000 images) accuracy falls from 78.80 % to 78.60 %, "
               "a loss of 0.20 points, which may be chance (95 % interval, paired by image: -0.3 to 0.7 points; "
               "McNemar p = 0.49).",
               "Counted on all 10,000 images, accuracy rises from 78.80 % to 86.76 %, a gain of 7.96 points. "
               "That is not to be trusted: 4,000 of these images were used in fine-tuning, and the figure comes "
               "out 8.16 points higher than on unseen images.");
    /* a clear loss on clean images; all rows agree with the unseen ones */
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(4200, 6000);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(7000, 10000);
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "bw",
               "On clean images never seen in fine-tuning (6,000 images) accuracy falls from 78.80 % to 70.00 %, "
               "a loss of 8.80 points (95 % interval, paired by image: 7.9 to 9.7 points; McNemar p < 0.0001). "
               "What fine-tuning gained on shifted images cost accuracy on clean ones.",
               "Counted on all 10,000 images, accuracy falls from 78.80 % to 70.00 %, a loss of 8.80 points. "
               "That is not to be trusted: 4,000 of these images were used in fine-tuning, though the "
               "accuracy afterwards is the same on both.");
    /* no change on one row, no all-rows figure */
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(1, 1);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(1, 1);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(0, 0);
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "p",
               "On clean images never seen in fine-tuning (1 image) accuracy is 100.00 % before and "
               "after (95 % interval, paired by image: -92.4 to 92.4 points; McNemar p = 1); 1 image is "
               "too few to tell.");
    /* nothing unseen is left, but all rows were measured */
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(0, 0);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(9500, 10000);
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(
        &list, "pw",
        "There is no measurement before and after fine-tuning on unseen clean images, so its effect there cannot be "
        "said.",
        "Counted on all 10,000 images, accuracy rises from 78.80 % to 95.00 %, a gain of 16.20 points. "
        "That is not to be trusted: fine-tuning was trained on versions of these images.");
    /* the same change at every severity, a loss; and one severity only */
    for (int severity = 1; severity <= 5; severity++) {
        *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_UNSEEN) =
            reshift_accuracy_of(60 + severity, 100);
        *made_up_find(&report, REPORT_FINETUNED, REPORT_SHIFT, severity, REPORT_UNSEEN) =
            reshift_accuracy_of(50 + severity, 100);
    }
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_SHIFT, &list);
    assert_int_equal(list.n, 3);
    assert_string_equal(list.items[1].words.bytes, "The change is the same at every severity (-10.00 points).");
    observations_destroy(&list);
    for (int severity = 2; severity <= 5; severity++) {
        *made_up_find(&report, REPORT_FINETUNED, REPORT_SHIFT, severity, REPORT_UNSEEN) = reshift_accuracy_of(0, 0);
    }
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_SHIFT, &list);
    assert_int_equal(list.n, 2);
    observations_destroy(&list);
}

/* Two separate intervals that overlap, and a change that is clear all the same; few images; a loss on both sides. */
static void test_paired(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    report.content.n_measurements = 0;
    made_up_measure(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_UNSEEN, 39, 60);
    made_up_measure(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN, 27, 60);
    report.measurements[1].change = reshift_difference_of(3, 15, 60);
    assert_true(report.measurements[1].accuracy.high > report.measurements[0].accuracy.low);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "b",
               "On clean images never seen in fine-tuning (60 images) accuracy falls from 65.00 % to "
               "45.00 %, a loss of 20.00 points (95 % interval, paired by image: 6.1 to 32.6 points; "
               "McNemar p = 0.0075).");
    /* six images, 30 rows: nothing to rely on */
    report.content.n_measurements = 0;
    report.split.kind = RESHIFT_SPLIT_BY_ROW;
    made_up_measure(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL, 200, 300);
    made_up_measure(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_ALL, 290, 300);
    made_up_measure(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_UNSEEN, 3, 6);
    made_up_measure(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN, 3, 6);
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "pw",
               "On all clean images, seen ones included (300 images) accuracy rises from 66.67 % to "
               "96.67 %, a gain of 30.00 points (95 % interval, paired by image: 24.1 to 35.5 points; "
               "McNemar p < 0.0001).",
               "On the clean images never seen in any version (6 images) accuracy is 50.00 % before and "
               "after (95 % interval, paired by image: -34.6 to 34.6 points; McNemar p = 1); 6 images "
               "are too few to tell.");
    /* both fall: no price of learning the shift, but harm */
    report.split.kind = RESHIFT_SPLIT_BY_IMAGE;
    report.content.n_measurements = 0;
    made_up_measure(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_UNSEEN, 650, 1000);
    made_up_measure(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN, 133, 1000);
    made_up_measure(&report, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_UNSEEN, 2435, 5000);
    made_up_measure(&report, REPORT_FINETUNED, REPORT_SHIFT, 0, REPORT_UNSEEN, 665, 5000);
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "b",
               "On clean images never seen in fine-tuning (1,000 images) accuracy falls from 65.00 % to "
               "13.30 %, a loss of 51.70 points (95 % interval, paired by image: 48.3 to 54.9 points; "
               "McNemar p < 0.0001). Accuracy fell on shifted images too: fine-tuning harmed the network.");
}

/* Every "from A to B, a gain of C" adds up as it is printed. */
static void test_printed_sums(void **state)
{
    (void)state;
    static made_up_report report;
    for (int n = 7; n <= 4000; n = n * 3 + 1) {
        for (int k = 0; k < 40; k++) {
            observations list = {0};
            made_up_fill(&report);
            report.content.n_measurements = 0;
            const int before = n * k / 40, after = n - n * k / 50;
            made_up_measure(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_UNSEEN, before, n);
            made_up_measure(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN, after, n);
            made_up_compare(&report);
            observe_gain(&report.content, REPORT_CLEAN, &list);
            if (before == after) {
                observations_destroy(&list);
                continue;
            }
            const char *words = strstr(list.items[0].words.bytes, "from ");
            double a, b, c;
            assert_non_null(words);
            assert_int_equal(sscanf(words, "from %lf %% to %lf %%, a %*s of %lf points", &a, &b, &c), 3);
            assert_true(fabs(fabs(b - a) - c) < 1e-9);
            assert_true(fabs(a - 100.0 * before / n) <= 0.005 + 1e-9);
            observations_destroy(&list);
        }
    }
}

static void test_gain_by_row(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    report.split.kind = RESHIFT_SPLIT_BY_ROW;
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "pw",
               "On all clean images, seen ones included (10,000 images) accuracy rises from 78.80 % to 86.76 %, "
               "a gain of 7.96 points (95 % interval, paired by image: 7.3 to 8.6 points; McNemar p < 0.0001).",
               "On the clean images never seen in any version (6,000 images) accuracy falls from 78.80 % to "
               "78.60 %, a loss of 0.20 points, which may be chance (95 % interval, paired by image: -0.3 to 0.7 "
               "points; McNemar p = 0.49). This is the figure to rely on.");
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(0, 0);
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    assert_int_equal(list.n, 2);
    assert_string_equal(
        list.items[1].words.bytes,
        "No unseen clean images were left to measure on, so how much of this is memory cannot be said.");
    observations_destroy(&list);
    report.content.n_measurements = 0;
    made_up_compare(&report);
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
    check_list(&list, "p",
               "Original network on CIFAR-10-C gaussian_blur: the classes largely coincide: 71.0 % of the points "
               "are at least as near to another class's centre as to their own (silhouette -0.08). Points spread "
               "3.10 around their class's centre, most in frog (4.40). The closest classes are cat and dog "
               "(distance of their centres 0.21 spreads). The two axes hold 34.7 % of the variance.");
    static const struct {
        double overlap;
        const char *words;
    } grades[] = {{0.05, "the classes are well separated: 5.0 %"},
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
    report.panels[0].separation = (reshift_separation){NAN, NAN, NAN, 0, -1, -1, NAN, 0, 12, 1};
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(&list, "p",
               "Original network on CIFAR-10-C gaussian_blur: all points are of one class, so nothing can be "
               "said about separation. The two axes hold 34.7 % of the variance.");
    /* a thousand classes of one image each */
    report.panels[0].separation = (reshift_separation){NAN, INFINITY, 0, 0, 3, 4, 0.5, 0, 0, 1000};
    report.panels[0].n = 1000;
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(&list, "p",
               "Original network on CIFAR-10-C gaussian_blur: 1,000 points of 1,000 classes are too few "
               "to judge separation: each point is a large part of its own class's centre. The two axes "
               "hold 34.7 % of the variance.");
    report.panels[0].n = 0;
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(&list, "p", "Original network on CIFAR-10-C gaussian_blur: there are no points to judge.");
}

/* A verdict needs an interval by image that excludes no change; measures that contradict each other give none. */
static void test_change(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    report_panel *before = &report.panels[2], *after = &report.panels[3];
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "g",
               "Separation of the classes of CIFAR-10 in two dimensions: better after than before. "
               "Overlap 59.0 % before, 41.0 % after (change -19.0 to -17.0); silhouette 0.00 before, "
               "0.12 after (change +0.11 to +0.13); scatter between classes over scatter within 1.00 "
               "before, 1.60 after (change +0.50 to +0.70). The changes are 95 % intervals by image, of "
               "6,000 images never seen in fine-tuning. The closest classes are cat and dog before and "
               "after (distance of their centres 0.41, then 0.71 spreads). 4,000 of the 10,000 points "
               "show images seen in fine-tuning, which may flatter the picture after it.");
    /* worse, another pair, nothing seen */
    const reshift_separation kept = before->separation;
    before->separation = after->separation;
    after->separation = kept;
    after->separation.nearest_b = 7;
    after->n_seen = 0;
    after->change = (reshift_separation_change){{0.18, 0.17, 0.19}, {-0.12, -0.13, -0.11}, {-0.6, -0.7, -0.5}, 10000};
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "b",
               "Separation of the classes of CIFAR-10 in two dimensions: worse after than before. "
               "Overlap 41.0 % before, 59.0 % after (change +17.0 to +19.0); silhouette 0.12 before, "
               "0.00 after (change -0.13 to -0.11); scatter between classes over scatter within 1.60 "
               "before, 1.00 after (change -0.70 to -0.50). The changes are 95 % intervals by image. The "
               "closest classes were cat and dog (distance of their centres 0.71 spreads) and are now "
               "cat and horse (0.41).");
    /* one point of 500 is no change */
    after->change = (reshift_separation_change){{-0.002, -0.02, 0.016}, {0.002, -0.01, 0.014}, {0, -0.1, 0.1}, 500};
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "p",
               "Separation of the classes of CIFAR-10 in two dimensions: no clear change. Overlap 41.0 % "
               "before, 59.0 % after (change -2.0 to +1.6); silhouette 0.12 before, 0.00 after (change "
               "-0.01 to +0.01); scatter between classes over scatter within 1.60 before, 1.00 after "
               "(change -0.10 to +0.10). The changes are 95 % intervals by image. The closest classes "
               "were cat and dog (distance of their centres 0.71 spreads) and are now cat and horse "
               "(0.41).");
    /* one clear measure is no verdict */
    after->change = (reshift_separation_change){{-0.002, -0.02, 0.016}, {0.002, -0.01, 0.014}, {0.2, 0.1, 0.3}, 500};
    observe_change(&report.content, REPORT_CLEAN, &list);
    assert_non_null(strstr(list.items[0].words.bytes, "in two dimensions: only one measure changed clearly."));
    assert_int_equal(list.items[0].tone, OBSERVATION_PLAIN);
    observations_destroy(&list);
    /* two clear measures that disagree */
    after->change = (reshift_separation_change){{-0.02, -0.03, -0.01}, {0, -0.01, 0.01}, {-0.3, -0.4, -0.2}, 500};
    observe_change(&report.content, REPORT_CLEAN, &list);
    assert_non_null(strstr(list.items[0].words.bytes, "in two dimensions: the measures disagree."));
    assert_int_equal(list.items[0].tone, OBSERVATION_PLAIN);
    observations_destroy(&list);
    /* few images, few of a class, an older run without intervals */
    after->change = (reshift_separation_change){{-0.2, -0.3, -0.1}, {0.2, 0.1, 0.3}, {0.3, 0.2, 0.4}, 29};
    for (int i = 0; i < 3; i++) {
        observe_change(&report.content, REPORT_CLEAN, &list);
        assert_non_null(strstr(list.items[0].words.bytes, " to tell. Overlap 41.0 % before, 59.0 % after; "));
        assert_non_null(strstr(list.items[0].words.bytes, i == 1 ? "too few points of each class" : "too few images"));
        assert_int_equal(list.items[0].tone, OBSERVATION_PLAIN);
        observations_destroy(&list);
        after->change.n_images = i == 0 ? 40 : 0;
        after->n = i == 0 ? 40 : after->n;
    }
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
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10. On "
               "CIFAR-10-C gaussian_blur it is right on 65.4 %. Fine-tuning layer4 and fc on 20,000 shifted rows "
               "takes accuracy from 65.4 % to 70.4 % on shifted images it never saw, and from 78.8 % to 78.6 % "
               "on clean ones it never saw (which may be chance).");
    report.split.kind = RESHIFT_SPLIT_BY_ROW;
    report.split.n_test_images = 10000;
    report.split.n_test_images_seen = 9222;
    report.content.n_settings = 0;
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10. On "
               "CIFAR-10-C gaussian_blur it is right on 65.4 %. Fine-tuning on 20,000 shifted rows takes "
               "accuracy from 65.4 % to 81.8 % on all shifted rows, seen ones included, and from 78.8 % to 86.8 "
               "% on all clean ones. But 92.2 % of the test images have a version among the training rows, so "
               "the figures after fine-tuning are not to be trusted: on shifted versions of unseen images "
               "(30,000 rows of 6,000 images) it is 70.4 %.");
    /* not trained, only recalibrated; one class; diverged */
    made_up_fill(&report);
    report.content.batchnorm = "recalibrate";
    report.finetune.n_epochs = 0;
    report.content.n_test_classes = 1;
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10. On "
               "CIFAR-10-C gaussian_blur it is right on 65.4 %. Recomputing the batch norm statistics of "
               "layer4 and fc on 20,000 shifted rows, without any training, takes accuracy from 65.4 % "
               "to 70.4 % on shifted images it never saw, and from 78.8 % to 78.6 % on clean ones it "
               "never saw (which may be chance). All test images are of one class, so these accuracies "
               "do not show that classes are told apart.");
    report.content.batchnorm = "frozen";
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10. On "
               "CIFAR-10-C gaussian_blur it is right on 65.4 %. Nothing was trained (0 epochs): accuracy "
               "goes from 65.4 % to 70.4 % on shifted images it never saw, and from 78.8 % to 78.6 % on "
               "clean ones it never saw (which may be chance). All test images are of one class, so "
               "these accuracies do not show that classes are told apart.");
    made_up_fill(&report);
    report.finetune_epochs[9].train_loss = 6e5;
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10. On "
               "CIFAR-10-C gaussian_blur it is right on 65.4 %. Fine-tuning layer4 and fc on 20,000 "
               "shifted rows takes accuracy from 65.4 % to 70.4 % on shifted images it never saw, and "
               "from 78.8 % to 78.6 % on clean ones it never saw (which may be chance). Its training "
               "diverged.");
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
        cmocka_unit_test(test_dip),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_overfitting_by_loss),
        cmocka_unit_test(test_overfitting_by_gap),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_too_little_history),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_gain_by_image),
        cmocka_unit_test(test_paired),
        cmocka_unit_test(test_printed_sums),
        cmocka_unit_test(test_gain_by_row),
        cmocka_unit_test(test_panel),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_lead),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests_name("observations", tests, NULL, NULL);
}
