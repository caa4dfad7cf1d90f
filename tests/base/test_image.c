/* Memory of an image: reused if large enough, never leaked. */
#include "check.h"

#include <limits.h>

#include "reshift/image.h"

static void test_memory_is_reused(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = {0};
    check_ok(reshift_image_resize(&image, 10, 20, &error));
    assert_int_equal(image.capacity, 600);
    uint8_t *first = image.pixels;
    memset(first, 1, 600);
    check_ok(reshift_image_resize(&image, 20, 10, &error));
    assert_ptr_equal(image.pixels, first);
    assert_int_equal(image.height, 20);
    assert_int_equal(image.width, 10);
    check_ok(reshift_image_resize(&image, 1, 1, &error));
    assert_int_equal(image.capacity, 600);
    check_ok(reshift_image_resize(&image, 100, 3, &error));
    assert_int_equal(image.capacity, 900);
    reshift_image_destroy(&image);
    assert_null(image.pixels);
    reshift_image_destroy(&image);
    reshift_image_destroy(NULL);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = {0};
    check_error(reshift_image_resize(&image, 0, 5, &error), RESHIFT_ERROR_ARGUMENT, "5 pixels wide and 0 high");
    check_error(reshift_image_resize(&image, 5, -1, &error), RESHIFT_ERROR_ARGUMENT, "-1 pixels wide");
    check_ok(reshift_image_resize(&image, 2, 2, &error));
    check_error(reshift_image_resize(&image, INT_MAX, INT_MAX, &error), RESHIFT_ERROR_MEMORY, "out of memory");
    assert_int_equal(image.height, 2); /* what was there stays */
    reshift_image_destroy(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_reused),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
