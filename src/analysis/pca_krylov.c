/*
 * PCA by block Krylov: the components of large features without their covariance matrix. A block of vectors Q is
 * multiplied by the covariance C = (X - m)' (X - m) / (n - 1) in one pass over the features: for each batch of rows,
 * T = X Q - m Q is computed, and X' T is accumulated while the rows are still in the cache. X itself is never centred.
 * Block Lanczos with full orthogonalisation builds an orthonormal basis of Q, C Q, C^2 Q, ... The components are the
 * largest eigenpairs of C restricted to it (Rayleigh-Ritz). The error falls by an order of magnitude or more per pass
 * (Musco & Musco 2015; Golub & Van Loan, chapter 10).
 *
 * The products are float32, or of similar precision on AMX (kernels/tiles.c), with float64 sums over batches. The
 * result is therefore verified in float64 with centred rows: one pass yields the coordinates, the variances and the
 * residual |C v - s v| that decides whether the result is accepted. The first block is random (Philox) and is first
 * improved on an eighth of the rows.
 *
 * Results do not depend on the thread count: rows are divided into fixed sections, whose sums are added in order.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "analysis/pca_inside.h"
#include "kernels/tiles.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "kernels/linear.h"
#include "kernels/products_f64.h"

enum {
    LEAST_SIDE = 512, /* below this size the covariance method is fast */
    BLOCKS_MOST = 3,  /* of ten vectors */
    SPARE = 3,        /* minimum number of vectors of the block beyond the k requested */
    PASSES_MOST = 12,
    SAMPLE_PASSES = 4, /* over one row in SAMPLE_STRIDE */
    SAMPLE_STRIDE = 8,
    BATCH = 64, /* rows: 512 KiB for 2,048 features, which fits the second-level cache */
    SECTIONS = 32,
    GROUPS = 32 /* groups of columns whose gradient is computed together */
};

/*
 * Residual divided by the largest variance: where the passes stop, and what the float64 verification accepts. A
 * residual of r rotates an axis by r times the largest variance divided by its gap to the next one, and changes a
 * variance by the square of that. float32 products of rows with unit vectors have errors of a few 2^-24 of the largest
 * variance, well below.
 */
static const double stop_at = 4e-6, accept_at = 6e-6;

typedef struct krylov {
    const centred_rows *rows;
    int64_t n, stride; /* uses every stride-th row: n rows */
    int64_t d;
    int width; /* of the block */
    int n_sections;
    double *basis;          /* [most][d] orthonormal */
    double *product;        /* [most][d] = basis C */
    double *small;          /* [most][most] = basis product' */
    double *matrix;         /* [most][most], destroyed by the eigensolver */
    double *ritz, *vectors; /* [width], [width][most] */
    int most, used;         /* vectors in the basis */
    linear layer;           /* the block in the kernels' layout */
    double scale;           /* of T, a power of two near 1 / total variance that keeps T and X' T within float32 */
    double *sums;           /* [n_sections][n_weights + width of sums of T] */
    float *scratch;         /* [threads]: T and a gradient, or the scratch memory of the tiles */
    size_t scratch_floats;  /* of a thread */
    bool tiles;             /* products by kernels/tiles.c */
    uint16_t *packed;       /* with `tiles`: the block in the tiles' layout */
    int n_threads;
} krylov;

static int block_width(int k) { return (k + SPARE + LINEAR_CLASSES - 1) / LINEAR_CLASSES * LINEAR_CLASSES; }

bool pca_krylov_suits(int64_t n, int64_t d, int k)
{
    int64_t least = n < d ? n : d;
    int width = k > BLOCKS_MOST * LINEAR_CLASSES ? INT32_MAX : block_width(k);
    return least >= LEAST_SIDE && width <= BLOCKS_MOST * LINEAR_CLASSES && PASSES_MOST * width <= least / 2;
}

static void krylov_release(krylov *s)
{
    memory_free(s->basis);
    memory_free(s->product);
    memory_free(s->small);
    memory_free(s->matrix);
    memory_free(s->ritz);
    memory_free(s->vectors);
    memory_free(s->sums);
    memory_free(s->scratch);
    memory_free(s->packed);
    linear_destroy(&s->layer);
}

static size_t section_sums(const krylov *s) { return s->layer.n_weights + memory_align((size_t)s->width); }

