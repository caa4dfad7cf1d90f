/*
 * Residual networks with torchvision's names: He et al. 2016 (the stride of a bottleneck is on its 3x3 convolution, as
 * in torchvision), Xie et al. 2017 (ResNeXt: the 3x3 convolution in groups), Zagoruyko & Komodakis 2016 (wide: more
 * channels inside a bottleneck). Detection collects what the names say (residual blocks of each layer, a third
 * convolution) and what shapes say (stem's kernel, width, groups, output channels), and looks for the row that fits.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "models/architectures/architecture.h"

#define LAYERS 4
#define EXPANSION 4 /* of a bottleneck */

typedef struct shape {
    bool bottleneck;    /* 1x1, 3x3, 1x1 to four times the planes; else 3x3, 3x3 */
    int blocks[LAYERS]; /* residual blocks of layer1 to layer4 */
    int planes;         /* of layer1, and channels of the stem; each later layer has twice as many */
    int groups,
        group_width; /* of a bottleneck's 3x3 convolution: groups x group_width channels in layer1 for 64 planes */
    int stem_kernel; /* 7: stride 2, followed by a 3x3 max pool of stride 2; 3: stride 1, no pool */
} shape;

/* Layers of basic blocks or bottlenecks behind ImageNet's stem. */
#define BASIC(...) (&(const shape){false, {__VA_ARGS__}, 64, 1, 64, 7})
#define BOTTLENECK(groups, group_width, ...) (&(const shape){true, {__VA_ARGS__}, 64, groups, group_width, 7})

#define FAMILY "residual network of torchvision's family"
#define FIRST_TENSOR "layer1.0.conv1.weight"
#define HEAD "fc"
static const char *const blocks[] = {"conv1", "layer1", "layer2", "layer3", "layer4", HEAD, NULL};
static const char *const trunk[] = {"conv1.", "bn1.", "layer", NULL};

#define ROW(name, title, shape, size, ...)                                                                             \
    {                                                                                                                  \
        name, title, &family_resnet, shape, blocks, size, __VA_ARGS__                                                  \
    }

/* resnet-demo is the embedded demo's: an eight-convolution network for 32x32 images, 16 million multiply-adds each. */
static const architecture rows[] = {
    ROW("resnet18", "ResNet-18", BASIC(2, 2, 2, 2), 224, {256, 232},
        {{"69.76 % top-1", {"resnet18-f37072fd.pth", "resnet18-5c106cde.pth"}}}),
    ROW("resnet34", "ResNet-34", BASIC(3, 4, 6, 3), 224, {256, 232},
        {{"73.31 % top-1", {"resnet34-b627a593.pth", "resnet34-333f7ec4.pth"}}}),
    ROW("resnet50", "ResNet-50", BOTTLENECK(1, 64, 3, 4, 6, 3), 224, {256, 232},
        {{"76.13 % top-1", {"resnet50-0676ba61.pth", "resnet50-19c8e357.pth"}},
         {"80.86 % top-1", {"resnet50-11ad3fa6.pth"}}}),
    ROW("resnet101", "ResNet-101", BOTTLENECK(1, 64, 3, 4, 23, 3), 224, {256, 232},
        {{"77.37 % top-1", {"resnet101-63fe2227.pth", "resnet101-5d3b4d8f.pth"}},
         {"81.89 % top-1", {"resnet101-cd907fc2.pth"}}}),
    ROW("resnet152", "ResNet-152", BOTTLENECK(1, 64, 3, 8, 36, 3), 224, {256, 232},
        {{"78.31 % top-1", {"resnet152-394f9c45.pth", "resnet152-b121ed2d.pth"}},
         {"82.28 % top-1", {"resnet152-f82ba261.pth"}}}),
    ROW("resnext50_32x4d", "ResNeXt-50 32x4d", BOTTLENECK(32, 4, 3, 4, 6, 3), 224, {256, 232},
        {{"77.62 % top-1", {"resnext50_32x4d-7cdf4587.pth"}}, {"81.20 % top-1", {"resnext50_32x4d-1a0047aa.pth"}}}),
    ROW("resnext101_32x8d", "ResNeXt-101 32x8d", BOTTLENECK(32, 8, 3, 4, 23, 3), 224, {256, 232},
        {{"79.31 % top-1", {"resnext101_32x8d-8ba56ff5.pth"}}, {"82.83 % top-1", {"resnext101_32x8d-110c445d.pth"}}}),
    ROW("resnext101_64x4d", "ResNeXt-101 64x4d", BOTTLENECK(64, 4, 3, 4, 23, 3), 224, {232, 232},
        {{"83.25 % top-1", {"resnext101_64x4d-173b62eb.pth"}}}),
    ROW("wide_resnet50_2", "Wide ResNet-50-2", BOTTLENECK(1, 128, 3, 4, 6, 3), 224, {256, 232},
        {{"78.47 % top-1", {"wide_resnet50_2-95faca4d.pth"}}, {"81.60 % top-1", {"wide_resnet50_2-9ba9bcbe.pth"}}}),
    ROW("wide_resnet101_2", "Wide ResNet-101-2", BOTTLENECK(1, 128, 3, 4, 23, 3), 224, {256, 232},
        {{"78.85 % top-1", {"wide_resnet101_2-32ee1156.pth"}}, {"82.51 % top-1", {"wide_resnet101_2-d733dc28.pth"}}}),
    ROW("resnet-demo", "the demo's network", (&(const shape){false, {1, 1, 1, 1}, 16, 1, 64, 3}), 32, {32, 32},
        {{NULL, {NULL}}}),
};
#define N_ROWS ((int)(sizeof rows / sizeof *rows))

