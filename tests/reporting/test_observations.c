/*
 * The lead and the sentences about tensors and panels, word for word, on synthetic numbers: the common cases and those
 * where a sentence could be wrong.
 */
#include "observations_list.h"

#include "made_up_report.h"

static void test_changed_tensors(void **state)
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
    /* the statement follows the counts, not the request */
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
               "variances. 6 of 8 running-statistics tensors changed; they are not trained and are counted apart "
               "from the weights.");
    content.batchnorm = "train"; /* then those of other blocks must be unchanged */
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
               "Batch norm in the trained blocks was recalibrated: its running means and variances were recomputed "
               "from the training rows and kept fixed in training. 2 of 8 running-statistics tensors changed; they "
               "are not trained and are counted apart from the weights.");
    blocks[0].statistics.moved = 4;
    blocks[0].trained = true; /* everything is trained: no sentence about the others */
    observe_moved(&content, &list);
    assert_int_equal(list.n, 1);
    observations_destroy(&list);
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
    /* one class only: no other class; a class without a name; no spread */
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
               "Original network on CIFAR-10-C gaussian_blur: 1,000 images in 1,000 classes are too few to judge "
               "separation: each image is a large part of its own class's centre. The two axes hold 34.7 % of the "
               "variance.");
    report.panels[0].n = 0;
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(&list, "p", "Original network on CIFAR-10-C gaussian_blur: there are no points to judge.");
}

