/*
 * Separation of classes: silhouette, Fisher's ratio of scatters, overlap by nearest centroid, spreads. All arithmetic
 * is float64. Threads process whole rows and sums run over rows in order, so results do not depend on the thread count.
 * The silhouette compares all pairs of rows and is therefore computed on a fixed random sample.
 */
#include "reshift/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "formats/labels.h"
#include "base/random.h"
#include "metrics/by_image.h"

#define SILHOUETTE_ROWS 5000

/* Statistics of each class: number of rows, centroid, distances of its rows to the centroid. */
typedef struct class_table {
    int n_classes;
    int64_t k;
    int64_t *count;   /* [n_classes] */
    double *centroid; /* [n_classes,k] */
    double *square;   /* [n_classes] sum of squared distances to the centroid */
} class_table;

static double square_distance(const float *row, const double *point, int64_t k)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++) {
        double difference = row[j] - point[j];
        sum += difference * difference;
    }
    return sum;
}

static void measure_classes(const float *x, const int *labels, int64_t n, class_table *classes)
{
    int64_t k = classes->k;
    for (int64_t row = 0; row < n; row++) {
        classes->count[labels[row]]++;
        for (int64_t j = 0; j < k; j++) {
            classes->centroid[labels[row] * k + j] += x[row * k + j];
        }
    }
    for (int64_t i = 0; i < classes->n_classes * k; i++) {
        int64_t count = classes->count[i / k];
        classes->centroid[i] /= count > 0 ? (double)count : 1;
    }
    for (int64_t row = 0; row < n; row++) {
        classes->square[labels[row]] += square_distance(x + row * k, classes->centroid + labels[row] * k, k);
    }
}

static double class_spread(const class_table *classes, int label)
{
    return classes->count[label] > 0 ? sqrt(classes->square[label] / (double)classes->count[label]) : NAN;
}

/* Trace of the between-class scatter divided by the trace of the within-class scatter. */
static void measure_scatter(const class_table *classes, int64_t n, reshift_separation *separation)
{
    double within = 0, between = 0;
    for (int label = 0; label < classes->n_classes; label++) {
        within += classes->square[label];
    }
    for (int64_t j = 0; j < classes->k; j++) {
        double mean = 0;
        for (int label = 0; label < classes->n_classes; label++) {
            mean += (double)classes->count[label] * classes->centroid[label * classes->k + j];
        }
        mean /= (double)n;
        for (int label = 0; label < classes->n_classes; label++) {
            double difference = classes->centroid[label * classes->k + j] - mean;
            between += (double)classes->count[label] * difference * difference;
        }
    }
    separation->spread = sqrt(within / (double)n);
    separation->fisher = within > 0 ? between / within : between > 0 ? INFINITY : NAN;
}

/* rows [n], or NULL: 1 if another centroid is at least as near as the row's own. */
static double measure_overlap(const float *x, const int *labels, int64_t n, const class_table *classes, double *rows)
{
    int64_t others = 0;
#pragma omp parallel for schedule(static) reduction(+ : others)
    for (int64_t row = 0; row < n; row++) {
        const float *point = x + row * classes->k;
        double own = square_distance(point, classes->centroid + labels[row] * classes->k, classes->k);
        bool nearer = false;
        for (int label = 0; label < classes->n_classes && !nearer; label++) {
            nearer = label != labels[row] && classes->count[label] > 0 &&
                     square_distance(point, classes->centroid + label * classes->k, classes->k) <= own;
        }
        if (rows) {
            rows[row] = nearer;
        }
        others += nearer;
    }
    return (double)others / (double)n;
}

static void find_pairs(const class_table *classes, reshift_separation *separation)
{
    for (int a = 0; a < classes->n_classes; a++) {
        if (classes->count[a] == 0) {
            continue;
        }
        double spread = class_spread(classes, a);
        if (separation->widest < 0 || spread > separation->widest_spread) {
            separation->widest = a;
            separation->widest_spread = spread;
        }
        for (int b = a + 1; b < classes->n_classes; b++) {
            if (classes->count[b] == 0) {
                continue;
            }
            double square = 0;
            for (int64_t j = 0; j < classes->k; j++) {
                double difference = classes->centroid[a * classes->k + j] - classes->centroid[b * classes->k + j];
                square += difference * difference;
            }
            double mean = (spread + class_spread(classes, b)) / 2;
            double distance = mean > 0 ? sqrt(square) / mean : square > 0 ? INFINITY : 0;
            if (separation->nearest_a < 0 || distance < separation->nearest_distance) {
                separation->nearest_a = a;
                separation->nearest_b = b;
                separation->nearest_distance = distance;
            }
        }
    }
}

