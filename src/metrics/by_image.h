/*
 * Intervals of means over images. Each image has one value: the fraction of its rows that are correct, or the
 * difference of two such fractions. The rows of an image (its versions at several severities or corruptions) are never
 * treated as independent.
 */
#ifndef METRICS_BY_IMAGE_H
#define METRICS_BY_IMAGE_H

#include "reshift/evaluation.h"

/**
 * The 95 % interval of the mean of n fractions values[0], values[step], ... in 0..1: Wilson's interval with the
 * effective number of images. This is the number of single rows whose mean would have the same variance. The variance
 * is estimated with two images added at 0 and two at 1, so that equal values keep a width. The effective number is at
 * least n, the number for values of 0 and 1, and at most n_rows. Equals Wilson's interval if every value is 0 or 1.
 * n >= 1. Source: Wilson 1927; effective sample sizes: Korn & Graubard 1998; the added images: Agresti & Coull 1998.
 */
reshift_interval interval_of_shares(const double *values, int64_t step, int64_t n, int64_t n_rows);

/**
 * The 95 % interval of the mean of n differences in -1..1, clipped to -1..1. n >= 1. If every value is -1, 0 or 1 (one
 * row per image on both sides): Bonett & Price 2012, Wald's interval with one image added at -1 and one at 1. Otherwise
 * Student's interval of the mean, at least as wide as Bonett & Price's of n images without differences.
 */
reshift_interval interval_of_differences(const double *values, int64_t step, int64_t n);

/** True if the interval excludes 0. */
bool interval_is_clear(const reshift_interval *interval);

/** Wilson's interval of a fraction; the number of images need not be an integer. */
reshift_interval interval_of_wilson(double share, double n);

#endif
