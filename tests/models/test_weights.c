/* Tensors into parameters and back: dtypes, wrapping, everything that can be wrong with a checkpoint, initial values.
 */
#include "check.h"

#include <math.h>

#include "models/drawn.h"
#include "models/initialise.h"
#include "models/model.h"
#include "models/weights/weights.h"

static const drawn_arch tiny = {"resnet-demo", false, {1, 1, 1, 1}, 16, 3, 10, 1, 64};

/* The drawn checkpoint without `left_out`, and with every name behind `prefix`. */
static reshift_tensors *altered(const char *left_out, const char *prefix)
{
    reshift_error error;
    reshift_tensors *whole = drawn_tensors(&tiny), *tensors = reshift_tensors_create();
    assert_non_null(tensors);
    for (int64_t t = 0; t < reshift_tensors_count(whole); t++) {
        const reshift_array *from = reshift_tensors_at(whole, t);
        const char *name = reshift_tensors_name(whole, t);
        if (left_out && strstr(name, left_out)) {
            continue;
        }
        reshift_array copy;
        char full[160];
        check_ok(reshift_array_create(from->dtype, from->n_dims, from->shape, &copy, &error));
        memcpy(copy.data, from->data, reshift_array_bytes(from));
        snprintf(full, sizeof full, "%s%s", prefix, name);
        check_ok(reshift_tensors_add(tensors, full, &copy, &error));
    }
    reshift_tensors_destroy(&whole);
    return tensors;
}

static void add(reshift_tensors *tensors, const char *name, reshift_dtype dtype, int n_dims, const int64_t *shape)
{
    reshift_error error;
    reshift_array array;
    check_ok(reshift_array_create(dtype, n_dims, shape, &array, &error));
    check_ok(reshift_tensors_add(tensors, name, &array, &error));
}

static void expect_error(reshift_tensors *tensors, reshift_status code, const char *message)
{
    reshift_error error;
    reshift_model *model = NULL;
    reshift_status status = reshift_model_from_tensors(tensors, &model, &error);
    assert_int_equal(status, code);
    assert_string_equal(error.message, message);
    assert_null(model);
    reshift_tensors_destroy(&tensors);
}

static float *values_of(const reshift_model *model, const char *name)
{
    network *net = model_network(model);
    int p = graph_find_parameter(net->graph, name);
    assert_true(p >= 0);
    return network_parameter(net, p);
}

/* Every value of the checkpoint lands in its parameter and comes out again. */
static void test_there_and_back(void **state)
{
    (void)state;
    reshift_error error;
    reshift_model *model = NULL;
    reshift_tensors *tensors = drawn_tensors(&tiny), *back = NULL;
    for (int64_t t = 0, n = 0; t < reshift_tensors_count(tensors); t++) {
        if (strstr(reshift_tensors_name(tensors, t), "num_batches_tracked")) {
            *(int64_t *)reshift_tensors_at(tensors, t)->data = 100 + n++;
        }
    }
    check_ok(reshift_model_from_tensors(tensors, &model, &error));
    check_ok(reshift_model_to_tensors(model, &back, &error));
    assert_int_equal(reshift_tensors_count(back), reshift_tensors_count(tensors));
    for (int64_t t = 0; t < reshift_tensors_count(tensors); t++) {
        const reshift_array *a = reshift_tensors_at(tensors, t), *b = reshift_tensors_at(back, t);
        assert_string_equal(reshift_tensors_name(tensors, t), reshift_tensors_name(back, t));
        assert_int_equal(a->dtype, b->dtype);
        assert_int_equal(reshift_array_bytes(a), reshift_array_bytes(b));
        assert_memory_equal(a->data, b->data, reshift_array_bytes(a));
    }
    reshift_tensors_destroy(&tensors);
    reshift_tensors_destroy(&back);
    reshift_model_destroy(&model);
}

static void test_older_files_lack_counters(void **state)
{
    (void)state;
    reshift_error error;
    reshift_model *model = NULL;
    reshift_tensors *tensors = altered("num_batches_tracked", ""), *back = NULL;
    check_ok(reshift_model_from_tensors(tensors, &model, &error));
    reshift_tensors_destroy(&tensors);
    check_ok(reshift_model_to_tensors(model, &back, &error));
    const reshift_array *counter = reshift_tensors_find(back, "layer3.0.bn1.num_batches_tracked");
    assert_non_null(counter);
    assert_int_equal(counter->dtype, RESHIFT_I64);
    assert_int_equal(counter->n_dims, 0);
    assert_int_equal(*(int64_t *)counter->data, 0);
    reshift_tensors_destroy(&back);
    reshift_model_destroy(&model);
}

