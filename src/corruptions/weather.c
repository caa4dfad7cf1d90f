/*
 * Weather: snow, frost and fog (spatter, which is another kind of thing, has weather_spatter.c). Formulas, constants
 * and the precision of every step are the published generator's, as NumPy, SciPy, Pillow, ImageMagick and OpenCV
 * compute them: what is float32 there is float32 here. Where 32 or 224 stand in the formulas, here it is the image's
 * size.
 *
 * Frost lays an overlay over the image as it is; where an image is not smaller than the overlay, which the published
 * generator refuses, the overlay is enlarged until it covers the image.
 */
#include "corruptions/weather.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/vector.h"
#include "corruptions/family.h"
#include "imaging/motion.h"
#include "imaging/plasma.h"
#include "imaging/resize.h"
#include "imaging/unit.h"
#include "imaging/zoom.h"

/* Work memory up to this size stands on the stack: enough for 32x32. */
#define STACK_BYTES (32 * 1024)

/* Fog's map is square, whatever the image: 24 bytes a point, 1.6 GB at this side. */
enum { FOG_SIDE_MAX = 8192 };

static const weather_snow_constants snow_constants[2][5] = {
    {{.1, .2, 1, .6, 8, 3, .95},
     {.1, .2, 1, .5, 10, 4, .9},
     {.15, .3, 1.75, .55, 10, 4, .9},
     {.25, .3, 2.25, .6, 12, 6, .85},
     {.3, .3, 1.25, .65, 14, 12, .8}},
    {{.1, .3, 3, .5, 10, 4, .8},
     {.2, .3, 2, .5, 12, 4, .7},
     {.55, .3, 4, .9, 12, 8, .7},
     {.55, .3, 4.5, .85, 12, 8, .65},
     {.55, .3, 2.5, .85, 12, 12, .55}},
};

/* The share of the image, the share of the overlay. */
static const double frost_constants[2][5][2] = {
    {{1, .2}, {1, .3}, {.9, .4}, {.85, .4}, {.75, .45}},
    {{1, .4}, {.8, .6}, {.7, .7}, {.65, .7}, {.6, .75}},
};

/* Thickness, decay of the wobbles. */
static const double fog_constants[2][5][2] = {
    {{.2, 3}, {.5, 3}, {.75, 2.5}, {1, 2}, {1.5, 1.75}},
    {{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}},
};

static int constants_set(const corruption_call *call) { return call->constants == RESHIFT_CONSTANTS_IMAGENET; }

/* ---- fog ---- */

int weather_fog_side(int height, int width)
{
    int larger = height > width ? height : width, side = 2;
    while (side < larger) {
        side *= 2;
    }
    return side;
}

RESHIFT_VECTOR static void fog_row(const uint8_t *restrict pixels, const double *restrict map, int width,
                                   double thickness, double brightest, double *restrict haze, uint8_t *restrict output)
{
    double range = brightest + thickness;
    for (int x = 0; x < width; x++) {
        double value = thickness * map[x];
        haze[3 * x] = value;
        haze[3 * x + 1] = value;
        haze[3 * x + 2] = value;
    }
    for (int i = 0; i < 3 * width; i++) {
        double value = (unit_double(pixels[i]) + haze[i]) * brightest / range * 255;
        int byte = (int)value;
        output[i] = (uint8_t)(byte < 255 ? byte : 255);
    }
}

reshift_status weather_fog_with(const reshift_image *input, double thickness, double decay, const double *uniforms,
                                reshift_image *output, reshift_error *error)
{
    int height = input->height, width = input->width, side = weather_fog_side(height, width);
    size_t points = (size_t)side * (size_t)side, row = 3 * (size_t)width;
    size_t bytes = (2 * points + row) * sizeof(double);
    _Alignas(MEMORY_ALIGNMENT) double stack[STACK_BYTES / sizeof(double)];
    double *work = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!work) {
        return error_memory(error, bytes, "fog");
    }
    double *map = work + points, *haze = map + points;
    plasma_draw(side, decay, uniforms, work, map);
    uint8_t brightest = 0;
    for (size_t i = 0; i < row * (size_t)height; i++) {
        brightest = input->pixels[i] > brightest ? input->pixels[i] : brightest;
    }
    for (int y = 0; y < height; y++) {
        fog_row(input->pixels + (size_t)y * row, map + (size_t)y * (size_t)side, width, thickness,
                unit_double(brightest), haze, output->pixels + (size_t)y * row);
    }
    if (work != stack) {
        memory_free(work);
    }
    return RESHIFT_OK;
}

