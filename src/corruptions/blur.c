/*
 * gaussian_blur, and the Gaussian that glass_blur shares: byte for byte equal to the published generator with
 * scikit-image 0.19, SciPy 1.10 and NumPy 1.24 on a machine with AVX-512.
 *
 * AVX-512 matters: NumPy's vectorised exponential for it is not correctly rounded. Its error of one unit in the last
 * place reaches the filter's weights, and if a pixel's exact value is an integer (flat areas), it decides whether the
 * value is truncated to that integer or to the one below. On other machines, and in 2018, NumPy calls the C library,
 * and 74 of the 153,600,000 values of gaussian_blur.npy differ; the md5 is then that of the published file,
 * c33370155bc9b055fb4a89113d3c559d. The affected taps are therefore listed in a table.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "corruptions/blur.h"
#include "corruptions/family.h"
#include "imaging/unit.h"
#include "imaging/vector.h"

/* Work memory up to this size is on the stack: a 32x32 image needs 27 KB. */
#define STACK_BYTES (32 * 1024)

/* Bit k: for the pair at distance k, NumPy's exponential is one unit above, or below, the correctly rounded one. */
static const struct {
    double sigma;
    uint32_t one_above, one_below;
} last_bits[] = {
    {.25, 0, 0x2},     {.6, 0x2, 0},     {.7, 0x2, 0x8},     {.9, 0, 0x4},         {1, 0x8, 0x14},
    {1.5, 0x10, 0x48}, {2, 0x40, 0x132}, {3, 0x320, 0x1040}, {4, 0x1800, 0x10584}, {6, 0x50400, 0x1009008},
};

reshift_status blur_kernel(double sigma, gaussian_kernel *kernel, reshift_error *error)
{
    reshift_status status = gaussian_kernel_create(sigma, 4.0, kernel, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof last_bits / sizeof last_bits[0]; i++) {
        for (int k = 0; last_bits[i].sigma == sigma && k <= kernel->radius; k++) {
            double *weight = &kernel->weights[k];
            *weight = last_bits[i].one_above >> k & 1   ? nextafter(*weight, 2)
                      : last_bits[i].one_below >> k & 1 ? nextafter(*weight, 0)
                                                        : *weight;
        }
    }
    gaussian_kernel_normalise(kernel);
    return RESHIFT_OK;
}

static RESHIFT_VECTOR(void, to_unit, (const uint8_t *restrict bytes, size_t n, double *restrict values),
                      (bytes, n, values))
{
    for (size_t i = 0; i < n; i++) {
        values[i] = unit_double(bytes[i]);
    }
}

/* Needs no clipping: weights are positive and add up to 1 within rounding, so values are at most 255.0000000000001. */
static RESHIFT_VECTOR(void, to_bytes, (const double *restrict values, size_t n, uint8_t *restrict bytes),
                      (values, n, bytes))
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(int)(values[i] * 255);
    }
}

reshift_status blur_gaussian_bytes(const uint8_t *input, int height, int width, const gaussian_kernel *kernel,
                                   uint8_t *output, reshift_error *error)
{
    size_t row = 3 * (size_t)width, pixels = row * (size_t)height, n_work = GAUSSIAN_ROW_WORK(width, 3, kernel->radius);
    size_t bytes = (pixels + n_work + row) * sizeof(double);
    _Alignas(MEMORY_ALIGNMENT) double stack[STACK_BYTES / sizeof(double)];
    double *values = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!values) {
        return error_memory(error, bytes, "a blurred image");
    }
    double *work = values + pixels, *filtered = work + n_work;
    to_unit(input, pixels, values);
    for (int y = 0; y < height; y++) {
        gaussian_row(values, height, width, 3, kernel, y, work, filtered);
        to_bytes(filtered, row, output + (size_t)y * row);
    }
    if (values != stack) {
        memory_free(values);
    }
    return RESHIFT_OK;
}

reshift_status corruption_gaussian_blur(const corruption_call *call, reshift_error *error)
{
    gaussian_kernel kernel;
    reshift_status status = blur_kernel(call->constants[0], &kernel, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    return blur_gaussian_bytes(call->input->pixels, call->input->height, call->input->width, &kernel,
                               call->output->pixels, error);
}
