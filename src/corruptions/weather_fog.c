/*
 * Fog: adds a plasma fractal to the image and darkens the result so that the maximum keeps its brightness. The fractal
 * is a square whose side is the power of two that covers the image (32 and 256 in the published generator). It wraps
 * around at its edges, so a smaller map is repeated for an image much longer than wide: memory is proportional to the
 * image.
 */
#include "base/error.h"
#include "base/memory.h"
#include "corruptions/family.h"
#include "corruptions/weather.h"
#include "imaging/plasma.h"
#include "imaging/unit.h"
#include "kernels/random_fill.h"
#include "kernels/vector.h"

/* Work memory up to this size is on the stack: enough for 32x32. */
#define STACK_BYTES (32 * 1024)

/* A map of this side and its random numbers take 24 bytes per point, 1.6 GB. */
enum { FOG_SIDE_MAX = 8192 };

/* Maximum number of map points per image pixel: the square that covers an image of up to 2:1 has fewer than 8. */
enum { FOG_POINTS_A_PIXEL = 8 };

int weather_fog_side(int height, int width)
{
    int larger = height > width ? height : width, side = 2;
    while (side < larger) {
        side *= 2;
    }
    while (side > 2 && (int64_t)side * side > FOG_POINTS_A_PIXEL * (int64_t)height * width) {
        side /= 2;
    }
    return side;
}

static RESHIFT_VECTOR(void, fog_row,
                      (const uint8_t *restrict pixels, const double *restrict map, int width, double thickness,
                       double brightest, double *restrict haze, uint8_t *restrict output),
                      (pixels, map, width, thickness, brightest, haze, output))
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
        const double *map_row = map + (size_t)(y % side) * (size_t)side;
        for (int x = 0; x < width; x += side) {
            const size_t at = (size_t)y * row + 3 * (size_t)x;
            fog_row(input->pixels + at, map_row, width - x < side ? width - x : side, thickness, unit_double(brightest),
                    haze, output->pixels + at);
        }
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
    size_t draws = PLASMA_DRAWS(weather_fog_side(input->height, input->width));
    double stack[1024];
    double *uniforms = draws <= 1024 ? stack : memory_allocate(draws * sizeof *uniforms);
    if (!uniforms) {
        return error_memory(error, draws * sizeof *uniforms, "fog");
    }
    random_stream stream = corruption_stream(call);
    random_fill_uniform(&stream, uniforms, draws);
    reshift_status status =
        weather_fog_with(input, call->constants[0], call->constants[1], uniforms, call->output, error);
    if (uniforms != stack) {
        memory_free(uniforms);
    }
    return status;
}
