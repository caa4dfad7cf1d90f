/*
 * Augmented views: flips mirror, crops shift the contents exactly and fill with black, draws depend only on (seed,
 * epoch, image).
 */
#include "temporary.h"

#include "datasets/augmented.h"
#include "datasets/dataset.h"

static reshift_error error;

enum { SIDE = 32, N = 64 };

/* Images whose pixels encode their position: red x + 1, green y + 1, blue the image. */
static reshift_dataset *open_grid(void)
{
    reshift_array images, labels;
    reshift_dataset *d;
    char spec[700], images_path[300], labels_path[300];
    check_ok(reshift_array_create(RESHIFT_U8, 4, (int64_t[]){N, SIDE, SIDE, 3}, &images, &error));
    check_ok(reshift_array_create(RESHIFT_I64, 1, (int64_t[]){N}, &labels, &error));
    uint8_t *pixel = images.data;
    for (int i = 0; i < N; i++) {
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                *pixel++ = (uint8_t)(x + 1);
                *pixel++ = (uint8_t)(y + 1);
                *pixel++ = (uint8_t)(i + 1);
            }
        }
    }
    snprintf(images_path, sizeof images_path, "%s", in_temporary("images.npy"));
    snprintf(labels_path, sizeof labels_path, "%s", in_temporary("labels.npy"));
    check_ok(reshift_array_save_npy(images_path, &images, true, &error));
    check_ok(reshift_array_save_npy(labels_path, &labels, true, &error));
    reshift_array_destroy(&images);
    reshift_array_destroy(&labels);
    snprintf(spec, sizeof spec, "npy:%s,%s", images_path, labels_path);
    check_ok(reshift_dataset_open(spec, NULL, &d, &error));
    return d;
}

static void test_flip(void **state)
{
    (void)state;
    reshift_dataset *base = open_grid(), *d;
    const reshift_augment how = {.flip = true};
    check_ok(augmented_open(base, &how, 1, 1, &d, &error));
    reshift_image image = {0};
    int flipped = 0;
    for (int row = 0; row < N; row++) {
        check_ok(reshift_dataset_read(d, row, &image, &error));
        const bool mirrored = image.pixels[0] == SIDE;
        flipped += mirrored;
        for (int p = 0; p < SIDE * SIDE; p++) {
            const int x = p % SIDE, y = p / SIDE;
            assert_int_equal(image.pixels[3 * p], mirrored ? SIDE - x : x + 1);
            assert_int_equal(image.pixels[3 * p + 1], y + 1);
            assert_int_equal(image.pixels[3 * p + 2], row + 1);
        }
    }
    assert_true(flipped > 16 && flipped < 48); /* four standard deviations around one half */
    reshift_image_destroy(&image);
    reshift_dataset_close(&d);
    reshift_dataset_close(&base);
}

static void test_crop(void **state)
{
    (void)state;
    reshift_dataset *base = open_grid(), *d;
    const reshift_augment how = {.crop = true, .crop_padding = 0.125};
    check_ok(augmented_open(base, &how, 1, 1, &d, &error));
    reshift_image image = {0};
    bool most = false;
    for (int row = 0; row < N; row++) {
        check_ok(reshift_dataset_read(d, row, &image, &error));
        const uint8_t *middle = image.pixels + 3 * (16 * SIDE + 16);
        const int right = middle[0] - 17, down = middle[1] - 17;
        assert_true(right >= -4 && right <= 4 && down >= -4 && down <= 4);
        most = most || right == 4 || right == -4 || down == 4 || down == -4;
        for (int p = 0; p < SIDE * SIDE; p++) {
            const int x = p % SIDE + right, y = p / SIDE + down;
            const bool inside = x >= 0 && x < SIDE && y >= 0 && y < SIDE;
            assert_int_equal(image.pixels[3 * p], inside ? x + 1 : 0);
            assert_int_equal(image.pixels[3 * p + 1], inside ? y + 1 : 0);
            assert_int_equal(image.pixels[3 * p + 2], inside ? row + 1 : 0);
        }
    }
    assert_true(most);
    reshift_image_destroy(&image);
    reshift_dataset_close(&d);
    reshift_dataset_close(&base);
}

/* All three together: a row has the same pixels in any subset and order, and others in another epoch or seed. */
static void test_draws_are_keyed(void **state)
{
    (void)state;
    reshift_dataset *base = open_grid(), *part, *d[4];
    const int64_t rows[2] = {40, 7};
    const reshift_augment how = {.flip = true,
                                 .crop = true,
                                 .crop_padding = 0.125,
                                 .corrupt = true,
                                 .corruptions = {"gaussian_noise", "fog"},
                                 .n_corruptions = 2,
                                 .severity_first = 1,
                                 .severity_last = 5};
    check_ok(reshift_dataset_subset(base, rows, 2, &part, &error));
    check_ok(augmented_open(base, &how, 1, 1, &d[0], &error));
    check_ok(augmented_open(part, &how, 1, 1, &d[1], &error));
    check_ok(augmented_open(part, &how, 1, 2, &d[2], &error));
    check_ok(augmented_open(part, &how, 2, 1, &d[3], &error));
    const size_t bytes = SIDE * SIDE * 3;
    reshift_image whole = {0}, other = {0};
    for (int i = 0; i < 2; i++) {
        check_ok(reshift_dataset_read(d[0], rows[i], &whole, &error));
        check_ok(reshift_dataset_read(d[1], i, &other, &error));
        assert_memory_equal(whole.pixels, other.pixels, bytes);
        for (int k = 2; k < 4; k++) {
            check_ok(reshift_dataset_read(d[k], i, &other, &error));
            assert_memory_not_equal(whole.pixels, other.pixels, bytes);
        }
    }
    reshift_image_destroy(&whole);
    reshift_image_destroy(&other);
    for (int k = 0; k < 4; k++) {
        reshift_dataset_close(&d[k]);
    }
    reshift_dataset_close(&part);
    reshift_dataset_close(&base);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_augment how = {.crop = true};
    check_error(augment_check(&how, &error), RESHIFT_ERROR_ARGUMENT, "crop padding 0");
    how = (reshift_augment){.corrupt = true};
    check_error(augment_check(&how, &error), RESHIFT_ERROR_ARGUMENT, "no corruption is named");
    how = (reshift_augment){
        .corrupt = true, .corruptions = {"fogg"}, .n_corruptions = 1, .severity_first = 1, .severity_last = 5};
    check_error(augment_check(&how, &error), RESHIFT_ERROR_ARGUMENT, "fogg");
    how.severity_last = 6;
    check_error(augment_check(&how, &error), RESHIFT_ERROR_ARGUMENT, "severity 1-6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flip), cmocka_unit_test(test_crop),
                                       cmocka_unit_test(test_draws_are_keyed), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests_name("augmented", tests, make_temporary, remove_temporary);
}
