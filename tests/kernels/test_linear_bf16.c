/*
 * The bfloat16 kernels of the linear layer. Small whole numbers are exact in bfloat16 and so are their sums in float32,
 * in any order: there the kernels give the bits of the float32 ones. Other numbers against sums in double precision of
 * the rounded ones.
 */
#include "check.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/linear.h"

static const linear_bf16 *kernels;

static const struct {
    int n, k;
    int64_t d;
} shapes[] = {{1, 1, 1},  {64, 10, 2048}, {63, 16, 129}, {5, 17, 127}, {9, 40, 300},
              {3, 2, 15}, {7, 10, 48},    {2, 3, 32},    {64, 10, 33}, {4, 25, 544}};
enum { n_shapes = sizeof shapes / sizeof *shapes, stride = 80 };

typedef struct layer {
    linear l;
    float *x, *delta;
    uint16_t *x_bf16, *weight;
    uint32_t *pairs;
    const float *rows[LINEAR_TILE];
    const uint16_t *rows_bf16[LINEAR_TILE];
    int n;
} layer;

static float draw(random_stream *s, bool whole)
{
    return whole ? (float)random_below(s, 17) - 8 : (float)random_gaussian(s);
}

static void layer_create(layer *t, size_t shape, bool whole)
{
    reshift_error error;
    const int n = shapes[shape].n, k = shapes[shape].k;
    const int64_t d = shapes[shape].d;
    check_ok(linear_create(d, k, &t->l, &error));
    t->n = n;
    t->x = malloc((size_t)(n * d) * sizeof *t->x);
    t->delta = memory_allocate((size_t)n * stride * sizeof *t->delta);
    t->x_bf16 = memory_allocate((size_t)(n * linear_rounded(d)) * sizeof *t->x_bf16);
    t->weight = memory_allocate((size_t)linear_pair(&t->l, t->l.n_blocks, 0) * sizeof *t->weight);
    t->pairs = memory_allocate((size_t)(n + 1) / 2 * stride * sizeof *t->pairs);
    float *weight = malloc((size_t)(d * k) * sizeof *weight), *bias = calloc((size_t)k, sizeof *bias);
    random_stream stream = random_open(3, "layer", (uint64_t)whole, shape);
    for (int64_t i = 0; i < d * k; i++) {
        weight[i] = draw(&stream, whole);
    }
    for (int64_t i = 0; i < n * d; i++) {
        t->x[i] = draw(&stream, whole);
    }
    for (int i = 0; i < n * stride; i++) {
        t->delta[i] = draw(&stream, whole) / 64;
    }
    linear_set(&t->l, weight, bias);
    for (int b = 0; b < n; b++) {
        t->rows[b] = t->x + b * d;
        t->rows_bf16[b] = t->x_bf16 + b * linear_rounded(d);
        kernels->round_row(t->rows[b], d, t->x_bf16 + b * linear_rounded(d));
    }
    kernels->round_weights(&t->l, t->weight);
    kernels->round_deltas(t->delta, n, stride, t->pairs);
    free(weight);
    free(bias);
}

static void layer_destroy(layer *t)
{
    linear_destroy(&t->l);
    free(t->x);
    memory_free(t->delta);
    memory_free(t->x_bf16);
    memory_free(t->weight);
    memory_free(t->pairs);
}

