/*
 * The data set: options and their checks, the row table, sharing and closing, identity, and the table in which a spec
 * is looked up. Each kind of set has its own file; this file contains the common part.
 */
#include "datasets/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/text.h"
#include "base/memory.h"
#include "reshift/words.h"

typedef reshift_status (*open_function)(const char *where, const reshift_dataset_options *options,
                                        reshift_dataset **dataset, reshift_error *error);

typedef enum where_rule { WHERE_NONE, WHERE_OPTIONAL, WHERE_NEEDED } where_rule;

static reshift_status cifar10c_clean(const char *where, const reshift_dataset_options *options,
                                     reshift_dataset **dataset, reshift_error *error)
{
    return cifar10c_open_clean(where, options, options->limit, dataset, error);
}

static const struct {
    const char *name;
    const char *usage;
    const char *title; /* for people; NULL: the spec says it */
    where_rule where;
    open_function open;
    bool own_corruption;      /* the kind handles options->corruption itself */
    open_function open_clean; /* of a set of corrupted test images: the images themselves; NULL: no such set */
    const char *training;     /* of such a set: the set whose training images belong to it; NULL: none */
    bool published;           /* checksums of its files are known: options->verify */
    reshift_status (*check)(const char *where, reshift_error *error); /* of the text after the colon, or NULL */
} kinds[] = {
    {.name = "cifar10", .usage = "cifar10[:DIR]", .title = "CIFAR-10", .where = WHERE_OPTIONAL, .open = cifar10_open},
    {.name = "cifar10-c",
     .usage = "cifar10-c[:DIR]",
     .title = "CIFAR-10-C",
     .where = WHERE_OPTIONAL,
     .open = cifar10c_open,
     .own_corruption = true,
     .open_clean = cifar10c_clean,
     .training = "cifar10",
     .published = true},
    {.name = "imagenet-c",
     .usage = "imagenet-c[:DIR]",
     .title = "ImageNet-C",
     .where = WHERE_OPTIONAL,
     .open = imagenet_c_open,
     .own_corruption = true,
     .open_clean = imagenet_c_open_clean},
    {.name = "folder", .usage = "folder:DIR", .where = WHERE_NEEDED, .open = folder_open},
    {.name = "npy",
     .usage = "npy:IMAGES.npy,LABELS.npy or npy:BOTH.npz",
     .where = WHERE_NEEDED,
     .open = npy_set_open,
     .check = npy_set_check},
    {.name = "demo", .usage = "demo", .title = "the demo set", .where = WHERE_NONE, .open = demo_open},
    {.name = "demo-source", .usage = "demo-source", .where = WHERE_NONE, .open = demo_source_open},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

void reshift_dataset_options_default(reshift_dataset_options *options)
{
    *options = (reshift_dataset_options){.split = "test", .severity_first = 1, .severity_last = 5};
}

static reshift_status check_options(const reshift_dataset_options *options, reshift_error *error)
{
    if (strcmp(options->split, "train") != 0 && strcmp(options->split, "test") != 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "split '%s': expected train or test", options->split);
    }
    if (options->limit < 0) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "limit %lld: expected 0 (all images) or more",
                         (long long)options->limit);
    }
    if (!(options->test_share >= 0 && options->test_share < 1)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "test share %g: expected 0 to below 1", options->test_share);
    }
    if (options->corruption && (options->severity_first < 1 || options->severity_last > 5 ||
                                options->severity_first > options->severity_last)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "severity %d-%d: expected a range within 1-5",
                         options->severity_first, options->severity_last);
    }
    return RESHIFT_OK;
}

/* Refuses a class with one image: it cannot be in both parts. */
static reshift_status check_divisible(const reshift_dataset *whole, const char *spec, reshift_error *error)
{
    int64_t *counts = calloc((size_t)whole->n_classes + 1, sizeof *counts);
    if (!counts) {
        return error_memory(error, (size_t)whole->n_classes * sizeof *counts, "classes");
    }
    reshift_status status = RESHIFT_OK;
    for (int64_t row = 0; row < whole->count; row++) {
        counts[whole->rows[row].label]++;
    }
    for (int k = 0; status == RESHIFT_OK && k < whole->n_classes; k++) {
        if (counts[k] == 1) {
            error_set(error, RESHIFT_ERROR_SHAPE, "'%s': class '%s' has one image; a training and a test part need two",
                      spec, whole->class_names[k]);
            error_hint(error, "give it more images, or the set a train/ and a test/ of its own");
            status = RESHIFT_ERROR_SHAPE;
        }
    }
    free(counts);
    return status;
}

