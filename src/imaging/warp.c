/* Bilinear lookups of four-channel pixels. */
#include "imaging/warp.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "imaging/vector.h"

typedef float pixel __attribute__((vector_size(16)));
typedef double wide __attribute__((vector_size(32)));

/* Coordinates are computed for a strip of columns first, then the pixels are fetched. */
enum { STEP_BITS = 5, STEPS = 1 << STEP_BITS, SCALE_BITS = 10, SCALE = 1 << SCALE_BITS, STRIP = 64 };

/* Mirrors without repeating the edge pixel: 2 1 | 0 1 2 ... */
static int mirror_101(int index, int extent)
{
    if (extent == 1) {
        return 0;
    }
    while (index < 0 || index >= extent) {
        index = index < 0 ? -index : 2 * (extent - 1) - index;
    }
    return index;
}

/* Mirrors with the edge pixel repeated: 1 0 | 0 1 2 ... */
static int mirror_edge(int index, int extent)
{
    int period = 2 * extent;
    index %= period;
    index = index < 0 ? index + period : index;
    return index < extent ? index : period - 1 - index;
}

static inline __attribute__((always_inline)) void load(const float *image, size_t at, pixel *p)
{
    memcpy(p, image + 4 * at, sizeof *p);
}

void warp_invert(double map[2][3], double inverse[2][3])
{
    double determinant = map[0][0] * map[1][1] - map[0][1] * map[1][0];
    double factor = determinant != 0 ? 1.0 / determinant : 0;
    inverse[0][0] = map[1][1] * factor;
    inverse[1][1] = map[0][0] * factor;
    inverse[0][1] = map[0][1] * -factor;
    inverse[1][0] = map[1][0] * -factor;
    inverse[0][2] = -inverse[0][0] * map[0][2] - inverse[0][1] * map[1][2];
    inverse[1][2] = -inverse[1][0] * map[0][2] - inverse[1][1] * map[1][2];
}

/* Rounds to nearest, halves to even; saturates far outside any image. */
static inline __attribute__((always_inline)) int rounded(double value)
{
    return (int)lrint(value < -1e9 ? -1e9 : value > 1e9 ? 1e9 : value);
}

static RESHIFT_VECTOR(void, affine_strip,
                      (const float *input, int height, int width, double inverse[2][3], int first, int count,
                       float *output),
                      (input, height, width, inverse, first, count, output))
{
    int columns_x[STRIP], columns_y[STRIP];
    for (int i = 0; i < count; i++) {
        columns_x[i] = rounded(inverse[0][0] * (first + i) * SCALE);
        columns_y[i] = rounded(inverse[1][0] * (first + i) * SCALE);
    }
    for (int y = 0; y < height; y++) {
        int row_x = rounded((inverse[0][1] * y + inverse[0][2]) * SCALE) + SCALE / STEPS / 2;
        int row_y = rounded((inverse[1][1] * y + inverse[1][2]) * SCALE) + SCALE / STEPS / 2;
        float *target = output + 4 * ((size_t)y * (size_t)width + (size_t)first);
        for (int i = 0; i < count; i++, target += 4) {
            int at_x = (row_x + columns_x[i]) >> (SCALE_BITS - STEP_BITS);
            int at_y = (row_y + columns_y[i]) >> (SCALE_BITS - STEP_BITS);
            int left = at_x >> STEP_BITS, top = at_y >> STEP_BITS, right = left + 1, bottom = top + 1;
            if (left < 0 || top < 0 || right >= width || bottom >= height) {
                left = mirror_101(left, width);
                right = mirror_101(right, width);
                top = mirror_101(top, height);
                bottom = mirror_101(bottom, height);
            }
            float across = (float)(at_x & (STEPS - 1)) * (1.0f / STEPS);
            float down = (float)(at_y & (STEPS - 1)) * (1.0f / STEPS);
            size_t upper = (size_t)top * (size_t)width, lower = (size_t)bottom * (size_t)width;
            pixel a, b, c, d;
            load(input, upper + (size_t)left, &a);
            load(input, upper + (size_t)right, &b);
            load(input, lower + (size_t)left, &c);
            load(input, lower + (size_t)right, &d);
            pixel result = a * ((1 - down) * (1 - across)) + b * ((1 - down) * across) + c * (down * (1 - across)) +
                           d * (down * across);
            memcpy(target, &result, sizeof result);
        }
    }
}

void warp_affine(const float *input, int height, int width, double inverse[2][3], float *output)
{
    for (int first = 0; first < width; first += STRIP) {
        affine_strip(input, height, width, inverse, first, width - first < STRIP ? width - first : STRIP, output);
    }
}

static RESHIFT_VECTOR(void, displace_strip,
                      (const float *input, int height, int width, const float *dx, const float *dy, int y, int first,
                       int count, float *output),
                      (input, height, width, dx, dy, y, first, count, output))
{
    int lefts[STRIP], tops[STRIP];
    double acrosses[STRIP], downs[STRIP];
    for (int i = 0; i < count; i++) {
        double at_x = first + i + (double)dx[i], at_y = y + (double)dy[i];
        int left = (int)at_x, top = (int)at_y;
        left -= left > at_x; /* floor */
        top -= top > at_y;
        lefts[i] = left;
        tops[i] = top;
        acrosses[i] = at_x - left;
        downs[i] = at_y - top;
    }
    for (int i = 0; i < count; i++, output += 4) {
        int left = lefts[i], top = tops[i], right = left + 1, bottom = top + 1;
        double across = acrosses[i], down = downs[i];
        if (left < 0 || top < 0 || right >= width || bottom >= height) {
            left = mirror_edge(left, width);
            right = mirror_edge(right, width);
            top = mirror_edge(top, height);
            bottom = mirror_edge(bottom, height);
        }
        size_t upper = (size_t)top * (size_t)width, lower = (size_t)bottom * (size_t)width;
        pixel a, b, c, d;
        load(input, upper + (size_t)left, &a);
        load(input, upper + (size_t)right, &b);
        load(input, lower + (size_t)left, &c);
        load(input, lower + (size_t)right, &d);
        wide sum = __builtin_convertvector(a, wide) * ((1 - down) * (1 - across)) +
                   __builtin_convertvector(b, wide) * ((1 - down) * across) +
                   __builtin_convertvector(c, wide) * (down * (1 - across)) +
                   __builtin_convertvector(d, wide) * (down * across);
        pixel result = __builtin_convertvector(sum, pixel);
        memcpy(output, &result, sizeof result);
    }
}

void warp_displace_row(const float *input, int height, int width, const float *dx, const float *dy, int y,
                       float *output)
{
    for (int first = 0; first < width; first += STRIP) {
        displace_strip(input, height, width, dx + first, dy + first, y, first,
                       width - first < STRIP ? width - first : STRIP, output + 4 * (size_t)first);
    }
}
