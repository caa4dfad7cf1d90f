/*
 * Not a test: writes models and their logits for check_torchvision.py. One with its values as drawn by the library, of
 * every architecture, and one that came from real weights and got another head.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "engine/plan.h"
#include "imaging/preprocess.h"
#include "models/model.h"
#include "reshift/dataset.h"

#define IMAGES 8

static reshift_status write_logits(const reshift_model *model, const reshift_dataset *set, const char *path,
                                   reshift_error *error)
{
    const reshift_recipe *recipe = reshift_model_recipe(model);
    network *net = model_network(model);
    reshift_array logits = {0};
    reshift_image image = {0};
    plan *p = NULL;
    plan_options options = {
        .batch = IMAGES, .height = recipe->size, .width = recipe->size, .last_block = net->graph->n_blocks - 1};
    reshift_status status = plan_create(net, &options, &p, error);
    for (int i = 0; i < IMAGES && status == RESHIFT_OK; i++) {
        status = reshift_dataset_read(set, i, &image, error);
        if (status == RESHIFT_OK) {
            status = preprocess_array(&image, recipe->size, recipe->mean, recipe->std,
                                      (float *)plan_staging(p) + (size_t)i * recipe->size * recipe->size * 3, error);
        }
    }
    if (status == RESHIFT_OK) {
        status = plan_forward(p, error);
    }
    if (status == RESHIFT_OK) {
        status =
            reshift_array_create(RESHIFT_F32, 2, (int64_t[]){IMAGES, reshift_model_n_classes(model)}, &logits, error);
    }
    if (status == RESHIFT_OK) {
        plan_results results;
        status = plan_read(p, &results, error);
        if (status == RESHIFT_OK) {
            memcpy(logits.data, results.output, reshift_array_bytes(&logits));
        }
    }
    if (status == RESHIFT_OK) {
        status = reshift_array_save_npy(path, &logits, true, error);
    }
    reshift_array_destroy(&logits);
    reshift_image_destroy(&image);
    plan_destroy(&p);
    return status;
}

static reshift_status write_model(const reshift_model *model, const reshift_dataset *set, const char *folder,
                                  const char *name, reshift_error *error)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    reshift_status status = reshift_model_save(path, model, true, error);
    snprintf(path, sizeof path, "%s/%s-logits.npy", folder, name);
    return status == RESHIFT_OK ? write_logits(model, set, path, error) : status;
}

int main(int argc, char **argv)
{
    static const char *const archs[] = {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet-demo"};
    reshift_error error;
    reshift_dataset_options options;
    reshift_dataset *set = NULL;
    reshift_model *model = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: write-models FOLDER\n");
        return 2;
    }
    reshift_dataset_options_default(&options);
    reshift_status status = folder_create(argv[1], &error);
    if (status == RESHIFT_OK) {
        status = reshift_dataset_open("cifar10", &options, &set, &error);
    }
    for (size_t a = 0; a < sizeof archs / sizeof archs[0] && status == RESHIFT_OK; a++) {
        status = reshift_model_create(archs[a], 10, 1, &model, &error);
        if (status == RESHIFT_OK) {
            status = write_model(model, set, argv[1], archs[a], &error);
        }
        reshift_model_destroy(&model);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_load("resnet18", NULL, &model, &error);
    }
    if (status == RESHIFT_OK) {
        status = write_model(model, set, argv[1], "resnet18-real", &error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_model_reset_head(model, 37, 2, &error);
    }
    if (status == RESHIFT_OK) {
        status = write_model(model, set, argv[1], "resnet18-real-37-classes", &error);
    }
    reshift_model_destroy(&model);
    reshift_dataset_close(&set);
    if (status != RESHIFT_OK) {
        fprintf(stderr, "write-models: %s\n", error.message);
        return 1;
    }
    return 0;
}
