/*
 * Pillow's 8-bit resampling. A pass turns lines of `in` samples into lines of `out` samples. Output i is the weighted
 * sum of the inputs within `support` of its centre, with weights in fixed point (22 fractional bits); the sum is
 * rounded and clamped to 8 bits. As in Pillow, rows are resized first and columns second, and an axis that keeps its
 * size has no pass, so nothing is rounded there.
 */
#include "imaging/resize.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "imaging/vector.h"

#define PRECISION_BITS (32 - 8 - 2) /* 8 bits for the result, 2 for overshoot before clamping */

/*
 * Outputs first..first+count-1 of an axis: each reads `n[i]` inputs from `start[i]`, weights [count, n_max]. `copies`
 * is true if every output equals one input (the box filter when enlarging): nothing is computed.
 */
typedef struct axis_weights {
    int count, n_max;
    bool copies;
    int *start, *n;
    int32_t *weights;
    void *block;
} axis_weights;

static double filter_support(resize_filter filter) { return filter == RESIZE_BOX ? 0.5 : 1.0; }

static double filter_value(resize_filter filter, double x)
{
    if (filter == RESIZE_BOX) {
        return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    }
    return fabs(x) < 1.0 ? 1.0 - fabs(x) : 0.0;
}

static reshift_status axis_weights_create(int in, int out, int first, int count, resize_filter filter,
                                          axis_weights *axis, reshift_error *error)
{
    double scale = (double)in / out;
    double filter_scale = scale < 1.0 ? 1.0 : scale;
    double support = filter_support(filter) * filter_scale;
    axis->count = count;
    axis->n_max = (int)ceil(support) * 2 + 1;
    size_t n_weights, bytes, indices = memory_align((size_t)count * sizeof(int)),
                             line = (size_t)axis->n_max * sizeof(double);
    if (!memory_product((size_t)count, (size_t)axis->n_max, &n_weights) ||
        !memory_product(n_weights, sizeof(int32_t), &bytes) ||
        !(axis->block = memory_allocate(2 * indices + memory_align(line) + bytes))) {
        return error_memory(error, (size_t)count * line, "the weights of a resized image");
    }
    char *block = axis->block;
    axis->start = (int *)block;
    axis->n = (int *)(block + indices);
    double *exact = (double *)(block + 2 * indices);
    axis->weights = (int32_t *)(block + 2 * indices + memory_align(line));
    axis->copies = true;
    for (int i = 0; i < count; i++) {
        double centre = (first + i + 0.5) * scale;
        int start = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
        start = start < 0 ? 0 : start;
        end = end > in ? in : end;
        double sum = 0;
        for (int k = 0; k < end - start; k++) {
            exact[k] = filter_value(filter, (k + start - centre + 0.5) * (1.0 / filter_scale));
            sum += exact[k];
        }
        int32_t *weights = axis->weights + (size_t)i * (size_t)axis->n_max;
        for (int k = 0; k < end - start; k++) {
            double weight = sum != 0 ? exact[k] / sum : exact[k];
            weights[k] = (int32_t)(0.5 + weight * (1 << PRECISION_BITS));
        }
        axis->copies = axis->copies && end - start == 1 && weights[0] == 1 << PRECISION_BITS;
        axis->start[i] = start;
        axis->n[i] = end - start;
    }
    return RESHIFT_OK;
}

