/*
 * A pair of a class of rows and a class of columns (stem_axis.h) has one filter [taps, taps, 3, C] and one bias (what
 * normalising adds depends on how much of the window lies in the zero padding).
 *
 * Work goes by bands of pooled rows: three rows of the convolution are kept, each computed once a band.
 */
#include "engine/stem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "engine/overflow.h"
#include "engine/stem_axis.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX512 1
#endif

enum {
    GROUP = 64,       /* channels that a kernel keeps in registers */
    POSITIONS = 4,    /* columns that it works on at once */
    N_ROWS = 3,       /* of the convolution, under one row of the pool */
    N_PARAMETERS = 5, /* weight, gamma, beta, mean, variance */
};
#define FILTER_BYTES_MAX ((size_t)8 << 20)

/* 16 floats: one register of AVX-512, several of smaller sets. */
typedef float lanes __attribute__((vector_size(64), aligned(64), may_alias));

struct stem {
    const network *net;
    int conv, norm; /* nodes */
    int height, width, channels, pooled_height, pooled_width;
    float mean[3], std[3];
    stem_axis down, across;
    float *filters; /* [down classes, across classes, taps, taps * 3, C] */
    float *biases;  /* [down classes, across classes, C] */
    size_t filter_floats;
    float *work; /* [threads, work_floats] */
    size_t work_floats;
    int n_threads;
    uint64_t seen[N_PARAMETERS];
    overflow_bound bound; /* of the convolution's results, whatever the pixels are */
};

static const graph_node *node_of(const network *net, int node) { return &net->graph->nodes[node]; }

/* ---- filters ---- */

/* The filter of one pair of classes: sum over the window of folded weight x down's weight x across's weight. */
static void make_filter(stem *s, int i, int j, const double *folded, const double *shift)
{
    const stem_axis *d = &s->down, *a = &s->across;
    int kernel = node_of(s->net, s->conv)->window.kernel[0], n_channels = s->channels;
    const double *dw = d->weights + (size_t)(i * kernel * d->taps), *aw = a->weights + (size_t)(j * kernel * a->taps);
    const bool *d_inside = d->inside + i * kernel, *a_inside = a->inside + j * kernel;
    size_t pair = (size_t)(i * a->n_classes + j);
    float *filter = s->filters + pair * s->filter_floats, *bias = s->biases + pair * (size_t)n_channels;
    for (int o = 0; o < n_channels; o++) {
        double constant = shift[o];
        for (int c = 0; c < 3; c++) {
            const double *w = folded + (size_t)((o * 3 + c) * kernel * kernel);
            double sum = 0;
            for (int y = 0; y < kernel; y++) {
                for (int x = 0; x < kernel && d_inside[y]; x++) {
                    sum += a_inside[x] ? w[y * kernel + x] : 0;
                }
            }
            constant -= sum * (double)s->mean[c] / (double)s->std[c];
            for (int t = 0; t < d->taps; t++) {
                double column[STEM_MAX_KERNEL];
                for (int x = 0; x < kernel; x++) {
                    column[x] = 0;
                    for (int y = 0; y < kernel; y++) {
                        column[x] += w[y * kernel + x] * dw[y * d->taps + t];
                    }
                }
                for (int u = 0; u < a->taps; u++) {
                    double value = 0;
                    for (int x = 0; x < kernel; x++) {
                        value += column[x] * aw[x * a->taps + u];
                    }
                    size_t k = (size_t)((t * a->taps + u) * 3 + c);
                    filter[k * (size_t)n_channels + (size_t)o] = (float)(value / (255.0 * (double)s->std[c]));
                }
            }
        }
        bias[o] = (float)constant;
    }
}

/* Pixels are 0 to 255. */
static void find_bound(stem *s)
{
    const size_t n_channels = (size_t)s->channels, columns = s->filter_floats / n_channels;
    s->bound = (overflow_bound){0, 0};
    for (size_t pair = 0; pair < (size_t)s->down.n_classes * (size_t)s->across.n_classes; pair++) {
        for (size_t o = 0; o < n_channels; o++) {
            const float *filter = s->filters + pair * s->filter_floats + o;
            const double bias = fabs((double)s->biases[pair * n_channels + o]);
            double above = bias, below = bias;
            for (size_t k = 0; k < columns; k++) {
                const double product = 255 * (double)filter[k * n_channels];
                above += product < 0 ? 0 : product;
                below -= product > 0 ? 0 : product;
            }
            s->bound.above = !(above <= s->bound.above) ? above : s->bound.above; /* NaN stays */
            s->bound.below = !(below <= s->bound.below) ? below : s->bound.below;
        }
    }
}

