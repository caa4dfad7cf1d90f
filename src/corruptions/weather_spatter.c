/*
 * Spatter: drops of water (severities 1 to 3) or mud (4 and 5), where a smoothed normal layer is above a threshold.
 * Water is lit by a relief: distance to the drops' edges, equalised and embossed. Precision of every step as published.
 *
 * The published code divides by the largest value of the water, and where no drop fell (never at 32x32, easily on an
 * image of a few pixels) turns the image black by that; here such an image stays as it is.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/vector.h"
#include "corruptions/family.h"
#include "corruptions/weather.h"
#include "imaging/gaussian.h"
#include "imaging/grey.h"

/* Work memory up to this size stands on the stack: enough for 32x32. */
#define STACK_BYTES (64 * 1024)

static const weather_spatter_constants spatter_constants[2][5] = {
    {{.62, .1, .7, .7, .5, 0},
     {.65, .1, .8, .7, .5, 0},
     {.65, .3, 1, .69, .5, 0},
     {.65, .1, .7, .69, .6, 1},
     {.65, .1, .5, .68, .6, 1}},
    {{.65, .3, 4, .69, .6, 0},
     {.65, .3, 3, .68, .6, 0},
     {.65, .3, 2, .68, .5, 0},
     {.65, .3, 1, .65, 1.5, 1},
     {.67, .4, 1, .65, 1.5, 1}},
};

static const int emboss[9] = {-2, -1, 0, -1, 1, 1, 0, 1, 2};

RESHIFT_VECTOR static void scale_normals(const float *restrict normals, size_t n, double mean, double deviation,
                                         double *restrict layer)
{
    for (size_t i = 0; i < n; i++) {
        layer[i] = mean + deviation * (double)normals[i];
    }
}

static int clamp(int index, int last) { return index < 0 ? 0 : index > last ? last : index; }

RESHIFT_VECTOR static void weigh_centre(const double *restrict centre, double weight, size_t n, double *restrict sums)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = centre[i] * weight;
    }
}

RESHIFT_VECTOR static void add_pair(const double *before, const double *after, double weight, size_t n,
                                    double *restrict sums)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] += (before[i] + after[i]) * weight;
    }
}

RESHIFT_VECTOR static void round_to_single(double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        values[i] = (double)(float)values[i];
    }
}

/* SciPy's Gaussian of a plane; `single`: of a float32 plane, which is rounded to float32 after each of the two axes. */
static void smooth(const double *input, int height, int width, const gaussian_kernel *kernel, int single, double *line,
                   double *output)
{
    size_t samples = (size_t)width;
    int radius = kernel->radius;
    double *row = line + radius;
    for (int y = 0; y < height; y++) {
        double *target = output + (size_t)y * samples;
        weigh_centre(input + (size_t)y * samples, kernel->weights[0], samples, row);
        for (int k = radius; k > 0; k--) {
            add_pair(input + (size_t)clamp(y - k, height - 1) * samples,
                     input + (size_t)clamp(y + k, height - 1) * samples, kernel->weights[k], samples, row);
        }
        if (single) {
            round_to_single(row, samples);
        }
        for (int k = 0; k < radius; k++) {
            line[k] = row[0];
            row[samples + (size_t)k] = row[samples - 1];
        }
        weigh_centre(row, kernel->weights[0], samples, target);
        for (int k = radius; k > 0; k--) {
            add_pair(row - k, row + k, kernel->weights[k], samples, target);
        }
        if (single) {
            round_to_single(target, samples);
        }
    }
}

/* Drops to 8 bits as NumPy casts: whole numbers above 255 begin again at 0. */
RESHIFT_VECTOR static void drops_to_bytes(const double *restrict layer, size_t n, double threshold,
                                          uint8_t *restrict drops)
{
    for (size_t i = 0; i < n; i++) {
        drops[i] = (uint8_t)(int)((layer[i] < threshold ? 0 : layer[i]) * 255);
    }
}

RESHIFT_VECTOR static void multiply(const uint8_t *restrict a, const uint8_t *restrict b, size_t n,
                                    float *restrict products)
{
    for (size_t i = 0; i < n; i++) {
        products[i] = (float)(a[i] * b[i]);
    }
}

