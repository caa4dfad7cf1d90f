/*
 * The sentences about a training, word for word, on synthetic histories: the common cases and those where a sentence
 * could be wrong.
 */
#include "observations_list.h"

#include "reshift/reporting.h"

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
    /* the same fall on 100 test rows is within their uncertainty */
    training.n_test = 100;
    training.n_train = 0;
    training.test_name = NULL;
    observe_training(&training, "the probe", &list);
    check_list(&list, "ppp",
               "After 4 epochs the training loss is 0.500 and training accuracy 88.72 %; accuracy on the test "
               "set (100 rows) is 78.80 %.",
               "No clear overfitting: test accuracy was best in epoch 2 at 80.70 % and ended at 78.80 % in epoch "
               "4, 1.90 points lower. With 100 test images a difference of two such figures is known to about 11.1 "
               "points either way, so this may be chance. The weights of the last epoch are used, not those of the "
               "best: choosing by the test set would flatter the result. Training accuracy is 9.92 points above "
               "test accuracy.",
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
    /* best early, but constant since */
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
    /* test accuracy and training accuracy fall together */
    history = history_of(epochs, 2, (const double[][3]){{.66, .65, .5}, {.61, .6, .4}});
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 2 epochs the training loss is 0.500 and training accuracy 61.00 %; accuracy on the "
               "test set (10,000 rows) is 60.00 %.",
               "Unsteady, but not overfitting: test accuracy was best in epoch 1 at 65.00 % and ended at "
               "60.00 % in epoch 2, 5.00 points lower, and training accuracy fell too (66.00 %, then "
               "61.00 %). The weights of the last epoch are used, not those of the best: choosing by the "
               "test set would flatter the result.");
    /* training values unknown */
    history = history_of(epochs, 2, (const double[][3]){{NAN, .8, NAN}, {NAN, .6, NAN}});
    observe_training(&training, "the probe", &list);
    check_list(&list, "pp",
               "After 2 epochs no training figures are known; accuracy on the test set (10,000 rows) is "
               "60.00 %.",
               "Falling back: test accuracy was best in epoch 1 at 80.00 % and ended at 60.00 % in epoch "
               "2, 20.00 points lower. The weights of the last epoch are used, not those of the best: "
               "choosing by the test set would flatter the result.");
}

/* Between the end points: a history that returns to its best value has not stayed there. */
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

/* The best value is reached again at the end, with small dips between: no fall of "0.00 points". */
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

/* Training accuracy is saturated, training loss falls, test loss rises: overfitting, whatever the accuracies do. */
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

/* The gap counts even if the last epoch is the best one, and for a fit without epochs. */
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
    /* six images are too few for a statement */
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
    /* some of the rows are monitored */
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
    assert_false(training_failed(&training)); /* loss 0.5 */
    for (int i = 0; i < 3; i++) {
        epochs[i].train_loss = 9e5 - 1e5 * i; /* it falls, and is still useless */
    }
    assert_true(training_failed(&training));
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pb",
               "After 3 epochs the training loss is 7e+05 and training accuracy 11.00 %; accuracy on the "
               "test set (1,000 rows) is 13.30 %.",
               "Training diverged: the training loss is 7e+05 in epoch 3, where guessing among 10 "
               "classes costs 2.303. A lower learning rate is the usual remedy.");
    epochs[2].train_loss = INFINITY;
    assert_true(training_failed(&training));
    epochs[2].train_loss = 4; /* below twice ln 10 */
    assert_false(training_failed(&training));
    epochs[1].train_loss = 0.4;
    epochs[1].train_accuracy = 0.9; /* it had learned */
    assert_true(training_failed(&training));
    training.n_classes = 0;
    assert_true(training_failed(&training));
    training.n_classes = 10;
    observe_training(&training, "fine-tuning", &list); /* worse than guessing, but not by orders of magnitude */
    check_list(&list, "pb",
               "After 3 epochs the training loss is 4.000 and training accuracy 11.00 %; accuracy on the "
               "test set (1,000 rows) is 13.30 %.",
               "Training failed: the training loss is 4.000 in epoch 3, where guessing among 10 classes costs "
               "2.303. A lower learning rate is the usual remedy.");
    training.n_classes = 0;
    epochs[2].train_loss = 0.6; /* accuracy fell, the loss hardly changed */
    observe_training(&training, "fine-tuning", &list);
    check_list(&list, "pbp",
               "After 3 epochs the training loss is 0.600 and training accuracy 11.00 %; accuracy on the "
               "test set (1,000 rows) is 13.30 %.",
               "Training was unstable: training accuracy fell from 90.00 % in epoch 2 to 11.00 % in "
               "epoch 3.",
               "Test accuracy is the same in every epoch (13.30 %).");
    training.history = NULL;
    assert_false(training_failed(&training));
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