static void refresh(stem *s)
{
    const network *net = s->net;
    const graph_node *conv = node_of(net, s->conv), *norm = node_of(net, s->norm);
    int source[N_PARAMETERS] = {conv->parameter, norm->parameter, norm->parameter + 1, norm->parameter + 2,
                                norm->parameter + 3};
    uint64_t now[N_PARAMETERS];
    const float *values[N_PARAMETERS];
    for (int i = 0; i < N_PARAMETERS; i++) {
        now[i] = net->version[source[i]];
        values[i] = network_parameter(net, source[i]);
    }
    if (memcmp(now, s->seen, sizeof now) == 0) {
        return;
    }
    int per_channel = 3 * conv->window.kernel[0] * conv->window.kernel[0];
    double *folded = (double *)(void *)s->work, *shift = folded + s->channels * per_channel; /* work is idle now */
    for (int o = 0; o < s->channels; o++) {
        double scale = (double)values[1][o] / sqrt((double)values[4][o] + (double)norm->epsilon);
        for (int i = 0; i < per_channel; i++) {
            folded[o * per_channel + i] = (double)values[0][o * per_channel + i] * scale;
        }
        shift[o] = (double)values[2][o] - (double)values[3][o] * scale;
    }
#pragma omp parallel for schedule(static)
    for (int pair = 0; pair < s->down.n_classes * s->across.n_classes; pair++) {
        make_filter(s, pair / s->across.n_classes, pair % s->across.n_classes, folded, shift);
    }
    find_bound(s);
    memcpy(s->seen, now, sizeof now);
}

/* ---- running ---- */

/* `n` positions (1 or POSITIONS): out[p] [GROUP] = max(0, bias + filter x patch at pixels + offset[p]). */
typedef struct patch {
    const float *pixels; /* of the first row of taps */
    size_t row;          /* floats from a row to the next */
    int rows, columns;   /* taps, 3 x taps */
    const float *filter, *bias;
    size_t filter_step; /* C */
} patch;

