/*
 * elastic_transform: an affine map of the whole image (OpenCV), then a displacement of every pixel by two smooth random
 * fields (SciPy). Images are float32 and rounded at the same steps as in the published code: in flat areas the last bit
 * decides whether a value is truncated to the next lower grey level.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "corruptions/elastic.h"
#include "corruptions/family.h"
#include "imaging/smooth.h"
#include "imaging/warp.h"
#include "kernels/random_fill.h"

/* SciPy's filter is truncated at this many sigmas. */
#define TRUNCATE 3.0

elastic_constants elastic_constants_of(const double *constants, bool imagenet, int height, int width)
{
    double unit = height < width ? height : width;
    unit = imagenet ? 244 * unit / 224 : unit; /* the published code uses 244 for images of 224 */
    return (elastic_constants){unit * constants[0], unit * constants[1], unit * constants[2]};
}

/*
 * The map from output pixels to input pixels: the inverse of the map that moves the three points. The points are (a +
 * s, b + s), (a + s, b - s), (a - s, b - s), with a from the height and b from the width, as published.
 */
static void inverse_map(int height, int width, const double moves[3][2], double inverse[2][3])
{
    int third = (height < width ? height : width) / 3;
    double a = height / 2, b = width / 2, s = third;
    const double points[3][2] = {{a + s, b + s}, {a + s, b - s}, {a - s, b - s}};
    double map[2][3];
    for (int axis = 0; axis < 2; axis++) {
        double moved[3];
        for (int i = 0; i < 3; i++) {
            moved[i] = (double)((float)points[i][axis] + (float)moves[i][axis]);
        }
        map[axis][0] = (moved[1] - moved[2]) / (2 * s);
        map[axis][1] = (moved[0] - moved[1]) / (2 * s);
        map[axis][2] = moved[1] - map[axis][0] * points[1][0] - map[axis][1] * points[1][1];
    }
    warp_invert(map, inverse);
}

static void to_float(const uint8_t *bytes, size_t pixels, float *values)
{
    float units[256];
    for (int value = 0; value < 256; value++) {
        units[value] = (float)value / 255.0f;
    }
    for (size_t i = 0; i < pixels; i++) {
        values[4 * i] = units[bytes[3 * i]];
        values[4 * i + 1] = units[bytes[3 * i + 1]];
        values[4 * i + 2] = units[bytes[3 * i + 2]];
        values[4 * i + 3] = 0;
    }
}

static void to_bytes(const float *values, size_t pixels, uint8_t *bytes)
{
    for (size_t i = 0; i < pixels; i++) {
        int levels[4]; /* four at once; the last is unused */
        for (size_t c = 0; c < 4; c++) {
            float value = values[4 * i + c] < 0 ? 0 : values[4 * i + c];
            levels[c] = (int)((value > 1 ? 1 : value) * 255.0f);
        }
        bytes[3 * i] = (uint8_t)levels[0];
        bytes[3 * i + 1] = (uint8_t)levels[1];
        bytes[3 * i + 2] = (uint8_t)levels[2];
    }
}

