/* A small network, made-up images and a run of fine-tuning over them, for the tests of fine-tuning's promises. */
#ifndef TESTS_TRAINING_FINETUNE_RUN_H
#define TESTS_TRAINING_FINETUNE_RUN_H

#include "check.h"

#include <math.h>
#include <unistd.h>

#include "base/files.h"
#include "training/made_up.h"
#include "models/model.h"
#include "reshift/learning.h"

enum { n_train = 90, n_test = 37, n_classes = 4, image = 32, batch = 16 }; /* 90 = 5 * 16 + 10 */

static char folder[256];

/* ---- data and network ---- */

/* Labels turned by a number of classes are wrong ones: the better the network, the fewer it gives. */
static inline reshift_dataset *open_labelled(uint32_t stream, int n, uint32_t turned)
{
    reshift_error error;
    reshift_array images, labels;
    check_ok(reshift_array_create(RESHIFT_U8, 4, (int64_t[]){n, image, image, 3}, &images, &error));
    check_ok(reshift_array_create(RESHIFT_I64, 1, (int64_t[]){n}, &labels, &error));
    uint8_t *pixel = images.data;
    for (int i = 0; i < n; i++) {
        uint32_t label = (uint32_t)i % n_classes;
        ((int64_t *)labels.data)[i] = (label + turned) % n_classes;
        for (uint32_t k = 0; k < image * image * 3; k++) {
            uint32_t cell = label * 48 + k / 3 % image / 8 + k / 3 / image / 8 * 4 + k % 3 * 16;
            *pixel++ = (uint8_t)((made_up_hash(50, cell) & 127) +
                                 (made_up_hash(stream, (uint32_t)i * image * image * 3 + k) & 127));
        }
    }
    char images_path[300], labels_path[300], spec[700];
    snprintf(images_path, sizeof images_path, "%s/images%u.npy", folder, stream);
    snprintf(labels_path, sizeof labels_path, "%s/labels%u.npy", folder, stream);
    snprintf(spec, sizeof spec, "npy:%s,%s", images_path, labels_path);
    check_ok(reshift_array_save_npy(images_path, &images, true, &error));
    check_ok(reshift_array_save_npy(labels_path, &labels, true, &error));
    reshift_array_destroy(&images);
    reshift_array_destroy(&labels);
    reshift_dataset *dataset;
    check_ok(reshift_dataset_open(spec, NULL, &dataset, &error));
    return dataset;
}

static inline reshift_dataset *open_images(uint32_t stream, int n) { return open_labelled(stream, n, 0); }

/* A run of fine-tuning and what came of it. */
typedef struct run {
    reshift_dataset *train, *test;
    reshift_model *before, *model;
    reshift_finetune_options options;
    reshift_history history;
    reshift_progress progress;
    int cancel_after_epochs; /* 0: never */
    int epochs_seen;
    int steps_seen;
    char said[4096];  /* every message since the start, one a line */
    bool says_frozen; /* "frozen blocks" were run ahead */
} run;

static const reshift_block_rate upper[] = {{"layer3", 1e-3}, {"layer4", 1e-3}, {"fc", 1e-2}};

static inline void see_epoch(void *context, const reshift_epoch *epoch)
{
    run *r = context;
    assert_int_equal(epoch->epoch, r->epochs_seen + 1);
    r->epochs_seen++;
}

static inline void see_step(void *context, int64_t step, double loss)
{
    run *r = context;
    assert_true(isfinite(loss));
    (void)step;
    r->steps_seen++;
}

static inline void see_message(void *context, reshift_log_level level, const char *text)
{
    (void)level;
    run *r = context;
    size_t used = strlen(r->said);
    assert_true(used + strlen(text) + 2 <= sizeof r->said);
    snprintf(r->said + used, sizeof r->said - used, "%s\n", text);
}

/* True if some message contains these words. Which other messages there are depends on the processor (bfloat16 without
 * its instructions falls back with a message): never ask for the first or the only one. */
static inline bool run_said(const run *r, const char *words) { return strstr(r->said, words) != NULL; }

static inline void see_update(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    (void)unit;
    run *r = context;
    assert_true(done <= total);
    r->says_frozen |= !strcmp(what, "frozen blocks") && done == total;
}

static inline bool cancel(void *context)
{
    const run *r = context;
    return r->cancel_after_epochs && r->epochs_seen >= r->cancel_after_epochs;
}

/* Options of a run; the caller may change them before run_go. */
static inline void run_create(run *r)
{
    reshift_error error;
    memset(r, 0, sizeof *r);
    r->train = open_images(1, n_train);
    r->test = open_images(2, n_test);
    check_ok(reshift_model_create("resnet-demo", n_classes, 3, &r->before, &error));
    reshift_finetune_options_default(&r->options);
    r->options.blocks = upper;
    r->options.n_blocks = 3;
    r->options.epochs = 3;
    r->options.batch = batch;
    r->options.batchnorm = RESHIFT_BATCHNORM_TRAIN;
    r->options.seed = 4;
    r->options.test = r->test;
    r->options.on_epoch = see_epoch;
    r->options.on_step = see_step;
    r->options.context = r;
    r->progress = (reshift_progress){see_update, see_message, cancel, r};
}

/* Trains a fresh copy of the model. */
static inline reshift_status run_go(run *r, reshift_error *error)
{
    reshift_model_destroy(&r->model);
    reshift_history_destroy(&r->history);
    r->said[0] = '\0';
    r->steps_seen = 0;
    r->says_frozen = false;
    assert_int_equal(reshift_model_clone(r->before, &r->model, error), RESHIFT_OK);
    return reshift_finetune(r->model, r->train, &r->options, &r->history, &r->progress, error);
}

static inline void run_destroy(run *r)
{
    reshift_model_destroy(&r->model);
    reshift_model_destroy(&r->before);
    reshift_history_destroy(&r->history);
    reshift_dataset_close(&r->train);
    reshift_dataset_close(&r->test);
}

/* Every value of both networks, counters included; and both histories, seconds apart. */
static inline void check_same_networks(const reshift_model *a, const reshift_model *b)
{
    const network *x = model_network(a), *y = model_network(b);
    assert_memory_equal(x->values, y->values, x->graph->n_floats * sizeof(float));
    assert_memory_equal(x->batches_tracked, y->batches_tracked, (size_t)x->graph->n_nodes * sizeof(int64_t));
}

static inline void check_same_histories(const reshift_history *a, const reshift_history *b)
{
    assert_int_equal(a->n_epochs, b->n_epochs);
    for (int e = 0; e < a->n_epochs; e++) {
        assert_int_equal(a->epochs[e].epoch, b->epochs[e].epoch);
        assert_true(a->epochs[e].train_loss == b->epochs[e].train_loss);
        assert_true(a->epochs[e].train_accuracy == b->epochs[e].train_accuracy);
        assert_true(a->epochs[e].test_loss == b->epochs[e].test_loss);
        assert_true(a->epochs[e].test_accuracy == b->epochs[e].test_accuracy);
    }
    assert_int_equal(a->n_rated, b->n_rated);
    for (int i = 0; i < a->n_rated * a->n_epochs; i++) {
        assert_string_equal(a->rates[i].block, b->rates[i].block);
        assert_true(a->rates[i].ratio == b->rates[i].ratio);
        assert_true(a->rates[i].learning_rate == b->rates[i].learning_rate);
    }
}

/* ---- the folder ---- */

static inline void open_folder(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/reshift-finetune-%ld", parent ? parent : "/tmp", (long)getpid());
    folder_create(folder, NULL);
}

static inline int remove_folder(void)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}

#endif
