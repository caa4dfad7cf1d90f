/* What the page says of the study: its names, its settings, its split, its trainings and what was measured. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "experiment/page/report_drawing.h"
#include "experiment/config/settings.h"

const char *drawing_setting(const drawing *d, const char *section, const char *key)
{
    const json_t *experiment = json_object_get(d->manifest, "experiment");
    const char *value =
        json_string_value(json_object_get(section ? json_object_get(experiment, section) : experiment, key));
    return value ? value : "";
}

static reshift_status list_settings(drawing *d, reshift_error *error)
{
    const setting *table = settings_table();
    size_t n = 0, most = 0;
    while (table[most].path) {
        most++;
    }
    d->settings = calloc(most + 1, sizeof *d->settings);
    if (!d->settings) {
        return error_memory(error, most * sizeof *d->settings, "the settings of a report");
    }
    for (const setting *row = table; row->path; row++) {
        const char *dot = strchr(row->path, '.');
        char section[64];
        snprintf(section, sizeof section, "%.*s", dot ? (int)(dot - row->path) : 0, row->path);
        if (strcmp(section, "pretrain") == 0 && strcmp(drawing_setting(d, "model", "weights"), "demo") != 0) {
            continue;
        }
        d->settings[n++] =
            (report_setting){row->path, drawing_setting(d, dot ? section : NULL, dot ? dot + 1 : row->path)};
    }
    d->content.settings = d->settings;
    d->content.n_settings = (int)n;
    return RESHIFT_OK;
}

/* The name of a data set for people. */
static const char *data_name(const drawing *d, const char *input)
{
    const json_t *set = json_object_get(json_object_get(d->manifest, "inputs"), input);
    const char *kind = json_string_value(json_object_get(set, "kind"));
    const char *spec = json_string_value(json_object_get(set, "data"));
    if (kind && strcmp(kind, "demo") == 0 && strcmp(input, "shifted_set") == 0) {
        return "demo-C"; /* named as CIFAR-10-C is */
    }
    const char *title = kind ? reshift_dataset_kind_title(kind) : NULL;
    return title ? title : spec ? spec : "data";
}

static int64_t split_count(const drawing *d, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(d->manifest, "split"), key));
}

static int64_t input_rows(const drawing *d, const char *input)
{
    return json_integer_value(json_object_get(json_object_get(json_object_get(d->manifest, "inputs"), input), "rows"));
}

static void describe_split(drawing *d)
{
    const char *kind = json_string_value(json_object_get(json_object_get(d->manifest, "split"), "kind"));
    d->split = (reshift_split){
        .kind = kind && strcmp(kind, "by-row") == 0  ? RESHIFT_SPLIT_BY_ROW
                : kind && strcmp(kind, "apart") == 0 ? RESHIFT_SPLIT_APART
                                                     : RESHIFT_SPLIT_BY_IMAGE,
        .n_train = split_count(d, "train_rows"),
        .n_test = split_count(d, "test_rows"),
        .n_images = split_count(d, "images"),
        .n_images_seen = split_count(d, "images_seen"),
        .n_test_rows_seen = split_count(d, "test_rows_seen"),
        .n_test_rows_image_seen = split_count(d, "test_rows_image_seen"),
        .n_test_images = split_count(d, "test_images"),
        .n_test_images_seen = split_count(d, "test_images_seen"),
    };
    d->content.split = &d->split;
}

/* Images among the monitored rows, a random sample of the test rows: as many as are drawn on average. */
static int64_t monitored_images(const drawing *d)
{
    const double rows = (double)split_count(d, "monitored_rows"), all = (double)d->split.n_test;
    const double images = (double)d->split.n_test_images;
    if (rows < 1 || all < 1 || images < 1) {
        return 0;
    }
    const double each = images * (1 - pow(1 - rows / all, all / images));
    return each < 1 ? 1 : (int64_t)(each + 0.5);
}

/* Images among the rows trained on, where `n_validation` of the rows were held out, whole images of them. */
static int64_t trained_images(const drawing *d, int64_t n_validation)
{
    const double all = (double)d->split.n_train, trained = all - (double)n_validation;
    return all < 1 ? 0 : (int64_t)((double)d->split.n_images_seen * trained / all + 0.5);
}

/* What a study without epochs did to the network. */
static const char *untrained(drawing *d)
{
    const bool recalibrated = strcmp(drawing_setting(d, "finetune", "batchnorm"), "recalibrate") == 0;
    snprintf(d->untrained, sizeof d->untrained, "%s",
             recalibrated ? "the experiment has 0 epochs, and only batch norm statistics were recomputed"
                          : "the experiment has 0 epochs");
    return d->untrained;
}

