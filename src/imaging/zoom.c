/* SciPy's zoom of order 1 on the centre of an axis, as indices and weights. See zoom.h. */
#include "imaging/zoom.h"

#include <math.h>

#include "imaging/vector.h"

/* Branch-free, so that it vectorises: zoom_blur computes 52 axes per image. */
static RESHIFT_VECTOR(void, fill_axis,
                      (int length, int start, int trimmed, int crop, double step, int *restrict lower,
                       int *restrict upper, double *restrict weight_lower, double *restrict weight_upper),
                      (length, start, trimmed, crop, step, lower, upper, weight_lower, weight_upper))
{
    for (int i = 0; i < length; i++) {
        double place = (double)(trimmed + i) * step;
        int whole = (int)place;
        double share = 1.0 - (place - (double)whole), inside = place > (double)(crop - 1) ? 0 : 1;
        int below = whole < crop ? whole : crop - 1;
        lower[i] = start + below;
        upper[i] = start + (below + 1 < crop ? below + 1 : crop - 1); /* weighs nothing there */
        weight_lower[i] = share * inside;
        weight_upper[i] = (1.0 - share) * inside;
    }
}

void zoom_clipped_axis(int length, double factor, int *lower, int *upper, double *weight_lower, double *weight_upper)
{
    int crop = (int)ceil((double)length / factor);
    int enlarged = (int)rint((double)crop * factor); /* Python's round(): halves to even, the default rounding mode */
    double step = enlarged > 1 ? (double)(crop - 1) / (double)(enlarged - 1) : 1;
    fill_axis(length, (length - crop) / 2, (enlarged - length) / 2, crop, step, lower, upper, weight_lower,
              weight_upper);
}
