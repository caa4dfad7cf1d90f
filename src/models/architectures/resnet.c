/*
 * Table, graph and detection of residual networks. Detection collects what the names say (how many residual blocks each
 * layer has, whether they have a third convolution) and what two kinds of shapes say (the stem's kernel, the width of
 * each layer), and looks for the one row of the table that fits.
 */
#include "models/architectures/resnet.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define EXPANSION 4 /* of a bottleneck */
#define IMAGENET_CLASSES 1000

/* resnet-demo is the embedded demo's: an eight-convolution network for 32x32 images, 16 million multiply-adds each. */
static const resnet_arch table[] = {
    {"resnet18", false, {2, 2, 2, 2}, {64, 128, 256, 512}, 64, 7, 224, false},
    {"resnet34", false, {3, 4, 6, 3}, {64, 128, 256, 512}, 64, 7, 224, false},
    {"resnet50", true, {3, 4, 6, 3}, {64, 128, 256, 512}, 64, 7, 224, true},
    {"resnet101", true, {3, 4, 23, 3}, {64, 128, 256, 512}, 64, 7, 224, true},
    {"resnet152", true, {3, 8, 36, 3}, {64, 128, 256, 512}, 64, 7, 224, true},
    {"resnet-demo", false, {1, 1, 1, 1}, {16, 32, 64, 128}, 16, 3, 32, false},
};
#define N_ARCHS ((int)(sizeof table / sizeof table[0]))

const char *const *resnet_blocks(void)
{
    static const char *const blocks[] = {"conv1", "layer1", "layer2", "layer3", "layer4", "fc", NULL};
    return blocks;
}

const resnet_arch *resnet_table(int *count)
{
    *count = N_ARCHS;
    return table;
}

reshift_status resnet_find(const char *name, const resnet_arch **arch, reshift_error *error)
{
    for (int a = 0; a < N_ARCHS; a++) {
        if (!strcmp(table[a].name, name)) {
            *arch = &table[a];
            return RESHIFT_OK;
        }
    }
    error_set(error, RESHIFT_ERROR_ARGUMENT, "unknown architecture '%s'", name);
    error_hint(error, "known are resnet18, resnet34, resnet50, resnet101, resnet152 and resnet-demo");
    return RESHIFT_ERROR_ARGUMENT;
}

int resnet_n_features(const resnet_arch *arch)
{
    return arch->widths[RESNET_LAYERS - 1] * (arch->bottleneck ? EXPANSION : 1);
}

/* ---- the graph ---- */

/* A graph under construction. Names below a residual block get its name in front. graph_add_* pass a -1 on. */
typedef struct builder {
    graph *g;
    char block[GRAPH_NAME_BYTES / 2];
} builder;

static const char *full_name(const builder *b, const char *part, char name[GRAPH_NAME_BYTES])
{
    snprintf(name, GRAPH_NAME_BYTES, "%s%s%s", b->block, *b->block ? "." : "", part);
    return name;
}

/* Convolution and batch norm; padding keeps the size at stride 1. */
static int add_conv_bn(builder *b, const char *conv, const char *bn, int input, int channels, int kernel, int stride)
{
    char name[GRAPH_NAME_BYTES];
    int node = graph_add_conv(b->g, full_name(b, conv, name), input, channels, graph_square(kernel, stride, kernel / 2));
    return graph_add_batchnorm(b->g, full_name(b, bn, name), node);
}

static int add_relu(builder *b, const char *part, int input)
{
    char name[GRAPH_NAME_BYTES];
    return graph_add_relu(b->g, full_name(b, part, name), input);
}