static void test_wrapped_names(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"module.", "state_dict.", "state_dict.module.", "model."};
    reshift_error error;
    for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
        reshift_model *model = NULL;
        reshift_tensors *tensors = altered(NULL, prefixes[p]);
        check_ok(reshift_model_from_tensors(tensors, &model, &error));
        assert_string_equal(reshift_model_arch(model), "resnet-demo");
        reshift_tensors_destroy(&tensors);
        reshift_model_destroy(&model);
    }
}

/* Bit patterns and the values the standards give them. */
static void test_half_precisions(void **state)
{
    (void)state;
    static const struct {
        uint16_t bits;
        float value;
    } halves[] = {{0x0000, 0.0f},        {0x3c00, 1.0f},        {0xc000, -2.0f},
                  {0x7bff, 65504.0f},    {0x0400, 0x1p-14f},    {0x0001, 0x1p-24f},
                  {0x83ff, -0x3ffp-24f}, {0x3555, 0x1.554p-2f}, {0x7c00, INFINITY}},
      brains[] = {{0x3f80, 1.0f}, {0xc000, -2.0f}, {0x0001, 0x1p-133f}, {0x7f7f, 0x1.fep127f}, {0x3eab, 0x1.56p-2f}};
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        uint16_t bits = halves[i].bits;
        reshift_array array = {.dtype = RESHIFT_F16, .n_dims = 1, .shape = {1}, .data = &bits};
        float value = 9;
        assert_true(weights_convert(&array, &value));
        assert_memory_equal(&value, &halves[i].value, sizeof value);
    }
    for (size_t i = 0; i < sizeof brains / sizeof brains[0]; i++) {
        uint16_t bits = brains[i].bits;
        reshift_array array = {.dtype = RESHIFT_BF16, .n_dims = 1, .shape = {1}, .data = &bits};
        float value = 9;
        assert_true(weights_convert(&array, &value));
        assert_memory_equal(&value, &brains[i].value, sizeof value);
    }
    double third = 1.0 / 3.0;
    float value;
    reshift_array array = {.dtype = RESHIFT_F64, .n_dims = 0, .data = &third};
    assert_true(weights_convert(&array, &value));
    assert_true(value == (float)(1.0 / 3.0));
    array.dtype = RESHIFT_I64;
    assert_false(weights_convert(&array, &value));
}

/* Averaged and converted checkpoints have counters of any dtype; one that is no count is 0. */
static void test_counters_of_any_dtype(void **state)
{
    (void)state;
    reshift_error error;
    static const struct {
        reshift_dtype dtype;
        double value;
        int64_t expected;
    } cases[] = {{RESHIFT_F32, 1250.5, 1250}, {RESHIFT_F16, 3, 3},    {RESHIFT_F64, 1e6, 1000000},
                 {RESHIFT_I32, 7, 7},         {RESHIFT_U8, 9, 9},     {RESHIFT_F32, NAN, 0},
                 {RESHIFT_F32, -1, 0},        {RESHIFT_F64, 1e300, 0}};
    const int64_t scalar[1] = {1};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        reshift_tensors *tensors = altered("layer1.0.bn1.num", ""), *back = NULL;
        reshift_model *model = NULL;
        add(tensors, "layer1.0.bn1.num_batches_tracked", cases[c].dtype, 0, scalar);
        void *data = reshift_tensors_find(tensors, "layer1.0.bn1.num_batches_tracked")->data;
        switch (cases[c].dtype) {
        case RESHIFT_F32: *(float *)data = (float)cases[c].value; break;
        case RESHIFT_F64: *(double *)data = cases[c].value; break;
        case RESHIFT_F16: *(uint16_t *)data = 0x4200; break; /* 3 */
        case RESHIFT_I32: *(int32_t *)data = (int32_t)cases[c].value; break;
        default: *(uint8_t *)data = (uint8_t)cases[c].value; break;
        }
        check_ok(reshift_model_from_tensors(tensors, &model, &error));
        check_ok(reshift_model_to_tensors(model, &back, &error));
        assert_true(*(int64_t *)reshift_tensors_find(back, "layer1.0.bn1.num_batches_tracked")->data ==
                    cases[c].expected);
        reshift_tensors_destroy(&back);
        reshift_tensors_destroy(&tensors);
        reshift_model_destroy(&model);
    }
}

