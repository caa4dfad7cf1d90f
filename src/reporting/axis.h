/* Axes: a range with a margin and ticks at round numbers. */
#ifndef REPORTING_AXIS_H
#define REPORTING_AXIS_H

/** low < high; ticks are the multiples of `step` within, written in `format`: "%.2f" with `decimals` digits behind the
 * point, or "%.3g" where these would be long numbers. gnuplot and printf read it alike. */
typedef struct axis {
    double low, high, step;
    int decimals;
    char format[8];
} axis;

/** The axis of values low..high (low == high is widened; not finite: 0..1) with `margin` of the range on both sides,
 * about `n_ticks` ticks. */
axis axis_of(double low, double high, double margin, int n_ticks);
/** The same range moved outwards to ticks. */
axis axis_rounded(axis a);

#endif
