/* How the tests of back ends fill a plan and read it. */
#ifndef TESTS_ENGINE_RUN_PLAN_H
#define TESTS_ENGINE_RUN_PLAN_H

#include "check.h"

#include "engine/plan.h"

static inline int64_t plan_input_count(const plan *p)
{
    int n_dims;
    int64_t shape[4], count = 1;
    plan_input_shape(p, &n_dims, shape);
    for (int d = 0; d < n_dims; d++) {
        count *= shape[d];
    }
    return count;
}

#ifdef OLD
static inline void run_write(plan *p, const float *values)
{
    memcpy(plan_input(p), values, (size_t)plan_input_count(p) * sizeof(float));
}
static inline const float *run_output(plan *p) { return plan_output(p); }
static inline const float *run_gradient(plan *p, int parameter) { return plan_gradient(p, parameter); }
#else
static inline void run_write(plan *p, const float *values)
{
    assert_int_equal(plan_input_width(p), sizeof(float));
    memcpy(plan_staging(p), values, (size_t)plan_input_count(p) * sizeof(float));
}

static inline const float *run_output(plan *p)
{
    reshift_error error;
    plan_results results;
    check_ok(plan_read(p, &results, &error));
    return results.output;
}

static inline const float *run_gradient(plan *p, int parameter)
{
    reshift_error error;
    const float *gradient;
    check_ok(plan_read_gradient(p, parameter, &gradient, &error));
    return gradient;
}
#endif

#endif