/* output = image + water * colour, the water's lightest drop having `strength`. */
RESHIFT_VECTOR static void lay_water(const uint8_t *restrict pixels, const float *restrict water, size_t n,
                                     float largest, float strength, uint8_t *restrict output)
{
    const float red = (float)(175 / 255.), green = (float)(238 / 255.), blue = (float)(238 / 255.);
    for (size_t i = 0; i < n; i++) {
        float m = water[i] / largest * strength;
        float r = (float)pixels[3 * i] / 255.f + m * red, g = (float)pixels[3 * i + 1] / 255.f + m * green;
        float b = (float)pixels[3 * i + 2] / 255.f + m * blue;
        output[3 * i] = (uint8_t)(int)((r > 1 ? 1 : r) * 255);
        output[3 * i + 1] = (uint8_t)(int)((g > 1 ? 1 : g) * 255);
        output[3 * i + 2] = (uint8_t)(int)((b > 1 ? 1 : b) * 255);
    }
}

RESHIFT_VECTOR static void lay_mud(const uint8_t *restrict pixels, const double *restrict mask, size_t n,
                                   uint8_t *restrict output)
{
    const float red = (float)(63 / 255.), green = (float)(42 / 255.), blue = (float)(20 / 255.);
    for (size_t i = 0; i < n; i++) {
        float m = (float)mask[i];
        m = m < 0.8f ? 0 : m;
        float left = 1 - m;
        float r = (float)pixels[3 * i] / 255.f * left + m * red;
        float g = (float)pixels[3 * i + 1] / 255.f * left + m * green;
        float b = (float)pixels[3 * i + 2] / 255.f * left + m * blue;
        output[3 * i] = (uint8_t)(int)((r > 1 ? 1 : r) * 255);
        output[3 * i + 1] = (uint8_t)(int)((g > 1 ? 1 : g) * 255);
        output[3 * i + 2] = (uint8_t)(int)((b > 1 ? 1 : b) * 255);
    }
}

RESHIFT_VECTOR static void mud_mask(double *layer, size_t n, double threshold)
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
    size_t line = memory_align(((size_t)width + 2 * GAUSSIAN_MAX_RADIUS) * sizeof(double));
    size_t bytes = planes + line + grey_work_bytes(height, width) + memory_align(3 * n);
    _Alignas(MEMORY_ALIGNMENT) char stack[STACK_BYTES];
    char *block = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!block) {
        return error_memory(error, bytes, "spatter");
    }
    double *layer = (double *)(void *)block, *smoothed = layer + n, *row = (double *)(void *)(block + planes);
    void *work = block + planes + line;
    scale_normals(normals, n, constants->mean, constants->deviation, layer);
    smooth(layer, height, width, &kernel, 0, row, smoothed);
    if (constants->mud) {
        mud_mask(smoothed, n, constants->threshold);
        smooth(smoothed, height, width, &edge, 1, row, layer);
        lay_mud(input->pixels, layer, n, output->pixels);
    } else {
        uint8_t *drops = (uint8_t *)work + grey_work_bytes(height, width), *relief = drops + n, *other = relief + n;
        water_relief(smoothed, height, width, constants->threshold, work, drops, relief, other);
        float *water = (float *)(void *)layer, largest = 0;
        multiply(drops, relief, n, water);
        for (size_t i = 0; i < n; i++) {
            largest = water[i] > largest ? water[i] : largest;
        }
        if (largest > 0) {
            lay_water(input->pixels, water, n, largest, (float)constants->strength, output->pixels);
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
    random_stream stream = random_open(call->seed, "spatter", (uint64_t)call->severity, (uint64_t)call->image_index);
    random_fill_gaussian(&stream, normals, pixels);
    int set = call->constants == RESHIFT_CONSTANTS_IMAGENET;
    reshift_status status =
        weather_spatter_with(call->input, &spatter_constants[set][call->severity - 1], normals, call->output, error);
    if (normals != stack) {
        memory_free(normals);
    }
    return status;
}
