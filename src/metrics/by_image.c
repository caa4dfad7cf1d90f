/*
 * Accuracies over rows that contain each image several times, and differences of two accuracies on the same images.
 * Rows are first summed by image. The interval is based on the number of images and on their variance.
 */
#include "metrics/by_image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* The 97.5 % quantile of the standard normal. */
#define Z 1.959963984540054

reshift_interval interval_of_wilson(double share, double n)
{
    /*
     * Wilson 1927: the p with |share - p| <= Z sqrt(p (1 - p) / n), a quadratic in p. Unlike share +- Z s it stays
     * within 0..1 and keeps a width if all answers are correct.
     */
    const double z2 = Z * Z;
    double centre = (share + z2 / (2 * n)) / (1 + z2 / n);
    double half = Z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    /* at the ends the bound is exactly 0 or 1; rounding would give 1e-17 */
    return (reshift_interval){share, share <= 0 ? 0 : centre - half, share >= 1 ? 1 : centre + half};
}

reshift_interval interval_of_shares(const double *values, int64_t step, int64_t n, int64_t n_rows)
{
    double sum = 0, squares = 0;
    bool single = true;
    for (int64_t i = 0; i < n; i++) {
        sum += values[i * step];
        single &= values[i * step] == 0 || values[i * step] == 1;
    }
    /* sums of fifteenths may miss the ends by 1e-16 */
    const double count = (double)n, mean = sum / count, share = mean < 1e-12 ? 0 : mean > 1 - 1e-12 ? 1 : mean;
    if (single) {
        return interval_of_wilson(share, count);
    }
    const double centre = (sum + 2) / (count + 4);
    for (int64_t i = 0; i < n; i++) {
        squares += (values[i * step] - centre) * (values[i * step] - centre);
    }
    squares += 2 * centre * centre + 2 * (1 - centre) * (1 - centre);
    const double effective = count * centre * (1 - centre) / (squares / (count + 4));
    return interval_of_wilson(share, fmin(effective, (double)n_rows));
}

/*
 * The 97.5 % quantile of Student's t by the Cornish-Fisher expansion, within 0.2 % for 5 degrees of freedom and more.
 */
static double student(double freedom)
{
    const double z3 = Z * Z * Z, z5 = z3 * Z * Z, z7 = z5 * Z * Z;
    return Z + (z3 + Z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * Z) / (96 * freedom * freedom) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * Z) / (384 * freedom * freedom * freedom);
}

/* Bonett & Price 2012, for counts that need not be integers. */
static reshift_interval interval_of_discordant(double only_a, double only_b, double n)
{
    const double a = (only_a + 1) / (n + 2), b = (only_b + 1) / (n + 2);
    const double half = Z * sqrt((a + b - (a - b) * (a - b)) / (n + 2));
    return (reshift_interval){(only_a - only_b) / n, fmax(a - b - half, -1), fmin(a - b + half, 1)};
}

reshift_interval interval_of_differences(const double *values, int64_t step, int64_t n)
{
    const double count = (double)n;
    double sum = 0, squares = 0, more = 0, less = 0;
    bool single = true;
    for (int64_t i = 0; i < n; i++) {
        const double value = values[i * step];
        sum += value;
        more += value == 1;
        less += value == -1;
        single &= value == 0 || value == 1 || value == -1;
    }
    if (single) {
        return interval_of_discordant(more, less, count);
    }
    const double mean = sum / count;
    for (int64_t i = 0; i < n; i++) {
        squares += (values[i * step] - mean) * (values[i * step] - mean);
    }
    const double least = Z * sqrt(2) / (count + 2); /* for single rows, none of which differs */
    const double spread = n > 1 ? student(count - 1) * sqrt(squares / (count - 1) / count) : 1;
    const double half = fmax(spread, least);
    return (reshift_interval){mean, fmax(mean - half, -1), fmin(mean + half, 1)};
}

bool interval_is_clear(const reshift_interval *interval) { return interval->low > 0 || interval->high < 0; }

/* ---- sums by image ---- */

/* One image: number of rows and of correct rows on both sides. */
typedef struct image_sums {
    int64_t image, rows[2], right[2];
} image_sums;

