/* adapted.json, as stage_adapt.c writes it, for the report. */
#include "experiment/page/report_adapted.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/json_file.h"
#include "experiment/results.h"
#include "reshift/words.h"

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

static bool read_row(const json_t *object, adapted_figures *figures, report_measurement *row)
{
    reshift_measurement m;
    if (!results_read_row(object, &m)) {
        return false;
    }
    *row = (report_measurement){
        .model = strcmp(m.model, "finetuned") == 0 ? REPORT_FINETUNED : REPORT_ORIGINAL,
        .data = strcmp(m.set, "shift") == 0 ? REPORT_SHIFT : REPORT_CLEAN,
        .severity = m.severity,
        .subset = strcmp(m.subset, "unseen") == 0 ? REPORT_UNSEEN : REPORT_ALL,
        .accuracy = m.accuracy,
        .change = m.change,
    };
    if (m.corruption[0]) {
        snprintf(figures->corruption, sizeof figures->corruption, "%s", m.corruption);
        row->corruption = figures->corruption;
    }
    return true;
}

static void describe(const json_t *row, adapted_figures *figures)
{
    const bool tent = strcmp(text_of(row, "method"), "tent") == 0;
    const double source = json_number_value(json_object_get(row, "source_images"));
    char mixed[64] = "";
    if (source > 0) {
        snprintf(mixed, sizeof mixed, ", the training statistics counting as %.0f %s", source,
                 reshift_noun_for((int64_t)source, "image", "images"));
    }
    snprintf(figures->how, sizeof figures->how, "%sbatch norm by the statistics of batches of %lld %s, %s%s",
             tent ? "Tent: entropy lowered step by step, " : "", json_integer_value(json_object_get(row, "batch")),
             reshift_noun_for(json_integer_value(json_object_get(row, "batch")), "image", "images"),
             strcmp(text_of(row, "order"), "shuffled") == 0 ? "shuffled" : "in the set's order", mixed);
}

reshift_status adapted_read(const char *folder, adapted_figures *figures, report_content *content, reshift_error *error)
{
    char *path = path_join(folder, "adapted.json");
    if (!path) {
        return error_memory(error, strlen(folder), "a path");
    }
    json_t *array = NULL;
    reshift_status status = json_file_load(path, &array, error);
    const size_t n = json_array_size(array);
    if (status == RESHIFT_OK && n == 0) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "cannot read '%s': expected a list of measurements", path);
    } else if (status == RESHIFT_OK && !(figures->rows = calloc(n, sizeof *figures->rows))) {
        status = error_memory(error, n * sizeof *figures->rows, "measurements");
    }
    for (size_t i = 0; i < n && status == RESHIFT_OK; i++) {
        if (!read_row(json_array_get(array, i), figures, &figures->rows[i])) {
            status = error_set(error, RESHIFT_ERROR_FORMAT, "cannot read '%s': entry %zu is no measurement", path, i);
        }
    }
    if (status == RESHIFT_OK) {
        describe(json_array_get(array, 0), figures);
        content->adapted = figures->rows;
        content->n_adapted = (int)n;
        content->adapted_how = figures->how;
    }
    json_decref(array);
    free(path);
    return status;
}

void adapted_clean(adapted_figures *figures)
{
    free(figures->rows);
    *figures = (adapted_figures){.rows = NULL};
}
