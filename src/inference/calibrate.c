/* A few hundred images, evenly spread over a set, forward in float32 past the engine's calibration. */
#include "inference/calibrate.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "engine/calibrate.h"
#include "models/model.h"
#include "reshift/learning.h"
#include "reshift/preparation.h"
#include "reshift/words.h"

/* Half of what serves float32 best: its activations are the largest, and the images may be in memory beside them. */
#define CALIBRATION_BATCH 4

static int64_t images_of(const reshift_dataset *dataset)
{
    int64_t there = reshift_dataset_count(dataset);
    return there < RESHIFT_CALIBRATION_IMAGES ? there : RESHIFT_CALIBRATION_IMAGES;
}

/* Rows of a pass that is not full hold anything: passes are of a size that divides the images. */
static int batch_of(int64_t n)
{
    int batch = CALIBRATION_BATCH;
    while (n % batch != 0) {
        batch--;
    }
    return batch;
}

static reshift_status pass_images(forward *f, const reshift_dataset *dataset, const reshift_progress *progress,
                                  reshift_error *error)
{
    int64_t rows[RESHIFT_CALIBRATION_IMAGES], there = reshift_dataset_count(dataset), n = images_of(dataset), done = 0;
    for (int64_t i = 0; i < n; i++) {
        rows[i] = i * there / n;
    }
    reshift_status status = forward_start(f, dataset, rows, n, error);
    while (status == RESHIFT_OK && done < n) {
        forward_pass pass;
        progress_update(progress, "calibration", done, n, "images");
        status = progress_check(progress, error);
        if (status == RESHIFT_OK) {
            status = forward_next(f, &pass, error);
            done += status == RESHIFT_OK ? pass.n : 0;
        }
    }
    if (status == RESHIFT_OK) {
        progress_update(progress, "calibration", n, n, "images");
        progress_message(progress, RESHIFT_LOG_INFO, "int8: ranges of activations found on %lld %s", (long long)n,
                         reshift_noun_for(n, "image", "images"));
    }
    return status;
}

static reshift_status find_ranges(const forward_setup *wanted, const reshift_dataset *dataset,
                                  const reshift_progress *progress, reshift_error *error)
{
    if (reshift_dataset_count(dataset) < 1) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "calibration: the data set holds no images");
    }
    calibration *c;
    forward *f = NULL;
    reshift_status status = calibration_create(wanted->net, &c, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    forward_setup setup = {.net = wanted->net,
                           .recipe = wanted->recipe,
                           .size = wanted->size,
                           .batch = batch_of(images_of(dataset)),
                           .n_rows = reshift_dataset_count(dataset),
                           .precision = RESHIFT_PRECISION_F32,
                           .last_block = wanted->net->graph->n_blocks - 1,
                           .stop_at_features = true,
                           .watcher = calibration_watch,
                           .watcher_context = c};
    forward_expect(&setup, dataset);
    status = forward_create(&setup, &f, error);
    if (status == RESHIFT_OK) {
        status = pass_images(f, dataset, progress, error);
    }
    if (status == RESHIFT_OK) {
        status = calibration_finish(c, error);
    }
    if (status == RESHIFT_OK) {
        network_calibration *of = &wanted->net->calibration;
        *of = (network_calibration){.recipe = reshift_recipe_at(wanted->recipe, wanted->size),
                                    .n_images = images_of(dataset),
                                    .n_available = reshift_dataset_count(dataset)};
        snprintf(of->data, sizeof of->data, "%s", reshift_dataset_kind(dataset));
    }
    forward_destroy(&f);
    calibration_destroy(&c);
    return status;
}

static bool fits(const network *net, const reshift_recipe *recipe, int size, char *difference, size_t room)
{
    const reshift_preparation measured = {.recipe = net->calibration.recipe},
                              used = {.recipe = reshift_recipe_at(recipe, size)};
    return measured.recipe.size == 0 || reshift_preparation_same(&measured, &used, difference, room);
}

/* Once a network: larger or smaller pictures have other activations, and what is beyond the ranges is clipped. */
static void warn_of_other_images(const forward_setup *setup, const reshift_progress *progress)
{
    char difference[256];
    network_calibration *of = &setup->net->calibration;
    if (!of->told && !fits(setup->net, setup->recipe, setup->size, difference, sizeof difference)) {
        of->told = true;
        progress_message(progress, RESHIFT_LOG_WARNING,
                         "int8: the clipping ranges were measured on images prepared otherwise than these: %s (reshift "
                         "calibrate measures them again)",
                         difference);
    }
}

bool reshift_model_calibration_fits(const reshift_model *model, int size, char *difference, size_t room)
{
    return fits(model_network(model), reshift_model_recipe(model), size, difference, room);
}

reshift_status calibrate_if_needed(const forward_setup *setup, const reshift_dataset *dataset,
                                   const reshift_progress *progress, reshift_error *error)
{
    if (setup->precision != RESHIFT_PRECISION_INT8 || setup->last_block < 0) {
        return RESHIFT_OK;
    }
    if (!network_has_ranges(setup->net, 0, setup->last_block)) {
        return find_ranges(setup, dataset, progress, error);
    }
    warn_of_other_images(setup, progress);
    return RESHIFT_OK;
}

reshift_status reshift_calibrate(reshift_model *model, const reshift_dataset *dataset, int size,
                                 const reshift_progress *progress, reshift_error *error)
{
    forward_setup setup = {.net = model_network(model), .recipe = reshift_model_recipe(model), .size = size};
    return find_ranges(&setup, dataset, progress, error);
}
