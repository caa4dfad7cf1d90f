/*
 * Figures: all files exist, the same bytes twice and from the script alone, text that could break a script, refusals.
 */
#include "folder.h"

#include <math.h>

#include "base/random.h"
#include "markup.h"
#include "reporting/figures.h"
#include "reshift/image.h"
#include "reshift/reporting.h"

static reshift_history made_up_history(reshift_epoch *epochs, int n, bool test)
{
    for (int i = 0; i < n; i++) {
        double t = test ? 1 : NAN;
        epochs[i] = (reshift_epoch){i + 1,
                                    0.3 + 0.5 * exp(-i / 4.0),
                                    0.89 - 0.12 * exp(-i / 6.0),
                                    t * (0.6 + 0.01 * i),
                                    t * (0.8 - 0.001 * (i - 4) * (i - 4)),
                                    1.5 * i,
                                    NAN,
                                    NAN};
    }
    return (reshift_history){.epochs = epochs, .n_epochs = n};
}

/* Width and height from a PNG's first chunk. */
static void check_png(const char *name, uint32_t width, uint32_t height)
{
    size_t size;
    unsigned char *bytes = (unsigned char *)folder_read(name, &size);
    assert_true(size > 1000);
    assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal((uint32_t)bytes[16] << 24 | bytes[17] << 16 | bytes[18] << 8 | bytes[19], width);
    assert_int_equal((uint32_t)bytes[20] << 24 | bytes[21] << 16 | bytes[22] << 8 | bytes[23], height);
    free(bytes);
}

static void check_svg(const char *name, size_t most)
{
    size_t size;
    char *bytes = folder_read(name, &size);
    assert_true(size > 1000 && size < most);
    markup_check(bytes);
    free(bytes);
}

/* Draws again, by the call and by the script alone: the pictures must be byte for byte equal. */
static void check_same_bytes(const char *const *pictures, const char *script, void (*draw)(void))
{
    char *before[4];
    size_t sizes[4];
    for (int i = 0; pictures[i]; i++) {
        before[i] = folder_read(pictures[i], &sizes[i]);
    }
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 0) {
            draw();
        } else {
            for (int i = 0; pictures[i]; i++) {
                char *path = path_join(folder, pictures[i]);
                size_t length = strlen(path);
                if (strcmp(path + length - 3, "svg") != 0 || strstr(script, "pca") == NULL) {
                    unlink(path); /* the panels' SVG is not gnuplot's */
                }
                free(path);
            }
            char *command = NULL;
            assert_true(asprintf(&command, "cd '%s' && gnuplot -d '%s'", folder, script) > 0);
            assert_int_equal(system(command), 0);
            free(command);
        }
        for (int i = 0; pictures[i]; i++) {
            size_t size;
            char *after = folder_read(pictures[i], &size);
            assert_int_equal(size, sizes[i]);
            assert_memory_equal(after, before[i], size);
            free(after);
        }
    }
    for (int i = 0; pictures[i]; i++) {
        free(before[i]);
    }
}

static void draw_probe(void)
{
    reshift_error error;
    reshift_epoch epochs[30];
    reshift_history history = made_up_history(epochs, 30, true);
    check_ok(reshift_history_plot(folder, "probe", "Linear probe", &history, 0, true, &error));
}

static void test_history(void **state)
{
    (void)state;
    draw_probe();
    assert_int_equal(folder_count("probe"), 7);
    assert_int_equal(folder_count("part"), 0);
    check_png("probe-loss.png", 1120, 800);
    check_png("probe-accuracy.png", 1120, 800);
    check_svg("probe-loss.svg", 60000);
    check_svg("probe-accuracy.svg", 60000);
    size_t size;
    char *data = folder_read("probe.csv", &size);
    assert_non_null(strstr(data, "epoch,train_loss,train_accuracy,test_loss,test_accuracy\n1,0.8,0.77,0.6,0.784\n"));
    assert_null(strstr(data, "seconds")); /* they differ between runs */
    free(data);
    char *script = folder_read("probe-accuracy.gp", &size);
    assert_non_null(strstr(script, "best test 80.0 % (epoch 5)"));
    free(script);
    check_same_bytes((const char *const[]){"probe-accuracy.png", "probe-accuracy.svg", NULL}, "probe-accuracy.gp",
                     draw_probe);
    check_same_bytes((const char *const[]){"probe-loss.png", "probe-loss.svg", NULL}, "probe-loss.gp", draw_probe);
    folder_empty();
}

