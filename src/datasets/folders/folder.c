/*
 * A folder of photographs with one sub-folder per class (image_tree.h): JPEG, PNG and WebP of any size. DIR/train and
 * DIR/test (or DIR/val) are the splits if they exist; otherwise DIR is the set for every split. All files are checked
 * when the set is opened, so that a damaged file is reported at the start and not after an hour.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "datasets/dataset.h"
#include "datasets/folders/image_tree.h"
#include "reshift/words.h"
#include "datasets/preparation_file.h"

typedef struct image_folder {
    char *root;
    image_tree tree;
    bool prepared; /* created by `reshift corrupt`, as described in `made` */
    reshift_image_facts made;
} image_folder;

static reshift_status folder_read(const void *state, int64_t row, reshift_image *image, reshift_error *error)
{
    const image_folder *f = state;
    char *path = path_join(f->root, f->tree.files.names[row]);
    if (!path) {
        return error_memory(error, strlen(f->root), "a path");
    }
    reshift_status status = reshift_image_load(path, image, error);
    const int side = f->made.crop;
    if (status == RESHIFT_OK && side > 0 && (image->height != side || image->width != side)) {
        error_set(error, RESHIFT_ERROR_SHAPE, "'%s': expected %dx%d as '%s/" PREPARATION_FILE "' has it, found %dx%d",
                  path, side, side, f->root, image->width, image->height);
        error_hint(error, "without that file, images are photographs of any size");
        status = error_at_offset(error, RESHIFT_ERROR_SHAPE, path, -1);
    }
    free(path);
    return status;
}

static void folder_row_name(const void *state, int64_t row, char *text, size_t size)
{
    const image_folder *f = state;
    snprintf(text, size, "%s/%s", f->root, f->tree.files.names[row]);
}

/*
 * Hashes file names relative to the folder, and file contents. The folder's own name is not included: a copy is the
 * same set.
 */
static reshift_status folder_identity(const void *state, digest *d, reshift_error *error)
{
    const image_folder *f = state;
    reshift_status status = RESHIFT_OK;
    if (f->made.crop > 0) { /* such images are preprocessed differently */
        char text[64];
        digest_add(d, text, (size_t)snprintf(text, sizeof text, "crops of %d", f->made.crop));
    }
    for (size_t i = 0; status == RESHIFT_OK && i < f->tree.files.count; i++) {
        char hex[DIGEST_HEX_BYTES];
        char *path = path_join(f->root, f->tree.files.names[i]);
        status = path ? digest_file(DIGEST_SHA256, path, hex, error) : error_memory(error, strlen(f->root), "a path");
        if (status == RESHIFT_OK) {
            digest_add(d, f->tree.files.names[i], strlen(f->tree.files.names[i]) + 1);
            digest_add(d, hex, 64);
        }
        free(path);
    }
    return status;
}

static void folder_destroy(void *state)
{
    image_folder *f = state;
    image_tree_free(&f->tree);
    free(f->root);
    free(f);
}

/* Reports crops that were corrupted: sets of one size, which are not cropped again. */
static void tell_preparation(const image_folder *f, const reshift_progress *progress, reshift_dataset *dataset)
{
    char text[256];
    if (!f->prepared) {
        return;
    }
    dataset->constants = (reshift_constants)f->made.constants;
    dataset->jpeg = f->made.jpeg;
    dataset->crop_resize = f->made.crop_resize;
    dataset->crop_size = f->made.crop;
    if (f->made.crop > 0) {
        dataset->fixed_size = true;
        dataset->height = dataset->width = f->made.crop;
        progress_message(progress, RESHIFT_LOG_INFO,
                         "'%s': corrupted crops (%s), which are scaled and not cropped again", f->root,
                         reshift_image_facts_corruption(&f->made, text, sizeof text));
    }
}

static const dataset_kind folder_kind = {folder_read, folder_row_name, folder_identity, folder_destroy, NULL, NULL};

/* Names of folders that are, or look like, a training or test part. */
enum { TRAIN, TEST, VAL, N_PARTS };
static const char *const part_names[N_PARTS] = {"train", "test", "val"};

