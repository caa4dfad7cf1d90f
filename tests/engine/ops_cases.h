/* The shapes of test_ops.c: those of real networks (engine/shapes.h) made small, and hostile ones. */
#ifndef TESTS_ENGINE_OPS_CASES_H
#define TESTS_ENGINE_OPS_CASES_H

#include "engine/shapes.h"

typedef struct op_case {
    engine_shape shape;
    int batch;
} op_case;

#define CASE(name, op, batch, in, out, h, w, kh, kw, sh, sw, top, left, bottom, right, dh, dw, groups, bias)           \
    {                                                                                                                  \
        {name, op, in, out, h, w, {{kh, kw}, {sh, sw}, {top, left, bottom, right}, {dh, dw}, groups, bias}}, batch     \
    }
#define MAP(name, op, batch, in, out, h, w) CASE(name, op, batch, in, out, h, w, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, false)

static const op_case hostile[] = {
    CASE("1x1 map, padding all around", GRAPH_CONV, 1, 3, 5, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, false),
    CASE("one channel, one value", GRAPH_CONV, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, true),
    CASE("one channel to 17", GRAPH_CONV, 2, 1, 17, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, false),
    CASE("17 channels to one", GRAPH_CONV, 2, 17, 1, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, true),
    CASE("17 channels, odd sizes", GRAPH_CONV, 3, 17, 19, 5, 7, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, true),
    CASE("stride larger than the kernel", GRAPH_CONV, 2, 3, 16, 8, 9, 2, 2, 3, 3, 0, 0, 0, 0, 1, 1, 1, false),
    CASE("1x1 with stride 3", GRAPH_CONV, 2, 16, 16, 8, 7, 1, 1, 3, 3, 0, 0, 0, 0, 1, 1, 1, false),
    CASE("1x1 with padding", GRAPH_CONV, 1, 8, 16, 4, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, true),
    CASE("padding on the left only", GRAPH_CONV, 2, 8, 8, 6, 5, 3, 3, 1, 1, 0, 2, 0, 0, 1, 1, 1, false),
    CASE("four different paddings", GRAPH_CONV, 2, 16, 16, 6, 7, 3, 5, 1, 1, 0, 1, 2, 3, 1, 1, 1, false),
    CASE("windows that see only padding", GRAPH_CONV, 1, 16, 16, 3, 4, 2, 2, 1, 1, 3, 3, 3, 3, 1, 1, 1, true),
    CASE("the last rows are not seen", GRAPH_CONV, 2, 16, 16, 8, 8, 3, 3, 3, 3, 0, 0, 0, 0, 1, 1, 1, false),
    CASE("kernel 2x3, strides 1 and 2", GRAPH_CONV, 2, 5, 6, 6, 7, 2, 3, 1, 2, 1, 0, 0, 1, 1, 1, 1, true),
    CASE("kernel 3x1", GRAPH_CONV, 2, 16, 16, 6, 5, 3, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, false),
    CASE("dilations 2 and 3", GRAPH_CONV, 2, 16, 16, 7, 9, 3, 3, 1, 1, 2, 3, 2, 3, 2, 3, 1, false),
    CASE("dilation and stride, no padding", GRAPH_CONV, 2, 8, 8, 9, 9, 3, 3, 2, 2, 0, 0, 0, 0, 2, 2, 1, true),
    CASE("dilated beyond the map", GRAPH_CONV, 1, 16, 16, 4, 4, 3, 3, 1, 1, 6, 6, 6, 6, 6, 6, 1, false),
    CASE("depthwise, 3 channels", GRAPH_CONV, 2, 3, 3, 5, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 3, true),
    CASE("depthwise, 17 channels", GRAPH_CONV, 2, 17, 17, 5, 6, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 17, false),
    CASE("depthwise, 16 channels to 32", GRAPH_CONV, 2, 16, 32, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 16, true),
    CASE("depthwise, dilated, padded unequally", GRAPH_CONV, 2, 16, 16, 7, 7, 3, 3, 1, 1, 1, 2, 3, 2, 2, 2, 16, false),
    CASE("two groups of one channel", GRAPH_CONV, 1, 2, 2, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2, true),
    CASE("three groups of 5 and 4", GRAPH_CONV, 2, 15, 12, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 3, true),
    CASE("groups, stride, dilation, unequal padding", GRAPH_CONV, 2, 32, 16, 8, 7, 3, 3, 2, 1, 2, 0, 1, 3, 2, 1, 4,
         true),
    CASE("groups of 1x1", GRAPH_CONV, 2, 32, 64, 5, 4, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 2, false),
    CASE("max pool 2x2/2, odd size", GRAPH_MAXPOOL, 2, 16, 16, 7, 5, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, false),
    CASE("max pool 3x3/1, one channel", GRAPH_MAXPOOL, 2, 1, 1, 5, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, false),
    CASE("max pool of a 1x1 map", GRAPH_MAXPOOL, 1, 17, 17, 1, 1, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, false),
    CASE("max pool, stride larger than the kernel", GRAPH_MAXPOOL, 2, 16, 16, 9, 8, 2, 2, 3, 3, 0, 0, 0, 0, 1, 1, 1,
         false),
    CASE("max pool 2x3, padded unequally", GRAPH_MAXPOOL, 2, 17, 17, 6, 7, 2, 3, 1, 2, 1, 0, 0, 2, 1, 1, 1, false),
    CASE("max pool, padded below only", GRAPH_MAXPOOL, 2, 16, 16, 8, 8, 3, 3, 2, 2, 0, 0, 1, 1, 1, 1, 1, false),
    CASE("max pool, dilation 2", GRAPH_MAXPOOL, 2, 16, 16, 7, 8, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 1, false),
    CASE("max pool, dilation 2, no padding", GRAPH_MAXPOOL, 1, 3, 3, 7, 7, 2, 2, 2, 2, 0, 0, 0, 0, 2, 2, 1, false),
    MAP("batch norm, one channel", GRAPH_BATCHNORM, 2, 1, 1, 3, 3),
    MAP("batch norm, 3 channels", GRAPH_BATCHNORM, 3, 3, 3, 4, 5),
    MAP("batch norm, 17 channels of 1x1", GRAPH_BATCHNORM, 3, 17, 17, 1, 1),
    MAP("batch norm, two values a channel", GRAPH_BATCHNORM, 1, 16, 16, 1, 2),
    MAP("ReLU, one value", GRAPH_RELU, 1, 1, 1, 1, 1),
    MAP("ReLU, 17 channels", GRAPH_RELU, 2, 17, 17, 3, 5),
    MAP("sum, 3 channels", GRAPH_ADD, 2, 3, 3, 5, 3),
    MAP("sum, 17 channels of 1x1", GRAPH_ADD, 1, 17, 17, 1, 1),
    MAP("average of one pixel", GRAPH_GLOBAL_AVGPOOL, 2, 17, 17, 1, 1),
    MAP("average of 3x5, 3 channels", GRAPH_GLOBAL_AVGPOOL, 3, 3, 3, 3, 5),
    MAP("linear, one class", GRAPH_LINEAR, 3, 16, 1, 1, 1),
    MAP("linear, one input, 17 classes", GRAPH_LINEAR, 1, 1, 17, 2, 1),
};

/* The same operation on fewer channels and pixels: the same remainders by stride, windows that see both borders and
 * none. */
static inline op_case shrunk(const engine_shape *real)
{
    op_case c = {*real, 2};
    engine_shape *s = &c.shape;
    graph_window *w = &s->window;
    const int depth = w->groups > 1 ? s->channels_in / w->groups : 1, groups = w->groups;
    if (groups > 1) {
        w->groups = depth == 1 ? 32 : 4;
        s->channels_in = w->groups * depth;
        s->channels_out = s->channels_out / groups * w->groups;
    } else if (s->op != GRAPH_LINEAR) {
        s->channels_in = s->channels_in > 32 ? 32 : s->channels_in;
        s->channels_out = s->channels_out > 32 ? 32 : s->channels_out;
    }
    for (int axis = 0; axis < 2; axis++) {
        int *extent = axis ? &s->w : &s->h, stride = w->stride[axis];
        int most = w->kernel[axis] * w->dilation[axis] > 9 ? 13 : 9;
        while (*extent > most && *extent > stride) {
            *extent -= stride * (*extent > 64 ? 16 / stride : 1);
        }
    }
    c.batch = s->h * s->w > 50 ? 1 : 2;
    return c;
}

#endif
