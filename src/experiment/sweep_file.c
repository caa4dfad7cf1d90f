/* Reading a sweep file: its own few keys are checked here, the experiment's by the experiment. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/sweep.h"
#include "experiment/config/yaml_source.h"

/* ---- texts ---- */

static void texts_destroy(sweep_texts *texts)
{
    for (int i = 0; i < texts->n; i++) {
        free(texts->items[i]);
    }
    free(texts->items);
    *texts = (sweep_texts){0};
}

/* Takes the text over; NULL is being out of memory. */
static bool texts_add(sweep_texts *texts, char *text)
{
    char **more = text ? realloc(texts->items, (size_t)(texts->n + 1) * sizeof *more) : NULL;
    if (!more) {
        free(text);
        return false;
    }
    texts->items = more;
    texts->items[texts->n++] = text;
    return true;
}

static void write_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20) {
            fprintf(out, "\\x%02X", (unsigned)*c);
        } else {
            fprintf(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
        }
    }
    fputc('"', out);
}

/* A node in YAML's one-line notation, appended to what is there. Within brackets a plain text must not hold their
 * signs, as "npy:a.npy,b.npy" may outside of them; it is quoted then. */
static void write_node(FILE *out, yaml_document_t *document, const yaml_node_t *node, bool within)
{
    if (node->type == YAML_SEQUENCE_NODE) {
        fputc('[', out);
        for (const yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
            fputs(i > node->data.sequence.items.start ? ", " : "", out);
            write_node(out, document, yaml_document_get_node(document, *i), true);
        }
        fputc(']', out);
    } else if (node->type == YAML_MAPPING_NODE) {
        fputc('{', out);
        for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
            fputs(p > node->data.mapping.pairs.start ? ", " : "", out);
            write_node(out, document, yaml_document_get_node(document, p->key), true);
            fputs(": ", out);
            write_node(out, document, yaml_document_get_node(document, p->value), true);
        }
        fputc('}', out);
    } else if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !(within && strpbrk(yaml_text(node), ",[]{}"))) {
        fputs(yaml_text(node), out);
    } else {
        write_quoted(out, yaml_text(node));
    }
}

/* "prefix" and the node, in fresh memory. */
static char *node_text(const yaml_source *s, const char *prefix, const yaml_node_t *node)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    fputs(prefix, out);
    write_node(out, s->document, node, false);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- the file's keys ---- */

static reshift_status no_memory(const yaml_source *s) { return error_memory(s->error, 0, "a sweep"); }

static reshift_status read_experiment(reshift_sweep *sweep, const yaml_source *s, const yaml_node_t *value)
{
    if (!yaml_is_text(value) || !*yaml_text(value)) {
        return yaml_fail(s, &value->start_mark, "'experiment': expected an experiment file, or demo");
    }
    const char *name = yaml_text(value), *slash = strrchr(s->file, '/');
    if (strcmp(name, "demo") == 0) {
        return RESHIFT_OK;
    }
    /* beside the sweep file, so that both can be moved together */
    if (*name == '/' || !slash) {
        sweep->experiment = strdup(name);
    } else if (asprintf(&sweep->experiment, "%.*s/%s", (int)(slash - s->file), s->file, name) < 0) {
        sweep->experiment = NULL;
    }
    return sweep->experiment ? RESHIFT_OK : no_memory(s);
}

static reshift_status read_set(reshift_sweep *sweep, const yaml_source *s, const yaml_node_t *map)
{
    if (map->type != YAML_MAPPING_NODE) {
        return yaml_fail(s, &map->start_mark, "'set': expected keys of an experiment");
    }
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(s->document, p->key);
        char prefix[128];
        if (!yaml_is_text(key)) {
            return yaml_fail(s, &key->start_mark, "'set': expected a key, found a list or map");
        }
        snprintf(prefix, sizeof prefix, "%.100s=", yaml_text(key));
        if (!texts_add(&sweep->set, node_text(s, prefix, yaml_document_get_node(s->document, p->value)))) {
            return no_memory(s);
        }
    }
    return RESHIFT_OK;
}