reshift_status drawing_describe_study(drawing *d, reshift_error *error)
{
    report_content *c = &d->content;
    c->name = drawing_setting(d, NULL, "name");
    c->version = reshift_version();
    c->weights = drawing_setting(d, "model", "weights");
    c->arch = reshift_model_arch(d->model);
    c->n_parameters = reshift_model_n_parameters(d->model);
    c->n_features = reshift_model_n_features(d->model);
    c->source = data_name(d, "test_set");
    c->shift = data_name(d, "shifted_set");
    c->corruption = drawing_setting(d, "shift", "corruption");
    const char *severity = drawing_setting(d, "shift", "severity"), *dash = strchr(severity, '-');
    c->severity_first = atoi(severity);
    c->severity_last = dash ? atoi(dash + 1) : c->severity_first;
    reshift_status listed = list_settings(d, error);
    if (listed != RESHIFT_OK) {
        return listed;
    }
    describe_split(d);

    const json_t *names = json_object_get(d->manifest, "classes");
    c->n_classes = (int)json_array_size(names);
    d->class_names = calloc((size_t)c->n_classes + 1, sizeof *d->class_names);
    if (!d->class_names) {
        return error_memory(error, 0, "class names");
    }
    for (int label = 0; label < c->n_classes; label++) {
        d->class_names[label] = json_string_value(json_array_get(names, (size_t)label));
    }
    c->class_names = d->class_names;
    c->probe = (report_training){.history = &d->probe,
                                 .n_train = input_rows(d, "training_set"),
                                 .n_test = input_rows(d, "test_set"),
                                 .test_name = "the clean test set",
                                 .n_classes = c->n_classes};
    const int64_t n_validation = split_count(d, "validation_rows");
    const bool best_kept = strcmp(drawing_setting(d, "finetune", "keep"), "best") == 0;
    c->finetune = (report_training){
        .history = &d->finetune,
        .n_train = d->split.n_train - n_validation,
        .n_test = split_count(d, "monitored_rows"),
        .test_name = d->split.kind != RESHIFT_SPLIT_BY_ROW ? "shifted images not trained on" : "shifted test rows",
        .n_validation = n_validation,
        .n_classes = c->n_classes,
        .n_test_images = monitored_images(d),
        .n_test_all = d->split.n_test,
        .n_train_images = trained_images(d, n_validation),
        .test_has_training_rows = d->split.kind == RESHIFT_SPLIT_BY_ROW && d->split.n_test_rows_seen > 0,
        .untrained = untrained(d),
        .kept = best_kept ? reshift_history_best(&d->finetune) : 0};
    if (strcmp(drawing_setting(d, "probe", "optimizer"), "lbfgs") == 0) {
        const char *l2 = drawing_setting(d, "probe", "l2");
        snprintf(d->probe_minimum, sizeof d->probe_minimum, "by L-BFGS%s%s",
                 strcmp(l2, "auto") == 0 ? ", its penalty chosen on training rows held out," : " with l2 ",
                 strcmp(l2, "auto") == 0 ? "" : l2);
        c->probe.minimum = d->probe_minimum;
    }
    return RESHIFT_OK;
}

reshift_status drawing_describe_measurements(drawing *d, reshift_error *error)
{
    int n;
    reshift_status status = reshift_run_results(d->folder, &d->rows, &n, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    d->measurements = calloc((size_t)n + 1, sizeof *d->measurements);
    if (!d->measurements) {
        return error_memory(error, 0, "measurements");
    }
    for (int i = 0; i < n; i++) {
        const reshift_measurement *row = &d->rows[i];
        d->measurements[i] = (report_measurement){
            .model = strcmp(row->model, "finetuned") == 0 ? REPORT_FINETUNED : REPORT_ORIGINAL,
            .data = strcmp(row->set, "shift") == 0 ? REPORT_SHIFT : REPORT_CLEAN,
            .corruption = row->corruption[0] ? row->corruption : NULL,
            .severity = row->severity,
            .subset = strcmp(row->subset, "unseen") == 0 ? REPORT_UNSEEN
                      : strcmp(row->subset, "seen") == 0 ? REPORT_SEEN
                                                         : REPORT_ALL,
            .accuracy = row->accuracy,
            .change = row->change,
        };
        d->content.images[d->measurements[i].data] = row->images;
    }
    d->content.measurements = d->measurements;
    d->content.n_measurements = n;
    return RESHIFT_OK;
}
