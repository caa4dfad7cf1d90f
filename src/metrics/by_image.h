/*
 * Intervals of means over images, where an image has one value: the share of its rows that are right, or the
 * difference of two such shares. The rows of an image (its versions under several severities or corruptions) never
 * count as independent.
 */
#ifndef METRICS_BY_IMAGE_H
#define METRICS_BY_IMAGE_H

#include "reshift/evaluation.h"

/**
 * The 95 % interval of the mean of n shares, values[0], values[step], ... in 0..1: Wilson's interval with the effective
 * number of images. That number is the n of single rows whose variance the mean has, estimated with two images added at
 * 0 and two at 1 (so that equal values keep a width), at least n of 0s and 1s and at most n_rows. Exactly Wilson's
 * interval where every value is 0 or 1. n >= 1.
 * Source: Wilson 1927; effective sample sizes: Korn & Graubard 1998; the added images: Agresti & Coull 1998.
 */
reshift_interval interval_of_shares(const double *values, int64_t step, int64_t n, int64_t n_rows);

/**
 * The 95 % interval of the mean of n differences in -1..1, cut to -1..1. n >= 1. Where every value is -1, 0 or 1 (one
 * row an image on both sides): Bonett & Price 2012, Wald's interval with one image added at -1 and one at 1. Else
 * Student's interval of the mean, and never narrower than Bonett & Price's of n images none of which differs.
 */
reshift_interval interval_of_differences(const double *values, int64_t step, int64_t n);

/** The interval excludes 0. */
bool interval_is_clear(const reshift_interval *interval);

/** Wilson's interval of a share of a number of images that need not be whole. */
reshift_interval interval_of_wilson(double share, double n);

#endif
