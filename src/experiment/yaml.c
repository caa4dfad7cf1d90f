/*
 * YAML into settings. libyaml's document API is used because every node knows its line: an unknown key, a wrong type, a
 * value out of range and a key given twice are all reported where they stand. What keys there are is the business of
 * settings.c; this file only walks.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/demo.h"
#include "experiment/settings.h"
#include "reshift/words.h"

#define FILE_BYTES_MOST (1 << 20)
#define DEPTH_MOST 8 /* an experiment needs three; libyaml's time grows with the square of the depth */

/* Where the words being read come from. */
typedef struct reading {
    reshift_experiment *experiment;
    yaml_document_t *document;
    const char *file;          /* or NULL */
    const char *override_text; /* or NULL */
    reshift_error *error;
} reading;

static reshift_status fail(const reading *r, const yaml_mark_t *mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static reshift_status fail(const reading *r, const yaml_mark_t *mark, const char *format, ...)
{
    char words[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    if (r->override_text) {
        return error_set(r->error, RESHIFT_ERROR_ARGUMENT, "--set %s: %s", r->override_text, words);
    }
    error_set(r->error, RESHIFT_ERROR_ARGUMENT, "experiment '%s' line %zu: %s", r->file, mark->line + 1, words);
    return error_at_line(r->error, RESHIFT_ERROR_ARGUMENT, r->file, (int64_t)mark->line + 1);
}

static const char *leaf_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

static reshift_status unknown_key(const reading *r, const yaml_mark_t *mark, const char *path)
{
    const setting *nearest = NULL;
    int least = 1000;
    for (const setting *row = settings_table(); row->path; row++) {
        int distance = reshift_word_distance(path, row->path);
        int other = reshift_word_distance(leaf_of(path), leaf_of(row->path)) + 1; /* right key, wrong section */
        if ((distance < other ? distance : other) < least) {
            least = distance < other ? distance : other;
            nearest = row;
        }
    }
    char section[64] = "";
    int section_distance = 1000;
    for (const setting *row = settings_table(); row->path; row++) {
        const char *dot = strchr(row->path, '.');
        char name[64];
        snprintf(name, sizeof name, "%.*s", dot ? (int)(dot - row->path) : 0, row->path);
        if (dot && reshift_word_distance(path, name) < section_distance) {
            section_distance = reshift_word_distance(path, name);
            snprintf(section, sizeof section, "%s", name);
        }
    }
    fail(r, mark, "unknown key '%s'", path);
    int letters = (int)strlen(leaf_of(path)), tolerated = letters / 3 > 2 ? letters / 3 : 2;
    tolerated = tolerated < letters ? tolerated : letters - 1; /* every letter changed is another word */
    if (section_distance < least && section_distance <= tolerated) {
        error_hint(r->error, "did you mean '%s'?", section);
    } else if (nearest && least <= tolerated) {
        error_hint(r->error, "did you mean '%s'?", nearest->path);
    } else {
        error_hint(r->error, "'reshift run --keys' lists every key");
    }
    return RESHIFT_ERROR_ARGUMENT;
}

static const char *scalar_text(const yaml_node_t *node) { return (const char *)node->data.scalar.value; }

static reshift_status wrong_value(const reading *r, const yaml_node_t *node, const setting *row)
{
    char expectation[256], found[160];
    setting_expectation(row, expectation, sizeof expectation);
    if (node->type == YAML_MAPPING_NODE) {
        snprintf(found, sizeof found, "a map");
    } else if (node->type == YAML_SEQUENCE_NODE) {
        snprintf(found, sizeof found, "a list");
    } else if (node->data.scalar.length == 0) {
        snprintf(found, sizeof found, "nothing");
    } else {
        bool quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        snprintf(found, sizeof found, "%s'%.100s'", quoted ? "the text " : "", scalar_text(node));
        for (char *c = found; *c; c++) { /* a message is one line */
            *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
        }
    }
    return fail(r, &node->start_mark, "'%s': expected %s, found %s", row->path, expectation, found);
}

/* A NUL inside a scalar would cut the text short without a word. */
static bool usable_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && strlen(scalar_text(node)) == node->data.scalar.length;
}

static reshift_status apply_value(const reading *r, const setting *row, const yaml_node_t *node)
{
    bool textual = row->kind == SETTING_TEXT || row->kind == SETTING_NAME || row->kind == SETTING_CHOICE ||
                   row->kind == SETTING_SEVERITIES || row->kind == SETTING_BYTES;
    if (usable_scalar(node)) {
        bool quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        bool good = (textual || !quoted) && setting_read(r->experiment, row, scalar_text(node));
        return good ? RESHIFT_OK : wrong_value(r, node, row);
    }
    if (node->type == YAML_SEQUENCE_NODE && row->kind == SETTING_BLOCKS) {
        settings_blocks blocks = {.n = 0};
        for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
             item++) {
            const yaml_node_t *one = yaml_document_get_node(r->document, *item);
            if (!usable_scalar(one) || !setting_add_block(&blocks, scalar_text(one))) {
                return wrong_value(r, one, row);
            }
        }
        if (blocks.n == 0) {
            return fail(r, &node->start_mark, "'%s': expected at least one block, found an empty list", row->path);
        }
        *(settings_blocks *)setting_place(r->experiment, row) = blocks;
        return RESHIFT_OK;
    }
    if (node->type == YAML_MAPPING_NODE && row->kind == SETTING_RATES) {
        settings_rates rates = {.n = 0};
        for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
             pair++) {
            const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
            const yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
            int before = rates.n;
            if (!usable_scalar(key)) {
                return wrong_value(r, key, row);
            }
            if (!usable_scalar(value) || !setting_add_rate(&rates, scalar_text(key), scalar_text(value))) {
                settings_rates other = {.n = 0};
                bool rate_is_good = usable_scalar(value) && setting_add_rate(&other, "all", scalar_text(value));
                return wrong_value(r, rate_is_good ? key : value, row);
            }
            if (rates.n == before) {
                return fail(r, &key->start_mark, "'%s': block '%s' is given twice", row->path, scalar_text(key));
            }
        }
        if (rates.n == 0) {
            return fail(r, &node->start_mark, "'%s': expected at least one learning rate, found an empty map",
                        row->path);
        }
        *(settings_rates *)setting_place(r->experiment, row) = rates;
        return RESHIFT_OK;
    }
    return wrong_value(r, node, row);
}

