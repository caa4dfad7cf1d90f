/*
 * SciPy's linear zoom. The grid of an axis is worked out once a zoom: for each pixel of the result the place of its
 * first source pixel and the two weights. Sources never advance faster than the result, so eight neighbours of the
 * result read at most eight neighbours of the source: one load and one permutation instead of eight single reads.
 */
#include "imaging/zoom_image.h"

#include <string.h>

#include "imaging/vector.h"
#include "imaging/zoom.h"

enum { LANES = 8 };

typedef float float_lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t index_lanes __attribute__((vector_size(4 * LANES)));
typedef double double_lanes __attribute__((vector_size(8 * LANES)));

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

RESHIFT_VECTOR static void enlarge_row(const float *restrict row, const zoom_axis *axis, double *restrict output)
{
    for (int x = 0; x < axis->length; x += LANES) {
        int32_t first = axis->places[x];
        index_lanes places;
        float_lanes left, right, near, far;
        double_lanes near_weights, far_weights;
        memcpy(&places, axis->places + x, sizeof places);
        memcpy(&left, row + first, sizeof left);
        memcpy(&right, row + first + 1, sizeof right);
        memcpy(&near_weights, axis->near + x, sizeof near_weights);
        memcpy(&far_weights, axis->far + x, sizeof far_weights);
        places -= first;
        PERMUTE(near, left, places);
        PERMUTE(far, right, places);
        double_lanes sum = __builtin_convertvector(near, double_lanes) * near_weights +
                           __builtin_convertvector(far, double_lanes) * far_weights;
        memcpy(output + x, &sum, sizeof sum);
    }
}

RESHIFT_VECTOR static void add_row(const double *restrict above, const double *restrict below, double near, double far,
                                   size_t n, float *restrict sums)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] += (float)(above[i] * near + below[i] * far);
    }
}

void zoom_image_add(const float *input, int height, int width, double factor, float *sums, void *work)
{
    size_t stride = ZOOM_STRIDE(width);
    zoom_axis columns = make_axis(width, factor, &work), rows = make_axis(height, factor, &work);
    double *buffers = work;
    for (int c = 0; c < 3; c++, input += (size_t)height * stride, sums += (size_t)height * stride) {
        double *above = buffers, *below = buffers + stride;
        int ready = -1; /* the source row that stands in `above`; the next one stands in `below` */
        for (int y = 0; y < height; y++) {
            int wanted = rows.places[y], next = wanted + 1 < height ? wanted + 1 : wanted; /* weighs nothing there */
            if (wanted != ready) {
                if (ready >= 0 && wanted == ready + 1) {
                    double *kept = above;
                    above = below;
                    below = kept;
                } else {
                    enlarge_row(input + (size_t)wanted * stride, &columns, above);
                }
                enlarge_row(input + (size_t)next * stride, &columns, below);
                ready = wanted;
            }
            add_row(above, below, rows.near[y], rows.far[y], stride - LANES, sums + (size_t)y * stride);
        }
    }
}
