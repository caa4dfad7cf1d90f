/*
 * One histogram of magnitudes a channel, eight bins an octave: the upper bits of a float32 are the bin's number. So one
 * pass over the images is enough, whatever the scale of a result, and counts are exact.
 */
#include "engine/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    BINS_AN_OCTAVE = 8,
    LEAST_EXPONENT = -10, /* bin 0 holds all below 2^-10 ... */
    OCTAVES = 24,         /* ... the last all above 2^14 */
    BINS = BINS_AN_OCTAVE * OCTAVES,
    SHIFT = 20, /* a float32 above these bits: sign, exponent, three bits of its mantissa */
    FIRST_BIN = (127 + LEAST_EXPONENT) * BINS_AN_OCTAVE,
    SLICE = 16,       /* channels that one thread counts: their histograms stay in its first-level cache */
    MANY_ROWS = 8192, /* of more pixels every fifth is enough */
    CANDIDATES = 64,  /* for k, BINS_AN_OCTAVE an octave */
    NARROWEST = 64,   /* a channel that is hardly ever active still gets this part of the widest one's range */
};

struct calibration {
    network *net;
    uint32_t **counts; /* [n_nodes] [channels, BINS] of magnitudes above 0; NULL where nothing is kept */
    bool *infinite;    /* [n_nodes] */
};

void calibration_destroy(calibration **c)
{
    if (c && *c) {
        for (int i = 0; (*c)->counts && i < (*c)->net->graph->n_nodes; i++) {
            memory_free((*c)->counts[i]);
        }
        free((*c)->counts);
        free((*c)->infinite);
        free(*c);
        *c = NULL;
    }
}

reshift_status calibration_create(network *n, calibration **out, reshift_error *error)
{
    const graph *g = n->graph;
    size_t bytes = 0;
    calibration *c = *out = calloc(1, sizeof *c);
    if (c) {
        c->net = n;
        c->counts = calloc((size_t)g->n_nodes, sizeof *c->counts);
        c->infinite = calloc((size_t)g->n_nodes, sizeof *c->infinite);
    }
    bool complete = c && c->counts && c->infinite;
    for (int i = 0; complete && i < g->n_nodes; i++) {
        if (graph_is_kept(g, i)) {
            bytes = (size_t)g->nodes[i].channels_out * BINS * sizeof **c->counts;
            complete = (c->counts[i] = memory_allocate(bytes)) != NULL;
        }
    }
    if (!complete) {
        calibration_destroy(out);
        return error_memory(error, bytes, "calibration");
    }
    return RESHIFT_OK;
}

/* Some channels of every step-th row. False where a value is not finite. */
static bool count_slice(uint32_t *counts, const float *values, int64_t rows, int64_t step, int channels, int first)
{
    int n = channels - first < SLICE ? channels - first : SLICE;
    bool finite = true;
    for (int64_t row = 0; row < rows; row += step) {
        for (int i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &values[row * channels + first + i], sizeof bits);
            bits &= 0x7fffffff;
            int bin = (int)(bits >> SHIFT) - FIRST_BIN;
            finite = finite && bits < 0x7f800000;
            bin = bin < 0 ? 0 : bin < BINS ? bin : BINS - 1;
            counts[(first + i) * BINS + bin] += bits != 0;
        }
    }
    return finite;
}

void calibration_watch(void *context, int node, const float *values, int64_t rows, int channels)
{
    calibration *c = context;
    int64_t step = rows > MANY_ROWS ? 5 : 1; /* widths of maps are no multiples of 5: every column has its turn */
    bool infinite = false;
    if (!c->counts[node]) {
        return;
    }
#pragma omp parallel for schedule(static) reduction(|| : infinite)
    for (int first = 0; first < channels; first += SLICE) {
        infinite = !count_slice(c->counts[node], values, rows, step, channels, first) || infinite;
    }
    c->infinite[node] |= infinite;
}

/* ---- ranges ---- */

static double edge(int bin) /* the lower one; within an octave bins are equally wide */
{
    double within = 1 + (double)(bin % BINS_AN_OCTAVE) / BINS_AN_OCTAVE;
    return ldexp(within, LEAST_EXPONENT + bin / BINS_AN_OCTAVE);
}

/* The squared error of one channel in this range. */
static double error_of(const uint32_t *counts, double range, int levels)
{
    double inside = 0, error = 0;
    for (int bin = 0; bin < BINS; bin++) {
        double middle = (edge(bin) + edge(bin + 1)) / 2;
        if (middle <= range) {
            inside += counts[bin];
        } else {
            error += counts[bin] * (middle - range) * (middle - range);
        }
    }
    return error + inside * (range / levels) * (range / levels) / 12;
}