/* Held-out rows: the chosen epoch is named with its value, and that the test set was not used for the choice. */
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
    /* no test set: judged by the held-out rows */
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

static void test_describe(void **state)
{
    (void)state;
    reshift_epoch epochs[3];
    reshift_error error;
    char text[1024], cut[10];
    reshift_history history = history_of(epochs, 2, (const double[][3]){{.8, .7, NAN}, {.9, .72, NAN}});
    check_ok(reshift_history_describe(&history, 100, 0, text, sizeof text, &error));
    assert_string_equal(
        text, "After 2 epochs the training loss is 0.500 and training accuracy 90.00 %; accuracy on the test "
              "set (100 rows) is 72.00 %. Overfitting: training accuracy is 90.00 % and test accuracy 72.00 % "
              "in epoch 2, a gap of 18.00 points.");
    check_ok(reshift_history_describe(&history, 100, 0, cut, sizeof cut, &error));
    assert_string_equal(cut, "After 2 e");
}

/* Rows that cannot show overfitting: those of one class, and sets that include training rows. */
static void test_rows_that_cannot_judge(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[2];
    reshift_history history = history_of(epochs, 2, (const double[][3]){{.9, .6, NAN}, {.98, .61, NAN}});
    report_training training = {.history = &history, .n_test = 200, .n_test_classes = 1};
    observe_training(&training, "the probe", &list);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[1].words.bytes,
                        "The test rows are all of one class, so overfitting cannot be judged.");
    observations_destroy(&list);
    training.n_test_classes = 10;
    training.test_has_training_rows = true;
    observe_training(&training, "fine-tuning", &list);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[1].words.bytes,
                        "The test rows include rows that were trained on, so overfitting cannot be judged.");
    observations_destroy(&list);
}

/*
 * Gaps and falls within the uncertainty of so few images, on either side, are not reported as overfitting or
 * instability.
 */
static void test_noise_of_few_training_rows(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[2];
    reshift_history history = history_of(epochs, 2, (const double[][3]){{.85, .62, NAN}, {.73, .5, NAN}});
    report_training training = {
        .history = &history, .n_train = 40, .n_train_images = 8, .n_test = 50, .n_test_images = 41, .n_test_all = 500};
    observe_training(&training, "fine-tuning", &list);
    check_list(
        &list, "pp",
        "After 2 epochs over 40 rows the training loss is 0.500 and training accuracy 73.00 %; accuracy on the test "
        "set (50 rows monitored after every epoch; the results count all 500) is 50.00 %.",
        "No clear overfitting: test accuracy was best in epoch 1 at 62.00 % and ended at 50.00 % in epoch 2, 12.00 "
        "points lower. With about 41 test images a difference of two such figures is known to about 20.5 points "
        "either way, so this may be chance. The weights of the last epoch are used, not those of the best: choosing "
        "by the test set would flatter the result.");
    training.n_train = training.n_train_images = 4000;
    training.n_test = training.n_test_images = 4000;
    observe_training(&training, "fine-tuning", &list);
    assert_string_equal(list.items[1].words.bytes,
                        "Training was unstable: training accuracy fell from 85.00 % in epoch 1 to 73.00 % in epoch 2.");
    assert_non_null(strstr(list.items[2].words.bytes, "Overfitting: training accuracy is 73.00 %"));
    observations_destroy(&list);
}

/* Significantly worse than guessing is not overfitting. */
static void test_below_guessing(void **state)
{
    (void)state;
    observations list = {0};
    reshift_epoch epochs[2];
    reshift_history history = history_of(epochs, 2, (const double[][3]){{.9, .01, 1.4}, {.99, 0, 3.6}});
    report_training training = {.history = &history, .n_train = 120, .n_test = 120, .n_classes = 3};
    epochs[0].train_loss = 1;
    observe_training(&training, "the probe", &list);
    check_list(
        &list, "pw",
        "After 2 epochs over 120 rows the training loss is 0.500 and training accuracy 99.00 %; accuracy on the test "
        "set (120 rows) is 0.00 %.",
        "Test accuracy, 0.00 % in epoch 2, is below that of guessing among 3 classes (33.33 %) by more than chance. "
        "Labels that mean other classes in training than in testing are one cause.");
    training.n_classes = 1000; /* 0 of 120 is expected by guessing */
    observe_training(&training, "the probe", &list);
    assert_non_null(strstr(list.items[1].words.bytes, "Overfitting: "));
    observations_destroy(&list);
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
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_rows_that_cannot_judge),
        cmocka_unit_test(test_noise_of_few_training_rows),
        cmocka_unit_test(test_below_guessing),
    };
    return cmocka_run_group_tests_name("observations_training", tests, NULL, NULL);
}
