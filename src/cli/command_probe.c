/* reshift probe: trains softmax regression on feature files and writes fc.weight and fc.bias. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/probe_methods.h"
#include "cli/training.h"
#include "reshift/classifiers.h"
#include "reshift/model.h"
#include "reshift/outputs.h"
#include "reshift/preparation.h"

static reshift_status load(const option_words *train, const option_words *test, const char *groups, probe_data *data,
                           reshift_error *error)
{
    reshift_status status = reshift_features_load_npy(train->items[0], &data->features, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(train->items[1], &data->labels, error);
    }
    if (status == RESHIFT_OK && test->n == 2) {
        status = reshift_features_load_npy(test->items[0], &data->test_features, error);
    }
    if (status == RESHIFT_OK && test->n == 2) {
        status = reshift_array_load_npy(test->items[1], &data->test_labels, error);
    }
    if (status == RESHIFT_OK && groups) {
        status = reshift_array_load_npy(groups, &data->groups, error);
    }
    return status;
}

/* The fingerprints of the images of the features, written by 'reshift extract --images-out'. */
static reshift_status name_images(const char *path, reshift_tensors *tensors, reshift_error *error)
{
    reshift_array names = {0};
    reshift_fingerprints images = {0};
    reshift_status status = reshift_array_load_npy(path, &names, error);
    if (status == RESHIFT_OK && (names.dtype != RESHIFT_U64 || names.n_dims != 1)) {
        status =
            fail_with(error, RESHIFT_ERROR_SHAPE, "--images '%s': expected uint64 [n], found %s with %d dimensions",
                      path, reshift_dtype_name(names.dtype), names.n_dims);
    }
    if (status == RESHIFT_OK) {
        status = reshift_fingerprints_add(&images, names.data, names.shape[0], error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_set_trained_on(tensors, &images, error);
    }
    reshift_fingerprints_destroy(&images);
    reshift_array_destroy(&names);
    return status;
}

/*
 * The preparation of the images of the training features, if 'reshift extract' has recorded it. The images of the test
 * features must have been prepared in the same way.
 */
static reshift_status read_preparation(const option_words *train, const option_words *test, reshift_preparation *how,
                                       bool *known, reshift_error *error)
{
    reshift_preparation other;
    bool other_known = false;
    char difference[256];
    reshift_status status = reshift_preparation_load(train->items[0], how, known, error);
    if (status == RESHIFT_OK && test->n == 2) {
        status = reshift_preparation_load(test->items[0], &other, &other_known, error);
    }
    if (status == RESHIFT_OK && *known && other_known &&
        !reshift_preparation_same(how, &other, difference, sizeof difference)) {
        status = fail_with(error, RESHIFT_ERROR_SHAPE,
                           "--train '%s' and --test '%s' are features of differently prepared images: %s",
                           train->items[0], test->items[0], difference);
    }
    return status;
}

static reshift_status save(const char *path, bool force, reshift_array *weight, reshift_array *bias, const char *images,
                           const reshift_preparation *how, const char *features, reshift_error *error)
{
    const int n_classes = (int)bias->shape[0];
    reshift_tensors *tensors = reshift_tensors_create();
    reshift_status status = tensors ? RESHIFT_OK : RESHIFT_ERROR_MEMORY;
    if (!tensors) {
        fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory");
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_add_head(tensors, weight, bias, error);
    }
    if (status == RESHIFT_OK && images) {
        status = name_images(images, tensors, error);
    }
    if (status == RESHIFT_OK && how) {
        status = reshift_tensors_set_preparation(tensors, how, error);
    }
    if (status == RESHIFT_OK && how) {
        status = reshift_tensors_set_class_names_of(tensors, features, n_classes, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_save(path, tensors, force, error);
    }
    reshift_tensors_destroy(&tensors);
    return status;
}

int command_probe(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words, train = {.n = 0}, test = {.n = 0};
    int64_t epochs = 30, classes = 0, neighbours = 20;
    double rate = 0.001;
    const char *out = NULL, *plots = NULL, *history_out = NULL, *groups = NULL, *images = NULL;
    probe_choice choice = {.method = "adam", .l2 = "auto", .held_out = 0.1, .temperature = 0.07};
    c.batch = 64;
    c.precision = NULL; /* to detect whether the option is given */
    const option options[] = {
        WORDS("--train", &train, "FEATURES.npy LABELS.npy", 2, "training set: float32 [N,D] and integers [N]"),
        WORDS("--test", &test, "FEATURES.npy LABELS.npy", 2, "test set, measured after every epoch"),
        OUTPUT("--out", &out, "FILE.safetensors",
               "fc.weight [K,D] and fc.bias [K]; not for neighbours; optional with --test", NULL),
        TEXT("--method", &choice.method, "adam|lbfgs|mean|neighbours",
             "adam, lbfgs: softmax regression; mean: the nearest class mean; neighbours: votes of the nearest rows",
             "adam"),
        COUNT("--epochs", &epochs, "N", 1, 100000, "passes over the training features", "30"),
        COUNT("--batch", &c.batch, "N", 1, 1000000, "rows per step", "64"),
        NUMBER("--lr", &rate, "X", 0, 10, "learning rate of Adam", "0.001"),
        TEXT("--precision", &c.precision, "f32|bf16|auto",
             "adam: bf16 rounds features, weights and the logits' gradients and sums their products in float32", "f32"),
        TEXT("--l2", &choice.l2, "X|auto", "lbfgs: penalty X/2 |W|^2; auto: the best on held-out training rows",
             "auto"),
        NUMBER("--held-out", &choice.held_out, "SHARE", 0, 0.9, "lbfgs: share of the training rows to choose l2 on",
               "0.1"),
        TEXT("--groups", &groups, "FILE.npy",
             "lbfgs: int64 [N]; rows of a group (versions of an image) are held out together", "every row by itself"),
        TEXT("--class-weight", &choice.class_weight, "balanced|FILE.npy",
             "adam, lbfgs: loss weights by class, float32 or float64 [K]; balanced: N / (classes * rows of the class)",
             "1 for all"),
        COUNT("--neighbours", &neighbours, "K", 1, 1000000, "neighbours: number of neighbours", "20"),
        NUMBER("--temperature", &choice.temperature, "T", 0, 1000, "neighbours: a vote counts exp(cosine / T)", "0.07"),
        COUNT("--classes", &classes, "K", 1, 1000000, "number of classes", "the largest training label and one"),
        TEXT("--images", &images, "FILE.npy",
             "fingerprints of the training images, from 'reshift extract --images-out': stored with the weights", NULL),
        OUTPUT("--history", &history_out, "FILE.csv", "loss and accuracy of every epoch", NULL),
        TEXT("--plots", &plots, "DIR", "loss curve and accuracy curve, PNG and SVG", NULL),
        OPTION_SEED(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "probe",
        .about = "Trains a linear layer on feature vectors: cross-entropy, by Adam (reshuffled each epoch) or by "
                 "L-BFGS; or\n"
                 "classifies by class means or neighbours.",
        .synopsis = "--train FEATURES.npy LABELS.npy [--test FEATURES.npy LABELS.npy] --out FILE.safetensors [options]",
        .example = "  reshift probe --train feats.npy labels.npy --test tfeats.npy tlabels.npy --out fc.safetensors",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    const bool by_adam = strcmp(choice.method, "adam") == 0, layer = strcmp(choice.method, "neighbours") != 0;
    const char *wrong = by_adam ? NULL : probe_check_choice(&choice);
    if (wrong) {
        return usage_error(&u, "%s", wrong);
    }
    if (train.n != 2 || (test.n != 0 && test.n != 2) || (layer && !out && !test.n)) {
        return usage_error(&u, "expected --train FEATURES.npy LABELS.npy and --out FILE.safetensors (or --test, to "
                               "measure alone), each once");
    }
    if (!layer && (out || test.n != 2)) {
        return usage_error(&u, "neighbours are no layer: expected --test FEATURES.npy LABELS.npy and no --out");
    }
    if (!by_adam && c.precision) {
        return usage_error(&u, "--precision is about --method adam");
    }
    if (!by_adam && (history_out || plots)) {
        return usage_error(&u, "--history and --plots are about epochs, which only --method adam has");
    }
    if (choice.class_weight && !by_adam && strcmp(choice.method, "lbfgs") != 0) {
        return usage_error(&u, "--class-weight is about --method adam and lbfgs");
    }
    choice.neighbours = (int)neighbours;
    choice.n_classes = (int)classes;
    reshift_error error;
    probe_data data = {0};
    reshift_array weight = {0}, bias = {0};
    reshift_history history = {0};
    reshift_outputs *outputs = NULL;
    double *class_weights = NULL;
    const char *out_part, *history_part;
    reshift_probe_options how;
    reshift_probe_options_default(&how);
    how.epochs = (int)epochs;
    how.batch = (int)c.batch;
    how.learning_rate = rate;
    how.seed = (uint64_t)c.seed;
    how.precision = session_precision(&c);
    how.on_epoch = training_print_epoch;
    how.context = &c;
    reshift_status done = check_target(&c, out, &error);
    if (done == RESHIFT_OK) {
        done = check_target(&c, history_out, &error);
    }
    if (done == RESHIFT_OK) {
        done = training_check_plots(&c, plots, "probe", &error);
    }
    reshift_preparation how_prepared;
    bool prepared = false;
    if (done == RESHIFT_OK) {
        done = load(&train, &test, groups, &data, &error);
    }
    if (done == RESHIFT_OK) {
        done = read_preparation(&train, &test, &how_prepared, &prepared, &error);
    }
    if (done == RESHIFT_OK && by_adam) {
        done = probe_class_weights(&choice, &data, &class_weights, &error);
        how.class_weights = class_weights;
    }
    if (done == RESHIFT_OK) {
        done = by_adam ? reshift_probe_train(&data.features, &data.labels, test.n ? &data.test_features : NULL,
                                             test.n ? &data.test_labels : NULL, (int)classes, &how, &weight, &bias,
                                             &history, session_progress(), &error)
                       : probe_by_method(&c, &choice, &data, &weight, &bias, &error);
        if (done == RESHIFT_ERROR_SHAPE || done == RESHIFT_ERROR_FORMAT ||
            done == RESHIFT_ERROR_NUMERIC) { /* something is wrong with the files */
            bool tested = strncmp(error.message, "test ", 5) == 0;
            const char *const *files = tested ? test.items : train.items;
            done = fail_in(&error, done, "%s %s %s", tested ? "--test" : "--train", files[0], files[1]);
        }
    }
    if (done == RESHIFT_OK) {
        done = reshift_outputs_create(&outputs, &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_outputs_add(outputs, out, c.force, &out_part, &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_outputs_add(outputs, history_out, c.force, &history_part, &error);
    }
    if (done == RESHIFT_OK && out) {
        done = save(out_part, c.force, &weight, &bias, images, prepared ? &how_prepared : NULL, train.items[0], &error);
    }
    if (done == RESHIFT_OK && history_out) {
        done = reshift_history_save_csv(history_part, &history, c.force, &error);
    }
    if (done == RESHIFT_OK && plots) {
        done = training_plot(&c, plots, "probe", "Linear probe", &history, 0, &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_outputs_commit(outputs, &error);
    }
    reshift_outputs_destroy(&outputs);
    if (done == RESHIFT_OK) {
        if (by_adam) {
            training_print_result(&c, &history, NULL);
        }
        status = session_end();
    } else {
        status = session_fail(&error);
    }
    free(class_weights);
    reshift_history_destroy(&history);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_array_destroy(&data.features);
    reshift_array_destroy(&data.labels);
    reshift_array_destroy(&data.test_features);
    reshift_array_destroy(&data.test_labels);
    reshift_array_destroy(&data.groups);
    return status;
}