static reshift_status read_axis(reshift_sweep *sweep, const yaml_source *s, const yaml_node_t *key,
                                const yaml_node_t *values)
{
    if (!yaml_is_text(key) || !*yaml_text(key)) {
        return yaml_fail(s, &key->start_mark, "'grid': expected a key such as shift.corruption");
    }
    if (values->type != YAML_SEQUENCE_NODE || values->data.sequence.items.start == values->data.sequence.items.top) {
        yaml_fail(s, &values->start_mark, "'%.100s': expected a list of values", yaml_text(key));
        const bool cut = yaml_is_text(values) && (!*yaml_text(values) || strncmp(yaml_text(values), "npy:", 4) == 0);
        error_hint(s->error, cut ? YAML_COMMA_HINT
                                 : "a value that is a list itself is put in brackets once more: [[layer4, fc], [fc]]");
        return RESHIFT_ERROR_ARGUMENT;
    }
    if (strcmp(yaml_text(key), "name") == 0) {
        return yaml_fail(s, &key->start_mark, "'name' is given by the sweep to every study");
    }
    if (sweep->n_axes == RESHIFT_SWEEP_KEYS) {
        return yaml_fail(s, &key->start_mark, "'grid': expected at most %d keys", RESHIFT_SWEEP_KEYS);
    }
    for (int i = 0; i < sweep->n_axes; i++) {
        if (strcmp(sweep->axes[i].key, yaml_text(key)) == 0) {
            return yaml_fail(s, &key->start_mark, "key '%s' is given twice", yaml_text(key));
        }
    }
    sweep_axis *axis = &sweep->axes[sweep->n_axes];
    if (!(axis->key = strdup(yaml_text(key)))) {
        return no_memory(s);
    }
    sweep->n_axes++;
    for (const yaml_node_item_t *i = values->data.sequence.items.start; i < values->data.sequence.items.top; i++) {
        if (!texts_add(&axis->values, node_text(s, "", yaml_document_get_node(s->document, *i)))) {
            return no_memory(s);
        }
        for (int j = 0; j < axis->values.n - 1; j++) {
            if (strcmp(axis->values.items[j], axis->values.items[axis->values.n - 1]) == 0) {
                return yaml_fail(s, &yaml_document_get_node(s->document, *i)->start_mark, "'%s': %s is given twice",
                                 axis->key, axis->values.items[j]);
            }
        }
    }
    sweep->n_studies *= axis->values.n;
    return sweep->n_studies > RESHIFT_SWEEP_STUDIES
               ? yaml_fail(s, &values->start_mark, "'grid': expected at most %d combinations", RESHIFT_SWEEP_STUDIES)
               : RESHIFT_OK;
}

static reshift_status read_grid(reshift_sweep *sweep, const yaml_source *s, const yaml_node_t *map)
{
    if (map->type != YAML_MAPPING_NODE || map->data.mapping.pairs.start == map->data.mapping.pairs.top) {
        return yaml_fail(s, &map->start_mark, "'grid': expected keys of an experiment, each with a list of values");
    }
    reshift_status status = RESHIFT_OK;
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
         p < map->data.mapping.pairs.top && status == RESHIFT_OK; p++) {
        status = read_axis(sweep, s, yaml_document_get_node(s->document, p->key),
                           yaml_document_get_node(s->document, p->value));
    }
    return status;
}

static bool is_name(const char *text)
{
    size_t good = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return *text && *text != '.' && text[good] == '\0' && good < 200;
}

static reshift_status read_root(reshift_sweep *sweep, const yaml_source *s, const yaml_node_t *root)
{
    const yaml_mark_t top = {0, 0, 0};
    bool experiment = false;
    if (!root || root->type != YAML_MAPPING_NODE) {
        return yaml_fail(s, root ? &root->start_mark : &top, "expected the keys name, experiment, set and grid");
    }
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(s->document, p->key);
        const yaml_node_t *value = yaml_document_get_node(s->document, p->value);
        const char *name = yaml_is_text(key) ? yaml_text(key) : "";
        reshift_status status = RESHIFT_OK;
        if (strcmp(name, "name") == 0) {
            if (!yaml_is_text(value) || !is_name(yaml_text(value))) {
                return yaml_fail(s, &value->start_mark, "'name': expected a name of letters, digits, '.', '_' and '-'");
            }
            snprintf(sweep->name, sizeof sweep->name, "%s", yaml_text(value));
        } else if (strcmp(name, "experiment") == 0 && !experiment) {
            experiment = true;
            status = read_experiment(sweep, s, value);
        } else if (strcmp(name, "set") == 0) {
            status = read_set(sweep, s, value);
        } else if (strcmp(name, "grid") == 0) {
            status = read_grid(sweep, s, value);
        } else {
            yaml_fail(s, &key->start_mark, "unknown or repeated key '%.60s'", name);
            error_hint(s->error, "a sweep has the keys name, experiment, set and grid");
            status = RESHIFT_ERROR_ARGUMENT;
        }
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    return experiment && sweep->n_axes > 0
               ? RESHIFT_OK
               : yaml_fail(s, &root->start_mark, "expected the keys experiment and grid, found no %s",
                           experiment ? "grid" : "experiment");
}

/* ---- studies ---- */

const char *reshift_sweep_name(const reshift_sweep *sweep) { return sweep->name; }
int reshift_sweep_key_count(const reshift_sweep *sweep) { return sweep->n_axes; }
const char *reshift_sweep_key(const reshift_sweep *sweep, int key) { return sweep->axes[key].key; }
int reshift_sweep_study_count(const reshift_sweep *sweep) { return sweep->n_studies; }

