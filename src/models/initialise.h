/* Values that training starts from: as torchvision initialises its residual networks, from our own keyed draws. */
#ifndef MODELS_INITIALISE_H
#define MODELS_INITIALISE_H

#include "network/network.h"

/**
 * Every parameter: convolutions N(0, 2/(channels_out kernel^2)) (Kaiming normal, fan-out, He et al. 2015), batch norm 1
 * and 0 with running mean 0 and variance 1, linear layers U(-1/sqrt(D), 1/sqrt(D)) for weight and bias. A parameter's
 * draws are named by seed and its own name, so they depend on no other parameter, nor on the thread count.
 */
void initialise_network(network *n, uint64_t seed);

/** Only the parameters of this node. */
void initialise_node(network *n, int node, uint64_t seed);

#endif