static int planes_of(const shape *s, int layer) { return s->planes << layer; }
/* Channels of a block's first convolution; of a bottleneck's first two. */
static int width_of(const shape *s, int layer) { return planes_of(s, layer) * s->group_width / 64 * s->groups; }
static int outputs_of(const shape *s, int layer) { return planes_of(s, layer) * (s->bottleneck ? EXPANSION : 1); }

static int n_features(const architecture *arch) { return outputs_of(arch->shape, LAYERS - 1); }

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

/* Convolution in groups and batch norm; padding keeps the size at stride 1. */
static int add_grouped_bn(builder *b, const char *conv, const char *bn, int input, int channels, int kernel, int stride,
                          int groups)
{
    char name[GRAPH_NAME_BYTES];
    graph_window window = graph_square(kernel, stride, kernel / 2);
    window.groups = groups;
    int node = graph_add_conv(b->g, full_name(b, conv, name), input, channels, window);
    return graph_add_batchnorm(b->g, full_name(b, bn, name), node);
}

static int add_conv_bn(builder *b, const char *conv, const char *bn, int input, int channels, int kernel, int stride)
{
    return add_grouped_bn(b, conv, bn, input, channels, kernel, stride, 1);
}

static int add_relu(builder *b, const char *part, int input)
{
    char name[GRAPH_NAME_BYTES];
    return graph_add_relu(b->g, full_name(b, part, name), input);
}

/*
 * In a block with a downsample branch that branch comes first, so that its input can be freed early and the sum can be
 * fused into the last convolution.
 */
static int add_residual_block(builder *b, const shape *s, int layer, int input, int stride)
{
    char name[GRAPH_NAME_BYTES];
    const int width = width_of(s, layer), channels = outputs_of(s, layer);
    int shortcut = input, node;
    if (input >= 0 && (stride != 1 || b->g->nodes[input].channels_out != channels)) {
        shortcut = add_conv_bn(b, "downsample.0", "downsample.1", input, channels, 1, stride);
    }
    if (s->bottleneck) {
        node = add_relu(b, "relu1", add_conv_bn(b, "conv1", "bn1", input, width, 1, 1));
        node = add_relu(b, "relu2", add_grouped_bn(b, "conv2", "bn2", node, width, 3, stride, s->groups));
        node = add_conv_bn(b, "conv3", "bn3", node, channels, 1, 1);
    } else {
        node = add_relu(b, "relu1", add_conv_bn(b, "conv1", "bn1", input, width, 3, stride));
        node = add_conv_bn(b, "conv2", "bn2", node, width, 3, 1);
    }
    node = graph_add_add(b->g, full_name(b, "add", name), node, shortcut);
    return add_relu(b, "relu", node);
}

