/*
 * Feature vectors of a folder of images, one subfolder a class:
 *
 *     cc features.c -o features $(pkg-config --cflags --libs reshift)
 *     ./features resnet50.safetensors photos features.npy labels.npy
 */
#include <inttypes.h>
#include <stdio.h>

#include <reshift/reshift.h>

static void show_progress(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    (void)context;
    fprintf(stderr, "\r%s: %" PRId64 " of %" PRId64 " %s%s", what, done, total, unit, done == total ? "\n" : "");
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: features WEIGHTS FOLDER FEATURES.npy LABELS.npy\n");
        return 2;
    }
    char spec[4096];
    snprintf(spec, sizeof spec, "folder:%s", argv[2]);

    reshift_error error;
    reshift_model *model = NULL;
    reshift_dataset *images = NULL;
    reshift_forward_options options;
    reshift_forward_options_default(&options);
    options.precision = RESHIFT_PRECISION_AUTO;
    const reshift_progress progress = {.update = show_progress};

    reshift_status status = reshift_model_load(argv[1], NULL, &model, &error);
    if (status == RESHIFT_OK) {
        status = reshift_dataset_open(spec, NULL, &images, &error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_extract(model, images, &options, argv[3], argv[4], true, &progress, &error);
    }
    if (status == RESHIFT_OK) {
        printf("%" PRId64 " images of %d classes, %d features each\n", reshift_dataset_count(images),
               reshift_dataset_n_classes(images), reshift_model_n_features(model));
    } else {
        fprintf(stderr, "features: %s\n%s%s", error.message, error.hint, error.hint[0] ? "\n" : "");
    }
    reshift_dataset_close(&images);
    reshift_model_destroy(&model);
    return status == RESHIFT_OK ? 0 : 1;
}