/* Rousseeuw 1987: (b - a) / max(a, b), a the mean distance to the row's own class, b that to the nearest other class.
 */
static double silhouette_of_row(const float *x, const int *labels, const int64_t *rows, int64_t n_rows, int64_t i,
                                const int64_t *count, int n_classes, int64_t k, double *sums)
{
    memset(sums, 0, (size_t)n_classes * sizeof *sums);
    const float *point = x + rows[i] * k;
    int own = labels[rows[i]];
    for (int64_t other = 0; other < n_rows; other++) {
        const float *y = x + rows[other] * k;
        double square = 0;
        for (int64_t j = 0; j < k; j++) {
            double difference = (double)point[j] - y[j];
            square += difference * difference;
        }
        sums[labels[rows[other]]] += sqrt(square);
    }
    if (count[own] < 2) {
        return 0; /* the only row of its class: defined as 0 */
    }
    double a = sums[own] / (double)(count[own] - 1), b = INFINITY;
    for (int label = 0; label < n_classes; label++) {
        if (label != own && count[label] > 0) {
            double mean = sums[label] / (double)count[label];
            b = mean < b ? mean : b;
        }
    }
    double larger = a > b ? a : b;
    return larger > 0 ? (b - a) / larger : 0;
}

/* each [n], or NULL: the silhouettes of the rows in the sample; NAN for the others. */
static reshift_status measure_silhouette(const float *x, const int *labels, int64_t n, int n_classes, int64_t k,
                                         double *silhouette, double *each, reshift_error *error)
{
    int64_t n_rows = n < SILHOUETTE_ROWS ? n : SILHOUETTE_ROWS;
    reshift_status status = RESHIFT_OK;
    int64_t *rows = memory_allocate((size_t)n * sizeof *rows);
    int64_t *count = memory_allocate((size_t)n_classes * sizeof *count);
    double *scores = memory_allocate((size_t)n_rows * sizeof *scores);
    bool starved = false;
    if (!rows || !count || !scores) {
        status = error_memory(error, (size_t)n * sizeof *rows, "the silhouette's sample");
        goto done;
    }
    random_stream stream = random_open(0, "silhouette", 0, 0);
    random_permutation(&stream, rows, n);
    int n_present = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        n_present += count[labels[rows[i]]]++ == 0;
    }
    *silhouette = NAN;
    if (n_present < 2 || n_present == n_rows) {
        goto done; /* one class, or every row a class of its own: undefined */
    }
#pragma omp parallel reduction(|| : starved)
    {
        double *sums = memory_allocate((size_t)n_classes * sizeof *sums);
        starved = !sums;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < n_rows; i++) {
            if (sums) {
                scores[i] = silhouette_of_row(x, labels, rows, n_rows, i, count, n_classes, k, sums);
            }
        }
        memory_free(sums);
    }
    if (starved) {
        status = error_memory(error, (size_t)n_classes * sizeof(double), "sums of distances");
        goto done;
    }
    double sum = 0;
    for (int64_t i = 0; i < n_rows; i++) {
        sum += scores[i];
        if (each) {
            each[rows[i]] = scores[i];
        }
    }
    *silhouette = sum / (double)n_rows;
done:
    memory_free(rows);
    memory_free(count);
    memory_free(scores);
    return status;
}

static reshift_status check_rows(const reshift_array *coordinates, const int *labels, int n_classes,
                                 reshift_error *error)
{
    if (coordinates->dtype != RESHIFT_F32 || coordinates->n_dims != 2 || coordinates->shape[1] < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "coordinates: expected float32 [N,k] with k > 0, found %s with %d dimensions",
                         reshift_dtype_name(coordinates->dtype), coordinates->n_dims);
    }
    int64_t n = coordinates->shape[0], k = coordinates->shape[1];
    if (n < 1 || n_classes < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "coordinates: expected rows and classes, found %lld and %d",
                         (long long)n, n_classes);
    }
    const float *x = coordinates->data;
    for (int64_t row = 0; row < n; row++) {
        if (labels[row] < 0 || labels[row] >= n_classes) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "label of row %lld: expected 0 to %d, found %d",
                             (long long)row, n_classes - 1, labels[row]);
        }
        for (int64_t j = 0; j < k; j++) {
            if (!isfinite(x[row * k + j])) {
                return error_set(error, RESHIFT_ERROR_NUMERIC,
                                 "coordinates: row %lld holds a value that is not a finite number", (long long)row);
            }
        }
    }
    return RESHIFT_OK;
}

