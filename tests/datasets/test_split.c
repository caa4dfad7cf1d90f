/* Drawing of training rows: sizes, no overlap, recomputed leak counts, and the published protocol's 92 per cent. */
#include "check.h"

#include "base/memory.h"
#include "datasets/dataset.h"
#include "reshift/split.h"

static reshift_error error;

static void nothing_to_destroy(void *state) { (void)state; }
static const dataset_kind no_pixels = {NULL, NULL, NULL, nothing_to_destroy, NULL, NULL};

/* n images in `versions` rows each, version by version. */
static reshift_dataset *shifted_set(int64_t n, int versions)
{
    reshift_dataset *d;
    check_ok(dataset_create(&no_pixels, NULL, "made up", n * versions, 10, NULL, &d, &error));
    for (int64_t row = 0; row < n * versions; row++) {
        d->rows[row] = (dataset_row){row % n, 0, 1 + (int)(row / n)};
    }
    return d;
}

/* Recomputes the counts of the split in a simple way. */
static void recount(reshift_dataset *d, const reshift_split *s)
{
    int64_t count = reshift_dataset_count(d);
    uint8_t *taken = calloc((size_t)count, 1), *tested = calloc((size_t)s->n_sources, 1),
            *seen = calloc((size_t)s->n_sources, 1);
    assert_true(taken && tested && seen);
    for (int64_t i = 0; i < s->n_train; i++) {
        assert_true(i == 0 || s->train_rows[i] > s->train_rows[i - 1]);
        taken[s->train_rows[i]] = 1;
        seen[reshift_dataset_source(d, s->train_rows[i])] = 1;
    }
    int64_t rows_seen = 0, rows_image_seen = 0, images_seen = 0, test_images = 0, test_images_seen = 0;
    for (int64_t i = 0; i < s->n_test; i++) {
        assert_true(i == 0 || s->test_rows[i] > s->test_rows[i - 1]);
        int64_t source = reshift_dataset_source(d, s->test_rows[i]);
        rows_seen += taken[s->test_rows[i]];
        rows_image_seen += seen[source];
        tested[source] = 1;
    }
    for (int64_t source = 0; source < s->n_sources; source++) {
        assert_int_equal(s->source_seen[source], seen[source]);
        images_seen += seen[source];
        test_images += tested[source];
        test_images_seen += tested[source] && seen[source];
    }
    assert_int_equal(s->n_images_seen, images_seen);
    assert_int_equal(s->n_test_rows_seen, rows_seen);
    assert_int_equal(s->n_test_rows_image_seen, rows_image_seen);
    assert_int_equal(s->n_test_images, test_images);
    assert_int_equal(s->n_test_images_seen, test_images_seen);
    free(taken);
    free(tested);
    free(seen);
}

static void test_by_image(void **state)
{
    (void)state;
    reshift_dataset *d = shifted_set(10000, 5);
    reshift_split s;
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_IMAGE, 20000, 0, &s, &error));
    assert_int_equal(s.n_train, 20000);
    assert_int_equal(s.n_test, 30000);
    assert_int_equal(s.n_images, 10000);
    assert_int_equal(s.n_images_seen, 4000);
    assert_int_equal(s.n_test_rows_seen, 0);
    assert_int_equal(s.n_test_rows_image_seen, 0);
    assert_int_equal(s.n_test_images, 6000);
    assert_int_equal(s.n_test_images_seen, 0);
    recount(d, &s);
    reshift_split_destroy(&s);
    assert_null(s.train_rows);
    /* A number that is not a multiple of an image's versions is rounded down to whole images. */
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_IMAGE, 23, 0, &s, &error));
    assert_int_equal(s.n_train, 20);
    assert_int_equal(s.n_test, 49980);
    recount(d, &s);
    reshift_split_destroy(&s);
    reshift_dataset_close(&d);
}

static void test_by_row(void **state)
{
    (void)state;
    reshift_dataset *d = shifted_set(10000, 5);
    reshift_split s;
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_ROW, 20000, 0, &s, &error));
    assert_int_equal(s.n_train, 20000);
    assert_int_equal(s.n_test, 50000);
    assert_int_equal(s.n_test_rows_seen, 20000);
    assert_int_equal(s.n_test_images, 10000);
    /* An image is unseen if none of its five rows is drawn: 1 - 0.6^5 = 92.2 % are seen. */
    double share = 100.0 * (double)s.n_test_images_seen / 10000;
    assert_true(share > 91.2 && share < 93.2);
    recount(d, &s);
    reshift_split_destroy(&s);
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_ROW, 50000, 0, &s, &error));
    assert_int_equal(s.n_images_seen, 10000);
    reshift_split_destroy(&s);
    reshift_dataset_close(&d);
}

