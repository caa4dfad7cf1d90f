/* reshift extract: writes the features of an image set to a .npy file, and their labels to another. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/export.h"
#include "reshift/learning.h"
#include "reshift/outputs.h"
#include "reshift/preparation.h"
#include "reshift/words.h"

static reshift_status save_images(const char *path, const reshift_dataset *dataset, bool force, reshift_error *error)
{
    reshift_fingerprints images = {0};
    reshift_status status = reshift_fingerprints_of(dataset, &images, error);
    const reshift_array array = {
        .dtype = RESHIFT_U64, .n_dims = 1, .shape = {images.n}, .data = images.values, .read_only = true};
    if (status == RESHIFT_OK) {
        status = reshift_array_save_npy(path, &array, force, error);
    }
    reshift_fingerprints_destroy(&images);
    return status;
}

/* FEATURES.json, which 'reshift probe' reads: the preparation of the images of the features. */
static reshift_status describe(const char *path, const char *features, const common *c, const reshift_model *model,
                               const char *data, const char *split, const char *corruption, reshift_preparation *how,
                               reshift_error *error)
{
    how->recipe = reshift_recipe_at(reshift_model_recipe(model), (int)c->size);
    snprintf(how->arch, sizeof how->arch, "%s", reshift_model_arch(model));
    snprintf(how->data, sizeof how->data, "%s, %s%s%s", data, split, corruption ? ", " : "",
             corruption ? corruption : "");
    return reshift_preparation_save(path, features, how, c->force, error);
}

