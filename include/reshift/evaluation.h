/* Numbers about a model: accuracy, calibration, intervals, baselines; principal components, separation of classes. */
#ifndef RESHIFT_EVALUATION_H
#define RESHIFT_EVALUATION_H

#include <stdbool.h>

#include "reshift/array.h"
#include "reshift/corruption.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A value with its 95 % interval. */
typedef struct reshift_interval {
    double value, low, high;
} reshift_interval;

/** Accuracy over some rows with its 95 % interval; accuracy is NAN for n == 0. */
typedef struct reshift_accuracy {
    int64_t n, correct;         /* rows */
    double accuracy, low, high; /* fractions 0..1 */
    int64_t n_images;           /* that the rows show: fewer than n where an image has several versions */
} reshift_accuracy;

/** Of n rows that show n images: Wilson's score interval at 95 %. Source: Wilson 1927. */
RESHIFT_API reshift_accuracy reshift_accuracy_of(int64_t correct, int64_t n);

/* ---- rows of the same images: intervals by image ---- */

/** Which rows are right, and which image each row shows. Rows of one image (its versions) have the same number. */
typedef struct reshift_answers {
    const uint8_t *right;  /* [n] 0 or 1 */
    const int64_t *images; /* [n] any numbers */
    int64_t n;
} reshift_answers;

/**
 * Accuracy over rows of which several may show one image. The interval is Wilson's with the effective number of images:
 * the number of single rows that would have the variance which the images' shares have, never less than the number of
 * images and never more than that of the rows, so an interval keeps its width where all images agree. Exactly
 * reshift_accuracy_of() where each image has one row. No random draws. accuracy is NAN for no rows.
 * Memory: 64 bytes a row. Errors: MEMORY. Source: Wilson 1927; Korn & Graubard 1998; docs/evaluation.md.
 */
RESHIFT_API reshift_status reshift_accuracy_by_image(const reshift_answers *answers, reshift_accuracy *accuracy,
                                                     reshift_error *error);

/** One accuracy minus another. accuracy.value is NAN where one of them has no rows. */
typedef struct reshift_difference {
    reshift_interval accuracy; /* 95 %; on the same images paired: both answers to an image move together */
    int64_t n, n_images;       /* rows of the first, images of both */
    int64_t only_a, only_b;    /* one row an image: images that only the first names rightly, only the second */
    double p;                  /* one row an image: McNemar's exact test, two-sided; else NAN */
    bool paired;               /* on the same images */
    bool clear;                /* more than chance: the interval excludes 0, and p, where there is one, is below 0.05 */
} reshift_difference;

/** One row an image, n images, of which one side alone is right on only_a, the other on only_b. Bonett & Price 2012. */
RESHIFT_API reshift_difference reshift_difference_of(int64_t only_a, int64_t only_b, int64_t n);

/**
 * a's accuracy minus b's, paired by image: each image contributes the difference of its two shares of right rows. One
 * row an image: reshift_difference_of(). Else Student's interval of the mean of these differences, never narrower than
 * that of as many images with one row each none of which differs. a and b may have different rows of an image (clean
 * and corrupted versions). Memory: 64 bytes a row. Errors: MEMORY.
 */
RESHIFT_API reshift_status reshift_difference_by_image(const reshift_answers *a, const reshift_answers *b,
                                                       reshift_difference *difference, reshift_error *error);

/** a minus b on different images: from the two intervals. Source: Newcombe 1998, method 10. */
RESHIFT_API reshift_difference reshift_difference_apart(const reshift_accuracy *a, const reshift_accuracy *b);

/** Two-sided exact binomial test of only_a against only_b at a half (McNemar 1947). 1 where both are 0. */
RESHIFT_API double reshift_mcnemar_test(int64_t only_a, int64_t only_b);

/**
 * 100 fraction, rounded half away from zero to so many decimals, as every table, sentence and picture prints it; a half
 * is decided within 1e-7 of the last digit, so that 193/400 = 0.4825 gives 48.3 (printf: 48.2).
 */
RESHIFT_API double reshift_percent(double fraction, int digits);
/** The difference of the two printed values, so that what is printed adds up. */
RESHIFT_API double reshift_percent_change(double before, double after, int digits);

/**
 * The index of the largest logit of each row (the first of equals). logits [N,K] float32; predictions [N], the caller's
 * memory. Errors: SHAPE, NUMERIC (a logit that is not a number, naming the row).
 */
RESHIFT_API reshift_status reshift_predictions(const reshift_array *logits, int *predictions, reshift_error *error);

/* ---- what a network's scores are worth ---- */

/** What the rows of a score array are. */
typedef enum reshift_scores {
    RESHIFT_SCORES_LOGITS,       /* any finite numbers; -infinity where a class is ruled out */
    RESHIFT_SCORES_PROBABILITIES /* 0..1, each row summing to 1 within 1e-3 */
} reshift_scores;

