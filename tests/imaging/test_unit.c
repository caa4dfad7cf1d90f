/* x / 255 for every byte. */
#include "check.h"

#include "imaging/unit.h"

static void test_every_byte(void **state)
{
    (void)state;
    for (int x = 0; x < 256; x++) {
        assert_true(unit_double((uint8_t)x) == x / 255.0);
        assert_true(unit_float((uint8_t)x) == (float)x / 255.f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_byte)};
    return cmocka_run_group_tests_name("unit", tests, NULL, NULL);
}