/*
 * Keeps the rows of a part that are within the limit, in place: rows [n]. For folders, the same number from every
 * class.
 */
static reshift_status keep_of_part(const reshift_dataset *whole, int64_t *rows, int64_t *n, int64_t limit,
                                   reshift_error *error)
{
    if (strcmp(whole->kind, "folder") != 0) {
        *n = dataset_limit(*n, limit);
        return RESHIFT_OK;
    }
    int32_t *labels = malloc((size_t)*n * sizeof *labels + 1);
    if (!labels) {
        return error_memory(error, (size_t)*n * sizeof *labels, "labels");
    }
    for (int64_t i = 0; i < *n; i++) {
        labels[i] = whole->rows[rows[i]].label;
    }
    int64_t *places, kept;
    reshift_status status = dataset_limit_by_class(labels, *n, whole->n_classes, limit, &places, &kept, error);
    for (int64_t i = 0; status == RESHIFT_OK && i < kept; i++) {
        rows[i] = rows[places[i]]; /* places ascend */
    }
    *n = status == RESHIFT_OK ? kept : *n;
    free(places);
    free(labels);
    return status;
}

/* Draws the training or test part of a set that does not define one. */
static reshift_status take_part(reshift_dataset *whole, const char *spec, const reshift_dataset_options *options,
                                reshift_dataset **part, reshift_error *error)
{
    const bool test = strcmp(options->split, "test") == 0;
    int64_t *rows = malloc((size_t)whole->count * sizeof *rows + 1), n = 0, n_held;
    uint8_t *held = malloc((size_t)whole->count + 1);
    reshift_status status = check_divisible(whole, spec, error);
    if (status == RESHIFT_OK && (!rows || !held)) {
        status = error_memory(error, (size_t)whole->count * sizeof *rows, "rows");
    }
    for (int64_t row = 0; status == RESHIFT_OK && row < whole->count; row++) {
        rows[row] = row;
    }
    if (status == RESHIFT_OK) {
        status = split_hold_out(whole, rows, whole->count, options->test_share, "test-part", options->seed, held,
                                &n_held, error);
    }
    if (status == RESHIFT_OK) {
        for (int64_t row = 0; row < whole->count; row++) {
            if (held[row] == test) {
                rows[n++] = row;
            }
        }
        status = keep_of_part(whole, rows, &n, options->limit, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_dataset_subset(whole, rows, n, part, error);
    }
    free(rows);
    free(held);
    return status;
}

/* Notes photographs of 16-bit grey, which become nearly white: one note with the first of them and their number. */
static reshift_status note_deep_grey(reshift_dataset *d, reshift_error *error)
{
    char path[4096], first[4096] = "";
    int64_t n = 0;
    for (int64_t row = 0; row < d->count; row++) {
        bool is = false;
        reshift_dataset_row_name(d, row, path, sizeof path);
        const size_t length = strlen(path);
        if (length > 4 && strcasecmp(path + length - 4, ".png") == 0) {
            reshift_status status = reshift_image_is_deep_grey(path, &is, error);
            if (status != RESHIFT_OK) {
                return status;
            }
        }
        if (is && n++ == 0) {
            memcpy(first, path, length + 1);
        }
    }
    if (n > 0 && asprintf(&d->own_note, "'%s' (%lld of %lld %s): %s", first, (long long)n, (long long)d->count,
                          reshift_noun_for(d->count, "image", "images"), RESHIFT_DEEP_GREY) < 0) {
        d->own_note = NULL;
        return error_memory(error, sizeof first, "a note");
    }
    d->note = n > 0 ? d->own_note : d->note;
    return RESHIFT_OK;
}

static reshift_status open_kind(int k, const char *spec, const char *where, const reshift_dataset_options *options,
                                reshift_dataset **dataset, reshift_error *error)
{
    reshift_status status = kinds[k].open(where, options, dataset, error);
    if (status == RESHIFT_OK && strcmp(kinds[k].name, "folder") == 0 &&
        (status = note_deep_grey(*dataset, error)) != RESHIFT_OK) {
        reshift_dataset_close(dataset);
    }
    if (status != RESHIFT_OK || options->test_share == 0 || (*dataset)->has_parts) {
        return status;
    }
    reshift_dataset *whole = *dataset;
    *dataset = NULL;
    if (options->limit > 0) { /* the limit applies to the part */
        reshift_dataset_options all = *options;
        all.limit = 0;
        reshift_dataset_close(&whole);
        status = kinds[k].open(where, &all, &whole, error);
    }
    if (status == RESHIFT_OK) {
        status = take_part(whole, spec, options, dataset, error);
    }
    reshift_dataset_close(&whole);
    return status;
}

static reshift_status refuse_verify(const char *spec, reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_ARGUMENT, "'%s': no checksums of its files are published", spec);
    error_hint(error, "CIFAR-10-C's files can be verified: cifar10-c[:DIR]");
    return RESHIFT_ERROR_ARGUMENT;
}

