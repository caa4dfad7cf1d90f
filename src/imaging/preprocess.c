/*
 * Pixels to network input. Images of array sets are resampled in float. A source row is normalised by a table and
 * resized to `size` once, and kept in a ring of as many rows as the filter has taps; output rows are weighted sums of
 * these rows. Normalising before interpolation gives the same result as after, because interpolation is linear and its
 * weights sum to one. Photographs are resampled in 8 bits as in Pillow, then normalised by table.
 */
#include "imaging/preprocess.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "imaging/resize.h"
#include "imaging/vector.h"

/* Work memory up to this size is on the stack: 32x32 to 224x224 needs 17 KB, so that no batch allocates. */
#define STACK_BYTES (32 * 1024)

typedef preprocess_taps taps;

int preprocess_most_taps(int in, int out) { return in <= out ? 2 : (int)ceil((double)in / out) * 2 + 1; }

static double triangle(double x) { return fabs(x) < 1 ? 1 - fabs(x) : 0; }

/*
 * The taps of torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=True). PyTorch computes
 * them in float, with an error of 1e-6 per weight; here they are computed in double and rounded once.
 */
void preprocess_axis(int in, int out, int n_max, taps *axis, float *weights)
{
    double scale = (double)in / out;
    for (int i = 0; i < out; i++) {
        float *w = weights + (size_t)i * (size_t)n_max;
        if (in <= out) {
            double source = (i + 0.5) * scale - 0.5;
            source = source < 0 ? 0 : source;
            int left = (int)source < in - 1 ? (int)source : in - 1;
            float part = source - left < 1 ? (float)(source - left) : 1;
            axis[i] = (taps){left, left < in - 1 ? 2 : 1};
            w[0] = axis[i].n == 2 ? 1 - part : 1;
            w[1] = axis[i].n == 2 ? part : 0;
            continue;
        }
        double centre = (i + 0.5) * scale, sum = 0;
        int start = (int)(centre - scale + 0.5), end = (int)(centre + scale + 0.5);
        start = start < 0 ? 0 : start;
        end = end > in ? in : end;
        axis[i] = (taps){start, end - start < n_max ? end - start : n_max};
        for (int k = 0; k < axis[i].n; k++) {
            sum += triangle((k + start - centre + 0.5) / scale);
        }
        for (int k = 0; k < axis[i].n; k++) {
            w[k] = (float)(triangle((k + start - centre + 0.5) / scale) / sum);
        }
    }
}

/* (v/255 - mean)/std for every byte value, in the order and precision of torchvision's ToTensor and Normalize. */
static void normalise_table(const float mean[3], const float std[3], float table[256][3])
{
    for (int v = 0; v < 256; v++) {
        for (int c = 0; c < 3; c++) {
            table[v][c] = ((float)v / 255.0f - mean[c]) / std[c];
        }
    }
}

/* Resizes a row of [W,3] normalised floats to [out,3]. */
static void stretch_row(const float *row, const taps *axis, const float *weights, int n_max, int out, float *output)
{
    for (int i = 0; i < out; i++, output += 3) {
        const float *pixel = row + 3 * (size_t)axis[i].start, *w = weights + (size_t)i * (size_t)n_max;
        float red = w[0] * pixel[0], green = w[0] * pixel[1], blue = w[0] * pixel[2];
        for (int k = 1; k < axis[i].n; k++) {
            pixel += 3;
            red += w[k] * pixel[0];
            green += w[k] * pixel[1];
            blue += w[k] * pixel[2];
        }
        output[0] = red;
        output[1] = green;
        output[2] = blue;
    }
}

static RESHIFT_VECTOR(void, blend_two,
                      (const float *restrict upper, const float *restrict lower, float upper_weight, float lower_weight,
                       size_t n, float *restrict output),
                      (upper, lower, upper_weight, lower_weight, n, output))
{
    for (size_t x = 0; x < n; x++) {
        output[x] = upper_weight * upper[x] + lower_weight * lower[x];
    }
}

static RESHIFT_VECTOR(void, scale_row, (const float *restrict row, float weight, size_t n, float *restrict output),
                      (row, weight, n, output))
{
    for (size_t x = 0; x < n; x++) {
        output[x] = weight * row[x];
    }
}

static RESHIFT_VECTOR(void, add_row, (const float *restrict row, float weight, size_t n, float *restrict output),
                      (row, weight, n, output))
{
    for (size_t x = 0; x < n; x++) {
        output[x] += weight * row[x];
    }
}

static reshift_status check_size(const reshift_image *image, int size, reshift_error *error)
{
    if (image->height < 1 || image->width < 1 || size < 1 || size > INT_MAX / 4) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot make an image of %dx%d into a network input of size %d",
                         image->width, image->height, size);
    }
    return RESHIFT_OK;
}

