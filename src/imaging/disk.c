/*
 * The antialiased disk and the filter with it. A row of the result is computed from sums of input rows: rows at the
 * same distance above and below are added first and padded at their ends. From these, each class of taps yields one
 * integer sum per pixel.
 */
#include "imaging/disk.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "imaging/vector.h"

/* Work memory up to this size is on the stack. */
#define STACK_BYTES (32 * 1024)

/* 257 bytes add up to at most 65,535: a class of more taps would overflow its uint16 sums. */
enum { SIDE = DISK_MAX_REACH + 3, MAX_ADDED = 257 };

/* Border reflect-101: -1 maps to 1, n to n - 2, repeatedly if the image is smaller than the reach. */
static int reflect(int index, int n)
{
    if (n == 1) {
        return 0;
    }
    while (index < 0 || index >= n) {
        index = index < 0 ? -index : 2 * (n - 1) - index;
    }
    return index;
}

/* OpenCV's getGaussianKernel in float: weight of the centre, then of the pairs. */
static void alias_weights(double sigma, int radius, float weights[3])
{
    double values[3], sum = 0;
    for (int k = 0; k <= radius; k++) {
        values[k] = (double)expl(-0.5L * k * k / ((long double)sigma * sigma));
        sum += k ? 2 * values[k] : values[k];
    }
    for (int k = 0; k <= radius; k++) {
        weights[k] = (float)(values[k] / sum);
    }
}

/*
 * A quadrant of the kernel, blurred in OpenCV's order of operations: along the row the first pair before the centre,
 * along the column the centre before the pairs, with fused multiply-adds.
 */
static void blur_quadrant(float quadrant[SIDE][SIDE], int half, int reach, const float weights[3], int radius)
{
    float rows[SIDE][SIDE] = {{0}};
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x <= reach; x++) {
            const float *row = quadrant[y];
            int before = x ? x - 1 : 1, after = reflect(x + 1 + half, 2 * half + 1) - half;
            float sum = fmaf(row[x], weights[0], (row[before] + row[after]) * weights[1]);
            if (radius == 2) {
                before = x > 1 ? x - 2 : 2 - x;
                after = reflect(x + 2 + half, 2 * half + 1) - half;
                sum = fmaf(row[before] + row[after], weights[2], sum);
            }
            rows[y][x] = sum;
        }
    }
    for (int y = 0; y <= reach; y++) {
        int above = y ? y - 1 : 1, below = reflect(y + 1 + half, 2 * half + 1) - half;
        int above2 = y > 1 ? y - 2 : 2 - y, below2 = reflect(y + 2 + half, 2 * half + 1) - half;
        for (int x = 0; x <= reach; x++) {
            float sum = fmaf(rows[above][x] + rows[below][x], weights[1], rows[y][x] * weights[0]);
            quadrant[y][x] = radius == 2 ? fmaf(rows[above2][x] + rows[below2][x], weights[2], sum) : sum;
        }
    }
}

/* Sorts the quadrant's taps into classes by weight, smallest first. */
static void sort_classes(float quadrant[SIDE][SIDE], int reach, disk_kernel *kernel)
{
    float last = 0x1p-52f;
    for (;;) {
        float next = INFINITY;
        for (int y = 0; y <= reach; y++) {
            for (int x = 0; x <= reach; x++) {
                next = quadrant[y][x] > last && quadrant[y][x] < next ? quadrant[y][x] : next;
            }
        }
        if (isinf(next)) {
            return;
        }
        disk_class *class = NULL;
        int added = MAX_ADDED;
        for (int y = 0; y <= reach; y++) {
            for (int x = 0; x <= reach; x++) {
                if (quadrant[y][x] == next) {
                    int mirrored = (y ? 2 : 1) * (x ? 2 : 1);
                    if (added + mirrored > MAX_ADDED) {
                        added = 0;
                        class = &kernel->classes[kernel->n_classes++];
                        *class = (disk_class){(double)next, kernel->n_taps, 0};
                    }
                    added += mirrored;
                    class->count++;
                    kernel->dy[kernel->n_taps] = (uint8_t)y;
                    kernel->dx[kernel->n_taps++] = (uint8_t)x;
                    kernel->reach = y > kernel->reach ? y : kernel->reach;
                    kernel->reach = x > kernel->reach ? x : kernel->reach;
                }
            }
        }
        last = next;
    }
}

