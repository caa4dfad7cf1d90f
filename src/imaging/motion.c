/*
 * ImageMagick's motion blur. A tap adds a whole row of the image shifted by its offset. The image is converted once to
 * quanta in float64, with edge pixels repeated on the side the kernel extends to. Each output row is then a sum of
 * shifted rows in the order of the taps; no operation is fused or reordered.
 */
#include "imaging/motion.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "imaging/vector.h"

/* Work memory up to this size is on the stack. */
#define STACK_BYTES (64 * 1024)

enum { BLOCK = 4 * DOUBLE_LANES };

static int clamp(int index, int last) { return index < 0 ? 0 : index > last ? last : index; }

reshift_status motion_kernel_create(double radius, double sigma, double angle_degrees, motion_kernel *kernel,
                                    reshift_error *error)
{
    if (!(radius > 0 && sigma > 0 && isfinite(angle_degrees))) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "a motion blur needs radius and sigma above 0 and a finite angle, found %g, %g and %g", radius,
                         sigma, angle_degrees);
    }
    if (!(2 * ceil(radius) + 1 <= MOTION_MAX_TAPS)) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "a motion blur of radius %g needs more than %d taps", radius,
                         MOTION_MAX_TAPS);
    }
    memset(kernel, 0, sizeof *kernel);
    kernel->taps = (int)(2 * ceil(radius) + 1);
    /*
     * long double functions, rounded once: the C library's double versions differ in the last bit between processors.
     */
    double sum = 0;
    for (int i = 0; i < kernel->taps; i++) {
        double exponent = -((double)i * i) / (2.0 * sigma * sigma);
        kernel->weights[i] = (double)expl((long double)exponent) / (2.50662827463100024161 * sigma);
        sum += kernel->weights[i];
    }
    double angle = 3.14159265358979323846 * angle_degrees / 180.0;
    double y = (double)kernel->taps * (double)sinl((long double)angle);
    double x = (double)kernel->taps * (double)cosl((long double)angle);
    double length = (double)sqrtl((long double)x * (long double)x + (long double)y * (long double)y);
    for (int i = 0; i < kernel->taps; i++) {
        kernel->weights[i] /= sum;
        kernel->dx[i] = (int)ceil((double)i * x / length - 0.5);
        kernel->dy[i] = (int)ceil((double)i * y / length - 0.5);
    }
    return RESHIFT_OK;
}

static RESHIFT_VECTOR(void, to_quanta, (const uint8_t *restrict bytes, size_t n, double *restrict quanta),
                      (bytes, n, quanta))
{
    for (size_t i = 0; i < n; i++) {
        quanta[i] = (double)(bytes[i] * 257);
    }
}

/* Rounds a sum to a quantum like ClampToQuantum and truncates it to a byte, as when writing an 8-bit PNG. */
static inline uint8_t to_byte(double sum)
{
    int quantum = (int)((sum < 65535 ? sum : 65535) + 0.5);
    return (uint8_t)((quantum + 1) * 255 >> 16); /* quantum / 257, exact for all 65,536 quanta */
}

/* One row of the result; tap i reads the row at taps[i]. */
static RESHIFT_VECTOR(void, blur_row,
                      (const double *const *taps, const double *weights, int n_taps, size_t n,
                       uint8_t *restrict output),
                      (taps, weights, n_taps, n, output))
{
    size_t done = 0;
    for (; done + BLOCK <= n; done += BLOCK) {
        double_lanes a = {0}, b = {0}, c = {0}, d = {0};
        for (int i = 0; i < n_taps; i++) {
            const double_lanes *values = (const double_lanes *)(taps[i] + done);
            a += values[0] * weights[i];
            b += values[1] * weights[i];
            c += values[2] * weights[i];
            d += values[3] * weights[i];
        }
        double sums[BLOCK];
        memcpy(sums, &a, sizeof a);
        memcpy(sums + DOUBLE_LANES, &b, sizeof b);
        memcpy(sums + 2 * DOUBLE_LANES, &c, sizeof c);
        memcpy(sums + 3 * DOUBLE_LANES, &d, sizeof d);
        for (int k = 0; k < BLOCK; k++) {
            output[done + (size_t)k] = to_byte(sums[k]);
        }
    }
    for (; done < n; done++) {
        double sum = 0;
        for (int i = 0; i < n_taps; i++) {
            sum += taps[i][done] * weights[i];
        }
        output[done] = to_byte(sum);
    }
}

reshift_status motion_blur_u8(const uint8_t *input, int height, int width, int channels, const motion_kernel *kernel,
                              uint8_t *output, reshift_error *error)
{
    int last = kernel->taps - 1, reach = kernel->dx[last]; /* offsets are monotonic */
    size_t step = (size_t)channels, samples = (size_t)width * step, left = (size_t)(reach < 0 ? -reach : 0) * step;
    size_t row = samples + (size_t)(reach < 0 ? -reach : reach) * step;
    size_t bytes = row * (size_t)height * sizeof(double);
    _Alignas(MEMORY_ALIGNMENT) double stack[STACK_BYTES / sizeof(double)];
    double *padded = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!padded) {
        return error_memory(error, bytes, "a motion blur");
    }
    for (int y = 0; y < height; y++) {
        double *line = padded + (size_t)y * row;
        to_quanta(input + (size_t)y * samples, samples, line + left);
        for (size_t c = 0; c < step; c++) {
            double first = line[left + c], end = line[left + samples - step + c];
            for (size_t i = c; i < left; i += step) {
                line[i] = first;
            }
            for (size_t i = left + samples + c; i < row; i += step) {
                line[i] = end;
            }
        }
    }
    for (int y = 0; y < height; y++) {
        const double *taps[MOTION_MAX_TAPS];
        for (int i = 0; i <= last; i++) {
            taps[i] = padded + (size_t)clamp(y + kernel->dy[i], height - 1) * row + left +
                      (ptrdiff_t)kernel->dx[i] * (ptrdiff_t)step;
        }
        blur_row(taps, kernel->weights, kernel->taps, samples, output + (size_t)y * samples);
    }
    if (padded != stack) {
        memory_free(padded);
    }
    return RESHIFT_OK;
}
