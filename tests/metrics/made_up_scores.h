/* The synthetic scores of golden/make_metrics.py, with identical numbers. */
#ifndef TESTS_METRICS_MADE_UP_SCORES_H
#define TESTS_METRICS_MADE_UP_SCORES_H

#include "check.h"

#include "reshift/array.h"

static inline uint32_t made_up_word(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/** Fills labels [n]; the caller destroys the array. */
static inline reshift_array made_up_scores(int n, int k, uint32_t seed, float scale, float help, int *labels)
{
    reshift_array array;
    reshift_error error;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, k}, &array, &error));
    float *z = array.data;
    for (int i = 0; i < n; i++) {
        labels[i] = (int)(made_up_word(&seed) % (uint32_t)k);
        for (int j = 0; j < k; j++) {
            z[i * k + j] = ((float)(made_up_word(&seed) >> 8) / (float)(1 << 24) - 0.5f) * (2 * scale);
        }
        z[i * k + labels[i]] += help;
    }
    return array;
}

#endif