static int by_number(const void *a, const void *b)
{
    const int64_t x = ((const image_sums *)a)->image, y = ((const image_sums *)b)->image;
    return (x > y) - (x < y);
}

/* Sums in ascending order of images, *n of them. The caller frees them. */
static reshift_status add_up(const reshift_answers sides[2], image_sums **images, int64_t *n, reshift_error *error)
{
    const int64_t most = sides[0].n + sides[1].n;
    image_sums *list = memory_allocate((size_t)(most + 1) * sizeof *list);
    *images = list;
    *n = 0;
    if (!list) {
        return error_memory(error, (size_t)most * sizeof *list, "answers by image");
    }
    for (int64_t i = 0; i < most; i++) {
        const int side = i >= sides[0].n;
        const int64_t row = side ? i - sides[0].n : i;
        image_sums one = {.image = sides[side].images[row]};
        one.rows[side] = 1;
        one.right[side] = sides[side].right[row] != 0;
        list[i] = one;
    }
    qsort(list, (size_t)most, sizeof *list, by_number);
    for (int64_t i = 0; i < most; i++) {
        if (*n == 0 || list[*n - 1].image != list[i].image) {
            list[(*n)++] = list[i];
            continue;
        }
        for (int side = 0; side < 2; side++) {
            list[*n - 1].rows[side] += list[i].rows[side];
            list[*n - 1].right[side] += list[i].right[side];
        }
    }
    return RESHIFT_OK;
}

/*
 * Contribution of one image; the mean over images is the accuracy over all rows. If all images have the same number of
 * rows, it is the image's own accuracy; otherwise the linearised ratio (Cochran 1977, 2.9).
 */
static double contribution(const image_sums *one, int side, double accuracy, double rows_per_image)
{
    return accuracy + ((double)one->right[side] - accuracy * (double)one->rows[side]) / rows_per_image;
}

static void count_side(const image_sums *images, int64_t n, int side, reshift_accuracy *accuracy, bool *even)
{
    int64_t most = 0;
    *accuracy = (reshift_accuracy){0, 0, NAN, NAN, NAN, 0};
    for (int64_t i = 0; i < n; i++) {
        accuracy->n += images[i].rows[side];
        accuracy->correct += images[i].right[side];
        accuracy->n_images += images[i].rows[side] > 0;
        most = images[i].rows[side] > most ? images[i].rows[side] : most;
    }
    *even = most * n == accuracy->n;
    accuracy->accuracy = accuracy->n > 0 ? (double)accuracy->correct / (double)accuracy->n : NAN;
}

static double value_of(const image_sums *one, int side, const reshift_accuracy *accuracy, int64_t n, bool even)
{
    return even ? (double)one->right[side] / (double)one->rows[side]
                : contribution(one, side, accuracy->accuracy, (double)accuracy->n / (double)n);
}

reshift_status reshift_accuracy_by_image(const reshift_answers *answers, reshift_accuracy *accuracy,
                                         reshift_error *error)
{
    const reshift_answers sides[2] = {*answers, {NULL, NULL, 0}};
    image_sums *images;
    int64_t n;
    bool even;
    double *values = NULL;
    *accuracy = (reshift_accuracy){0, 0, NAN, NAN, NAN, 0};
    reshift_status status = add_up(sides, &images, &n, error);
    if (status == RESHIFT_OK && n > 0) {
        values = memory_allocate((size_t)n * sizeof *values);
        status = values ? RESHIFT_OK : error_memory(error, (size_t)n * sizeof *values, "shares of images");
    }
    if (values) {
        count_side(images, n, 0, accuracy, &even);
        for (int64_t i = 0; i < n; i++) {
            values[i] = value_of(&images[i], 0, accuracy, n, even);
        }
        const reshift_interval interval = interval_of_shares(values, 1, n, accuracy->n);
        accuracy->low = interval.low;
        accuracy->high = interval.high;
    }
    memory_free(values);
    memory_free(images);
    return status;
}

/* ---- two accuracies ---- */

double reshift_mcnemar_test(int64_t only_a, int64_t only_b)
{
    int64_t n = only_a + only_b, few = only_a < only_b ? only_a : only_b;
    double sum = 0;
    if (n <= 0) {
        return 1;
    }
    /* twice the lower tail of the binomial distribution; the middle term is counted once */
    for (int64_t k = 0; k <= few; k++) {
        sum += exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) -
                   (double)n * 0.693147180559945309417);
    }
    return 2 * sum < 1 ? 2 * sum : 1;
}

