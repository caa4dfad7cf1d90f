/* Axes with round numbers: steps of 1, 2 or 5 times a power of ten. */
#include "reporting/axis.h"

#include <math.h>
#include <stdio.h>

/* Ticks from this value on, or with more decimals than this, use an exponent: they would overlap otherwise. */
#define LONG_NUMBER 1e6
#define LONG_DECIMALS 6

axis axis_of(double low, double high, double margin, int n_ticks)
{
    axis a = {0, 1, 0.2, 1, "%.1f"};
    if (!isfinite(low) || !isfinite(high) || low > high || !isfinite(high - low)) {
        return a;
    }
    /* a range much smaller than the values would have equal tick labels */
    double smallest = fmax(fabs(low), fabs(high)) * 1e-6;
    if (high - low <= smallest) {
        double half = smallest > 0 ? fmax(fabs(low), fabs(high)) * 0.1 : 1;
        low -= half;
        high += half;
    }
    double range = high - low;
    a.low = low - margin * range;
    a.high = high + margin * range;
    double wanted = (a.high - a.low) / n_ticks, power = pow(10, floor(log10(wanted))), digit = wanted / power;
    double factor = digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10;
    a.step = factor * power;
    double decimals = -floor(log10(a.step) + 1e-9);
    a.decimals = decimals > 0 ? (int)decimals : 0;
    const double largest = fmax(fabs(a.low), fabs(a.high));
    if (largest < LONG_NUMBER && a.decimals <= LONG_DECIMALS) {
        snprintf(a.format, sizeof a.format, "%%.%df", a.decimals);
    } else { /* as many digits as needed to distinguish neighbouring ticks */
        snprintf(a.format, sizeof a.format, "%%.%dg",
                 (int)fmin(fmax(floor(log10(largest)) - floor(log10(a.step) + 1e-9) + 1, 1), 9));
    }
    return a;
}

axis axis_rounded(axis a)
{
    /* a small tolerance, so that 0.3 / 0.1 is three steps */
    a.low = floor(a.low / a.step + 1e-9) * a.step;
    a.high = ceil(a.high / a.step - 1e-9) * a.step;
    return a;
}
