/* Axes: a range with a margin and ticks at round numbers. */
#ifndef REPORTING_AXIS_H
#define REPORTING_AXIS_H

/**
 * low < high. Ticks are the multiples of `step` in the range, formatted with `format`: "%.2f" with `decimals` digits
 * after the point, or "%.3g" if these would be long. gnuplot and printf interpret it alike.
 */
typedef struct axis {
    double low, high, step;
    int decimals;
    char format[8];
} axis;

/**
 * The axis for values low..high (low == high is widened; not finite: 0..1) with `margin` of the range on both sides and
 * about `n_ticks` ticks.
 */
axis axis_of(double low, double high, double margin, int n_ticks);
/** The same range extended to ticks. */
axis axis_rounded(axis a);

#endif
