/*
 * The sentences about accuracies, word for word, on synthetic numbers: the cost of the shift, the split of the rows,
 * the effect of fine-tuning, and which of it is significant.
 */
#include "observations_list.h"

#include "made_up_report.h"

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
        "By severity accuracy ranges from 51.00 % (severity 5) to 75.60 % (severity 1). It is below that on clean "
        "images by more than chance at every severity.");
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
        "By severity accuracy ranges from 51.00 % (severity 5) to 80.00 % (severity 2). It is below that on clean "
        "images by more than chance at severities 1, 3, 4 and 5 and above that on clean images by more than chance "
        "at severity 2.");
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
        "By severity accuracy ranges from 51.00 % (severity 5) to 80.00 % (severities 1 and 2). It is below that "
        "on clean images by more than chance at severities 3 to 5 and above that on clean images by more than "
        "chance at severities 1 and 2.");
    /* all severities the same; then only one; then none */
    for (int severity = 1; severity <= 5; severity++) {
        *made_up_find(&report, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_ALL) = reshift_accuracy_of(788, 1000);
    }
    *made_up_find(&report, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(0, 0);
    made_up_compare(&report);
    observe_drop(content, &list);
    check_list(&list, "pp",
               "The original network was not measured on both clean and shifted images, so what the shift costs cannot "
               "be said.",
               "Accuracy is 78.80 % at every severity measured.");
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
    report_content content = {0};
    observe_split(&content, &list);
    assert_int_equal(list.n, 0);
    reshift_split split = {
        .kind = RESHIFT_SPLIT_BY_IMAGE, .n_train = 20000, .n_test = 30000, .n_images = 10000, .n_images_seen = 4000};
    content.split = &split;
    observe_split(&content, &list);
    check_list(&list, "g",
               "Split by image: fine-tuning used 20,000 rows of 4,000 images. It saw no version of the other 6,000 "
               "images, and the headline figures count only these.");
    split = (reshift_split){.kind = RESHIFT_SPLIT_BY_ROW,
                            .n_train = 20000,
                            .n_test = 50000,
                            .n_test_rows_seen = 20000,
                            .n_test_images = 10000,
                            .n_test_images_seen = 9222};
    observe_split(&content, &list);
    check_list(&list, "w",
               "Split by row, the published protocol: 9,222 of 10,000 test images (92.2 %) have at least one version "
               "among the rows of fine-tuning, and 20,000 of 50,000 test rows (40.0 %) are these rows themselves. A "
               "network recognises other versions of an image that it was trained on, so accuracy after fine-tuning on "
               "all rows measures memory as well as robustness. For figures without this leak use split: by-image.");
    split = (reshift_split){.kind = RESHIFT_SPLIT_BY_ROW};
    observe_split(&content, &list);
    check_list(
        &list, "p",
        "Split by row, the published protocol: 0 of 0 test images (0.0 %) have at least one version among the rows "
        "of fine-tuning, and 0 of 0 test rows (0.0 %) are these rows themselves. Nothing leaks in this draw.");
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
               "By severity the change ranges from +1.90 points (severity 1) to +10.50 points (severity 5). It is "
               "a gain by more than chance at every severity.",
               "Counted on all 50,000 rows of 10,000 images, accuracy is 65.42 % before and 81.82 % after. That is "
               "not to be trusted: 20,000 of these rows show images that were used in fine-tuning, and on them "
               "accuracy is 65.42 % before and 99.00 % after.");
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "pw",
               "On clean images never seen in fine-tuning (6,000 images) accuracy falls from 78.80 % to 78.60 %, "
               "a loss of 0.20 points, which may be chance (95 % interval, paired by image: -0.3 to 0.7 points; "
               "McNemar p = 0.49).",
               "Counted on all 10,000 images, accuracy is 78.80 % before and 86.76 % after. That is not to be "
               "trusted: 4,000 of these images were used in fine-tuning, and on them accuracy is 78.80 % before "
               "and 99.00 % after.");
    /* a significant loss on clean images; all rows agree with the unseen ones */
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(4200, 6000);
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_ALL) = reshift_accuracy_of(7000, 10000);
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "bw",
               "On clean images never seen in fine-tuning (6,000 images) accuracy falls from 78.80 % to 70.00 %, "
               "a loss of 8.80 points (95 % interval, paired by image: 7.9 to 9.7 points; McNemar p < 0.0001). "
               "What fine-tuning gained on shifted images cost accuracy on clean ones.",
               "Counted on all 10,000 images, accuracy is 78.80 % before and 70.00 % after. That is not to be "
               "trusted: 4,000 of these images were used in fine-tuning, and on them accuracy is 78.80 % before "
               "and 99.00 % after.");
    /* no change on one row, no values on all rows */
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
        "Counted on all 10,000 images, accuracy is 78.80 % before and 95.00 % after. That is not to be trusted: "
        "all of these images were used in fine-tuning.");
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
    assert_string_equal(list.items[1].words.bytes, "The change is -10.00 points at every severity. It is a loss by "
                                                   "more than chance at every severity.");
    observations_destroy(&list);
    for (int severity = 2; severity <= 5; severity++) {
        *made_up_find(&report, REPORT_FINETUNED, REPORT_SHIFT, severity, REPORT_UNSEEN) = reshift_accuracy_of(0, 0);
    }
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_SHIFT, &list);
    assert_int_equal(list.n, 2);
    observations_destroy(&list);
}

