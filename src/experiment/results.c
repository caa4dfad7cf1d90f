/* results.csv for people and spreadsheets, results.json for programs: the same rows, numbers that read back exactly. */
#include "experiment/results.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/json_file.h"
#include "reshift/words.h"

#define SEVERITIES 5

static reshift_status new_row(results *r, reshift_measurement **row, reshift_error *error)
{
    if (r->n == r->capacity) {
        int capacity = r->capacity ? 2 * r->capacity : 64;
        reshift_measurement *rows = realloc(r->rows, (size_t)capacity * sizeof *rows);
        if (!rows) {
            return error_memory(error, (size_t)capacity * sizeof *rows, "measurements");
        }
        r->rows = rows;
        r->capacity = capacity;
    }
    *row = &r->rows[r->n++];
    memset(*row, 0, sizeof **row);
    (*row)->change = (reshift_difference){.accuracy = {NAN, NAN, NAN}, .p = NAN};
    return RESHIFT_OK;
}

typedef enum subset { SUBSET_ALL, SUBSET_UNSEEN, SUBSET_SEEN, SUBSETS } subset;
static const char *const subset_names[] = {"all", "unseen", "seen"};

/* Room for the answers of the two sides that are compared. */
typedef struct scratch {
    uint8_t *right[2];
    int64_t *images[2];
} scratch;

static void scratch_destroy(scratch *s)
{
    for (int side = 0; side < 2; side++) {
        free(s->right[side]);
        free(s->images[side]);
    }
}

static reshift_status scratch_create(scratch *s, const results_source *source, reshift_error *error)
{
    memset(s, 0, sizeof *s);
    for (int side = 0; side < 2; side++) {
        const size_t n = 1 + (size_t)(side == 0 ? source->rows.n : source->other ? source->other->n : 0);
        s->right[side] = malloc(n);
        s->images[side] = malloc(n * sizeof *s->images[side]);
        if (!s->right[side] || !s->images[side]) {
            scratch_destroy(s);
            return error_memory(error, n * (1 + sizeof(int64_t)), "answers");
        }
    }
    return RESHIFT_OK;
}

/* The answers of one side that count. `severity` 0: all. */
static reshift_answers pick(const results_rows *rows, subset which, int severity, scratch *s, int side)
{
    int64_t n = 0;
    for (int64_t i = 0; i < rows->n; i++) {
        if ((severity == 0 || rows->severities[i] == severity) &&
            (which == SUBSET_ALL || (rows->seen[i] != 0) == (which == SUBSET_SEEN))) {
            s->right[side][n] = rows->predictions[i] == rows->labels[i];
            s->images[side][n++] = rows->images[i];
        }
    }
    return (reshift_answers){s->right[side], s->images[side], n};
}

static reshift_status compare(const results_source *source, const reshift_answers *answers, subset which, int severity,
                              scratch *s, reshift_measurement *row, reshift_error *error)
{
    const bool clean = strcmp(source->against, "clean") == 0; /* one version for all severities */
    const reshift_answers other = pick(source->other, which, clean ? 0 : severity, s, 1);
    reshift_accuracy accuracy;
    if (other.n == 0) {
        return RESHIFT_OK;
    }
    snprintf(row->against, sizeof row->against, "%s", source->against);
    if (source->paired) {
        return reshift_difference_by_image(answers, &other, &row->change, error);
    }
    reshift_status status = reshift_accuracy_by_image(&other, &accuracy, error);
    if (status == RESHIFT_OK) {
        row->change = reshift_difference_apart(&row->accuracy, &accuracy);
    }
    return status;
}

