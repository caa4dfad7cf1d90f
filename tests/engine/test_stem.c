/*
 * The collapsed beginning of a ResNet against its definition in double precision (enlarge, normalise, convolve with
 * zero padding, batch norm, ReLU, pool) and against the plain way through the plan.
 */
#include "check.h"

#include <math.h>
#include <omp.h>

#include "base/random.h"
#include "engine/plan.h"
#include "engine/stem.h"
#include "imaging/preprocess.h"
#include "plan_values.h"

static const float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};

static network *make_network(int channels, int kernel, int stride)
{
    graph *g = graph_create();
    graph_begin_block(g, "conv1", NULL);
    int x = graph_add_conv(g, "conv1", graph_add_input(g, 3), channels, graph_square(kernel, stride, kernel / 2));
    x = graph_add_relu(g, "relu", graph_add_batchnorm(g, "bn1", x));
    graph_add_maxpool(g, "maxpool", x, graph_square(3, 2, 1));
    network *net = network_create(g);
    random_stream stream = random_open(3, "stem-test", 0, 0);
    for (int i = 0; i < g->n_parameters; i++) {
        for (size_t k = 0; k < g->parameters[i].count; k++) {
            double value = random_gaussian(&stream);
            bool positive = g->parameters[i].role == GRAPH_RUNNING_VAR;
            network_parameter(net, i)[k] = (float)(positive ? 0.5 + value * value : value);
        }
        network_touch(net, i);
    }
    return net;
}

static uint8_t *make_images(int n, int height, int width)
{
    random_stream stream = random_open(5, "stem-images", 0, 0);
    size_t count = (size_t)n * (size_t)height * (size_t)width * 3;
    uint8_t *images = malloc(count);
    for (size_t i = 0; i < count; i++) {
        images[i] = (uint8_t)random_below(&stream, 256);
    }
    return images;
}

/* A sample of the enlarged axis at `r`: half-pixel centres, edges repeated. */
static void place(int r, int in, int size, int *left, int *right, double *part)
{
    double at = (r + 0.5) * in / size - 0.5;
    at = at < 0 ? 0 : at;
    *left = (int)at < in - 1 ? (int)at : in - 1;
    *right = *left < in - 1 ? *left + 1 : *left;
    *part = at - *left < 1 ? at - *left : 1;
}

/* [size,size,3] normalised, and the same of absolute values (for the bound). */
static void enlarge(const uint8_t *image, int height, int width, int size, double *values, double *sizes)
{
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            int top, bottom, left, right;
            double down, across;
            place(y, height, size, &top, &bottom, &down);
            place(x, width, size, &left, &right, &across);
            for (int c = 0; c < 3; c++) {
                double upper =
                    image[(top * width + left) * 3 + c] * (1 - across) + image[(top * width + right) * 3 + c] * across;
                double lower = image[(bottom * width + left) * 3 + c] * (1 - across) +
                               image[(bottom * width + right) * 3 + c] * across;
                double value = (upper * (1 - down) + lower * down) / 255;
                values[(y * size + x) * 3 + c] = (value - (double)mean[c]) / (double)deviation[c];
                sizes[(y * size + x) * 3 + c] = (value + (double)mean[c]) / (double)deviation[c];
            }
        }
    }
}

static double relu(double x) { return x > 0 ? x : 0; }