/* Two separate intervals that overlap although the change is significant; few images; a loss on both sides. */
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
    /* six images, 30 rows: too few */
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
    /* both fall: not a price of learning the shift, but damage */
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

/* In every "from A to B, a gain of C" the printed numbers add up. */
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

/* One accuracy per severity, against clean images and before against after; `even`: images that change either way. */
static void fill_severities(made_up_report *report, int64_t n, int64_t clean, const int64_t before[5],
                            const int64_t after[5])
{
    made_up_fill(report);
    report->content.n_measurements = 0;
    for (int subset = REPORT_ALL; subset <= REPORT_UNSEEN; subset++) {
        made_up_measure(report, REPORT_ORIGINAL, REPORT_CLEAN, 0, (report_subset)subset, clean, n);
        for (int model = 0; model < 2; model++) {
            int64_t sum = 0;
            for (int severity = 1; severity <= 5; severity++) {
                const int64_t right = model ? after[severity - 1] : before[severity - 1];
                made_up_measure(report, (report_model)model, REPORT_SHIFT, severity, (report_subset)subset, right, n);
                sum += right;
            }
            made_up_measure(report, (report_model)model, REPORT_SHIFT, 0, (report_subset)subset, sum, 5 * n);
        }
    }
    made_up_compare(report);
}

/* Differences between severities within noise are not reported as a fall; their tests decide which are significant. */
static void test_severities_within_noise(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    fill_severities(&report, 12, 3, (const int64_t[]){3, 3, 2, 2, 2}, (const int64_t[]){1, 2, 2, 2, 2});
    observe_drop(&report.content, &list);
    check_list(
        &list, "pp",
        "The original network with its probe is right on 25.00 % of CIFAR-10 (12 images) and on 20.00 % of "
        "CIFAR-10-C gaussian_blur (60 rows of 12 images): 5.00 points less on shifted images (95 % interval, paired "
        "by image: -16.8 to 31.1 points); 12 images are too few to tell.",
        "By severity accuracy ranges from 16.67 % (severities 3 to 5) to 25.00 % (severities 1 and 2). 12 images are "
        "too few to tell.");
    observe_gain(&report.content, REPORT_SHIFT, &list);
    assert_string_equal(list.items[1].words.bytes,
                        "By severity the change ranges from -16.67 points (severity 1) to 0.00 "
                        "points (severities 3 to 5). 12 images are too few to tell.");
    observations_destroy(&list);
    fill_severities(&report, 100, 80, (const int64_t[]){79, 80, 79, 78, 79}, (const int64_t[]){30, 81, 79, 78, 100});
    observe_drop(&report.content, &list);
    assert_string_equal(list.items[1].words.bytes, "By severity accuracy ranges from 78.00 % (severity 4) to 80.00 % "
                                                   "(severity 2). No severity shows a difference that is more than "
                                                   "chance.");
    observations_destroy(&list);
    observe_gain(&report.content, REPORT_SHIFT, &list);
    assert_string_equal(
        list.items[1].words.bytes,
        "By severity the change ranges from -49.00 points (severity 1) to +21.00 points (severity 5). It is a "
        "loss by more than chance at severity 1 and a gain by more than chance at severity 5 only.");
    observations_destroy(&list);
}

