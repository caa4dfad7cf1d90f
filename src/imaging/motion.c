/*
 * ImageMagick's motion blur. A tap reads a whole row of the image shifted by its offset, so the image is laid out once
 * as quanta in float64 with its edge pixels repeated on the side that the kernel looks to; then each output row is a
 * sum of shifted rows, in the order of the taps, and nothing is fused or reordered.
 */
#include "imaging/motion.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "imaging/vector.h"

/* Work memory up to this size stands on the stack. */
#define STACK_BYTES (64 * 1024)

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
    /* Functions of long double, rounded once: the C library's for double differ in the last bit between processors. */
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

RESHIFT_VECTOR static void to_quanta(const uint8_t *restrict bytes, size_t n, double *restrict quanta)
{
    for (size_t i = 0; i < n; i++) {
        quanta[i] = (double)(bytes[i] * 257);
    }
}

RESHIFT_VECTOR static void add_weighted(const double *restrict values, double weight, size_t n, double *restrict sums)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] += weight * values[i];
    }
}

/* A sum rounded to a quantum as ClampToQuantum does, the quantum cut to a byte as writing a PNG of 8 bits does. */
RESHIFT_VECTOR static void to_bytes(const double *restrict sums, size_t n, uint8_t *restrict bytes)
{
    for (size_t i = 0; i < n; i++) {
        int quantum = (int)((sums[i] < 65535 ? sums[i] : 65535) + 0.5);
        bytes[i] = (uint8_t)(quantum / 257);
    }
}

reshift_status motion_blur_u8(const uint8_t *input, int height, int width, int channels, const motion_kernel *kernel,
                              uint8_t *output, reshift_error *error)
{
    int last = kernel->taps - 1, reach = kernel->dx[last]; /* offsets grow in one direction */
    size_t step = (size_t)channels, samples = (size_t)width * step, left = (size_t)(reach < 0 ? -reach : 0) * step;
    size_t row = samples + (size_t)(reach < 0 ? -reach : reach) * step;
    size_t bytes = (row * (size_t)height + samples) * sizeof(double);
    _Alignas(MEMORY_ALIGNMENT) double stack[STACK_BYTES / sizeof(double)];
    double *padded = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!padded) {
        return error_memory(error, bytes, "a motion blur");
    }
    double *sums = padded + row * (size_t)height;
    for (int y = 0; y < height; y++) {
        double *line = padded + (size_t)y * row;
        to_quanta(input + (size_t)y * samples, samples, line + left);
        for (size_t i = left; i > 0; i--) {
            line[i - 1] = line[i - 1 + step];
        }
        for (size_t i = left + samples; i < row; i++) {
            line[i] = line[i - step];
        }
    }
    for (int y = 0; y < height; y++) {
        memset(sums, 0, samples * sizeof *sums);
        for (int i = 0; i <= last; i++) {
            const double *line = padded + (size_t)clamp(y + kernel->dy[i], height - 1) * row + left;
            add_weighted(line + (ptrdiff_t)kernel->dx[i] * (ptrdiff_t)step, kernel->weights[i], samples, sums);
        }
        to_bytes(sums, samples, output + (size_t)y * samples);
    }
    if (padded != stack) {
        memory_free(padded);
    }
    return RESHIFT_OK;
}