static void check_stem(int channels, int kernel, int stride, int height, int width, int size, int n)
{
    reshift_error error;
    network *net = make_network(channels, kernel, stride);
    uint8_t *images = make_images(n, height, width);
    stem *s;
    check_ok(stem_create(net, height, width, size, mean, deviation, &s, &error));
    assert_non_null(s);
    int64_t shape[3];
    stem_output_shape(s, shape);
    int conv_size = (size + 2 * (kernel / 2) - kernel) / stride + 1, pooled = (conv_size - 1) / 2 + 1;
    assert_int_equal(shape[0], pooled);
    assert_int_equal(shape[1], pooled);
    assert_int_equal(shape[2], channels);
    size_t per_image = (size_t)(shape[0] * shape[1] * shape[2]);
    float *output = aligned_alloc(64, (size_t)n * per_image * sizeof(float));
    check_ok(stem_run(s, images, n, output, &error));

    int taps_down = 0;
    double collapsed, plain;
    stem_multiply_adds(s, &collapsed, &plain);
    while ((double)conv_size * conv_size * channels * 3 * taps_down * taps_down < collapsed) {
        taps_down++;
    }
    /*
     * Roundings on the way to a value: one a product and one a sum for each tap, one of the filter, and the float
     * weights of the enlargement (one a tap of each axis, and as much again where a class takes its first member's).
     */
    double unit = ldexp(1, -24), bound_per_size = unit * (3 * taps_down * taps_down + 1 + 4 + 2);
    const float *w = network_parameter(net, 0), *gamma = network_parameter(net, 1), *beta = network_parameter(net, 2);
    const float *running = network_parameter(net, 3), *variance = network_parameter(net, 4);
    double *values = malloc((size_t)(size * size * 3) * sizeof *values),
           *sizes = malloc((size_t)(size * size * 3) * sizeof *sizes);
    double *conv = malloc((size_t)(conv_size * conv_size) * sizeof *conv),
           *bounds = malloc((size_t)(conv_size * conv_size) * sizeof *bounds);
    double worst = 0;
    int image = n - 1;
    enlarge(images + (size_t)image * (size_t)(height * width * 3), height, width, size, values, sizes);
    for (int o = 0; o < channels; o += 13) {
        double scale = (double)gamma[o] / sqrt((double)variance[o] + 1e-5);
        for (int y = 0; y < conv_size; y++) {
            for (int x = 0; x < conv_size; x++) {
                double sum = 0, total = 0;
                for (int k = 0; k < kernel * kernel; k++) {
                    int r = y * stride - kernel / 2 + k / kernel, q = x * stride - kernel / 2 + k % kernel;
                    for (int c = 0; c < 3 && r >= 0 && r < size && q >= 0 && q < size; c++) {
                        double weight = (double)w[(o * 3 + c) * kernel * kernel + k] * scale;
                        sum += weight * values[(r * size + q) * 3 + c];
                        total += fabs(weight) * sizes[(r * size + q) * 3 + c];
                    }
                }
                double shift = (double)beta[o] - (double)running[o] * scale;
                conv[y * conv_size + x] = relu(sum + shift);
                bounds[y * conv_size + x] = bound_per_size * (total + fabs(shift));
            }
        }
        for (int y = 0; y < pooled; y++) {
            for (int x = 0; x < pooled; x++) {
                double most = 0, bound = 0;
                for (int k = 0; k < 9; k++) {
                    int r = 2 * y - 1 + k / 3, q = 2 * x - 1 + k % 3;
                    if (r >= 0 && r < conv_size && q >= 0 && q < conv_size) {
                        most = conv[r * conv_size + q] > most ? conv[r * conv_size + q] : most;
                        bound = bounds[r * conv_size + q] > bound ? bounds[r * conv_size + q] : bound;
                    }
                }
                double found = (double)output[(size_t)image * per_image + (size_t)((y * pooled + x) * channels + o)];
                double off = fabs(found - most) / bound;
                worst = off > worst ? off : worst;
                if (off > 1) {
                    fail_msg("channel %d at (%d,%d): expected %.9g, found %.9g, bound %.3g", o, y, x, most, found,
                             bound);
                }
            }
        }
    }
    print_message("# %dx%d to %d, kernel %d: %d taps, within %.2f of the bound\n", width, height, size, kernel,
                  taps_down, worst);

    /* the plain way */
    plan_options options = {.batch = n, .height = size, .width = size};
    plan *p;
    check_ok(plan_create(net, &options, &p, &error));
    for (int i = 0; i < n; i++) {
        reshift_image source = {height, width, images + (size_t)i * (size_t)(height * width * 3), 0};
        check_ok(preprocess_array(&source, size, mean, deviation, input_of(p) + (size_t)i * (size_t)(size * size * 3),
                                  &error));
    }
    check_ok(plan_forward(p, &error));
    double squares = 0, norm = 0;
    for (size_t i = 0; i < (size_t)n * per_image; i++) {
        double value = (double)output_of(p)[i];
        squares += ((double)output[i] - value) * ((double)output[i] - value);
        norm += value * value;
    }
    assert_true(norm > 0);
    assert_true(sqrt(squares / norm) < 1e-6);
    plan_destroy(&p);

    /* one at a time, and after a change of the weights and back, the same bytes */
    float *again = aligned_alloc(64, per_image * sizeof(float));
    check_ok(stem_run(s, images + (size_t)image * (size_t)(height * width * 3), 1, again, &error));
    assert_memory_equal(again, output + (size_t)image * per_image, per_image * sizeof(float));
    float kept = network_parameter(net, 0)[0];
    network_parameter(net, 0)[0] = kept + 1;
    network_touch(net, 0);
    check_ok(stem_run(s, images, 1, again, &error));
    assert_memory_not_equal(again, output, per_image * sizeof(float));
    network_parameter(net, 0)[0] = kept;
    network_touch(net, 0);
    check_ok(stem_run(s, images, 1, again, &error));
    assert_memory_equal(again, output, per_image * sizeof(float));
    stem_destroy(&s);
    assert_null(s);
    network_destroy(&net);
    free(images);
    free(output);
    free(again);
    free(values);
    free(sizes);
    free(conv);
    free(bounds);
}

static void test_resnet_sizes(void **state)
{
    (void)state;
    check_stem(64, 7, 2, 32, 32, 224, 3);
    check_stem(64, 7, 2, 32, 32, 64, 9);
}

static void test_other_sizes(void **state)
{
    (void)state;
    check_stem(64, 7, 2, 16, 28, 112, 2);
    check_stem(128, 7, 2, 64, 64, 224, 1);
    check_stem(64, 7, 2, 20, 32, 160, 2);
    check_stem(64, 5, 1, 8, 8, 40, 2);
}

static void test_where_it_does_not_pay(void **state)
{
    (void)state;
    reshift_error error;
    stem *s;
    network *net = make_network(64, 7, 2);
    check_ok(stem_create(net, 224, 224, 224, mean, deviation, &s, &error));
    assert_null(s);
    check_ok(stem_create(net, 500, 500, 224, mean, deviation, &s, &error));
    assert_null(s);
    check_ok(stem_create(net, 2, 2, 224, mean, deviation, &s, &error));
    assert_null(s);
    network_destroy(&net);
    net = make_network(24, 7, 2);
    check_ok(stem_create(net, 32, 32, 224, mean, deviation, &s, &error));
    assert_null(s);
    network_destroy(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resnet_sizes),
        cmocka_unit_test(test_other_sizes),
        cmocka_unit_test(test_where_it_does_not_pay),
    };
    return cmocka_run_group_tests_name("stem", tests, NULL, NULL);
}
