/*
 * reshift calibrate: measures the ranges of a network's activations on images and stores them with its weights, for
 * int8.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "reshift/learning.h"

int command_calibrate(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const char *weights = NULL, *head = NULL, *data = NULL, *split = "train", *out = NULL;
    const option options[] = {
        TEXT("--weights", &weights, "W",
             "a checkpoint (FILE#BRANCH: one of several networks in it), or a name such as resnet50", NULL),
        TEXT("--head", &head, "FILE", "fc to store instead, from 'reshift probe'", NULL),
        TEXT("--data", &data, "DATA", "images as the network will see them: cifar10[:DIR], folder:DIR, ...", NULL),
        TEXT("--split", &split, "train|test", "part of the set; labels are not used", "train"),
        OUTPUT("--out", &out, "FILE.safetensors", "the weights with the measured ranges", NULL),
        OPTION_SIZE(c),
        OPTION_LIMIT(c),
        OPTION_SKIP_BAD(c),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "calibrate",
        .about = "Measures the ranges of a network's activations on a few hundred images and stores them with the "
                 "weights,\n"
                 "for --precision int8. Without them, int8 measures them each time, on training images if available.",
        .synopsis = "--weights W --data DATA --out FILE.safetensors [options]",
        .example = "  reshift calibrate --weights resnet50 --data cifar10 --out resnet50-cifar10.safetensors",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (!weights || !data || !out) {
        return usage_error(&u, "expected --weights, --data and --out");
    }
    reshift_error error;
    reshift_model *model = NULL;
    reshift_dataset *dataset = NULL;
    reshift_status done = check_data(data, split, &error);
    if (done == RESHIFT_OK) {
        done = check_target(&c, out, &error);
    }
    if (done == RESHIFT_OK) {
        done = open_model(&c, weights, head, &model, &error);
    }
    if (done == RESHIFT_OK) {
        done = open_data(&c, data, split, NULL, NULL, model, &dataset, &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_calibrate(model, dataset, (int)c.size, session_progress(), &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_model_save(out, model, c.force, &error);
    }
    status = done == RESHIFT_OK ? session_end() : session_fail(&error);
    reshift_dataset_close(&dataset);
    reshift_model_destroy(&model);
    return status;
}