static void draw_validated(void)
{
    reshift_error error;
    reshift_epoch epochs[10];
    reshift_history history = made_up_history(epochs, 10, true);
    for (int i = 0; i < 10; i++) {
        epochs[i].validation_loss = 0.5 + 0.01 * (i - 6) * (i - 6);
        epochs[i].validation_accuracy = 0.82 - 0.002 * (i - 6) * (i - 6);
    }
    check_ok(reshift_history_plot(folder, "finetune", "Fine-tuning", &history, 7, true, &error));
}

/* A third line; the mark is at the epoch chosen by validation, not at the best on the test set. */
static void test_validation(void **state)
{
    (void)state;
    size_t size;
    draw_validated();
    char *data = folder_read("finetune.csv", &size);
    assert_non_null(strstr(data, "test_accuracy,validation_loss,validation_accuracy\n1,"));
    assert_non_null(strstr(data, ",0.5,0.82\n8,"));
    free(data);
    char *script = folder_read("finetune-accuracy.gp", &size);
    assert_non_null(strstr(script, "'validation'"));
    assert_non_null(strstr(script, "kept: epoch 7, 82.0 %"));
    assert_non_null(strstr(script, "$ring << end\n7,82\nend\n"));
    assert_non_null(strstr(script, "using 1:(100*$7)"));
    assert_null(strstr(script, "best test"));
    free(script);
    script = folder_read("finetune-loss.gp", &size);
    assert_non_null(strstr(script, "$ring << end\n7,0.5\nend\n"));
    assert_non_null(strstr(script, "using 1:(1*$6)"));
    free(script);
    check_same_bytes((const char *const[]){"finetune-accuracy.png", "finetune-accuracy.svg", NULL},
                     "finetune-accuracy.gp", draw_validated);
    folder_empty();
}

/* One epoch, no test set, constant values, a hundred epochs, and no value at all. */
static void test_odd_histories(void **state)
{
    (void)state;
    reshift_error error;
    reshift_epoch epochs[100];
    reshift_history history = made_up_history(epochs, 1, true);
    check_ok(reshift_history_plot(folder, "one", "One", &history, 0, false, &error));
    history = made_up_history(epochs, 100, false);
    check_ok(reshift_history_plot(folder, "hundred", "Hundred", &history, 0, false, &error));
    for (int i = 0; i < 3; i++) {
        epochs[i] = (reshift_epoch){i + 1, 0, 1, 0, 1, 0, NAN, NAN};
    }
    history.n_epochs = 3;
    check_ok(reshift_history_plot(folder, "constant", "Constant", &history, 0, false, &error));
    for (int i = 0; i < 3; i++) {
        epochs[i] = (reshift_epoch){i + 1, NAN, NAN, NAN, NAN, 0, NAN, NAN};
    }
    check_ok(reshift_history_plot(folder, "none", "None", &history, 0, false, &error));
    assert_int_equal(folder_count(".svg"), 8);
    history.n_epochs = 0;
    check_error(reshift_history_plot(folder, "empty", "Empty", &history, 0, false, &error), RESHIFT_ERROR_ARGUMENT,
                "none");
    folder_empty();
}

/* A title is plain text: nothing is executed or replaced, and pictures stay well-formed. */
static void test_hostile_text(void **state)
{
    (void)state;
    reshift_error error;
    reshift_epoch epochs[3];
    reshift_history history = made_up_history(epochs, 3, true);
    check_ok(reshift_history_plot(folder, "it's <b>", "'; system('touch x') # `touch y` @z \\n & <b> \xff\n%s",
                                  &history, 0, false, &error));
    assert_false(folder_has("x") || folder_has("y"));
    assert_int_equal(folder_count("it's <b>"), 7);
    check_svg("it's <b>-loss.svg", 60000);
    folder_empty();
    float points[] = {0, 0, 1, 1, 2, 0};
    int labels[] = {0, 1, 1};
    const char *names[] = {"'; system('touch x') `touch y`", "<script>&\xff"};
    reshift_panel panel = {"'`touch y`' <i>", points, labels, NULL, 3, {0.5, 0.25}};
    check_ok(reshift_panels_plot(folder, "pca's", "a & b </svg> 'c'", &panel, 1, 2, names, 2, false, &error));
    assert_false(folder_has("x") || folder_has("y"));
    check_svg("pca's.svg", 60000);
    static const char *const bad_names[] = {"", "a/b", "../x", ".hidden", "a\nb"};
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
        check_error(reshift_history_plot(folder, bad_names[i], "t", &history, 0, false, &error), RESHIFT_ERROR_ARGUMENT,
                    "figure name");
    }
    folder_empty();
}