static int add_residual_block(builder *b, const resnet_arch *arch, int input, int width, int stride)
{
    char name[GRAPH_NAME_BYTES];
    int channels = arch->bottleneck ? width * EXPANSION : width, shortcut = input, node;
    if (input >= 0 && (stride != 1 || b->g->nodes[input].channels_out != channels)) {
        shortcut = add_conv_bn(b, "downsample.0", "downsample.1", input, channels, 1, stride);
    }
    if (arch->bottleneck) {
        node = add_relu(b, "relu1", add_conv_bn(b, "conv1", "bn1", input, width, 1, 1));
        node = add_relu(b, "relu2", add_conv_bn(b, "conv2", "bn2", node, width, 3, stride));
        node = add_conv_bn(b, "conv3", "bn3", node, channels, 1, 1);
    } else {
        node = add_relu(b, "relu1", add_conv_bn(b, "conv1", "bn1", input, width, 3, stride));
        node = add_conv_bn(b, "conv2", "bn2", node, width, 3, 1);
    }
    node = graph_add_add(b->g, full_name(b, "add", name), node, shortcut);
    return add_relu(b, "relu", node);
}

reshift_status resnet_graph(const resnet_arch *arch, int n_classes, graph **g, reshift_error *error)
{
    builder b = {.g = graph_create()};
    reshift_status status = RESHIFT_OK;
    int node = -1;
    *g = NULL;
    if (!b.g) {
        return error_memory(error, sizeof(graph), "the network's graph");
    }
    if ((status = graph_begin_block(b.g, resnet_blocks()[0], error)) != RESHIFT_OK) {
        goto failed;
    }
    node = graph_add_input(b.g, 3);
    node = add_relu(
        &b, "relu",
        add_conv_bn(&b, "conv1", "bn1", node, arch->stem_channels, arch->stem_kernel, arch->stem_kernel == 7 ? 2 : 1));
    if (arch->stem_kernel == 7) {
        node = graph_add_maxpool(b.g, "maxpool", node, graph_square(3, 2, 1));
    }
    for (int layer = 0; layer < RESNET_LAYERS; layer++) {
        const char *name = resnet_blocks()[1 + layer];
        if ((status = graph_begin_block(b.g, name, error)) != RESHIFT_OK) {
            goto failed;
        }
        for (int block = 0; block < arch->blocks[layer]; block++) {
            snprintf(b.block, sizeof b.block, "%s.%d", name, block);
            node = add_residual_block(&b, arch, node, arch->widths[layer], layer > 0 && block == 0 ? 2 : 1);
        }
    }
    node = graph_add_global_avgpool(b.g, "avgpool", node);
    if ((status = graph_begin_block(b.g, resnet_blocks()[1 + RESNET_LAYERS], error)) != RESHIFT_OK) {
        goto failed;
    }
    if (graph_add_linear(b.g, "fc", node, n_classes) < 0) {
        status = error_set(error, RESHIFT_ERROR_MEMORY, "out of memory for the network's graph");
        goto failed;
    }
    *g = b.g;
    return RESHIFT_OK;
failed:
    graph_destroy(&b.g);
    return status;
}

/* ---- detection ---- */

/* What the tensors of a checkpoint look like; zero where nothing was found. */
typedef struct outline {
    int blocks[RESNET_LAYERS], widths[RESNET_LAYERS];
    bool bottleneck;
    int stem_kernel;
} outline;

static int64_t extent(const reshift_array *array, int dimension)
{
    return array && dimension < array->n_dims ? array->shape[dimension] : 0;
}

static int to_int(int64_t value) { return value > 0 && value <= INT_MAX ? (int)value : 0; }

/* "layer3.5.conv2.weight" -> 2, 5, "conv2.weight"; false for every other name. */
static bool split_name(const char *name, int *layer, int *block, const char **rest)
{
    int end = 0;
    if (sscanf(name, "layer%1d.%4d.%n", layer, block, &end) != 2 || !end || *layer < 1 || *layer > RESNET_LAYERS ||
        *block < 0) {
        return false;
    }
    *layer -= 1;
    *rest = name + end;
    return true;
}