/* The contribution of each row; [n] each. */
typedef struct row_values {
    double *overlap, *silhouette, *fisher;
} row_values;

/*
 * The ratio of scatters F = T/W - 1, T the mean squared distance to the mean of all rows and W that to the own
 * centroid. A row contributes its influence, F + (t - (F + 1) w) / W (t, w: its own squared distances), whose mean is
 * F.
 */
static void spread_fisher(const float *x, const int *labels, int64_t n, const class_table *classes, double *mean,
                          double *rows)
{
    const int64_t k = classes->k;
    double within = 0, total = 0;
    for (int64_t j = 0; j < k; j++) {
        mean[j] = 0;
        for (int64_t row = 0; row < n; row++) {
            mean[j] += x[row * k + j];
        }
        mean[j] /= (double)n;
    }
    for (int64_t row = 0; row < n; row++) {
        within += square_distance(x + row * k, classes->centroid + labels[row] * k, k) / (double)n;
        total += square_distance(x + row * k, mean, k) / (double)n;
    }
    for (int64_t row = 0; row < n; row++) {
        const double own = square_distance(x + row * k, classes->centroid + labels[row] * k, k);
        const double all = square_distance(x + row * k, mean, k);
        rows[row] = within > 0 ? total / within - 1 + (all - total / within * own) / within : NAN;
    }
}