static void test_never_overwrites(void **state)
{
    (void)state;
    reshift_error error;
    reshift_epoch epochs[3];
    reshift_history history = made_up_history(epochs, 3, true);
    char *path = path_join(folder, "probe-accuracy.svg");
    check_ok(file_write_all(path, "mine", 4, false, &error));
    check_error(reshift_history_plot(folder, "probe", "t", &history, 0, false, &error), RESHIFT_ERROR_EXISTS,
                "probe-accuracy.svg");
    assert_int_equal(folder_count(""), 1); /* refused before anything was written */
    free(path);
    folder_empty();
}

/* `gnuplot` missing or failing: the error says so, and no complete or partial picture is left. */
static void test_gnuplot_fails(void **state)
{
    (void)state;
    reshift_error error;
    reshift_epoch epochs[3];
    reshift_history history = made_up_history(epochs, 3, true);
    char *kept = strdup(getenv("PATH")), *path = NULL, *both = NULL;
    setenv("PATH", "/nonexistent", 1);
    check_error(reshift_history_plot(folder, "probe", "t", &history, 0, true, &error), RESHIFT_ERROR_NOT_FOUND,
                "cannot start gnuplot");
    assert_non_null(strstr(error.hint, "install gnuplot"));
    assert_non_null(strstr(error.hint, "probe-loss.gp"));
    folder_empty();
    path = path_join(folder, "gnuplot");
    FILE *fake = fopen(path, "w");
    fprintf(fake, "#!/bin/sh\necho some >/dev/fd/10\necho 'line 3:' >&2\necho '  no such terminal' >&2\nexit "
                  "3\n");
    fclose(fake);
    chmod(path, 0700);
    assert_true(asprintf(&both, "%s:%s", folder, kept) > 0);
    setenv("PATH", both, 1);
    check_error(reshift_history_plot(folder, "probe", "t", &history, 0, true, &error), RESHIFT_ERROR_IO,
                "(exit 3): line 3: no such terminal");
    assert_int_equal(folder_count("png") + folder_count("svg") + folder_count("part"), 0);
    /* gnuplot ignores failed writes, also in the middle of a picture: it must not write to a disk */
    fake = fopen(path, "w");
    fprintf(fake,
            "#!/bin/sh\nfor fd in 10 11; do case $(readlink /proc/self/fd/$fd) in /memfd:*) ;; *) exit 4; esac; done\n"
            "for fd in 10 11; do echo cut >/dev/fd/$fd; done\n");
    fclose(fake);
    check_error(reshift_history_plot(folder, "probe", "t", &history, 0, true, &error), RESHIFT_ERROR_IO,
                "probe-loss.png': gnuplot left it cut short");
    assert_int_equal(folder_count("png") + folder_count("svg") + folder_count("part"), 0);
    fake = fopen(path, "w");
    fprintf(fake, "#!/bin/sh\nexit 0\n");
    fclose(fake);
    check_error(reshift_history_plot(folder, "probe", "t", &history, 0, true, &error), RESHIFT_ERROR_NOT_FOUND,
                "left no picture");
    setenv("PATH", kept, 1);
    free(kept);
    free(path);
    free(both);
    folder_empty();
}

static void draw_severities(void)
{
    reshift_error error;
    severity_point points[6] = {{0}};
    for (int s = 0; s < 6; s++) {
        points[s].severity = s;
        points[s].before = reshift_accuracy_of(8000 - 1000 * s, 10000);
        points[s].after = s == 3 ? reshift_accuracy_of(0, 0) : reshift_accuracy_of(5000 - 100 * s, 6000);
    }
    check_ok(figure_severity(folder, "severity", "Accuracy by severity", points, 6, true, &error));
}

