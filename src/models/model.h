/* The inside of a model for the rooms above: its network. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "network/network.h"
#include "reshift/model.h"

/**
 * The model's network; the model's property. A head with another number of classes makes a new network: plans of the
 * old one are destroyed before reshift_model_set_head(), reshift_model_load_head() or reshift_model_reset_head().
 */
network *model_network(const reshift_model *model);

/** OK where the network has a last layer; else SHAPE, saying so, with a hint. Whoever wants classes asks this first. */
reshift_status model_need_head(const reshift_model *model, reshift_error *error);

#endif