/* Refuses `verify` for sets that are generated or have no published checksums. */
static reshift_status check_verified(const char *spec, const reshift_dataset_options *options,
                                     reshift_dataset **dataset, reshift_error *error)
{
    if (!options->verify || (*dataset)->verified) {
        return RESHIFT_OK;
    }
    const bool from_file = (*dataset)->from_file;
    reshift_dataset_close(dataset);
    if (from_file) {
        return refuse_verify(spec, error);
    }
    error_set(error, RESHIFT_ERROR_NOT_FOUND, "'%s': no file holds %s, so there is nothing to verify", spec,
              options->corruption);
    error_hint(error, "get the published files with: reshift fetch cifar10-c");
    return RESHIFT_ERROR_NOT_FOUND;
}

static reshift_status unknown_spec(const char *spec, reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_ARGUMENT, "data '%s' is no kind of data set", spec);
    char usages[320] = "";
    for (int k = 0; k < N_KINDS; k++) {
        size_t length = strlen(usages);
        snprintf(usages + length, sizeof usages - length, "%s%s", k ? ", " : "", kinds[k].usage);
    }
    error_hint(error, "expected one of %s", usages);
    return RESHIFT_ERROR_ARGUMENT;
}

reshift_status dataset_corrupt(reshift_dataset *clean, const reshift_dataset_options *options,
                               reshift_dataset **dataset, reshift_error *error)
{
    *dataset = NULL;
    if (options->crop_size == 0 || clean->fixed_size) {
        return corrupted_open(clean, options, dataset, error);
    }
    reshift_dataset *cropped;
    reshift_status status = reshift_dataset_cropped(clean, options->crop_resize, options->crop_size, &cropped, error);
    if (status == RESHIFT_OK) {
        status = corrupted_open(cropped, options, dataset, error);
        reshift_dataset_close(&cropped);
    }
    return status;
}

static reshift_dataset_options options_or_defaults(const reshift_dataset_options *options)
{
    reshift_dataset_options used;
    reshift_dataset_options_default(&used);
    if (options) {
        used = *options;
        used.split = options->split ? options->split : "test";
    }
    return used;
}

/* Finds the kind that `spec` names, and the text after its colon or NULL. */
static reshift_status find_kind(const char *spec, int *kind, const char **where, reshift_error *error)
{
    size_t length = strcspn(spec, ":");
    *where = spec[length] == ':' ? spec + length + 1 : NULL;
    for (int k = 0; k < N_KINDS; k++) {
        if (strlen(kinds[k].name) != length || strncmp(kinds[k].name, spec, length) != 0) {
            continue;
        }
        *kind = k;
        bool given = *where && **where;
        return (kinds[k].where == WHERE_NEEDED && !given) || (*where && !given) ||
                       (kinds[k].where == WHERE_NONE && *where)
                   ? error_set(error, RESHIFT_ERROR_ARGUMENT, "data '%s': expected %s", spec, kinds[k].usage)
                   : RESHIFT_OK;
    }
    return unknown_spec(spec, error);
}