#define RESHIFT_CALIBRATION_BINS 15

/** Figures of some rows; NAN for none. p is a row's probabilities, y its label. */
typedef struct reshift_metrics {
    reshift_accuracy accuracy;
    double nll; /* mean of -ln p[y]; infinite where a label has probability 0 */
    double
        brier;  /* mean over rows of the sum over classes of (p[k] - [k = y])^2: 0..2 (Brier 1950, the original form) */
    double ece; /* expected calibration error: 15 bins of equal width of the largest probability, the upper bound of a
                   bin belongs to it; sum of |B|/n |accuracy(B) - mean confidence(B)| (Guo et al. 2017) */
} reshift_metrics;

typedef struct reshift_class_metrics {
    double balanced; /* mean over the classes that have rows of the share of their rows that are right (scikit-learn's
                        balanced_accuracy_score) */
    double top5;     /* share of rows whose label is one of the five largest scores, of equal ones the lower class; NAN
                        where     K < 5 */
} reshift_class_metrics;

/** Of scores [N,K] float32 or float64, finite, against labels [N] (labels.h) in 0..K-1, N at least 1. Errors: SHAPE,
 *  those of reshift_labels_read(), MEMORY. */
RESHIFT_API reshift_status reshift_class_metrics_of(const reshift_array *scores, const reshift_array *labels,
                                                    reshift_class_metrics *metrics, reshift_error *error);

/**
 * Figures of scores [N,K] float32 against labels [N] (labels.h) in 0..K-1. `predictions` [N] gets the first of the
 * largest of every row, `confusion` [K,K] the number of rows by label (row) and prediction (column), added to what it
 * holds; both are the caller's memory, either may be NULL. Float64 throughout, summed in the order of the rows: the
 * same for any thread count. Memory: 32 N bytes. Errors: SHAPE (also a label out of range, naming the row), those of
 * reshift_labels_read(), NUMERIC (naming the row), MEMORY.
 */
RESHIFT_API reshift_status reshift_metrics_of(const reshift_array *scores, reshift_scores kind,
                                              const reshift_array *labels, int *predictions, int64_t *confusion,
                                              reshift_metrics *metrics, reshift_error *error);

/* ---- intervals of means over images ---- */

#define RESHIFT_BOOTSTRAP_RESAMPLES 2000

/**
 * Bootstrap intervals of means over images, by the percentile method (Efron 1979; quantiles 2.5 and 97.5 % with linear
 * interpolation between order statistics). values [N,S]: row i holds S figures of image i, each taken over all versions
 * of the image that count (the mean of its 0s and 1s over severities and corruptions; for two networks on the same
 * images the difference of theirs). A resample draws N images with replacement, and an image comes with all its
 * figures: versions of an image are never taken for independent, and the S intervals rest on the same draws. intervals
 * [S], the caller's memory. Random draws depend on (seed, resample) only; the same result for any thread count. Memory:
 * 8 S resamples bytes and 32 N a thread. An interval of one image, or of figures that are all equal, has no width.
 * Errors: ARGUMENT (N < 1, S < 1, resamples < 2), NUMERIC (a figure that is not finite, naming the image), MEMORY.
 */
RESHIFT_API reshift_status reshift_bootstrap_means(const double *values, int64_t n, int64_t s, int resamples,
                                                   uint64_t seed, reshift_interval *intervals, reshift_error *error);

/* ---- the network that corruption errors are measured against ---- */

/** Accuracies of one network by corruption and severity. */
typedef struct reshift_baseline {
    char name[96];                                                  /* "AlexNet", "Standard" */
    double error[RESHIFT_CORRUPTIONS_MOST][1 + RESHIFT_SEVERITIES]; /* fractions, in the order of
                                reshift_corruption_table(): [0] mean of the severities, [1..5]; NAN where not known: the
                                four corruptions of the validation set, AlexNet's single severities */
    double clean_error; /* on clean images; NAN: not known (no column of RobustBench's layout) */
    double mean_error;  /* over the 15 corruptions that leaderboards average */
    int jpeg_quality;   /* its images were JPEG files of this quality, and it is compared with such only; 0: any */
} reshift_baseline;

/**
 * Finds a baseline. `spec`: "alexnet" (ImageNet-C's, built in: Hendrycks & Dietterich 2019), or "FILE.csv[:NAME]" in
 * RobustBench's layout: a line of corruption names and one of severities, each with an empty first field, then a line a
 * network: its name and its accuracies, fractions 0..1. Without NAME: the only network of the file, else "Standard".
 * All 15 corruptions at all 5 severities must be there; the other four may be. Errors: NOT_FOUND (the file; the
 * network, with the nearest name as a hint), FORMAT (naming file and line: a missing, unknown or repeated corruption, a
 * repeated network, what is no number), IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_baseline_find(const char *spec, reshift_baseline *baseline, reshift_error *error);

/* ---- features ---- */

