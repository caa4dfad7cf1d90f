/*
 * Spatter: drops of water (severities 1 to 3) or mud (4 and 5) where a smoothed layer of normal noise exceeds a
 * threshold. Water is lit by a relief: the distance to the drops' edges, equalised and embossed. Every step has the
 * published precision.
 *
 * The published code divides by the largest value of the water, so an image without drops (never at 32x32, likely with
 * a few pixels) becomes black. Here such an image is left unchanged.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "corruptions/family.h"
#include "corruptions/weather.h"
#include "imaging/gaussian.h"
#include "imaging/grey.h"
#include "imaging/unit.h"
#include "kernels/random_fill.h"
#include "kernels/vector.h"

/* Work memory up to this size is on the stack: enough for 32x32. */
#define STACK_BYTES (64 * 1024)

static const int emboss[9] = {-2, -1, 0, -1, 1, 1, 0, 1, 2};

static RESHIFT_VECTOR(void, scale_normals,
                      (const float *restrict normals, size_t n, double mean, double deviation, double *restrict layer),
                      (normals, n, mean, deviation, layer))
{
    for (size_t i = 0; i < n; i++) {
        layer[i] = mean + deviation * (double)normals[i];
    }
}

static void smooth(const double *input, int height, int width, const gaussian_kernel *kernel, double *work,
                   double *output)
{
    for (int y = 0; y < height; y++) {
        gaussian_row(input, height, width, 1, kernel, y, work, output + (size_t)y * (size_t)width);
    }
}

static void smooth_single(const double *input, int height, int width, const gaussian_kernel *kernel, double *work,
                          double *output)
{
    for (int y = 0; y < height; y++) {
        gaussian_row_single(input, height, width, 1, kernel, y, work, output + (size_t)y * (size_t)width);
    }
}

/* Converts drops to 8 bits like NumPy: integers above 255 wrap around to 0. */
static RESHIFT_VECTOR(void, drops_to_bytes,
                      (const double *restrict layer, size_t n, double threshold, uint8_t *restrict drops),
                      (layer, n, threshold, drops))
{
    for (size_t i = 0; i < n; i++) {
        double value = layer[i] * 255;
        drops[i] = (uint8_t)(int)(layer[i] < threshold ? 0 : value);
    }
}

/* Brightness of the drops, and its maximum. */
static RESHIFT_VECTOR(uint16_t, light_drops,
                      (const uint8_t *restrict drops, const uint8_t *restrict relief, size_t n,
                       uint16_t *restrict light),
                      (drops, relief, n, light))
{
    uint16_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        light[i] = (uint16_t)(drops[i] * relief[i]);
        largest = light[i] > largest ? light[i] : largest;
    }
    return largest;
}

static RESHIFT_VECTOR(void, scale_light,
                      (const uint16_t *restrict light, size_t n, float largest, float strength, float *restrict mask),
                      (light, n, largest, strength, mask))
{
    for (size_t i = 0; i < n; i++) {
        mask[i] = (float)light[i] / largest * strength;
    }
}

static RESHIFT_VECTOR(void, cut_mud, (const double *restrict layer, size_t n, float *restrict mask), (layer, n, mask))
{
    for (size_t i = 0; i < n; i++) {
        float m = (float)layer[i];
        mask[i] = m < 0.8f ? 0 : m;
    }
}

/* Replicates one value per pixel to three samples. */
static void spread(const float *restrict mask, size_t n, float *restrict samples)
{
    for (size_t i = 0; i < n; i++) {
        samples[3 * i] = samples[3 * i + 1] = samples[3 * i + 2] = mask[i];
    }
}

/* output = image * (1 - covering * mask) + mask * colour, in single precision; `covering` is 1 for mud, 0 for water. */
static RESHIFT_VECTOR(void, lay_liquid,
                      (const uint8_t *restrict pixels, const float *restrict mask, size_t n, float covering,
                       const float *restrict colour, uint8_t *restrict output),
                      (pixels, mask, n, covering, colour, output))
{
    for (size_t i = 0; i < n; i++) {
        float value = (unit_float(pixels[i]) * (1 - covering * mask[i]) + mask[i] * colour[i]) * 255;
        int byte = (int)value;
        output[i] = (uint8_t)(byte < 255 ? byte : 255);
    }
}

