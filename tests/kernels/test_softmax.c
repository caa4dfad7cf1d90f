/*
 * The forms of softmax.h for one row against long double: probabilities, cross-entropy with and without smoothing,
 * entropy, and gradients. Logits are small, equal, far apart (1e30), and single; 1 to 40 classes.
 */
#include "check.h"

#include <math.h>

#include "base/random.h"
#include "kernels/softmax.h"

enum { CLASSES = 40, TRIALS = 2000 };

typedef struct row {
    float z[CLASSES];
    double wide[CLASSES];
    long double p[CLASSES], log_p[CLASSES];
    int n, label, best;
} row;

static row draw(random_stream *stream, int trial)
{
    static const float sizes[] = {1, 0, 1e-30f, 30, 1000, 1e30f};
    row r = {.n = 1 + trial % CLASSES};
    long double sum = 0;
    r.label = (int)random_below(stream, (uint64_t)r.n);
    for (int k = 0; k < r.n; k++) {
        r.z[k] = sizes[trial % 6] * (float)random_gaussian(stream);
        r.z[k] = trial % 7 == 0 ? rintf(r.z[k]) : r.z[k]; /* equal ones, too */
        r.wide[k] = (double)r.z[k];
        r.best = r.z[k] > r.z[r.best] ? k : r.best;
    }
    const long double largest = (long double)r.z[r.best];
    for (int k = 0; k < r.n; k++) {
        sum += expl((long double)r.z[k] - largest);
    }
    for (int k = 0; k < r.n; k++) {
        r.log_p[k] = (long double)r.z[k] - largest - logl(sum);
        r.p[k] = expl(r.log_p[k]);
    }
    return r;
}

/* `found` within `roundings` units of the last place of double (or of float: `unit`) of `expected`, or of `size` if
 * larger. */
static void near(long double expected, double found, double roundings, double unit, long double size)
{
    const long double bound = (long double)roundings * (long double)unit * fmaxl(fabsl(expected), size) + 1e-45L;
    if (!(fabsl(expected - (long double)found) <= bound)) {
        fail_msg("expected %.17Lg, found %.17g, allowed %.3Lg", expected, found, bound);
    }
}

/* A double sum of n terms and one quotient, then rounded to float; the rounded form's differences are off by 2^-24 of
 * them. */
static void test_probabilities(void **state)
{
    (void)state;
    random_stream stream = random_open(5, "softmax", 0, 0);
    for (int trial = 0; trial < TRIALS; trial++) {
        const row r = draw(&stream, trial);
        float p[CLASSES], rounded[CLASSES], in_place[CLASSES];
        softmax_probabilities(r.z, r.n, p);
        softmax_probabilities_rounded(r.z, r.n, rounded);
        memcpy(in_place, r.z, sizeof in_place);
        softmax_probabilities(in_place, r.n, in_place);
        assert_memory_equal(in_place, p, (size_t)r.n * sizeof *p);
        const softmax_row sums = softmax_of(r.z, r.n);
        assert_int_equal(sums.best, r.best);
        for (int k = 0; k < r.n; k++) {
            near(r.p[k], (double)p[k], 1, 0x1p-24, 0);
            near(r.p[k], softmax_probability(&sums, r.z[k]), r.n + 8, 0x1p-52, 0);
            near(r.p[k], (double)rounded[k], 2 + 2 * fmin(200, fabs(r.wide[k] - sums.largest) + 8), 0x1p-24, 0);
        }
    }
}

