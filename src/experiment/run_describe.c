/* The head of the manifest: the experiment, its inputs, the split, versions and the machine; all but the stages. */
#include "base/error.h"
#include "base/json_build.h"
#include "experiment/manifest.h"
#include "experiment/run.h"

static json_t *describe_set(const char *spec, const reshift_dataset *dataset, const char *identity)
{
    json_t *set =
        json_pack("{s:o, s:s, s:I, s:i, s:b, s:s}", "data", json_words(spec), "kind", reshift_dataset_kind(dataset),
                  "rows", (json_int_t)reshift_dataset_count(dataset), "classes", reshift_dataset_n_classes(dataset),
                  "from_file", reshift_dataset_from_file(dataset), "sha256", identity);
    if (set && reshift_dataset_corruption(dataset)) {
        const int quality = reshift_dataset_jpeg(dataset);
        int resize;
        const int crop = reshift_dataset_corrupted_crop(dataset, &resize);
        const reshift_constants constants = reshift_dataset_constants(dataset);
        if (constants != RESHIFT_CONSTANTS_AUTO) {
            json_put(&set, "constants", json_string(constants == RESHIFT_CONSTANTS_CIFAR ? "cifar" : "imagenet"));
            json_put(&set, "corrupted_at",
                     crop > 0 ? json_pack("{s:i, s:i}", "resize", resize, "crop", crop) : json_string("native"));
        }
        json_put(&set, "jpeg_quality", json_integer(quality));
    }
    if (set && reshift_dataset_n_skipped(dataset) > 0) {
        json_put(&set, "images_left_out", json_integer((json_int_t)reshift_dataset_n_skipped(dataset)));
    }
    if (set && reshift_dataset_n_damaged(dataset) > 0) {
        json_put(&set, "images_damaged", json_integer((json_int_t)reshift_dataset_n_damaged(dataset)));
    }
    if (set && reshift_dataset_note(dataset)) {
        json_put(&set, "note", json_words(reshift_dataset_note(dataset)));
    }
    return set;
}

static json_t *describe_inputs(const run *r)
{
    const reshift_experiment *e = r->all_settings;
    json_t *inputs = json_object();
    if (r->opened.source) {
        json_put(&inputs, "pretraining_set",
                 describe_set("demo-source", r->opened.source, r->identities[INPUT_PRETRAIN]));
    } else {
        json_put(&inputs, "weights",
                 json_pack("{s:o, s:o, s:s}", "weights", json_words(e->model.weights), "path",
                           json_words(r->weights_path), "sha256", r->identities[INPUT_WEIGHTS]));
    }
    json_put(&inputs, "training_set", describe_set(e->source.data, r->opened.train, r->identities[INPUT_TRAIN]));
    json_put(&inputs, "test_set", describe_set(e->source.data, r->opened.test, r->identities[INPUT_TEST]));
    json_put(&inputs, "shifted_set", describe_set(e->shift.data, r->opened.shift, r->identities[INPUT_SHIFT]));
    if (r->opened.shifted_train) {
        json_put(&inputs, "fine_tuning_set",
                 describe_set(r->opened.paired ? e->source.data : e->shift.data, r->opened.shifted_train,
                              r->identities[INPUT_ROWS]));
    }
    return inputs;
}

static json_t *describe_split(const run *r)
{
    const reshift_split *s = &r->opened.split;
    const int64_t monitored =
        r->all_settings->finetune.monitor < s->n_test ? r->all_settings->finetune.monitor : s->n_test;
    json_t *split = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "kind",
                              s->kind == RESHIFT_SPLIT_APART      ? "apart"
                              : s->kind == RESHIFT_SPLIT_BY_IMAGE ? "by-image"
                                                                  : "by-row",
                              "train_rows", (json_int_t)s->n_train, "test_rows", (json_int_t)s->n_test,
                              "monitored_rows", (json_int_t)monitored, "images", (json_int_t)s->n_images, "images_seen",
                              (json_int_t)s->n_images_seen, "test_rows_seen", (json_int_t)s->n_test_rows_seen,
                              "test_rows_image_seen", (json_int_t)s->n_test_rows_image_seen, "test_images",
                              (json_int_t)s->n_test_images, "test_images_seen", (json_int_t)s->n_test_images_seen,
                              "train_rows_file", "split/train-rows.npy", "test_rows_file", "split/test-rows.npy");
    if (split && r->opened.n_held_out > 0) { /* train_rows are all that fine-tuning sees: these too */
        json_put(&split, "validation_rows", json_integer((json_int_t)r->opened.n_held_out));
        json_put(&split, "validation_rows_file", json_string("split/validation-rows.npy"));
    }
    return split;
}

static json_t *describe_classes(const reshift_dataset *dataset)
{
    json_t *names = json_array();
    for (int label = 0; label < reshift_dataset_n_classes(dataset); label++) {
        const char *name = reshift_dataset_class_name(dataset, label);
        json_add(&names, name ? json_string(name) : json_null());
    }
    return names;
}

reshift_status run_begin_manifest(run *r, reshift_error *error)
{
    json_t *m = r->manifest;
    /* set in this order in a fresh manifest; "stages" is moved to the end */
    json_t *stages = json_incref(json_object_get(m, "stages"));
    json_object_clear(m);
    bool good =
        json_object_set_new(m, "layout", json_integer(MANIFEST_LAYOUT)) == 0 &&
        json_object_set_new(m, "experiment", manifest_experiment(r->all_settings)) == 0 &&
        json_object_set_new(m, "inputs", describe_inputs(r)) == 0 &&
        json_object_set_new(m, "classes", describe_classes(r->opened.test)) == 0 &&
        json_object_set_new(m, "versions", manifest_versions()) == 0 &&
        json_object_set_new(m, "machine", manifest_machine()) == 0 &&
        json_object_set_new(m, "seeds", json_pack("{s:I}", "experiment", (json_int_t)r->all_settings->seed)) == 0 &&
        json_object_set_new(m, "split", describe_split(r)) == 0 && json_object_set_new(m, "stages", stages) == 0;
    return good ? manifest_save(r->folder, m, error) : error_memory(error, 0, "the manifest");
}