static inline uint8_t clamp_u8(int32_t sum)
{
    int32_t value = sum >> PRECISION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Resizes one row [.,3] to [count,3]. */
static void resize_row(const uint8_t *row, const axis_weights *axis, uint8_t *output)
{
    for (int i = 0; i < axis->count; i++) {
        const uint8_t *pixel = row + 3 * (size_t)axis->start[i];
        const int32_t *weights = axis->weights + (size_t)i * (size_t)axis->n_max;
        int32_t red = 1 << (PRECISION_BITS - 1), green = red, blue = red;
        for (int k = 0; k < axis->n[i]; k++, pixel += 3) {
            red += pixel[0] * weights[k];
            green += pixel[1] * weights[k];
            blue += pixel[2] * weights[k];
        }
        output[3 * i] = clamp_u8(red);
        output[3 * i + 1] = clamp_u8(green);
        output[3 * i + 2] = clamp_u8(blue);
    }
}

static void copy_row(const uint8_t *row, const axis_weights *axis, uint8_t *output)
{
    for (int i = 0; i < axis->count; i++) {
        const uint8_t *pixel = row + 3 * (size_t)axis->start[i];
        output[3 * i] = pixel[0];
        output[3 * i + 1] = pixel[1];
        output[3 * i + 2] = pixel[2];
    }
}

/* One output row of `samples` from `n` rows `stride` apart. */
static RESHIFT_VECTOR(void, blend_rows,
                      (const uint8_t *restrict rows, size_t stride, const int32_t *restrict weights, int n,
                       size_t samples, int32_t *restrict sums, uint8_t *restrict output),
                      (rows, stride, weights, n, samples, sums, output))
{
    for (size_t x = 0; x < samples; x++) {
        sums[x] = 1 << (PRECISION_BITS - 1);
    }
    for (int k = 0; k < n; k++) {
        const uint8_t *row = rows + (size_t)k * stride;
        int32_t weight = weights[k];
        for (size_t x = 0; x < samples; x++) {
            sums[x] += row[x] * weight;
        }
    }
    for (size_t x = 0; x < samples; x++) {
        int32_t value = sums[x] >> PRECISION_BITS;
        output[x] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

reshift_status resize_window_u8(const reshift_image *input, int height, int width, resize_filter filter,
                                resize_window window, uint8_t *output, reshift_error *error)
{
    if (input->height < 1 || input->width < 1 || height < 1 || width < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot resize an image of %dx%d to %dx%d", input->width,
                         input->height, width, height);
    }
    if (window.height < 1 || window.width < 1 || window.top < 0 || window.left < 0 ||
        window.top > height - window.height || window.left > width - window.width) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "window %dx%d at (%d,%d) is not inside an image of %dx%d",
                         window.width, window.height, window.left, window.top, width, height);
    }
    reshift_status status = RESHIFT_OK;
    axis_weights across = {0}, down = {0};
    uint8_t *between = NULL;
    int32_t *sums = NULL;
    size_t samples = 3 * (size_t)window.width;
    /* the source rows needed for the window */
    int first_row = window.top, n_rows = window.height;
    if (height != input->height) {
        status = axis_weights_create(input->height, height, window.top, window.height, filter, &down, error);
        if (status != RESHIFT_OK) {
            goto done;
        }
        first_row = down.start[0];
        n_rows = down.start[down.count - 1] + down.n[down.count - 1] - first_row;
    }
    const uint8_t *rows = input->pixels + 3 * ((size_t)first_row * (size_t)input->width + (size_t)window.left);
    size_t stride = 3 * (size_t)input->width;
    if (width != input->width) {
        status = axis_weights_create(input->width, width, window.left, window.width, filter, &across, error);
        if (status != RESHIFT_OK) {
            goto done;
        }
        size_t bytes = samples * (size_t)n_rows;
        uint8_t *shortened = output;
        if (height != input->height) {
            between = memory_allocate(bytes);
            if (!between) {
                status = error_memory(error, bytes, "a resized image");
                goto done;
            }
            shortened = between;
        }
        rows = input->pixels + (size_t)first_row * stride;
        for (int y = 0; y < n_rows; y++) {
            (across.copies ? copy_row : resize_row)(rows + (size_t)y * stride, &across,
                                                    shortened + (size_t)y * samples);
        }
        rows = shortened;
        stride = samples;
    }
    if (height != input->height) {
        sums = memory_allocate(samples * sizeof *sums);
        if (!sums) {
            status = error_memory(error, samples * sizeof *sums, "a resized image");
            goto done;
        }
        for (int y = 0; y < window.height; y++) {
            const uint8_t *first = rows + (size_t)(down.start[y] - first_row) * stride;
            if (down.copies) {
                memcpy(output + (size_t)y * samples, first, samples);
            } else {
                blend_rows(first, stride, down.weights + (size_t)y * (size_t)down.n_max, down.n[y], samples, sums,
                           output + (size_t)y * samples);
            }
        }
    } else if (rows != output) {
        for (int y = 0; y < window.height; y++) {
            memcpy(output + (size_t)y * samples, rows + (size_t)y * stride, samples);
        }
    }
done:
    memory_free(across.block);
    memory_free(down.block);
    memory_free(between);
    memory_free(sums);
    return status;
}

reshift_status resize_u8(const reshift_image *input, int height, int width, resize_filter filter, uint8_t *output,
                         reshift_error *error)
{
    return resize_window_u8(input, height, width, filter, (resize_window){0, 0, height, width}, output, error);
}