/* Of the tensors whose names begin with `prefix`. */
static outline outline_of(const reshift_tensors *tensors, const char *prefix)
{
    outline found = {0};
    char stem[512];
    size_t length = strlen(prefix);
    for (int64_t t = 0; t < reshift_tensors_count(tensors); t++) {
        const reshift_array *array = reshift_tensors_at(tensors, t);
        int layer, block;
        const char *part;
        const char *name = reshift_tensors_name(tensors, t);
        if (strncmp(name, prefix, length) != 0 || !split_name(name + length, &layer, &block, &part)) {
            continue;
        }
        if (block >= found.blocks[layer]) {
            found.blocks[layer] = block + 1;
        }
        if (!strcmp(part, "conv3.weight")) {
            found.bottleneck = true;
        }
        /* The first batch norm has the width in every kind of block; the first block speaks for its layer. */
        if (!found.widths[layer] && (!strcmp(part, "conv1.weight") || !strcmp(part, "bn1.weight"))) {
            found.widths[layer] = to_int(extent(array, 0));
        }
    }
    snprintf(stem, sizeof stem, "%sconv1.weight", prefix);
    found.stem_kernel = to_int(extent(reshift_tensors_find(tensors, stem), 3));
    return found;
}

static bool fits(const resnet_arch *arch, const outline *found)
{
    for (int layer = 0; layer < RESNET_LAYERS; layer++) {
        if (arch->blocks[layer] != found->blocks[layer] || arch->widths[layer] != found->widths[layer]) {
            return false;
        }
    }
    return arch->bottleneck == found->bottleneck && (!found->stem_kernel || arch->stem_kernel == found->stem_kernel);
}

static reshift_status refuse(const reshift_tensors *tensors, const outline *found, reshift_error *error)
{
    static const char family[] = "not a residual network of torchvision's family";
    const reshift_status code = RESHIFT_ERROR_UNSUPPORTED;
    int layers = 0;
    while (layers < RESNET_LAYERS && found->blocks[layers]) {
        layers++;
    }
    char blocks[64] = "", widths[64] = "";
    for (int layer = 0; layer < layers; layer++) {
        size_t b = strlen(blocks), w = strlen(widths);
        snprintf(blocks + b, sizeof blocks - b, "%s%d", layer ? ", " : "", found->blocks[layer]);
        snprintf(widths + w, sizeof widths - w, "%s%d", layer ? ", " : "", found->widths[layer]);
    }
    const char *kind = found->bottleneck ? "bottleneck" : "basic";
    if (reshift_tensors_count(tensors) == 0) {
        error_set(error, code, "%s: there is no tensor in it", family);
    } else if (layers == 0) {
        error_set(error, code, "%s: no tensor 'layer1.0.conv1.weight', the first one is called '%.100s'", family,
                  reshift_tensors_name(tensors, 0));
    } else if (layers < RESNET_LAYERS) {
        error_set(error, code, "%s: expected layer1 to layer4, found %s%d (%s residual blocks: %s; channels: %s)%s",
                  family, layers > 1 ? "layer1 to layer" : "layer", layers, kind, blocks, widths,
                  reshift_tensors_find(tensors, "fc.weight") ? "" : " and no 'fc.weight'");
    } else {
        error_set(error, code, "%s: %s residual blocks %s of %s channels behind a %dx%d convolution are none of them",
                  family, kind, blocks, widths, found->stem_kernel, found->stem_kernel);
    }
    error_hint(error, "weights of resnet18, 34, 50, 101, 152 and resnet-demo can be read; 'reshift inspect FILE' lists "
                      "the tensors");
    return code;
}

reshift_status resnet_detect(const reshift_tensors *tensors, const resnet_arch **arch, int *n_classes,
                             reshift_error *error)
{
    outline found = outline_of(tensors, "");
    for (int a = 0; a < N_ARCHS; a++) {
        if (fits(&table[a], &found)) {
            const reshift_array *fc = reshift_tensors_find(tensors, "fc.weight");
            bool own = extent(fc, 1) == resnet_n_features(&table[a]) && to_int(extent(fc, 0));
            *arch = &table[a];
            *n_classes = own ? to_int(extent(fc, 0)) : IMAGENET_CLASSES;
            return RESHIFT_OK;
        }
    }
    return refuse(tensors, &found, error);
}

bool resnet_fits_below(const reshift_tensors *tensors, const char *prefix, int *n_features)
{
    outline found = outline_of(tensors, prefix);
    for (int a = 0; a < N_ARCHS; a++) {
        if (fits(&table[a], &found)) {
            *n_features = resnet_n_features(&table[a]);
            return true;
        }
    }
    return false;
}
