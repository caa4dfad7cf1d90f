/* The page: well-formed, complete, escaped, self-contained, the same bytes twice; missing parts; refusals. */
#include "folder.h"

#include <math.h>

#include "made_up_report.h"
#include "markup.h"
#include "reporting/figures.h"
#include "reshift/reporting.h"

static char *write_and_read(const report_content *content, size_t *size)
{
    reshift_error error;
    char *path = path_join(folder, "report.html");
    check_ok(report_write(content, path, true, &error));
    free(path);
    char *page = folder_read("report.html", size);
    markup_check(page);
    /* nothing is loaded or executed */
    assert_null(strstr(page, "http"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "src=\"/"));
    assert_null(strstr(page, "url("));
    assert_null(strstr(page, "nan"));
    return page;
}

static int count(const char *page, const char *words)
{
    int n = 0;
    for (const char *c = strstr(page, words); c; c = strstr(c + 1, words)) {
        n++;
    }
    return n;
}

/* Pages of photographs describe the storage of the corrupted images; those of CIFAR-10-C do not. */
static void test_jpeg_step(void **state)
{
    (void)state;
    static made_up_report report;
    size_t size;
    made_up_fill(&report);
    char *page = write_and_read(&report.content, &size);
    assert_int_equal(count(page, "JPEG"), 0);
    free(page);
    report.content.images[REPORT_CLEAN] = (reshift_image_facts){.input_size = 64, .resize = 73};
    report.content.images[REPORT_SHIFT] = (reshift_image_facts){.input_size = 64,
                                                                .resize = 73,
                                                                .corrupted = true,
                                                                .constants = RESHIFT_CONSTANTS_IMAGENET,
                                                                .crop_resize = 73,
                                                                .crop = 64,
                                                                .jpeg = 85};
    page = write_and_read(&report.content, &size);
    assert_int_equal(count(page,
                           "constants of ImageNet-C (224x224), after resize 73 and crop 64; stored as JPEG of quality "
                           "85, as ImageNet-C is"),
                     2);
    assert_int_equal(count(page, "Input of the network: images of 64x64 (resize 73, centre crop)."), 1);
    free(page);
}

