#include "evaluation/cells.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "engine/plan.h"
#include "models/model.h"

/* Goes up whenever a cell is worked out in another way; engine_arithmetic() speaks for the network. */
#define CELL_FORMAT 1

reshift_status cells_basis_digest(const cell_basis *basis, char hex[DIGEST_HEX_BYTES], reshift_error *error)
{
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        return error_memory(error, 64, "a digest");
    }
    const network *net = model_network(basis->model);
    const reshift_recipe recipe = reshift_recipe_at(reshift_model_recipe(basis->model), basis->size);
    char text[512];
    int length = snprintf(
        text, sizeof text, "cell %d %s %d classes, size %d resize %d %s, mean %a %a %a std %a %a %a\n", CELL_FORMAT,
        reshift_model_arch(basis->model), reshift_model_n_classes(basis->model), recipe.size, recipe.resize,
        engine_arithmetic(basis->precision), (double)recipe.mean[0], (double)recipe.mean[1],
        (double)recipe.mean[2], (double)recipe.std[0], (double)recipe.std[1], (double)recipe.std[2]);
    digest_add(d, text, (size_t)length);
    if (basis->adapt->kind != RESHIFT_ADAPT_NONE) {
        const reshift_adapt_options *a = basis->adapt;
        bool tent = a->kind == RESHIFT_ADAPT_TENT;
        length =
            snprintf(text, sizeof text, "adapt %s batch %d order %lld source %a %s %a\n", reshift_adapt_name(a->kind),
                     a->batch, a->shuffled ? (long long)basis->seed : -1ll, a->source_images,
                     !tent    ? "-"
                     : a->sgd ? "sgd"
                              : "adam",
                     tent ? a->learning_rate : 0);
        digest_add(d, text, (size_t)length);
    }
    if (!reshift_class_map_is_identity(basis->map)) { /* without a mapping cells keep the names they always had */
        length = snprintf(text, sizeof text, "classes %d %s\n", basis->map->n, basis->restricted ? "restricted" : "all");
        digest_add(d, text, (size_t)length);
        digest_add(d, basis->map->outputs, (size_t)basis->map->n * sizeof *basis->map->outputs);
    }
    digest_add(d, net->values, net->graph->n_floats * sizeof *net->values);
    for (int i = 0; basis->precision == RESHIFT_PRECISION_INT8 && i < net->graph->n_nodes; i++) {
        if (net->range[i]) {
            digest_add(d, &i, sizeof i);
            digest_add(d, net->range[i], (size_t)net->graph->nodes[i].channels_out * sizeof(float));
        }
    }
    digest_add(d, basis->images, (size_t)basis->n * sizeof *basis->images);
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

bool cells_load(const char *path, int64_t n, int n_classes, reshift_array *rows)
{
    reshift_error ignored;
    if (reshift_array_load_npy(path, rows, &ignored) != RESHIFT_OK) {
        return false;
    }
    bool good = rows->dtype == RESHIFT_F64 && rows->n_dims == 2 && rows->shape[0] == n && rows->shape[1] == ROW_FIGURES;
    const row_figures *figures = rows->data;
    for (int64_t i = 0; good && i < n; i++) {
        double prediction = figures[i].prediction;
        good = prediction >= 0 && prediction < n_classes && prediction == floor(prediction) && figures[i].nll >= 0 &&
               figures[i].brier >= 0 && figures[i].brier <= 2 && figures[i].confidence > 0 &&
               figures[i].confidence <= 1;
    }
    if (!good) {
        reshift_array_destroy(rows);
    }
    return good;
}