typedef struct parts {
    bool is[N_PARTS];   /* contains class folders; a class named "train" contains only images */
    bool flat[N_PARTS]; /* exists and contains no class folders */
    char other[64];     /* a folder with another common name for a part, or "" */
} parts;

static reshift_status look_for_part(const char *where, int p, parts *found, reshift_error *error)
{
    char *path = path_join(where, part_names[p]);
    image_names inside = {0};
    bool there = false;
    reshift_status status = path ? path_is_folder(path, &there, error) : error_memory(error, strlen(where), "a path");
    if (status == RESHIFT_OK && there) {
        status = image_tree_classes(path, &inside, error);
        found->is[p] = inside.count > 0;
        found->flat[p] = inside.count == 0;
    }
    image_names_free(&inside);
    free(path);
    return status;
}

static reshift_status note_other_word(void *context, const char *name, reshift_error *error)
{
    static const char *const words[] = {"training", "valid", "validation", "testing", "dev", "eval"};
    parts *found = context;
    (void)error;
    for (int p = 0; p < N_PARTS; p++) {
        if (strcasecmp(name, part_names[p]) == 0 && strcmp(name, part_names[p]) != 0) {
            snprintf(found->other, sizeof found->other, "%s", name);
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(name, words[i]) == 0) {
            snprintf(found->other, sizeof found->other, "%s", name);
        }
    }
    return RESHIFT_OK;
}

/* The requested part is missing and only other parts exist: the message lists them. */
static reshift_status part_is_missing(const char *where, bool train, parts *found, reshift_error *error)
{
    const int present = found->is[TRAIN] ? TRAIN : found->is[TEST] ? TEST : VAL;
    const int flat = train ? (found->flat[TRAIN] ? TRAIN : -1) : found->flat[TEST] ? TEST : found->flat[VAL] ? VAL : -1;
    if (flat >= 0) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "no class folders in '%s/%s', while '%s/%s' has them", where,
                  part_names[flat], where, part_names[present]);
        error_hint(error,
                   "sort its images into one folder a class, as for ImageNet's val/ (the class of each is in its "
                   "annotations)");
        return RESHIFT_ERROR_NOT_FOUND;
    }
    reshift_status status = folder_visit(where, note_other_word, found, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    error_set(error, RESHIFT_ERROR_NOT_FOUND, "no %s in '%s', which has %s/", train ? "train/" : "test/ or val/", where,
              part_names[present]);
    if (found->other[0]) {
        error_hint(error, "if '%s/%s' is meant, call it %s", where, found->other, train ? "train" : "val or test");
    }
    return RESHIFT_ERROR_NOT_FOUND;
}

