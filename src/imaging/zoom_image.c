/*
 * SciPy's linear zoom. Each axis is computed once per zoom: for each output pixel the index of its first source pixel
 * and two weights. Sources never advance faster than outputs, so eight adjacent outputs read at most eight adjacent
 * sources: one load and one permutation instead of eight scalar loads.
 */
#include "imaging/zoom_image.h"

#include <string.h>

#include "imaging/vector.h"
#include "imaging/zoom.h"

enum { LANES = DOUBLE_LANES };

typedef float float_lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t index_lanes __attribute__((vector_size(4 * LANES)));

#define ALWAYS_INLINE __attribute__((always_inline))

/* Lane l of `result` is lane places[l] of `values`. */
#if defined(__clang__)
#define PERMUTE(result, values, places)                                                                                \
    do {                                                                                                               \
        for (int lane = 0; lane < LANES; lane++) {                                                                     \
            (result)[lane] = (values)[(places)[lane]];                                                                 \
        }                                                                                                              \
    } while (0)
#else
#define PERMUTE(result, values, places) ((result) = __builtin_shuffle(values, places))
#endif

/*
 * One axis of one zoom; arrays are padded to whole vectors. Pixel i is the weighted sum of the sources at places[i] and
 * places[i] + 1.
 */
typedef struct zoom_axis {
    int *places, *after;
    double *near, *far;
    int length;
} zoom_axis;

static zoom_axis make_axis(int length, double factor, void **work)
{
    size_t padded = ZOOM_STRIDE(length);
    zoom_axis axis = {.length = length};
    axis.near = *work;
    axis.far = axis.near + padded;
    axis.places = (int *)(axis.far + padded);
    axis.after = axis.places + padded;
    *work = axis.after + padded;
    zoom_clipped_axis(length, factor, axis.places, axis.after, axis.near, axis.far);
    for (size_t i = (size_t)length; i < padded; i++) {
        axis.places[i] = axis.places[length - 1];
        axis.near[i] = axis.far[i] = 0;
    }
    return axis;
}

/*
 * Interpolates a source row of all three channels to the output columns: output [3][2][stride], the near and far
 * sources.
 */
ALWAYS_INLINE static inline void spread_row(const float *row, size_t plane, const zoom_axis *columns, double *output,
                                            size_t stride)
{
    for (int x = 0; x < columns->length; x += LANES) {
        int first = columns->places[x];
        index_lanes places;
        memcpy(&places, columns->places + x, sizeof places);
        places -= first;
        for (size_t c = 0; c < 3; c++) {
            float_lanes left, right, near, far;
            memcpy(&left, row + c * plane + first, sizeof left);
            memcpy(&right, row + c * plane + first + 1, sizeof right);
            PERMUTE(near, left, places);
            PERMUTE(far, right, places);
            double_lanes *to = (double_lanes *)(output + 2 * c * stride + x);
            *to = __builtin_convertvector(near, double_lanes);
            to = (double_lanes *)(output + (2 * c + 1) * stride + x);
            *to = __builtin_convertvector(far, double_lanes);
        }
    }
}

/* One output row: its four taps, weighted and added in SciPy's order. */
ALWAYS_INLINE static inline void add_row(const double *above, const double *below, double upper, double lower,
                                         const zoom_axis *columns, size_t stride, float *sums, size_t plane)
{
    for (int x = 0; x < columns->length; x += LANES) {
        double_lanes near = *(const double_lanes *)(columns->near + x), far = *(const double_lanes *)(columns->far + x);
        for (size_t c = 0; c < 3; c++) {
            const double *above_near = above + 2 * c * stride + x, *below_near = below + 2 * c * stride + x;
            double_lanes value = *(const double_lanes *)above_near * upper * near;
            value += *(const double_lanes *)(above_near + stride) * upper * far;
            value += *(const double_lanes *)below_near * lower * near;
            value += *(const double_lanes *)(below_near + stride) * lower * far;
            float_lanes sum;
            memcpy(&sum, sums + c * plane + x, sizeof sum);
            sum += __builtin_convertvector(value, float_lanes);
            memcpy(sums + c * plane + x, &sum, sizeof sum);
        }
    }
}

/* One function per zoom with everything inlined: calls would cost more than the few vectors of a small image's row. */
static RESHIFT_VECTOR(void, add_planes,
                      (const float *input, const zoom_axis *rows, const zoom_axis *columns, size_t stride,
                       double *buffers, float *sums),
                      (input, rows, columns, stride, buffers, sums))
{
    size_t plane = (size_t)rows->length * stride;
    double *above = buffers, *below = buffers + 6 * stride;
    int ready = -1; /* index of the source row in `above`; `below` holds the next one */
    for (int y = 0; y < rows->length; y++) {
        int wanted = rows->places[y], next = wanted + 1 < rows->length ? wanted + 1 : wanted; /* weighs nothing there */
        if (wanted != ready) {
            if (ready >= 0 && wanted == ready + 1) {
                double *kept = above;
                above = below;
                below = kept;
            } else {
                spread_row(input + (size_t)wanted * stride, plane, columns, above, stride);
            }
            spread_row(input + (size_t)next * stride, plane, columns, below, stride);
            ready = wanted;
        }
        add_row(above, below, rows->near[y], rows->far[y], columns, stride, sums + (size_t)y * stride, plane);
    }
}

void zoom_image_add(const float *input, int height, int width, double factor, float *sums, void *work)
{
    zoom_axis columns = make_axis(width, factor, &work), rows = make_axis(height, factor, &work);
    add_planes(input, &rows, &columns, ZOOM_STRIDE(width), work, sums);
}
