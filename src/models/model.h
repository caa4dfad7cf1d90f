/* The inside of a model for the rooms above: its network. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "engine/network.h"
#include "reshift/model.h"

network *model_network(const reshift_model *model);

#endif
