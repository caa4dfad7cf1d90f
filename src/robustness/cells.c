#include "robustness/cells.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/files.h"
#include "models/identity.h"
#include "models/model.h"
#include "reshift/tensors.h"
#include "training/adapt.h"

/* Raised whenever a cell is computed or stored in another way. Up to 3 cells were .npy files. */
#define CELL_FORMAT "4"
static const char kind_key[] = "reshift.kind", kind[] = "eval-cell-" CELL_FORMAT, cell_key[] = "reshift.cell",
                  facts_key[] = "reshift.depends_on", checksum_key[] = "reshift.checksum", rows_name[] = "rows";
static const char ending[] = ".safetensors";

/* ---- what a cell depends on ---- */

#define ROBUSTNESS_FIELDS(ROW, T)                                                                                      \
    ROW(T, ELSEWHERE, data, "images")                                                                                  \
    ROW(T, ELSEWHERE_GROUP, dataset, "images; its seed: order of rows")                                                \
    ROW(T, ELSEWHERE, corruptions, "images")                                                                           \
    ROW(T, NEVER, n_corruptions, "a cell is of one corruption")                                                        \
    ROW(T, NEVER, clean, "which cells there are")                                                                      \
    ROW(T, ELSEWHERE, sample, "rows")                                                                                  \
    ROW(T, ELSEWHERE, size, "size")                                                                                    \
    ROW(T, NEVER, batch, "rows of one pass: the same within rounding")                                                 \
    ROW(T, ELSEWHERE, corrupt_native, "images")                                                                        \
    ROW(T, ELSEWHERE, precision, "arithmetic")                                                                         \
    ROW(T, RECORD, adapt, "adaptation", .record = &adapt_facts)                                                        \
    ROW(T, NEVER, cells_folder, "where cells are kept")                                                                \
    ROW(T, ELSEWHERE, class_map, "outputs of the classes")                                                             \
    ROW(T, ELSEWHERE, restrict_classes, "outputs that count")                                                          \
    ROW(T, NEVER, allow_leak, "whether seen images are an error")                                                      \
    ROW(T, ELSEWHERE, unseen, "rows")                                                                                  \
    ROW(T, ELSEWHERE, others_training, "rows")
FACTS_TABLE(robustness_facts, reshift_robustness_options, ROBUSTNESS_FIELDS);

static reshift_status begin(fact_list **f, reshift_error *error)
{
    *f = facts_create();
    return *f ? RESHIFT_OK : error_memory(error, 64, "what a cell depends on");
}

static reshift_status end(reshift_status status, fact_list **f, char key[DIGEST_HEX_BYTES], reshift_error *error)
{
    status = status == RESHIFT_OK ? facts_finish(*f, key, error) : status;
    if (status != RESHIFT_OK) {
        facts_destroy(f);
    }
    return status;
}

