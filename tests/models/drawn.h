/*
 * The second way to the same numbers: names, shapes and values of drawn residual networks, and the count sketch, as
 * tests/models/golden/make_features.py has them. Shares nothing with src/models.
 */
#ifndef TESTS_MODELS_DRAWN_H
#define TESTS_MODELS_DRAWN_H

#include "check.h"

#include <math.h>
#include <stdbool.h>

#include "reshift/tensors.h"

typedef struct drawn_arch {
    const char *name;
    bool bottleneck;
    int blocks[4];
    int width;  /* of layer1; each next layer has twice as many */
    int kernel; /* of the stem */
    int classes;
    int groups, group_width; /* of the 3x3 convolution for 64 channels; 1 and 64 but for ResNeXt and wide ones */
} drawn_arch;

static const drawn_arch drawn_archs[] = {
    {"resnet18", false, {2, 2, 2, 2}, 64, 7, 1000, 1, 64},
    {"resnet34", false, {3, 4, 6, 3}, 64, 7, 1000, 1, 64},
    {"resnet50", true, {3, 4, 6, 3}, 64, 7, 1000, 1, 64},
    {"resnet101", true, {3, 4, 23, 3}, 64, 7, 1000, 1, 64},
    {"resnet152", true, {3, 8, 36, 3}, 64, 7, 1000, 1, 64},
    {"resnet-demo", false, {1, 1, 1, 1}, 16, 3, 10, 1, 64},
    {"resnext50_32x4d", true, {3, 4, 6, 3}, 64, 7, 1000, 32, 4},
    {"resnext101_32x8d", true, {3, 4, 23, 3}, 64, 7, 1000, 32, 8},
    {"resnext101_64x4d", true, {3, 4, 23, 3}, 64, 7, 1000, 64, 4},
    {"wide_resnet50_2", true, {3, 4, 6, 3}, 64, 7, 1000, 1, 128},
    {"wide_resnet101_2", true, {3, 4, 23, 3}, 64, 7, 1000, 1, 128},
};

static inline const drawn_arch *drawn_find(const char *name)
{
    for (size_t a = 0; a < sizeof drawn_archs / sizeof drawn_archs[0]; a++) {
        if (!strcmp(drawn_archs[a].name, name)) {
            return &drawn_archs[a];
        }
    }
    fail_msg("no drawn network '%s'", name);
    return NULL;
}

static inline uint64_t drawn_mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t drawn_name_hash(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        hash = (hash ^ *c) * 0x100000001b3u;
    }
    return hash;
}

/* value = base + scale x, x in [-1, 1). */
static inline void drawn_add(reshift_tensors *tensors, const char *prefix, const char *part, int n_dims,
                             const int64_t *shape, double base, double scale)
{
    reshift_error error;
    reshift_array array;
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, part);
    check_ok(reshift_array_create(RESHIFT_F32, n_dims, shape, &array, &error));
    uint64_t start = drawn_name_hash(name);
    for (int64_t i = 0; i < reshift_array_count(&array); i++) {
        double x = (double)(drawn_mix(start + (uint64_t)i) >> 40) / 8388608.0 - 1.0;
        ((float *)array.data)[i] = (float)(base + scale * x);
    }
    check_ok(reshift_tensors_add(tensors, name, &array, &error));
}

static inline void drawn_conv(reshift_tensors *tensors, const char *name, int out, int in, int kernel)
{
    int64_t shape[4] = {out, in, kernel, kernel};
    drawn_add(tensors, name, ".weight", 4, shape, 0.0, sqrt(6.0 / ((double)in * kernel * kernel)));
}

static inline void drawn_bn(reshift_tensors *tensors, const char *name, int channels, bool branch_end)
{
    reshift_error error;
    reshift_array counter;
    char text[128];
    int64_t shape[1] = {channels}, scalar[1] = {1};
    drawn_add(tensors, name, ".weight", 1, shape, branch_end ? 0.25 : 1.0, branch_end ? 0.05 : 0.1);
    drawn_add(tensors, name, ".bias", 1, shape, 0.0, 0.1);
    drawn_add(tensors, name, ".running_mean", 1, shape, 0.0, 0.1);
    drawn_add(tensors, name, ".running_var", 1, shape, 1.0, 0.5);
    check_ok(reshift_array_create(RESHIFT_I64, 0, scalar, &counter, &error));
    snprintf(text, sizeof text, "%s.num_batches_tracked", name);
    check_ok(reshift_tensors_add(tensors, text, &counter, &error));
}

/* The whole checkpoint in torchvision's order. */
static inline reshift_tensors *drawn_tensors(const drawn_arch *arch)
{
    reshift_tensors *tensors = reshift_tensors_create();
    assert_non_null(tensors);
    int expansion = arch->bottleneck ? 4 : 1, in = arch->width, n_convs = arch->bottleneck ? 3 : 2;
    drawn_conv(tensors, "conv1", arch->width, 3, arch->kernel);
    drawn_bn(tensors, "bn1", arch->width, false);
    for (int layer = 0; layer < 4; layer++) {
        int planes = arch->width << layer, out = planes * expansion;
        int width = planes * arch->group_width / 64 * arch->groups;
        for (int block = 0; block < arch->blocks[layer]; block++) {
            char name[64];
            for (int c = 0; c < n_convs; c++) {
                int from = c == 0 ? in : width, to = c == 2 ? out : width;
                snprintf(name, sizeof name, "layer%d.%d.conv%d", layer + 1, block, c + 1);
                drawn_conv(tensors, name, to, c == 1 ? from / arch->groups : from, arch->bottleneck && c != 1 ? 1 : 3);
                snprintf(name, sizeof name, "layer%d.%d.bn%d", layer + 1, block, c + 1);
                drawn_bn(tensors, name, to, c == n_convs - 1);
            }
            if (block == 0 && (layer > 0 || in != out)) {
                snprintf(name, sizeof name, "layer%d.0.downsample.0", layer + 1);
                drawn_conv(tensors, name, out, in, 1);
                snprintf(name, sizeof name, "layer%d.0.downsample.1", layer + 1);
                drawn_bn(tensors, name, out, false);
            }
            in = out;
        }
    }
    int64_t weight[2] = {arch->classes, in};
    drawn_add(tensors, "fc", ".weight", 2, weight, 0.0, sqrt(1.0 / in));
    drawn_add(tensors, "fc", ".bias", 1, weight, 0.0, sqrt(1.0 / in));
    return tensors;
}

#define SKETCH_BUCKETS 64

/* Count sketch (Charikar, Chen & Farach-Colton 2002) of one row. */
static inline void drawn_sketch(const float *row, int64_t n, double buckets[SKETCH_BUCKETS])
{
    memset(buckets, 0, SKETCH_BUCKETS * sizeof *buckets);
    for (int64_t i = 0; i < n; i++) {
        uint64_t hash = drawn_mix((uint64_t)i);
        buckets[hash % SKETCH_BUCKETS] += hash >> 63 ? -(double)row[i] : (double)row[i];
    }
}

#endif
