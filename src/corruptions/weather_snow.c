/*
 * Snow: a layer of normal noise is enlarged and thresholded to flakes, and motion-blurred to streaks. The streaks, and
 * the streaks rotated by 180 degrees, are added to a whitened image. Values that are float32 in the published generator
 * are float32 here, and sums have the order of SciPy and OpenCV.
 */
#include "base/error.h"
#include "base/memory.h"
#include "corruptions/family.h"
#include "corruptions/weather.h"
#include "imaging/motion.h"
#include "imaging/unit.h"
#include "imaging/zoom.h"
#include "kernels/random_fill.h"
#include "kernels/vector.h"

/* Work memory up to this size is on the stack: enough for 32x32. */
#define STACK_BYTES (32 * 1024)

static RESHIFT_VECTOR(void, snow_normals,
                      (const float *restrict normals, size_t n, double mean, double deviation, double *restrict layer),
                      (normals, n, mean, deviation, layer))
{
    for (size_t i = 0; i < n; i++) {
        layer[i] = mean + deviation * (double)normals[i];
    }
}

/* SciPy multiplies every corner by its row's weight and then by its column's, and adds the four in this order. */
static RESHIFT_VECTOR(void, snow_zoom_row,
                      (const double *restrict upper, const double *restrict lower, double weight_upper,
                       double weight_lower, const int *restrict left, const int *restrict right,
                       const double *restrict weight_left, const double *restrict weight_right, int width,
                       double threshold, uint8_t *restrict flakes),
                      (upper, lower, weight_upper, weight_lower, left, right, weight_left, weight_right, width,
                       threshold, flakes))
{
    for (int x = 0; x < width; x++) {
        double value = upper[left[x]] * weight_upper * weight_left[x];
        value += upper[right[x]] * weight_upper * weight_right[x];
        value += lower[left[x]] * weight_lower * weight_left[x];
        value += lower[right[x]] * weight_lower * weight_right[x];
        value = value < threshold ? 0 : value;
        value = value < 0 ? 0 : value;
        value *= 255;
        int byte = (int)value;
        flakes[x] = (uint8_t)(byte < 255 ? byte : 255);
    }
}

/* Grey level for whitening the image; the streaks, and the streaks rotated by 180 degrees. */
static RESHIFT_VECTOR(void, snow_pixels,
                      (const uint8_t *restrict pixels, const uint8_t *restrict streaks, const uint8_t *restrict last,
                       size_t n, float *restrict bank, double *restrict streak, double *restrict turned),
                      (pixels, streaks, last, n, bank, streak, turned))
{
    for (size_t i = 0; i < n; i++) {
        float red = unit_float(pixels[3 * i]), green = unit_float(pixels[3 * i + 1]);
        float grey = 0.299f * red + 0.587f * green + 0.114f * unit_float(pixels[3 * i + 2]);
        bank[i] = grey * 1.5f + 0.5f;
    }
    for (size_t i = 0; i < n; i++) {
        streak[i] = unit_double(streaks[i]);
        turned[i] = unit_double(*(last - i));
    }
}

/* Whitens the image in single precision, then adds the streaks in double; one value per sample. */
static RESHIFT_VECTOR(void, snow_samples,
                      (const uint8_t *restrict pixels, const float *restrict bank, const double *restrict streak,
                       const double *restrict turned, size_t n, float kept, float whitened, uint8_t *restrict output),
                      (pixels, bank, streak, turned, n, kept, whitened, output))
{
    for (size_t i = 0; i < n; i++) {
        float sample = unit_float(pixels[i]);
        float white = kept * sample + whitened * (sample > bank[i] ? sample : bank[i]);
        double value = ((double)white + streak[i] + turned[i]) * 255;
        int byte = (int)value;
        output[i] = (uint8_t)(byte < 255 ? byte : 255);
    }
}

