/* A plan's host memory in one call each, for tests. */
#ifndef TESTS_PLAN_VALUES_H
#define TESTS_PLAN_VALUES_H

#include "check.h"

#include "engine/plan.h"

/** Where the next batch is written; float32 only. */
static inline float *input_of(plan *p) { return plan_staging(p); }

/** Of the last forward pass; features NULL where the plan has none of its own. */
static inline const float *output_of(plan *p)
{
    reshift_error error;
    plan_results results;
    check_ok(plan_read(p, &results, &error));
    return results.output;
}

static inline const float *features_of(plan *p)
{
    reshift_error error;
    plan_results results;
    check_ok(plan_read(p, &results, &error));
    return results.features;
}

/** Of the last backward pass; NULL for a parameter that is not trained. */
static inline const float *gradient_of(plan *p, int parameter)
{
    reshift_error error;
    const float *gradient;
    check_ok(plan_read_gradient(p, parameter, &gradient, &error));
    return gradient;
}

#endif
