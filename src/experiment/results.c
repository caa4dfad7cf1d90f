/* results.csv for people and spreadsheets, results.json for programs: the same rows, numbers that read back exactly. */
#include "experiment/results.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/json_file.h"

#define SEVERITIES 5

static reshift_status add_row(results *r, const results_source *source, int severity, const char *subset,
                              int64_t correct, int64_t n, reshift_error *error)
{
    if (n == 0) {
        return RESHIFT_OK;
    }
    if (r->n == r->capacity) {
        int capacity = r->capacity ? 2 * r->capacity : 64;
        reshift_measurement *rows = realloc(r->rows, (size_t)capacity * sizeof *rows);
        if (!rows) {
            return error_memory(error, (size_t)capacity * sizeof *rows, "measurements");
        }
        r->rows = rows;
        r->capacity = capacity;
    }
    reshift_measurement *row = &r->rows[r->n++];
    memset(row, 0, sizeof *row);
    snprintf(row->model, sizeof row->model, "%s", source->model);
    snprintf(row->set, sizeof row->set, "%s", source->set);
    snprintf(row->data, sizeof row->data, "%s", source->data);
    snprintf(row->corruption, sizeof row->corruption, "%s", source->corruption ? source->corruption : "");
    snprintf(row->subset, sizeof row->subset, "%s", subset);
    row->severity = severity;
    row->headline = strcmp(subset, source->headline_unseen ? "unseen" : "all") == 0;
    row->accuracy = reshift_accuracy_of(correct, n);
    return RESHIFT_OK;
}

reshift_status results_add(results *r, const results_source *source, reshift_error *error)
{
    /* [severity 0: all together][0 unseen, 1 seen] */
    int64_t count[SEVERITIES + 1][2] = {{0}}, correct[SEVERITIES + 1][2] = {{0}};
    int first = SEVERITIES, last = 0;
    for (int64_t i = 0; i < source->n; i++) {
        int severity = source->severities[i], seen = source->seen[i] != 0;
        bool right = source->predictions[i] == source->labels[i];
        count[0][seen]++;
        correct[0][seen] += right;
        if (severity > 0) {
            count[severity][seen]++;
            correct[severity][seen] += right;
            first = severity < first ? severity : first;
            last = severity > last ? severity : last;
        }
    }
    static const char *const subsets[] = {"all", "unseen", "seen"};
    for (int s = 0; s < 3; s++) {
        for (int severity = 0; severity <= last; severity = severity == 0 ? first : severity + 1) {
            const int64_t *n = count[severity], *c = correct[severity];
            int64_t rows = s == 0 ? n[0] + n[1] : n[s - 1], good = s == 0 ? c[0] + c[1] : c[s - 1];
            reshift_status status = add_row(r, source, severity, subsets[s], good, rows, error);
            if (status != RESHIFT_OK) {
                return status;
            }
        }
    }
    return RESHIFT_OK;
}

/* "all" where every severity is counted together, else the number; clean images have severity 0. */
static const char *severity_text(const reshift_measurement *row, char text[16])
{
    if (row->severity == 0 && strcmp(row->set, "shift") == 0) {
        return "all";
    }
    snprintf(text, 16, "%d", row->severity);
    return text;
}

static json_t *row_object(const reshift_measurement *row)
{
    char text[16];
    json_t *severity = strcmp(severity_text(row, text), "all") == 0 ? json_string("all") : json_integer(row->severity);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:I, s:I, s:f, s:f, s:f}", "model", row->model, "set",
                     row->set, "data", row->data, "corruption", row->corruption, "severity", severity, "subset",
                     row->subset, "headline", row->headline, "n", (json_int_t)row->accuracy.n, "correct",
                     (json_int_t)row->accuracy.correct, "accuracy", row->accuracy.accuracy, "low", row->accuracy.low,
                     "high", row->accuracy.high);
}

static reshift_status save_csv(const results *r, const char *path, reshift_error *error)
{
    file_writer writer;
    reshift_status status = file_writer_open(path, true, &writer, error);
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error,
                                    "model,set,data,corruption,severity,subset,headline,n,correct,accuracy,low,high\n");
    }
    for (int i = 0; i < r->n && status == RESHIFT_OK; i++) {
        const reshift_measurement *row = &r->rows[i];
        char text[16];
        status = file_writer_printf(&writer, error, "%s,%s,%s,%s,%s,%s,%s,%lld,%lld,%.17g,%.17g,%.17g\n", row->model,
                                    row->set, row->data, row->corruption, severity_text(row, text), row->subset,
                                    row->headline ? "yes" : "no", (long long)row->accuracy.n,
                                    (long long)row->accuracy.correct, row->accuracy.accuracy, row->accuracy.low,
                                    row->accuracy.high);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    return status;
}