reshift_status disk_kernel_create(double radius, double alias_sigma, disk_kernel *kernel, reshift_error *error)
{
    if (!(radius > 0 && alias_sigma > 0)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "a disk needs a radius and a sigma above 0, found %g and %g",
                         radius, alias_sigma);
    }
    int alias = radius > 8 ? 2 : 1;
    if (!(radius + alias < DISK_MAX_REACH + 1)) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "a disk of radius %g needs more than %d taps a side", radius,
                         DISK_MAX_REACH);
    }
    memset(kernel, 0, sizeof *kernel);
    int half = radius > 8 ? (int)radius : 8, reach = (int)radius + alias, taps = 0;
    reach = reach < half ? reach : half;
    float quadrant[SIDE][SIDE] = {{0}}, weights[3] = {0};
    for (int y = 0; y <= half; y++) {
        for (int x = 0; x <= half; x++) {
            bool inside = x * x + y * y <= radius * radius;
            quadrant[y][x] = inside;
            taps += inside ? (y ? 2 : 1) * (x ? 2 : 1) : 0;
        }
    }
    for (int i = 0; i < SIDE * SIDE; i++) {
        quadrant[i / SIDE][i % SIDE] /= (float)taps;
    }
    alias_weights(alias_sigma, alias, weights);
    blur_quadrant(quadrant, half, reach, weights, alias);
    sort_classes(quadrant, reach, kernel);
    return RESHIFT_OK;
}

static RESHIFT_VECTOR(void, add_rows, (const uint8_t *above, const uint8_t *below, size_t n, uint16_t *restrict sums),
                      (above, below, n, sums))
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = (uint16_t)(above[i] + below[i]);
    }
}

static RESHIFT_VECTOR(void, copy_row, (const uint8_t *restrict row, size_t n, uint16_t *restrict sums), (row, n, sums))
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = row[i];
    }
}

static RESHIFT_VECTOR(void, add_one, (const uint16_t *restrict row, size_t n, uint16_t *restrict sums), (row, n, sums))
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = (uint16_t)(sums[i] + row[i]);
    }
}

static RESHIFT_VECTOR(void, add_pair, (const uint16_t *left, const uint16_t *right, size_t n, uint16_t *restrict sums),
                      (left, right, n, sums))
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = (uint16_t)(sums[i] + left[i] + right[i]);
    }
}

static RESHIFT_VECTOR(void, weigh, (const uint16_t *restrict sums, double weight, size_t n, double *restrict values),
                      (sums, weight, n, values))
{
    for (size_t i = 0; i < n; i++) {
        values[i] += weight * (double)sums[i];
    }
}

static RESHIFT_VECTOR(void, to_bytes, (const double *restrict values, size_t n, uint8_t *restrict bytes),
                      (values, n, bytes))
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(int)(values[i] < 255 ? values[i] : 255);
    }
}

reshift_status disk_filter_u8(const uint8_t *input, int height, int width, const disk_kernel *kernel, uint8_t *output,
                              reshift_error *error)
{
    int reach = kernel->reach;
    size_t samples = 3 * (size_t)width, margin = 3 * (size_t)reach, row = samples + 2 * margin;
    size_t sums_bytes = ((size_t)reach + 2) * row * sizeof(uint16_t), values_bytes = samples * sizeof(double);
    size_t bytes = memory_align(values_bytes) + memory_align(sums_bytes) + row * (size_t)height;
    _Alignas(MEMORY_ALIGNMENT) uint8_t stack[STACK_BYTES];
    uint8_t *work = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!work) {
        return error_memory(error, bytes, "an image out of focus");
    }
    double *values = (double *)work;
    uint16_t *pairs = (uint16_t *)(work + memory_align(values_bytes)), *sums = pairs + ((size_t)reach + 1) * row;
    uint8_t *padded = work + memory_align(values_bytes) + memory_align(sums_bytes);
    for (int y = 0; y < height; y++) {
        uint8_t *line = padded + (size_t)y * row;
        const uint8_t *source = input + (size_t)y * samples;
        memcpy(line + margin, source, samples);
        for (int x = 1; x <= reach; x++) {
            memcpy(line + margin - 3 * (size_t)x, source + 3 * (size_t)reflect(-x, width), 3);
            memcpy(line + margin + samples + 3 * (size_t)(x - 1), source + 3 * (size_t)reflect(width - 1 + x, width),
                   3);
        }
    }
    for (int y = 0; y < height; y++) {
        copy_row(padded + (size_t)y * row, row, pairs);
        for (int dy = 1; dy <= reach; dy++) {
            add_rows(padded + (size_t)reflect(y - dy, height) * row, padded + (size_t)reflect(y + dy, height) * row,
                     row, pairs + (size_t)dy * row);
        }
        memset(values, 0, values_bytes);
        for (int c = 0; c < kernel->n_classes; c++) {
            memset(sums, 0, samples * sizeof *sums);
            for (int t = kernel->classes[c].first; t < kernel->classes[c].first + kernel->classes[c].count; t++) {
                const uint16_t *centre = pairs + kernel->dy[t] * row + margin;
                size_t dx = 3 * (size_t)kernel->dx[t];
                if (dx) {
                    add_pair(centre - dx, centre + dx, samples, sums);
                } else {
                    add_one(centre, samples, sums);
                }
            }
            weigh(sums, kernel->classes[c].weight, samples, values);
        }
        to_bytes(values, samples, output + (size_t)y * samples);
    }
    if (work != stack) {
        memory_free(work);
    }
    return RESHIFT_OK;
}