int command_extract(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    option_range severity = {1, 5};
    const char *weights = NULL, *data = NULL, *split = "test", *corruption = NULL, *out = NULL, *labels_out = NULL;
    const char *images_out = NULL, *csv = NULL;
    const char *cache_folder = NULL;
    const option options[] = {
        TEXT("--weights", &weights, "W",
             "a checkpoint (FILE#BRANCH: one of several networks in it), or a name such as resnet50", NULL),
        TEXT("--data", &data, "DATA",
             "cifar10[:DIR], cifar10-c[:DIR], imagenet-c[:DIR], folder:DIR, npy:IMAGES.npy,LABELS.npy, npy:BOTH.npz or "
             "demo",
             NULL),
        TEXT("--split", &split, "train|test", "part of the set", "test"),
        TEXT("--corruption", &corruption, "NAME", "corrupted versions of the images", "none"),
        RANGE("--severity", &severity, "N[-M]", 1, 5, "of the corruption", "1-5"),
        OPTION_CONSTANTS(c),
        OPTION_CORRUPT_AT(c),
        OPTION_NO_JPEG(c),
        OPTION_SKIP_BAD(c),
        OUTPUT("--out", &out, "FILE.npy",
               "features, float32 [N,D]; FILE.npy.json gets the preparation of the images,"
               " for 'reshift probe'",
               NULL),
        TEXT("--cache", &cache_folder, "DIR",
             "activation cache of 'reshift finetune --cache': cached images run only through the other blocks", NULL),
        OUTPUT("--csv", &csv, "FILE.csv", "the same as a table: image, severity, label, class, f0, f1, ...", NULL),
        OUTPUT("--labels-out", &labels_out, "FILE.npy", "labels, int64 [N]", NULL),
        OUTPUT("--images-out", &images_out, "FILE.npy", "fingerprints of the images, for 'reshift probe --images'",
               NULL),
        OPTION_SIZE(c),
        OPTION_BATCH(c),
        OPTION_LIMIT(c),
        OPTION_SEED(c),
        OPTION_PRECISION(c),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "extract",
        .about = "Runs images through a network without its last layer and writes one feature vector per image.",
        .synopsis = "--weights W --data DATA --out FILE.npy [options]",
        .example =
            "  reshift extract --weights resnet50 --data cifar10 --split test --out feats.npy --labels-out labels.npy",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (!weights || !data || !out) {
        return usage_error(&u, "expected --weights, --data and --out");
    }
    const size_t length = strlen(out);
    if (length > 4 && strcmp(out + length - 4, ".csv") == 0) {
        return usage_error(&u, "--out is written as .npy, found '%s': a table is --csv FILE.csv", shown(out));
    }
    reshift_error error;
    reshift_model *model = NULL;
    reshift_dataset *dataset = NULL;
    reshift_frozen_cache *cache = NULL;
    reshift_outputs *outputs = NULL;
    reshift_forward_options forward = {.size = (int)c.size, .batch = (int)c.batch, .precision = session_precision(&c)};
    reshift_status done = check_data(data, split, &error);
    if (done == RESHIFT_OK) {
        done = check_target(&c, out, &error);
    }
    char description[4096 + 8];
    snprintf(description, sizeof description, "%s.json", out);
    const bool through = reshift_output_is_through(out); /* cannot be described or read back */
    if (through && csv) {
        return usage_error(&u, "--csv is made from the features: expected --out to be a file, found '%s'", shown(out));
    }
    if (done == RESHIFT_OK && !through) {
        done = check_target(&c, description, &error);
    }
    if (done == RESHIFT_OK && labels_out) {
        done = check_target(&c, labels_out, &error);
    }
    if (done == RESHIFT_OK && csv) {
        done = check_target(&c, csv, &error);
    }
    if (done == RESHIFT_OK && images_out) {
        done = check_target(&c, images_out, &error);
    }
    if (done == RESHIFT_OK) {
        done = open_model(&c, weights, NULL, &model, &error);
    }
    if (done == RESHIFT_OK) {
        done = open_data(&c, data, split, corruption, &severity, model, &dataset, &error);
    }
    if (done == RESHIFT_OK) {
        done = session_calibrate(&c, model, data, &error);
    }
    if (done == RESHIFT_OK && cache_folder) {
        reshift_frozen_cache_options keeping;
        reshift_frozen_cache_options_default(&keeping);
        keeping.folder = cache_folder;
        keeping.place = RESHIFT_CACHE_DISK;
        done = reshift_frozen_cache_open(&keeping, &cache, &error);
        forward.cache = cache;
    }
    if (done == RESHIFT_OK) {
        done = reshift_outputs_create(&outputs, &error);
    }
    const char *const paths[] = {out, labels_out, csv, images_out, through ? NULL : description};
    const char *parts[5] = {NULL};
    for (int i = 0; i < 5 && done == RESHIFT_OK; i++) {
        done = reshift_outputs_add(outputs, paths[i], c.force, &parts[i], &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_extract(model, dataset, &forward, parts[0], parts[1], c.force, session_progress(), &error);
    }
    reshift_preparation how = {.recipe = {0}};
    if (done == RESHIFT_OK) {
        how.recipe = reshift_recipe_at(reshift_model_recipe(model), (int)c.size);
    }
    if (done == RESHIFT_OK && !through) {
        done = describe(parts[4], parts[0], &c, model, data, split, corruption, &how, &error);
    }
    if (done == RESHIFT_OK && !through) {
        done = reshift_preparation_add_class_names(parts[4], dataset, &error);
    }
    if (done == RESHIFT_OK && csv) {
        reshift_array features = {0};
        done = reshift_array_load_npy(parts[0], &features, &error);
        if (done == RESHIFT_OK) {
            done = reshift_features_save_csv(parts[2], &features, dataset, c.force, &error);
        }
        reshift_array_destroy(&features);
    }
    if (done == RESHIFT_OK && images_out) {
        done = save_images(parts[3], dataset, c.force, &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_outputs_commit(outputs, &error);
    }
    reshift_outputs_destroy(&outputs);
    if (done != RESHIFT_OK) {
        status = session_fail(&error);
    } else {
        long long n = (long long)reshift_dataset_count(dataset);
        int d = reshift_model_n_features(model);
        if (c.json) {
            printf("{\"rows\": %lld, \"features\": %d, \"input_size\": %d, \"resize\": %d, \"images_left_out\": %lld, "
                   "\"images_damaged\": %lld}\n",
                   n, d, how.recipe.size, how.recipe.resize, (long long)reshift_dataset_n_skipped(dataset),
                   (long long)reshift_dataset_n_damaged(dataset));
        } else {
            printf("%s: %lld %s of %d %s, images as %dx%d (photographs: resize %d)\n", shown(out), n,
                   reshift_noun_for(n, "row", "rows"), d, reshift_noun_for(d, "feature", "features"), how.recipe.size,
                   how.recipe.size, how.recipe.resize);
        }
        status = session_end();
    }
    reshift_frozen_cache_close(&cache);
    reshift_dataset_close(&dataset);
    reshift_model_destroy(&model);
    return status;
}
