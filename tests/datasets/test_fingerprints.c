/* Fingerprints: the definition, versions of an image, subsets, CIFAR-10-C with and without its clean images. */
#include "temporary.h"

#include "reshift/fingerprints.h"
#include "reshift/split.h"

static reshift_error error;

/* hashlib.sha256(struct.pack("<II", 2, 2) + bytes(range(12))).digest()[:8] and of b"cifar10-test 17" */
static void test_definition(void **state)
{
    (void)state;
    uint8_t pixels[24];
    reshift_dataset *set;
    reshift_fingerprints prints;
    char spec[600];
    for (int i = 0; i < 24; i++) {
        pixels[i] = (uint8_t)(i % 12); /* the same image twice */
    }
    put_npy("two.npy", RESHIFT_U8, 4, (const int64_t[]){2, 2, 2, 3}, pixels);
    put_npy("two-labels.npy", RESHIFT_I64, 1, (const int64_t[]){2}, (const int64_t[]){0, 1});
    snprintf(spec, sizeof spec, "npy:%s,%s", in_temporary("two.npy"), in_temporary("two-labels.npy"));
    check_ok(reshift_dataset_open(spec, NULL, &set, &error));
    check_ok(reshift_fingerprints_of(set, &prints, &error));
    assert_int_equal(prints.n, 1);
    assert_true(prints.values[0] == 0x934f58097e8811ce);
    reshift_fingerprints_destroy(&prints);
    reshift_dataset_close(&set);
}

static void test_versions(void **state)
{
    (void)state;
    reshift_dataset_options options;
    reshift_dataset *clean, *foggy, *part;
    reshift_fingerprints prints;
    uint8_t seen[20];
    reshift_dataset_options_default(&options);
    options.limit = 20;
    check_ok(reshift_dataset_open("demo", &options, &clean, &error));
    options.corruption = "fog";
    options.severity_first = 2;
    options.severity_last = 4;
    check_ok(reshift_dataset_open("demo", &options, &foggy, &error));
    /* images 3, 5 and 5 again, at other severities */
    check_ok(reshift_dataset_subset(foggy, (const int64_t[]){3, 25, 45}, 3, &part, &error));
    check_ok(reshift_fingerprints_of(part, &prints, &error));
    assert_int_equal(prints.n, 2);
    check_ok(reshift_fingerprints_find(&prints, clean, NULL, 20, seen, &error));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(seen[i], i == 3 || i == 5);
    }
    const int64_t rows[] = {43, 44, 5};
    check_ok(reshift_fingerprints_find(&prints, foggy, rows, 3, seen, &error));
    assert_true(seen[0] == 1 && seen[1] == 0 && seen[2] == 1);
    reshift_fingerprints none = {0};
    check_ok(reshift_fingerprints_find(&none, foggy, rows, 3, seen, &error));
    assert_true(!seen[0] && !seen[1] && !seen[2]);
    reshift_fingerprints_destroy(&prints);
    reshift_dataset_close(&part);
    reshift_dataset_close(&foggy);
    reshift_dataset_close(&clean);
}

/* Rows of corrupted files are matched by their order, even without the clean images. */
static void test_cifar10c_rows(void **state)
{
    (void)state;
    enum { N = 30 };
    static uint8_t labels[5 * N], images[5 * N * 32 * 32 * 3];
    reshift_dataset_options options;
    reshift_dataset *set, *part;
    reshift_fingerprints prints;
    uint8_t seen[5 * N];
    for (int i = 0; i < 5 * N; i++) {
        labels[i] = (uint8_t)(i % N % 10);
    }
    for (size_t i = 0; i < sizeof images; i++) {
        images[i] = (uint8_t)(i * 7);
    }
    put_npy("C/fog.npy", RESHIFT_U8, 4, (const int64_t[]){5 * N, 32, 32, 3}, images);
    put_npy("C/labels.npy", RESHIFT_U8, 1, (const int64_t[]){5 * N}, labels);
    char spec[300];
    snprintf(spec, sizeof spec, "cifar10-c:%s", in_temporary("C"));
    reshift_dataset_options_default(&options);
    options.corruption = "fog";
    options.data_dir = in_temporary("nothing");
    check_ok(reshift_dataset_open(spec, &options, &set, &error));
    check_ok(reshift_dataset_subset(set, (const int64_t[]){17 + 2 * N}, 1, &part, &error));
    check_ok(reshift_fingerprints_of(part, &prints, &error));
    assert_int_equal(prints.n, 1);
    assert_true(prints.values[0] == 0x1ed336a64e3f726d);
    check_ok(reshift_fingerprints_find(&prints, set, NULL, 5 * N, seen, &error));
    for (int i = 0; i < 5 * N; i++) {
        assert_int_equal(seen[i], i % N == 17);
    }
    reshift_fingerprints_destroy(&prints);
    reshift_dataset_close(&part);
    reshift_dataset_close(&set);
}