static reshift_status add_row(results *r, const results_source *source, subset which, int severity, scratch *s,
                              reshift_error *error)
{
    const reshift_answers answers = pick(&source->rows, which, severity, s, 0);
    reshift_measurement *row = NULL;
    if (answers.n == 0) {
        return RESHIFT_OK;
    }
    reshift_status status = new_row(r, &row, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    snprintf(row->model, sizeof row->model, "%s", source->model);
    snprintf(row->set, sizeof row->set, "%s", source->set);
    snprintf(row->data, sizeof row->data, "%s", source->data);
    snprintf(row->corruption, sizeof row->corruption, "%s", source->corruption ? source->corruption : "");
    snprintf(row->subset, sizeof row->subset, "%s", subset_names[which]);
    row->severity = severity;
    row->images = source->prepared;
    row->headline = which == (source->headline_unseen ? SUBSET_UNSEEN : SUBSET_ALL);
    status = reshift_accuracy_by_image(&answers, &row->accuracy, error);
    return status == RESHIFT_OK && source->against ? compare(source, &answers, which, severity, s, row, error) : status;
}

reshift_status results_add(results *r, const results_source *source, reshift_error *error)
{
    bool measured[SEVERITIES + 1] = {true}; /* 0: all together */
    scratch s;
    for (int64_t i = 0; i < source->rows.n; i++) {
        measured[source->rows.severities[i]] = true;
    }
    reshift_status status = scratch_create(&s, source, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    for (int which = 0; which < SUBSETS; which++) {
        for (int severity = 0; severity <= SEVERITIES && status == RESHIFT_OK; severity++) {
            status = measured[severity] ? add_row(r, source, (subset)which, severity, &s, error) : RESHIFT_OK;
        }
    }
    scratch_destroy(&s);
    return status;
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

static json_t *real_or_null(double value) { return isfinite(value) ? json_real(value) : json_null(); }

bool results_add_change(json_t *object, const char *against, const reshift_difference *change)
{
    const bool counted = isfinite(change->p); /* one row an image */
    json_t *more = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "against", against, "change",
        real_or_null(change->accuracy.value), "change_low", real_or_null(change->accuracy.low), "change_high",
        real_or_null(change->accuracy.high), "paired", against[0] ? json_boolean(change->paired) : json_null(), "clear",
        against[0] ? json_boolean(change->clear) : json_null(), "only_this",
        counted ? json_integer(change->only_a) : json_null(), "only_other",
        counted ? json_integer(change->only_b) : json_null(), "mcnemar_p", real_or_null(change->p));
    const bool good = more && json_object_update(object, more) == 0;
    json_decref(more);
    return good;
}

bool results_add_images(json_t *object, const reshift_image_facts *images)
{
    reshift_image_fact list[RESHIFT_IMAGE_FACTS];
    bool good = true;
    reshift_image_facts_list(images, list);
    for (int i = 0; i < RESHIFT_IMAGE_FACTS; i++) {
        json_t *value = list[i].word          ? json_string(list[i].word)
                        : list[i].number >= 0 ? json_integer(list[i].number)
                                              : json_null();
        good = json_object_set_new(object, list[i].name, value) == 0 && good;
    }
    return good;
}

static bool read_images(const json_t *object, reshift_image_facts *images)
{
    reshift_image_fact list[RESHIFT_IMAGE_FACTS];
    reshift_image_facts_list(images, list); /* for the names */
    for (int i = 0; i < RESHIFT_IMAGE_FACTS; i++) {
        const json_t *value = json_object_get(object, list[i].name);
        if (value && !json_is_null(value) &&
            ((!json_is_string(value) && !json_is_integer(value)) ||
             !reshift_image_facts_set(images, list[i].name, json_string_value(value), json_integer_value(value)))) {
            return false;
        }
    }
    return true;
}

static json_t *row_object(const reshift_measurement *row)
{
    char text[16];
    json_t *severity = strcmp(severity_text(row, text), "all") == 0 ? json_string("all") : json_integer(row->severity);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:I, s:I, s:I, s:f, s:f, s:f}", "model", row->model, "set",
                  row->set, "data", row->data, "corruption", row->corruption, "severity", severity, "subset",
                  row->subset, "headline", row->headline, "rows", (json_int_t)row->accuracy.n, "images",
                  (json_int_t)row->accuracy.n_images, "correct", (json_int_t)row->accuracy.correct, "accuracy",
                  row->accuracy.accuracy, "low", row->accuracy.low, "high", row->accuracy.high);
    if (object &&
        (!results_add_change(object, row->against, &row->change) || !results_add_images(object, &row->images))) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

static const char *const results_columns[] = {
    "model",          "set",          "data",         "corruption", "severity",
    "subset",         "headline",     "rows",         "images",     "correct",
    "accuracy",       "low",          "high",         "against",    "change",
    "change_low",     "change_high",  "paired",       "clear",      "only_this",
    "only_other",     "mcnemar_p",    "input_size",   "resize",     "constants",
    "corrupt_resize", "corrupt_crop", "jpeg_quality", NULL};

static reshift_status write_field(file_writer *writer, const json_t *value, const char *before, reshift_error *error)
{
    if (json_is_string(value)) {
        return file_writer_printf(writer, error, "%s%s", before, json_string_value(value));
    }
    if (json_is_boolean(value)) {
        return file_writer_printf(writer, error, "%s%s", before, json_is_true(value) ? "yes" : "no");
    }
    if (json_is_integer(value)) {
        return file_writer_printf(writer, error, "%s%lld", before, (long long)json_integer_value(value));
    }
    char number[40] = "";
    return file_writer_printf(writer, error, "%s%s", before,
                              json_is_real(value) ? reshift_number_text(json_real_value(value), number) : number);
}

reshift_status results_save_csv(const char *path, const json_t *rows, const char *const *columns, reshift_error *error)
{
    file_writer writer;
    size_t i;
    json_t *row;
    reshift_status status = file_writer_open(path, true, &writer, error);
    for (int c = 0; columns[c] && status == RESHIFT_OK; c++) {
        status = file_writer_printf(&writer, error, "%s%s", c ? "," : "", columns[c]);
    }
    json_array_foreach(rows, i, row)
    {
        for (int c = 0; columns[c] && status == RESHIFT_OK; c++) {
            status = write_field(&writer, json_object_get(row, columns[c]), c ? "," : "\n", error);
        }
    }
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "\n");
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    return status;
}

