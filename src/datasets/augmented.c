/*
 * Augmentation by flips, crops with a black margin, and random corruptions. Random draws are keyed by the image, not by
 * its row, so that a subset, another batch size or a resumed training yields the same pictures.
 */
#include "datasets/augmented.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "datasets/dataset.h"

typedef struct augmented {
    reshift_dataset *base;
    const reshift_augment *how;
    reshift_constants constants; /* of all corruptions; never AUTO if there are any */
    uint64_t seed;
    int epoch;
} augmented;

void reshift_augment_default(reshift_augment *augment)
{
    *augment = (reshift_augment){.crop_padding = 0.125, .severity_first = 1, .severity_last = RESHIFT_SEVERITIES};
}

reshift_status augment_check(const reshift_augment *how, reshift_error *error)
{
    if (how->crop && !(how->crop_padding > 0 && how->crop_padding <= 1)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "augmentation: crop padding %g: expected above 0, at most 1",
                         how->crop_padding);
    }
    if (!how->corrupt) {
        return RESHIFT_OK;
    }
    if (how->n_corruptions < 1 || how->n_corruptions > RESHIFT_CORRUPTIONS_MOST) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "augmentation: corrupt: no corruption is named");
    }
    if (how->severity_first < 1 || how->severity_last > 5 || how->severity_first > how->severity_last) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "augmentation: severity %d-%d: expected a range within 1-5",
                         how->severity_first, how->severity_last);
    }
    for (int i = 0; i < how->n_corruptions; i++) {
        const reshift_corruption *found;
        reshift_status status = reshift_corruption_find(how->corruptions[i], &found, error);
        if (status != RESHIFT_OK) {
            return error_prefix(error, RESHIFT_ERROR_ARGUMENT, "augmentation");
        }
    }
    return RESHIFT_OK;
}

static bool corrupts(const void *how) { return ((const reshift_augment *)how)->corrupt; }
static bool crops(const void *how) { return ((const reshift_augment *)how)->crop; }

#define AUGMENT_FIELDS(ROW, T)                                                                                         \
    ROW(T, BOOL, corrupt, "augmentation: corrupt")                                                                     \
    ROW(T, ELSEWHERE_GROUP, corruptions, "augmentation: corruptions")                                                  \
    ROW(T, ELSEWHERE, n_corruptions, "augmentation: corruptions")                                                      \
    ROW(T, INT, severity_first, "augmentation: lowest severity", .counts = corrupts)                                   \
    ROW(T, INT, severity_last, "augmentation: highest severity", .counts = corrupts)                                   \
    ROW(T, INT, constants, "augmentation: constants", .counts = corrupts)                                              \
    ROW(T, INT, jpeg, "augmentation: jpeg", .counts = corrupts)                                                        \
    ROW(T, BOOL, corrupt_native, "augmentation: corrupt at native size", .counts = corrupts)                           \
    ROW(T, BOOL, crop, "augmentation: crop")                                                                           \
    ROW(T, NUMBER, crop_padding, "augmentation: crop padding", .counts = crops)                                        \
    ROW(T, BOOL, flip, "augmentation: flip")
FACTS_TABLE(augment_facts, reshift_augment, AUGMENT_FIELDS);

void augment_add_facts(fact_list *f, const reshift_augment *how)
{
    reshift_augment usual;
    char names[RESHIFT_CORRUPTIONS_MOST * 32] = "";
    reshift_augment_default(&usual);
    facts_add_table(f, &augment_facts, how, &usual);
    for (int i = 0; how->corrupt && i < how->n_corruptions; i++) { /* in their order: a draw is a place in the list */
        const size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", i ? " " : "", how->corruptions[i]);
    }
    if (how->corrupt) {
        facts_add(f, "augmentation: corruptions", "%s", names);
    }
}

static void mirror(reshift_image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->pixels + (size_t)y * (size_t)image->width * 3;
        for (int x = 0; x < image->width / 2; x++) {
            uint8_t *left = row + 3 * x, *right = row + 3 * (image->width - 1 - x), pixel[3];
            memcpy(pixel, left, 3);
            memcpy(left, right, 3);
            memcpy(right, pixel, 3);
        }
    }
}

/* output(y, x) = input(y + down, x + right), black outside. */
static void shift_contents(const reshift_image *input, int down, int right, reshift_image *output)
{
    const int height = input->height, width = input->width;
    memset(output->pixels, 0, (size_t)height * (size_t)width * 3);
    const int first = right < 0 ? -right : 0, end = right > 0 ? width - right : width;
    for (int y = 0; y < height; y++) {
        if (y + down >= 0 && y + down < height && end > first) {
            memcpy(output->pixels + ((size_t)y * (size_t)width + (size_t)first) * 3,
                   input->pixels + ((size_t)(y + down) * (size_t)width + (size_t)(first + right)) * 3,
                   (size_t)(end - first) * 3);
        }
    }
}