/* With all pictures, drawn as in a run. */
static void test_whole_page(void **state)
{
    (void)state;
    reshift_error error;
    static made_up_report report;
    made_up_fill(&report);
    check_ok(reshift_history_plot(folder, "probe", "Linear probe", &report.probe, 0, true, &error));
    check_ok(reshift_history_plot(folder, "finetune", "Fine-tuning", &report.finetune, 0, true, &error));
    severity_point point = {1, reshift_accuracy_of(7, 10), reshift_accuracy_of(8, 10)};
    check_ok(figure_severity(folder, "severity", "By severity", &point, 1, true, &error));
    char *paths[6];
    static const char *const names[6] = {"probe-loss.svg",        "probe-accuracy.svg", "finetune-loss.svg",
                                         "finetune-accuracy.svg", "severity.svg",       "severity.png"};
    for (int i = 0; i < 6; i++) {
        paths[i] = path_join(folder, names[i]);
    }
    report.content.plots = (report_plots){paths[0], paths[1], paths[2], paths[3], paths[4], paths[5]};
    size_t size, again_size;
    char *page = write_and_read(&report.content, &size);
    assert_int_equal(count(page, "<img src=\"data:image/svg+xml;base64,"), 5);
    assert_int_equal(count(page, "<img src=\"data:image/png;base64,iVBORw0KGgo"), 1);
    assert_int_equal(count(page, " alt=\""), 6);
    static const char *const expected[] = {
        "<h1>seed</h1>",
        "<b>65.4&nbsp;% \xe2\x86\x92 70.4&nbsp;%</b>", /* the same images before and after */
        "<b>78.8&nbsp;% \xe2\x86\x92 78.6&nbsp;%</b>",
        "<span class=\"up\">change +5.0 points (+4.2 to +5.7)</span>",
        "<span>change \xe2\x88\x92"
        "0.2 points (\xe2\x88\x92"
        "0.7 to +0.3): may be chance</span>",
        "30,000 rows of 6,000 images never seen in fine-tuning",
        "id=\"probe\"",
        "id=\"shift\"",
        "id=\"finetune\"",
        "id=\"after\"",
        "id=\"features\"",
        "id=\"settings\"",
        "Overfitting: test accuracy was best in epoch 5",
        "the shift costs 13.38 points",
        "Split by image: fine-tuning used 20,000 rows",
        "<td>70.36&nbsp;%<small>69.2 to 71.5</small></td>",
        "<td class=\"edge\">30,000<small>of 6,000 images</small></td>",
        "<td class=\"up\">+4.94<small>+4.2 to +5.7</small></td>",
        ("<td>\xe2\x88\x92"
         "0.20<small>\xe2\x88\x92"
         "0.7 to +0.3</small></td>"),
        ("<td>\xe2\x88\x92"
         "0.080</td>"),
        "<td class=\"words\">cat, dog</td>",
        "resnet50 with 23,528,522 parameters and 2,048 features",
        "<th scope=\"row\">finetune.train</th><td class=\"value\">layer4, fc</td>",
        "reshift 0.1.0"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (!strstr(page, expected[i])) {
            fail_msg("the page lacks '%s'", expected[i]);
        }
    }
    char *again = write_and_read(&report.content, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(page, again, size);
    free(again);
    /* seconds depend on the machine: the page does not contain them */
    for (int i = 0; i < 30; i++) {
        report.probe_epochs[i].seconds *= 3;
    }
    again = write_and_read(&report.content, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(page, again, size);
    free(again);
    free(page);
    for (int i = 0; i < 6; i++) {
        free(paths[i]);
    }
    folder_empty();
}

static void test_hostile_text(void **state)
{
    (void)state;
    static made_up_report report;
    made_up_fill(&report);
    static const char *const names[10] = {
        "<script>alert(1)</script>", "\"><img src=x>", "a&b", "cat", NULL, "\xff\xfe"};
    static const report_setting settings[] = {{"<key>", "\"va'lue\" & </td>"}, {NULL, NULL}};
    report.content.name = "</title><script>alert(1)</script>";
    report.content.arch = report.content.weights = report.content.source = report.content.shift = "<i>&\"'";
    report.content.corruption = report.content.version = "</section>";
    report.content.class_names = names;
    report.content.settings = settings;
    report.content.n_settings = 2;
    report.panels[0].separation.nearest_a = 0;
    report.panels[0].separation.nearest_b = 1;
    report.panels[1].separation.nearest_a = 2;
    report.panels[1].separation.nearest_b = 5;
    size_t size;
    char *page = write_and_read(&report.content, &size);
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_non_null(strstr(page, "&quot;va&#39;lue&quot; &amp; &lt;/td&gt;"));
    assert_non_null(strstr(page, "\xef\xbf\xbd"));
    free(page);
    folder_empty();
}

static void test_moved_and_kept(void **state)
{
    (void)state;
    static made_up_report report;
    made_up_fill(&report);
    static const report_block blocks[2] = {
        {"layer3<", false, {6, 0, 1200, 0, 0, 3}, {4, 0, 40, 0, 0, 2}},
        {"fc", true, {2, 2, 20490, 20489, 0.05, 4}, {0, 0, 0, 0, 0, 0}},
    };
    size_t size;
    char *page = write_and_read(&report.content, &size);
    assert_null(strstr(page, "moved.csv"));
    assert_null(strstr(page, "validation loss"));
    free(page);
    report.content.blocks = blocks;
    report.content.n_blocks = 2;
    report.content.batchnorm = "frozen";
    for (int i = 0; i < 10; i++) {
        report.finetune_epochs[i].validation_loss = 0.5;
        report.finetune_epochs[i].validation_accuracy = i == 3 ? 0.8125 : 0.8;
    }
    report.content.finetune.n_validation = 400;
    report.content.finetune.kept = reshift_history_best(&report.finetune);
    page = write_and_read(&report.content, &size);
    static const char *const expected[] = {
        "<a href=\"weights/moved.csv\">",
        "Every tensor outside the trained block (fc) is unchanged, byte for byte: 10 tensors, 1,240 values.",
        ("<tr class=\"sum\"><th scope=\"row\">fc, trained</th><td class=\"edge\">2<small>of "
         "2</small></td><td>20,489<small>of 20,490</small></td>"
         "<td>1.2&nbsp;%</td><td class=\"edge\">\xe2\x80\x93</td>"),
        "<th scope=\"row\">layer3&lt;</th><td class=\"edge\">0<small>of 6</small></td><td>0<small>of "
        "1,200</small></td><td>\xe2\x80\x93</td>",
        "The weights of epoch 4 are kept: ",
        "<th scope=\"col\">validation accuracy</th>",
        "<tr class=\"sum\"><th scope=\"row\">4 (kept)</th>",
        "<td>81.25&nbsp;%</td>"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (!strstr(page, expected[i])) {
            fail_msg("the page lacks '%s'", expected[i]);
        }
    }
    free(page);
    folder_empty();
}

/* An unfinished run: everything missing; and single parts. */
static void test_missing_parts(void **state)
{
    (void)state;
    report_content nothing = {0};
    size_t size;
    char *page = write_and_read(&nothing, &size);
    assert_non_null(strstr(page, "Nothing has been measured in this run."));
    assert_non_null(strstr(page, "There is no history of the probe in this run."));
    assert_null(strstr(page, "id=\"features\""));
    free(page);
    static made_up_report report;
    made_up_fill(&report);
    report.content.split = NULL;
    report.content.finetune.history = NULL;
    for (int i = 0; i < report.content.n_measurements; i++) {
        report.measurements[i].accuracy = reshift_accuracy_of(0, 0);
    }
    for (int i = 0; i < 4; i++) {
        report.panels[i].separation = (reshift_separation){NAN, NAN, NAN, NAN, -1, -1, NAN, NAN, -1, 0};
    }
    for (int i = 0; i < 30; i++) {
        report.probe_epochs[i].test_loss = report.probe_epochs[i].test_accuracy = NAN;
    }
    page = write_and_read(&report.content, &size);
    assert_non_null(strstr(page, "separation could not be measured"));
    free(page);
    folder_empty();
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    static made_up_report report;
    made_up_fill(&report);
    char *path = path_join(folder, "report.html"), *picture = path_join(folder, "picture.svg");
    report.content.plots.panels = picture;
    check_error(report_write(&report.content, path, false, &error), RESHIFT_ERROR_NOT_FOUND, "picture.svg");
    check_ok(file_write_all(picture, "GIF89a", 6, false, &error));
    check_error(report_write(&report.content, path, false, &error), RESHIFT_ERROR_FORMAT, "expected PNG or SVG");
    check_ok(file_write_all(picture, "see <svg></svg>", 15, true, &error));
    check_error(report_write(&report.content, path, false, &error), RESHIFT_ERROR_FORMAT, "expected PNG or SVG");
    check_ok(file_write_all(picture, "", 0, true, &error));
    check_error(report_write(&report.content, path, false, &error), RESHIFT_ERROR_FORMAT, "picture.svg");
    assert_false(folder_has("report.html"));
    check_ok(file_write_all(picture, "<svg></svg>", 11, true, &error));
    check_ok(report_write(&report.content, path, false, &error));
    check_error(report_write(&report.content, path, false, &error), RESHIFT_ERROR_EXISTS, "report.html");
    free(path);
    free(picture);
    folder_empty();
}

static void test_find(void **state)
{
    (void)state;
    static made_up_report report;
    made_up_fill(&report);
    assert_int_equal(report_find(&report.content, REPORT_FINETUNED, REPORT_SHIFT, 5, REPORT_UNSEEN)->correct, 3690);
    assert_int_equal(report_find(&report.content, REPORT_ORIGINAL, REPORT_CLEAN, 0, REPORT_ALL)->n, 10000);
    assert_null(report_find(&report.content, REPORT_ORIGINAL, REPORT_CLEAN, 3, REPORT_ALL));
}

/* Number of occurrences of `words`. */
static int count_of(const char *page, const char *words)
{
    int n = 0;
    for (const char *at = page; (at = strstr(at, words)); at++) {
        n++;
    }
    return n;
}

/*
 * Without seen rows, or without unseen ones, one half of the table would repeat the other; a single severity needs no
 * total.
 */
static void test_table_without_repeats(void **state)
{
    (void)state;
    static made_up_report report;
    size_t size;
    for (int missing = 0; missing < 3; missing++) { /* none, seen rows, unseen rows */
        made_up_fill(&report);
        for (int i = 0; i < report.content.n_measurements; i++) {
            report_measurement *m = &report.measurements[i];
            if ((missing == 1 && m->subset == REPORT_SEEN) || (missing == 2 && m->subset == REPORT_UNSEEN)) {
                m->accuracy = reshift_accuracy_of(0, 0);
            }
        }
        char *page = write_and_read(&report.content, &size);
        assert_int_equal(count_of(page, ">images never seen in fine-tuning</th>"), missing != 2);
        assert_int_equal(count_of(page, ">all rows, seen ones included</th>"), missing != 1);
        assert_int_equal(count_of(page, "<th scope=\"row\">all severities</th>"), 2);
        free(page);
        folder_empty();
    }
    made_up_fill(&report);
    for (int i = 0; i < report.content.n_measurements; i++) {
        if (report.measurements[i].severity > 0 && report.measurements[i].severity < 5) {
            report.measurements[i].accuracy = reshift_accuracy_of(0, 0);
        }
    }
    char *page = write_and_read(&report.content, &size);
    assert_int_equal(count_of(page, "<th scope=\"row\">all severities</th>"), 0);
    free(page);
    folder_empty();
}

/*
 * A panel of few images has dashes for values that are artefacts of single points; a diverged training has no long
 * numbers.
 */
static void test_extreme_numbers(void **state)
{
    (void)state;
    static made_up_report report;
    size_t size;
    made_up_fill(&report);
    report.panels[2].n = 20; /* ten classes */
    report.panels[3].separation.spread = 8116637614485;
    report.finetune_epochs[0].train_loss = 6178696357285766;
    char *page = write_and_read(&report.content, &size);
    assert_int_equal(
        count_of(page, "clean, original</th><td>20</td><td>\xe2\x80\x93</td><td>\xe2\x80\x93</td><td>\xe2\x80\x93"
                       "</td><td>\xe2\x80\x93</td><td class=\"words\">\xe2\x80\x93</td><td>\xe2\x80\x93</td>"
                       "<td class=\"words\">\xe2\x80\x93</td><td>"),
        1);
    assert_int_equal(count_of(page, "<td>8.12e+12</td>"), 1);
    assert_int_equal(count_of(page, "<td>6.18e+15</td>"), 1);
    assert_null(strstr(page, "8116637"));
    assert_null(strstr(page, "6178696"));
    free(page);
    folder_empty();
}

/* Statistics only: headings, tables and tiles do not mention fine-tuning, and fc has nothing to recalibrate. */
static void test_recalibrated_page(void **state)
{
    (void)state;
    static made_up_report report;
    size_t size;
    static const report_block blocks[2] = {
        {"layer4", true, {6, 0, 1200, 0, 0, 3}, {4, 4, 40, 40, 1, 2}},
        {"fc", true, {2, 0, 20490, 0, 0, 4}, {0, 0, 0, 0, 0, 0}},
    };
    made_up_fill(&report);
    report.content.blocks = blocks;
    report.content.n_blocks = 2;
    report.content.batchnorm = "recalibrate";
    report.content.finetune.untrained = "the experiment has 0 epochs";
    report.finetune.n_epochs = 0;
    report.content.n_settings = 0;
    char *page = write_and_read(&report.content, &size);
    assert_null(strstr(page, "ine-tun"));
    assert_non_null(strstr(page, "<h2>Recalibration</h2>"));
    assert_non_null(strstr(page, "layer4, recalibrated</th>"));
    assert_non_null(strstr(page, "<th scope=\"row\">fc</th>"));
    free(page);
    folder_empty();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpeg_step),
        cmocka_unit_test(test_whole_page),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_missing_parts),
        cmocka_unit_test(test_moved_and_kept),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_table_without_repeats),
        cmocka_unit_test(test_extreme_numbers),
        cmocka_unit_test(test_recalibrated_page),
    };
    return cmocka_run_group_tests_name("report", tests, folder_setup, folder_teardown);
}