/* Each seed and each kind has its own, reproducible draw. These rows never change between versions. */
static void test_draws_are_keyed(void **state)
{
    (void)state;
    reshift_dataset *d = shifted_set(100, 5);
    reshift_split a, b, c;
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_ROW, 50, 1, &a, &error));
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_ROW, 50, 1, &b, &error));
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_ROW, 50, 2, &c, &error));
    assert_memory_equal(a.train_rows, b.train_rows, 50 * sizeof(int64_t));
    assert_memory_not_equal(a.train_rows, c.train_rows, 50 * sizeof(int64_t));
    reshift_split_destroy(&a);
    reshift_split_destroy(&b);
    reshift_split_destroy(&c);
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_IMAGE, 20, 0, &a, &error));
    for (int i = 0; i < 4; i++) { /* four images, at all five severities */
        for (int v = 1; v < 5; v++) {
            assert_int_equal(a.train_rows[4 * v + i], a.train_rows[i] + 100 * v);
        }
    }
    reshift_split_destroy(&a);
    reshift_dataset_close(&d);
}

/* Images with different numbers of rows and gaps in their numbering, as in a subset. */
static void test_uneven(void **state)
{
    (void)state;
    reshift_dataset *base = shifted_set(50, 5), *d;
    int64_t rows[120], n = 0;
    for (int64_t row = 0; row < 250 && n < 120; row++) {
        if (row % 50 % 3 && row % 7) {
            rows[n++] = row;
        }
    }
    check_ok(reshift_dataset_subset(base, rows, n, &d, &error));
    for (int kind = RESHIFT_SPLIT_BY_IMAGE; kind <= RESHIFT_SPLIT_BY_ROW; kind++) {
        reshift_split s;
        check_ok(reshift_split_draw(d, (reshift_split_kind)kind, 40, 5, &s, &error));
        assert_true(s.n_train <= 40 && s.n_train > 35);
        assert_int_equal(s.n_train + s.n_test, n + (kind == RESHIFT_SPLIT_BY_ROW ? 40 : 0));
        recount(d, &s);
        reshift_split_destroy(&s);
    }
    reshift_dataset_close(&d);
    reshift_dataset_close(&base);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_dataset *d = shifted_set(10, 5);
    reshift_split s;
    check_error(reshift_split_draw(d, RESHIFT_SPLIT_BY_IMAGE, 0, 0, &s, &error), RESHIFT_ERROR_ARGUMENT,
                "expected 1 or more");
    check_error(reshift_split_draw(d, RESHIFT_SPLIT_BY_IMAGE, 4, 0, &s, &error), RESHIFT_ERROR_SHAPE,
                "4 training rows: not even one image with all its versions");
    check_error(reshift_split_draw(d, RESHIFT_SPLIT_BY_IMAGE, 50, 0, &s, &error), RESHIFT_ERROR_SHAPE,
                "all 10 images would be trained on and none left to test on");
    check_error(reshift_split_draw(d, RESHIFT_SPLIT_BY_IMAGE, 20000, 0, &s, &error), RESHIFT_ERROR_SHAPE, "none left");
    assert_non_null(strstr(error.hint, "50 rows"));
    check_error(reshift_split_draw(d, RESHIFT_SPLIT_BY_ROW, 51, 0, &s, &error), RESHIFT_ERROR_SHAPE,
                "51 training rows: the set has only 50");
    assert_null(s.train_rows);
    check_ok(reshift_split_draw(d, RESHIFT_SPLIT_BY_IMAGE, 49, 0, &s, &error));
    assert_int_equal(s.n_test_images, 1);
    reshift_split_destroy(&s);
    reshift_split_destroy(NULL);
    reshift_dataset_close(&d);
}