static void test_severity(void **state)
{
    (void)state;
    draw_severities();
    assert_int_equal(folder_count("severity"), 4);
    check_png("severity.png", 1120, 800);
    check_svg("severity.svg", 60000);
    check_same_bytes((const char *const[]){"severity.png", "severity.svg", NULL}, "severity.gp", draw_severities);
    reshift_error error;
    severity_point none = {.severity = 1};
    check_error(figure_severity(folder, "severity", "t", &none, 1, true, &error), RESHIFT_ERROR_ARGUMENT, "none");
    none.after = reshift_accuracy_of(1, 2);
    check_ok(figure_severity(folder, "after", "t", &none, 1, true, &error));
    folder_empty();
}

enum { n_points = 10000 };
static const char *const class_names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                          "dog",      "frog",       "horse", "ship", "truck"};

/* 4 x 10,000 points, ten classes in clusters, two fifths of them seen. */
static void draw_panels(void)
{
    reshift_error error;
    reshift_panel panels[4];
    for (int p = 0; p < 4; p++) {
        float *x = malloc(n_points * 2 * sizeof *x);
        int *labels = malloc(n_points * sizeof *labels);
        uint8_t *seen = malloc(n_points);
        random_stream stream = random_open(1, "points", 0, (uint64_t)p);
        for (int i = 0; i < n_points; i++) {
            labels[i] = i % 10;
            x[2 * i] = (float)(random_gaussian(&stream) + p * cos(labels[i]));
            x[2 * i + 1] = (float)(random_gaussian(&stream) + p * sin(labels[i]));
            seen[i] = i % 5 < 2;
        }
        panels[p] = (reshift_panel){"a panel", x, labels, seen, n_points, {0.25, 0.125}};
    }
    check_ok(reshift_panels_plot(folder, "pca", "Four panels", panels, 4, 2, class_names, 10, true, &error));
    for (int p = 0; p < 4; p++) {
        free((void *)(uintptr_t)panels[p].coordinates);
        free((void *)(uintptr_t)panels[p].labels);
        free((void *)(uintptr_t)panels[p].marked);
    }
}

static const char *const heat_rows[] = {"fc", "it's, \"all\"\nblocks"};
static const char *const heat_columns[] = {"gaussian_noise", "fog", "`ls`"};
static const double heat_values[] = {0.4, 0.4825, NAN, 0.8, 0.123456, 1};

static void draw_heat(void)
{
    reshift_error error;
    const reshift_heatmap map = {"accuracy (%)", heat_rows, heat_columns, 2, 3, heat_values, false, NULL};
    check_ok(reshift_heatmap_plot(folder, "heat", "Blocks by corruption", &map, true, &error));
}

static void test_heatmap(void **state)
{
    (void)state;
    reshift_error error;
    draw_heat();
    assert_int_equal(folder_count("heat"), 4);
    check_svg("heat.svg", 60000);
    size_t size;
    char *svg = folder_read("heat.svg", &size);
    assert_non_null(strstr(svg, "12.3")); /* every value is in its cell, a missing one nowhere */
    assert_non_null(strstr(svg, "100.0"));
    assert_non_null(strstr(svg, "48.3")); /* 193 of 400, rounded half up as everywhere */
    assert_null(strstr(svg, ">nan"));
    free(svg);
    char *data = folder_read("heat.csv", &size);
    assert_non_null(strstr(data, "0,2,nan,nan,nan,fc,`ls`\n"));
    assert_non_null(strstr(data, "1,1,12.3456,0,0,it's   all  blocks,fog\n"));
    free(data);
    check_same_bytes((const char *const[]){"heat.png", "heat.svg", NULL}, "heat.gp", draw_heat);
    /* a missing value that is the first one, or the last one, or all but one */
    static const double holes[][2] = {{NAN, 0.12}, {0.12, NAN}};
    for (int i = 0; i < 2; i++) {
        const reshift_heatmap holed = {"holes", heat_rows, heat_columns, 1, 2, holes[i], false, NULL};
        check_ok(reshift_heatmap_plot(folder, "holes", "t", &holed, true, &error));
        char *drawn = folder_read("holes.svg", &size);
        assert_non_null(strstr(drawn, "12.0"));
        free(drawn);
    }
    const double changes[] = {-0.02, 0.01};
    reshift_heatmap map = {"change (points)", heat_rows, heat_columns, 1, 2, changes, true, NULL};
    check_ok(reshift_heatmap_plot(folder, "change", "t", &map, false, &error));
    char *change = folder_read("change.svg", &size);
    assert_non_null(strstr(change, "+1.0"));
    assert_null(strstr(change, "217, 217, 217"));
    free(change);
    map.unclear = (const uint8_t[]){1, 0}; /* a change that is not significant has no colour of its own */
    check_ok(reshift_heatmap_plot(folder, "change", "t", &map, true, &error));
    change = folder_read("change.svg", &size);
    assert_non_null(strstr(change, "217, 217, 217"));
    assert_non_null(strstr(change, "-2.0"));
    free(change);
    data = folder_read("change.csv", &size);
    assert_non_null(strstr(data, "0,0,-2,0,1,"));
    free(data);
    for (int alone = 0; alone < 2; alone++) { /* one cell, with text of one colour only: accuracy light, change dark */
        map = (reshift_heatmap){"one", heat_rows, heat_columns, 1, 1, &changes[1], alone == 1, NULL};
        check_ok(reshift_heatmap_plot(folder, "one", "t", &map, true, &error));
        char *one = folder_read("one.svg", &size);
        assert_non_null(strstr(one, alone ? "+1.0" : "1.0"));
        free(one);
    }
    map.n_rows = 0;
    map.n_columns = 2;
    check_error(reshift_heatmap_plot(folder, "no", "t", &map, true, &error), RESHIFT_ERROR_ARGUMENT, "found 0 and 2");
    map = (reshift_heatmap){"none", heat_rows, heat_columns, 1, 1, &heat_values[2], false, NULL};
    check_error(reshift_heatmap_plot(folder, "no", "t", &map, true, &error), RESHIFT_ERROR_ARGUMENT, "found none");
    folder_empty();
}