static const setting *find_row(const char *path)
{
    for (const setting *row = settings_table(); row->path; row++) {
        if (strcmp(row->path, path) == 0) {
            return row;
        }
    }
    return NULL;
}

static bool is_section(const char *path)
{
    size_t length = strlen(path);
    for (const setting *row = settings_table(); row->path; row++) {
        if (strncmp(row->path, path, length) == 0 && row->path[length] == '.') {
            return true;
        }
    }
    return false;
}

/* Every pair of a map whose keys stand below `section` ("" at the top). Sections are one level deep. */
static reshift_status apply_map(const reading *r, const char *section, const yaml_node_t *map)
{
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
        if (!usable_scalar(key)) {
            return fail(r, &key->start_mark, "expected a key, found a list or map");
        }
        char path[128];
        snprintf(path, sizeof path, "%s%s%.60s", section, *section ? "." : "", scalar_text(key));
        for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair; other++) {
            const yaml_node_t *earlier = yaml_document_get_node(r->document, other->key);
            if (usable_scalar(earlier) && strcmp(scalar_text(earlier), scalar_text(key)) == 0) {
                return fail(r, &key->start_mark, "key '%s' is given twice, first in line %zu", path,
                            earlier->start_mark.line + 1);
            }
        }
        reshift_status status = RESHIFT_OK;
        const setting *row = find_row(path);
        if (row) {
            status = apply_value(r, row, value);
        } else if (*section || !is_section(path)) {
            status = unknown_key(r, &key->start_mark, path);
        } else if (value->type == YAML_MAPPING_NODE) {
            status = apply_map(r, path, value);
        } else if (value->type != YAML_SCALAR_NODE || value->data.scalar.length != 0) { /* "probe:" alone: defaults */
            status = fail(r, &value->start_mark, "'%s': expected a map of keys, found %s", path,
                          value->type == YAML_SEQUENCE_NODE ? "a list" : "a single value");
        }
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    return RESHIFT_OK;
}

