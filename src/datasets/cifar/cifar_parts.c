/*
 * CIFAR-10's two layouts. The binary layout has fixed-size records that need checks but no parsing. The Python layout
 * is a pickle from Python 2 whose dict must contain exactly the expected values.
 */
#include "datasets/cifar/cifar_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "formats/torch/pickle.h"
#include "reshift/labels.h"

const char *const cifar_class_names[CIFAR_CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                      "dog",      "frog",       "horse", "ship", "truck"};

static reshift_status label_refused(const char *path, int record, int64_t label, int64_t offset, reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_FORMAT, "'%s': record %d: expected a label from 0 to %d, found %lld", path, record,
              CIFAR_CLASSES - 1, (long long)label);
    return error_at_offset(error, RESHIFT_ERROR_FORMAT, path, offset);
}

reshift_status cifar_part_read_binary(blob *bytes, const char *path, cifar_part *part, reshift_error *error)
{
    const size_t expected = (size_t)CIFAR_PART_RECORDS * CIFAR_RECORD;
    memset(part, 0, sizeof *part);
    if (bytes->size != expected) {
        error_set(error, RESHIFT_ERROR_FORMAT,
                  "'%s': expected %zu bytes (%d records of %d), found %zu (%zu records and %zu bytes)", path, expected,
                  CIFAR_PART_RECORDS, CIFAR_RECORD, bytes->size, bytes->size / CIFAR_RECORD,
                  bytes->size % CIFAR_RECORD);
        error_hint(error, "the file is cut short or not CIFAR-10's; fetch it again with: reshift fetch cifar10");
        return error_at_offset(error, RESHIFT_ERROR_FORMAT, path, -1);
    }
    for (int i = 0; i < CIFAR_PART_RECORDS; i++) {
        size_t offset = (size_t)i * CIFAR_RECORD;
        if (bytes->data[offset] >= CIFAR_CLASSES) {
            return label_refused(path, i, bytes->data[offset], (int64_t)offset, error);
        }
        part->labels[i] = bytes->data[offset];
    }
    part->pixels = bytes->data + 1;
    part->pixel_stride = CIFAR_RECORD;
    part->bytes = blob_keep(bytes);
    return RESHIFT_OK;
}

/* Labels saved again as a NumPy array. */
static reshift_status read_label_array(const pickle_value *labels, const char *path, cifar_part *part,
                                       reshift_error *error)
{
    reshift_array array = {0};
    char *name = NULL;
    int *values = malloc(CIFAR_PART_RECORDS * sizeof *values);
    reshift_status status = !values || asprintf(&name, "'%s': labels", path) < 0
                                ? error_memory(error, CIFAR_PART_RECORDS * sizeof *values, "labels")
                                : pickle_copy_array(labels, &array, error);
    if (status == RESHIFT_OK) {
        status = reshift_labels_read(&array, name, CIFAR_PART_RECORDS, CIFAR_CLASSES, values, NULL, error);
    }
    for (int i = 0; status == RESHIFT_OK && i < CIFAR_PART_RECORDS; i++) {
        part->labels[i] = (uint8_t)values[i];
    }
    free(values);
    free(name);
    reshift_array_destroy(&array);
    return status;
}

static reshift_status read_labels(const pickle_value *labels, const char *path, cifar_part *part, reshift_error *error)
{
    if (labels && labels->kind == PICKLE_ARRAY) {
        return read_label_array(labels, path, part, error);
    }
    if (!labels || labels->kind != PICKLE_LIST) {
        return error_set(error, RESHIFT_ERROR_FORMAT, "'%s': expected a list 'labels', found %s", path,
                         labels ? "something else" : "none");
    }
    if (labels->length != CIFAR_PART_RECORDS) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "'%s': labels: expected %d, found %zu", path, CIFAR_PART_RECORDS,
                         labels->length);
    }
    for (int i = 0; i < CIFAR_PART_RECORDS; i++) {
        int64_t label;
        if (!pickle_get_int(labels->items[i], &label)) {
            return error_set(error, RESHIFT_ERROR_FORMAT,
                             "'%s': record %d: expected a label from 0 to %d, found no number", path, i,
                             CIFAR_CLASSES - 1);
        }
        if (label < 0 || label >= CIFAR_CLASSES) {
            return label_refused(path, i, label, -1, error);
        }
        part->labels[i] = (uint8_t)label;
    }
    return RESHIFT_OK;
}

static reshift_status read_data(const pickle_value *data, const char *path, cifar_part *part, reshift_error *error)
{
    if (!data || data->kind != PICKLE_ARRAY) {
        return error_set(error, RESHIFT_ERROR_FORMAT, "'%s': expected an array 'data', found %s", path,
                         data ? "something else" : "none");
    }
    const pickle_array *a = data->array;
    if (a->dtype != RESHIFT_U8 || a->n_dims != 2 || a->shape[0] != CIFAR_PART_RECORDS || a->shape[1] != CIFAR_PIXELS) {
        return error_set(error, RESHIFT_ERROR_SHAPE,
                         "'%s': data: expected uint8 [%d,%d], found %s of %d dimensions, the first of %lld", path,
                         CIFAR_PART_RECORDS, CIFAR_PIXELS, reshift_dtype_name(a->dtype), a->n_dims,
                         a->n_dims > 0 ? (long long)a->shape[0] : 0ll);
    }
    if (a->fortran_order) {
        reshift_status status = pickle_copy_array(data, &part->copy, error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    part->pixels = a->fortran_order ? part->copy.data : a->data;
    part->pixel_stride = CIFAR_PIXELS;
    return RESHIFT_OK;
}

reshift_status cifar_part_read_pickle(blob *bytes, const char *path, cifar_part *part, reshift_error *error)
{
    memset(part, 0, sizeof *part);
    reshift_status status = pickle_open(bytes->data, bytes->size, path, 0, &part->pickle, NULL, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    part->bytes = blob_keep(bytes);
    const pickle_value *root = pickle_root(part->pickle);
    if (root->kind != PICKLE_DICT) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "'%s': expected a dict with 'labels' and 'data'", path);
    }
    if (status == RESHIFT_OK) {
        status = read_labels(pickle_find(root, "labels"), path, part, error);
    }
    if (status == RESHIFT_OK) {
        status = read_data(pickle_find(root, "data"), path, part, error);
    }
    if (status != RESHIFT_OK) {
        cifar_part_destroy(part);
        return error_at_offset(error, status, path, -1);
    }
    return RESHIFT_OK;
}

void cifar_part_destroy(cifar_part *part)
{
    if (part->pickle) {
        pickle_close(&part->pickle);
    }
    blob_drop(&part->bytes);
    reshift_array_destroy(&part->copy);
    memset(part, 0, sizeof *part);
}

void cifar_part_pixels(const cifar_part *part, int i, uint8_t *rgb)
{
    const uint8_t *planes = part->pixels + (size_t)i * part->pixel_stride;
    for (int p = 0; p < CIFAR_PLANE; p++) {
        rgb[3 * p + 0] = planes[p];
        rgb[3 * p + 1] = planes[CIFAR_PLANE + p];
        rgb[3 * p + 2] = planes[2 * CIFAR_PLANE + p];
    }
}
