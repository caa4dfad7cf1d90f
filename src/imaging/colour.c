/*
 * HSV as in scikit-image. Both branches of every choice are computed, so that the loops vectorise. A grey pixel divides
 * by zero, but that result is never selected.
 */
#include "imaging/colour.h"

#include "imaging/vector.h"

static RESHIFT_VECTOR(void, rgb_to_hsv,
                      (const double *restrict red, const double *restrict green, const double *restrict blue, size_t n,
                       double *restrict hue, double *restrict saturation, double *restrict value),
                      (red, green, blue, n, hue, saturation, value))
{
    for (size_t i = 0; i < n; i++) {
        double r = red[i], g = green[i], b = blue[i];
        double high = r > g ? r : g, low = r < g ? r : g;
        high = high > b ? high : b;
        low = low < b ? low : b;
        double delta = high - low;
        /* if two channels are the largest, the later one wins, like the consecutive assignments of the definition */
        double difference = g == high ? b - r : g - b, sector = g == high ? 2.0 : 0.0;
        difference = b == high ? r - g : difference;
        sector = b == high ? 4.0 : sector;
        double s = delta / high, h = (sector + difference / delta) / 6.0, turned = h + 1.0;
        h = h < 0 ? turned : h;
        hue[i] = delta == 0 ? 0 : h;
        saturation[i] = delta == 0 ? 0 : s;
        value[i] = high;
    }
}

static RESHIFT_VECTOR(void, hsv_to_rgb,
                      (const double *restrict hue, const double *restrict saturation, const double *restrict value,
                       size_t n, double *restrict red, double *restrict green, double *restrict blue),
                      (hue, saturation, value, n, red, green, blue))
{
    for (size_t i = 0; i < n; i++) {
        double turn = hue[i] * 6.0, v = value[i], s = saturation[i];
        double sector = (double)(int)turn; /* hue is not negative */
        double f = turn - sector;
        double p = v * (1.0 - s), q = v * (1.0 - f * s), t = v * (1.0 - (1.0 - f) * s);
        sector = sector >= 6.0 ? 0.0 : sector;
        double r = v, g = p, b = q; /* of the last sector; then the other sectors down to the first */
        r = sector == 4.0 ? t : r;
        b = sector == 4.0 ? v : b;
        r = sector == 3.0 ? p : r;
        g = sector == 3.0 ? q : g;
        b = sector == 3.0 ? v : b;
        r = sector == 2.0 ? p : r;
        g = sector == 2.0 ? v : g;
        b = sector == 2.0 ? t : b;
        r = sector == 1.0 ? q : r;
        g = sector == 1.0 ? v : g;
        b = sector == 1.0 ? p : b;
        r = sector == 0.0 ? v : r;
        g = sector == 0.0 ? t : g;
        b = sector == 0.0 ? p : b;
        red[i] = r;
        green[i] = g;
        blue[i] = b;
    }
}

void colour_rgb_to_hsv(colour_planes rgb, size_t n, colour_planes hsv)
{
    rgb_to_hsv(rgb.first, rgb.second, rgb.third, n, hsv.first, hsv.second, hsv.third);
}

void colour_hsv_to_rgb(colour_planes hsv, size_t n, colour_planes rgb)
{
    hsv_to_rgb(hsv.first, hsv.second, hsv.third, n, rgb.first, rgb.second, rgb.third);
}