reshift_status corruption_fog(const corruption_call *call, reshift_error *error)
{
    const reshift_image *input = call->input;
    if (input->height > FOG_SIDE_MAX || input->width > FOG_SIDE_MAX) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "fog covers images of up to %d pixels a side, found %dx%d",
                         FOG_SIDE_MAX, input->width, input->height);
    }
    const double *constants = fog_constants[constants_set(call)][call->severity - 1];
    size_t draws = PLASMA_DRAWS(weather_fog_side(input->height, input->width));
    double stack[1024];
    double *uniforms = draws <= 1024 ? stack : memory_allocate(draws * sizeof *uniforms);
    if (!uniforms) {
        return error_memory(error, draws * sizeof *uniforms, "fog");
    }
    random_stream stream = random_open(call->seed, "fog", (uint64_t)call->severity, (uint64_t)call->image_index);
    random_fill_uniform(&stream, uniforms, draws);
    reshift_status status = weather_fog_with(input, constants[0], constants[1], uniforms, call->output, error);
    if (uniforms != stack) {
        memory_free(uniforms);
    }
    return status;
}

/* ---- frost ---- */

RESHIFT_VECTOR static void frost_samples(const uint8_t *restrict pixels, const uint8_t *restrict overlay, size_t n,
                                         double image_share, double frost_share, uint8_t *restrict output)
{
    for (size_t i = 0; i < n; i++) {
        double value = image_share * (double)pixels[i] + frost_share * (double)overlay[i];
        int byte = (int)value;
        output[i] = (uint8_t)(byte < 255 ? byte : 255);
    }
}

void weather_frost_with(const reshift_image *input, double image_share, double frost_share, const uint8_t *overlay,
                        int overlay_width, reshift_image *output)
{
    /* short rows are laid end to end: a loop of 96 bytes is mostly beginning and end */
    enum { PIECE = 4096 };
    uint8_t window[PIECE];
    size_t row = 3 * (size_t)input->width, step = 3 * (size_t)overlay_width, height = (size_t)input->height;
    size_t rows = row < PIECE ? PIECE / row : 1;
    for (size_t y = 0; y < height; y += rows) {
        size_t count = height - y < rows ? height - y : rows;
        const uint8_t *piece = overlay + y * step;
        if (count > 1) {
            for (size_t i = 0; i < count; i++) {
                memcpy(window + i * row, piece + i * step, row);
            }
            piece = window;
        }
        frost_samples(input->pixels + y * row, piece, count * row, image_share, frost_share, output->pixels + y * row);
    }
}

/* Lays a window of `overlay`, enlarged until it is larger than the image, over the image. */
static reshift_status frost_enlarged(const corruption_call *call, const reshift_image *overlay, random_stream *stream,
                                     const double *constants, reshift_error *error)
{
    const reshift_image *input = call->input;
    double down = (double)(input->height + 1) / (double)overlay->height;
    double across = (double)(input->width + 1) / (double)overlay->width;
    double factor = down > across ? down : across;
    factor = factor > 1 ? factor : 1;
    int height = (int)ceil(factor * (double)overlay->height), width = (int)ceil(factor * (double)overlay->width);
    resize_window window = {(int)random_below(stream, (uint64_t)(height - input->height)),
                            (int)random_below(stream, (uint64_t)(width - input->width)), input->height, input->width};
    size_t bytes = 3 * (size_t)input->height * (size_t)input->width;
    uint8_t *enlarged = memory_allocate(bytes);
    if (!enlarged) {
        return error_memory(error, bytes, "an enlarged frost overlay");
    }
    reshift_status status = resize_window_u8(overlay, height, width, RESIZE_BILINEAR, window, enlarged, error);
    if (status == RESHIFT_OK) {
        weather_frost_with(input, constants[0], constants[1], enlarged, input->width, call->output);
    }
    memory_free(enlarged);
    return status;
}