/* No sentence on the shift mentions a cost or significant severities unless a test shows it. */
static void test_no_claim_without_a_test(void **state)
{
    (void)state;
    static made_up_report report;
    int n_clear = 0, n_unclear = 0;
    for (int64_t n = 5; n < 300; n += 37) {
        for (int64_t fall = 0; fall <= 5; fall++) {
            observations list = {0};
            const int64_t clean = n * 8 / 10, loss = n * fall / 25;
            const int64_t before[5] = {clean, clean - loss / 4, clean - loss / 2, clean - loss / 2, clean - loss};
            bool any = false;
            fill_severities(&report, n, clean, before, before);
            for (int severity = 1; severity <= 5; severity++) {
                any |= report_find_change(&report.content, REPORT_ORIGINAL, REPORT_SHIFT, severity, REPORT_ALL)->clear;
            }
            const bool clear = report_find_change(&report.content, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL)->clear;
            observe_drop(&report.content, &list);
            assert_int_equal(list.n, 2);
            assert_int_equal(strstr(list.items[0].words.bytes, "costs") != NULL, clear);
            assert_int_equal(list.items[0].tone == OBSERVATION_BAD, clear);
            assert_int_equal(strstr(list.items[1].words.bytes, "by more than chance at sever") != NULL ||
                                 strstr(list.items[1].words.bytes, "by more than chance at every") != NULL,
                             any);
            assert_null(strstr(list.items[1].words.bytes, "fall"));
            n_clear += clear;
            n_unclear += !clear;
            observations_destroy(&list);
        }
    }
    assert_true(n_clear > 5 && n_unclear > 5);
}

/* Counts of one use the singular. */
static void test_singular_nouns(void **state)
{
    (void)state;
    observations list = {0};
    reshift_split split = {.kind = RESHIFT_SPLIT_BY_IMAGE,
                           .n_train = 1,
                           .n_test = 1,
                           .n_images = 2,
                           .n_images_seen = 1,
                           .n_test_images = 1};
    report_content content = {.split = &split};
    observe_split(&content, &list);
    check_list(
        &list, "g",
        "Split by image: fine-tuning used 1 row of 1 image. It saw no version of the other 1 image, and the headline "
        "figures count only these.");
    split.kind = RESHIFT_SPLIT_APART;
    observe_split(&content, &list);
    check_list(&list, "g",
               "Fine-tuning used 1 row of 1 shifted training image. It saw no version of the 1 test image.");
    static made_up_report report;
    made_up_fill(&report);
    report.content.n_measurements = 0;
    for (int model = 0; model < 2; model++) {
        made_up_measure(&report, (report_model)model, REPORT_CLEAN, 0, REPORT_UNSEEN, 1, 1);
        made_up_measure(&report, (report_model)model, REPORT_CLEAN, 0, REPORT_ALL, 1, 2);
        made_up_measure(&report, (report_model)model, REPORT_CLEAN, 0, REPORT_SEEN, 0, 1);
    }
    made_up_compare(&report);
    observe_gain(&report.content, REPORT_CLEAN, &list);
    assert_int_equal(list.n, 2);
    assert_string_equal(
        list.items[1].words.bytes,
        "Counted on all 2 images, accuracy is 50.00 % before and after. That is not to be trusted: 1 of "
        "these images was used in fine-tuning, and on it accuracy is 0.00 % before and after.");
    observations_destroy(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_gain_by_image),
        cmocka_unit_test(test_paired),
        cmocka_unit_test(test_printed_sums),
        cmocka_unit_test(test_gain_by_row),
        cmocka_unit_test(test_severities_within_noise),
        cmocka_unit_test(test_no_claim_without_a_test),
        cmocka_unit_test(test_singular_nouns),
    };
    return cmocka_run_group_tests_name("observations_accuracy", tests, NULL, NULL);
}
