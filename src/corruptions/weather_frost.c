/*
 * Frost: adds a crop of an overlay, a picture of ice (frost.h), to the image. If the image is not smaller than the
 * overlay, which the published generator refuses, the overlay is enlarged until it covers the image.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "corruptions/family.h"
#include "corruptions/weather.h"
#include "imaging/resize.h"
#include "kernels/vector.h"

static RESHIFT_VECTOR(void, frost_samples,
                      (const uint8_t *restrict pixels, const uint8_t *restrict overlay, size_t n, double image_share,
                       double frost_share, uint8_t *restrict output),
                      (pixels, overlay, n, image_share, frost_share, output))
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
    /* concatenates short rows: a loop of 96 bytes is mostly prologue and epilogue */
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

/* Adds a window of `overlay`, enlarged until it is larger than the image. */
static reshift_status frost_enlarged(const corruption_call *call, const reshift_image *overlay, random_stream *stream,
                                     reshift_error *error)
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
        weather_frost_with(input, call->constants[0], call->constants[1], enlarged, input->width, call->output);
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
    random_stream stream = corruption_stream(call);
    const frost_overlay *chosen = &frost->overlays[random_below(&stream, FROST_OVERLAYS)];
    bool imagenet = call->set == RESHIFT_CONSTANTS_IMAGENET;
    const reshift_image *overlay = imagenet ? &chosen->full : &chosen->small, *input = call->input;
    if (overlay->height <= input->height || overlay->width <= input->width) {
        return frost_enlarged(call, &chosen->full, &stream, error);
    }
    size_t top = (size_t)random_below(&stream, (uint64_t)(overlay->height - input->height));
    size_t left = (size_t)random_below(&stream, (uint64_t)(overlay->width - input->width));
    weather_frost_with(input, call->constants[0], call->constants[1],
                       overlay->pixels + 3 * (top * (size_t)overlay->width + left), overlay->width, call->output);
    return RESHIFT_OK;
}
