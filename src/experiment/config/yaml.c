/*
 * YAML into settings: an unknown key, a wrong type, a value out of range and a key given twice are all reported where
 * they stand. What keys there are is the business of settings.c; this file only walks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/config/demo.h"
#include "experiment/config/settings.h"
#include "experiment/config/yaml_source.h"
#include "reshift/model.h"
#include "reshift/words.h"

#define YAML_FILE_BYTES_MOST (1 << 20)
/* An experiment, and where the words that change it come from. */
typedef struct reading {
    reshift_experiment *experiment;
    yaml_source source;
} reading;

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
    yaml_fail(&r->source, mark, "unknown key '%s'", path);
    int letters = (int)strlen(leaf_of(path)), tolerated = letters / 3 > 2 ? letters / 3 : 2;
    tolerated = tolerated < letters ? tolerated : letters - 1; /* every letter changed is another word */
    if (strcmp(path, "experiment") == 0 || strcmp(path, "grid") == 0 || strcmp(path, "set") == 0) {
        error_hint(r->source.error, "this is a sweep: 'reshift sweep FILE' does one");
    } else if (section_distance < least && section_distance <= tolerated) {
        error_hint(r->source.error, "did you mean '%s'?", section);
    } else if (nearest && least <= tolerated) {
        error_hint(r->source.error, "did you mean '%s'?", nearest->path);
    } else {
        error_hint(r->source.error, "'reshift run --keys' lists every key");
    }
    return RESHIFT_ERROR_ARGUMENT;
}

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
        snprintf(found, sizeof found, "%s'%.100s'", quoted ? "the text " : "", yaml_text(node));
        for (char *c = found; *c; c++) { /* a message is one line */
            *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
        }
    }
    return yaml_fail(&r->source, &node->start_mark, "'%s': expected %s, found %s", row->path, expectation, found);
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

/* "adapt: bn" stands for "adapt: {method: bn}". */
static const setting *short_form(const char *section)
{
    char path[128];
    snprintf(path, sizeof path, "%s.method", section);
    return find_row(path);
}

/* Blocks of no network are a mistake that need not wait for the weights. */
static reshift_status check_blocks(const reading *r, const setting *row, const yaml_node_t *node,
                                   const settings_blocks *blocks)
{
    for (int i = 0; i < blocks->n && strcmp(row->path, "finetune.train") == 0; i++) {
        reshift_error unknown;
        if (reshift_block_check(blocks->names[i], &unknown) != RESHIFT_OK) {
            return yaml_fail(&r->source, &node->start_mark, "'%s': %s", row->path, unknown.message);
        }
    }
    return RESHIFT_OK;
}

static reshift_status apply_value(const reading *r, const setting *row, const yaml_node_t *node)
{
    bool textual = row->kind == SETTING_TEXT || row->kind == SETTING_NAME || row->kind == SETTING_CHOICE ||
                   row->kind == SETTING_SEVERITIES || row->kind == SETTING_BYTES;
    if (yaml_is_text(node)) {
        bool quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        bool good = (textual || !quoted) && setting_read(r->experiment, row, yaml_text(node));
        return !good                         ? wrong_value(r, node, row)
               : row->kind == SETTING_BLOCKS ? check_blocks(r, row, node, setting_place(r->experiment, row))
                                             : RESHIFT_OK;
    }
    if (node->type == YAML_SEQUENCE_NODE && row->kind == SETTING_BLOCKS) {
        settings_blocks blocks = {.n = 0};
        for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
             item++) {
            const yaml_node_t *one = yaml_document_get_node(r->source.document, *item);
            if (!yaml_is_text(one) || !setting_add_block(&blocks, yaml_text(one))) {
                return wrong_value(r, one, row);
            }
            reshift_status status = check_blocks(r, row, one, &blocks); /* those before are good */
            if (status != RESHIFT_OK) {
                return status;
            }
        }
        if (blocks.n == 0) {
            return yaml_fail(&r->source, &node->start_mark, "'%s': expected at least one block, found an empty list",
                             row->path);
        }
        *(settings_blocks *)setting_place(r->experiment, row) = blocks;
        return RESHIFT_OK;
    }
    if (node->type == YAML_MAPPING_NODE && row->kind == SETTING_RATES) {
        settings_rates rates = {.n = 0};
        for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
             pair++) {
            const yaml_node_t *key = yaml_document_get_node(r->source.document, pair->key);
            const yaml_node_t *value = yaml_document_get_node(r->source.document, pair->value);
            int before = rates.n;
            if (!yaml_is_text(key)) {
                return wrong_value(r, key, row);
            }
            if (!yaml_is_text(value) || !setting_add_rate(&rates, yaml_text(key), yaml_text(value))) {
                settings_rates other = {.n = 0};
                const char *any = strcmp(yaml_text(key), "auto") == 0 ? "auto" : "all";
                bool rate_is_good = yaml_is_text(value) && setting_add_rate(&other, any, yaml_text(value));
                return wrong_value(r, rate_is_good ? key : value, row);
            }
            if (rates.n == before) {
                return yaml_fail(&r->source, &key->start_mark, "'%s': block '%s' is given twice", row->path,
                                 yaml_text(key));
            }
        }
        if (rates.n == 0) {
            return yaml_fail(&r->source, &node->start_mark,
                             "'%s': expected at least one learning rate, found an empty map", row->path);
        }
        const char *other = settings_auto_and(&rates);
        if (other) {
            return yaml_fail(&r->source, &node->start_mark, "'%s': " SETTINGS_AUTO_MIXED, row->path, other);
        }
        *(settings_rates *)setting_place(r->experiment, row) = rates;
        return RESHIFT_OK;
    }
    return wrong_value(r, node, row);
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
        const yaml_node_t *key = yaml_document_get_node(r->source.document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(r->source.document, pair->value);
        if (!yaml_is_text(key)) {
            return yaml_fail(&r->source, &key->start_mark, "expected a key, found a list or map");
        }
        char path[128];
        snprintf(path, sizeof path, "%s%s%.60s", section, *section ? "." : "", yaml_text(key));
        for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair; other++) {
            const yaml_node_t *earlier = yaml_document_get_node(r->source.document, other->key);
            if (yaml_is_text(earlier) && strcmp(yaml_text(earlier), yaml_text(key)) == 0) {
                return yaml_fail(&r->source, &key->start_mark, "key '%s' is given twice, first in line %zu", path,
                                 earlier->start_mark.line + 1);
            }
        }
        reshift_status status = RESHIFT_OK;
        const setting *row = find_row(path);
        if (row) {
            status = apply_value(r, row, value);
        } else if (*section || !is_section(path)) {
            status = unknown_key(r, &key->start_mark, path);
            if (value->type == YAML_SCALAR_NODE &&
                value->data.scalar.length == 0) { /* the rest of a value, cut at its comma */
                error_hint(r->source.error, YAML_COMMA_HINT);
            }
        } else if (value->type == YAML_MAPPING_NODE) {
            status = apply_map(r, path, value);
        } else if (yaml_is_text(value) && value->data.scalar.length != 0 && short_form(path)) {
            status = apply_value(r, short_form(path), value);
        } else if (value->type != YAML_SCALAR_NODE || value->data.scalar.length != 0) { /* "probe:" alone: defaults */
            status = yaml_fail(&r->source, &value->start_mark, "'%s': expected a map of keys, found %s", path,
                               value->type == YAML_SEQUENCE_NODE ? "a list" : "a single value");
        }
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    return RESHIFT_OK;
}

