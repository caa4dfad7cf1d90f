/* reshift predict: the likeliest classes of photographs, by the weights' own recipe. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "reshift/learning.h"

/* Classes by falling probability; equals by their number. */
static void order_classes(const float *probabilities, int n, int *order, int top)
{
    for (int place = 0; place < top; place++) {
        int best = -1;
        for (int label = 0; label < n; label++) {
            bool taken = false;
            for (int i = 0; i < place; i++) {
                taken = taken || order[i] == label;
            }
            if (!taken && (best < 0 || probabilities[label] > probabilities[best])) {
                best = label;
            }
        }
        order[place] = best;
    }
}

static void print_text(const reshift_model *model, const char *path, const float *probabilities, const int *order,
                       int top)
{
    printf("%s\n", path);
    for (int i = 0; i < top; i++) {
        const char *name = reshift_model_class_name(model, order[i]);
        if (name) {
            printf("  %6.2f %%  %s\n", 100 * probabilities[order[i]], name);
        } else {
            printf("  %6.2f %%  class %d\n", 100 * probabilities[order[i]], order[i]);
        }
    }
}

static json_t *to_json(const reshift_model *model, const char *path, const float *probabilities, const int *order,
                       int top)
{
    json_t *classes = json_array();
    for (int i = 0; i < top; i++) {
        json_array_append_new(classes, json_pack("{s:i, s:s?, s:f}", "class", order[i], "name",
                                                 reshift_model_class_name(model, order[i]), "probability",
                                                 (double)probabilities[order[i]]));
    }
    return json_pack("{s:s, s:o}", "file", path, "classes", classes);
}

int command_predict(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const char *weights = NULL, *head = NULL;
    int64_t top = 5;
    const option options[] = {
        TEXT("--weights", &weights, "W", "a checkpoint, or a name such as resnet50", NULL),
        TEXT("--head", &head, "FILE", "fc to use instead, as 'reshift probe' writes it", NULL),
        COUNT("--top", &top, "N", 1, 1000, "how many classes to show", "5"),
        OPTION_PRECISION(c),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "predict",
        .about = "Names what is in photographs (JPEG, PNG): the likeliest classes with their probabilities. Classes go "
                 "by name\n"
                 "where the weights carry names, else by number (ImageNet's order for ImageNet's weights).",
        .synopsis = "--weights W IMAGE... [options]",
        .argument = "IMAGE",
        .at_least = 1,
        .at_most = OPTION_WORDS_MOST,
        .example = "  reshift predict --weights model.safetensors cat.jpg dog.png",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (!weights) {
        return usage_error(&u, "expected --weights");
    }
    reshift_error error;
    reshift_model *model = NULL;
    if (reshift_model_load(weights, c.data_dir, &model, &error) != RESHIFT_OK ||
        (head && reshift_model_load_head(model, head, &error) != RESHIFT_OK)) {
        status = session_fail(&error);
        reshift_model_destroy(&model);
        return status;
    }
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
        if (reshift_image_load(words.items[i], &image, &error) != RESHIFT_OK ||
            reshift_predict(model, &image, session_precision(&c), probabilities, &error) != RESHIFT_OK) {
            status = session_fail(&error);
        } else {
            order_classes(probabilities, n, order, shown);
            if (c.json) {
                json_array_append_new(all, to_json(model, words.items[i], probabilities, order, shown));
            } else {
                print_text(model, words.items[i], probabilities, order, shown);
            }
        }
        reshift_image_destroy(&image);
    }
    if (status < 0 && c.json) {
        char *text = json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
        printf("%s\n", text ? text : "[]");
        free(text);
    }
    json_decref(all);
    free(order);
    free(probabilities);
    reshift_model_destroy(&model);
    return status >= 0 ? status : session_end();
}