static inline __attribute__((always_inline)) void run_any(const patch *p, const int *offset, float *const *out,
                                                          const int n)
{
    lanes sums[POSITIONS][GROUP / 16];
#pragma GCC unroll 4
    for (int i = 0; i < n; i++) {
#pragma GCC unroll 4
        for (int g = 0; g < GROUP / 16; g++) {
            sums[i][g] = *(const lanes *)(p->bias + 16 * g);
        }
    }
    const float *filter = p->filter;
    for (int t = 0; t < p->rows; t++) {
        const float *pixels = p->pixels + (size_t)t * p->row;
        for (int u = 0; u < p->columns; u++, filter += p->filter_step) {
#pragma GCC unroll 4
            for (int g = 0; g < GROUP / 16; g++) {
                lanes w = *(const lanes *)(filter + 16 * g);
#pragma GCC unroll 4
                for (int i = 0; i < n; i++) {
                    sums[i][g] += w * pixels[offset[i] + u];
                }
            }
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < n; i++) {
#pragma GCC unroll 4
        for (int g = 0; g < GROUP / 16; g++) {
            lanes *to = (lanes *)(out[i] + 16 * g);
            for (int l = 0; l < 16; l++) {
                (*to)[l] = sums[i][g][l] > 0 ? sums[i][g][l] : 0;
            }
        }
    }
}

static void run_patches_any(const patch *p, const int *offset, float *const *out, int n)
{
    if (n == POSITIONS) {
        run_any(p, offset, out, POSITIONS);
    } else {
        for (int i = 0; i < n; i++) {
            run_any(p, offset + i, out + i, 1);
        }
    }
}

#ifdef HAVE_AVX512
#define AVX512 __attribute__((target("avx512f,avx512vl,avx512dq")))

static inline __attribute__((always_inline)) AVX512 void run_avx512(const patch *p, const int *offset,
                                                                    float *const *out, const int n)
{
    __m512 sums[POSITIONS][GROUP / 16];
#pragma GCC unroll 4
    for (int i = 0; i < n; i++) {
#pragma GCC unroll 4
        for (int g = 0; g < GROUP / 16; g++) {
            sums[i][g] = _mm512_load_ps(p->bias + 16 * g);
        }
    }
    const float *filter = p->filter;
    for (int t = 0; t < p->rows; t++) {
        const float *pixels = p->pixels + (size_t)t * p->row;
        for (int u = 0; u < p->columns; u++, filter += p->filter_step) {
            __m512 x[POSITIONS];
#pragma GCC unroll 4
            for (int i = 0; i < n; i++) {
                x[i] = _mm512_set1_ps(pixels[offset[i] + u]);
            }
#pragma GCC unroll 4
            for (int g = 0; g < GROUP / 16; g++) {
                __m512 w = _mm512_load_ps(filter + 16 * g);
#pragma GCC unroll 4
                for (int i = 0; i < n; i++) {
                    sums[i][g] = _mm512_fmadd_ps(w, x[i], sums[i][g]);
                }
            }
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < n; i++) {
#pragma GCC unroll 4
        for (int g = 0; g < GROUP / 16; g++) {
            _mm512_store_ps(out[i] + 16 * g, _mm512_max_ps(sums[i][g], _mm512_setzero_ps()));
        }
    }
}

static AVX512 void run_patches_avx512(const patch *p, const int *offset, float *const *out, int n)
{
    if (n == POSITIONS) {
        run_avx512(p, offset, out, POSITIONS);
    } else {
        for (int i = 0; i < n; i++) {
            run_avx512(p, offset + i, out + i, 1);
        }
    }
}
#endif

static void run_patches(const patch *p, const int *offset, float *const *out, int n)
{
#ifdef HAVE_AVX512
    if (cpu_has(CPU_AVX512)) {
        run_patches_avx512(p, offset, out, n);
        return;
    }
#endif
    run_patches_any(p, offset, out, n);
}

/* Row `o` of the convolution, [across.n, C]. */
static void conv_row(const stem *s, const float *pixels, int o, float *row)
{
    const stem_axis *a = &s->across;
    size_t n_channels = (size_t)s->channels, source_row = 3 * (size_t)s->width;
    for (int j = 0; j < a->n_classes; j++) {
        size_t pair = (size_t)(s->down.class[o] * a -> n_classes + j);
        for (size_t group = 0; group < n_channels; group += GROUP) {
            patch p = {.pixels = pixels + (size_t)s->down.start[o] * source_row,
                       .row = source_row,
                       .rows = s->down.taps,
                       .columns = 3 * a->taps,
                       .filter = s->filters + pair * s->filter_floats + group,
                       .bias = s->biases + pair * n_channels + group,
                       .filter_step = n_channels};
            for (int m = a->first_member[j]; m < a->first_member[j + 1]; m += POSITIONS) {
                int offset[POSITIONS], n = a->first_member[j + 1] - m;
                float *out[POSITIONS];
                n = n < POSITIONS ? n : POSITIONS;
                for (int i = 0; i < n; i++) {
                    int x = a->members[m + i];
                    offset[i] = 3 * a->start[x];
                    out[i] = row + (size_t)x * n_channels + group;
                }
                run_patches(&p, offset, out, n);
            }
        }
    }
}

/* One row of the pool from rows first..last of the convolution; behind ReLU the padding is as good as zero. */
static void pool_row(const stem *s, float *const *rows, int n_rows, float *restrict tall, float *restrict output)
{
    size_t n_channels = (size_t)s->channels, n = (size_t)s->across.n * n_channels;
    const float *restrict upper = rows[0], *restrict middle = rows[n_rows > 1 ? 1 : 0],
                          *restrict lower = rows[n_rows - 1];
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float most = upper[i] > middle[i] ? upper[i] : middle[i];
        tall[i] = most > lower[i] ? most : lower[i];
    }
    for (int x = 0; x < s->pooled_width; x++) {
        int left = 2 * x - 1 < 0 ? 0 : 2 * x - 1, right = 2 * x + 1 < s->across.n ? 2 * x + 1 : s->across.n - 1;
        const float *restrict a = tall + (size_t)left * n_channels, *restrict b = tall + (size_t)(2 * x) * n_channels,
                              *restrict c = tall + (size_t)right * n_channels;
        float *restrict to = output + (size_t)x * n_channels;
#pragma omp simd
        for (size_t i = 0; i < n_channels; i++) {
            float most = a[i] > b[i] ? a[i] : b[i];
            to[i] = most > c[i] ? most : c[i];
        }
    }
}

/* Pooled rows first..last-1 of one image. */
static void run_band(const stem *s, const uint8_t *image, int first, int last, float *work, float *output)
{
    size_t row_floats = (size_t)s->across.n * (size_t)s->channels, n_pixels = 3 * (size_t)s->height * (size_t)s->width;
    float *tall = work + N_ROWS * row_floats, *pixels = tall + row_floats;
    for (size_t i = 0; i < n_pixels; i++) {
        pixels[i] = (float)image[i];
    }
    int made = 2 * first - 1 < 0 ? 0 : 2 * first - 1; /* the next row of the convolution; row r lies at r mod 3 */
    for (int y = first; y < last; y++) {
        int top = 2 * y - 1 < 0 ? 0 : 2 * y - 1, bottom = 2 * y + 1 < s->down.n ? 2 * y + 1 : s->down.n - 1;
        float *rows[N_ROWS];
        for (; made <= bottom; made++) {
            conv_row(s, pixels, made, work + (size_t)(made % N_ROWS) * row_floats);
        }
        for (int r = top; r <= bottom; r++) {
            rows[r - top] = work + (size_t)(r % N_ROWS) * row_floats;
        }
        pool_row(s, rows, bottom - top + 1, tall, output + (size_t)y * (size_t)s->pooled_width * (size_t)s->channels);
    }
}

reshift_status stem_run(stem *s, const uint8_t *images, int n, float *output, reshift_error *error)
{
    refresh(s);
    if (!overflow_is_safe(s->bound)) {
        return error_set(error, RESHIFT_ERROR_NUMERIC, "activations overflow in '%s'", node_of(s->net, s->conv)->name);
    }
    size_t image_bytes = 3 * (size_t)s->height * (size_t)s->width;
    size_t output_floats = (size_t)s->pooled_height * (size_t)s->pooled_width * (size_t)s->channels;
    int n_bands = n >= 4 * s->n_threads ? 1 : 4; /* few images: parts of them, so that no thread waits */
    n_bands = n_bands < s->pooled_height ? n_bands : s->pooled_height;
#pragma omp parallel for schedule(static) num_threads(s->n_threads)
    for (int job = 0; job < n * n_bands; job++) {
        int image = job / n_bands, band = job % n_bands;
        run_band(s, images + (size_t)image * image_bytes, band * s->pooled_height / n_bands,
                 (band + 1) * s->pooled_height / n_bands, s->work + (size_t)threads_index() * s->work_floats,
                 output + (size_t)image * output_floats);
    }
    return RESHIFT_OK;
}

double stem_output_bound(const stem *s) { return 1.01 * s->bound.above; }

/* ---- making it ---- */

/* conv1, batch norm, ReLU, pool: the whole of block 0. */
static bool is_stem(const network *net, int *conv, int *norm)
{
    static const graph_op expected[5] = {GRAPH_INPUT, GRAPH_CONV, GRAPH_BATCHNORM, GRAPH_RELU, GRAPH_MAXPOOL};
    int first, last;
    graph_block_range(net->graph, 0, &first, &last);
    bool is = last - first == 4;
    for (int i = 0; i < 5 && is; i++) {
        is = node_of(net, first + i)->op == expected[i] &&
             (i == 0 || node_of(net, first + i)->inputs[0] == first + i - 1);
    }
    if (is) {
        const graph_node *c = node_of(net, first + 1), *pool = node_of(net, last);
        is = c->channels_in == 3 && c->channels_out % GROUP == 0 && graph_is_square(&c->window) &&
             c->window.kernel[0] <= STEM_MAX_KERNEL && graph_is_square(&pool->window) && pool->window.kernel[0] == 3 &&
             pool->window.stride[0] == 2 && pool->window.padding[0] == 1;
    }
    *conv = first + 1;
    *norm = first + 2;
    return is;
}

static reshift_status allocate(stem *s, reshift_error *error)
{
    const graph_node *conv = node_of(s->net, s->conv);
    size_t pairs = (size_t)s->down.n_classes * (size_t)s->across.n_classes, n_channels = (size_t)s->channels;
    size_t row_floats = (size_t)s->across.n * n_channels;
    s->work_floats = (N_ROWS + 1) * row_floats + 3 * (size_t)s->height * (size_t)s->width;
    size_t folding = 2 * n_channels *
                     (3 * (size_t)conv->window.kernel[0] * (size_t)conv->window.kernel[0] + 1); /* doubles, in floats */
    s->work_floats = s->work_floats > folding ? s->work_floats : folding;
    s->work_floats = (s->work_floats + 15) / 16 * 16;
    s->n_threads = threads_most();
    s->filters = memory_allocate(pairs * s->filter_floats * sizeof(float));
    s->biases = memory_allocate(pairs * n_channels * sizeof(float));
    s->work = memory_allocate((size_t)s->n_threads * s->work_floats * sizeof(float));
    return s->filters && s->biases && s->work
               ? RESHIFT_OK
               : error_memory(error, pairs * s->filter_floats * sizeof(float), "the first convolution");
}

reshift_status stem_create(const network *net, int height, int width, int size, const float mean[3], const float std[3],
                           stem **out, reshift_error *error)
{
    *out = NULL;
    int conv, norm;
    if (height < 1 || width < 1 || size < height || size < width || !is_stem(net, &conv, &norm)) {
        return RESHIFT_OK;
    }
    stem *s = calloc(1, sizeof *s);
    if (!s) {
        return error_memory(error, sizeof *s, "the first convolution");
    }
    const graph_node *c = node_of(net, conv);
    s->net = net;
    s->conv = conv;
    s->norm = norm;
    s->height = height;
    s->width = width;
    s->channels = c->channels_out;
    memcpy(s->mean, mean, sizeof s->mean);
    memcpy(s->std, std, sizeof s->std);
    bool fits = size + 2 * c->window.padding[0] >= c->window.kernel[0];
    reshift_status status = fits ? stem_axis_create(&s->down, c, height, size, &fits, error) : RESHIFT_OK;
    if (status == RESHIFT_OK && fits) {
        status = stem_axis_create(&s->across, c, width, size, &fits, error);
    }
    if (status == RESHIFT_OK && fits) {
        s->pooled_height = (s->down.n - 1) / 2 + 1;
        s->pooled_width = (s->across.n - 1) / 2 + 1;
        s->filter_floats = 3 * (size_t)s->down.taps * (size_t)s->across.taps * (size_t)s->channels;
        double collapsed, plain;
        stem_multiply_adds(s, &collapsed, &plain);
        fits = (size_t)s->down.n_classes * (size_t)s->across.n_classes <=
                   FILTER_BYTES_MAX / (s->filter_floats * sizeof(float)) &&
               1.5 * collapsed < plain;
    }
    if (status == RESHIFT_OK && fits) {
        status = allocate(s, error);
    }
    if (status != RESHIFT_OK || !fits) {
        stem_destroy(&s);
    }
    *out = s;
    return status;
}

void stem_destroy(stem **s)
{
    if (s && *s) {
        stem_axis_destroy(&(*s)->down);
        stem_axis_destroy(&(*s)->across);
        memory_free((*s)->filters);
        memory_free((*s)->biases);
        memory_free((*s)->work);
        free(*s);
        *s = NULL;
    }
}

void stem_output_shape(const stem *s, int64_t shape[3])
{
    shape[0] = s->pooled_height;
    shape[1] = s->pooled_width;
    shape[2] = s->channels;
}

void stem_multiply_adds(const stem *s, double *collapsed, double *plain)
{
    int kernel = node_of(s->net, s->conv)->window.kernel[0];
    double outputs = (double)s->down.n * s->across.n * s->channels * 3;
    *collapsed = outputs * s->down.taps * s->across.taps;
    *plain = outputs * kernel * kernel;
}