/* Without `rows` (NULL) only the metrics are computed. */
static reshift_status separate(const reshift_array *coordinates, const int *labels, int n_classes,
                               reshift_separation *separation, const row_values *rows, reshift_error *error)
{
    *separation = (reshift_separation){NAN, NAN, NAN, NAN, -1, -1, NAN, NAN, -1, 0};
    reshift_status status = check_rows(coordinates, labels, n_classes, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    int64_t n = coordinates->shape[0], k = coordinates->shape[1];
    const float *x = coordinates->data;
    size_t centroids = 0;
    class_table classes = {.n_classes = n_classes, .k = k};
    if (memory_product((size_t)n_classes * sizeof *classes.centroid, (size_t)k, &centroids)) {
        classes.count = memory_allocate((size_t)n_classes * sizeof *classes.count);
        classes.centroid = memory_allocate(centroids);
        classes.square = memory_allocate((size_t)n_classes * sizeof *classes.square);
    }
    if (!classes.count || !classes.centroid || !classes.square) {
        status = error_memory(error, centroids, "class centroids");
        goto done;
    }
    measure_classes(x, labels, n, &classes);
    measure_scatter(&classes, n, separation);
    for (int label = 0; label < n_classes; label++) {
        separation->n_classes += classes.count[label] > 0;
    }
    find_pairs(&classes, separation);
    if (separation->n_classes < 2) {
        separation->fisher = NAN; /* no other class */
        goto done;
    }
    separation->overlap = measure_overlap(x, labels, n, &classes, rows ? rows->overlap : NULL);
    status =
        measure_silhouette(x, labels, n, n_classes, k, &separation->silhouette, rows ? rows->silhouette : NULL, error);
    if (rows) {
        double *mean = memory_allocate((size_t)k * sizeof *mean);
        if (mean) {
            spread_fisher(x, labels, n, &classes, mean, rows->fisher);
        } else if (status == RESHIFT_OK) {
            status = error_memory(error, (size_t)k * sizeof *mean, "a mean");
        }
        memory_free(mean);
    }
done:
    memory_free(classes.count);
    memory_free(classes.centroid);
    memory_free(classes.square);
    return status;
}

/* The labels of the rows of `coordinates`, whose own shape separate() checks. */
static reshift_status take_labels(const reshift_array *coordinates, const reshift_array *labels, const int **values,
                                  int **copy, reshift_error *error)
{
    *values = *copy = NULL;
    return coordinates->n_dims == 2 ? labels_as_int(labels, "labels", coordinates->shape[0], values, copy, error)
                                    : RESHIFT_OK;
}

reshift_status reshift_separation_of(const reshift_array *coordinates, const reshift_array *labels, int n_classes,
                                     reshift_separation *separation, reshift_error *error)
{
    const int *values;
    int *copy;
    reshift_status status = take_labels(coordinates, labels, &values, &copy, error);
    if (status == RESHIFT_OK) {
        status = separate(coordinates, values, n_classes, separation, NULL, error);
    }
    memory_free(copy);
    return status;
}

/* ---- two sets of coordinates ---- */

typedef struct image_row {
    int64_t image, row;
} image_row;

static int by_image(const void *a, const void *b)
{
    const image_row *x = a, *y = b;
    return x->image != y->image ? (x->image > y->image) - (x->image < y->image) : (x->row > y->row) - (x->row < y->row);
}

/*
 * The interval of the mean over rows of after - before, with the rows of an image together; NAN if no row has both.
 * `shares`: each row has 0 or 1.
 */
static reshift_status compare_values(const double *before, const double *after, const image_row *order, int64_t n,
                                     bool shares, uint64_t seed, double *means, reshift_interval *change,
                                     int64_t *n_images, reshift_error *error)
{
    int64_t images = 0, rows = 0, in_image = 0;
    double sum = 0;
    *change = (reshift_interval){NAN, NAN, NAN};
    for (int64_t i = 0; i < n; i++) { /* means [images]: first the sums of each image */
        const double d = after[order[i].row] - before[order[i].row];
        const bool first = i == 0 || order[i].image != order[i - 1].image;
        if (first) {
            images += in_image > 0;
            in_image = 0;
            means[images] = 0;
        }
        if (isfinite(d)) {
            means[images] += d;
            sum += d;
            in_image++;
            rows++;
        }
    }
    images += in_image > 0;
    if (images < 1) {
        return RESHIFT_OK;
    }
    /* weights an image by its rows, so that the mean of the ratios is that of all rows */
    for (int64_t i = 0; i < images; i++) {
        means[i] *= (double)images / (double)rows;
    }
    *n_images = images > *n_images ? images : *n_images;
    reshift_status status = RESHIFT_OK;
    if (shares) { /* of 0s and 1s: keeps a width if no row differs */
        *change = interval_of_differences(means, 1, images);
    } else {
        status = reshift_bootstrap_means(means, images, 1, RESHIFT_BOOTSTRAP_RESAMPLES, seed, change, error);
    }
    change->value = sum / (double)rows;
    return status;
}

reshift_status reshift_separation_compare(const reshift_array *before, const reshift_array *after,
                                          const reshift_array *label_array, const int64_t *images,
                                          const uint8_t *left_out, int n_classes, uint64_t seed,
                                          reshift_separation_change *change, reshift_error *error)
{
    const reshift_interval none = {NAN, NAN, NAN};
    const reshift_array *const sets[2] = {before, after};
    *change = (reshift_separation_change){none, none, none, 0};
    if (before->n_dims != 2 || after->n_dims != 2 || before->shape[0] != after->shape[0] || before->shape[0] < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "coordinates that are compared: expected the same rows");
    }
    const int64_t n = before->shape[0];
    double *values = memory_allocate((size_t)n * 7 * sizeof *values);
    image_row *order = memory_allocate((size_t)n * sizeof *order);
    reshift_status status =
        values && order ? RESHIFT_OK : error_memory(error, (size_t)n * 7 * sizeof *values, "values of rows");
    const int *labels = NULL;
    int *copy = NULL;
    if (status == RESHIFT_OK) {
        status = take_labels(before, label_array, &labels, &copy, error);
    }
    for (int64_t i = 0; i < 6 * n && status == RESHIFT_OK; i++) {
        values[i] = NAN;
    }
    for (int s = 0; s < 2 && status == RESHIFT_OK; s++) {
        reshift_separation figures;
        double *own = values + 3 * s * n;
        status = separate(sets[s], labels, n_classes, &figures, &(row_values){own, own + n, own + 2 * n}, error);
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < n && status == RESHIFT_OK; i++) {
        if (!left_out || !left_out[i]) {
            order[kept++] = (image_row){images[i], i};
        }
    }
    if (status == RESHIFT_OK) {
        qsort(order, (size_t)kept, sizeof *order, by_image);
    }
    reshift_interval *const changes[3] = {&change->overlap, &change->silhouette, &change->fisher};
    for (int v = 0; v < 3 && status == RESHIFT_OK; v++) {
        status = compare_values(values + v * n, values + (3 + v) * n, order, kept, v == 0, seed, values + 6 * n,
                                changes[v], &change->n_images, error);
    }
    memory_free(copy);
    memory_free(values);
    memory_free(order);
    return status;
}
