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

/* Raised whenever a cell is computed or stored in another way. 2: the last row is a checksum. 3: the label's rank. */
#define CELL_FORMAT 3

reshift_status cells_basis_digest(const cell_basis *basis, char hex[DIGEST_HEX_BYTES], reshift_error *error)
{
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        return error_memory(error, 64, "a digest");
    }
    const network *net = model_network(basis->model);
    const reshift_adapt_options *a = basis->adapt;
    identity_add_text(d, "cell %d %s %d classes", CELL_FORMAT, reshift_model_arch(basis->model),
                      reshift_model_n_classes(basis->model));
    identity_add_recipe(d, reshift_model_recipe(basis->model), basis->size);
    if (a->kind != RESHIFT_ADAPT_NONE) {
        const bool tent = a->kind == RESHIFT_ADAPT_TENT;
        identity_add_text(d, "adapt %s batch %d order %lld source %a %s %a", reshift_adapt_name(a->kind), a->batch,
                          a->shuffled ? (long long)basis->seed : -1ll, a->source_images,
                          !tent    ? "-"
                          : a->sgd ? "sgd"
                                   : "adam",
                          tent ? a->learning_rate : 0);
    }
    if (!reshift_class_map_is_identity(basis->map)) {
        identity_add_text(d, "classes %d %s", basis->map->n, basis->restricted ? "restricted" : "all");
        digest_add(d, basis->map->outputs, (size_t)basis->map->n * sizeof *basis->map->outputs);
    }
    identity_add_network(d, net, net->graph->n_blocks - 1, basis->precision);
    identity_add_rows(d, "the set", basis->images, basis->n);
    digest_finish(d, hex);
    digest_destroy(&d);
    return RESHIFT_OK;
}

char *cells_path(const char *folder, const char *basis_digest, const char *set_identity, const char *corruption,
                 int severity)
{
    char text[2 * DIGEST_HEX_BYTES + 16], hex[DIGEST_HEX_BYTES], name[96];
    int length = snprintf(text, sizeof text, "%s %s %d", basis_digest, set_identity, severity);
    digest_bytes(DIGEST_SHA256, text, (size_t)length, hex);
    snprintf(name, sizeof name, "%s-%d-%.16s.npy", corruption, severity, hex);
    return path_join(folder, name);
}

/* The row behind the last: "cell", its format and the checksum of the rows before in two halves, exact as doubles. */
static void checksum_row(const row_figures *rows, int64_t n, double row[ROW_FIGURES])
{
    const uint64_t sum = checksum_bytes(rows, (size_t)n * sizeof *rows, 0);
    row[0] = -1;
    row[1] = CELL_FORMAT;
    row[2] = (double)(sum >> 32);
    row[3] = (double)(sum & 0xffffffffu);
    row[4] = 0;
}

reshift_status cells_save(const char *path, const reshift_array *rows, reshift_error *error)
{
    const int64_t n = rows->shape[0], shape[] = {n + 1, ROW_FIGURES};
    reshift_array stored = {0};
    reshift_status status = reshift_array_create(RESHIFT_F64, 2, shape, &stored, error);
    if (status == RESHIFT_OK) {
        memcpy(stored.data, rows->data, reshift_array_bytes(rows));
        checksum_row(rows->data, n, (double *)stored.data + n * ROW_FIGURES);
        status = reshift_array_save_npy(path, &stored, true, error);
    }
    reshift_array_destroy(&stored);
    return status;
}

bool cells_load(const char *path, int64_t n, int n_classes, reshift_array *rows, bool *damaged)
{
    reshift_error ignored;
    const reshift_status status = reshift_array_load_npy(path, rows, &ignored);
    *damaged = status != RESHIFT_OK && status != RESHIFT_ERROR_NOT_FOUND;
    if (status != RESHIFT_OK) {
        return false;
    }
    bool good = rows->dtype == RESHIFT_F64 && rows->n_dims == 2 && rows->shape[0] == n + 1 &&
                rows->shape[1] == ROW_FIGURES;
    if (good) {
        double expected[ROW_FIGURES];
        checksum_row(rows->data, n, expected);
        good = memcmp((double *)rows->data + n * ROW_FIGURES, expected, sizeof expected) == 0;
        rows->shape[0] = n;
    }
    const row_figures *figures = rows->data;
    for (int64_t i = 0; good && i < n; i++) {
        double prediction = figures[i].prediction;
        good = prediction >= 0 && prediction < n_classes && prediction == floor(prediction) && figures[i].nll >= 0 &&
               figures[i].brier >= 0 && figures[i].brier <= 2 && figures[i].confidence > 0 &&
               figures[i].confidence <= 1 && figures[i].rank >= 0 && figures[i].rank < n_classes;
    }
    if (!good) {
        reshift_array_destroy(rows);
    }
    *damaged = !good;
    return good;
}