/* A long title and a long name under the last column are drawn completely: nothing touches the picture's edge. */
static void test_heatmap_text_fits(void **state)
{
    (void)state;
    reshift_error error;
    static const char *const columns[] = {"fog", "jpeg_compression"};
    static const double values[] = {0.1, 0.2, 0.3, 0.4};
    const reshift_heatmap map = {"accuracy after less before (points)", heat_rows, columns, 2, 2, values, true, NULL};
    check_ok(reshift_heatmap_plot(folder, "long", "What fine-tuning changed on shifted images", &map, true, &error));
    char path[512];
    snprintf(path, sizeof path, "%s/long.png", folder);
    reshift_image image = {0};
    check_ok(reshift_image_load(path, &image, &error));
    for (int y = 0; y < image.height; y++) {
        for (int x = 0; x < image.width; x++) {
            bool edge = x < 4 || y < 4 || x >= image.width - 4 || y >= image.height - 4;
            const uint8_t *pixel = image.pixels + 3 * ((size_t)y * (size_t)image.width + (size_t)x);
            if (edge && (pixel[0] != 255 || pixel[1] != 255 || pixel[2] != 255)) {
                fail_msg("something is drawn at (%d,%d) of %dx%d", x, y, image.width, image.height);
            }
        }
    }
    reshift_image_destroy(&image);
    folder_empty();
}

static void test_panels(void **state)
{
    (void)state;
    draw_panels();
    assert_int_equal(folder_count("pca"), 7);
    check_png("pca.png", 1600, 1400);
    check_svg("pca.svg", 1 << 20);
    size_t size;
    char *svg = folder_read("pca.svg", &size);
    assert_non_null(strstr(svg, ">PC 1 (25.0 %)<"));
    assert_non_null(strstr(svg, ">PC 2 (12.5 %)<"));
    assert_non_null(strstr(svg, ">automobile<"));
    assert_non_null(strstr(svg, ">seen in fine-tuning<"));
    free(svg);
    char *data = folder_read("pca-4.csv", &size);
    int lines = 0;
    for (const char *c = data; *c; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, n_points + 1);
    free(data);
    check_same_bytes((const char *const[]){"pca.png", "pca.svg", NULL}, "pca.gp", draw_panels);
    folder_empty();
}

/* The dots in the SVG's paths: their number, and their bounding box (left, right, top, bottom) in px. */
static int read_dots(const char *svg, double box[4])
{
    int found = 0;
    box[0] = box[2] = 1e9;
    box[1] = box[3] = -1e9;
    for (const char *path = strstr(svg, "<path class=\"u\""); path; path = strstr(path + 1, "<path class=\"u\"")) {
        double x = 0, y = 0;
        for (const char *c = strstr(path, " d=\"") + 4; *c == 'm'; found++) {
            char *end;
            x += strtod(c + 1, &end) / 2;
            y += strtod(end, &end) / 2;
            box[0] = fmin(box[0], x);
            box[1] = fmax(box[1], x);
            box[2] = fmin(box[2], y);
            box[3] = fmax(box[3], y);
            if (strncmp(end, "h0", 2) != 0) {
                return -1;
            }
            c = end + 2;
        }
    }
    return found;
}