/* Adds the streaks to the image, in pieces whose values fit the first-level cache. */
static void snow_lay(const reshift_image *input, const uint8_t *streaks, double kept, reshift_image *output)
{
    enum { PIECE = 256 };
    float bank[PIECE], banks[3 * PIECE];
    double streak[PIECE], turned[PIECE], streak_samples[3 * PIECE], turned_samples[3 * PIECE];
    size_t n = (size_t)input->height * (size_t)input->width;
    for (size_t at = 0; at < n; at += PIECE) {
        size_t count = n - at < PIECE ? n - at : PIECE;
        snow_pixels(input->pixels + 3 * at, streaks + at, streaks + (n - 1 - at), count, bank, streak, turned);
        for (size_t i = 0; i < count; i++) {
            banks[3 * i] = banks[3 * i + 1] = banks[3 * i + 2] = bank[i];
            streak_samples[3 * i] = streak_samples[3 * i + 1] = streak_samples[3 * i + 2] = streak[i];
            turned_samples[3 * i] = turned_samples[3 * i + 1] = turned_samples[3 * i + 2] = turned[i];
        }
        snow_samples(input->pixels + 3 * at, banks, streak_samples, turned_samples, 3 * count, (float)kept,
                     (float)(1 - kept), output->pixels + 3 * at);
    }
}

reshift_status weather_snow_with(const reshift_image *input, const weather_snow_constants *constants,
                                 const float *normals, double angle_degrees, reshift_image *output,
                                 reshift_error *error)
{
    motion_kernel kernel;
    reshift_status status = motion_kernel_create(constants->radius, constants->sigma, angle_degrees, &kernel, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int height = input->height, width = input->width;
    size_t h = (size_t)height, w = (size_t)width, pixels = h * w;
    size_t bytes = (pixels + 2 * (h + w)) * sizeof(double) + 2 * (h + w) * sizeof(int) + 2 * pixels;
    _Alignas(MEMORY_ALIGNMENT) double stack[STACK_BYTES / sizeof(double)];
    double *layer = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!layer) {
        return error_memory(error, bytes, "snow");
    }
    double *weights = layer + pixels;
    int *places = (int *)(weights + 2 * (h + w));
    uint8_t *flakes = (uint8_t *)(places + 2 * (h + w)), *streaks = flakes + pixels;
    int *upper = places, *lower = upper + h, *left = lower + h, *right = left + w;
    double *weight_upper = weights, *weight_lower = weight_upper + h, *weight_left = weight_lower + h,
           *weight_right = weight_left + w;
    snow_normals(normals, pixels, constants->mean, constants->deviation, layer);
    zoom_clipped_axis(height, constants->zoom, upper, lower, weight_upper, weight_lower);
    zoom_clipped_axis(width, constants->zoom, left, right, weight_left, weight_right);
    for (size_t y = 0; y < h; y++) {
        snow_zoom_row(layer + (size_t)upper[y] * w, layer + (size_t)lower[y] * w, weight_upper[y], weight_lower[y],
                      left, right, weight_left, weight_right, width, constants->threshold, flakes + y * w);
    }
    status = motion_blur_u8(flakes, height, width, 1, &kernel, streaks, error);
    if (status == RESHIFT_OK) {
        snow_lay(input, streaks, constants->kept, output);
    }
    if (layer != stack) {
        memory_free(layer);
    }
    return status;
}

reshift_status corruption_snow(const corruption_call *call, reshift_error *error)
{
    size_t pixels = (size_t)call->input->height * (size_t)call->input->width;
    float stack[1024];
    float *normals = pixels <= 1024 ? stack : memory_allocate(pixels * sizeof *normals);
    if (!normals) {
        return error_memory(error, pixels * sizeof *normals, "snow");
    }
    random_stream stream = corruption_stream(call);
    double angle = -135 + 90 * random_uniform(&stream);
    random_fill_gaussian(&stream, normals, pixels);
    const double *c = call->constants;
    const weather_snow_constants constants = {c[0], c[1], c[2], c[3], c[4], c[5], c[6]};
    reshift_status status = weather_snow_with(call->input, &constants, normals, angle, call->output, error);
    if (normals != stack) {
        memory_free(normals);
    }
    return status;
}
