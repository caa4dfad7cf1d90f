/* reshift inspect: what is in a file or folder, as text for people or as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/inspect.h"

#define INDENT 2
#define TEXT_MOST 240 /* characters of a text that people are shown: weights carry lists that fill screens */
#define TEXT_SHOWN 60

static bool is_plain(const json_t *value) { return !json_is_object(value) && !json_is_array(value); }

/* A list of plain values, or a plain value, in one line. */
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

/* An object whose values all fit a line is one row of a list. */
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

int command_inspect(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const option options[] = {OPTION_QUIET(c), OPTION_JSON(c), OPTIONS_END};
    const usage u = {
        .command = "inspect",
        .about = "Says what is in a checkpoint, an array, an archive, an image or a data set's folder.",
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
    for (int i = 0; i < words.n && status < 0; i++) {
        reshift_error error;
        char *text = NULL;
        if (reshift_inspect(words.items[i], &text, &error) != RESHIFT_OK) {
            status = session_fail(&error);
            break;
        }
        json_t *object = json_loads(text, 0, NULL);
        if (c.json) {
            json_array_append(all, object);
        } else {
            printf("%s%s\n", i ? "\n" : "", shown(words.items[i]));
            print_object(object, INDENT);
        }
        json_decref(object);
        free(text);
    }
    if (status < 0 && c.json) {
        print_json(all, JSON_INDENT(1) | JSON_REAL_PRECISION(17), "[]");
    }
    json_decref(all);
    return status >= 0 ? status : session_end();
}
