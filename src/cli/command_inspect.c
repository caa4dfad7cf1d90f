/* reshift inspect: describes a file or folder, as text or as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/inspect.h"
#include "reshift/model.h"

#define INDENT 2
#define TEXT_MOST 240 /* characters of a text that are shown: some weights contain lists that fill screens */
#define TEXT_SHOWN 60

static bool is_plain(const json_t *value) { return !json_is_object(value) && !json_is_array(value); }

/* Prints a value or a list of simple values on one line. */
static void print_plain(const json_t *value)
{
    size_t index;
    const json_t *item;
    if (json_is_string(value) && json_string_length(value) > TEXT_MOST) {
        printf("%.*s... (%zu characters; all with --json)", TEXT_SHOWN, shown(json_string_value(value)),
               json_string_length(value));
    } else if (json_is_string(value)) {
        printf("%s", shown(json_string_value(value)));
    } else if (json_is_array(value)) {
        printf("[");
        json_array_foreach(value, index, item)
        {
            printf("%s", index ? "," : "");
            print_plain(item);
        }
        printf("]");
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        printf("%s", text ? text : "");
        free(text);
    }
}

static bool fits_line(const json_t *value)
{
    size_t index;
    const json_t *item;
    if (!json_is_array(value)) {
        return is_plain(value);
    }
    json_array_foreach(value, index, item)
    {
        if (!is_plain(item)) {
            return false;
        }
    }
    return true;
}

/* True if all values of an object fit on one line, so that it is printed as one row of a list. */
static bool is_row(json_t *value)
{
    const char *key;
    json_t *item;
    if (!json_is_object(value)) {
        return false;
    }
    json_object_foreach(value, key, item)
    {
        if (!fits_line(item)) {
            return false;
        }
    }
    return true;
}

static void print_object(json_t *object, int indent);

static void print_value(const char *key, json_t *value, int indent)
{
    size_t index;
    json_t *item;
    printf("%*s%s:", indent, "", shown(key));
    if (fits_line(value)) {
        printf(" ");
        print_plain(value);
        printf("\n");
        return;
    }
    printf("\n");
    if (json_is_object(value)) {
        print_object(value, indent + INDENT);
        return;
    }
    json_array_foreach(value, index, item)
    {
        const char *name;
        json_t *part;
        if (is_row(item)) {
            printf("%*s", indent + INDENT, "");
            bool first = true;
            json_object_foreach(item, name, part)
            {
                printf("%s", first ? "" : "  ");
                print_plain(part);
                first = false;
            }
            printf("\n");
        } else if (json_is_object(item)) {
            print_object(item, indent + INDENT);
        } else {
            printf("%*s", indent + INDENT, "");
            print_plain(item);
            printf("\n");
        }
    }
}

static void print_object(json_t *object, int indent)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) { print_value(key, value, indent); }
}

/*
 * The network that 'reshift eval' and others would load from a checkpoint: architecture, recipe and choices; or the
 * reason why it cannot be loaded.
 */
static void describe_network(const char *path, json_t *object)
{
    const char *kind = json_string_value(json_object_get(object, "kind"));
    if (!kind || (strcmp(kind, "safetensors") != 0 && strncmp(kind, "torch-", 6) != 0)) {
        return;
    }
    reshift_error error;
    reshift_model *model = NULL;
    json_t *network;
    const reshift_status status = reshift_model_load(path, NULL, &model, &error);
    if (status == RESHIFT_ERROR_MEMORY) { /* not a property of the file */
        session_out_of_memory();
        return;
    }
    if (status != RESHIFT_OK) {
        network = json_pack("{s:s}", "refused", error.message);
    } else {
        const reshift_recipe *r = reshift_model_recipe(model);
        json_t *notes = json_array();
        reshift_log_level level;
        const char *text;
        for (int i = 0; (text = reshift_model_note(model, i, &level)) != NULL; i++) {
            json_array_append_new(notes, json_string(text));
        }
        network = json_pack("{s:s, s:i, s:i, s:i, s:i, s:[f,f,f], s:[f,f,f], s:b, s:o}", "arch",
                            reshift_model_arch(model), "classes", reshift_model_n_classes(model), "features",
                            reshift_model_n_features(model), "input_size", r->size, "resize", r->resize, "mean",
                            (double)r->mean[0], (double)r->mean[1], (double)r->mean[2], "std", (double)r->std[0],
                            (double)r->std[1], (double)r->std[2], "recipe_stored", r->stored, "notes", notes);
    }
    reshift_model_destroy(&model);
    if (network) {
        json_object_set_new(object, "network", network);
    }
}

int command_inspect(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const option options[] = {OPTION_QUIET(c), OPTION_JSON(c), OPTIONS_END};
    const usage u = {
        .command = "inspect",
        .about = "Describes a checkpoint, an array, an archive, an image or a data set's folder.",
        .synopsis = "FILE... [options]",
        .argument = "FILE",
        .at_least = 1,
        .at_most = OPTION_WORDS_MOST,
        .example = "  reshift inspect model.safetensors feats.npy CIFAR-10-C/",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    json_t *all = json_array();
    bool failed = false, first = true;
    for (int i = 0; i < words.n; i++) {
        reshift_error error;
        char *text = NULL;
        if (reshift_inspect(words.items[i], &text, &error) != RESHIFT_OK) {
            session_fail(&error); /* continues with the other files */
            failed = true;
            continue;
        }
        json_t *object = json_loads(text, 0, NULL);
        describe_network(words.items[i], object);
        if (c.json) {
            json_array_append(all, object);
        } else {
            printf("%s%s\n", first ? "" : "\n", shown(words.items[i]));
            first = false;
            print_object(object, INDENT);
        }
        json_decref(object);
        free(text);
    }
    if (c.json) {
        print_json(all, JSON_INDENT(1) | JSON_REAL_PRECISION(17), "[]");
    }
    json_decref(all);
    status = session_end();
    return failed ? 1 : status;
}