static reshift_status save_json(const results *r, const char *path, reshift_error *error)
{
    json_t *array = json_array();
    bool good = array != NULL;
    for (int i = 0; i < r->n && good; i++) {
        good = json_array_append_new(array, row_object(&r->rows[i])) == 0;
    }
    char *text = good ? json_dumps(array, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(array);
    if (!text) {
        return error_memory(error, 0, "results");
    }
    file_writer writer;
    reshift_status status = file_writer_open(path, true, &writer, error);
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "%s\n", text);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    free(text);
    return status;
}

reshift_status results_save(const results *r, const char *folder, reshift_error *error)
{
    char *csv = path_join(folder, "results.csv"), *json = path_join(folder, "results.json");
    reshift_status status = csv && json ? save_csv(r, csv, error) : error_memory(error, 0, "a path");
    if (status == RESHIFT_OK) {
        status = save_json(r, json, error);
    }
    free(csv);
    free(json);
    return status;
}

void results_destroy(results *r)
{
    free(r->rows);
    memset(r, 0, sizeof *r);
}

static bool read_text(const json_t *object, const char *key, char *text, size_t size)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (!value || strlen(value) >= size) {
        return false;
    }
    strcpy(text, value);
    return true;
}

static bool read_row(const json_t *object, reshift_measurement *row)
{
    memset(row, 0, sizeof *row);
    const json_t *severity = json_object_get(object, "severity"), *n = json_object_get(object, "n");
    const json_t *correct = json_object_get(object, "correct");
    if (!read_text(object, "model", row->model, sizeof row->model) ||
        !read_text(object, "set", row->set, sizeof row->set) ||
        !read_text(object, "data", row->data, sizeof row->data) ||
        !read_text(object, "corruption", row->corruption, sizeof row->corruption) ||
        !read_text(object, "subset", row->subset, sizeof row->subset) || !json_is_integer(n) ||
        !json_is_integer(correct) || json_integer_value(n) < 1 || json_integer_value(correct) < 0 ||
        json_integer_value(correct) > json_integer_value(n)) {
        return false;
    }
    if (json_is_integer(severity)) {
        json_int_t value = json_integer_value(severity);
        if (value < 0 || value > SEVERITIES) {
            return false;
        }
        row->severity = (int)value;
    } else if (!json_is_string(severity)) {
        return false;
    }
    row->headline = json_is_true(json_object_get(object, "headline"));
    row->accuracy = reshift_accuracy_of(json_integer_value(correct), json_integer_value(n));
    return true;
}

reshift_status results_load(const char *run_folder, const char *name, reshift_measurement **measurements, int *n,
                            reshift_error *error)
{
    *measurements = NULL;
    *n = 0;
    char *path = path_join(run_folder, name);
    if (!path) {
        return error_memory(error, strlen(run_folder), "a path");
    }
    json_t *array = NULL;
    reshift_status status = json_file_load(path, &array, error);
    if (status == RESHIFT_ERROR_NOT_FOUND) {
        status = error_set(error, RESHIFT_ERROR_NOT_FOUND, "'%s' holds no results", run_folder);
        error_hint(error, "finish the run first: 'reshift run' goes on where it stopped");
    } else if (status == RESHIFT_OK &&
               (!json_is_array(array) || !(*measurements = calloc(json_array_size(array) + 1, sizeof **measurements)))) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "cannot read '%s': expected a list of measurements", path);
    }
    for (size_t i = 0; status == RESHIFT_OK && i < json_array_size(array); i++) {
        if (read_row(json_array_get(array, i), &(*measurements)[i])) {
            *n = (int)i + 1;
        } else {
            status = error_set(error, RESHIFT_ERROR_FORMAT, "cannot read '%s': entry %zu is no measurement", path, i);
        }
    }
    if (status != RESHIFT_OK) {
        free(*measurements);
        *measurements = NULL;
        *n = 0;
    }
    json_decref(array);
    free(path);
    return status;
}

reshift_status reshift_run_results(const char *run_folder, reshift_measurement **measurements, int *n,
                                   reshift_error *error)
{
    return results_load(run_folder, "results.json", measurements, n, error);
}
