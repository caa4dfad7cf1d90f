/* Baselines: AlexNet's own errors, RobustBench's table where it is there and one of its layout made here; every way of
 * being wrong. */
#include "check.h"

#include <math.h>
#include <unistd.h>

#include "reshift/corruption.h"
#include "reshift/evaluation.h"

static char folder[] = "/tmp/reshift-baseline-XXXXXX";
static char path[64];

static void save(const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0 && fclose(out) == 0);
}

/*
 * A table of two networks: the columns run backwards through the corruptions; accuracy 0.9 - 0.01 corruption - 0.02
 * severity for "one", and for "Standard" 0.5 everywhere. Each flaw changes one thing.
 */
typedef struct flaw {
    int n_corruptions, skip, repeat, skip_severity; /* columns */
    const char *field;                              /* instead of the first network's third accuracy */
    const char *second;                             /* instead of the second network's name */
    bool short_row;
} flaw;

static const flaw flawless = {15, -1, -1, 0, NULL, "Standard", false};

static void write_table(const flaw *f, char *text)
{
    int count, columns[128][2], n = 0;
    const reshift_corruption *known = reshift_corruption_table(&count);
    for (int c = f->n_corruptions - 1; c >= 0; c--) {
        for (int s = 1; s <= 5; s++) {
            if (c != f->skip && !(s == f->skip_severity && c == 3)) {
                columns[n][0] = c, columns[n++][1] = s;
                if (c == f->repeat && s == 2) {
                    columns[n][0] = c, columns[n++][1] = s;
                }
            }
        }
    }
    char *at = text;
    for (int i = 0; i < n; i++) {
        at += sprintf(at, ",%s", known[columns[i][0]].name);
    }
    at += sprintf(at, "\r\n");
    for (int i = 0; i < n; i++) {
        at += sprintf(at, ",%d", columns[i][1]);
    }
    at += sprintf(at, "\r\n\"one\"");
    for (int i = 0; i < n - f->short_row; i++) {
        if (i == 2 && f->field) {
            at += sprintf(at, ",%s", f->field);
        } else {
            at += sprintf(at, ",%.4f", 0.9 - 0.01 * columns[i][0] - 0.02 * columns[i][1]);
        }
    }
    at += sprintf(at, "\r\n%s", f->second);
    for (int i = 0; i < n; i++) {
        at += sprintf(at, ",0.5");
    }
    sprintf(at, "\r\n");
}

static void save_flawed(flaw f)
{
    char text[16384];
    write_table(&f, text);
    save(text);
}

static void test_alexnet(void **state)
{
    (void)state;
    reshift_baseline b;
    reshift_error error;
    check_ok(reshift_baseline_find("alexnet", &b, &error));
    assert_string_equal(b.name, "AlexNet");
    assert_true(b.error[0][0] == 0.886428 && b.error[14][0] == 0.606500);
    assert_true(isnan(b.error[0][1]) && isnan(b.error[15][0]));
    assert_true(fabs(b.mean_error - 0.78899306667) < 1e-9); /* the sum of the fifteen over fifteen */
}

static void test_made_up_table(void **state)
{
    (void)state;
    reshift_baseline b;
    reshift_error error;
    char spec[96];
    save_flawed(flawless);
    snprintf(spec, sizeof spec, "%s:one", path);
    check_ok(reshift_baseline_find(spec, &b, &error));
    assert_string_equal(b.name, "one");
    for (int c = 0; c < 15; c++) {
        for (int s = 1; s <= 5; s++) {
            assert_true(fabs(b.error[c][s] - (0.1 + 0.01 * c + 0.02 * s)) < 1e-9);
        }
        assert_true(fabs(b.error[c][0] - (0.16 + 0.01 * c)) < 1e-9);
    }
    assert_true(isnan(b.error[15][1]) && isnan(b.error[15][0]));
    assert_true(fabs(b.mean_error - (0.16 + 0.07)) < 1e-9);
    check_ok(reshift_baseline_find(path, &b, &error)); /* no name: Standard */
    assert_string_equal(b.name, "Standard");
    assert_true(fabs(b.mean_error - 0.5) < 1e-12);

    flaw all = flawless;
    all.n_corruptions = 19;
    save_flawed(all);
    check_ok(reshift_baseline_find(spec, &b, &error));
    assert_true(fabs(b.error[18][5] - (0.1 + 0.18 + 0.1)) < 1e-9 && fabs(b.mean_error - 0.23) < 1e-9);
}

static void test_robustbench(void **state)
{
    (void)state;
    check_need_data();
    static const char *const places[] = {"robustbench-cifar10c.csv", "../robustbench-cifar10c.csv",
                                         "frost/../robustbench-cifar10c.csv"};
    char spec[4200] = "";
    for (size_t i = 0; i < 3 && access(spec, R_OK) != 0; i++) {
        snprintf(spec, sizeof spec, "%s/%s", check_data(), places[i]);
    }
    if (access(spec, R_OK) != 0) {
        print_message("# skipped: robustbench-cifar10c.csv is not beside the real data\n");
        skip();
    }
    reshift_baseline b;
    reshift_error error;
    check_ok(reshift_baseline_find(spec, &b, &error));
    assert_string_equal(b.name, "Standard");
    assert_true(fabs(100 * (1 - b.mean_error) - 73.46) < 0.005); /* as published: two decimals */
    strcat(spec, ":Hendrycks2020AugMixResNeXt");
    check_ok(reshift_baseline_find(spec, &b, &error));
    assert_true(fabs(100 * (1 - b.mean_error) - 89.09) < 0.005);
    strcat(spec, "t");
    check_error(reshift_baseline_find(spec, &b, &error), RESHIFT_ERROR_NOT_FOUND, "of its 23");
    assert_non_null(strstr(error.hint, "Hendrycks2020AugMixResNeXt"));
}