reshift_status elastic_with(const reshift_image *input, elastic_constants constants, const double moves[3][2],
                            double *field_x, double *field_y, reshift_image *output, reshift_error *error)
{
    int height = input->height, width = input->width;
    if (height < 3 || width < 3) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED,
                         "elastic_transform: an image of %dx%d is too small: it needs 3 pixels a side", width, height);
    }
    size_t n = (size_t)width, pixels = (size_t)height * n, image = memory_align(4 * pixels * sizeof(float));
    const bool is_long = constants.strength_px > 0 && smooth_is_long(constants.sigma_px, TRUNCATE, height, width);
    size_t n_doubles = SMOOTH_WEIGHTS(height) + SMOOTH_WEIGHTS(width) + SMOOTH_ROW_WORK(width) + n;
    n_doubles = is_long ? SMOOTH_PLANE_WORK(height, width) : n_doubles;
    size_t doubles = memory_align(n_doubles * sizeof(double)), row = memory_align(4 * n * sizeof(float));
    size_t bytes = 2 * image + doubles + 3 * row;
    char *memory = memory_allocate(bytes);
    if (!memory) {
        return error_memory(error, bytes, "an elastic image");
    }
    float *source = (float *)(void *)memory, *warped = (float *)(void *)(memory + image);
    double *weights = (double *)(void *)(memory + 2 * image);
    double *work = weights + SMOOTH_WEIGHTS(height) + SMOOTH_WEIGHTS(width), *smooth = work + SMOOTH_ROW_WORK(width);
    float *dx = (float *)(void *)(memory + 2 * image + doubles), *dy = dx + row / sizeof(float),
          *moved = dy + row / sizeof(float);
    to_float(input->pixels, pixels, source);
    double inverse[2][3];
    inverse_map(height, width, moves, inverse);
    warp_affine(source, height, width, inverse, warped);
    if (constants.strength_px <= 0) {
        to_bytes(warped, pixels, output->pixels);
    } else {
        smooth_axis down, across;
        if (is_long) {
            smooth_plane(field_x, height, width, constants.sigma_px, TRUNCATE, weights);
            smooth_plane(field_y, height, width, constants.sigma_px, TRUNCATE, weights);
        } else {
            down = smooth_axis_fill(constants.sigma_px, TRUNCATE, height, weights);
            across = smooth_axis_fill(constants.sigma_px, TRUNCATE, width, weights + SMOOTH_WEIGHTS(height));
        }
        for (int y = 0; y < height; y++) {
            const double *row_x = smooth, *row_y = smooth;
            if (is_long) {
                row_x = field_x + (size_t)y * n;
                row_y = field_y + (size_t)y * n;
            } else {
                smooth_row(field_x, height, width, &down, &across, y, work, smooth);
            }
            for (size_t x = 0; x < n; x++) {
                dx[x] = (float)(row_x[x] * constants.strength_px);
            }
            if (!is_long) {
                smooth_row(field_y, height, width, &down, &across, y, work, smooth);
            }
            for (size_t x = 0; x < n; x++) {
                dy[x] = (float)(row_y[x] * constants.strength_px);
            }
            warp_displace_row(warped, height, width, dx, dy, y, moved);
            to_bytes(moved, n, output->pixels + 3 * (size_t)y * n);
        }
    }
    memory_free(memory);
    return RESHIFT_OK;
}

/* Uniform in -1..1. */
static void fill_field(random_stream *stream, double *values, size_t n)
{
    random_fill_uniform(stream, values, n);
    for (size_t i = 0; i < n; i++) {
        values[i] = 2 * values[i] - 1;
    }
}

reshift_status corruption_elastic_transform(const corruption_call *call, reshift_error *error)
{
    int height = call->input->height, width = call->input->width;
    elastic_constants constants =
        elastic_constants_of(call->constants, call->set == RESHIFT_CONSTANTS_IMAGENET, height, width);
    random_stream stream = corruption_stream(call);
    double moves[3][2];
    fill_field(&stream, &moves[0][0], 6);
    for (int i = 0; i < 6; i++) {
        moves[i / 2][i % 2] *= constants.move_px;
    }
    size_t pixels = (size_t)height * (size_t)width, bytes = 2 * pixels * sizeof(double);
    double *fields = NULL;
    if (constants.strength_px > 0) {
        fields = memory_allocate(bytes);
        if (!fields) {
            return error_memory(error, bytes, "the fields of an elastic image");
        }
        fill_field(&stream, fields, pixels);
        fill_field(&stream, fields + pixels, pixels);
    }
    reshift_status status =
        elastic_with(call->input, constants, moves, fields, fields ? fields + pixels : NULL, call->output, error);
    memory_free(fields);
    return status;
}
