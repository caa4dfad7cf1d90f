/*
 * The optimiser of a network's parameters, run by the back end that computes the gradients, where they are. Several
 * plans of the network share it: one for each batch size.
 */
#ifndef ENGINE_PLAN_OPTIMISER_H
#define ENGINE_PLAN_OPTIMISER_H

#include "engine/plan.h"
#include "kernels/optimiser.h"

typedef struct plan_optimiser plan_optimiser;

/**
 * parameters  [count] of `n`, each with its learning rate; the network outlives the optimiser
 * device      as in plan_options: of all plans that it will be used with
 * Errors MEMORY, NOT_FOUND (no such device). The caller destroys *out.
 */
reshift_status plan_optimiser_create(network *n, const char *device, const optimiser_rule *rule, const int *parameters,
                                     const double *rates, int count, plan_optimiser **out, reshift_error *error);
void plan_optimiser_destroy(plan_optimiser **o);

/**
 * One step at `factor` times the rates, along the gradients of p's last plan_backward(); every plan of the network
 * computes with the new values from its next forward pass on. The network's values are current after
 * plan_synchronise(). Errors: INTERNAL (p computes no gradient of a parameter; the device).
 */
reshift_status plan_optimiser_step(plan_optimiser *o, plan *p, double factor, reshift_error *error);
/** Another rate for the i-th parameter, from the next step on. */
void plan_optimiser_set_rate(plan_optimiser *o, int i, double learning_rate);

/**
 * State as host memory: span i belongs to the i-th parameter. Number of steps, rates and names are always current; the
 * values are after plan_optimiser_read(), and take effect with plan_optimiser_write(). With both, a state that is saved
 * and restored continues with the same bits.
 */
optimiser *plan_optimiser_host(plan_optimiser *o);
reshift_status plan_optimiser_read(plan_optimiser *o, reshift_error *error);
reshift_status plan_optimiser_write(plan_optimiser *o, reshift_error *error);

#endif
