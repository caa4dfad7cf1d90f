/* reshift predict: the most likely classes of photographs, with the recipe of the weights. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/predict_set.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/class_map.h"
#include "reshift/export.h"
#include "reshift/learning.h"

static void print_text(const reshift_model *model, const char *path, const float *probabilities, const int *order,
                       int top)
{
    printf("%s\n", shown(path));
    for (int i = 0; i < top; i++) {
        const char *name = reshift_model_output_name(model, order[i]);
        if (name) {
            printf("  %6.2f %%  %s\n", 100 * probabilities[order[i]], shown(name));
        } else {
            printf("  %6.2f %%  class %d\n", 100 * probabilities[order[i]], order[i]);
        }
    }
}

static json_t *name_of(const reshift_model *model, int class)
{
    const char *name = reshift_model_output_name(model, class);
    return name ? json_text(name) : json_null();
}

static json_t *to_json(const reshift_model *model, const char *path, const float *probabilities, const int *order,
                       int top)
{
    json_t *classes = json_array();
    for (int i = 0; i < top; i++) {
        json_array_append_new(classes, json_pack("{s:i, s:o, s:f}", "class", order[i], "name", name_of(model, order[i]),
                                                 "probability", (double)probabilities[order[i]]));
    }
    return json_pack("{s:o, s:o}", "file", json_text(path), "classes", classes);
}

int command_predict(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const char *weights = NULL, *head = NULL;
    int64_t top = 5;
    predict_set set = {.split = "test", .severity = {1, 5}};
    const option options[] = {
        TEXT("--weights", &weights, "W",
             "a checkpoint (FILE#BRANCH: one of several networks in it), or a name such as resnet50", NULL),
        TEXT("--head", &head, "FILE", "fc to use instead, from 'reshift probe'", NULL),
        TEXT("--data", &set.data, "DATA",
             "a whole set instead of images: cifar10[:DIR], folder:DIR, npy:IMAGES.npy,LABELS.npy, ...", NULL),
        TEXT("--split", &set.split, "train|test", "part of the set", "test"),
        TEXT("--corruption", &set.corruption, "NAME", "corrupted versions of the set's images", "none"),
        RANGE("--severity", &set.severity, "N[-M]", 1, 5, "of the corruption", "1-5"),
        OPTION_CONSTANTS(c),
        OPTION_CORRUPT_AT(c),
        OPTION_NO_JPEG(c),
        OPTION_SKIP_BAD(c),
        TEXT("--out", &set.out, "FILE.csv|FILE.npy",
             "for --data: one line per image with its most likely classes, or probabilities float32 [N,K]", NULL),
        FLAG("--logits", &set.logits, "write logits to --out FILE.npy instead of probabilities"),
        COUNT("--top", &top, "N", 1, 1000, "number of classes to show", "5"),
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
        .command = "predict",
        .about = "Classifies photographs (JPEG, PNG): prints the most likely classes with their probabilities. "
                 "Classes have the\n"
                 "names stored with the weights, ImageNet's names for its 1,000 classes, or else numbers.\n"
                 "An unreadable file is reported and skipped; the exit status is then 1.",
        .synopsis = "--weights W IMAGE... [options]\n"
                    "--weights W --data DATA --out FILE [options]",
        .argument = "IMAGE",
        .at_least = 0,
        .at_most = OPTION_WORDS_MOST,
        .example = "  reshift predict --weights model.safetensors cat.jpg dog.png\n"
                   "  reshift predict --weights model.safetensors --data folder:photos --out photos.csv --top 3",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (!weights) {
        return usage_error(&u, "expected --weights");
    }
    if (!set.data == (words.n == 0)) {
        return usage_error(&u, set.data ? "--data and IMAGE: expected one of them" : "expected IMAGE");
    }
    const char *wrong = set.data         ? predict_set_check(&set)
                        : set.out        ? "--out goes with --data"
                        : set.logits     ? "--logits goes with --data"
                        : set.corruption ? "--corruption goes with --data"
                        : c.limit > 0    ? "--limit goes with --data"
                                         : NULL;
    if (wrong) {
        return usage_error(&u, "%s", wrong);
    }
    set.top = (int)top;
    reshift_error error;
    reshift_model *model = NULL;
    if ((set.data && check_data(set.data, set.split, &error) != RESHIFT_OK) ||
        open_model(&c, weights, head, &model, &error) != RESHIFT_OK) {
        status = session_fail(&error);
        reshift_model_destroy(&model);
        return status;
    }
    reshift_model_set_size(model, (int)c.size);
    if (set.data) {
        status = predict_set_write(&c, &set, model, &error) == RESHIFT_OK ? session_end() : session_fail(&error);
        reshift_model_destroy(&model);
        return status;
    }
    char difference[256];
    if (reshift_precision_here(session_precision(&c), false) == RESHIFT_PRECISION_INT8 &&
        !reshift_model_calibration_fits(model, 0, difference, sizeof difference)) {
        char text[512];
        snprintf(
            text, sizeof text,
            "int8: the clipping ranges were measured on images prepared otherwise than these: %s (reshift calibrate "
            "measures them again)",
            difference);
        session_progress()->message(session_progress()->context, RESHIFT_LOG_WARNING, text);
    }
    int failed = -1;
    int n = reshift_model_n_classes(model), shown = top < n ? (int)top : n;
    float *probabilities = calloc((size_t)n, sizeof *probabilities);
    int *order = calloc((size_t)n, sizeof *order);
    json_t *all = json_array();
    status = probabilities && order && all ? -1 : 1;
    if (status > 0) {
        fprintf(stderr, "reshift: out of memory\n");
    }
    for (int i = 0; i < words.n && status < 0; i++) {
        reshift_image image = {0};
        bool deep = false;
        if (reshift_image_is_deep_grey(words.items[i], &deep, &error) == RESHIFT_OK && deep) {
            char text[4096];
            snprintf(text, sizeof text, "'%s': %s", words.items[i], RESHIFT_DEEP_GREY);
            session_progress()->message(session_progress()->context, RESHIFT_LOG_WARNING, text);
        }
        if (reshift_image_load(words.items[i], &image, &error) != RESHIFT_OK ||
            reshift_predict(model, &image, session_precision(&c), probabilities, &error) != RESHIFT_OK) {
            /* An unreadable file among many is reported and skipped, as by cat and ls; Ctrl-C ends the command. */
            failed = session_fail(&error);
            status = failed > 2 ? failed : -1;
        } else {
            reshift_top_classes(probabilities, n, order, shown);
            if (c.json) {
                json_array_append_new(all, to_json(model, words.items[i], probabilities, order, shown));
            } else {
                print_text(model, words.items[i], probabilities, order, shown);
            }
        }
        reshift_image_destroy(&image);
    }
    if (status < 0 && c.json && json_array_size(all) > 0) { /* every image failed: nothing to print */
        print_json(all, JSON_INDENT(1) | JSON_REAL_PRECISION(9), "[]");
    }
    json_decref(all);
    free(order);
    free(probabilities);
    reshift_model_destroy(&model);
    return status >= 0 ? status : failed >= 0 ? failed : session_end();
}
