/* Classes of an axis: the weights of every output, compared with those of the classes found so far. */
#include "engine/stem_axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "imaging/preprocess.h"

#define SAME_WEIGHT 1e-6 /* positions of one phase differ by the rounding of their weights */

static bool axis_allocate(stem_axis *a, int kernel)
{
    size_t n = (size_t)a->n, k = (size_t)kernel;
    a->start = calloc(n, sizeof *a->start);
    a->class = calloc(n, sizeof *a->class);
    a->members = calloc(n, sizeof *a->members);
    a->first_member = calloc(n + 1, sizeof *a->first_member);
    a->inside = calloc(n * k, sizeof *a->inside);
    return a->start && a->class && a->members && a->first_member && a->inside;
}

void stem_axis_destroy(stem_axis *a)
{
    free(a->start);
    free(a->class);
    free(a->members);
    free(a->first_member);
    free(a->weights);
    free(a->inside);
}

/* The class with these weights, an earlier one or a new one. */
static int find_class(stem_axis *a, int kernel, const double *weights, const bool *inside)
{
    size_t per_class = (size_t)kernel * (size_t)a->taps;
    for (int c = 0; c < a->n_classes; c++) {
        const double *there = a->weights + (size_t)c * per_class;
        bool same = memcmp(inside, a->inside + (size_t)c * (size_t)kernel, (size_t)kernel * sizeof *inside) == 0;
        for (size_t i = 0; i < per_class && same; i++) {
            same = fabs(weights[i] - there[i]) < SAME_WEIGHT;
        }
        if (same) {
            return c;
        }
    }
    memcpy(a->weights + (size_t)a->n_classes * per_class, weights, per_class * sizeof *weights);
    memcpy(a->inside + (size_t)a->n_classes * (size_t)kernel, inside, (size_t)kernel * sizeof *inside);
    return a->n_classes++;
}

static void list_members(stem_axis *a)
{
    int at = 0;
    for (int c = 0; c < a->n_classes; c++) {
        a->first_member[c] = at;
        for (int o = 0; o < a->n; o++) {
            if (a->class[o] == c) {
                a->members[at++] = o;
            }
        }
    }
    a->first_member[a->n_classes] = at;
}

/* Source samples lo..hi that output o reads. */
static void span(const graph_node *conv, const preprocess_taps *rows, int size, int o, int *lo, int *hi)
{
    *lo = size;
    *hi = -1;
    for (int k = 0; k < conv->window.kernel[0]; k++) {
        int r = o * conv->window.stride[0] - conv->window.padding[0] + k;
        if (r >= 0 && r < size) {
            *lo = rows[r].start < *lo ? rows[r].start : *lo;
            *hi = rows[r].start + rows[r].n - 1 > *hi ? rows[r].start + rows[r].n - 1 : *hi;
        }
    }
}

reshift_status stem_axis_create(stem_axis *a, const graph_node *conv, int in, int size, bool *fits,
                                reshift_error *error)
{
    int n_taps = preprocess_most_taps(in, size), kernel = conv->window.kernel[0];
    a->in = in;
    a->n = (size + 2 * conv->window.padding[0] - kernel) / conv->window.stride[0] + 1;
    preprocess_taps *rows = calloc((size_t)size, sizeof *rows);
    float *weights = calloc((size_t)size * (size_t)n_taps, sizeof *weights);
    double *own = NULL;
    reshift_status status = RESHIFT_OK;
    *fits = false;
    if (!rows || !weights || !axis_allocate(a, kernel)) {
        status = error_memory(error, (size_t)size * sizeof *rows, "the first convolution");
        goto done;
    }
    preprocess_axis(in, size, n_taps, rows, weights);
    for (int o = 0; o < a->n; o++) {
        int lo, hi;
        span(conv, rows, size, o, &lo, &hi);
        a->start[o] = lo;
        a->taps = hi - lo + 1 > a->taps ? hi - lo + 1 : a->taps;
        if (hi < lo) {
            goto done; /* nothing but padding */
        }
    }
    if (a->taps > in || a->taps >= kernel) {
        goto done;
    }
    size_t per_class = (size_t)kernel * (size_t)a->taps;
    a->weights = calloc((size_t)a->n * per_class, sizeof *a->weights);
    own = calloc(per_class, sizeof *own);
    if (!a->weights || !own) {
        status = error_memory(error, (size_t)a->n * per_class * sizeof *own, "the first convolution");
        goto done;
    }
    for (int o = 0; o < a->n; o++) {
        bool inside[STEM_MAX_KERNEL] = {false};
        memset(own, 0, per_class * sizeof *own);
        a->start[o] = a->start[o] < in - a->taps ? a->start[o] : in - a->taps;
        for (int k = 0; k < kernel; k++) {
            int r = o * conv->window.stride[0] - conv->window.padding[0] + k;
            inside[k] = r >= 0 && r < size;
            for (int t = 0; inside[k] && t < rows[r].n; t++) {
                own[k * a->taps + rows[r].start + t - a->start[o]] =
                    (double)weights[(size_t)r * (size_t)n_taps + (size_t)t];
            }
        }
        a->class[o] = find_class(a, kernel, own, inside);
    }
    list_members(a);
    *fits = true;
done:
    free(rows);
    free(weights);
    free(own);
    return status;
}
