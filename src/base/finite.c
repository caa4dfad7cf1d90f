/* Compares the exponent bits as integers: compilers vectorise this, and -ffast-math cannot remove it. */
#include "base/finite.h"

#include <string.h>

int64_t finite_first_bad(const float *values, int64_t n, int64_t width)
{
    int64_t found = n;
#pragma omp parallel for schedule(static) reduction(min : found) if (n * width > 1 << 16)
    for (int64_t i = 0; i < n; i++) {
        const float *row = values + i * width;
        unsigned bad = 0;
        for (int64_t d = 0; d < width; d++) {
            uint32_t bits;
            memcpy(&bits, row + d, sizeof bits);
            bad |= (bits & 0x7fffffffu) >= 0x7f800000u;
        }
        if (bad && i < found) {
            found = i;
        }
    }
    return found;
}