static reshift_status find_root(const char *where, const char *split, char **root, reshift_error *error)
{
    parts found = {.other = ""};
    for (int p = 0; p < N_PARTS; p++) {
        reshift_status status = look_for_part(where, p, &found, error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    const bool train = strcmp(split, "train") == 0;
    const int part = train && found.is[TRAIN]   ? TRAIN
                     : !train && found.is[TEST] ? TEST
                     : !train && found.is[VAL]  ? VAL
                                                : -1;
    if (part < 0 && (found.is[TRAIN] || found.is[TEST] || found.is[VAL])) {
        return part_is_missing(where, train, &found, error);
    }
    *root = part >= 0 ? path_join(where, part_names[part]) : strdup(where);
    return *root ? RESHIFT_OK : error_memory(error, strlen(where), "a path");
}

/* Labels are positions in the sorted list of classes, so both splits must have the same list. */
static reshift_status compare_splits(const image_folder *f, const char *where, const char *split, reshift_error *error)
{
    char *other = NULL;
    reshift_error unused;
    if (find_root(where, strcmp(split, "train") == 0 ? "test" : "train", &other, &unused) != RESHIFT_OK) {
        return RESHIFT_OK;
    }
    image_names classes = {0};
    reshift_status status = image_tree_classes(other, &classes, error);
    const image_names *here = &f->tree.classes, *there = &classes;
    size_t k = 0; /* both are sorted: the larger of the first two names that differ tells which side lacks the other */
    while (k < here->count && k < there->count && strcmp(here->names[k], there->names[k]) == 0) {
        k++;
    }
    if (status == RESHIFT_OK && (k < here->count || k < there->count)) {
        bool extra = k == there->count || (k < here->count && strcmp(here->names[k], there->names[k]) < 0);
        status = error_set(error, RESHIFT_ERROR_FORMAT, "class '%s' is in '%s' and not in '%s'",
                           extra ? here->names[k] : there->names[k], extra ? f->root : other, extra ? other : f->root);
    }
    if (status == RESHIFT_ERROR_FORMAT) {
        error_hint(error, "both splits need the same class folders");
    }
    image_names_free(&classes);
    free(other);
    return status;
}

/* Removes images beyond the limit from the tree, so that they are not part of the set's identity. */
static reshift_status keep_rows(image_tree *tree, int64_t limit, reshift_error *error)
{
    int64_t *rows, n;
    reshift_status status = dataset_limit_by_class(tree->labels, (int64_t)tree->files.count, (int)tree->classes.count,
                                                   limit, &rows, &n, error);
    size_t kept = 0;
    for (size_t i = 0; status == RESHIFT_OK && i < tree->files.count; i++) {
        if ((int64_t)kept < n && rows[kept] == (int64_t)i) {
            tree->labels[kept] = tree->labels[i];
            tree->files.names[kept++] = tree->files.names[i];
        } else {
            free(tree->files.names[i]);
        }
    }
    if (status == RESHIFT_OK) {
        tree->files.count = kept;
    }
    free(rows);
    return status;
}

reshift_status folder_open(const char *where, const reshift_dataset_options *options, reshift_dataset **dataset,
                           reshift_error *error)
{
    *dataset = NULL;
    image_folder *f = calloc(1, sizeof *f);
    if (!f) {
        return error_memory(error, sizeof *f, "a data set");
    }
    reshift_status status = find_root(where, options->split, &f->root, error);
    if (status == RESHIFT_OK) {
        status = image_tree_scan(f->root, &f->tree, error);
    }
    if (status == RESHIFT_OK) {
        status = compare_splits(f, where, options->split, error);
    }
    if (status == RESHIFT_OK) {
        status = preparation_file_read(f->root, &f->made, &f->prepared, error);
    }
    if (status == RESHIFT_OK) {
        if (f->tree.passed_over > 0) {
            progress_message(options->progress, RESHIFT_LOG_INFO,
                             "'%s': %zu file%s passed over, no image by %s name ('%s')", f->root, f->tree.passed_over,
                             reshift_noun_for((int64_t)f->tree.passed_over, "", "s"),
                             reshift_noun_for((int64_t)f->tree.passed_over, "its", "their"), f->tree.example);
        }
        status = image_tree_check(f->root, &f->tree, options->skip_bad, options->progress, error);
    }
    if (status != RESHIFT_OK) {
        folder_destroy(f);
        return status;
    }
    status = keep_rows(&f->tree, options->limit, error);
    if (status != RESHIFT_OK) {
        folder_destroy(f);
        return status;
    }
    const int64_t count = (int64_t)f->tree.files.count;
    const int64_t skipped = (int64_t)f->tree.skipped, damaged = (int64_t)f->tree.damaged;
    const bool has_parts = strcmp(f->root, where) != 0;
    status = dataset_create(&folder_kind, f, "folder", count, (int)f->tree.classes.count,
                            (const char *const *)f->tree.classes.names, dataset, error);
    for (int64_t row = 0; status == RESHIFT_OK && row < count; row++) {
        (*dataset)->rows[row].label = f->tree.labels[row];
    }
    if (status == RESHIFT_OK) {
        tell_preparation(f, options->progress, *dataset);
        (*dataset)->has_parts = has_parts;
        (*dataset)->n_skipped = skipped;
        (*dataset)->n_damaged = damaged;
    }
    return status;
}
