/*
 * Features and predictions as CSV, for spreadsheets, R and pandas: RFC 4180, a header line, numbers that read back to
 * the same floats.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "kernels/softmax.h"
#include "reshift/class_map.h"
#include "reshift/export.h"

/* Quoted where a comma, a quote or a line's end is in it. */
static reshift_status write_words(file_writer *writer, const char *words, reshift_error *error)
{
    if (!strpbrk(words, ",\"\r\n")) {
        return file_writer_write(writer, words, strlen(words), error);
    }
    reshift_status status = file_writer_write(writer, "\"", 1, error);
    for (const char *c = words; *c && status == RESHIFT_OK; c++) {
        status = file_writer_write(writer, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1, error);
    }
    return status == RESHIFT_OK ? file_writer_write(writer, "\"", 1, error) : status;
}

/* "image,label,class": what every row begins with. A class without a name has an empty field. */
static reshift_status write_row_head(file_writer *writer, const reshift_dataset *dataset, int64_t row,
                                     reshift_error *error)
{
    char name[1024];
    const int label = reshift_dataset_label(dataset, row);
    const char *class_name = reshift_dataset_class_name(dataset, label);
    reshift_dataset_row_name(dataset, row, name, sizeof name);
    reshift_status status = write_words(writer, name, error);
    if (status == RESHIFT_OK) {
        status = file_writer_printf(writer, error, ",%d,%d,", reshift_dataset_severity(dataset, row), label);
    }
    return status == RESHIFT_OK ? write_words(writer, class_name ? class_name : "", error) : status;
}

static reshift_status check_rows(const reshift_array *array, const reshift_dataset *dataset, int64_t columns,
                                 reshift_error *error)
{
    const int64_t n = reshift_dataset_count(dataset);
    if (array->dtype != RESHIFT_F32 || array->n_dims != 2 || array->shape[0] != n ||
        (columns > 0 && array->shape[1] != columns)) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "expected float32 [%lld,%s], a row for every image, found %s with %d "
                         "dimensions and %lld rows",
                         (long long)n, columns > 0 ? "K" : "D", reshift_dtype_name(array->dtype), array->n_dims,
                         array->n_dims ? (long long)array->shape[0] : 0);
    }
    return RESHIFT_OK;
}

reshift_status reshift_features_save_csv(const char *path, const reshift_array *features,
                                         const reshift_dataset *dataset, bool overwrite, reshift_error *error)
{
    file_writer writer = {0};
    reshift_status status = check_rows(features, dataset, 0, error);
    if (status == RESHIFT_OK) {
        status = file_writer_open(path, overwrite, &writer, error);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "image,severity,label,class");
    }
    const int64_t n = features->shape[0], d = features->n_dims == 2 ? features->shape[1] : 0;
    for (int64_t k = 0; k < d && status == RESHIFT_OK; k++) {
        status = file_writer_printf(&writer, error, ",f%lld", (long long)k);
    }
    for (int64_t row = 0; row < n && status == RESHIFT_OK; row++) {
        const float *values = (const float *)features->data + row * d;
        status = file_writer_printf(&writer, error, "\n");
        if (status == RESHIFT_OK) {
            status = write_row_head(&writer, dataset, row, error);
        }
        for (int64_t k = 0; k < d && status == RESHIFT_OK; k++) {
            status = file_writer_printf(&writer, error, ",%.9g", (double)values[k]);
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

void reshift_probabilities(const float *logits, int n, float *probabilities)
{
    softmax_probabilities(logits, n, probabilities);
}

void reshift_top_classes(const float *probabilities, int n, int *order, int top)
{
    for (int place = 0; place < top; place++) {
        int best = -1;
        for (int label = 0; label < n; label++) {
            bool taken = false;
            for (int i = 0; i < place; i++) {
                taken = taken || order[i] == label;
            }
            if (!taken && (best < 0 || probabilities[label] > probabilities[best])) {
                best = label;
            }
        }
        order[place] = best;
    }
}

reshift_status reshift_predictions_save_csv(const char *path, const reshift_model *model,
                                            const reshift_array *probabilities, const reshift_dataset *dataset, int top,
                                            bool overwrite, reshift_error *error)
{
    const int n_classes = reshift_model_n_classes(model);
    file_writer writer = {0};
    top = top < n_classes ? top : n_classes;
    int *order = memory_allocate((size_t)n_classes * sizeof *order);
    reshift_status status = order ? check_rows(probabilities, dataset, n_classes, error)
                                  : error_memory(error, (size_t)n_classes * sizeof *order, "classes");
    if (status == RESHIFT_OK) {
        status = file_writer_open(path, overwrite, &writer, error);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "image,severity,label,class");
    }
    for (int i = 0; i < top && status == RESHIFT_OK; i++) {
        status = file_writer_printf(&writer, error, ",label_%d,class_%d,probability_%d", i + 1, i + 1, i + 1);
    }
    const int64_t n = reshift_dataset_count(dataset);
    for (int64_t row = 0; row < n && status == RESHIFT_OK; row++) {
        const float *values = (const float *)probabilities->data + row * n_classes;
        reshift_top_classes(values, n_classes, order, top);
        status = file_writer_printf(&writer, error, "\n");
        if (status == RESHIFT_OK) {
            status = write_row_head(&writer, dataset, row, error);
        }
        for (int i = 0; i < top && status == RESHIFT_OK; i++) {
            const char *name = reshift_model_output_name(model, order[i]);
            status = file_writer_printf(&writer, error, ",%d,", order[i]);
            if (status == RESHIFT_OK) {
                status = write_words(&writer, name ? name : "", error);
            }
            if (status == RESHIFT_OK) {
                status = file_writer_printf(&writer, error, ",%.9g", (double)values[order[i]]);
            }
        }
    }
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "\n");
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    memory_free(order);
    return status;
}