const char *reshift_sweep_value(const reshift_sweep *sweep, int index, int key)
{
    for (int k = sweep->n_axes - 1; k > key; k--) {
        index /= sweep->axes[k].values.n;
    }
    return sweep->axes[key].values.items[index % sweep->axes[key].values.n];
}

void sweep_study_name(const reshift_sweep *sweep, int index, char *name, size_t size)
{
    size_t most = size < 100 ? size : 100;
    int length = snprintf(name, most, "%0*d", sweep->n_studies > 99 ? 3 : 2, index + 1);
    for (int k = 0; k < sweep->n_axes; k++) {
        char last = k ? '_' : '-';
        bool between = true; /* something stands between this word and the one before */
        for (const char *c = reshift_sweep_value(sweep, index, k); *c; c++) {
            if (!isalnum((unsigned char)*c) && *c != '.') {
                between |= name[length - 1] != last;
                continue;
            }
            if ((size_t)length + 3 > most) {
                return;
            }
            if (between) {
                name[length++] = last;
                last = '-';
            }
            between = false;
            name[length++] = *c;
            name[length] = '\0';
        }
    }
}

reshift_status sweep_study(const reshift_sweep *sweep, int index, reshift_experiment **experiment, reshift_error *error)
{
    sweep_texts set = {0};
    char name[128], *text = NULL;
    bool good = true;
    sweep_study_name(sweep, index, name, sizeof name);
    for (int i = 0; i < sweep->set.n && good; i++) {
        good = texts_add(&set, strdup(sweep->set.items[i]));
    }
    for (int k = 0; k < sweep->n_axes && good; k++) {
        good = asprintf(&text, "%s=%s", sweep->axes[k].key, reshift_sweep_value(sweep, index, k)) >= 0 &&
               texts_add(&set, text);
    }
    good = good && asprintf(&text, "name=%s", name) >= 0 && texts_add(&set, text);
    reshift_status status = RESHIFT_OK;
    *experiment = NULL;
    if (!good) {
        status = error_memory(error, 0, "a sweep");
    } else if (sweep->experiment) {
        status = reshift_experiment_load(sweep->experiment, (const char *const *)set.items, set.n, experiment, error);
    } else {
        status = reshift_experiment_demo((const char *const *)set.items, set.n, experiment, error);
    }
    if (status != RESHIFT_OK) {
        error_prefix(error, status, "sweep '%s', study %s", sweep->name, name);
    }
    texts_destroy(&set);
    return status;
}

/* ---- the whole ---- */

void reshift_sweep_destroy(reshift_sweep **sweep)
{
    if (sweep && *sweep) {
        free((*sweep)->experiment);
        texts_destroy(&(*sweep)->set);
        for (int k = 0; k < (*sweep)->n_axes; k++) {
            free((*sweep)->axes[k].key);
            texts_destroy(&(*sweep)->axes[k].values);
        }
        free(*sweep);
        *sweep = NULL;
    }
}

static reshift_status check_studies(const reshift_sweep *sweep, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (int i = 0; i < sweep->n_studies && status == RESHIFT_OK; i++) {
        reshift_experiment *experiment;
        status = sweep_study(sweep, i, &experiment, error);
        reshift_experiment_destroy(&experiment);
    }
    return status;
}

reshift_status reshift_sweep_load(const char *path, const char *const *overrides, int n_overrides,
                                  reshift_sweep **sweep, reshift_error *error)
{
    *sweep = NULL;
    file_map map;
    reshift_status status = file_map_open(path, &map, error);
    if (status != RESHIFT_OK) {
        return error_prefix(error, status, "cannot read the sweep");
    }
    yaml_source source = {.what = "sweep", .file = path, .error = error};
    yaml_node_t *root = NULL;
    reshift_sweep *made = calloc(1, sizeof *made);
    if (!made) {
        status = error_memory(error, sizeof *made, "a sweep");
    } else if (map.size > YAML_FILE_BYTES_MOST) {
        status = error_set(error, RESHIFT_ERROR_ARGUMENT, "sweep '%s': expected at most %d bytes, found %zu", path,
                           YAML_FILE_BYTES_MOST, map.size);
    } else {
        made->n_studies = 1;
        snprintf(made->name, sizeof made->name, "sweep");
        status = yaml_open(&source, map.size > 0 ? (const char *)map.data : "", map.size, &root);
    }
    if (status == RESHIFT_OK) {
        status = read_root(made, &source, root);
        yaml_close(&source);
    }
    for (int i = 0; i < n_overrides && status == RESHIFT_OK; i++) {
        status = texts_add(&made->set, strdup(overrides[i])) ? RESHIFT_OK : error_memory(error, 0, "a sweep");
    }
    if (status == RESHIFT_OK) {
        status = check_studies(made, error);
    }
    if (status != RESHIFT_OK && made) {
        reshift_sweep_destroy(&made);
    }
    *sweep = made;
    file_map_close(&map);
    return status;
}