/* Applies the mask to the image in pieces whose samples fit the first-level cache. */
static void lay_mask(const reshift_image *input, const float *mask, int mud, reshift_image *output)
{
    enum { PIECE = 256 };
    static const float colours[2][3] = {{(float)(175 / 255.), (float)(238 / 255.), (float)(238 / 255.)},
                                        {(float)(63 / 255.), (float)(42 / 255.), (float)(20 / 255.)}};
    float samples[3 * PIECE], colour[3 * PIECE];
    for (size_t i = 0; i < 3 * PIECE; i++) {
        colour[i] = colours[mud][i % 3];
    }
    size_t n = (size_t)input->height * (size_t)input->width;
    for (size_t at = 0; at < n; at += PIECE) {
        size_t count = n - at < PIECE ? n - at : PIECE;
        spread(mask + at, count, samples);
        lay_liquid(input->pixels + 3 * at, samples, 3 * count, (float)mud, colour, output->pixels + 3 * at);
    }
}

static RESHIFT_VECTOR(void, mud_mask, (double *layer, size_t n, double threshold), (layer, n, threshold))
{
    for (size_t i = 0; i < n; i++) {
        layer[i] = layer[i] > threshold ? 1 : 0;
    }
}

static void water_relief(const double *layer, int height, int width, double threshold, void *work, uint8_t *drops,
                         uint8_t *relief, uint8_t *other)
{
    size_t n = (size_t)height * (size_t)width;
    drops_to_bytes(layer, n, threshold, drops);
    grey_canny_inverse(drops, height, width, 50, 150, work, other);
    grey_distance_blurred(other, height, width, 20, work, relief);
    grey_equalise(relief, n);
    grey_filter3(relief, height, width, emboss, work, other);
    grey_blur3(other, height, width, work, relief);
}

reshift_status weather_spatter_with(const reshift_image *input, const weather_spatter_constants *constants,
                                    const float *normals, reshift_image *output, reshift_error *error)
{
    gaussian_kernel kernel, edge;
    reshift_status status = gaussian_kernel_create(constants->sigma, 4.0, &kernel, error);
    if (status == RESHIFT_OK) {
        status = gaussian_kernel_create(constants->mud ? constants->strength : constants->sigma, 4.0, &edge, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    gaussian_kernel_normalise(&kernel);
    gaussian_kernel_normalise(&edge);
    int height = input->height, width = input->width;
    size_t n = (size_t)height * (size_t)width, planes = memory_align(2 * n * sizeof(double));
    size_t line = memory_align(GAUSSIAN_ROW_WORK(width, 1, GAUSSIAN_MAX_RADIUS) * sizeof(double));
    size_t bytes = planes + line + grey_work_bytes(height, width) + memory_align(3 * n);
    _Alignas(MEMORY_ALIGNMENT) char stack[STACK_BYTES];
    char *block = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!block) {
        return error_memory(error, bytes, "spatter");
    }
    double *layer = (double *)(void *)block, *smoothed = layer + n, *row = (double *)(void *)(block + planes);
    void *work = block + planes + line;
    float *mask = (float *)(void *)smoothed; /* reused: `smoothed` has been read */
    scale_normals(normals, n, constants->mean, constants->deviation, layer);
    smooth(layer, height, width, &kernel, row, smoothed);
    if (constants->mud) {
        mud_mask(smoothed, n, constants->threshold);
        smooth_single(smoothed, height, width, &edge, row, layer);
        cut_mud(layer, n, mask);
        lay_mask(input, mask, 1, output);
    } else {
        uint8_t *drops = (uint8_t *)work + grey_work_bytes(height, width), *relief = drops + n, *other = relief + n;
        water_relief(smoothed, height, width, constants->threshold, work, drops, relief, other);
        uint16_t *light = (uint16_t *)(void *)layer, largest = light_drops(drops, relief, n, light);
        if (largest > 0) {
            scale_light(light, n, (float)largest, (float)constants->strength, mask);
            lay_mask(input, mask, 0, output);
        } else {
            memcpy(output->pixels, input->pixels, 3 * n);
        }
    }
    if (block != stack) {
        memory_free(block);
    }
    return RESHIFT_OK;
}

reshift_status corruption_spatter(const corruption_call *call, reshift_error *error)
{
    size_t pixels = (size_t)call->input->height * (size_t)call->input->width;
    float stack[1024];
    float *normals = pixels <= 1024 ? stack : memory_allocate(pixels * sizeof *normals);
    if (!normals) {
        return error_memory(error, pixels * sizeof *normals, "spatter");
    }
    random_stream stream = corruption_stream(call);
    random_fill_gaussian(&stream, normals, pixels);
    const double *c = call->constants;
    const weather_spatter_constants constants = {c[0], c[1], c[2], c[3], c[4], (int)c[5]};
    reshift_status status = weather_spatter_with(call->input, &constants, normals, call->output, error);
    if (normals != stack) {
        memory_free(normals);
    }
    return status;
}
