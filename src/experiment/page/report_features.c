/* What the page says of the features: the points of the four panels, and how the classes lie in them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "experiment/page/report_drawing.h"
#include "experiment/json_file.h"

static reshift_status load_array(const drawing *d, const char *name, reshift_dtype dtype, int n_dims,
                                 reshift_array *array, reshift_error *error)
{
    char *path;
    reshift_status status = drawing_path(d, name, &path, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_load_npy(path, array, error);
    }
    if (status == RESHIFT_OK && (array->dtype != dtype || array->n_dims != n_dims)) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "'%s': expected %s with %d dimensions, found %s with %d", path,
                           reshift_dtype_name(dtype), n_dims, reshift_dtype_name(array->dtype), array->n_dims);
    }
    free(path);
    return status;
}

static double number_or_nan(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* "change": {"overlap": [value, low, high]} */
static reshift_interval read_interval(const json_t *figures, const char *key)
{
    const json_t *numbers = json_object_get(json_object_get(figures, "change"), key);
    return json_array_size(numbers) == 3 ? (reshift_interval){json_number_value(json_array_get(numbers, 0)),
                                                              json_number_value(json_array_get(numbers, 1)),
                                                              json_number_value(json_array_get(numbers, 2))}
                                         : (reshift_interval){NAN, NAN, NAN};
}

static const json_t *panel_figures(const drawing *d, const char *name)
{
    size_t index;
    json_t *panel;
    json_array_foreach(d->separation, index, panel)
    {
        const char *found = json_string_value(json_object_get(panel, "panel"));
        if (found && strcmp(found, name) == 0) {
            return panel;
        }
    }
    return NULL;
}

static reshift_status describe_panel(drawing *d, int p, reshift_error *error)
{
    const panel_name *panel = &run_panels[p];
    const json_t *figures = panel_figures(d, panel->name);
    if (!figures) {
        return error_set(error, RESHIFT_ERROR_FORMAT, "'%s/pca/separation.json' says nothing of '%s'", d->folder,
                         panel->name);
    }
    char name[96];
    snprintf(name, sizeof name, "pca/%s.npy", panel->name);
    reshift_status status = load_array(d, name, RESHIFT_F32, 2, &d->coordinates[p], error);
    if (status != RESHIFT_OK) {
        return status;
    }
    const reshift_array *seen = &d->seen[panel->data == REPORT_SHIFT];
    const int64_t n = d->coordinates[p].shape[0];
    if (n != seen->shape[0] || d->coordinates[p].shape[1] < 2) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "'%s/%s': expected [%lld,2], found [%lld,%lld]", d->folder, name,
                         (long long)seen->shape[0], (long long)n, (long long)d->coordinates[p].shape[1]);
    }
    int64_t n_seen = 0;
    for (int64_t row = 0; row < n; row++) {
        n_seen += ((const uint8_t *)seen->data)[row] != 0;
    }
    const json_t *ratio = json_object_get(figures, "explained");
    d->panels[p] = (report_panel){
        .model = panel->model,
        .data = panel->data,
        .n = n,
        .n_seen = n_seen,
        .ratio = {json_number_value(json_array_get(ratio, 0)), json_number_value(json_array_get(ratio, 1))},
        .separation = {.silhouette = number_or_nan(figures, "silhouette"),
                       .fisher = number_or_nan(figures, "fisher"),
                       .overlap = number_or_nan(figures, "overlap"),
                       .spread = number_or_nan(figures, "spread"),
                       .nearest_a = (int)json_integer_value(json_object_get(figures, "nearest_a")),
                       .nearest_b = (int)json_integer_value(json_object_get(figures, "nearest_b")),
                       .nearest_distance = number_or_nan(figures, "nearest_distance"),
                       .widest_spread = number_or_nan(figures, "widest_spread"),
                       .widest = (int)json_integer_value(json_object_get(figures, "widest")),
                       .n_classes = (int)json_integer_value(json_object_get(figures, "classes"))},
        .change = {.overlap = read_interval(figures, "overlap"),
                   .silhouette = read_interval(figures, "silhouette"),
                   .fisher = read_interval(figures, "fisher"),
                   .n_images = json_integer_value(json_object_get(json_object_get(figures, "change"), "images"))},
    };
    return RESHIFT_OK;
}

static int count_classes(const int *labels, int64_t n, int n_classes)
{
    int found = 0;
    for (int k = 0; k < n_classes; k++) {
        bool any = false;
        for (int64_t row = 0; row < n && !any; row++) {
            any = labels[row] == k;
        }
        found += any;
    }
    return found;
}

reshift_status drawing_describe_panels(drawing *d, reshift_error *error)
{
    static const char *const labels[] = {"features/clean-labels.npy", "features/shift-labels.npy"};
    static const char *const seen[] = {"features/clean-seen.npy", "features/shift-seen.npy"};
    reshift_status status = RESHIFT_OK;
    for (int set = 0; set < 2 && status == RESHIFT_OK; set++) {
        status = load_array(d, labels[set], RESHIFT_I64, 1, &d->labels[set], error);
        if (status == RESHIFT_OK) {
            status = load_array(d, seen[set], RESHIFT_U8, 1, &d->seen[set], error);
        }
        if (status == RESHIFT_OK && d->labels[set].shape[0] != d->seen[set].shape[0]) {
            status = error_set(error, RESHIFT_ERROR_SHAPE, "'%s': %s and %s differ in length", d->folder, labels[set],
                               seen[set]);
        }
        if (status == RESHIFT_OK) {
            const int64_t n = d->labels[set].shape[0];
            d->plain_labels[set] = malloc((size_t)n * sizeof(int) + 1);
            if (!d->plain_labels[set]) {
                return error_memory(error, (size_t)n * sizeof(int), "labels");
            }
            for (int64_t row = 0; row < n; row++) {
                int64_t label = ((const int64_t *)d->labels[set].data)[row];
                if (label < 0 || label >= d->content.n_classes) {
                    return error_set(error, RESHIFT_ERROR_SHAPE, "'%s/%s': row %lld has label %lld of %d classes",
                                     d->folder, labels[set], (long long)row, (long long)label, d->content.n_classes);
                }
                d->plain_labels[set][row] = (int)label;
            }
        }
    }
    char *path = NULL;
    if (status == RESHIFT_OK) {
        status = drawing_path(d, "pca/separation.json", &path, error);
    }
    if (status == RESHIFT_OK) {
        status = json_file_load(path, &d->separation, error);
    }
    free(path);
    for (int p = 0; p < PANEL_COUNT && status == RESHIFT_OK; p++) {
        status = describe_panel(d, p, error);
    }
    if (status == RESHIFT_OK) {
        d->content.n_test_classes = count_classes(d->plain_labels[0], d->labels[0].shape[0], d->content.n_classes);
        d->content.probe.n_test_classes = d->content.n_test_classes;
        d->content.finetune.n_test_classes =
            count_classes(d->plain_labels[1], d->labels[1].shape[0], d->content.n_classes);
    }
    d->content.panels = d->panels;
    d->content.n_panels = PANEL_COUNT;
    d->content.shared_basis = strcmp(drawing_setting(d, "analysis", "shared_basis"), "true") == 0;
    return status;
}