/* A checkpoint of another precision loads: fc.bias as float16 and as float64. */
static void test_other_precisions_load(void **state)
{
    (void)state;
    reshift_error error;
    int64_t shape[1] = {10};
    static const reshift_dtype dtypes[] = {RESHIFT_F16, RESHIFT_BF16, RESHIFT_F64};
    for (int d = 0; d < 3; d++) {
        reshift_tensors *tensors = altered("fc.bias", "");
        add(tensors, "fc.bias", dtypes[d], 1, shape);
        void *data = reshift_tensors_find(tensors, "fc.bias")->data;
        for (int k = 0; k < 10; k++) { /* -2, whose upper half is the same in float16 and bfloat16 */
            if (dtypes[d] == RESHIFT_F64) {
                ((double *)data)[k] = -2.0;
            } else {
                ((uint16_t *)data)[k] = 0xc000;
            }
        }
        reshift_model *model = NULL;
        check_ok(reshift_model_from_tensors(tensors, &model, &error));
        assert_true(values_of(model, "fc.bias")[9] == -2.0f);
        reshift_tensors_destroy(&tensors);
        reshift_model_destroy(&model);
    }
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    int64_t head[2] = {10, 512}, bias[1] = {10}, one[1] = {1}, conv[4] = {32, 16, 1, 1}, pair[1] = {2};
    expect_error(altered("layer2.0.bn1.bias", ""), RESHIFT_ERROR_SHAPE, "missing tensor 'layer2.0.bn1.bias'");
    expect_error(altered("layer3.0.conv1.weight", ""), RESHIFT_ERROR_SHAPE, "missing tensor 'layer3.0.conv1.weight'");
    expect_error(altered("conv1.weight", ""), RESHIFT_ERROR_SHAPE,
                 "missing tensors 'conv1.weight', 'layer1.0.conv1.weight', 'layer2.0.conv1.weight' and 2 more");
    expect_error(altered("fc.weight", ""), RESHIFT_ERROR_SHAPE,
                 "tensor 'fc.bias': expected [1000], found [10]; missing tensor 'fc.weight'");
    expect_error(altered("layer1.0.bn2.running", ""), RESHIFT_ERROR_SHAPE,
                 "missing tensors 'layer1.0.bn2.running_mean', 'layer1.0.bn2.running_var'");

    reshift_tensors *tensors = altered("fc.weight", "");
    add(tensors, "fc.weight", RESHIFT_F32, 2, head);
    expect_error(
        tensors, RESHIFT_ERROR_SHAPE,
        "tensor 'fc.weight': expected [1000,128], found [10,512]; tensor 'fc.bias': expected [1000], found [10]");
    tensors = altered("fc.bias", "");
    add(tensors, "fc.bias", RESHIFT_F32, 0, bias);
    expect_error(tensors, RESHIFT_ERROR_SHAPE, "tensor 'fc.bias': expected [10], found []");
    tensors = altered("layer2.0.conv1.weight", "");
    add(tensors, "layer2.0.conv1.weight", RESHIFT_F32, 4, conv);
    expect_error(tensors, RESHIFT_ERROR_SHAPE,
                 "tensor 'layer2.0.conv1.weight': expected [32,16,3,3], found [32,16,1,1]");
    tensors = altered("bn1.weight", "");
    expect_error(tensors, RESHIFT_ERROR_SHAPE,
                 "missing tensors 'bn1.weight', 'layer1.0.bn1.weight', 'layer2.0.bn1.weight' and 2 more");

    tensors = altered(NULL, "");
    add(tensors, "stem.weight", RESHIFT_F32, 1, one);
    expect_error(tensors, RESHIFT_ERROR_SHAPE, "unexpected tensor 'stem.weight'");
    tensors = altered("fc.bias", "");
    add(tensors, "layer1.1.bn3.oddity", RESHIFT_F32, 1, one);
    /* a second block in layer1 is another network */
    expect_error(tensors, RESHIFT_ERROR_UNSUPPORTED,
                 "not a residual network of torchvision's family: basic residual blocks 2, 1, 1, 1 of 16, 32, 64, 128 "
                 "channels behind a 3x3 convolution are none of them");
    tensors = altered("fc.bias", "");
    add(tensors, "a", RESHIFT_F32, 1, one);
    add(tensors, "b", RESHIFT_F32, 1, one);
    add(tensors, "c", RESHIFT_F32, 1, one);
    add(tensors, "d", RESHIFT_F32, 1, one);
    expect_error(tensors, RESHIFT_ERROR_SHAPE, "missing tensor 'fc.bias'; unexpected tensors 'a', 'b', 'c' and 1 more");

    tensors = altered("fc.bias", "");
    add(tensors, "fc.bias", RESHIFT_I32, 1, bias);
    expect_error(tensors, RESHIFT_ERROR_SHAPE,
                 "tensor 'fc.bias': expected float32, float16, bfloat16 or float64, found int32");
    tensors = altered("layer1.0.bn1.num", "");
    add(tensors, "layer1.0.bn1.num_batches_tracked", RESHIFT_I64, 1, pair);
    expect_error(tensors, RESHIFT_ERROR_SHAPE,
                 "tensor 'layer1.0.bn1.num_batches_tracked': expected one number, found int64 [2]");
}