/* Checks everything in `spec` and options that does not depend on files. */
static reshift_status check_request(const char *spec, const reshift_dataset_options *options, int *kind,
                                    const char **where, reshift_error *error)
{
    reshift_status status = check_options(options, error);
    if (status == RESHIFT_OK) {
        status = find_kind(spec, kind, where, error);
    }
    if (status == RESHIFT_OK && options->verify && !kinds[*kind].published) {
        status = refuse_verify(spec, error);
    }
    if (status == RESHIFT_OK && kinds[*kind].check) {
        status = kinds[*kind].check(*where, error);
    }
    return status;
}

reshift_status reshift_dataset_check(const char *spec, const reshift_dataset_options *options, reshift_error *error)
{
    const reshift_dataset_options used = options_or_defaults(options);
    const char *where;
    int kind;
    return check_request(spec, &used, &kind, &where, error);
}

reshift_status reshift_dataset_open(const char *spec, const reshift_dataset_options *options, reshift_dataset **dataset,
                                    reshift_error *error)
{
    *dataset = NULL;
    const reshift_dataset_options used = options_or_defaults(options);
    const char *where;
    int k;
    reshift_status status = check_request(spec, &used, &k, &where, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (kinds[k].own_corruption) {
        status = kinds[k].open(where, &used, dataset, error);
        return status == RESHIFT_OK ? check_verified(spec, &used, dataset, error) : status;
    }
    if (!used.corruption) {
        return open_kind(k, spec, where, &used, dataset, error);
    }
    reshift_dataset *clean;
    status = open_kind(k, spec, where, &used, &clean, error);
    if (status == RESHIFT_OK) {
        status = dataset_corrupt(clean, &used, dataset, error);
        reshift_dataset_close(&clean);
    }
    return status;
}

/* Index of the kind that a spec begins with, -1: none. */
static int kind_of(const char *spec)
{
    const size_t length = strcspn(spec, ":");
    for (int k = 0; k < N_KINDS; k++) {
        if (strlen(kinds[k].name) == length && strncmp(kinds[k].name, spec, length) == 0) {
            return k;
        }
    }
    return -1;
}

bool reshift_dataset_is_shifted(const char *spec)
{
    const int k = kind_of(spec);
    return k >= 0 && kinds[k].open_clean != NULL;
}

const char *reshift_dataset_training_of(const char *spec)
{
    const int k = kind_of(spec);
    return k >= 0 ? kinds[k].training : NULL;
}

const char *reshift_dataset_kind_title(const char *kind)
{
    const int k = kind_of(kind);
    return k >= 0 ? kinds[k].title : NULL;
}

reshift_status reshift_dataset_open_clean(const char *spec, const reshift_dataset_options *options,
                                          reshift_dataset **dataset, reshift_error *error)
{
    reshift_dataset_options plain = options_or_defaults(options);
    plain.corruption = NULL;
    plain.verify = false;
    if (!reshift_dataset_is_shifted(spec)) {
        return reshift_dataset_open(spec, &plain, dataset, error);
    }
    *dataset = NULL;
    const char *where = strchr(spec, ':') ? strchr(spec, ':') + 1 : NULL;
    reshift_status status = check_options(&plain, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    return kinds[kind_of(spec)].open_clean(where, &plain, dataset, error);
}

static reshift_status name_classes(reshift_dataset *d, const char *const *class_names, reshift_error *error)
{
    d->class_names = calloc((size_t)d->n_classes + 1, sizeof *d->class_names);
    if (!d->class_names) {
        return error_memory(error, (size_t)d->n_classes * sizeof *d->class_names, "class names");
    }
    for (int k = 0; k < d->n_classes; k++) {
        /* names are written to JSON, weights and pages, which must be UTF-8: check before any work */
        if (class_names && !text_is_utf8((const uint8_t *)class_names[k], strlen(class_names[k]))) {
            error_set(error, RESHIFT_ERROR_FORMAT, "class name '%s' is not UTF-8", class_names[k]);
            error_hint(error, "rename it, as in: convmv -f latin1 -t utf8 --notest NAME");
            return RESHIFT_ERROR_FORMAT;
        }
        if (class_names) {
            d->class_names[k] = strdup(class_names[k]);
        } else if (asprintf(&d->class_names[k], "%d", k) < 0) {
            d->class_names[k] = NULL;
        }
        if (!d->class_names[k]) {
            return error_memory(error, 16, "a class name");
        }
    }
    return RESHIFT_OK;
}

reshift_status dataset_create(const dataset_kind *functions, void *state, const char *kind, int64_t count,
                              int n_classes, const char *const *class_names, reshift_dataset **dataset,
                              reshift_error *error)
{
    *dataset = NULL;
    reshift_dataset *d = calloc(1, sizeof *d);
    if (!d) {
        functions->destroy(state);
        return error_memory(error, sizeof *d, "a data set");
    }
    d->functions = functions;
    d->state = state;
    atomic_init(&d->references, 1);
    d->kind = kind;
    d->count = count;
    d->n_classes = n_classes;
    d->from_file = true;
    size_t bytes = 0;
    reshift_status status = RESHIFT_OK;
    if (!memory_product((size_t)count, sizeof *d->rows, &bytes) || !(d->rows = memory_allocate(bytes))) {
        status = error_memory(error, bytes, "the rows of a data set");
    }
    if (status == RESHIFT_OK) {
        status = name_classes(d, class_names, error);
    }
    if (status != RESHIFT_OK) {
        reshift_dataset_close(&d);
        return status;
    }
    for (int64_t row = 0; row < count; row++) {
        d->rows[row].source = row;
    }
    *dataset = d;
    return RESHIFT_OK;
}

reshift_status dataset_derive(const dataset_kind *functions, void *state, const reshift_dataset *base, int64_t count,
                              reshift_dataset **dataset, reshift_error *error)
{
    reshift_status status = dataset_create(functions, state, base->kind, count, base->n_classes,
                                           (const char *const *)base->class_names, dataset, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    reshift_dataset *d = *dataset;
    d->fixed_size = base->fixed_size;
    d->height = base->height;
    d->width = base->width;
    d->from_file = base->from_file;
    d->jpeg = base->jpeg;
    d->constants = base->constants;
    d->crop_resize = base->crop_resize;
    d->crop_size = base->crop_size;
    d->note = base->note;
    d->published = base->published;
    d->has_parts = base->has_parts;
    d->n_skipped = base->n_skipped;
    d->n_damaged = base->n_damaged;
    return base->corruption ? dataset_name_corruption(dataset, base->corruption, error) : RESHIFT_OK;
}

reshift_status dataset_name_corruption(reshift_dataset **dataset, const char *name, reshift_error *error)
{
    (*dataset)->corruption = strdup(name);
    if (!(*dataset)->corruption) {
        reshift_dataset_close(dataset);
        return error_memory(error, strlen(name), "a name");
    }
    return RESHIFT_OK;
}

void dataset_forget(const reshift_dataset *dataset)
{
    if (dataset->functions->forget) {
        dataset->functions->forget(dataset->state);
    }
}

reshift_dataset *dataset_share(reshift_dataset *dataset)
{
    atomic_fetch_add(&dataset->references, 1);
    return dataset;
}

void reshift_dataset_close(reshift_dataset **dataset)
{
    if (!dataset || !*dataset) {
        return;
    }
    reshift_dataset *d = *dataset;
    *dataset = NULL;
    if (atomic_fetch_sub(&d->references, 1) > 1) {
        return;
    }
    d->functions->destroy(d->state);
    if (d->class_names) {
        for (int k = 0; k < d->n_classes; k++) {
            free(d->class_names[k]);
        }
    }
    free(d->class_names);
    free(d->corruption);
    free(d->own_note);
    memory_free(d->rows);
    free(d);
}

int64_t reshift_dataset_count(const reshift_dataset *dataset) { return dataset->count; }
int reshift_dataset_n_classes(const reshift_dataset *dataset) { return dataset->n_classes; }
const char *reshift_dataset_class_name(const reshift_dataset *dataset, int label)
{
    return label >= 0 && label < dataset->n_classes ? dataset->class_names[label] : "(no such class)";
}
int reshift_dataset_label(const reshift_dataset *dataset, int64_t row) { return dataset->rows[row].label; }
int64_t reshift_dataset_source(const reshift_dataset *dataset, int64_t row) { return dataset->rows[row].source; }
int reshift_dataset_severity(const reshift_dataset *dataset, int64_t row) { return dataset->rows[row].severity; }
const char *reshift_dataset_kind(const reshift_dataset *dataset) { return dataset->kind; }
const char *reshift_dataset_corruption(const reshift_dataset *dataset) { return dataset->corruption; }
const char *reshift_dataset_note(const reshift_dataset *dataset) { return dataset->note; }
bool reshift_dataset_is_verified(const reshift_dataset *dataset) { return dataset->verified; }
int reshift_dataset_jpeg(const reshift_dataset *dataset) { return dataset->jpeg; }
reshift_constants reshift_dataset_constants(const reshift_dataset *dataset) { return dataset->constants; }

int reshift_dataset_corrupted_crop(const reshift_dataset *dataset, int *resize)
{
    const bool made = dataset->constants != RESHIFT_CONSTANTS_AUTO;
    if (resize) {
        *resize = made ? dataset->crop_resize : 0;
    }
    return made ? dataset->crop_size : 0;
}
int64_t reshift_dataset_n_skipped(const reshift_dataset *dataset) { return dataset->n_skipped; }
int64_t reshift_dataset_n_damaged(const reshift_dataset *dataset) { return dataset->n_damaged; }
bool reshift_dataset_from_file(const reshift_dataset *dataset) { return dataset->from_file; }

bool reshift_dataset_fixed_size(const reshift_dataset *dataset, int *height, int *width)
{
    if (height) {
        *height = dataset->fixed_size ? dataset->height : 0;
    }
    if (width) {
        *width = dataset->fixed_size ? dataset->width : 0;
    }
    return dataset->fixed_size;
}

static bool row_is_there(const reshift_dataset *dataset, int64_t row) { return row >= 0 && row < dataset->count; }

void reshift_dataset_row_name(const reshift_dataset *dataset, int64_t row, char *text, size_t size)
{
    if (row_is_there(dataset, row)) {
        dataset->functions->row_name(dataset->state, row, text, size);
    } else {
        snprintf(text, size, "row %lld (of %lld)", (long long)row, (long long)dataset->count);
    }
}

reshift_status reshift_dataset_read(const reshift_dataset *dataset, int64_t row, reshift_image *image,
                                    reshift_error *error)
{
    if (!row_is_there(dataset, row)) {
        return error_set(error, row < 0 ? RESHIFT_ERROR_ARGUMENT : RESHIFT_ERROR_SHAPE, "row %lld: expected 0 to %lld",
                         (long long)row, (long long)dataset->count - 1);
    }
    return dataset->functions->read(dataset->state, row, image, error);
}

reshift_status dataset_original(const reshift_dataset *dataset, int64_t row, reshift_image *image, reshift_error *error)
{
    return row_is_there(dataset, row) && dataset->functions->original
               ? dataset->functions->original(dataset->state, row, image, error)
               : reshift_dataset_read(dataset, row, image, error);
}

static void add_number(digest *d, int64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)number >> (8 * i));
    }
    digest_add(d, bytes, sizeof bytes);
}