/* What libyaml says is wrong with the notation itself. */
static reshift_status fail_notation(const reading *r, const yaml_parser_t *parser, const char *text, size_t size)
{
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_MEMORY_ERROR) {
        return error_memory(r->error, size, "an experiment");
    }
    if (parser->error == YAML_READER_ERROR) { /* bytes that are no UTF-8: there is an offset, but no mark */
        mark.line = 0;
        for (size_t i = 0; i < parser->problem_offset && i < size; i++) {
            mark.line += text[i] == '\n';
        }
    }
    fail(r, &mark, "not YAML: %s", parser->problem ? parser->problem : "cannot be read");
    size_t line = 0, at = 0;
    while (at < size && line < mark.line) {
        line += text[at++] == '\n';
    }
    at += at < size ? strspn(text + at, " ") : 0;
    if (at < size && text[at] == '\t') {
        fail(r, &mark, "the line is indented with a tab");
        error_hint(r->error, "YAML is indented with spaces only");
    }
    return RESHIFT_ERROR_ARGUMENT;
}

/* Stops at the first collection that lies too deep, before libyaml has to build what lies in it. What is wrong with the
 * notation is left to parse(). */
static reshift_status check_depth(const reading *r, const char *text, size_t size)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return error_memory(r->error, size, "an experiment");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    reshift_status status = RESHIFT_OK;
    int depth = 0;
    yaml_event_t event;
    bool more = true;
    while (more && status == RESHIFT_OK && yaml_parser_parse(&parser, &event)) {
        depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        more = event.type != YAML_STREAM_END_EVENT;
        if (depth > DEPTH_MOST) {
            status = fail(r, &event.start_mark, "lists and maps nested deeper than %d levels", DEPTH_MOST);
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}

/* Parses `text` as one document and hands its root (NULL: empty) to the caller, who deletes *document. */
static reshift_status parse(reading *r, const char *text, size_t size, yaml_document_t *document, yaml_node_t **root)
{
    reshift_status status = check_depth(r, text, size);
    if (status != RESHIFT_OK) {
        return status;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return error_memory(r->error, size, "an experiment");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, document)) {
        status = fail_notation(r, &parser, text, size);
        yaml_parser_delete(&parser);
        return status;
    }
    r->document = document;
    *root = yaml_document_get_root_node(document);
    if (*root) {
        yaml_document_t next;
        if (!yaml_parser_load(&parser, &next)) {
            status = fail_notation(r, &parser, text, size);
        } else {
            yaml_node_t *second = yaml_document_get_root_node(&next);
            if (second) {
                status = fail(r, &second->start_mark, "expected one document, found a second");
            }
            yaml_document_delete(&next);
        }
    }
    if (status != RESHIFT_OK) {
        yaml_document_delete(document);
    }
    yaml_parser_delete(&parser);
    return status;
}

reshift_status settings_apply_yaml(reshift_experiment *experiment, const char *text, size_t size, const char *place,
                                   reshift_error *error)
{
    reading r = {.experiment = experiment, .file = place, .error = error};
    yaml_document_t document;
    yaml_node_t *root = NULL;
    reshift_status status = parse(&r, text, size, &document, &root);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (root && root->type == YAML_MAPPING_NODE) {
        status = apply_map(&r, "", root);
    } else if (root && !(root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0)) {
        status = fail(&r, &root->start_mark, "expected keys such as 'name: seed', found %s",
                      root->type == YAML_SEQUENCE_NODE ? "a list" : "a single value");
    }
    yaml_document_delete(&document);
    return status;
}