/** Principal components, see reshift_pca_fit(). A zeroed one is empty. */
typedef struct reshift_pca_result {
    reshift_array coordinates, components, mean, variance, ratio;
} reshift_pca_result;

/**
 * Principal components of features [N,D] float32. 1 <= k <= min(N,D), N >= 2; the variance's divisor is N - 1.
 * Where N and D are at least 512 and k is small (up to 27 for 720 of both and more, up to 7 for 512) by block Krylov:
 * some passes over the features, then a residual |C v - s v| measured in float64 of at most 6e-6 of the largest
 * variance, so an axis is right to 6e-6 times the largest variance over its gap to the next. Else, and where that is
 * not reached, by the covariance in float64 and LAPACK, exactly. coordinates [N,k] float32, components [k,D] float64,
 * mean [D] float64, variance [k], ratio [k] (share of the total variance). The sign of each axis: the entry of the
 * component that is largest in magnitude (the first of equals) is positive. Constant features have ratio 0. Memory:
 * Krylov about 1,000 D k' bytes, k' = k rounded up to tens, and 64 MiB of sums at most; else 8 D^2 bytes and a block of
 * 1,024 rows (N < D: 8 N (N + D)). By Krylov the same bytes for any thread count, else for the same machine and thread
 * count. Errors: SHAPE, ARGUMENT (k, N), NUMERIC (a feature that is not finite, naming the row), MEMORY; *result is
 * empty then. The caller destroys *result.
 */
RESHIFT_API reshift_status reshift_pca_fit(const reshift_array *features, int k, reshift_pca_result *result,
                                           reshift_error *error);
/** Projects other features [N,D] on components found before: coordinates [N,k] float32, the caller's to destroy.
 *  Errors: SHAPE, NUMERIC, MEMORY. */
RESHIFT_API reshift_status reshift_pca_project(const reshift_pca_result *pca, const reshift_array *features,
                                               reshift_array *coordinates, reshift_error *error);
/** Frees what is in it and empties it; NULL and an empty one are accepted. */
RESHIFT_API void reshift_pca_destroy(reshift_pca_result *result);

/**
 * How far apart the classes lie in coordinates [N,k] float32 (few dimensions: the silhouette costs up to 25 million
 * distances). A class without rows counts nowhere. What is not defined (a silhouette or nearest pair of one class) is
 * NAN, its labels -1. Of fewer than two classes silhouette, fisher and overlap are NAN.
 */
typedef struct reshift_separation {
    double silhouette; /* mean silhouette, Rousseeuw 1987, Euclidean; of a fixed random sample of at most 5,000 rows */
    double fisher;     /* trace of between-class scatter over trace of within-class scatter */
    double overlap;    /* share of rows that are at least as near to another class's centroid as to their own */
    double spread;     /* root mean square distance of rows to their class centroid */
    int nearest_a, nearest_b; /* the pair of classes whose centroids are nearest, relative to their spreads */
    double nearest_distance;  /* distance of those centroids over the mean of the two spreads */
    double widest_spread;     /* spread of the widest class */
    int widest;
    int n_classes; /* classes that have rows */
} reshift_separation;
/** labels [N] (labels.h) in 0..n_classes-1. Same result for any thread count. Errors: SHAPE (a label out of range),
 * those of reshift_labels_read(), ARGUMENT (no rows), NUMERIC (naming the row), MEMORY. */
RESHIFT_API reshift_status reshift_separation_of(const reshift_array *coordinates, const reshift_array *labels,
                                                 int n_classes, reshift_separation *separation, reshift_error *error);

/** What changed from one feature set to another of the same rows: after minus before. NAN where one is not defined. */
typedef struct reshift_separation_change {
    reshift_interval overlap, silhouette, fisher;
    int64_t n_images; /* that count; 0: none */
} reshift_separation_change;
/**
 * Compares the separation of two sets of coordinates [N,k] of the same rows, image by image: a row contributes whether
 * it is nearer to another centroid, its silhouette, and its share of Fisher's ratio (the ratio's influence function).
 * Intervals by image: of overlap as of any paired difference of shares, of the others by the bootstrap
 * (reshift_bootstrap_means(), 2,000 resamples from `seed`); centroids and axes count as fixed. images [N]: the image of
 * each row; left_out [N]: 1: the row does not count (but its class's centroid has it); NULL: all count. Errors: those
 * of reshift_separation_of() and reshift_bootstrap_means(), SHAPE (coordinates that differ in rows).
 */
RESHIFT_API reshift_status reshift_separation_compare(const reshift_array *before, const reshift_array *after,
                                                      const reshift_array *labels, const int64_t *images,
                                                      const uint8_t *left_out, int n_classes, uint64_t seed,
                                                      reshift_separation_change *change, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