reshift_status results_save_json(const char *path, const json_t *rows, reshift_error *error)
{
    char *text = json_dumps(rows, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    file_writer writer = {0};
    reshift_status status = text ? file_writer_open(path, true, &writer, error) : error_memory(error, 0, "results");
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "%s\n", reshift_json_shorten(text));
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
    json_t *rows = json_array();
    bool good = csv && json && rows;
    for (int i = 0; i < r->n && good; i++) {
        good = json_array_append_new(rows, row_object(&r->rows[i])) == 0;
    }
    reshift_status status =
        good ? results_save_csv(csv, rows, results_columns, error) : error_memory(error, 0, "results");
    if (status == RESHIFT_OK) {
        status = results_save_json(json, rows, error);
    }
    json_decref(rows);
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

static double number_or_nan(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

bool results_read_row(const json_t *object, reshift_measurement *row)
{
    memset(row, 0, sizeof *row);
    const json_t *severity = json_object_get(object, "severity"), *n = json_object_get(object, "rows");
    const json_t *correct = json_object_get(object, "correct"), *images = json_object_get(object, "images");
    if (!read_text(object, "model", row->model, sizeof row->model) ||
        !read_text(object, "set", row->set, sizeof row->set) ||
        !read_text(object, "data", row->data, sizeof row->data) ||
        !read_text(object, "corruption", row->corruption, sizeof row->corruption) ||
        !read_text(object, "subset", row->subset, sizeof row->subset) ||
        !read_text(object, "against", row->against, sizeof row->against) || !json_is_integer(n) ||
        !json_is_integer(correct) || !json_is_integer(images) || json_integer_value(n) < 1 ||
        json_integer_value(correct) < 0 || json_integer_value(correct) > json_integer_value(n) ||
        json_integer_value(images) < 1 || json_integer_value(images) > json_integer_value(n)) {
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
    reshift_accuracy *a = &row->accuracy;
    a->n = json_integer_value(n);
    a->correct = json_integer_value(correct);
    a->n_images = json_integer_value(images);
    a->accuracy = number_or_nan(object, "accuracy");
    a->low = number_or_nan(object, "low");
    a->high = number_or_nan(object, "high");
    reshift_difference *d = &row->change;
    d->accuracy.value = number_or_nan(object, "change");
    d->accuracy.low = number_or_nan(object, "change_low");
    d->accuracy.high = number_or_nan(object, "change_high");
    d->paired = json_is_true(json_object_get(object, "paired"));
    d->clear = json_is_true(json_object_get(object, "clear"));
    d->only_a = json_integer_value(json_object_get(object, "only_this"));
    d->only_b = json_integer_value(json_object_get(object, "only_other"));
    d->p = number_or_nan(object, "mcnemar_p");
    d->n = row->against[0] ? a->n : 0;
    d->n_images = row->against[0] ? a->n_images : 0;
    return read_images(object, &row->images) && a->accuracy >= 0 && a->low <= a->accuracy && a->accuracy <= a->high &&
           a->high <= 1 && a->low >= 0 && (!row->against[0] || isfinite(d->accuracy.value));
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
        error_hint(error, "finish the run first: 'reshift run' continues where it stopped");
    } else if (status == RESHIFT_OK && (!json_is_array(array) ||
                                        !(*measurements = calloc(json_array_size(array) + 1, sizeof **measurements)))) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "cannot read '%s': expected a list of measurements", path);
    }
    for (size_t i = 0; status == RESHIFT_OK && i < json_array_size(array); i++) {
        const json_t *object = json_array_get(array, i);
        if (results_read_row(object, &(*measurements)[i])) {
            *n = (int)i + 1;
        } else if (json_object_get(object, "n") && !json_object_get(object, "rows")) {
            status = error_set(error, RESHIFT_ERROR_FORMAT, "'%s' was written by an older version of reshift", path);
            error_hint(error, "'reshift run' with the same experiment and folder measures again what has changed");
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
