/*
 * How large activations get: what int8 needs to know about a network before it can run in it. Images pass through in
 * float32; of every result that int8 keeps, magnitudes are counted, and its channels get the ranges that lose least.
 */
#ifndef ENGINE_CALIBRATE_H
#define ENGINE_CALIBRATE_H

#include "engine/plan.h"

typedef struct calibration calibration;

/** Keeps a pointer to `n`. Errors: MEMORY. */
reshift_status calibration_create(network *n, calibration **out, reshift_error *error);
void calibration_destroy(calibration **c);
/** A plan_watcher; `context` is the calibration. The counts do not depend on the number of threads. */
void calibration_watch(void *context, int node, const float *values, int64_t rows, int channels);
/**
 * Sets the network's ranges. Rounding to L levels (255 for results that are never negative, 127 otherwise) within a
 * range r errs by r^2/(12 L^2) in the mean square, and a value beyond r by its distance; zeros are exact. The range of
 * one channel alone that makes the sum of both least says how wide it is, w. A channel's range is then k sqrt(w
 * max(w)), the maximum over the channels: half way, in octaves, between a unit for all channels, which wastes levels of
 * narrow ones, and a unit a channel, which wastes levels of the next weights, whose rows carry these units. k makes the
 * error over all channels least. Results that are summed (a layer's blocks) share w, the largest, and have a k each.
 * Errors: NUMERIC (a value that is not finite, naming the node), MEMORY.
 */
reshift_status calibration_finish(const calibration *c, reshift_error *error);

#endif