/* The range that a channel would have by itself; 0 where it is never active. */
static double width_of(const uint32_t *counts, int levels)
{
    double least = INFINITY, best = 0;
    int last = BINS - 1;
    while (last >= 0 && !counts[last]) {
        last--;
    }
    for (int bin = last; bin >= 0 && bin > last - CANDIDATES; bin--) {
        double range = edge(bin + 1), error = error_of(counts, range, levels);
        if (error < least) {
            least = error;
            best = range;
        }
    }
    return best;
}

static int levels_of(const graph *g, int node) { return graph_is_nonnegative(g, node) ? 255 : 127; }

/* shape[channel] of the ranges of every result that `root`'s is summed with. */
static void find_shape(const calibration *c, int root, float *shape)
{
    const graph *g = c->net->graph;
    int channels = g->nodes[root].channels_out;
    memset(shape, 0, (size_t)channels * sizeof *shape);
    for (int node = root; node >= 0;) {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < channels; i++) {
            shape[i] = fmaxf(shape[i], (float)width_of(c->counts[node] + (size_t)i * BINS, levels_of(g, node)));
        }
        int next = -1;
        for (int i = node + 1; i < g->n_nodes && next < 0; i++) {
            next = graph_is_kept(g, i) && graph_shortcut_of(g, i) == node ? i : -1;
        }
        node = next;
    }
    float widest = 0;
    for (int i = 0; i < channels; i++) {
        widest = fmaxf(widest, shape[i]);
    }
    widest = widest > 0 ? widest : 1;
    for (int i = 0; i < channels; i++) {
        shape[i] = sqrtf(fmaxf(shape[i], widest / (NARROWEST * NARROWEST)) * widest);
    }
}

/* k of one result: ranges are k shape. */
static float find_factor(const calibration *c, int node, const float *shape)
{
    const graph *g = c->net->graph;
    const uint32_t *counts = c->counts[node];
    int channels = g->nodes[node].channels_out, levels = levels_of(g, node);
    double most = 0, errors[CANDIDATES], factors[CANDIDATES];
    for (int i = 0; i < channels; i++) {
        for (int bin = BINS - 1; bin >= 0; bin--) {
            if (counts[i * BINS + bin]) {
                most = fmax(most, edge(bin + 1) / (double)shape[i]);
                break;
            }
        }
    }
    if (!(most > 0)) {
        return 1;
    }
#pragma omp parallel for schedule(static)
    for (int j = 0; j < CANDIDATES; j++) {
        factors[j] = most * exp2(-(double)j / BINS_AN_OCTAVE);
        errors[j] = 0;
        for (int i = 0; i < channels; i++) {
            errors[j] += error_of(counts + (size_t)i * BINS, factors[j] * (double)shape[i], levels);
        }
    }
    int best = 0;
    for (int j = 1; j < CANDIDATES; j++) {
        best = errors[j] < errors[best] ? j : best;
    }
    return (float)factors[best];
}

reshift_status calibration_finish(const calibration *c, reshift_error *error)
{
    const graph *g = c->net->graph;
    size_t channels = 1;
    for (int node = 0; node < g->n_nodes; node++) {
        if (c->infinite[node]) {
            return error_set(error, RESHIFT_ERROR_NUMERIC, "calibration: a value of '%s' is not finite",
                             g->nodes[node].name);
        }
        channels = (size_t)g->nodes[node].channels_out > channels ? (size_t)g->nodes[node].channels_out : channels;
    }
    float *shape = malloc(channels * sizeof *shape);
    bool complete = shape != NULL;
    for (int node = 0; node < g->n_nodes && complete; node++) {
        if (!c->counts[node]) {
            continue;
        }
        int root = node;
        for (int next; (next = graph_shortcut_of(g, root)) >= 0;) {
            root = next;
        }
        float *range = network_range(c->net, node);
        complete = range != NULL;
        if (complete) {
            find_shape(c, root, shape);
            float factor = find_factor(c, node, shape);
            for (int i = 0; i < g->nodes[node].channels_out; i++) {
                range[i] = factor * shape[i];
            }
        }
    }
    free(shape);
    return complete ? RESHIFT_OK : error_memory(error, channels * sizeof *shape, "calibration");
}