reshift_status settings_apply_override(reshift_experiment *experiment, const char *text, reshift_error *error)
{
    reading r = {.experiment = experiment, .override_text = text, .error = error};
    const yaml_mark_t nowhere = {0, 0, 0};
    const char *equals = strchr(text, '=');
    char path[128];
    if (!equals || equals == text || equals - text >= (ptrdiff_t)sizeof path) {
        fail(&r, &nowhere, "expected KEY=VALUE");
        error_hint(error, "for example --set finetune.epochs=3");
        return RESHIFT_ERROR_ARGUMENT;
    }
    snprintf(path, sizeof path, "%.*s", (int)(equals - text), text);
    /* a rate of one block has a path of its own: finetune.lr.layer4=0.0001 */
    const setting *row = find_row(path);
    const char *block = leaf_of(path);
    if (!row && block > path) {
        char parent[sizeof path];
        snprintf(parent, sizeof parent, "%.*s", (int)(block - path - 1), path);
        const setting *above = find_row(parent);
        if (above && above->kind == SETTING_RATES) {
            if (!setting_add_rate(setting_place(experiment, above), block, equals + 1)) {
                return fail(&r, &nowhere, "expected a learning rate above 0, at most %g", above->high);
            }
            return RESHIFT_OK;
        }
    }
    if (!row && !is_section(path)) {
        return unknown_key(&r, &nowhere, path);
    }
    yaml_document_t document;
    yaml_node_t *root = NULL;
    reshift_status status = parse(&r, equals + 1, strlen(equals + 1), &document, &root);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (!root) {
        status = fail(&r, &nowhere, "expected a value after '='");
    } else if (row) {
        status = apply_value(&r, row, root);
    } else if (root->type == YAML_MAPPING_NODE) {
        status = apply_map(&r, path, root);
    } else {
        status = fail(&r, &nowhere, "'%s' holds several keys", path);
        error_hint(error, "name one, as in --set %s.KEY=VALUE", path);
    }
    yaml_document_delete(&document);
    return status;
}

static reshift_status create(const char *text, size_t size, const char *place, const char *const *overrides,
                             int n_overrides, reshift_experiment **experiment, reshift_error *error)
{
    *experiment = calloc(1, sizeof **experiment);
    if (!*experiment) {
        return error_memory(error, sizeof **experiment, "an experiment");
    }
    settings_default(*experiment);
    reshift_status status = settings_apply_yaml(*experiment, text, size, place, error);
    for (int i = 0; i < n_overrides && status == RESHIFT_OK; i++) {
        status = settings_apply_override(*experiment, overrides[i], error);
    }
    if (status == RESHIFT_OK && (status = settings_check(*experiment, error)) != RESHIFT_OK) {
        error_prefix(error, status, "experiment '%s'", place);
    }
    if (status != RESHIFT_OK) {
        reshift_experiment_destroy(experiment);
    }
    return status;
}

reshift_status reshift_experiment_load(const char *path, const char *const *overrides, int n_overrides,
                                       reshift_experiment **experiment, reshift_error *error)
{
    *experiment = NULL;
    file_map map;
    reshift_status status = file_map_open(path, &map, error);
    if (status != RESHIFT_OK) {
        return error_prefix(error, status, "cannot read the experiment");
    }
    if (map.size > FILE_BYTES_MOST) {
        status = error_set(error, RESHIFT_ERROR_ARGUMENT, "experiment '%s': expected at most %d bytes, found %zu", path,
                           FILE_BYTES_MOST, map.size);
    } else {
        /* libyaml asserts that there is a text, and an empty file has no bytes to point at */
        status = create(map.size > 0 ? (const char *)map.data : "", map.size, path, overrides, n_overrides, experiment,
                        error);
    }
    file_map_close(&map);
    return status;
}

reshift_status reshift_experiment_demo(const char *const *overrides, int n_overrides, reshift_experiment **experiment,
                                       reshift_error *error)
{
    *experiment = NULL;
    return create(demo_experiment, strlen(demo_experiment), "demo", overrides, n_overrides, experiment, error);
}