static void test_values_that_cannot_be(void **state)
{
    (void)state;
    reshift_tensors *tensors = altered(NULL, "");
    ((float *)reshift_tensors_find(tensors, "layer1.0.conv2.weight")->data)[5] = NAN;
    expect_error(tensors, RESHIFT_ERROR_NUMERIC, "tensor 'layer1.0.conv2.weight': element 5 is not finite");
    tensors = altered(NULL, "");
    ((float *)reshift_tensors_find(tensors, "bn1.running_var")->data)[2] = -0.5f;
    expect_error(tensors, RESHIFT_ERROR_NUMERIC, "tensor 'bn1.running_var': element 2 is negative, found -0.5");
}

/* ---- initial values ---- */

static void moments(const float *values, size_t n, double *mean, double *variance)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
        squares += (double)values[i] * values[i];
    }
    *mean = sum / (double)n;
    *variance = squares / (double)n - *mean * *mean;
}

/* Distributions are torchvision's: within five standard errors of the mean and of the variance. */
static void test_initial_values(void **state)
{
    (void)state;
    reshift_error error;
    reshift_model *model = NULL;
    check_ok(reshift_model_create("resnet50", 10, 3, &model, &error));
    const graph *g = model_network(model)->graph;
    for (int p = 0; p < g->n_parameters; p++) {
        const graph_parameter *parameter = &g->parameters[p];
        const float *values = network_parameter(model_network(model), p);
        double n = (double)parameter->count, mean, variance;
        moments(values, parameter->count, &mean, &variance);
        if (parameter->n_dims == 4) {
            double expected = 2.0 / (double)(parameter->shape[0] * parameter->shape[2] * parameter->shape[3]);
            assert_true(fabs(mean) < 5 * sqrt(expected / n));
            assert_true(fabs(variance / expected - 1) < 5 * sqrt(2 / n));
        } else if (parameter->n_dims == 2) {
            double bound = 1 / sqrt(2048.0), expected = bound * bound / 3, largest = 0;
            for (size_t i = 0; i < parameter->count; i++) {
                largest = fmax(largest, fabs((double)values[i]));
            }
            assert_true(largest <= bound && largest > 0.999 * bound);
            assert_true(fabs(mean) < 5 * sqrt(expected / n));
            assert_true(fabs(variance / expected - 1) < 5 * sqrt(0.8 / n)); /* a uniform's fourth moment: 9/5 var^2 */
        } else if (parameter->role == GRAPH_GAMMA || parameter->role == GRAPH_RUNNING_VAR) {
            assert_true(mean == 1 && variance == 0);
        } else if (parameter->role == GRAPH_BETA || parameter->role == GRAPH_RUNNING_MEAN) {
            assert_true(mean == 0 && variance == 0);
        } else {
            assert_string_equal(parameter->name, "fc.bias");
            assert_true(variance > 0);
        }
    }
    reshift_model_destroy(&model);
}

/* Keyed by seed and name: the same for the same seed, another for another, whatever the rest of the network. */
static void test_initial_values_are_keyed(void **state)
{
    (void)state;
    reshift_error error;
    reshift_model *a = NULL, *b = NULL, *c = NULL, *d = NULL;
    check_ok(reshift_model_create("resnet18", 10, 3, &a, &error));
    check_ok(reshift_model_create("resnet18", 10, 3, &b, &error));
    check_ok(reshift_model_create("resnet18", 10, 4, &c, &error));
    check_ok(reshift_model_create("resnet34", 10, 3, &d, &error));
    size_t bytes = model_network(a)->graph->n_floats * sizeof(float);
    assert_memory_equal(model_network(a)->values, model_network(b)->values, bytes);
    assert_memory_not_equal(values_of(a, "layer1.0.conv1.weight"), values_of(c, "layer1.0.conv1.weight"), 4096);
    assert_memory_not_equal(values_of(a, "layer1.0.conv1.weight"), values_of(a, "layer1.0.conv2.weight"), 4096);
    assert_memory_equal(values_of(a, "layer4.1.conv2.weight"), values_of(d, "layer4.1.conv2.weight"), 4096);
    reshift_model_destroy(&a);
    reshift_model_destroy(&b);
    reshift_model_destroy(&c);
    reshift_model_destroy(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),        cmocka_unit_test(test_older_files_lack_counters),
        cmocka_unit_test(test_wrapped_names),         cmocka_unit_test(test_half_precisions),
        cmocka_unit_test(test_counters_of_any_dtype), cmocka_unit_test(test_other_precisions_load),
        cmocka_unit_test(test_what_is_wrong),         cmocka_unit_test(test_values_that_cannot_be),
        cmocka_unit_test(test_initial_values),        cmocka_unit_test(test_initial_values_are_keyed),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