reshift_status preprocess_array(const reshift_image *image, int size, const float mean[3], const float std[3],
                                float *output, reshift_error *error)
{
    reshift_status status = check_size(image, size, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int n_across = preprocess_most_taps(image->width, size), n_down = preprocess_most_taps(image->height, size);
    size_t samples = 3 * (size_t)size, in_samples = 3 * (size_t)image->width, axis_bytes = (size_t)size * sizeof(taps);
    size_t n_floats =
        (size_t)size * (size_t)n_across + (size_t)size * (size_t)n_down + in_samples + (size_t)n_down * samples;
    size_t bytes = 2 * axis_bytes + n_floats * sizeof(float);
    _Alignas(MEMORY_ALIGNMENT) char stack[STACK_BYTES];
    char *block = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!block) {
        return error_memory(error, bytes, "a network input");
    }
    taps *across = (taps *)block, *down = across + size;
    float *across_weights = (float *)(down + size), *down_weights = across_weights + (size_t)size * (size_t)n_across;
    float *row = down_weights + (size_t)size * (size_t)n_down, *ring = row + in_samples; /* [n_down, samples] */
    preprocess_axis(image->width, size, n_across, across, across_weights);
    preprocess_axis(image->height, size, n_down, down, down_weights);
    float table[256][3];
    normalise_table(mean, std, table);

    int made = 0; /* source rows 0..made-1 are resized; the ring holds the last n_down of them */
    for (int y = 0; y < size; y++, output += samples) {
        int start = down[y].start, n = down[y].n;
        made = made < start ? start : made;
        for (; made < start + n; made++) {
            const uint8_t *pixels = image->pixels + (size_t)made * in_samples;
            for (size_t x = 0; x < in_samples; x += 3) {
                row[x] = table[pixels[x]][0];
                row[x + 1] = table[pixels[x + 1]][1];
                row[x + 2] = table[pixels[x + 2]][2];
            }
            stretch_row(row, across, across_weights, n_across, size, ring + (size_t)(made % n_down) * samples);
        }
        const float *w = down_weights + (size_t)y * (size_t)n_down;
        const float *first = ring + (size_t)(start % n_down) * samples;
        if (n == 2) {
            blend_two(first, ring + (size_t)((start + 1) % n_down) * samples, w[0], w[1], samples, output);
            continue;
        }
        scale_row(first, w[0], samples, output);
        for (int k = 1; k < n; k++) {
            add_row(ring + (size_t)((start + k) % n_down) * samples, w[k], samples, output);
        }
    }
    if (block != stack) {
        memory_free(block);
    }
    return RESHIFT_OK;
}

/* Python's round() (half to even) of difference/2, difference >= 0. */
static int half_to_even(int difference)
{
    int half = difference / 2;
    return half + (difference % 2 && half % 2);
}

/*
 * Position of a centred window of `size` samples on an axis of `length`: the part inside, and the black samples before
 * it.
 */
static void centre_crop(int length, int size, int *start, int *count, int *before)
{
    *start = length > size ? half_to_even(length - size) : 0;
    *count = length > size ? size : length;
    *before = length > size ? 0 : (size - length) / 2;
}

reshift_status preprocess_crop(const reshift_image *image, int resize, int size, uint8_t *output, reshift_error *error)
{
    reshift_status status = check_size(image, size, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int shorter = image->height < image->width ? image->height : image->width;
    int longer = image->height < image->width ? image->width : image->height;
    double resized = resize < 1 ? 0 : (double)((int64_t)resize * longer) / shorter;
    if (resize < 1 || resized > INT_MAX / 4) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot resize an image of %dx%d to %d at its shorter side",
                         image->width, image->height, resize);
    }
    int height = image->height <= image->width ? resize : (int)resized;
    int width = image->width <= image->height ? resize : (int)resized;
    int before_top, before_left;
    resize_window window;
    centre_crop(height, size, &window.top, &window.height, &before_top);
    centre_crop(width, size, &window.left, &window.width, &before_left);
    if (window.height == size && window.width == size) {
        return resize_window_u8(image, height, width, RESIZE_BILINEAR, window, output, error);
    }
    size_t line = 3 * (size_t)window.width, bytes = line * (size_t)window.height;
    uint8_t *pixels = memory_allocate(bytes);
    if (!pixels) {
        return error_memory(error, bytes, "a cropped photograph");
    }
    status = resize_window_u8(image, height, width, RESIZE_BILINEAR, window, pixels, error);
    if (status == RESHIFT_OK) {
        memset(output, 0, 3 * (size_t)size * (size_t)size);
        for (int y = 0; y < window.height; y++) {
            memcpy(output + 3 * ((size_t)(before_top + y) * (size_t)size + (size_t)before_left),
                   pixels + (size_t)y * line, line);
        }
    }
    memory_free(pixels);
    return status;
}

reshift_status preprocess_photo(const reshift_image *image, int resize, int size, const float mean[3],
                                const float std[3], float *output, reshift_error *error)
{
    size_t n_pixels = (size_t)size * (size_t)size;
    reshift_status status = check_size(image, size, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    uint8_t *pixels = memory_allocate(3 * n_pixels);
    if (!pixels) {
        return error_memory(error, 3 * n_pixels, "a cropped photograph");
    }
    status = preprocess_crop(image, resize, size, pixels, error);
    if (status == RESHIFT_OK) {
        float table[256][3];
        normalise_table(mean, std, table);
        for (size_t i = 0; i < 3 * n_pixels; i += 3) {
            output[i] = table[pixels[i]][0];
            output[i + 1] = table[pixels[i + 1]][1];
            output[i + 2] = table[pixels[i + 2]][2];
        }
    }
    memory_free(pixels);
    return status;
}

double preprocess_largest(const float mean[3], const float std[3])
{
    double largest = 0;
    for (int c = 0; c < 3; c++) {
        largest = fmax(largest, fmax(fabs((double)mean[c]), fabs(1 - (double)mean[c])) / (double)std[c]);
    }
    return 1.01 * largest; /* rounding of resampling and normalising */
}