/* One clear error each: it names the file and the line. */
static void refused(int line, const char *words)
{
    reshift_baseline b;
    reshift_error error;
    char place[128];
    check_error(reshift_baseline_find(path, &b, &error), RESHIFT_ERROR_FORMAT, words);
    snprintf(place, sizeof place, "cannot read baseline '%s' line %d: ", path, line);
    if (strncmp(error.message, place, strlen(place)) != 0 || error.line != line || strcmp(error.path, path) != 0) {
        fail_msg("expected line %d, found line %d in '%s'", line, (int)error.line, error.message);
    }
    assert_true(isnan(b.error[0][0]) && b.name[0] == '\0');
}

static void test_flaws(void **state)
{
    (void)state;
    flaw f = flawless;
    f.skip = 9;
    save_flawed(f);
    refused(2, "expected fog at severities 1 to 5, found none of them");
    f = flawless, f.skip_severity = 4;
    save_flawed(f);
    refused(2, "expected defocus_blur at severities 1 to 5, found 4 of them: severity ");
    f = flawless, f.n_corruptions = 17, f.skip = 15, f.repeat = 16;
    save_flawed(f);
    refused(2, "are both gaussian_blur at severity 2");
    f = flawless, f.field = "none";
    save_flawed(f);
    refused(3, "network 'one', jpeg_compression at severity 3: expected an accuracy from 0 to 1, found 'none'");
    static const char *const numbers[] = {"", "nan", "1e999", "94.2", "-0.1", "0.5x", "0x1", " 0.5", "0.5\"", "inf"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        f.field = numbers[i];
        save_flawed(f);
        refused(3, "expected an accuracy from 0 to 1");
    }
    reshift_baseline b;
    reshift_error error;
    f.field = "94.2";
    save_flawed(f);
    check_error(reshift_baseline_find(path, &b, &error), RESHIFT_ERROR_FORMAT, "found '94.2'");
    assert_string_equal(error.hint, "accuracies are fractions, not per cent: 0.942");
    f = flawless, f.second = "one";
    save_flawed(f);
    refused(4, "network 'one' stands in line 3 already");
    f.second = "";
    save_flawed(f);
    refused(4, "expected a network's name");
    f.second = "\"open";
    save_flawed(f);
    refused(4, "a quote is out of place");
    f = flawless, f.short_row = true;
    save_flawed(f);
    refused(3, "network 'one': expected 75 accuracies, found 74");
}

static void test_headers(void **state)
{
    (void)state;
    save("");
    refused(1, "found the end of the file");
    save("accuracy\n");
    refused(1, "found a single field");
    save("model,fog\n,1\n");
    refused(1, "something in the first field");
    save(",fog,fogg\n,1,2\n");
    refused(1, "field 3: expected the name of a corruption, found 'fogg'");
    save(",fog,fog\n,1,6\n");
    refused(2, "field 3: expected a severity from 1 to 5, found '6'");
    save(",fog,fog\n,1\n");
    refused(2, "expected an empty field and 2 severities, found 2 fields");
    char text[16384];
    write_table(&flawless, text);
    *strstr(strstr(text, "\n") + 1, "\n") = '\0'; /* behind the second line */
    save(text);
    refused(2, "expected a line a network behind the two of the header, found none");
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(",fog\0,", 1, 6, out), 6);
    assert_int_equal(fclose(out), 0);
    refused(1, "this is no text");
}

static void test_which(void **state)
{
    (void)state;
    reshift_baseline b;
    reshift_error error;
    char spec[96];
    flaw f = flawless;
    f.second = "two";
    save_flawed(f);
    check_error(reshift_baseline_find(path, &b, &error), RESHIFT_ERROR_NOT_FOUND, "holds 2 networks");
    assert_non_null(strstr(error.hint, ":one"));
    snprintf(spec, sizeof spec, "%s:twoo", path);
    check_error(reshift_baseline_find(spec, &b, &error), RESHIFT_ERROR_NOT_FOUND, "holds no network 'twoo'");
    assert_string_equal(error.hint, "did you mean 'two'?");
    check_error(reshift_baseline_find("/nowhere/table.csv:x", &b, &error), RESHIFT_ERROR_NOT_FOUND,
                "/nowhere/table.csv");
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/table.csv", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alexnet), cmocka_unit_test(test_made_up_table), cmocka_unit_test(test_robustbench),
        cmocka_unit_test(test_flaws),   cmocka_unit_test(test_headers),       cmocka_unit_test(test_which),
    };
    return cmocka_run_group_tests_name("baseline", tests, make_folder, remove_folder);
}