static void test_losses(void **state)
{
    (void)state;
    random_stream stream = random_open(6, "softmax", 0, 0);
    for (int trial = 0; trial < TRIALS; trial++) {
        const row r = draw(&stream, trial);
        const double smoothing = trial % 3 ? 0 : 0.1, rows = 64;
        float gradient[CLASSES], of_entropy[CLASSES], single[CLASSES];
        int correct, same;
        long double loss = 0, entropy = 0, size = 1;
        for (int k = 0; k < r.n; k++) {
            const long double target = (long double)((k == r.label) * (1 - smoothing) + smoothing / r.n);
            loss -= target > 0 ? target * r.log_p[k] : 0;
            entropy -= r.p[k] > 0 ? r.p[k] * r.log_p[k] : 0;
            size = fmaxl(size, fabsl(r.log_p[k]));
        }
        near(loss, softmax_cross_entropy(r.z, r.n, r.label, smoothing, rows, gradient, &correct), 4 * r.n + 8, 0x1p-52,
             size);
        near(loss, softmax_cross_entropy(r.z, r.n, r.label, smoothing, rows, NULL, &same), 4 * r.n + 8, 0x1p-52, size);
        assert_int_equal(correct, r.best == r.label);
        assert_int_equal(same, correct);
        near(entropy, softmax_entropy(r.z, r.n, rows, of_entropy), 4 * r.n + 8, 0x1p-52, 1);
        const float alone = softmax_cross_entropy_f32(r.z, r.n, r.label, 0.5f, single, &same);
        assert_int_equal(same, correct);
        near(-r.log_p[r.label], (double)alone, r.n + 8, 0x1p-24, 1);
        for (int k = 0; k < r.n; k++) {
            const long double target = (long double)((k == r.label) * (1 - smoothing) + smoothing / r.n);
            /* a difference of doubles may be small: its absolute error is theirs, 2^-28 of which float would see */
            const long double absolute = (4 * r.n + 8) * 0x1p-29L;
            near((r.p[k] - target) / 64, (double)gradient[k], 2, 0x1p-24, absolute);
            near(r.p[k] > 0 ? -r.p[k] * (r.log_p[k] + entropy) / 64 : 0, (double)of_entropy[k], 2, 0x1p-24, absolute);
            /* the difference is rounded before the exponential: 2^-24 of it enters p */
            const long double off =
                (r.n + 8 + fminl(200, fabsl((long double)r.z[k] - (long double)r.z[r.best]))) * r.p[k] + 1;
            near(0.5L * (r.p[k] - (k == r.label)), (double)single[k], (double)off, 0x1p-24, 1);
        }
    }
}

static void test_float64(void **state)
{
    (void)state;
    random_stream stream = random_open(7, "softmax", 0, 0);
    for (int trial = 0; trial < TRIALS; trial++) {
        const row r = draw(&stream, trial);
        double z[CLASSES], sum, largest;
        memcpy(z, r.wide, sizeof z);
        assert_true(softmax_exponentials_f64(z, r.n, &sum) == r.wide[r.best]);
        for (int k = 0; k < r.n; k++) {
            near(r.p[k], z[k] / sum, r.n + 8, 0x1p-52, 0);
            assert_true(softmax_weight(r.wide[k], r.wide[r.best], 1) == z[k]);
        }
        const double t = 0.5 + random_uniform(&stream);
        long double total = 0, mean = 0, size = 0;
        for (int k = 0; k < r.n; k++) {
            const long double difference = (long double)r.wide[k] - (long double)r.wide[r.best];
            const long double e = expl((long double)t * difference);
            total += e;
            mean += e > 0 ? e * difference : 0;
            size += e > 0 ? e * fabsl(difference) * (1 + (long double)t * fabsl(difference)) : 0;
        }
        near(mean / total, softmax_mean_f64(r.wide, r.n, t, &largest), r.n + 8, 0x1p-52, size / total);
        assert_true(largest == r.wide[r.best]);
    }
}

/* Not-a-number spoils its row and nothing else; minus infinity is probability 0. */
static void test_not_finite(void **state)
{
    (void)state;
    const float spoiled[] = {1, NAN, 2}, none[] = {1, -INFINITY, 1};
    float p[3];
    softmax_probabilities(spoiled, 3, p);
    assert_true(isnan(p[0]) && isnan(p[1]) && isnan(p[2]));
    softmax_probabilities(none, 3, p);
    assert_true(p[0] == 0.5f && p[1] == 0 && p[2] == 0.5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_probabilities), cmocka_unit_test(test_losses),
                                       cmocka_unit_test(test_float64), cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests_name("softmax", tests, NULL, NULL);
}