static reshift_status krylov_allocate(krylov *s, reshift_error *error)
{
    reshift_status status = linear_create(s->d, s->width, &s->layer, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    /* at most 64 MiB of sums, whatever the number of threads */
    size_t share = ((size_t)64 << 20) / (section_sums(s) * sizeof(double));
    s->n_sections = share < 2 ? 2 : share < SECTIONS ? (int)share : SECTIONS;
    s->n_threads = threads_most();
    s->scratch_floats = (size_t)BATCH * (size_t)s->layer.n_blocks * LINEAR_LANES + (size_t)GROUPS * LINEAR_GROUP + 1024;
    size_t packed = 0;
    if (s->tiles) {
        s->scratch_floats = memory_align(tiles_scratch(s->d, s->layer.n_blocks)) / sizeof(float) + 1024;
        packed = tiles_packed(s->d, s->layer.n_blocks) * sizeof *s->packed;
    }
    const size_t wide = (size_t)s->most * (size_t)s->d * sizeof(double), square = (size_t)s->most * (size_t)s->most;
    s->basis = memory_allocate(wide);
    s->product = memory_allocate(wide);
    s->small = memory_allocate(square * sizeof(double));
    s->matrix = memory_allocate(square * sizeof(double));
    s->ritz = memory_allocate((size_t)s->width * sizeof(double));
    s->vectors = memory_allocate((size_t)s->width * (size_t)s->most * sizeof(double));
    s->sums = memory_allocate((size_t)s->n_sections * section_sums(s) * sizeof(double));
    s->scratch = memory_allocate((size_t)s->n_threads * s->scratch_floats * sizeof(float));
    s->packed = memory_allocate(packed);
    if (!s->packed || !s->basis || !s->product || !s->small || !s->matrix || !s->ritz || !s->vectors || !s->sums ||
        !s->scratch) {
        return error_memory(error, 2 * wide, "the Krylov basis");
    }
    return RESHIFT_OK;
}

/*
 * For rows of a length near 2^e, T has that magnitude and X' T its square, which exceeds float32 for e near -80 or 80.
 * T 2^-2e is near 2^-e and X' T 2^-2e near 1. A power of two does not change any digit. The second half of the exponent
 * is limited because T itself must stay in range.
 */
static double scale_for(double total)
{
    const int e = ilogb(total) / 2, rest = e < -100 ? -100 : e > 100 ? 100 : e;
    return ldexp(1, -e - rest);
}

/* ---- a pass over the rows ---- */

/*
 * T = (X Q - m Q) scale of a batch: t [n_blocks][BATCH][16]; the column sums of T are added to `total` [width]. Columns
 * are processed in parts whose weights fit the first-level cache.
 */
static void products_of_rows(const krylov *s, linear_rows *r, const double *centre, float *t, double *total)
{
    const linear *l = &s->layer;
    float part[BATCH * LINEAR_LANES];
    double sums[BATCH * LINEAR_CLASSES];
    for (int block = 0; block < l->n_blocks; block++) {
        for (int i = 0; i < BATCH * LINEAR_CLASSES; i++) {
            sums[i] = -centre[block * LINEAR_CLASSES + i % LINEAR_CLASSES];
        }
        for (int64_t p = 0; p < l->n_parts; p++) {
            linear_part_range(l, p, &r->first, &r->last);
            linear_forward(r, linear_weight(l, block, r->first), part);
            for (int b = 0; b < r->n; b++) {
                for (int c = 0; c < LINEAR_CLASSES; c++) {
                    sums[b * LINEAR_CLASSES + c] += (double)part[b * LINEAR_LANES + c];
                }
            }
        }
        for (int b = 0; b < r->n; b++) {
            for (int c = 0; c < LINEAR_CLASSES; c++) {
                float value = (float)(sums[b * LINEAR_CLASSES + c] * s->scale);
                t[(block * BATCH + b) * LINEAR_LANES + c] = value;
                total[block * LINEAR_CLASSES + c] += (double)value;
            }
        }
    }
}

/* sums [in the layout of the layer's weight] += X' T of a batch */
static void add_transposed(const krylov *s, linear_rows *r, const float *t, float *gradient, double *sums)
{
    const linear *l = &s->layer;
    for (int64_t first = 0; first < l->n_groups; first += GROUPS) {
        r->first = first;
        r->last = first + GROUPS < l->n_groups ? first + GROUPS : l->n_groups;
        for (int block = 0; block < l->n_blocks; block++) {
            linear_gradient(r, t + (int64_t)block * BATCH * LINEAR_LANES, LINEAR_LANES, gradient);
            add_f32_to_f64(sums + (linear_weight(l, block, first) - l->weight), gradient,
                           (r->last - first) * LINEAR_GROUP);
        }
    }
}

static void add_section(const krylov *s, int section, const double *centre)
{
    int thread = threads_index();
    float *t = s->scratch + (size_t)thread * s->scratch_floats;
    float *gradient = t + (size_t)BATCH * (size_t)s->layer.n_blocks * LINEAR_LANES;
    double *sums = s->sums + (size_t)section * section_sums(s), *total = sums + s->layer.n_weights;
    memset(sums, 0, section_sums(s) * sizeof *sums);
    const int64_t first = s->n * section / s->n_sections, last = s->n * (section + 1) / s->n_sections;
    if (s->tiles) {
        tiles_add(s->rows->x, s->d, first, last, s->stride, s->packed, s->layer.n_blocks, centre, s->scale, t, sums,
                  total);
        return;
    }
    const float *rows[2 * BATCH]; /* of this batch, and of the next one for prefetching */
    for (int64_t start = first; start < last; start += BATCH) {
        int n = last - start < BATCH ? (int)(last - start) : BATCH;
        for (int b = 0; b < 2 * n && start + b < last; b++) {
            rows[b] = s->rows->x + (start + b) * s->stride * s->d;
        }
        linear_rows r = {.rows = rows, .n = n, .n_features = s->d, .coming = start + 2 * n <= last ? rows + n : NULL};
        products_of_rows(s, &r, centre, t, total);
        add_transposed(s, &r, t, gradient, sums);
    }
}

/* product [width,d] = block [width,d] C. The block is first rounded to float32. */
static void multiply(krylov *s, double *block, double *product)
{
    const linear *l = &s->layer;
    double centre[BLOCKS_MOST * LINEAR_CLASSES], total[BLOCKS_MOST * LINEAR_CLASSES] = {0};
    for (int c = 0; c < s->width; c++) {
        float *to = linear_weight(l, c / LINEAR_CLASSES, 0) + c % LINEAR_CLASSES * LINEAR_LANES;
        for (int64_t j = 0; j < s->d; j++) {
            float value = (float)block[c * s->d + j];
            to[j / LINEAR_LANES * LINEAR_GROUP + j % LINEAR_LANES] = value;
            block[c * s->d + j] = (double)value;
        }
        centre[c] = dot_f64(s->rows->mean, block + c * s->d, s->d);
    }
    for (int c = 0; s->tiles && c < s->width; c += LINEAR_CLASSES) {
        tiles_pack(block + c * s->d, s->d, s->packed + tiles_packed(s->d, c / LINEAR_CLASSES));
    }
#pragma omp parallel for schedule(dynamic) num_threads(s->n_threads)
    for (int section = 0; section < s->n_sections; section++) {
        add_section(s, section, centre);
    }
    for (int section = 0; section < s->n_sections; section++) {
        const double *from = s->sums + (size_t)section * section_sums(s) + l->n_weights;
        for (int c = 0; c < s->width; c++) {
            total[c] += from[c];
        }
    }
#pragma omp parallel for schedule(static) num_threads(s->n_threads)
    for (int64_t group = 0; group < l->n_groups; group++) {
        const int64_t columns = s->d - group * LINEAR_LANES < LINEAR_LANES ? s->d % LINEAR_LANES : LINEAR_LANES;
        for (int c = 0; c < s->width; c++) {
            int64_t at = linear_weight(l, c / LINEAR_CLASSES, group) - l->weight + c % LINEAR_CLASSES * LINEAR_LANES;
            double sum[LINEAR_LANES] = {0};
            for (int section = 0; section < s->n_sections; section++) {
                const double *from = s->sums + (size_t)section * section_sums(s) + at;
                for (int i = 0; i < LINEAR_LANES; i++) {
                    sum[i] += from[i];
                }
            }
            for (int64_t i = 0; i < columns; i++) {
                int64_t j = s->tiles ? tiles_column(group, i) : group * LINEAR_LANES + i;
                /* T sums to nearly zero; this corrects the remainder */
                product[c * s->d + j] = (sum[i] - total[c] * s->rows->mean[j]) / ((double)(s->n - 1) * s->scale);
            }
        }
    }
}

/* ---- the basis ---- */

/*
 * Makes vector `i` of the basis orthogonal to the previous ones and of length 1. A vector in their span, up to the
 * noise of the products, is replaced by a random one: any direction is valid there.
 */
static void orthonormalise(krylov *s, int i)
{
    double *v = s->basis + i * s->d;
    double before = sqrt(dot_f64(v, v, s->d)), scale = before;
    for (int attempt = 0;; attempt++) {
        for (int pass = 0; pass < 2; pass++) { /* two passes give orthogonality to rounding */
            for (int j = 0; j < i; j++) {
                const double *u = s->basis + j * s->d;
                subtract_scaled_f64(v, u, dot_f64(u, v, s->d), s->d);
            }
        }
        double length = sqrt(dot_f64(v, v, s->d));
        if (length > 1e-12 * scale && length > DBL_MIN / DBL_EPSILON) {
            for (int64_t j = 0; j < s->d; j++) {
                v[j] /= length;
            }
            return;
        }
        random_stream stream = random_open(0, "pca-replacement", (uint64_t)attempt, (uint64_t)i);
        for (int64_t j = 0; j < s->d; j++) {
            v[j] = random_gaussian(&stream);
        }
        scale = sqrt(dot_f64(v, v, s->d));
    }
}

/* Appends the next block: the last products, orthogonalised against the basis. */
static void extend(krylov *s)
{
    if (s->used > 0) {
        memcpy(s->basis + s->used * s->d, s->product + (s->used - s->width) * s->d,
               (size_t)s->width * (size_t)s->d * sizeof *s->basis);
    }
    for (int i = 0; i < s->width; i++) {
        orthonormalise(s, s->used + i);
    }
}

/* Multiplies the last block and extends the small matrix; it is symmetric up to rounding, so only one half is used. */
static void advance(krylov *s)
{
    multiply(s, s->basis + s->used * s->d, s->product + s->used * s->d);
    s->used += s->width;
#pragma omp parallel for schedule(static) num_threads(s->n_threads)
    for (int j = s->used - s->width; j < s->used; j++) {
        for (int i = 0; i <= j; i++) {
            s->small[i * s->most + j] = dot_f64(s->basis + i * s->d, s->product + j * s->d, s->d);
        }
    }
}

/* The `count` largest Ritz pairs: values, and vectors as coefficients of the basis. */
static reshift_status solve(krylov *s, int count, reshift_error *error)
{
    for (int i = 0; i < s->used; i++) {
        for (int j = i; j < s->used; j++) {
            s->matrix[i * s->used + j] = s->small[i * s->most + j];
        }
    }
    threads_set(1); /* for this thread only: LAPACK's sums must not depend on the number of threads */
    reshift_status status = pca_largest_eigenpairs(s->matrix, s->used, count, s->ritz, s->vectors, error);
    threads_set(s->n_threads);
    return status;
}

/* vectors [count,d] = Ritz vectors */
static void combine(const krylov *s, const double *from, int count, double *vectors)
{
    memset(vectors, 0, (size_t)count * (size_t)s->d * sizeof *vectors);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < s->used; j++) {
            subtract_scaled_f64(vectors + i * s->d, from + j * s->d, -s->vectors[(int64_t)i * s->used + j], s->d);
        }
    }
}

