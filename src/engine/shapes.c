/* The table of shapes. Sizes of torchvision's models at 224 x 224, of CIFAR networks at 32 x 32. */
#include "engine/shapes.h"

#include "network/ops.h"

/* Window of kernel k, stride s and padding p on all sides, d: dilation, g: groups, b: bias. */
#define WINDOW(k, s, p, d, g, b)                                                                                       \
    {                                                                                                                  \
        .kernel = {k, k}, .stride = {s, s}, .padding = {p, p, p, p}, .dilation = {d, d}, .groups = g, .bias = b        \
    }
#define CONV(name, in, out, side, ...)                                                                                 \
    {                                                                                                                  \
        name, GRAPH_CONV, in, out, side, side, WINDOW(__VA_ARGS__)                                                     \
    }
#define PLAIN(name, op, in, out, side)                                                                                 \
    {                                                                                                                  \
        name, op, in, out, side, side, WINDOW(1, 1, 0, 1, 1, false)                                                    \
    }

static const engine_shape shapes[] = {
    CONV("ResNet stem 7x7/2", 3, 64, 224, 7, 2, 3, 1, 1, false),
    CONV("ResNet-18 layer1 3x3", 64, 64, 56, 3, 1, 1, 1, 1, false),
    CONV("ResNet-18 layer2 3x3/2", 64, 128, 56, 3, 2, 1, 1, 1, false),
    CONV("ResNet-18 layer2 shortcut 1x1/2", 64, 128, 56, 1, 2, 0, 1, 1, false),
    CONV("ResNet-18 layer4 3x3", 512, 512, 7, 3, 1, 1, 1, 1, false),
    CONV("ResNet-18 layer4 3x3 at 32x32", 512, 512, 1, 3, 1, 1, 1, 1, false),
    CONV("ResNet-50 layer1 1x1 64-256", 64, 256, 56, 1, 1, 0, 1, 1, false),
    CONV("ResNet-50 layer1 1x1 256-64", 256, 64, 56, 1, 1, 0, 1, 1, false),
    CONV("ResNet-50 layer3 3x3/2", 256, 256, 28, 3, 2, 1, 1, 1, false),
    CONV("ResNet-50 layer4 1x1 2048-512", 2048, 512, 7, 1, 1, 0, 1, 1, false),
    CONV("ResNet-50 layer4 shortcut 1x1/2", 1024, 2048, 14, 1, 2, 0, 1, 1, false),
    CONV("ResNeXt-50 layer1 3x3, 32 groups", 128, 128, 56, 3, 1, 1, 1, 32, false),
    CONV("ResNeXt-50 layer2 3x3/2, 32 groups", 256, 256, 56, 3, 2, 1, 1, 32, false),
    CONV("ResNeXt-101 layer3 3x3, 64 groups", 1024, 1024, 14, 3, 1, 1, 1, 64, false),
    CONV("CIFAR ResNet 3x3", 64, 64, 32, 3, 1, 1, 1, 1, false),
    CONV("VGG 3x3 with bias", 128, 128, 56, 3, 1, 1, 1, 1, true),
    CONV("MobileNet depthwise 3x3", 144, 144, 56, 3, 1, 1, 1, 144, false),
    CONV("MobileNet depthwise 3x3/2", 144, 144, 56, 3, 2, 1, 1, 144, false),
    CONV("ConvNeXt patches 4x4/4 with bias", 3, 96, 224, 4, 4, 0, 1, 1, true),
    CONV("ConvNeXt depthwise 7x7 with bias", 96, 96, 56, 7, 1, 3, 1, 96, true),
    CONV("DeepLab 3x3, dilation 2", 256, 256, 28, 3, 1, 2, 2, 1, false),
    CONV("DeepLab 3x3, dilation 12", 256, 256, 28, 3, 1, 12, 12, 1, false),
    {"Inception 1x7",
     GRAPH_CONV,
     128,
     128,
     17,
     17,
     {.kernel = {1, 7}, .stride = {1, 1}, .padding = {0, 3, 0, 3}, .dilation = {1, 1}, .groups = 1}},
    {"EfficientNet 3x3/2, padded below",
     GRAPH_CONV,
     32,
     32,
     112,
     112,
     {.kernel = {3, 3}, .stride = {2, 2}, .padding = {0, 0, 1, 1}, .dilation = {1, 1}, .groups = 1}},
    {"ResNet stem max pool 3x3/2", GRAPH_MAXPOOL, 64, 64, 112, 112, WINDOW(3, 2, 1, 1, 1, false)},
    {"VGG max pool 2x2/2", GRAPH_MAXPOOL, 128, 128, 56, 56, WINDOW(2, 2, 0, 1, 1, false)},
    PLAIN("ResNet-50 layer1 batch norm", GRAPH_BATCHNORM, 256, 256, 56),
    PLAIN("ResNet-50 layer1 ReLU", GRAPH_RELU, 256, 256, 56),
    PLAIN("ResNet-50 layer1 sum", GRAPH_ADD, 256, 256, 56),
    PLAIN("ResNet-50 global average", GRAPH_GLOBAL_AVGPOOL, 2048, 2048, 7),
    PLAIN("ResNet-50 linear", GRAPH_LINEAR, 2048, 1000, 1),
    PLAIN("CIFAR linear", GRAPH_LINEAR, 512, 10, 1),
};

const engine_shape *engine_shape_at(int row)
{
    return row >= 0 && row < (int)(sizeof shapes / sizeof *shapes) ? &shapes[row] : NULL;
}

static graph_node node_of(const engine_shape *shape)
{
    return (graph_node){.op = shape->op,
                        .channels_in = shape->channels_in,
                        .channels_out = shape->channels_out,
                        .window = shape->window};
}

graph_extent engine_shape_result(const engine_shape *shape)
{
    const graph_node node = node_of(shape);
    const graph_extent in = {shape->h, shape->w};
    return op_of(shape->op)->extent ? op_of(shape->op)->extent(&node, in) : in;
}

double engine_shape_multiply_adds(const engine_shape *shape)
{
    const graph_node node = node_of(shape);
    const operation *row = op_of(shape->op);
    const graph_extent in = {shape->h, shape->w};
    return row->multiply_adds ? row->multiply_adds(&node, in, engine_shape_result(shape)) : 0;
}