/* Inputs of 32x32 and more. */
static reshift_status build(const architecture *arch, int n_classes, graph **g, reshift_error *error)
{
    const shape *s = arch->shape;
    builder b = {.g = graph_create()};
    reshift_status status = RESHIFT_OK;
    int node = -1;
    *g = NULL;
    if (!b.g) {
        return error_memory(error, sizeof(graph), "the network's graph");
    }
    if ((status = graph_begin_block(b.g, blocks[0], error)) != RESHIFT_OK) {
        goto failed;
    }
    const bool imagenet = s->stem_kernel == 7;
    node = graph_add_input(b.g, 3);
    node = add_relu(&b, "relu", add_conv_bn(&b, "conv1", "bn1", node, s->planes, s->stem_kernel, imagenet ? 2 : 1));
    if (imagenet) {
        node = graph_add_maxpool(b.g, "maxpool", node, graph_square(3, 2, 1));
    }
    for (int layer = 0; layer < LAYERS; layer++) {
        const char *name = blocks[1 + layer];
        if ((status = graph_begin_block(b.g, name, error)) != RESHIFT_OK) {
            goto failed;
        }
        for (int block = 0; block < s->blocks[layer]; block++) {
            snprintf(b.block, sizeof b.block, "%s.%d", name, block);
            node = add_residual_block(&b, s, layer, node, layer > 0 && block == 0 ? 2 : 1);
        }
    }
    node = graph_add_global_avgpool(b.g, "avgpool", node);
    if ((status = graph_begin_block(b.g, blocks[1 + LAYERS], error)) != RESHIFT_OK) {
        goto failed;
    }
    if (graph_add_linear(b.g, HEAD, node, n_classes) < 0) {
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
    int blocks[LAYERS], widths[LAYERS], outputs[LAYERS];
    bool bottleneck;
    int groups, stem_kernel;
} outline;

static int64_t extent(const reshift_array *array, int dimension)
{
    return array && dimension < array->n_dims ? array->shape[dimension] : 0;
}

/* 0 where the extent is none that a network can have. */
static int to_int(int64_t value) { return value > 0 && value <= INT_MAX ? (int)value : 0; }

/* "layer3.5.conv2.weight" -> 2, 5, "conv2.weight"; false for every other name. */
static bool split_name(const char *name, int *layer, int *block, const char **rest)
{
    int end = 0;
    if (sscanf(name, "layer%1d.%4d.%n", layer, block, &end) != 2 || !end || *layer < 1 || *layer > LAYERS ||
        *block < 0) {
        return false;
    }
    *layer -= 1;
    *rest = name + end;
    return true;
}

/* Of the tensors whose names begin with `prefix`. The first block of a layer that has a tensor decides. */
static outline outline_of(const reshift_tensors *tensors, const char *prefix)
{
    outline found = {0};
    int conv3[LAYERS] = {0}, bn3[LAYERS] = {0}, majority = 0;
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
            conv3[layer] = conv3[layer] ? conv3[layer] : to_int(extent(array, 0));
        }
        if (!strcmp(part, "bn3.weight") && !bn3[layer]) {
            bn3[layer] = to_int(extent(array, 0));
        }
        if (!strcmp(part, "conv2.weight") &&
            extent(array, 1) > 0) { /* majority vote: one wrong shape does not decide */
            const int groups = to_int(extent(array, 0) / extent(array, 1));
            found.groups = majority ? found.groups : groups;
            majority += groups == found.groups ? 1 : -1;
        }
        /* The first batch norm has the width in every kind of block. */
        if (!found.widths[layer] && (!strcmp(part, "conv1.weight") || !strcmp(part, "bn1.weight"))) {
            found.widths[layer] = to_int(extent(array, 0));
        }
    }
    for (int layer = 0; layer < LAYERS; layer++) { /* one tensor of a wrong shape does not decide */
        found.outputs[layer] = conv3[layer] == bn3[layer] ? bn3[layer] : 0;
    }
    snprintf(stem, sizeof stem, "%sconv1.weight", prefix);
    found.stem_kernel = to_int(extent(reshift_tensors_find(tensors, stem), 3));
    return found;
}