/* The largest |product - value vector| of k vectors. */
static double residual(const double *vectors, const double *products, const double *values, int k, int64_t d)
{
    double worst = 0;
    for (int i = 0; i < k; i++) {
        double sum = 0;
        for (int64_t j = 0; j < d; j++) {
            double r = products[i * d + j] - values[i] * vectors[i * d + j];
            sum += r * r;
        }
        worst = fmax(worst, sqrt(sum));
    }
    return worst;
}

/*
 * Starts from basis[0..width) and iterates until the residual of the k largest is small or `passes` passes are done.
 * The result is in `vectors` and `products` [k,d].
 */
static reshift_status iterate(krylov *s, int passes, int k, double *vectors, double *products, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    s->used = 0;
    for (int pass = 0; pass < passes && status == RESHIFT_OK; pass++) {
        extend(s);
        advance(s);
        if (pass + 1 < passes && pass < 2) {
            continue;
        }
        status = solve(s, k, error);
        if (status == RESHIFT_OK) {
            combine(s, s->basis, k, vectors);
            combine(s, s->product, k, products);
            if (residual(vectors, products, s->ritz, k, s->d) <= stop_at * s->ritz[0]) {
                break;
            }
        }
    }
    return status;
}

/* A good starting block: the largest Ritz vectors of a sample of the rows, from a random block. */
static reshift_status start(krylov *s, double *scratch, reshift_error *error)
{
    for (int i = 0; i < s->width; i++) {
        random_stream stream = random_open(0, "pca", 0, (uint64_t)i);
        for (int64_t j = 0; j < s->d; j++) {
            s->basis[i * s->d + j] = random_gaussian(&stream);
        }
    }
    if (s->rows->n / SAMPLE_STRIDE < 2 * s->width * SAMPLE_PASSES) {
        return RESHIFT_OK; /* too few rows for a sample */
    }
    s->stride = SAMPLE_STRIDE;
    s->n = s->rows->n / SAMPLE_STRIDE;
    reshift_status status = iterate(s, SAMPLE_PASSES, s->width, scratch, scratch + s->width * s->d, error);
    memcpy(s->basis, scratch, (size_t)s->width * (size_t)s->d * sizeof *scratch);
    return status;
}

