/* SciPy's zoom of order 1 on the centre of an axis, as places and weights. See zoom.h. */
#include "imaging/zoom.h"

#include <math.h>

void zoom_clipped_axis(int length, double factor, int *lower, int *upper, double *weight_lower, double *weight_upper)
{
    int crop = (int)ceil((double)length / factor), start = (length - crop) / 2;
    int enlarged = (int)rint((double)crop * factor); /* Python's round(): halves to even, the default rounding mode */
    int trimmed = (enlarged - length) / 2;
    double step = enlarged > 1 ? (double)(crop - 1) / (double)(enlarged - 1) : 1;
    for (int i = 0; i < length; i++) {
        double place = (double)(trimmed + i) * step;
        int below = (int)place, above = below + 1;
        double share = 1.0 - (place - (double)below);
        if (place > (double)(crop - 1)) {
            below = crop - 1;
            above = below;
            weight_lower[i] = 0;
            weight_upper[i] = 0;
        } else {
            above = above < crop ? above : crop - 1; /* weighs nothing there */
            weight_lower[i] = share;
            weight_upper[i] = 1.0 - share;
        }
        lower[i] = start + below;
        upper[i] = start + above;
    }
}