static bool fits(const shape *s, const outline *found)
{
    for (int layer = 0; layer < LAYERS; layer++) {
        if (s->blocks[layer] != found->blocks[layer] || width_of(s, layer) != found->widths[layer] ||
            (found->outputs[layer] && outputs_of(s, layer) != found->outputs[layer])) {
            return false;
        }
    }
    return s->bottleneck == found->bottleneck && (!found->stem_kernel || s->stem_kernel == found->stem_kernel) &&
           (!found->groups || s->groups == found->groups);
}

static const architecture *detect(const reshift_tensors *tensors, const char *prefix)
{
    const outline found = outline_of(tensors, prefix);
    for (int row = 0; row < N_ROWS; row++) {
        if (fits(rows[row].shape, &found)) {
            return &rows[row];
        }
    }
    return NULL;
}

static reshift_status refuse(const reshift_tensors *tensors, reshift_error *error)
{
    static const char family[] = "not a " FAMILY;
    const reshift_status code = RESHIFT_ERROR_UNSUPPORTED;
    const outline found = outline_of(tensors, "");
    int layers = 0;
    while (layers < LAYERS && found.blocks[layers]) {
        layers++;
    }
    char counts[64] = "", widths[64] = "", groups[32] = "";
    for (int layer = 0; layer < layers; layer++) {
        size_t c = strlen(counts), w = strlen(widths);
        snprintf(counts + c, sizeof counts - c, "%s%d", layer ? ", " : "", found.blocks[layer]);
        snprintf(widths + w, sizeof widths - w, "%s%d", layer ? ", " : "", found.widths[layer]);
    }
    if (found.groups > 1) {
        snprintf(groups, sizeof groups, " in %d groups", found.groups);
    }
    const char *kind = found.bottleneck ? "bottleneck" : "basic";
    if (reshift_tensors_count(tensors) == 0) {
        return error_set(error, code, "%s: there is no tensor in it", family);
    }
    if (layers == 0) {
        return error_set(error, code, "%s: no tensor '" FIRST_TENSOR "', the first one is called '%.100s'", family,
                         reshift_tensors_name(tensors, 0));
    }
    if (layers < LAYERS) {
        return error_set(error, code,
                         "%s: expected layer1 to layer4, found %s%d (%s residual blocks: %s; channels: %s%s)%s", family,
                         layers > 1 ? "layer1 to layer" : "layer", layers, kind, counts, widths, groups,
                         reshift_tensors_find(tensors, HEAD ".weight") ? "" : " and no '" HEAD ".weight'");
    }
    return error_set(error, code,
                     "%s: %s residual blocks %s of %s channels%s behind a %dx%d convolution are none of them", family,
                     kind, counts, widths, groups, found.stem_kernel, found.stem_kernel);
}

const architecture_family family_resnet = {
    .name = FAMILY,
    .rows = rows,
    .n_rows = N_ROWS,
    .head = HEAD,
    .first_tensor = FIRST_TENSOR,
    .trunk = trunk,
    .address = "https://download.pytorch.org/models/",
    .detect = detect,
    .n_features = n_features,
    .build = build,
    .refuse = refuse,
};