/* A verdict needs an interval by image that excludes 0; contradicting measures give none. */
static void test_change(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    report_panel *before = &report.panels[2], *after = &report.panels[3];
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "g",
               "Separation of the classes of CIFAR-10 in two dimensions: better after than before. Overlap 59.0 % "
               "before, 41.0 % after (change -19.0 to -17.0); silhouette 0.00 before, 0.12 after (change +0.11 to "
               "+0.13); scatter between classes over scatter within 1.00 before, 1.60 after (change +0.50 to "
               "+0.70). The values before and after are those of all 10,000 points; 4,000 show images seen in "
               "fine-tuning, which may flatter those after. The changes are 95 % intervals by image, of the 6,000 "
               "images never seen. The closest classes are cat and dog before and after (distance of their centres "
               "0.41, then 0.71 spreads).");
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
    /* one point of 500 is not a change */
    after->change = (reshift_separation_change){{-0.002, -0.02, 0.016}, {0.002, -0.01, 0.014}, {0, -0.1, 0.1}, 500};
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(&list, "p",
               "Separation of the classes of CIFAR-10 in two dimensions: no clear change. Overlap 41.0 % "
               "before, 59.0 % after (change -2.0 to +1.6); silhouette 0.12 before, 0.00 after (change "
               "-0.01 to +0.01); scatter between classes over scatter within 1.60 before, 1.00 after "
               "(change -0.10 to +0.10). The changes are 95 % intervals by image. The closest classes "
               "were cat and dog (distance of their centres 0.71 spreads) and are now cat and horse "
               "(0.41).");
    /* one significant measure is not a verdict */
    after->change = (reshift_separation_change){{-0.002, -0.02, 0.016}, {0.002, -0.01, 0.014}, {0.2, 0.1, 0.3}, 500};
    observe_change(&report.content, REPORT_CLEAN, &list);
    assert_non_null(strstr(list.items[0].words.bytes, "in two dimensions: only one measure changed clearly."));
    assert_int_equal(list.items[0].tone, OBSERVATION_PLAIN);
    observations_destroy(&list);
    /* two significant measures that disagree */
    after->change = (reshift_separation_change){{-0.02, -0.03, -0.01}, {0, -0.01, 0.01}, {-0.3, -0.4, -0.2}, 500};
    observe_change(&report.content, REPORT_CLEAN, &list);
    assert_non_null(strstr(list.items[0].words.bytes, "in two dimensions: the measures disagree."));
    assert_int_equal(list.items[0].tone, OBSERVATION_PLAIN);
    observations_destroy(&list);
    /* few images, few of a class, no interval, nothing unseen: no measure of the separation is reported */
    after->change = (reshift_separation_change){{-0.2, -0.3, -0.1}, {0.2, 0.1, 0.3}, {0.3, 0.2, 0.4}, 29};
    static const char *const reasons[4] = {"too few images to tell.", "too few images of each class to tell.",
                                           "no interval of the change is known, so it is not judged.",
                                           "no unseen image is left to tell by."};
    for (int i = 0; i < 4; i++) {
        char expected[160];
        snprintf(expected, sizeof expected, "Separation of the classes of CIFAR-10 in two dimensions: %s", reasons[i]);
        observe_change(&report.content, REPORT_CLEAN, &list);
        check_list(&list, "p", expected);
        after->change.n_images = i == 0 ? 40 : 0;
        after->n = i == 0 ? 40 : after->n;
        after->n_seen = i == 2 ? after->n : after->n_seen;
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
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10 (10,000 "
               "images). On CIFAR-10-C gaussian_blur it is right on 65.4 % (50,000 rows of 10,000 images). "
               "Fine-tuning layer4 and fc on 20,000 shifted rows takes accuracy from 65.4 % to 70.4 % on shifted "
               "images it never saw, and takes it from 78.8 % to 78.6 % on clean ones it never saw (which may be "
               "chance).");
    report.split.kind = RESHIFT_SPLIT_BY_ROW;
    report.split.n_test_images = 10000;
    report.split.n_test_images_seen = 9222;
    report.content.n_settings = 0;
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10 (10,000 "
               "images). On CIFAR-10-C gaussian_blur it is right on 65.4 % (50,000 rows of 10,000 images). "
               "Fine-tuning on 20,000 shifted rows takes accuracy from 65.4 % to 81.8 % on all shifted rows, seen "
               "ones included, and takes it from 78.8 % to 86.8 % on all clean ones. But 92.2 % of the test images "
               "have a version among the rows of fine-tuning, so the accuracies after it are not to be trusted. On "
               "shifted versions of unseen images (30,000 rows of 6,000 images) it is 70.4 %.");
    /* not trained, only recalibrated; one class; diverged */
    made_up_fill(&report);
    report.content.batchnorm = "recalibrate";
    report.finetune.n_epochs = 0;
    report.content.n_test_classes = 1;
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10 (10,000 "
               "images). On CIFAR-10-C gaussian_blur it is right on 65.4 % (50,000 rows of 10,000 images). "
               "Recomputing the batch norm statistics of layer4 and fc on 20,000 shifted rows, without any "
               "training, takes accuracy from 65.4 % to 70.4 % on shifted images it never saw, and takes it from "
               "78.8 % to 78.6 % on clean ones it never saw (which may be chance). All test images are of one "
               "class, so these accuracies do not show whether classes are told apart.");
    report.content.batchnorm = "frozen";
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10 (10,000 "
               "images). On CIFAR-10-C gaussian_blur it is right on 65.4 % (50,000 rows of 10,000 images). Nothing "
               "was trained (0 epochs): accuracy goes from 65.4 % to 70.4 % on shifted images it never saw, and "
               "goes from 78.8 % to 78.6 % on clean ones it never saw (which may be chance). All test images are "
               "of one class, so these accuracies do not show whether classes are told apart.");
    made_up_fill(&report);
    report.finetune_epochs[9].train_loss = 6e5;
    check_lead(&report.content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10 (10,000 "
               "images). On CIFAR-10-C gaussian_blur it is right on 65.4 % (50,000 rows of 10,000 images). "
               "Fine-tuning layer4 and fc on 20,000 shifted rows takes accuracy from 65.4 % to 70.4 % on shifted "
               "images it never saw, and takes it from 78.8 % to 78.6 % on clean ones it never saw (which may be "
               "chance). The training failed: its loss is worse than that of guessing.");
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

/* A verdict follows from the interval as printed: a change not visible in its digits is none. */
static void test_change_too_small_to_print(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    report_panel *before = &report.panels[2], *after = &report.panels[3];
    after->separation = before->separation;
    after->separation.silhouette += 0.003;
    after->separation.fisher += 0.3;
    after->n_seen = 0;
    after->change = (reshift_separation_change){{0, -0.01, 0.01}, {0.003, 0.001, 0.0049}, {0.3, 0.2, 0.4}, 6000};
    observe_change(&report.content, REPORT_CLEAN, &list);
    check_list(
        &list, "p",
        "Separation of the classes of CIFAR-10 in two dimensions: only one measure changed clearly. Overlap 59.0 % "
        "before, 59.0 % after (change -1.0 to +1.0); silhouette 0.00 before, 0.00 after (change 0.00 to 0.00); "
        "scatter between classes over scatter within 1.00 before, 1.30 after (change +0.20 to +0.40). The changes "
        "are 95 % intervals by image. The closest classes are cat and dog before and after (distance of their "
        "centres 0.41, then 0.41 spreads).");
}

/* Five versions of an image are not five images: a panel is judged by its number of images. */
static void test_panel_of_few_images(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    made_up_fill(&report);
    report.content.n_measurements = 0;
    made_up_measure(&report, REPORT_ORIGINAL, REPORT_SHIFT, 0, REPORT_ALL, 12, 60);
    report.measurements[0].accuracy.n_images = 12;
    report.panels[0].n = 60;
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(
        &list, "p",
        "Original network on CIFAR-10-C gaussian_blur: 60 points of 12 images in 10 classes are too few to judge "
        "separation: each image is a large part of its own class's centre. The two axes hold 34.7 % of the "
        "variance.");
    report.panels[0].separation.n_classes = 2; /* six images per class, and still only twelve */
    observe_panel(&report.content, &report.panels[0], &list);
    check_list(&list, "p",
               "Original network on CIFAR-10-C gaussian_blur: 60 points of 12 images in 2 classes are too few to judge "
               "separation. The two axes hold 34.7 % of the variance.");
    assert_true(panel_too_small(&report.content, &report.panels[0]));
    report.measurements[0].accuracy.n_images = 60;
    assert_false(panel_too_small(&report.content, &report.panels[0]));
}

/* Only statistics were recomputed: no sentence mentions fine-tuning or training. */
static void test_recalibrated(void **state)
{
    (void)state;
    observations list = {0};
    static made_up_report report;
    report_block blocks[3] = {
        {"layer3", false, {6, 0, 1200, 0, 0, 3}, {4, 0, 40, 0, 0, 2}},
        {"layer4", true, {6, 0, 5000, 0, 0, 10}, {4, 4, 80, 80, 1, 2}},
        {"fc", true, {2, 0, 100, 0, 0, 4}, {0, 0, 0, 0, 0, 0}},
    };
    made_up_fill(&report);
    report_content *content = &report.content;
    content->batchnorm = "recalibrate";
    content->blocks = blocks;
    content->n_blocks = 3;
    report.finetune.n_epochs = 0;
    *made_up_find(&report, REPORT_FINETUNED, REPORT_CLEAN, 0, REPORT_UNSEEN) = reshift_accuracy_of(4200, 6000);
    made_up_compare(&report);
    observe_moved(content, &list);
    check_list(
        &list, "ggp",
        "Every tensor outside the recalibrated block (layer4) is unchanged, byte for byte: 12 tensors, 1,340 "
        "values.",
        "Nothing was trained, and no weight of any block changed (14 tensors).",
        "Batch norm in the recalibrated blocks was recalibrated: its running means and variances were recomputed "
        "from the rows of recalibration. 4 of 8 running-statistics tensors changed; they are not trained and are "
        "counted apart from the weights.");
    blocks[1].weights.moved = 1;
    observe_moved(content, &list);
    assert_string_equal(list.items[1].words.bytes, "Nothing was trained, yet 1 of 14 weight tensors changed.");
    assert_int_equal(list.items[1].tone, OBSERVATION_WARNING);
    observations_destroy(&list);
    check_lead(content,
               "A frozen resnet50 with a linear probe on its features is right on 78.8 % of CIFAR-10 (10,000 "
               "images). On CIFAR-10-C gaussian_blur it is right on 65.4 % (50,000 rows of 10,000 images). "
               "Recomputing the batch norm statistics of layer4 on 20,000 shifted rows, without any training, "
               "takes accuracy from 65.4 % to 70.4 % on shifted images it never saw, and takes it from 78.8 % to "
               "70.0 % on clean ones it never saw.");
    for (int kind = 0; kind < 3; kind++) {
        report.split.kind = kind == 0 ? RESHIFT_SPLIT_BY_IMAGE : kind == 1 ? RESHIFT_SPLIT_APART : RESHIFT_SPLIT_BY_ROW;
        observe_split(content, &list);
        observe_gain(content, REPORT_SHIFT, &list);
        observe_gain(content, REPORT_CLEAN, &list);
        observe_change(content, REPORT_CLEAN, &list);
        observe_panel(content, &report.panels[3], &list);
        assert_true(list.n > 5);
        for (int i = 0; i < list.n; i++) {
            assert_null(strstr(list.items[i].words.bytes, "ine-tun"));
        }
        observations_destroy(&list);
    }
}

/* Both accuracies are printed alike; every block is trained. */
static void test_lead_without_change(void **state)
{
    (void)state;
    static made_up_report report;
    static const report_setting all[] = {{"finetune.train", "all"}};
    made_up_fill(&report);
    report.content.n_measurements = 0;
    report.content.settings = all;
    report.content.n_settings = 1;
    for (int model = 0; model < 2; model++) {
        made_up_measure(&report, (report_model)model, REPORT_CLEAN, 0, REPORT_UNSEEN, 2, 2);
        made_up_measure(&report, (report_model)model, REPORT_SHIFT, 0, REPORT_UNSEEN, 600, 1000);
    }
    made_up_compare(&report);
    check_lead(&report.content,
               "Fine-tuning all blocks on 20,000 shifted rows leaves accuracy at 60.0 % on shifted images "
               "it never saw, and leaves it at 100.0 % on clean ones it never saw (too few images to "
               "tell).");
    report.split = (reshift_split){.kind = RESHIFT_SPLIT_BY_ROW, .n_test_images = 100, .n_test_images_seen = 97};
    for (int model = 0; model < 2; model++) {
        made_up_measure(&report, (report_model)model, REPORT_SHIFT, 0, REPORT_ALL, 300, 500);
    }
    *made_up_find(&report, REPORT_FINETUNED, REPORT_SHIFT, 0, REPORT_UNSEEN) = reshift_accuracy_of(12, 15);
    made_up_compare(&report);
    check_lead(
        &report.content,
        "On CIFAR-10-C gaussian_blur it is right on 60.0 % (500 rows of 100 images). Fine-tuning all blocks on "
        "20,000 shifted rows leaves accuracy at 60.0 % on all shifted rows, seen ones included. But 97.0 % of the "
        "test images have a version among the rows of fine-tuning, so the accuracies after it are not to be "
        "trusted. On shifted versions of unseen images (15 rows of 3 images, too few to tell) it is 80.0 %.");
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *sign, *loss, *spread;
    } cases[] = {{0, "0.00", "0.000", "0.00"},
                 {-0.004, "0.00", "-0.004", "-0.00400"},
                 {3.14159, "+3.14", "3.142", "3.14"},
                 {-51.435, "-51.44", "-51.435", "-51.4"},
                 {490.4, "+490.40", "490.400", "490"},
                 {99999.4, "+99999.40", "1e+05", "99999"},
                 {8.1166e12, NULL, "8.12e+12", "8.12e+12"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_buffer text[3] = {{0}, {0}, {0}};
        text_add_signed(&text[0], cases[i].value, 2);
        text_add_loss(&text[1], cases[i].value, 3);
        text_add_spread(&text[2], cases[i].value);
        if (cases[i].sign) {
            assert_string_equal(text[0].bytes, cases[i].sign);
        }
        assert_string_equal(text[1].bytes, cases[i].loss);
        assert_string_equal(text[2].bytes, cases[i].spread);
        for (int j = 0; j < 3; j++) {
            text_destroy(&text[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed_tensors),
        cmocka_unit_test(test_panel),
        cmocka_unit_test(test_change),
        cmocka_unit_test(test_lead),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_change_too_small_to_print),
        cmocka_unit_test(test_panel_of_few_images),
        cmocka_unit_test(test_recalibrated),
        cmocka_unit_test(test_lead_without_change),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests_name("observations", tests, NULL, NULL);
}
