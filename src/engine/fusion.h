/*
 * Which nodes are one step: what a convolution takes along. The batch norm with fixed statistics that reads it, the
 * ReLU after that, and the residual sum between the two, written over the shortcut, which nobody reads afterwards. Only
 * where nothing upstream is trained: a backward pass needs the results in between.
 */
#ifndef ENGINE_FUSION_H
#define ENGINE_FUSION_H

#include "engine/plan_inside.h"

/* Nodes, -1: none. */
typedef struct fusion {
    int norm, add, relu, shortcut;
    int end; /* node whose result the convolution gives */
} fusion;

/**
 * What `conv` takes along; those nodes are marked by fused_into. Nodes before `conv` must have their storage numbers in
 * p->nodes[].result: the shortcut is overwritten only where its storage is neither `input` (the caller's; -1: none) nor
 * the one that the convolution reads.
 */
fusion fusion_find(plan *p, int conv, int input);
/** The one node of the plan that reads `node`, -1 where there are none or several; the last that does, -1: none. */
int plan_only_reader(const plan *p, int node);
int plan_last_reader(const plan *p, int node);

#endif