reshift_status settings_apply_yaml(reshift_experiment *experiment, const char *text, size_t size, const char *place,
                                   reshift_error *error)
{
    reading r = {experiment, {.what = "experiment", .file = place, .error = error}};
    yaml_node_t *root = NULL;
    reshift_status status = yaml_open(&r.source, text, size, &root);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (root && root->type == YAML_MAPPING_NODE) {
        status = apply_map(&r, "", root);
    } else if (root && !(root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0)) {
        status = yaml_fail(&r.source, &root->start_mark, "expected keys such as 'name: seed', found %s",
                           root->type == YAML_SEQUENCE_NODE ? "a list" : "a single value");
    }
    yaml_close(&r.source);
    return status;
}

reshift_status settings_apply_override(reshift_experiment *experiment, const char *text, reshift_error *error)
{
    reading r = {experiment, {.override_text = text, .error = error}};
    const yaml_mark_t nowhere = {0, 0, 0};
    const char *equals = strchr(text, '=');
    char path[128];
    if (!equals || equals == text || equals - text >= (ptrdiff_t)sizeof path) {
        yaml_fail(&r.source, &nowhere, "expected KEY=VALUE");
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
                return yaml_fail(&r.source, &nowhere, "expected a learning rate from 0 to %g", above->high);
            }
            return RESHIFT_OK;
        }
    }
    if (!row && !is_section(path)) {
        return unknown_key(&r, &nowhere, path);
    }
    yaml_node_t *root = NULL;
    reshift_status status = yaml_open(&r.source, equals + 1, strlen(equals + 1), &root);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (!root) {
        status = yaml_fail(&r.source, &nowhere, "expected a value after '='");
    } else if (row) {
        status = apply_value(&r, row, root);
    } else if (root->type == YAML_MAPPING_NODE) {
        status = apply_map(&r, path, root);
    } else if (yaml_is_text(root) && short_form(path)) {
        status = apply_value(&r, short_form(path), root);
    } else {
        status = yaml_fail(&r.source, &nowhere, "'%s' holds several keys", path);
        error_hint(error, "name one, as in --set %s.KEY=VALUE", path);
    }
    yaml_close(&r.source);
    return status;
}

static reshift_status create(const char *text, size_t size, const char *place, const char *const *overrides,
                             int n_overrides, reshift_experiment **experiment, reshift_error *error)
{
    *experiment = calloc(1, sizeof **experiment);
    if (!*experiment) {
        return error_memory(error, sizeof **experiment, "an experiment");
    }
    reshift_status status = settings_default(*experiment, error);
    if (status == RESHIFT_OK) {
        status = settings_apply_yaml(*experiment, text, size, place, error);
    }
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
    if (map.size > YAML_FILE_BYTES_MOST) {
        status = error_set(error, RESHIFT_ERROR_ARGUMENT, "experiment '%s': expected at most %d bytes, found %zu", path,
                           YAML_FILE_BYTES_MOST, map.size);
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