/* Training rows of another set: the whole set is tested on, and none of it counts as seen. */
static void test_separate_training_set(void **state)
{
    (void)state;
    reshift_dataset *train = shifted_set(30, 5), *test = shifted_set(12, 5);
    reshift_split s, again;
    check_ok(reshift_split_draw_apart(train, test, RESHIFT_SPLIT_BY_IMAGE, 52, 3, &s, &error));
    assert_int_equal(s.kind, RESHIFT_SPLIT_APART);
    assert_int_equal(s.n_train, 50);
    assert_int_equal(s.n_images, 30);
    assert_int_equal(s.n_images_seen, 10);
    for (int i = 0; i < 10; i++) { /* ten images, at all five severities */
        for (int v = 1; v < 5; v++) {
            assert_int_equal(s.train_rows[10 * v + i], s.train_rows[i] + 30 * v);
        }
    }
    assert_int_equal(s.n_test, 60);
    for (int64_t i = 0; i < s.n_test; i++) {
        assert_int_equal(s.test_rows[i], i);
    }
    assert_int_equal(s.n_test_images, 12);
    assert_int_equal(s.n_sources, 12);
    assert_int_equal(s.n_test_images_seen + s.n_test_rows_seen + s.n_test_rows_image_seen, 0);
    for (int source = 0; source < 12; source++) {
        assert_int_equal(s.source_seen[source], 0);
    }
    check_ok(reshift_split_draw_apart(train, test, RESHIFT_SPLIT_BY_IMAGE, 52, 3, &again, &error));
    assert_memory_equal(s.train_rows, again.train_rows, 50 * sizeof(int64_t));
    reshift_split_destroy(&again);
    reshift_split_destroy(&s);
    check_ok(reshift_split_draw_apart(train, test, RESHIFT_SPLIT_BY_ROW, 52, 3, &s, &error));
    assert_int_equal(s.n_train, 52);
    assert_true(s.n_images_seen > 10);
    reshift_split_destroy(&s);
    for (int kind = RESHIFT_SPLIT_BY_IMAGE; kind <= RESHIFT_SPLIT_BY_ROW; kind++) { /* all may be trained on */
        check_ok(reshift_split_draw_apart(train, test, (reshift_split_kind)kind, 150, 3, &s, &error));
        assert_int_equal(s.n_train, 150);
        assert_int_equal(s.n_images_seen, 30);
        reshift_split_destroy(&s);
        check_error(reshift_split_draw_apart(train, test, (reshift_split_kind)kind, 151, 3, &s, &error),
                    RESHIFT_ERROR_SHAPE, "151 training rows: the set has only 150");
    }
    reshift_dataset_close(&train);
    reshift_dataset_close(&test);
}

/* Whole images, the same share of every class, and each seed its own draw. */
static void test_hold_out(void **state)
{
    (void)state;
    enum { n = 40, rows = n * 5 };
    reshift_dataset *d = shifted_set(n, 5);
    static const int of_class[] = {20, 11, 8, 1}; /* and none of the other six */
    int label[n], image = 0, counted[4] = {0};
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < of_class[k]; i++) {
            label[image++] = k;
        }
    }
    int64_t all[rows], n_held, n_again;
    uint8_t held[rows], again[rows];
    for (int64_t row = 0; row < rows; row++) {
        all[row] = row;
        d->rows[row].label = label[row % n];
    }
    check_ok(reshift_split_hold_out(d, all, rows, 0.25, 7, held, &n_held, &error));
    for (int row = 0; row < rows; row++) {
        assert_int_equal(held[row], held[row % n]); /* all versions or none */
        counted[label[row % n]] += held[row];
    }
    assert_int_equal(counted[0], 5 * 5);
    assert_int_equal(counted[1], 3 * 5); /* 2.75 rounded */
    assert_int_equal(counted[2], 2 * 5);
    assert_int_equal(counted[3], 0); /* its only image stays in the training part */
    assert_int_equal(n_held, 50);
    check_ok(reshift_split_hold_out(d, all, rows, 0.25, 7, again, &n_again, &error));
    assert_memory_equal(held, again, rows);
    check_ok(reshift_split_hold_out(d, all, rows, 0.25, 8, again, &n_again, &error));
    assert_memory_not_equal(held, again, rows);
    check_ok(reshift_split_hold_out(d, all, rows, 0.99, 7, held, &n_held, &error));
    assert_int_equal(n_held, 5 * (19 + 10 + 7));
    check_error(reshift_split_hold_out(d, all, rows, 0.01, 7, held, &n_held, &error), RESHIFT_ERROR_SHAPE,
                "not even one image to hold out");
    check_error(reshift_split_hold_out(d, all, rows, 1, 7, held, &n_held, &error), RESHIFT_ERROR_ARGUMENT,
                "expected one between 0 and 1");
    reshift_dataset_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_image), cmocka_unit_test(test_by_row),   cmocka_unit_test(test_draws_are_keyed),
        cmocka_unit_test(test_uneven),   cmocka_unit_test(test_refusals), cmocka_unit_test(test_separate_training_set),
        cmocka_unit_test(test_hold_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