/* Hashes the pixels of all rows as read, so that all layouts of the same images have the same identity. */
static reshift_status add_pixels(const reshift_dataset *dataset, digest *d, reshift_error *error)
{
    reshift_image image = {0};
    reshift_status status = RESHIFT_OK;
    for (int64_t row = 0; status == RESHIFT_OK && row < dataset->count; row++) {
        status = reshift_dataset_read(dataset, row, &image, error);
        if (status == RESHIFT_OK) {
            add_number(d, image.height);
            add_number(d, image.width);
            digest_add(d, image.pixels, (size_t)image.height * (size_t)image.width * 3);
        }
    }
    reshift_image_destroy(&image);
    return status;
}

reshift_status reshift_dataset_identity(const reshift_dataset *dataset, char hex[65], reshift_error *error)
{
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        return error_memory(error, 64, "a digest");
    }
    add_number(d, dataset->count);
    add_number(d, dataset->n_classes);
    for (int k = 0; k < dataset->n_classes; k++) {
        digest_add(d, dataset->class_names[k], strlen(dataset->class_names[k]) + 1);
    }
    for (int64_t row = 0; row < dataset->count; row++) {
        add_number(d, dataset->rows[row].source);
        add_number(d, dataset->rows[row].label);
        add_number(d, dataset->rows[row].severity);
    }
    reshift_status status = dataset->functions->identity ? dataset->functions->identity(dataset->state, d, error)
                                                         : add_pixels(dataset, d, error);
    digest_finish(d, hex);
    digest_destroy(&d);
    return status;
}