/* Verifies the result with the rows themselves. */
static reshift_status accept(const krylov *s, int k, double *variance, double *components, float *coordinates,
                             double *products, bool *found, reshift_error *error)
{
    for (int i = 0; i < k; i++) { /* orthonormalise in float64: the Ritz vectors of a rounded basis are less accurate */
        double *v = components + i * s->d;
        for (int pass = 0; pass < 2; pass++) {
            for (int j = 0; j < i; j++) {
                subtract_scaled_f64(v, components + j * s->d, dot_f64(components + j * s->d, v, s->d), s->d);
            }
            double length = sqrt(dot_f64(v, v, s->d));
            for (int64_t j = 0; j < s->d; j++) {
                v[j] /= length;
            }
        }
        pca_fix_sign(v, s->d);
    }
    reshift_status status = pca_project_and_multiply(s->rows, components, k, coordinates, products, error);
    if (status == RESHIFT_OK) {
        bool ordered = true;
        for (int i = 0; i < k; i++) {
            variance[i] = dot_f64(components + i * s->d, products + i * s->d, s->d);
            ordered = ordered && variance[i] >= 0 && (i == 0 || variance[i] <= variance[i - 1]);
        }
        *found = ordered && residual(components, products, variance, k, s->d) <= accept_at * variance[0];
    }
    return status;
}

