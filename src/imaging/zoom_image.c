/*
 * SciPy's linear zoom. The grid of an axis is worked out once a zoom: for each pixel of the result the place of its
 * first source pixel and the two weights. Sources never advance faster than the result, so eight neighbours of the
 * result read at most eight neighbours of the source: one load and one permutation instead of eight single reads.
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

/* One axis of one zoom; arrays of whole vectors. Pixel i is the sources at places[i] and the one after it, weighed. */
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

/* A source row of all three channels, enlarged: output [3][stride]. */
ALWAYS_INLINE static inline void enlarge_row(const float *row, size_t plane, const zoom_axis *axis, double *output,
                                             size_t stride)
{
    for (int x = 0; x < axis->length; x += LANES) {
        int first = axis->places[x];
        index_lanes places;
        double_lanes near_weights, far_weights;
        memcpy(&places, axis->places + x, sizeof places);
        memcpy(&near_weights, axis->near + x, sizeof near_weights);
        memcpy(&far_weights, axis->far + x, sizeof far_weights);
        places -= first;
        for (size_t c = 0; c < 3; c++) {
            float_lanes left, right, near, far;
            memcpy(&left, row + c * plane + first, sizeof left);
            memcpy(&right, row + c * plane + first + 1, sizeof right);
            PERMUTE(near, left, places);
            PERMUTE(far, right, places);
            double_lanes sum = __builtin_convertvector(near, double_lanes) * near_weights +
                               __builtin_convertvector(far, double_lanes) * far_weights;
            memcpy(output + c * stride + x, &sum, sizeof sum);
        }
    }
}

ALWAYS_INLINE static inline void add_row(const double *above, const double *below, double near, double far, size_t n,
                                         float *sums)
{
    for (size_t x = 0; x < n; x += LANES) {
        double_lanes upper, lower;
        float_lanes sum;
        memcpy(&upper, above + x, sizeof upper);
        memcpy(&lower, below + x, sizeof lower);
        memcpy(&sum, sums + x, sizeof sum);
        sum += __builtin_convertvector(upper * near + lower * far, float_lanes);
        memcpy(sums + x, &sum, sizeof sum);
    }
}

/* One function a zoom, its parts inside: calls would cost more than the few vectors of a small image's row. */
RESHIFT_VECTOR static void add_planes(const float *input, const zoom_axis *rows, const zoom_axis *columns,
                                      size_t stride, double *buffers, float *sums)
{
    size_t plane = (size_t)rows->length * stride;
    double *above = buffers, *below = buffers + 3 * stride;
    int ready = -1; /* the source row that stands in `above`; the next one stands in `below` */
    for (int y = 0; y < rows->length; y++) {
        int wanted = rows->places[y], next = wanted + 1 < rows->length ? wanted + 1 : wanted; /* weighs nothing there */
        if (wanted != ready) {
            if (ready >= 0 && wanted == ready + 1) {
                double *kept = above;
                above = below;
                below = kept;
            } else {
                enlarge_row(input + (size_t)wanted * stride, plane, columns, above, stride);
            }
            enlarge_row(input + (size_t)next * stride, plane, columns, below, stride);
            ready = wanted;
        }
        for (size_t c = 0; c < 3; c++) {
            add_row(above + c * stride, below + c * stride, rows->near[y], rows->far[y], stride - LANES,
                    sums + c * plane + (size_t)y * stride);
        }
    }
}

void zoom_image_add(const float *input, int height, int width, double factor, float *sums, void *work)
{
    zoom_axis columns = make_axis(width, factor, &work), rows = make_axis(height, factor, &work);
    add_planes(input, &rows, &columns, ZOOM_STRIDE(width), work, sums);
}