reshift_status cells_basis(const cell_basis *basis, fact_list **shared, reshift_error *error)
{
    const network *net = model_network(basis->model);
    const reshift_robustness_options *o = basis->options;
    const reshift_robustness_options usual = {.adapt.kind = RESHIFT_ADAPT_NONE};
    char ignored[DIGEST_HEX_BYTES];
    reshift_status status = begin(shared, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    fact_list *f = *shared;
    facts_add(f, "version of cells", CELL_FORMAT);
    facts_add(f, "architecture", "%s, %d classes", reshift_model_arch(basis->model),
              reshift_model_n_classes(basis->model));
    facts_add_table(f, &robustness_facts, o, &usual);
    if (o->adapt.kind != RESHIFT_ADAPT_NONE && o->adapt.shuffled) {
        facts_add(f, "order of rows", "drawn with seed %llu", (unsigned long long)o->dataset.seed);
    }
    if (!reshift_class_map_is_identity(basis->map)) {
        facts_add_bytes(f, "outputs of the classes", basis->map->outputs,
                        (size_t)basis->map->n * sizeof *basis->map->outputs);
        facts_add(f, "outputs that count", basis->restricted ? "those of the classes" : "all");
    }
    identity_add_recipe(f, reshift_model_recipe(basis->model), o->size);
    identity_add_network(f, net, net->graph->n_blocks - 1, basis->precision);
    identity_add_rows(f, "rows", "every set", basis->images, basis->n);
    return end(status, shared, ignored, error);
}

reshift_status cells_facts(const fact_list *shared, const char *set_identity, int severity, fact_list **depends_on,
                           char key[DIGEST_HEX_BYTES], reshift_error *error)
{
    reshift_status status = begin(depends_on, error);
    if (status == RESHIFT_OK) {
        facts_add_all(*depends_on, shared);
        facts_add(*depends_on, "images", "%s", set_identity);
        facts_add(*depends_on, "severity", "%d", severity);
        status = end(status, depends_on, key, error);
    }
    return status;
}

/* ---- files ---- */

char *cells_path(const char *folder, const char *corruption, int severity, const char *key)
{
    char name[96];
    snprintf(name, sizeof name, "%s-%d-%.16s%s", corruption, severity, key, ending);
    return path_join(folder, name);
}

static void checksum_text(const reshift_array *rows, const char *key, const char *text, char hex[24])
{
    const uint64_t texts = checksum_bytes(text, strlen(text), checksum_bytes(key, strlen(key), 0));
    snprintf(hex, 24, "%016llx", (unsigned long long)checksum_bytes(rows->data, reshift_array_bytes(rows), texts));
}

reshift_status cells_save(const char *path, const reshift_array *rows, const fact_list *depends_on, const char *key,
                          reshift_error *error)
{
    reshift_tensors *tensors = reshift_tensors_create();
    reshift_array view = *rows;
    char sum[24];
    if (!tensors) {
        return error_memory(error, reshift_array_bytes(rows), "a cell");
    }
    view.read_only = true;
    view.release = NULL;
    checksum_text(rows, key, facts_text(depends_on), sum);
    reshift_status status = reshift_tensors_add(tensors, rows_name, &view, error);
    const char *const texts[][2] = {
        {kind_key, kind}, {cell_key, key}, {facts_key, facts_text(depends_on)}, {checksum_key, sum}};
    for (int i = 0; i < 4 && status == RESHIFT_OK; i++) {
        status = reshift_tensors_set_text(tensors, texts[i][0], texts[i][1], error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_save(path, tensors, true, error);
    }
    reshift_tensors_destroy(&tensors);
    return status;
}

static bool good_rows(const reshift_array *rows, int64_t n, int n_classes)
{
    bool good = rows->dtype == RESHIFT_F64 && rows->n_dims == 2 && rows->shape[0] == n && rows->shape[1] == ROW_FIGURES;
    const row_figures *figures = rows->data;
    for (int64_t i = 0; good && i < n; i++) {
        double prediction = figures[i].prediction;
        good = prediction >= 0 && prediction < n_classes && prediction == floor(prediction) && figures[i].nll >= 0 &&
               figures[i].brier >= 0 && figures[i].brier <= 2 && figures[i].confidence > 0 &&
               figures[i].confidence <= 1 && figures[i].rank >= 0 && figures[i].rank < n_classes;
    }
    return good;
}

bool cells_load(const char *path, const char *key, int64_t n, int n_classes, reshift_array *rows, bool *damaged)
{
    reshift_error ignored;
    reshift_tensors *tensors;
    const reshift_status status = reshift_tensors_load(path, &tensors, &ignored);
    *damaged = status != RESHIFT_OK && status != RESHIFT_ERROR_NOT_FOUND;
    if (status != RESHIFT_OK) {
        return false;
    }
    const char *found_kind = reshift_tensors_text(tensors, kind_key),
               *found_key = reshift_tensors_text(tensors, cell_key), *text = reshift_tensors_text(tensors, facts_key),
               *found_sum = reshift_tensors_text(tensors, checksum_key);
    const reshift_array *stored = reshift_tensors_find(tensors, rows_name);
    char sum[24];
    bool good = false;
    if (!found_kind || !found_key || !text || !found_sum || !stored || strcmp(found_kind, kind) != 0) {
        *damaged = true;
    } else if (strcmp(found_key, key) == 0) { /* else a cell of another key, whose first letters are the same */
        checksum_text(stored, found_key, text, sum);
        good = strcmp(sum, found_sum) == 0 && good_rows(stored, n, n_classes);
        *damaged = !good;
    }
    if (good && reshift_array_create(RESHIFT_F64, 2, stored->shape, rows, &ignored) != RESHIFT_OK) {
        good = false; /* measured again: no reason to end */
    }
    if (good) {
        memcpy(rows->data, stored->data, reshift_array_bytes(stored));
    }
    reshift_tensors_destroy(&tensors);
    return good;
}

/* ---- other cells of the folder ---- */

typedef struct looking {
    const char *folder;
    char prefix[80]; /* "fog-3-" */
    const fact_list *wanted;
    cells_others found;
} looking;

static bool ends_with(const char *name, const char *end)
{
    const size_t length = strlen(name), n = strlen(end);
    return length >= n && strcmp(name + length - n, end) == 0;
}

/* "fog-3-0123456789abcdef.npy" */
static bool is_older(const char *name)
{
    const char *dash = strrchr(name, '-');
    return dash && ends_with(name, ".npy") && strspn(dash + 1, "0123456789abcdef") == 16 && strlen(dash) == 21;
}

/* Another network's cells beside these are no surprise: only the same weights with something else are. */
static void compare(looking *l, const char *path)
{
    reshift_tensors *tensors;
    reshift_error ignored;
    if (reshift_tensors_load(path, &tensors, &ignored) != RESHIFT_OK) {
        return;
    }
    const char *text = reshift_tensors_text(tensors, facts_key), *theirs, *ours;
    const int n_theirs = text ? facts_find(text, "weights", 7, &theirs) : -1,
              n_ours = facts_find(facts_text(l->wanted), "weights", 7, &ours);
    if (n_theirs > 0 && n_theirs == n_ours && strncmp(theirs, ours, (size_t)n_ours) == 0) {
        facts_difference(l->wanted, text, l->found.difference, sizeof l->found.difference);
    }
    reshift_tensors_destroy(&tensors);
}

static reshift_status look_at(void *context, const char *name, reshift_error *error)
{
    looking *l = context;
    (void)error;
    l->found.n_older += is_older(name);
    if (!l->found.difference[0] && strncmp(name, l->prefix, strlen(l->prefix)) == 0 && ends_with(name, ending)) {
        char *path = path_join(l->folder, name);
        if (path) {
            compare(l, path);
        }
        free(path);
    }
    return RESHIFT_OK;
}

cells_others cells_look_around(const char *folder, const char *corruption, int severity, const fact_list *wanted)
{
    looking l = {.folder = folder, .wanted = wanted};
    snprintf(l.prefix, sizeof l.prefix, "%s-%d-", corruption, severity);
    folder_visit(folder, look_at, &l, NULL);
    return l.found;
}
