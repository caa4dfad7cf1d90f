/* Features and predictions as CSV: every float reads back to the same, words with commas and quotes stay one field. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/files.h"
#include "reshift/export.h"

static reshift_error error;

/* Splits one line of CSV into fields, in place. */
static int split(char *line, char *fields[], int most)
{
    int n = 0;
    char *c = line;
    while (n < most) {
        char *out = c;
        fields[n++] = out;
        bool quoted = *c == '"';
        c += quoted;
        while (*c && (quoted || *c != ',')) {
            if (quoted && *c == '"') {
                if (c[1] != '"') {
                    c++;
                    break;
                }
                c++;
            }
            *out++ = *c++;
        }
        bool more = *c == ',';
        c += more;
        *out = '\0';
        if (!more) {
            break;
        }
    }
    return n;
}

static reshift_dataset *demo(void)
{
    reshift_dataset_options options;
    reshift_dataset *dataset;
    reshift_dataset_options_default(&options);
    options.limit = 5;
    options.corruption = "fog";
    options.severity_first = options.severity_last = 3;
    check_ok(reshift_dataset_open("demo", &options, &dataset, &error));
    return dataset;
}

static char path[] = "/tmp/reshift-csv-XXXXXX";

static void test_features(void **state)
{
    (void)state;
    reshift_dataset *dataset = demo();
    reshift_array features = {0};
    const int64_t shape[] = {5, 3};
    check_ok(reshift_array_create(RESHIFT_F32, 2, shape, &features, &error));
    const float odd[15] = {0.1f,   1e-38f, 3.4e38f, -0.0f, 16777217.0f, 1.0f / 3, 0.114932634f, 1e-45f,
                           -7.25f, 1,      2,       3,     4,           5,        0.7f};
    memcpy(features.data, odd, sizeof odd);
    check_error(reshift_features_save_csv(path, &features, dataset, false, &error), RESHIFT_ERROR_EXISTS, "exists");
    check_ok(reshift_features_save_csv(path, &features, dataset, true, &error));
    char *bytes, *rest, *fields[16];
    size_t size;
    check_ok(file_read_all(path, &bytes, &size, &error));
    rest = bytes;
    assert_string_equal(strsep(&rest, "\n"), "image,severity,label,class,f0,f1,f2");
    for (int row = 0; row < 5; row++) {
        assert_int_equal(split(strsep(&rest, "\n"), fields, 16), 7);
        assert_int_equal(atoi(fields[1]), 3);
        assert_int_equal(atoi(fields[2]), reshift_dataset_label(dataset, row));
        assert_string_equal(fields[3], reshift_dataset_class_name(dataset, reshift_dataset_label(dataset, row)));
        for (int k = 0; k < 3; k++) {
            float read = strtof(fields[4 + k], NULL);
            assert_memory_equal(&read, &odd[3 * row + k], sizeof read);
        }
    }
    assert_string_equal(rest, "");
    free(bytes);
    features.shape[0] = 4;
    check_error(reshift_features_save_csv(path, &features, dataset, true, &error), RESHIFT_ERROR_SHAPE, "[5,D]");
    features.shape[0] = 5;
    reshift_array_destroy(&features);
    reshift_dataset_close(&dataset);
}

static void test_predictions(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "with, comma", "and \"quotes\""};
    reshift_dataset *dataset = demo();
    reshift_model *model;
    reshift_array scores = {0};
    const int64_t shape[] = {5, 3};
    check_ok(reshift_model_create("resnet-demo", 3, 0, &model, &error));
    check_ok(reshift_model_set_class_names(model, names, 3, &error));
    check_ok(reshift_array_create(RESHIFT_F32, 2, shape, &scores, &error));
    float *p = scores.data;
    for (int row = 0; row < 5; row++) {
        const float logits[3] = {1000, 1001, 1000 + (float)row}; /* large ones too: the largest is taken off first */
        reshift_probabilities(logits, 3, p + 3 * row);
        assert_true(fabs((double)p[3 * row] + p[3 * row + 1] + p[3 * row + 2] - 1) < 1e-6);
    }
    assert_true(fabs(p[0] / (double)p[1] - exp(-1)) < 1e-6);
    check_ok(reshift_predictions_save_csv(path, model, &scores, dataset, 2, true, &error));
    char *bytes, *rest, *fields[16];
    size_t size;
    check_ok(file_read_all(path, &bytes, &size, &error));
    rest = bytes;
    assert_string_equal(strsep(&rest, "\n"),
                        "image,severity,label,class,label_1,class_1,probability_1,label_2,class_2,probability_2");
    static const int first[5] = {1, 1, 2, 2, 2}, second[5] = {0, 2, 1, 1, 1}; /* equals by their number */
    for (int row = 0; row < 5; row++) {
        assert_int_equal(split(strsep(&rest, "\n"), fields, 16), 10);
        assert_int_equal(atoi(fields[4]), first[row]);
        assert_string_equal(fields[5], names[first[row]]);
        assert_true(strtof(fields[6], NULL) == p[3 * row + first[row]]);
        assert_int_equal(atoi(fields[7]), second[row]);
        assert_string_equal(fields[8], names[second[row]]);
    }
    free(bytes);
    reshift_array_destroy(&scores);
    reshift_model_destroy(&model);
    reshift_dataset_close(&dataset);
}

int main(void)
{
    int fd = mkstemp(path);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_features), cmocka_unit_test(test_predictions)};
    int failed = cmocka_run_group_tests_name("tables_csv", tests, NULL, NULL);
    close(fd);
    unlink(path);
    return failed;
}
