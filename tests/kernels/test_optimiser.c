/* Adam against the formula in double precision, over spans with their own rates, saved and restored in the middle. */
#include "check.h"

#include <math.h>

#include "kernels/optimiser.h"

enum { n_first = 40001, n_second = 7, steps = 50 };

static float gradient_at(int span, size_t i, int t)
{
    uint32_t h = (uint32_t)(i * 2654435761u) ^ (uint32_t)(t * 40503 + span * 977);
    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    return ((float)(h >> 8) * 0x1p-24f - 0.5f) * (span ? 1e-3f : 1.0f);
}

typedef struct problem {
    float *values[2], *gradients[2];
    optimiser *optimiser;
} problem;

static const size_t counts[2] = {n_first, n_second};
static const double rates[2] = {1e-3, 1e-2};

static void problem_create(problem *p)
{
    reshift_error error;
    for (int s = 0; s < 2; s++) {
        p->values[s] = malloc(counts[s] * sizeof(float));
        p->gradients[s] = malloc(counts[s] * sizeof(float));
        for (size_t i = 0; i < counts[s]; i++) {
            p->values[s][i] = (float)i * 1e-3f - 1;
        }
    }
    optimiser_span spans[2] = {{p->values[0], n_first, rates[0]}, {p->values[1], n_second, rates[1]}};
    check_ok(optimiser_create(&(optimiser_rule){0}, spans, 2, &p->optimiser, &error));
}

static void problem_destroy(problem *p)
{
    optimiser_destroy(&p->optimiser);
    for (int s = 0; s < 2; s++) {
        free(p->values[s]);
        free(p->gradients[s]);
    }
}

static void advance(problem *p, int t)
{
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < counts[s]; i++) {
            p->gradients[s][i] = gradient_at(s, i, t);
        }
    }
    optimiser_advance(p->optimiser, 1, (const float *const[]){p->gradients[0], p->gradients[1]});
}

/*
 * Each step moves a value by at most about its rate (|m| / sqrt(v) is near 1 or below), computed with a relative error
 * of some 10 roundings of 6e-8 and stored with half an ulp of a value below 64: 64 * 6e-8 a step at most. The sums of
 * 50 steps: 50 (rate 10 6e-8 + |value| 6e-8).
 */
static void test_formula(void **state)
{
    (void)state;
    problem p;
    problem_create(&p);
    for (int t = 1; t <= steps; t++) {
        advance(&p, t);
    }
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < counts[s]; i++) {
            double value = (double)((float)i * 1e-3f - 1), m = 0, v = 0;
            for (int t = 1; t <= steps; t++) {
                double g = (double)gradient_at(s, i, t);
                m = 0.9 * m + 0.1 * g;
                v = 0.999 * v + 0.001 * g * g;
                value -= rates[s] / (1 - pow(0.9, t)) * m / (sqrt(v) / sqrt(1 - pow(0.999, t)) + 1e-8);
            }
            double bound = steps * (rates[s] * 10 + fabs(value)) * 6e-8;
            if (fabs(value - (double)p.values[s][i]) > bound) {
                fail_msg("span %d, value %zu: expected %.9g, found %.9g, allowed %.3g", s, i, value,
                         (double)p.values[s][i], bound);
            }
        }
    }
    problem_destroy(&p);
}

static void test_restored_state_goes_on_with_the_same_bits(void **state)
{
    (void)state;
    problem whole, first, second;
    problem_create(&whole);
    problem_create(&first);
    problem_create(&second);
    for (int t = 1; t <= steps; t++) {
        advance(&whole, t);
        if (t <= steps / 2) {
            advance(&first, t);
        }
    }
    for (int s = 0; s < 2; s++) {
        memcpy(second.values[s], first.values[s], counts[s] * sizeof(float));
        for (int which = 0; which < optimiser_states(first.optimiser); which++) {
            memcpy(optimiser_state(second.optimiser, which, s), optimiser_state(first.optimiser, which, s),
                   counts[s] * sizeof(float));
        }
    }
    optimiser_set_steps(second.optimiser, optimiser_steps(first.optimiser));
    for (int t = steps / 2 + 1; t <= steps; t++) {
        advance(&second, t);
    }
    for (int s = 0; s < 2; s++) {
        assert_memory_equal(whole.values[s], second.values[s], counts[s] * sizeof(float));
    }
    assert_int_equal(optimiser_steps(second.optimiser), steps);
    problem_destroy(&whole);
    problem_destroy(&first);
    problem_destroy(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_restored_state_goes_on_with_the_same_bits),
    };
    return cmocka_run_group_tests_name("optimiser", tests, NULL, NULL);
}