static reshift_status corrupt_one(const augmented *a, random_stream *stream, int64_t source, const reshift_image *input,
                                  reshift_image *output, reshift_error *error)
{
    const reshift_augment *how = a->how;
    const reshift_corruption *corruption;
    const char *name = how->corruptions[random_below(stream, (uint64_t)how->n_corruptions)];
    const int severity =
        how->severity_first + (int)random_below(stream, (uint64_t)(how->severity_last - how->severity_first + 1));
    reshift_status status = reshift_corruption_find(name, &corruption, error);
    if (status == RESHIFT_OK) {
        status = reshift_corruption_apply(corruption, severity, a->constants, random_u64(stream), source, NULL, input,
                                          output, error);
    }
    if (status == RESHIFT_OK && reshift_corruption_has_jpeg(how->jpeg, a->constants, input->height, input->width)) {
        status = reshift_image_compress(output, RESHIFT_JPEG_QUALITY, error);
    }
    return status;
}

static reshift_status augmented_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const augmented *a = state;
    const reshift_augment *how = a->how;
    const dataset_row *facts = &a->base->rows[row];
    random_stream stream =
        random_open(a->seed, "augment", (uint64_t)a->epoch, (uint64_t)facts->source * 8 + (uint64_t)facts->severity);
    reshift_image before = {0};
    reshift_status status = reshift_dataset_read(a->base, row, how->corrupt ? &before : image, error);
    if (status == RESHIFT_OK && how->corrupt) {
        status = corrupt_one(a, &stream, facts->source, &before, image, error);
    }
    if (status == RESHIFT_OK && how->crop) {
        const int side = image->height < image->width ? image->height : image->width;
        const int padding = (int)lround(how->crop_padding * side);
        const int down = (int)random_below(&stream, 2 * (uint64_t)padding + 1) - padding;
        const int right = (int)random_below(&stream, 2 * (uint64_t)padding + 1) - padding;
        status = reshift_image_resize(&before, image->height, image->width, error);
        if (status == RESHIFT_OK) {
            memcpy(before.pixels, image->pixels, (size_t)image->height * (size_t)image->width * 3);
            shift_contents(&before, down, right, image);
        }
    }
    if (status == RESHIFT_OK && how->flip && random_below(&stream, 2)) {
        mirror(image);
    }
    reshift_image_destroy(&before);
    return status;
}

static void augmented_row_name(const void *state, int64_t row, char *text, size_t size)
{
    reshift_dataset_row_name(((const augmented *)state)->base, row, text, size);
}

static reshift_status augmented_identity(const void *state, digest *d, reshift_error *error)
{
    const augmented *a = state;
    char hex[DIGEST_HEX_BYTES];
    fact_list *f = facts_create();
    if (!f) {
        return error_memory(error, 64, "the identity of augmented images");
    }
    reshift_status status = reshift_dataset_identity(a->base, hex, error);
    if (status == RESHIFT_OK) {
        facts_add(f, "images", "%s", hex);
        augment_add_facts(f, a->how);
        facts_add(f, "seed", "%llu", (unsigned long long)a->seed);
        facts_add(f, "epoch", "%d", a->epoch);
        status = facts_finish(f, hex, error);
    }
    if (status == RESHIFT_OK) {
        digest_add(d, hex, sizeof hex);
    }
    facts_destroy(&f);
    return status;
}

static void augmented_destroy(void *state)
{
    augmented *a = state;
    reshift_dataset_close(&a->base);
    free(a);
}

static reshift_status augmented_original(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    return dataset_original(((const augmented *)state)->base, row, image, error);
}

static void augmented_forget(const void *state) { dataset_forget(((const augmented *)state)->base); }

static const dataset_kind augmented_kind = {augmented_read,    augmented_row_name, augmented_identity,
                                            augmented_destroy, augmented_original, augmented_forget};

reshift_status augmented_open(reshift_dataset *base, const reshift_augment *how, uint64_t seed, int epoch,
                              reshift_dataset **dataset, reshift_error *error)
{
    *dataset = NULL;
    augmented *a = calloc(1, sizeof *a);
    if (!a) {
        return error_memory(error, sizeof *a, "augmentation");
    }
    *a = (augmented){.base = dataset_share(base), .how = how, .seed = seed, .epoch = epoch};
    reshift_status status =
        how->corrupt ? reshift_corrupt_constants(base, how->constants, &a->constants, error) : RESHIFT_OK;
    if (status != RESHIFT_OK) {
        augmented_destroy(a);
        return status;
    }
    status = dataset_derive(&augmented_kind, a, base, base->count, dataset, error);
    if (status == RESHIFT_OK) {
        memcpy((*dataset)->rows, base->rows, (size_t)base->count * sizeof *base->rows);
    }
    return status;
}
