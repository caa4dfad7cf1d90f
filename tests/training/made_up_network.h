/* The images and the ResNet-18 of golden/make_training.py, number for number. */
#ifndef TESTS_TRAINING_MADE_UP_NETWORK_H
#define TESTS_TRAINING_MADE_UP_NETWORK_H

#include "check.h"

#include <math.h>
#include <unistd.h>

#include "training/made_up.h"
#include "models/model.h"
#include "reshift/dataset.h"

enum { n_made_up = 160, made_up_size = 64, n_classes = 10 };

/* The images as .npy files, the way a user would bring them. */
static inline reshift_dataset *open_made_up(void)
{
    reshift_error error;
    reshift_array images, labels;
    check_ok(
        reshift_array_create(RESHIFT_U8, 4, (int64_t[]){n_made_up, made_up_size, made_up_size, 3}, &images, &error));
    check_ok(reshift_array_create(RESHIFT_I64, 1, (int64_t[]){n_made_up}, &labels, &error));
    uint8_t *pixel = images.data;
    uint32_t at = 0;
    for (uint32_t i = 0; i < n_made_up; i++) {
        uint32_t label = made_up_hash(1, i) % n_classes;
        ((int64_t *)labels.data)[i] = label;
        for (uint32_t y = 0; y < made_up_size; y++) {
            for (uint32_t x = 0; x < made_up_size; x++) {
                for (uint32_t c = 0; c < 3; c++, at++) {
                    uint32_t cell = ((label * 8 + y / 8) * 8 + x / 8) * 3 + c;
                    *pixel++ = (uint8_t)((made_up_hash(10, cell) & 127) + (made_up_hash(11, at) & 127));
                }
            }
        }
    }
    const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    char images_path[256], labels_path[256], spec[600];
    snprintf(images_path, sizeof images_path, "%s/reshift-parity-%ld.npy", folder, (long)getpid());
    snprintf(labels_path, sizeof labels_path, "%s/reshift-parity-labels-%ld.npy", folder, (long)getpid());
    snprintf(spec, sizeof spec, "npy:%s,%s", images_path, labels_path);
    check_ok(reshift_array_save_npy(images_path, &images, true, &error));
    check_ok(reshift_array_save_npy(labels_path, &labels, true, &error));
    reshift_dataset *dataset;
    check_ok(reshift_dataset_open(spec, NULL, &dataset, &error));
    unlink(images_path);
    unlink(labels_path);
    reshift_array_destroy(&images);
    reshift_array_destroy(&labels);
    return dataset;
}

static inline uint32_t stream_of(const char *name)
{
    uint32_t h = 0;
    for (; *name; name++) {
        h = made_up_mix(h * 31 + (uint8_t)*name);
    }
    return h;
}

static inline reshift_model *make_made_up_model(void)
{
    reshift_error error;
    reshift_model *model;
    check_ok(reshift_model_create("resnet18", n_classes, 0, &model, &error));
    network *net = model_network(model);
    for (int i = 0; i < net->graph->n_parameters; i++) {
        const graph_parameter *p = &net->graph->parameters[i];
        uint32_t stream = stream_of(p->name);
        double bound = p->n_dims == 4               ? sqrt(6.0 / (double)(p->shape[0] * p->shape[2] * p->shape[3]))
                       : !strncmp(p->name, "fc", 2) ? 1 / sqrt(512)
                                                    : 0;
        bool one = p->role == GRAPH_GAMMA || p->role == GRAPH_RUNNING_VAR;
        for (size_t k = 0; k < p->count; k++) {
            network_parameter(net, i)[k] =
                bound > 0 ? made_up_uniform(stream, (uint32_t)k) * (float)bound : (one ? 1.0f : 0.0f);
        }
        network_touch(net, i);
    }
    return model;
}

#endif
