/* The synthetic features of golden/make_golden.py, with identical numbers. */
#ifndef TESTS_METRICS_MADE_UP_H
#define TESTS_METRICS_MADE_UP_H

#include "check.h"

#include "reshift/array.h"

static inline reshift_array made_up(int64_t n, int64_t d, int n_classes, uint32_t state)
{
    reshift_array array;
    reshift_error error;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, d}, &array, &error));
    float *x = array.data;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < d; j++) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            float noise = (float)(state >> 8) / (float)(1 << 24);
            x[i * d + j] =
                noise * (float)(1 + j % 5) + (float)((i % n_classes) * (j % 3 == 0)) + (float)(100 * (j == 1));
        }
    }
    return array;
}

#endif
