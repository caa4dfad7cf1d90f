/* Fingerprints of training images in the metadata of weights: base64 as everybody writes it, models that hand them on.
 */
#include "check.h"

#include <unistd.h>

#include "models/trained_on.h"
#include "reshift/model.h"

static reshift_error error;

/* base64.b64encode(struct.pack("<3Q", 1, 0x0123456789abcdef, 2**64 - 1)) and of the first one and the first two */
static const char *const written[] = {"",
                                      "AQAAAAAAAAA=", "AQAAAAAAAADvzauJZ0UjAQ==", "AQAAAAAAAADvzauJZ0UjAf//////////"};
static const uint64_t numbers[] = {1, 0x0123456789abcdef, UINT64_MAX};

static void test_text(void **state)
{
    (void)state;
    for (int64_t n = 0; n <= 3; n++) {
        reshift_fingerprints prints = {0}, found;
        reshift_tensors *tensors = reshift_tensors_create();
        bool known;
        check_ok(trained_on_read(tensors, &found, &known, NULL, &error));
        assert_true(!known && found.n == 0);
        check_ok(reshift_fingerprints_add(&prints, numbers, n, &error));
        check_ok(reshift_tensors_set_trained_on(tensors, &prints, &error));
        assert_string_equal(reshift_tensors_text(tensors, "reshift.trained_on"), written[n]);
        check_ok(trained_on_read(tensors, &found, &known, NULL, &error));
        assert_true(known && found.n == n);
        assert_true(n == 0 || memcmp(found.values, numbers, (size_t)n * sizeof *numbers) == 0);
        reshift_fingerprints_destroy(&prints);
        reshift_fingerprints_destroy(&found);
        reshift_tensors_destroy(&tensors);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const wrong[] = {"AQAAAAAAAAA",
                                        "AQAAAAA=", "AQAAAAAA*AA=", "A=AAAAAAAAA=", "AQAAAAAAAADvzauJZ0UjA==="};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        reshift_fingerprints found;
        reshift_tensors *tensors = reshift_tensors_create();
        bool known;
        check_ok(reshift_tensors_set_text(tensors, "reshift.trained_on", wrong[i], &error));
        check_error(trained_on_read(tensors, &found, &known, NULL, &error), RESHIFT_ERROR_FORMAT, "reshift.trained_on");
        assert_int_equal(found.n, 0);
        reshift_tensors_destroy(&tensors);
    }
}

/* A model keeps them through a file and a copy; a head's join the network's. */
static void test_models(void **state)
{
    (void)state;
    char path[] = "/tmp/reshift-trained-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    reshift_model *model, *again, *copy;
    reshift_fingerprints prints = {0};
    check_ok(reshift_model_create("resnet-demo", 3, 1, &model, &error));
    assert_null(reshift_model_trained_on(model));
    check_ok(reshift_fingerprints_add(&prints, numbers + 1, 2, &error));
    check_ok(reshift_model_add_trained_on(model, &prints, &error));
    check_ok(reshift_model_save(path, model, true, &error));
    check_ok(reshift_model_load(path, NULL, &again, &error));
    check_ok(reshift_model_clone(again, &copy, &error));
    assert_int_equal(reshift_model_trained_on(copy)->n, 2);
    assert_true(reshift_model_trained_on(copy)->values[0] == numbers[1]);

    reshift_model_destroy(&again);
    check_ok(reshift_model_create("resnet-demo", 3, 2, &again, &error));
    prints.n = 0;
    check_ok(reshift_fingerprints_add(&prints, numbers, 1, &error));
    check_ok(reshift_model_add_trained_on(again, &prints, &error));
    check_ok(reshift_model_load_head(again, path, &error));
    assert_int_equal(reshift_model_trained_on(again)->n, 3);
    reshift_fingerprints_destroy(&prints);
    reshift_model_destroy(&model);
    reshift_model_destroy(&again);
    reshift_model_destroy(&copy);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests_name("trained_on", tests, NULL, NULL);
}
