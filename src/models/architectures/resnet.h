/*
 * The residual networks reshift knows, as rows of a table, and their graphs with torchvision's names. A checkpoint's
 * row is told by the names and shapes of its tensors.
 */
#ifndef MODELS_ARCHITECTURES_RESNET_H
#define MODELS_ARCHITECTURES_RESNET_H

#include "network/graph.h"
#include "reshift/tensors.h"

#define RESNET_LAYERS 4

/** One architecture. He et al. 2016; the stride of a bottleneck sits on its 3x3 convolution, as in torchvision. */
typedef struct resnet_arch {
    const char *name;
    bool bottleneck;           /* 1x1, 3x3, 1x1 to four times the width; else 3x3, 3x3 */
    int blocks[RESNET_LAYERS]; /* residual blocks of layer1 to layer4 */
    int widths[RESNET_LAYERS]; /* channels of a block's first convolution */
    int stem_channels;
    int stem_kernel; /* 7: stride 2 and a 3x3 max pool of stride 2 behind it; 3: stride 1, no pool */
    int input_size;  /* that its recipe begins with */
    bool has_v2;     /* torchvision publishes V2 weights */
} resnet_arch;

/** The blocks of every graph, in their order; static, ends with NULL. */
const char *const *resnet_blocks(void);
/** The table; *count rows, static. */
const resnet_arch *resnet_table(int *count);
/** A row by name. Errors: ARGUMENT, with the known names as hint. */
reshift_status resnet_find(const char *name, const resnet_arch **arch, reshift_error *error);
/** Features D of the global average pool. */
int resnet_n_features(const resnet_arch *arch);

/**
 * The graph: blocks "conv1", "layer1" to "layer4", "fc"; inputs of 32x32 and more. In a block with a downsample branch
 * that branch comes first, so that its input can go early and the sum can be fused into the last convolution.
 * Errors: MEMORY. The caller destroys *g.
 */
reshift_status resnet_graph(const resnet_arch *arch, int n_classes, graph **g, reshift_error *error);

/**
 * Tells the architecture of a checkpoint (names unwrapped) and its number of classes. A single tensor that is missing
 * or of a wrong shape does not lead it astray: saying so is a matter of weights.h. Where fc.weight does not have the
 * network's features, *n_classes is ImageNet's 1000. Errors: UNSUPPORTED, with what the tensors look like.
 */
reshift_status resnet_detect(const reshift_tensors *tensors, const resnet_arch **arch, int *n_classes,
                             reshift_error *error);

/** Whether the tensors whose names begin with `prefix` look like an architecture of the table, and how many features it has. */
bool resnet_fits_below(const reshift_tensors *tensors, const char *prefix, int *n_features);

#endif