reshift_status pca_krylov(const centred_rows *rows, double total, int k, bool tiles, double *variance,
                          double *components, float *coordinates, bool *found, reshift_error *error)
{
    *found = false;
    if (!(total > 0)) {
        return RESHIFT_OK; /* all constant: left to the covariance method */
    }
    krylov s = {.rows = rows,
                .n = rows->n,
                .stride = 1,
                .d = rows->d,
                .width = block_width(k),
                .tiles = tiles,
                .scale = scale_for(total)};
    s.most = PASSES_MOST * s.width;
    double *scratch = memory_allocate(2 * (size_t)s.width * (size_t)s.d * sizeof *scratch);
    reshift_status status = scratch ? krylov_allocate(&s, error)
                                    : error_memory(error, 2 * (size_t)s.width * (size_t)s.d * sizeof *scratch, "PCA");
    if (status == RESHIFT_OK) {
        status = start(&s, scratch, error);
    }
    if (status == RESHIFT_OK) {
        s.stride = 1;
        s.n = rows->n;
        status = iterate(&s, PASSES_MOST, k, components, scratch, error);
    }
    if (status == RESHIFT_OK) {
        status = accept(&s, k, variance, components, coordinates, scratch, found, error);
    }
    krylov_release(&s);
    memory_free(scratch);
    return status;
}