static uint16_t nearest(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static double widened(uint16_t bits16)
{
    const uint32_t bits = (uint32_t)bits16 << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

/* Ties to even; zeros behind the row, whatever its length; weights and deltas land where they are said to. */
static void test_rounding(void **state)
{
    (void)state;
    const float given[] = {1, 1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x1.0002p-8f, -1 - 0x1p-8f, 0x1p-100f, 3.3e38f, 0, -0.0f};
    const uint16_t expected[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xbf80, 0x0d80, 0x7f78, 0, 0x8000};
    enum { count = sizeof given / sizeof *given };
    for (int n = 1; n <= count; n++) {
        uint16_t out[32];
        memset(out, 0xff, sizeof out);
        kernels->round_row(given, n, out);
        for (int i = 0; i < 32; i++) {
            assert_int_equal(out[i], i < n ? expected[i] : 0);
        }
    }
    for (size_t shape = 0; shape < n_shapes; shape++) {
        layer t;
        layer_create(&t, shape, false);
        const int64_t d = shapes[shape].d, rounded = linear_rounded(d);
        assert_true(rounded % 32 == 0 && rounded >= d && rounded < d + 32);
        for (int64_t i = 0; i < t.n * rounded; i++) {
            const int64_t column = i % rounded;
            assert_int_equal(t.x_bf16[i], column < d ? nearest(t.x[i / rounded * d + column]) : 0);
        }
        for (int block = 0; block < t.l.n_blocks; block++) {
            for (int64_t i = 0; i < rounded; i++) {
                for (int c = 0; c < LINEAR_CLASSES; c++) {
                    const float *weight = linear_weight(&t.l, block, i / 16) + c * LINEAR_LANES + i % 16;
                    const uint16_t *narrow = t.weight + linear_pair(&t.l, block, i / 32 * 2);
                    assert_int_equal(narrow[c * 32 + i % 32], i / 16 < t.l.n_groups ? nearest(*weight) : 0);
                }
            }
        }
        for (int b = 0; b < t.n + t.n % 2; b++) {
            for (int k = 0; k < stride; k++) {
                const uint32_t pair = t.pairs[b / 2 * stride + k];
                assert_int_equal(b % 2 ? pair >> 16 : pair & 0xffff, b < t.n ? nearest(t.delta[b * stride + k]) : 0);
            }
        }
        layer_destroy(&t);
    }
}

/* Every part of every block; rows that follow, which are asked for meanwhile, change nothing. */
static void test_forward(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2 * n_shapes; s++) {
        const bool whole = s % 2;
        layer t;
        layer_create(&t, s / 2, whole);
        const int64_t rounded = linear_rounded(shapes[s / 2].d);
        float out[LINEAR_TILE * LINEAR_LANES], exact[LINEAR_TILE * LINEAR_LANES];
        for (int64_t part = 0; part < t.l.n_parts; part++) {
            linear_rows r = {.rows_bf16 = t.rows_bf16, .n = t.n}, plain = {.rows = t.rows, .n = t.n};
            plain.n_features = t.l.n_features;
            linear_part_range(&t.l, part, &r.first, &r.last);
            linear_part_range(&t.l, part, &plain.first, &plain.last);
            for (int block = 0; block < t.l.n_blocks; block++) {
                const float *weight = linear_weight(&t.l, block, r.first);
                const uint16_t *narrow = t.weight + linear_pair(&t.l, block, r.first);
                kernels->forward(&r, narrow, out);
                if (whole) {
                    linear_forward(&plain, weight, exact);
                    assert_memory_equal(out, exact, (size_t)t.n * LINEAR_LANES * sizeof(float));
                    continue;
                }
                for (int b = 0; b < t.n; b++) {
                    for (int c = 0; c < LINEAR_LANES; c++) {
                        double sum = 0, magnitude = 0;
                        for (int64_t i = 16 * r.first; i < 16 * r.last && c < LINEAR_CLASSES; i++) {
                            const int64_t at = (i / 32 * 2 - r.first) * LINEAR_GROUP + c * 32 + i % 32;
                            const double term = widened(t.x_bf16[b * rounded + i]) * widened(narrow[at]);
                            sum += term;
                            magnitude += fabs(term);
                        }
                        /* a lane adds two products a group (a rounding each), then four levels of folding */
                        const double bound = (double)(r.last - r.first + 5) * 0x1p-24 * magnitude;
                        assert_true(fabs(sum - (double)out[b * LINEAR_LANES + c]) <= bound);
                    }
                }
            }
        }
        layer_destroy(&t);
    }
}

/* Three steps from the first group on and from behind the first pair, with and without rows that are asked for. */
static void test_descend(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2 * n_shapes; s++) {
        layer t;
        layer_create(&t, s / 2, true);
        const int64_t first = s % 2 && t.l.n_groups > 2 ? 2 : 0;
        linear_rows r = {.rows_bf16 = t.rows_bf16, .n = t.n, .first = first, .last = t.l.n_groups};
        const linear_rows plain = {
            .rows = t.rows, .n = t.n, .n_features = t.l.n_features, .first = first, .last = t.l.n_groups};
        r.coming_bf16 = s % 2 ? t.rows_bf16 : NULL;
        const size_t count = (size_t)(r.last - r.first) * LINEAR_GROUP;
        const size_t pairs = (size_t)(r.last - r.first + 1) / 2 * 2 * LINEAR_GROUP;
        for (int block = 0; block < t.l.n_blocks; block++) {
            float *values[2], *m[2], *v[2];
            uint16_t *rounded = memory_allocate(pairs * sizeof *rounded);
            const float *start = linear_weight(&t.l, block, first);
            for (int way = 0; way < 2; way++) {
                values[way] = memory_allocate(count * sizeof(float));
                m[way] = memory_allocate(count * sizeof(float));
                v[way] = memory_allocate(count * sizeof(float));
                memcpy(values[way], start, count * sizeof(float));
            }
            for (int step = 1; step <= 3; step++) {
                const adam_step constants = adam_step_at(step, 0.01);
                const int64_t column = block * LINEAR_LANES;
                kernels->descend(&r, t.pairs + column, stride, &constants, values[0], m[0], v[0], rounded);
                linear_descend(&plain, t.delta + column, stride, &constants, values[1], m[1], v[1]);
                assert_memory_equal(values[0], values[1], count * sizeof(float));
                assert_memory_equal(m[0], m[1], count * sizeof(float));
                assert_memory_equal(v[0], v[1], count * sizeof(float));
            }
            assert_true(values[0][0] != start[0] || v[0][0] == 0.0f);
            for (size_t i = 0; i < count; i++) {
                const size_t pair = i / (2 * LINEAR_GROUP), c = i / LINEAR_LANES % LINEAR_CLASSES;
                const size_t at = pair * 2 * LINEAR_GROUP + c * 32 + i / LINEAR_GROUP % 2 * 16 + i % 16;
                assert_int_equal(rounded[at], nearest(values[0][i]));
            }
            for (int way = 0; way < 2; way++) {
                memory_free(values[way]);
                memory_free(m[way]);
                memory_free(v[way]);
            }
            memory_free(rounded);
        }
        layer_destroy(&t);
    }
}

int main(void)
{
    kernels = linear_bf16_here();
    if (!kernels) {
        print_message("1..0 # skipped: the processor does not multiply bfloat16\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_descend),
    };
    return cmocka_run_group_tests_name("linear_bf16", tests, NULL, NULL);
}
