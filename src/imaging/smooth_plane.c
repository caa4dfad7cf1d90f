/*
 * Gaussian filter with mirrored edges for long kernels; the time per value does not depend on the kernel's length.
 *
 * On -R..R, R = 3 sigma, the Gaussian equals a Gaussian repeated every L = R + 8.4 sigma within e^-35, and that one is
 * a cosine series a0 + sum of a_k cos(k w j), w = 2 pi / L, whose coefficients are Gaussian too: 16 terms reach e^-35.
 * A window sum of x_j e^(i k w j) advances by one value with one rotation, one addition and one subtraction. LANES
 * columns are filtered together; rows are first transposed into such a strip.
 *
 * Error against smooth_row(): the series and 3 sigma + 0.5 rounded differ by 1e-15 of the sum of weights; a rotation
 * has a rounding error of 2^-52 of its value, so n steps over values of at most 1 add at most n 2^-52 times the
 * window's length over its sum of weights (6 / 2.5).
 */
#include <math.h>
#include <string.h>

#include "imaging/smooth.h"
#include "kernels/vector.h"

enum { LANES = SMOOTH_LANES, TERMS = 16 };

/* The tail of the Gaussian is truncated at this many sigmas: e^(-8.4^2 / 2) = 5e-16. */
#define TAIL 8.4

typedef struct series {
    int radius;
    double amount[TERMS];                    /* a_k divided by the sum of the weights */
    double turn_re[TERMS], turn_im[TERMS];   /* e^(-i k w) */
    double enter_re[TERMS], enter_im[TERMS]; /* e^(i k w R): for a value that enters at the far end */
    double leave_re[TERMS], leave_im[TERMS]; /* e^(-i k w (R + 1)): for a value that leaves at the near end */
} series;

/* Via long double: rounds to the same double on every C library. */
static double cosine(long double angle) { return (double)cosl(angle); }
static double sine(long double angle) { return (double)sinl(angle); }

static void fill_series(double sigma, double truncate, series *s)
{
    const long double pi = 3.14159265358979323846264338327950288L;
    const long double length = (truncate + TAIL) * (long double)sigma, step = 2 * pi / length;
    double sum = 0;
    s->radius = (int)(truncate * sigma + 0.5);
    for (int k = -s->radius; k <= s->radius; k++) {
        sum += (double)expl((long double)(-0.5 / (sigma * sigma) * ((double)k * k)));
    }
    for (int k = 0; k < TERMS; k++) {
        const long double bend = step * k * sigma;
        s->amount[k] = (double)((k ? 2 : 1) * sigma * sqrtl(2 * pi) / length * expl(-bend * bend / 2) / sum);
        s->turn_re[k] = cosine(step * k);
        s->turn_im[k] = -sine(step * k);
        s->enter_re[k] = cosine(step * k * s->radius);
        s->enter_im[k] = sine(step * k * s->radius);
        s->leave_re[k] = cosine(step * k * (s->radius + 1));
        s->leave_im[k] = -sine(step * k * (s->radius + 1));
    }
}

/* Maps any integer index to the mirrored axis. */
static int mirrored(int index, int extent)
{
    index %= 2 * extent;
    index = index < 0 ? index + 2 * extent : index;
    return index < extent ? index : 2 * extent - 1 - index;
}

/* One step of all sums. `out` is NULL before the first output, `leaving` is NULL while the first window fills. */
static RESHIFT_VECTOR(void, step,
                      (const series *s, double *restrict re, double *restrict im, const double *restrict entering,
                       const double *restrict leaving, double *restrict out),
                      (s, re, im, entering, leaving, out))
{
    double sums[LANES] = {0};
    for (int k = 0; k < TERMS; k++) {
        double *restrict a = re + k * LANES, *restrict b = im + k * LANES;
        const double c = s->turn_re[k], d = s->turn_im[k], e = s->enter_re[k], f = s->enter_im[k];
        const double g = s->leave_re[k], h = s->leave_im[k], amount = s->amount[k];
        for (int lane = 0; lane < LANES; lane++) {
            double real = a[lane] * c - b[lane] * d + (entering[lane] * e - leaving[lane] * g);
            double imaginary = a[lane] * d + b[lane] * c + (entering[lane] * f - leaving[lane] * h);
            a[lane] = real;
            b[lane] = imaginary;
            sums[lane] += amount * real;
        }
    }
    for (int lane = 0; lane < LANES; lane++) {
        out[lane] = sums[lane];
    }
}

/* in, out [n,LANES] */
static void filter_strip(const series *s, const double *in, int n, double *out)
{
    double re[TERMS * LANES] = {0}, im[TERMS * LANES] = {0}, unused[LANES];
    static const double nothing[LANES] = {0};
    for (int j = -s->radius; j < n + s->radius; j++) {
        const int centre = j - s->radius;
        const double *entering = in + (size_t)mirrored(j, n) * LANES;
        const double *leaving = centre > 0 ? in + (size_t)mirrored(centre - s->radius - 1, n) * LANES : nothing;
        step(s, re, im, entering, leaving, centre >= 0 ? out + (size_t)centre * LANES : unused);
    }
}

bool smooth_is_long(double sigma, double truncate, int height, int width)
{
    const int radius = (int)(truncate * sigma + 0.5);
    return (radius < height ? radius : height) + (radius < width ? radius : width) > SMOOTH_TAPS_MOST;
}

void smooth_plane(double *plane, int height, int width, double sigma, double truncate, double *work)
{
    const size_t n = (size_t)width, longer = (size_t)(height > width ? height : width);
    double *in = work, *out = work + longer * LANES;
    series s;
    fill_series(sigma, truncate, &s);
    for (size_t first = 0; first < n; first += LANES) {
        const size_t count = n - first < LANES ? n - first : LANES;
        memset(in, 0, (size_t)height * LANES * sizeof *in);
        for (size_t y = 0; y < (size_t)height; y++) {
            memcpy(in + y * LANES, plane + y * n + first, count * sizeof *in);
        }
        filter_strip(&s, in, height, out);
        for (size_t y = 0; y < (size_t)height; y++) {
            memcpy(plane + y * n + first, out + y * LANES, count * sizeof *in);
        }
    }
    for (size_t first = 0; first < (size_t)height; first += LANES) {
        const size_t count = (size_t)height - first < LANES ? (size_t)height - first : LANES;
        memset(in, 0, n * LANES * sizeof *in);
        for (size_t lane = 0; lane < count; lane++) {
            for (size_t x = 0; x < n; x++) {
                in[x * LANES + lane] = plane[(first + lane) * n + x];
            }
        }
        filter_strip(&s, in, width, out);
        for (size_t lane = 0; lane < count; lane++) {
            for (size_t x = 0; x < n; x++) {
                plane[(first + lane) * n + x] = out[x * LANES + lane];
            }
        }
    }
}