/* The real test images: a generated row of CIFAR-10-C has the names of its clean image. */
static void test_real_cifar10(void **state)
{
    (void)state;
    check_need_data();
    reshift_dataset_options options;
    reshift_dataset *clean, *train, *foggy;
    reshift_fingerprints prints, learned;
    static uint8_t seen[10000];
    reshift_dataset_options_default(&options);
    check_ok(reshift_dataset_open("cifar10", &options, &clean, &error));
    options.corruption = "fog";
    options.generate = true;
    options.limit = 100;
    check_ok(reshift_dataset_open("cifar10-c", &options, &foggy, &error));
    check_ok(reshift_fingerprints_of(foggy, &prints, &error));
    assert_int_equal(prints.n, 200); /* by pixels and by place */
    check_ok(reshift_fingerprints_find(&prints, clean, NULL, 10000, seen, &error));
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(seen[i], i < 100);
    }
    options.limit = 0;
    options.corruption = NULL;
    options.split = "train";
    check_ok(reshift_dataset_open("cifar10", &options, &train, &error));
    check_ok(reshift_fingerprints_of(train, &learned, &error));
    assert_true(learned.n == 50000); /* no image of CIFAR-10's training set occurs twice */
    check_ok(reshift_fingerprints_find(&learned, clean, NULL, 10000, seen, &error));
    assert_null(memchr(seen, 1, sizeof seen)); /* and none equals a test image */
    reshift_fingerprints_destroy(&prints);
    reshift_fingerprints_destroy(&learned);
    reshift_dataset_close(&train);
    reshift_dataset_close(&foggy);
    reshift_dataset_close(&clean);
}

/*
 * The study's two protocols: 20,000 of the 50,000 corrupted rows leak 92.2 % of the test images if drawn by row (1 -
 * 0.6^5), and none of the tested ones if drawn by image.
 */
static void test_protocols(void **state)
{
    (void)state;
    check_need_data();
    reshift_dataset_options options;
    reshift_dataset *clean, *blurred, *part;
    static uint8_t seen[50000];
    reshift_dataset_options_default(&options);
    check_ok(reshift_dataset_open("cifar10", &options, &clean, &error));
    options.corruption = "gaussian_blur";
    options.generate = true;
    check_ok(reshift_dataset_open("cifar10-c", &options, &blurred, &error));
    for (int kind = 0; kind < 2; kind++) {
        reshift_split split;
        reshift_fingerprints prints;
        int64_t n_seen = 0;
        check_ok(reshift_split_draw(blurred, (reshift_split_kind)kind, 20000, 0, &split, &error));
        check_ok(reshift_dataset_subset(blurred, split.train_rows, split.n_train, &part, &error));
        check_ok(reshift_fingerprints_of(part, &prints, &error));
        if (kind == RESHIFT_SPLIT_BY_ROW) {
            check_ok(reshift_fingerprints_find(&prints, clean, NULL, 10000, seen, &error));
            for (int i = 0; i < 10000; i++) {
                n_seen += seen[i];
            }
            print_message("# by row: %.2f %% of the test images were seen\n", (double)n_seen / 100);
            assert_true(n_seen > 9120 && n_seen < 9320);
        } else {
            check_ok(reshift_fingerprints_find(&prints, blurred, split.test_rows, split.n_test, seen, &error));
            assert_null(memchr(seen, 1, (size_t)split.n_test));
        }
        reshift_fingerprints_destroy(&prints);
        reshift_dataset_close(&part);
        reshift_split_destroy(&split);
    }
    reshift_dataset_close(&blurred);
    reshift_dataset_close(&clean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),   cmocka_unit_test(test_versions),  cmocka_unit_test(test_cifar10c_rows),
        cmocka_unit_test(test_real_cifar10), cmocka_unit_test(test_protocols),
    };
    return cmocka_run_group_tests_name("fingerprints", tests, make_temporary, remove_temporary);
}
