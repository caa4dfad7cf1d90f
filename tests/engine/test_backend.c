/* The table of back ends and the words that choose one; the places of tensors by their lifetimes. */
#include "check.h"

#include <stdlib.h>

#include "engine/backend.h"
#include "engine/placement.h"
#include "nets.h"
#include "plan_values.h"

static void test_devices(void **state)
{
    (void)state;
    reshift_error error;
    const backend *found;
    int index = -1;
    assert_string_equal(backend_at(0)->name, "cpu");
    static const char *const good[] = {NULL, "", "cpu", "cpu:0"};
    for (int i = 0; i < 4; i++) {
        check_ok(backend_find(good[i], &found, &index, &error));
        assert_ptr_equal(found, backend_at(0));
        assert_int_equal(index, 0);
    }
    static const char *const bad[][2] = {
        {"gpu", "device 'gpu': expected one of cpu"},     {"cp", "device 'cp': expected one of cpu"},
        {"cpu0", "device 'cpu0': expected one of cpu"},   {"cpu:1", "device 'cpu:1': expected a number below 1"},
        {"cpu:", "device 'cpu:': expected a number"},     {"cpu:-1", "device 'cpu:-1': expected a number"},
        {"cpu:0x", "device 'cpu:0x': expected a number"}, {":", "device ':': expected one of cpu"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_error(backend_find(bad[i][0], &found, &index, &error), RESHIFT_ERROR_NOT_FOUND, bad[i][1]);
        assert_null(found);
    }
    /* a back end has every function that is not marked as optional */
    for (int i = 0; (found = backend_at(i)) != NULL; i++) {
        assert_true(found->devices && found->description && found->precision && found->supports && found->create &&
                    found->destroy && found->memory && found->staging && found->forward && found->read &&
                    found->loss_gradient && found->backward && found->read_gradient);
        const bool optional[5] = {found->optimiser_create, found->optimiser_destroy, found->optimiser_step,
                                  found->optimiser_read, found->optimiser_write};
        for (int k = 1; k < 5; k++) {
            assert_int_equal(optional[k], optional[0]);
        }
    }
    network *n = net_create(&(net_shape){{8, 8, 8}, 3, false, false}, 7);
    plan *p;
    plan_options o = {.batch = 1, .height = 9, .width = 9, .last_block = 3, .device = "gpu"};
    check_error(plan_create(n, &o, &p, &error), RESHIFT_ERROR_NOT_FOUND, "device 'gpu'");
    assert_null(p);
    network_destroy(&n);
}

/* Fewer images than a batch: the rest is zero, whatever was there. */
static void test_rows(void **state)
{
    (void)state;
    enum { IMAGES = 3, SIDE = 9, FLOATS = SIDE * SIDE * 3 };
    reshift_error error;
    network *n = net_create(&(net_shape){{8, 8, 8}, 3, false, false}, 7);
    plan *p;
    plan_options o = {.batch = IMAGES, .height = SIDE, .width = SIDE, .last_block = 3};
    check_ok(plan_create(n, &o, &p, &error));
    float rows[2 * FLOATS], first[16];
    net_fill(rows, 2 * FLOATS, 1);
    memset(plan_staging(p), 0xff, IMAGES * FLOATS * sizeof(float));
    plan_write_rows(p, rows, 2);
    assert_memory_equal(input_of(p), rows, sizeof rows);
    for (int i = 2 * FLOATS; i < IMAGES * FLOATS; i++) {
        assert_true(input_of(p)[i] == 0);
    }
    assert_int_equal(plan_input_width(p), 4);
    assert_int_equal(plan_output_width(p), 4);
    check_ok(plan_forward(p, &error));
    memcpy(first, output_of(p), sizeof first);
    plan_write_rows(p, rows, 2);
    check_ok(plan_forward(p, &error));
    check_ok(plan_synchronise(p, &error));
    assert_memory_equal(first, output_of(p), sizeof first);
    for (int i = 0; i < n->graph->n_parameters; i++) {
        assert_false(plan_has_gradient(p, i));
        assert_null(gradient_of(p, i));
    }
    plan_destroy(&p);
    network_destroy(&n);
}

/* No overlap, no more than all one after another, no less than what is needed at the fullest step. */
static void test_places(void **state)
{
    (void)state;
    enum { MOST = 40, STEPS = 25 };
    reshift_error error;
    uint64_t at = 9;
    for (int round = 0; round < 300; round++) {
        placement items[MOST], *places[MOST];
        size_t sum = 0, fullest = 0, bytes;
        const int n = round % (MOST + 1);
        for (int i = 0; i < n; i++) {
            at = at * 6364136223846793005u + 1442695040888963407u;
            const int first = (int)(at >> 33) % STEPS, length = (int)(at >> 45) % 6;
            items[i] = (placement){.bytes = (at >> 50) % 9 * 64, .first = -1};
            placement_use(&items[i], first);
            placement_use(&items[i], first + length);
            places[i] = &items[i];
            sum += items[i].bytes;
        }
        for (int step = 0; step < STEPS + 6; step++) {
            size_t together = 0;
            for (int i = 0; i < n; i++) {
                together += items[i].first <= step && step <= items[i].last ? items[i].bytes : 0;
            }
            fullest = together > fullest ? together : fullest;
        }
        check_ok(placement_choose(places, n, &bytes, &error));
        assert_true(placement_is_sound(places, n));
        assert_true(bytes <= sum && bytes >= fullest);
        for (int i = 0; i < n; i++) {
            assert_true(items[i].offset % 64 == 0 && items[i].offset + items[i].bytes <= bytes);
        }
    }
    placement a = {.bytes = 64, .first = 0, .last = 2}, b = {.bytes = 64, .first = 2, .last = 3};
    assert_false(placement_is_sound((placement *[]){&a, &b}, 2));
    b.first = 3;
    assert_true(placement_is_sound((placement *[]){&a, &b}, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_devices), cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_places)};
    return cmocka_run_group_tests_name("backend", tests, NULL, NULL);
}