static reshift_difference no_difference(void) { return (reshift_difference){.accuracy = {NAN, NAN, NAN}, .p = NAN}; }

/* With one row per image on both sides, McNemar's test must agree with the interval. */
static void settle(reshift_difference *d) { d->clear = interval_is_clear(&d->accuracy) && !(d->p >= 0.05); }

reshift_difference reshift_difference_of(int64_t only_a, int64_t only_b, int64_t n)
{
    reshift_difference d = no_difference();
    if (n <= 0 || only_a < 0 || only_b < 0 || only_a + only_b > n) {
        return d;
    }
    d = (reshift_difference){.accuracy = interval_of_discordant((double)only_a, (double)only_b, (double)n),
                             .n = n,
                             .n_images = n,
                             .only_a = only_a,
                             .only_b = only_b,
                             .p = reshift_mcnemar_test(only_a, only_b),
                             .paired = true};
    settle(&d);
    return d;
}

reshift_difference reshift_difference_apart(const reshift_accuracy *a, const reshift_accuracy *b)
{
    reshift_difference d = no_difference();
    if (a->n <= 0 || b->n <= 0) {
        return d;
    }
    const double difference = a->accuracy - b->accuracy;
    d.accuracy.value = difference;
    d.accuracy.low = difference - hypot(a->accuracy - a->low, b->high - b->accuracy);
    d.accuracy.high = difference + hypot(a->high - a->accuracy, b->accuracy - b->low);
    d.n = a->n;
    d.n_images = a->n_images < b->n_images ? a->n_images : b->n_images;
    settle(&d);
    return d;
}

reshift_status reshift_difference_by_image(const reshift_answers *a, const reshift_answers *b,
                                           reshift_difference *difference, reshift_error *error)
{
    const reshift_answers sides[2] = {*a, *b};
    image_sums *images;
    int64_t n;
    double *values = NULL;
    *difference = no_difference();
    reshift_status status = add_up(sides, &images, &n, error);
    if (status == RESHIFT_OK && (a->n < 1 || b->n < 1)) {
        memory_free(images);
        return RESHIFT_OK;
    }
    if (status == RESHIFT_OK) {
        values = memory_allocate((size_t)n * sizeof *values);
        status = values ? RESHIFT_OK : error_memory(error, (size_t)n * sizeof *values, "differences of images");
    }
    if (values) {
        reshift_accuracy accuracies[2];
        bool even[2];
        int64_t only_a = 0, only_b = 0;
        for (int side = 0; side < 2; side++) {
            count_side(images, n, side, &accuracies[side], &even[side]);
        }
        for (int64_t i = 0; i < n; i++) {
            values[i] = value_of(&images[i], 0, &accuracies[0], n, even[0]) -
                        value_of(&images[i], 1, &accuracies[1], n, even[1]);
            only_a += images[i].right[0] > images[i].right[1];
            only_b += images[i].right[1] > images[i].right[0];
        }
        if (even[0] && even[1] && a->n == n && b->n == n) {
            *difference = reshift_difference_of(only_a, only_b, n);
        } else {
            difference->accuracy = interval_of_differences(values, 1, n);
            difference->n = a->n;
            difference->n_images = n;
            difference->paired = true;
            settle(difference);
        }
    }
    memory_free(values);
    memory_free(images);
    return status;
}

/* ---- printed values ---- */

double reshift_percent(double fraction, int digits)
{
    const double scale = pow(10, digits), scaled = fraction * 100 * scale;
    if (!isfinite(scaled)) {
        return scaled;
    }
    /* a ratio of counts that is mathematically a half is rounded up, although its double is slightly smaller */
    const double rounded = floor(fabs(scaled) + 0.5 + 1e-7) / scale;
    return scaled < 0 && rounded > 0 ? -rounded : rounded;
}

double reshift_percent_change(double before, double after, int digits)
{
    const double change = reshift_percent(after, digits) - reshift_percent(before, digits);
    return reshift_percent(change / 100, digits); /* removes the rounding error of the subtraction */
}