/* Every point of a panel is in the SVG, at its position. */
static void test_svg_points(void **state)
{
    (void)state;
    reshift_error error;
    enum { side = 21, n = side * side }; /* a grid from 0 to 10: no two points coincide */
    float points[2 * n];
    int labels[n];
    for (int i = 0; i < n; i++) {
        points[2 * i] = 0.5F * (float)(i % side);
        points[2 * i + 1] = 0.5F * (float)(i / side);
        labels[i] = 0;
    }
    reshift_panel panel = {"grid", points, labels, NULL, n, {0.5, 0.5}};
    check_ok(reshift_panels_plot(folder, "pca", "t", &panel, 1, 1, NULL, 1, true, &error));
    size_t size;
    char *svg = folder_read("pca.svg", &size);
    double box[4];
    assert_int_equal(read_dots(svg, box), n);
    free(svg);
    /*
     * one panel: plot from x 86 to 974 and y 110 to 584, a margin of 3 % of the range (3/106 of the plot) on every side
     */
    assert_true(fabs(box[0] - (86 + 888 * 3 / 106.0)) <= 0.25 && fabs(box[1] - (974 - 888 * 3 / 106.0)) <= 0.25);
    assert_true(fabs(box[2] - (110 + 474 * 3 / 106.0)) <= 0.25 && fabs(box[3] - (584 - 474 * 3 / 106.0)) <= 0.25);
    folder_empty();
}

/* No rows, one row, a hundred classes with long names, all points at one position. */
static void test_odd_panels(void **state)
{
    (void)state;
    reshift_error error;
    enum { n = 300 };
    float *points = calloc(2 * n, sizeof *points);
    int labels[n];
    const char *names[100];
    for (int i = 0; i < n; i++) {
        labels[i] = i % 100;
    }
    for (int i = 0; i < 100; i++) {
        names[i] = i % 3 ? "caf\xc3\xa9 au lait, very sweet and hot" : NULL;
    }
    reshift_panel panels[3] = {{"none", points, labels, NULL, 0, {0, 0}},
                               {"one", points, labels, NULL, 1, {0, 0}},
                               {"all in one place", points, labels, NULL, n, {0, 0}}};
    check_ok(reshift_panels_plot(folder, "pca", "t", panels, 3, 2, names, 100, true, &error));
    check_svg("pca.svg", 1 << 20);
    size_t size;
    char *svg = folder_read("pca.svg", &size);
    assert_non_null(strstr(svg, ">no rows<"));
    assert_non_null(strstr(svg, ">and 61 more<"));
    assert_non_null(strstr(svg, ">caf\xc3\xa9 au lait, very swee\xe2\x80\xa6<"));
    free(svg);
    points[2 * 7 + 1] = NAN;
    check_error(reshift_panels_plot(folder, "pca", "t", panels, 3, 2, names, 100, true, &error), RESHIFT_ERROR_NUMERIC,
                "panel 3: row 7");
    points[2 * 7 + 1] = 0;
    labels[0] = -1;
    check_error(reshift_panels_plot(folder, "pca", "t", panels, 3, 2, names, 100, true, &error), RESHIFT_ERROR_SHAPE,
                "panel 2: label of row 0");
    check_error(reshift_panels_plot(folder, "pca", "t", panels, 0, 2, names, 100, true, &error), RESHIFT_ERROR_ARGUMENT,
                "found 0");
    free(points);
    folder_empty();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history),           cmocka_unit_test(test_validation),
        cmocka_unit_test(test_odd_histories),     cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_never_overwrites),  cmocka_unit_test(test_gnuplot_fails),
        cmocka_unit_test(test_severity),          cmocka_unit_test(test_heatmap),
        cmocka_unit_test(test_heatmap_text_fits), cmocka_unit_test(test_panels),
        cmocka_unit_test(test_svg_points),        cmocka_unit_test(test_odd_panels),
    };
    return cmocka_run_group_tests_name("figures", tests, folder_setup, folder_teardown);
}
