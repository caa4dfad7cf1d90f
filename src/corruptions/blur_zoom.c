/*
 * zoom_blur: the mean of the image and of increasingly enlarged centres, in float32 like the published generator. The
 * zoom factors are NumPy's arange(first, end, step): first + i ((first + step) - first). Their number follows from
 * NumPy's division, which by rounding yields one more than intended, for example at the first two severities of CIFAR.
 */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "corruptions/family.h"
#include "imaging/unit.h"
#include "imaging/vector.h"
#include "imaging/zoom_image.h"

/* Work memory up to this size is on the stack: a 32x32 image needs 36 KB. */
#define STACK_BYTES (40 * 1024)

static RESHIFT_VECTOR(void, to_planes,
                      (const uint8_t *restrict pixels, size_t n, float *restrict red, float *restrict green,
                       float *restrict blue),
                      (pixels, n, red, green, blue))
{
    for (size_t i = 0; i < n; i++) {
        red[i] = unit_float(pixels[3 * i]);
        green[i] = unit_float(pixels[3 * i + 1]);
        blue[i] = unit_float(pixels[3 * i + 2]);
    }
}

/* Needs no clipping: the mean of values in 0..1 is at most 255.0001 after rounding. */
static RESHIFT_VECTOR(void, mean_to_bytes,
                      (const float *restrict plane, const float *restrict sums, float count, size_t n,
                       uint8_t *restrict pixels),
                      (plane, sums, count, n, pixels))
{
    for (size_t i = 0; i < n; i++) {
        pixels[3 * i] = (uint8_t)(int)((plane[i] + sums[i]) / count * 255);
    }
}

reshift_status corruption_zoom_blur(const corruption_call *call, reshift_error *error)
{
    double first = call->constants[0], end = call->constants[1], step = call->constants[2];
    int height = call->input->height, width = call->input->width, count = (int)ceil((end - first) / step);
    size_t stride = ZOOM_STRIDE(width), plane = (size_t)height * stride, row = (size_t)width;
    size_t bytes = 6 * plane * sizeof(float) + ZOOM_WORK_BYTES(height, width);
    _Alignas(MEMORY_ALIGNMENT) float stack[STACK_BYTES / sizeof(float)];
    float *planes = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!planes) {
        return error_memory(error, bytes, "a zoomed image");
    }
    float *sums = planes + 3 * plane;
    for (size_t i = 0; i < 6 * plane; i++) {
        planes[i] = 0;
    }
    for (int y = 0; y < height; y++) {
        float *red = planes + (size_t)y * stride;
        to_planes(call->input->pixels + 3 * row * (size_t)y, row, red, red + plane, red + 2 * plane);
    }
    double rounded_step = (first + step) - first;
    for (int i = 0; i < count; i++) {
        zoom_image_add(planes, height, width, first + i * rounded_step, sums, sums + 3 * plane);
    }
    for (int y = 0; y < height; y++) {
        for (size_t c = 0; c < 3; c++) {
            size_t line = c * plane + (size_t)y * stride;
            mean_to_bytes(planes + line, sums + line, (float)(count + 1), row,
                          call->output->pixels + 3 * row * (size_t)y + c);
        }
    }
    if (planes != stack) {
        memory_free(planes);
    }
    return RESHIFT_OK;
}
