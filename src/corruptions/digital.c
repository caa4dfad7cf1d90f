/*
 * Digital corruptions that work pixel by pixel or with Pillow's resampling, and brightness, which belongs to the
 * weather family but is an operation on colour like saturate. All are byte-exact: float64 in NumPy's order of
 * operations; JPEG as in libjpeg. elastic_transform has its own file.
 */
#include "base/error.h"
#include "base/memory.h"
#include "corruptions/family.h"
#include "imaging/colour.h"
#include "imaging/jpeg_loss.h"
#include "imaging/resize.h"
#include "imaging/vector.h"

static uint8_t to_byte(double value) { return (uint8_t)(int)((value < 0 ? 0 : value > 1 ? 1 : value) * 255); }

static void fill_units(double units[256])
{
    for (int value = 0; value < 256; value++) {
        units[value] = (double)value / 255.0;
    }
}

/* (x - mean) c + mean, by a lookup table per channel. */
reshift_status corruption_contrast(const corruption_call *call, reshift_error *error)
{
    (void)error;
    double factor = call->constants[0], units[256];
    const uint8_t *input = call->input->pixels;
    uint8_t *output = call->output->pixels, tables[3][256];
    size_t n = (size_t)call->input->height * (size_t)call->input->width;
    fill_units(units);
    double red = 0, green = 0, blue = 0; /* sequentially, as NumPy adds along the outer axes */
    for (size_t i = 0; i < n; i++) {
        red += units[input[3 * i]];
        green += units[input[3 * i + 1]];
        blue += units[input[3 * i + 2]];
    }
    const double means[3] = {red / (double)n, green / (double)n, blue / (double)n};
    for (int c = 0; c < 3; c++) {
        for (int value = 0; value < 256; value++) {
            tables[c][value] = to_byte((units[value] - means[c]) * factor + means[c]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        output[3 * i] = tables[0][input[3 * i]];
        output[3 * i + 1] = tables[1][input[3 * i + 1]];
        output[3 * i + 2] = tables[2][input[3 * i + 2]];
    }
    return RESHIFT_OK;
}

/* clip(x factor + offset, 0, 1), in place */
static RESHIFT_VECTOR(void, scale_and_clip, (double *values, size_t n, double factor, double offset),
                      (values, n, factor, offset))
{
    for (size_t i = 0; i < n; i++) {
        double value = values[i] * factor + offset;
        value = value < 0 ? 0 : value;
        values[i] = value > 1 ? 1 : value;
    }
}

static RESHIFT_VECTOR(void, to_bytes, (const double *restrict values, size_t n, uint8_t *restrict bytes),
                      (values, n, bytes))
{
    for (size_t i = 0; i < n; i++) {
        double value = values[i] < 0 ? 0 : values[i];
        value = value > 1 ? 1 : value;
        bytes[i] = (uint8_t)(int)(value * 255);
    }
}

/* Scales, shifts and clips one plane of HSV: 1 is saturation, 2 is value. */
static void change_hsv(const corruption_call *call, int plane, double factor, double offset)
{
    enum { PIECE = 256 };
    double units[256], planes[6][PIECE];
    uint8_t bytes[3][PIECE];
    colour_planes rgb = {planes[0], planes[1], planes[2]}, hsv = {planes[3], planes[4], planes[5]};
    fill_units(units);
    size_t pixels = (size_t)call->input->height * (size_t)call->input->width;
    for (size_t begin = 0; begin < pixels; begin += PIECE) {
        size_t n = pixels - begin < PIECE ? pixels - begin : PIECE;
        const uint8_t *input = call->input->pixels + 3 * begin;
        uint8_t *output = call->output->pixels + 3 * begin;
        for (size_t i = 0; i < n; i++) {
            for (size_t c = 0; c < 3; c++) {
                planes[c][i] = units[input[3 * i + c]];
            }
        }
        colour_rgb_to_hsv(rgb, n, hsv);
        scale_and_clip(planes[3 + plane], n, factor, offset);
        colour_hsv_to_rgb(hsv, n, rgb);
        for (size_t c = 0; c < 3; c++) {
            to_bytes(planes[c], n, bytes[c]);
        }
        for (size_t i = 0; i < n; i++) {
            for (size_t c = 0; c < 3; c++) {
                output[3 * i + c] = bytes[c][i];
            }
        }
    }
}

reshift_status corruption_brightness(const corruption_call *call, reshift_error *error)
{
    (void)error;
    change_hsv(call, 2, 1, call->constants[0]);
    return RESHIFT_OK;
}

reshift_status corruption_saturate(const corruption_call *call, reshift_error *error)
{
    (void)error;
    change_hsv(call, 1, call->constants[0], call->constants[1]);
    return RESHIFT_OK;
}

/* Pillow's BOX resize to a fraction of the size and back. */
reshift_status corruption_pixelate(const corruption_call *call, reshift_error *error)
{
    double share = call->constants[0];
    int height = call->input->height, width = call->input->width;
    reshift_image small = {(int)(height * share), (int)(width * share), NULL, 0};
    if (small.height < 1 || small.width < 1) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED,
                         "pixelate: an image of %dx%d is too small: %g of it is less than a pixel", width, height,
                         share);
    }
    small.capacity = 3 * (size_t)small.height * (size_t)small.width;
    _Alignas(MEMORY_ALIGNMENT) uint8_t stack[32 * 1024];
    small.pixels = small.capacity <= sizeof stack ? stack : memory_allocate(small.capacity);
    if (!small.pixels) {
        return error_memory(error, small.capacity, "a pixelated image");
    }
    reshift_status status = resize_u8(call->input, small.height, small.width, RESIZE_BOX, small.pixels, error);
    if (status == RESHIFT_OK) {
        status = resize_u8(&small, height, width, RESIZE_BOX, call->output->pixels, error);
    }
    if (small.pixels != stack) {
        memory_free(small.pixels);
    }
    return status;
}

reshift_status corruption_jpeg_compression(const corruption_call *call, reshift_error *error)
{
    return jpeg_loss(call->input, (int)call->constants[0], call->output->pixels, error);
}
