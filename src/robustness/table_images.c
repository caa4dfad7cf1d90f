/*
 * What a robustness table is measured on: which sets can be had, whether they hold the same images, which of these the
 * network (or the one it is compared with) has seen in training, and the sample that is drawn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "datasets/dataset.h"
#include "robustness/draw.h"
#include "robustness/measuring.h"
#include "inference/calibrate.h"
#include "models/model.h"
#include "reshift/words.h"
#include "reshift/preparation.h"

const char *measuring_name(const reshift_corruption *corruption) { return corruption ? corruption->name : "clean"; }

/* ---- which sets there are ---- */

/*
 * The set of a corruption made here. The clean images are opened once: in a folder every file is looked at and hashed,
 * and with skip_bad decoded.
 */
static reshift_status open_made(measuring *m, const reshift_dataset_options *options, reshift_dataset **set,
                                reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    if (!m->clean) {
        reshift_dataset_options plain = *options;
        plain.progress = m->progress;
        status = reshift_dataset_open_clean(m->options->data, &plain, &m->clean, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    if (!options->corruption) {
        *set = dataset_share(m->clean);
        return RESHIFT_OK;
    }
    return dataset_corrupt(m->clean, options, set, error);
}

reshift_status measuring_open(measuring *m, const reshift_corruption *corruption, reshift_dataset **set,
                              reshift_error *error)
{
    reshift_dataset_options options = m->options->dataset;
    options.corruption = corruption ? corruption->name : NULL;
    options.verify = options.verify && m->surveying;
    options.severity_first = 1;
    options.severity_last = RESHIFT_SEVERITIES;
    options.crop_resize = m->options->corrupt_native ? 0 : m->table->recipe.resize;
    options.crop_size = m->options->corrupt_native ? 0 : m->table->recipe.size;
    options.progress = corruption || !m->surveying ? NULL : m->progress; /* the same images every time: told once */
    if (!options.verify && !reshift_dataset_is_shifted(m->options->data)) {
        return open_made(m, &options, set, error);
    }
    if (!corruption) {
        return reshift_dataset_open_clean(m->options->data, &options, set, error);
    }
    reshift_status status = reshift_dataset_open(m->options->data, &options, set, error);
    if (status == RESHIFT_ERROR_NOT_FOUND &&
        (m->table->severity_first > 1 || m->table->severity_last < RESHIFT_SEVERITIES)) {
        options.severity_first = m->table->severity_first; /* files of some severities only */
        options.severity_last = m->table->severity_last;
        status = reshift_dataset_open(m->options->data, &options, set, error);
    }
    return status;
}

/* Some corruptions cannot be made of small images: the first one of a set made here tells. */
static reshift_status try_one(const reshift_dataset *set, reshift_error *error)
{
    reshift_image image = {0};
    reshift_status status = reshift_dataset_from_file(set) ? RESHIFT_OK : reshift_dataset_read(set, 0, &image, error);
    reshift_image_destroy(&image);
    return status;
}

static reshift_status check_set(const reshift_dataset *set, const reshift_corruption *corruption, reshift_error *error)
{
    if (reshift_dataset_count(set) < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "the data set holds no images");
    }
    return corruption ? try_one(set, error) : RESHIFT_OK;
}

/* Labels of the first set, compared with those of the others: a cell of other images would be no cell of this table. */
static reshift_status take_labels(measuring *m, const reshift_dataset *set, const block *b, reshift_error *error)
{
    reshift_robustness *t = m->table;
    bool first = m->n_blocks == 0;
    if (first) {
        t->labels = memory_allocate((size_t)b->n * sizeof *t->labels);
        if (!t->labels) {
            return error_memory(error, (size_t)b->n * sizeof *t->labels, "labels");
        }
        t->n_available = b->n;
        t->n_data_classes = reshift_dataset_n_classes(set);
    }
    t->n_available = b->n < t->n_available ? b->n : t->n_available;
    for (int64_t i = 0; i < t->n_available; i++) {
        int label = reshift_dataset_label(set, i);
        if (first) {
            t->labels[i] = label;
        } else if (t->labels[i] != label) {
            return error_set(error, RESHIFT_ERROR_SHAPE,
                             "%s: image %lld has label %d, in %s it has label %d: other images",
                             measuring_name(b->corruption), (long long)i, label,
                             measuring_name(m->blocks[0].corruption), t->labels[i]);
        }
    }
    return RESHIFT_OK;
}

static reshift_status name_outputs(const measuring *m, const reshift_dataset *set, reshift_error *error)
{
    reshift_robustness *t = m->table;
    t->class_names = calloc((size_t)t->n_classes + 1, sizeof *t->class_names);
    for (int k = 0; t->class_names && k < m->map.n; k++) {
        char **name = &t->class_names[m->map.outputs[k]];
        if (!*name && !(*name = strdup(reshift_dataset_class_name(set, k)))) {
            return error_memory(error, 64, "a class name");
        }
    }
    return t->class_names ? RESHIFT_OK
                          : error_memory(error, (size_t)t->n_classes * sizeof *t->class_names, "class names");
}

static reshift_status survey_set(measuring *m, const reshift_corruption *corruption, reshift_error *error)
{
    block *b = &m->blocks[m->n_blocks];
    reshift_dataset *set;
    *b = (block){.corruption = corruption};
    reshift_status status = measuring_open(m, corruption, &set, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    status = check_set(set, corruption, error);
    if (status == RESHIFT_OK && m->n_blocks == 0) {
        status = reshift_class_map_create(m->model, set, m->options->class_map, &m->map, error);
        status = status == RESHIFT_OK ? name_outputs(m, set, error) : status;
    }
    if (status == RESHIFT_OK) {
        m->table->n_skipped = reshift_dataset_n_skipped(set);
        m->table->n_damaged = reshift_dataset_n_damaged(set);
        b->from_file = reshift_dataset_from_file(set);
        b->prepared = reshift_image_facts_of(set, &m->table->recipe, 0);
        m->table->prepared =
            m->n_blocks == 0 ? b->prepared : reshift_image_facts_merge(&m->table->prepared, &b->prepared);
        b->published = reshift_dataset_is_verified(set);
        const int64_t last = reshift_dataset_count(set) - 1;
        b->severity_first = reshift_dataset_severity(set, 0);
        b->n = (last + 1) / (reshift_dataset_severity(set, last) - b->severity_first + 1);
        status = take_labels(m, set, b, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_dataset_identity(set, b->identity, error);
    }
    if (status == RESHIFT_OK) {
        if (reshift_dataset_note(set)) {
            progress_message(m->progress, RESHIFT_LOG_WARNING, "%s", reshift_dataset_note(set));
        }
        forward_expect(&m->setup, set);
        m->n_blocks++;
    }
    reshift_dataset_close(&set);
    return status;
}

reshift_status measuring_survey(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    const reshift_robustness_options *o = m->options;
    int wanted = o->n_corruptions + o->clean;
    reshift_error last;
    char no_clean[sizeof last.message] = "";
    reshift_status status = RESHIFT_OK;
    if (o->n_corruptions < 0 || o->n_corruptions > RESHIFT_CORRUPTIONS_MOST || wanted == 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "expected 1 to %d corruptions, or the clean images, found %d",
                         RESHIFT_CORRUPTIONS_MOST, o->n_corruptions);
    }
    if (o->clean) {
        status = survey_set(m, NULL, error);
        t->has_clean = status == RESHIFT_OK;
        if (status == RESHIFT_ERROR_NOT_FOUND && wanted > 1 && reshift_dataset_is_shifted(o->data)) {
            snprintf(no_clean, sizeof no_clean, "%s", error ? error->message : "not found");
            status = RESHIFT_OK;
        }
    }
    for (int i = 0; status == RESHIFT_OK && i < o->n_corruptions; i++) {
        const reshift_corruption *corruption = o->corruptions[i];
        status = survey_set(m, corruption, &last);
        if (status == RESHIFT_OK) {
            t->corruptions[t->n_corruptions++] = corruption;
        } else if (status == RESHIFT_ERROR_UNSUPPORTED && o->n_corruptions > 1) {
            progress_message(m->progress, RESHIFT_LOG_WARNING, "%s is left out: %s", corruption->name, last.message);
            status = RESHIFT_OK;
        } else if (error) {
            *error = last;
        }
    }
    if (status == RESHIFT_OK && no_clean[0]) { /* only now: where nothing can be measured, that is the message */
        progress_message(m->progress, RESHIFT_LOG_WARNING, "no clean images are measured: %s", no_clean);
    }
    if (status == RESHIFT_OK && m->n_blocks == 0) {
        status = error_set(error, RESHIFT_ERROR_UNSUPPORTED, "nothing could be measured");
    }
    return status;
}

/* ---- which images ---- */

/* Ascending rows of the images that neither network was trained on, in images [n_available]; the others are left out.
 */
static reshift_status keep_unseen(measuring *m, const reshift_dataset *set, reshift_error *error)
{
    reshift_robustness *t = m->table;
    const reshift_fingerprints *known = reshift_model_trained_on(m->model), *others = m->options->others_training;
    reshift_fingerprints both = {0};
    uint8_t *seen = memory_allocate((size_t)t->n_available);
    if (!seen) {
        return error_memory(error, (size_t)t->n_available, "the images of a table");
    }
    reshift_status status = known ? reshift_fingerprints_add(&both, known->values, known->n, error) : RESHIFT_OK;
    if (status == RESHIFT_OK && others) {
        status = reshift_fingerprints_add(&both, others->values, others->n, error);
    }
    memset(seen, 0, (size_t)t->n_available);
    if (status == RESHIFT_OK && both.n > 0) {
        status = reshift_fingerprints_find(&both, set, NULL, t->n_available, seen, error);
    }
    int64_t kept = 0;
    for (int64_t i = 0; status == RESHIFT_OK && i < t->n_available; i++) {
        if (!seen[i]) {
            t->images[kept++] = i;
        }
    }
    if (status == RESHIFT_OK && kept == 0) {
        error_set(error, RESHIFT_ERROR_SHAPE, "training has seen all of the %lld %s: none is left to measure",
                  (long long)t->n_available, reshift_noun_for(t->n_available, "image", "images"));
        error_hint(error, "measure on images of another set or split");
        status = RESHIFT_ERROR_SHAPE;
    }
    if (status == RESHIFT_OK && m->options->sample > kept) {
        error_set(error, RESHIFT_ERROR_SHAPE, "a sample of %lld %s: training has seen all but %lld of the %lld images",
                  (long long)m->options->sample, reshift_noun_for(m->options->sample, "image", "images"),
                  (long long)kept, (long long)t->n_available);
        error_hint(error, "without a sample all that are left are measured");
        status = RESHIFT_ERROR_SHAPE;
    }
    if (status == RESHIFT_OK && !known) {
        progress_message(m->progress, RESHIFT_LOG_WARNING,
                         "the weights do not say what they were trained on: no image counts as seen by them");
    }
    t->n_left_out = t->n_available - kept;
    t->n_available = kept;
    reshift_fingerprints_destroy(&both);
    memory_free(seen);
    return status;
}

/* From images [n_available], ascending, a sample in their place. */
static reshift_status draw_sample(measuring *m, reshift_error *error)
{
    reshift_robustness *t = m->table;
    int64_t n = m->options->sample, *drawn = memory_allocate((size_t)n * sizeof *drawn);
    if (!drawn) {
        return error_memory(error, (size_t)n * sizeof *drawn, "a sample of images");
    }
    reshift_status status =
        draw_by_class(t->labels, t->n_available, t->n_data_classes, n, m->options->dataset.seed, drawn, error);
    for (int64_t i = 0; status == RESHIFT_OK && i < n; i++) { /* ascending: none is overwritten before it is read */
        t->images[i] = t->images[drawn[i]];
        t->labels[i] = t->labels[drawn[i]];
    }
    memory_free(drawn);
    return status;
}

static reshift_status choose_images(measuring *m, const reshift_dataset *set, reshift_error *error)
{
    reshift_robustness *t = m->table;
    t->images = memory_allocate((size_t)t->n_available * sizeof *t->images);
    if (!t->images) {
        return error_memory(error, (size_t)t->n_available * sizeof *t->images, "the images of a table");
    }
    for (int64_t i = 0; i < t->n_available; i++) {
        t->images[i] = i;
    }
    reshift_status status = m->options->unseen ? keep_unseen(m, set, error) : RESHIFT_OK;
    for (int64_t i = 0; status == RESHIFT_OK && i < t->n_available; i++) {
        t->labels[i] = t->labels[t->images[i]]; /* ascending, as above */
    }
    t->n_images = t->n_available;
    if (status == RESHIFT_OK && m->options->sample > 0) {
        status = draw_sample(m, error);
        t->n_images = m->options->sample;
    }
    size_t n = (size_t)t->n_images;
    if (status == RESHIFT_OK) {
        m->rows = memory_allocate(n * sizeof *m->rows);
        t->seen = memory_allocate(n);
        if (!m->rows || !t->seen) {
            return error_memory(error, n * sizeof *m->rows, "the images of a table");
        }
        memset(t->seen, 0, n);
    }
    return status;
}

static reshift_status look_for_leaks(measuring *m, const reshift_dataset *set, reshift_error *error)
{
    reshift_robustness *t = m->table;
    const reshift_fingerprints *known = reshift_model_trained_on(m->model);
    t->training_known = known != NULL;
    if (!known || known->n == 0) {
        return RESHIFT_OK;
    }
    reshift_status status = reshift_fingerprints_find(known, set, t->images, t->n_images, t->seen, error);
    for (int64_t i = 0; i < t->n_images; i++) {
        t->n_seen += t->seen[i];
    }
    if (status == RESHIFT_OK && t->n_seen > 0 && !m->options->allow_leak) {
        status =
            error_set(error, RESHIFT_ERROR_UNSUPPORTED, /* well asked, and refused for what the weights say */
                      "the network was trained on %lld of %lld %s (%.1f %%): measured on them it would look "
                      "better than it is",
                      (long long)t->n_seen, (long long)t->n_images, reshift_noun_for(t->n_images, "image", "images"),
                      100 * (double)t->n_seen / (double)t->n_images);
        error_hint(
            error,
            "measure on images of another set or split, give --unseen to measure on the others alone, or --allow-leak: "
            "figures over all images and over those never seen then stand side by side");
    }
    return status;
}

/* The first set tells which images there are, which were seen, and the ranges of int8 where the weights lack them. */
reshift_status measuring_choose(measuring *m, reshift_error *error)
{
    reshift_dataset *set;
    reshift_status status = measuring_open(m, m->blocks[0].corruption, &set, error);
    if (status == RESHIFT_OK) {
        status = choose_images(m, set, error);
    }
    if (status == RESHIFT_OK) {
        status = look_for_leaks(m, set, error);
    }
    if (status == RESHIFT_OK) {
        status = calibrate_if_needed(&m->setup, set, m->progress, error);
    }
    reshift_dataset_close(&set);
    return status;
}
