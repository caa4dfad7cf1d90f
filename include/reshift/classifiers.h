/*
 * Classifiers of features besides the Adam probe of learning.h: softmax regression by L-BFGS with its penalty chosen on
 * held-out rows, nearest neighbours, and nearest class means. All read features [N,D] float32 as `reshift extract`
 * makes them and labels [N] of any integer type.
 */
#ifndef RESHIFT_CLASSIFIERS_H
#define RESHIFT_CLASSIFIERS_H

#include "reshift/array.h"
#include "reshift/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Features [N,D] from a .npy file: float32 as it is (mapped), float64 and float16 converted; [N,D,1,1] counts as [N,D].
 * Errors: those of reshift_array_load_npy(), SHAPE, NUMERIC (a float64 value beyond float32, naming the row). The
 * caller destroys *features.
 */
RESHIFT_API reshift_status reshift_features_load_npy(const char *path, reshift_array *features, reshift_error *error);

/** Scores [N,K] float32 = features [N,D] weight [K,D]' + bias [K]: logits of softmax regression. The same bytes for any
 *  thread count. Errors: SHAPE, MEMORY. */
RESHIFT_API reshift_status reshift_linear_scores(const reshift_array *weight, const reshift_array *bias,
                                                 const reshift_array *features, reshift_array *scores,
                                                 reshift_error *error);

/* ---- softmax regression by L-BFGS ---- */

/**
 * Minimises mean cross-entropy + l2/2 |W|^2 over weight and bias; the bias is not penalised. (scikit-learn's
 * LogisticRegression has C = 1/(l2 N).)
 */
typedef struct reshift_logistic_options {
    double l2;          /* 0 or more */
    int max_iterations; /* 2000 */
    double tolerance;   /* 1e-7: done when no entry of the gradient is larger, by weights in units of
                           the features' spread; scaling features changes nothing */
    const float *initial_weight, *initial_bias; /* [K,D] and [K], or NULL: zeros */
    const double *class_weights; /* [K] factors of the rows' losses by class; NULL: 1. As in scikit-learn the
                                    sum is divided by N, whatever the weights */
} reshift_logistic_options;

typedef struct reshift_logistic_fit {
    double loss;     /* mean cross-entropy, without the penalty */
    double gradient; /* largest entry in magnitude, where it stopped, in the tolerance's units */
    int iterations;
    bool converged; /* the gradient is within the tolerance */
    bool at_limit;  /* it stopped after max_iterations; neither: rounding hid any lower point */
} reshift_logistic_fit;

/** Fills in the defaults named next to the fields. NULL instead of options means the same. */
RESHIFT_API void reshift_logistic_options_default(reshift_logistic_options *options);

/**
 * weight [K,D] and bias [K] float32 are created; K = largest label + 1 unless n_classes > 0. Computed in float64, sums
 * over rows in a fixed order: the same bytes for any thread count. By limited-memory BFGS (Nocedal 1980; liblbfgs) on
 * features that are centred and scaled internally, so that their offset and unit do not matter. A fit that stopped
 * before its tolerance is no error: see *fit. Memory: 42 vectors of K (D + 1) doubles and 64 MiB of sums at most.
 * Errors: SHAPE (also labels of one class only), FORMAT (labels), ARGUMENT, NUMERIC (a feature that is not finite,
 * naming the row; a search that could not start, or whose loss or weights overflow), MEMORY, CANCELLED.
 */
RESHIFT_API reshift_status reshift_logistic_train(const reshift_array *features, const reshift_array *labels,
                                                  int n_classes, const reshift_logistic_options *options,
                                                  reshift_array *weight, reshift_array *bias, reshift_logistic_fit *fit,
                                                  const reshift_progress *progress, reshift_error *error);

typedef struct reshift_logistic_path_options {
    double low, high; /* 1e-6 and 1: powers of ten between which l2 is sought */
    int per_decade;   /* 2: values a factor of ten */
    double held_out;  /* 0.1: share of the rows that choose */
    const int64_t
        *groups;   /* [N]: rows of one group (versions of one image) are held out together; NULL: each by itself */
    uint64_t seed; /* which are */
    reshift_logistic_options fit;
} reshift_logistic_path_options;

typedef struct reshift_logistic_point {
    double l2, held_out_loss, held_out_accuracy;
    reshift_logistic_fit fit;
} reshift_logistic_point;

#define RESHIFT_LOGISTIC_POINTS 128

/** Fills in the defaults named next to the fields. NULL instead of options means the same. */
RESHIFT_API void reshift_logistic_path_options_default(reshift_logistic_path_options *options);

/**
 * Chooses l2: fits every value of the path, from the strongest penalty to the weakest, each starting from the one
 * before, on the rows that are not held out, and takes the one with the smallest held-out loss. (The loss is what is
 * fitted, and it moves smoothly with l2, where the accuracy of a few hundred rows jumps about.) Rows are held out by
 * shuffled groups. points [*n_points], caller's memory of RESHIFT_LOGISTIC_POINTS; *best is the index of the chosen
 * one. Errors: those of reshift_logistic_train; ARGUMENT (a path of no or of too many values, nothing to hold out).
 */
RESHIFT_API reshift_status reshift_logistic_path(const reshift_array *features, const reshift_array *labels,
                                                 int n_classes, const reshift_logistic_path_options *options,
                                                 reshift_logistic_point *points, int *n_points, int *best,
                                                 const reshift_progress *progress, reshift_error *error);

/* ---- nearest class mean ---- */

/**
 * The linear layer that picks the class whose mean m_k is nearest (Euclidean): weight [K,D] = t w_k with w_k = m_k - c
 * and c the mean of the means, bias = -t (c w_k + |w_k|^2 / 2), so that features far from 0 lose no digits. t makes the
 * training rows (evenly spaced ones, where there are many) most likely under the layer's softmax, at most D over their
 * mean squared distance to their class means: logits do not depend on the features' unit. Computed in float64. Errors:
 * SHAPE (also a class without a row, or one class alone), NUMERIC (weights beyond float32: features below about 1e-37),
 * MEMORY.
 */
RESHIFT_API reshift_status reshift_nearest_mean_train(const reshift_array *features, const reshift_array *labels,
                                                      int n_classes, reshift_array *weight, reshift_array *bias,
                                                      reshift_error *error);

/* ---- nearest neighbours ---- */

/**
 * Scores [N,K] float64 of features [N,D]: the k rows of `train` with the largest cosine (of equals the first), each
 * voting for its label with exp(cosine / temperature); rows sum to 1. Published: k = 200 and temperature 0.07 (Wu et
 * al. 2018), k = 20 and 0.07 (Caron et al. 2021). A feature vector of zeros has cosine 0 with all. Cosines do not
 * depend on the features' unit and keep their digits where features are far from 0. Memory: N K doubles and 64 MiB at
 * most, and 4608 D floats. Errors: SHAPE (also one class alone), ARGUMENT (k not from 1 to the number of rows,
 * temperature not positive), NUMERIC, MEMORY, CANCELLED.
 */
RESHIFT_API reshift_status reshift_nearest_neighbours_score(const reshift_array *train,
                                                            const reshift_array *train_labels,
                                                            const reshift_array *features, int n_classes, int k,
                                                            double temperature, reshift_array *scores,
                                                            const reshift_progress *progress, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