reshift_status corruption_frost(const corruption_call *call, reshift_error *error)
{
    const reshift_frost *frost = call->frost ? call->frost : frost_drawn();
    if (!frost) {
        return error_memory(error, sizeof *frost, "drawn frost overlays");
    }
    const double *constants = frost_constants[constants_set(call)][call->severity - 1];
    random_stream stream = random_open(call->seed, "frost", (uint64_t)call->severity, (uint64_t)call->image_index);
    const frost_overlay *chosen = &frost->overlays[random_below(&stream, FROST_OVERLAYS)];
    const reshift_image *overlay = constants_set(call) ? &chosen->full : &chosen->small, *input = call->input;
    if (overlay->height <= input->height || overlay->width <= input->width) {
        return frost_enlarged(call, &chosen->full, &stream, constants, error);
    }
    size_t top = (size_t)random_below(&stream, (uint64_t)(overlay->height - input->height));
    size_t left = (size_t)random_below(&stream, (uint64_t)(overlay->width - input->width));
    weather_frost_with(input, constants[0], constants[1], overlay->pixels + 3 * (top * (size_t)overlay->width + left),
                       overlay->width, call->output);
    return RESHIFT_OK;
}

/* ---- snow ---- */

RESHIFT_VECTOR static void snow_normals(const float *restrict normals, size_t n, double mean, double deviation,
                                        double *restrict layer)
{
    for (size_t i = 0; i < n; i++) {
        layer[i] = mean + deviation * (double)normals[i];
    }
}

/* SciPy weighs every corner by its row's weight and then by its column's, and adds the four in this order. */
RESHIFT_VECTOR static void snow_zoom_row(const double *restrict upper, const double *restrict lower,
                                         double weight_upper, double weight_lower, const int *restrict left,
                                         const int *restrict right, const double *restrict weight_left,
                                         const double *restrict weight_right, int width, double threshold,
                                         uint8_t *restrict flakes)
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

/* Brightness of a bank of snow in the picture's light; the streaks, and the streaks turned by half a circle. */
RESHIFT_VECTOR static void snow_pixels(const uint8_t *restrict pixels, const uint8_t *restrict streaks,
                                       const uint8_t *restrict last, size_t n, float *restrict bank,
                                       double *restrict streak, double *restrict turned)
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

/* The picture whitened by the bank, in single precision, then the streaks on it in double; each given a sample. */
RESHIFT_VECTOR static void snow_samples(const uint8_t *restrict pixels, const float *restrict bank,
                                        const double *restrict streak, const double *restrict turned, size_t n,
                                        float kept, float whitened, uint8_t *restrict output)
{
    for (size_t i = 0; i < n; i++) {
        float sample = unit_float(pixels[i]);
        float white = kept * sample + whitened * (sample > bank[i] ? sample : bank[i]);
        double value = ((double)white + streak[i] + turned[i]) * 255;
        int byte = (int)value;
        output[i] = (uint8_t)(byte < 255 ? byte : 255);
    }
}

/* Lays the streaks over the image, in pieces whose numbers stay in the nearest cache. */
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
    random_stream stream = random_open(call->seed, "snow", (uint64_t)call->severity, (uint64_t)call->image_index);
    double angle = -135 + 90 * random_uniform(&stream);
    random_fill_gaussian(&stream, normals, pixels);
    reshift_status status = weather_snow_with(call->input, &snow_constants[constants_set(call)][call->severity - 1],
                                              normals, angle, call->output, error);
    if (normals != stack) {
        memory_free(normals);
    }
    return status;
}
