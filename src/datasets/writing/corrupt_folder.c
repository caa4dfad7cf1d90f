/*
 * Corrupted copies of a set as image folders in ImageNet-C's layout, <corruption>/<severity>/<class>/NAME.JPEG, or .png
 * without the JPEG step. A thread reads one image and writes all its severities. Files are written to a temporary
 * folder next to the target, which is renamed when it is complete, so that an existing folder is always complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/threads.h"
#include "datasets/writing/corrupt.h"
#include "datasets/preparation_file.h"
#include "formats/images/image_file.h"

typedef struct folder_work {
    const corrupt_work *work;
    char *target, *temporary; /* <folder>/<corruption>, and its temporary folder */
    int lock;                 /* lock of `temporary`, held while this process lives; -1: none */
    char **classes;           /* [n_classes] folder names */
    char **names;             /* [n] "class/NAME" */
    bool *is_jpeg;            /* [n] ending of the image's files: .JPEG or .png; set when the image has been read */
} folder_work;

/* ---- names ---- */

/*
 * When the set is read again, here and by other loaders, classes are numbered by the order of folder names. If the
 * order of the names differs (as for "0", "1", .. "10"), the class number is put in front.
 */
static reshift_status name_classes(folder_work *f, reshift_error *error)
{
    const reshift_dataset *clean = f->work->clean;
    int n = reshift_dataset_n_classes(clean), digits = snprintf(NULL, 0, "%d", n - 1);
    bool ordered = true;
    f->classes = calloc((size_t)n, sizeof *f->classes);
    for (int k = 0; k + 1 < n; k++) {
        ordered = ordered && strcmp(reshift_dataset_class_name(clean, k), reshift_dataset_class_name(clean, k + 1)) < 0;
    }
    for (int k = 0; f->classes && k < n; k++) {
        const char *name = reshift_dataset_class_name(clean, k);
        char number[16];
        snprintf(number, sizeof number, "%d", k);
        if (ordered) {
            f->classes[k] = strdup(name);
        } else if (asprintf(&f->classes[k], "%0*d%s%s", digits, k, strcmp(name, number) == 0 ? "" : "-",
                            strcmp(name, number) == 0 ? "" : name) < 0) {
            f->classes[k] = NULL;
        }
        if (!f->classes[k]) {
            return error_memory(error, strlen(name), "a class name");
        }
    }
    return f->classes ? RESHIFT_OK : error_memory(error, (size_t)n * sizeof *f->classes, "class names");
}

/* "class/NAME": the photograph's own name if it has one, without its ending unless `whole`; else its number. */
static char *row_name(const folder_work *f, int64_t row, bool whole)
{
    const reshift_dataset *clean = f->work->clean;
    const char *class_name = f->classes[reshift_dataset_label(clean, row)];
    char text[4096] = "", *name = NULL;
    if (strcmp(reshift_dataset_kind(clean), "folder") != 0) {
        return asprintf(&name, "%s/%06lld", class_name, (long long)reshift_dataset_source(clean, row)) < 0 ? NULL
                                                                                                           : name;
    }
    reshift_dataset_row_name(clean, row, text, sizeof text);
    char *file = strrchr(text, '/') ? strrchr(text, '/') + 1 : text, *dot = strrchr(file, '.');
    if (dot && dot != file && !whole) {
        *dot = '\0';
    }
    return asprintf(&name, "%s/%s", class_name, file) < 0 ? NULL : name;
}

typedef struct numbered_name {
    const char *name;
    int64_t row;
} numbered_name;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const numbered_name *)a)->name, ((const numbered_name *)b)->name);
}

/* The names, sorted; equal names are adjacent. NULL: out of memory. */
static numbered_name *sort_names(char *const *names, int64_t n)
{
    numbered_name *sorted = malloc((size_t)n * sizeof *sorted);
    for (int64_t i = 0; sorted && i < n; i++) {
        sorted[i] = (numbered_name){names[i], i};
    }
    if (sorted) {
        qsort(sorted, (size_t)n, sizeof *sorted, by_name);
    }
    return sorted;
}

/*
 * If a class contains a.jpg and a.png, both keep their endings (a.jpg.JPEG and a.png.JPEG); otherwise the ending is
 * replaced.
 */
static reshift_status name_rows(folder_work *f, reshift_error *error)
{
    int64_t n = f->work->n;
    size_t bytes = (size_t)n * sizeof *f->names;
    f->names = calloc((size_t)n, sizeof *f->names);
    f->is_jpeg = calloc((size_t)n, sizeof *f->is_jpeg);
    for (int64_t row = 0; row < n; row++) {
        if (!f->names || !f->is_jpeg || !(f->names[row] = row_name(f, row, false))) {
            return error_memory(error, bytes, "image names");
        }
    }
    for (int pass = 0; pass < 2; pass++) {
        numbered_name *sorted = sort_names(f->names, n);
        bool *twice = calloc((size_t)n, sizeof *twice);
        reshift_status status = sorted && twice ? RESHIFT_OK : error_memory(error, bytes, "image names");
        for (int64_t i = 1; status == RESHIFT_OK && i < n; i++) {
            if (strcmp(sorted[i - 1].name, sorted[i].name) == 0) {
                twice[sorted[i - 1].row] = twice[sorted[i].row] = true;
                if (pass == 1) {
                    status =
                        error_set(error, RESHIFT_ERROR_EXISTS, "two images would be written as '%s'", sorted[i].name);
                }
            }
        }
        free(sorted);
        for (int64_t row = 0; status == RESHIFT_OK && row < n; row++) {
            if (twice[row]) {
                free(f->names[row]);
                f->names[row] = row_name(f, row, true);
                status = f->names[row] ? RESHIFT_OK : error_memory(error, bytes, "image names");
            }
        }
        free(twice);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    return RESHIFT_OK;
}

/* FOLDER/<severity>/NAME.JPEG or .png */
static char *severity_path(const char *folder, int severity, const char *name, bool is_jpeg)
{
    char *path;
    return asprintf(&path, "%s/%d/%s.%s", folder, severity, name, is_jpeg ? "JPEG" : "png") < 0 ? NULL : path;
}

/* ---- the work ---- */

/* Creates a folder for every class that has images, at every severity. */
static reshift_status make_folders(const folder_work *f, const char *folder, reshift_error *error)
{
    const corrupt_work *work = f->work;
    int n_classes = reshift_dataset_n_classes(work->clean);
    bool *used = calloc((size_t)n_classes, sizeof *used);
    reshift_status status = used ? RESHIFT_OK : error_memory(error, (size_t)n_classes, "classes");
    for (int64_t row = 0; used && row < work->n; row++) {
        used[reshift_dataset_label(work->clean, row)] = true;
    }
    for (int s = work->options->severity_first; s <= work->options->severity_last; s++) {
        for (int k = 0; status == RESHIFT_OK && k < n_classes; k++) {
            char *path;
            if (!used[k]) {
                continue;
            }
            if (asprintf(&path, "%s/%d/%s", folder, s, f->classes[k]) < 0) {
                status = error_memory(error, strlen(folder), "a path");
            } else {
                status = folder_create(path, error);
                free(path);
            }
        }
    }
    free(used);
    return status;
}

/* Writes all severities of one image. `input` and `output` belong to the thread. */
static reshift_status write_row(const folder_work *f, int64_t row, reshift_image *input, reshift_image *output,
                                reshift_error *error)
{
    const corrupt_work *work = f->work;
    reshift_status status = reshift_dataset_read(work->clean, row, input, error);
    f->is_jpeg[row] = status == RESHIFT_OK && reshift_corruption_has_jpeg(work->options->jpeg, work->options->constants,
                                                                          input->height, input->width);
    for (int s = work->options->severity_first; status == RESHIFT_OK && s <= work->options->severity_last; s++) {
        char *path = severity_path(f->temporary, s, f->names[row], f->is_jpeg[row]);
        status = path ? corrupt_pixels(work->clean, row, work->corruption, s, work->options, input, output, error)
                      : error_memory(error, 64, "a path");
        if (status == RESHIFT_OK) {
            status = f->is_jpeg[row] ? jpeg_save(path, output, RESHIFT_JPEG_QUALITY, false, false, error)
                                     : png_save(path, output, false, false, error);
        }
        free(path);
    }
    return status;
}

/* Thread 0 is the caller's: only it calls the callbacks for progress and cancellation. */
static reshift_status write_rows(const folder_work *f, reshift_error *error)
{
    const corrupt_work *work = f->work;
    int64_t per_image = work->options->severity_last - work->options->severity_first + 1;
    char title[64];
    snprintf(title, sizeof title, "making %s", work->corruption->name);
    progress_update(work->progress, title, 0, work->n * per_image, "images");
    corrupt_failure failure = {.place = INT64_MAX};
    atomic_bool stop = false;
    atomic_llong done = 0;
#pragma omp parallel
    {
        reshift_image input = {0}, output = {0};
        int thread = threads_index();
#pragma omp for schedule(dynamic, 1)
        for (int64_t row = 0; row < work->n; row++) {
            reshift_error trouble;
            reshift_status status = RESHIFT_OK;
            if (atomic_load(&stop)) {
                continue;
            }
            if (thread == 0) {
                status = progress_check(work->progress, &trouble);
            }
            if (status == RESHIFT_OK) {
                status = write_row(f, row, &input, &output, &trouble);
            }
            if (status != RESHIFT_OK) {
                corrupt_note(&failure, row, status, &trouble);
                atomic_store(&stop, true);
            } else {
                long long images = (atomic_fetch_add(&done, 1) + 1) * per_image;
                if (thread == 0 && images < work->n * per_image) {
                    progress_update(work->progress, title, images, work->n * per_image, "images");
                }
            }
        }
        reshift_image_destroy(&input);
        reshift_image_destroy(&output);
    }
    reshift_status status = corrupt_outcome(&failure, error);
    if (status == RESHIFT_OK) {
        progress_update(work->progress, title, work->n * per_image, work->n * per_image, "images");
    }
    return status;
}

/* Writes the description of the images into the folder of every severity. */
static reshift_status write_preparations(const folder_work *f, reshift_error *error)
{
    const corrupt_work *work = f->work;
    const reshift_image_facts facts = {.corrupted = true,
                                       .constants = (int)work->options->constants,
                                       .crop_resize = work->clean->crop_resize,
                                       .crop = work->clean->crop_size,
                                       .jpeg = work->n > 0 && f->is_jpeg[0] ? RESHIFT_JPEG_QUALITY : 0};
    reshift_status status = RESHIFT_OK;
    for (int s = work->options->severity_first; status == RESHIFT_OK && s <= work->options->severity_last; s++) {
        char *folder = NULL;
        status = asprintf(&folder, "%s/%d", f->temporary, s) < 0 ? error_memory(error, 64, "a path") : RESHIFT_OK;
        if (status == RESHIFT_OK) {
            status = preparation_file_write(folder, work->corruption->name, s, work->options->seed, &facts, error);
            free(folder);
        }
    }
    return status;
}

/* ---- renaming ---- */

/*
 * The old description is removed before the first image is replaced, and the new one is written after the last: if
 * interrupted, a severity has no description rather than a wrong one.
 */
static reshift_status forget_preparation(const folder_work *f, int severity, reshift_error *error)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%d/" PREPARATION_FILE, f->target, severity) < 0) {
        return error_memory(error, 64, "a path");
    }
    reshift_status status =
        unlink(path) != 0 && errno != ENOENT ? error_from_errno(error, errno, "cannot replace '%s'", path) : RESHIFT_OK;
    free(path);
    return status;
}

static reshift_status move_preparation(const folder_work *f, int severity, reshift_error *error)
{
    char *from = NULL, *to = NULL;
    reshift_status status = RESHIFT_OK;
    if (asprintf(&from, "%s/%d/" PREPARATION_FILE, f->temporary, severity) < 0 ||
        asprintf(&to, "%s/%d/" PREPARATION_FILE, f->target, severity) < 0) {
        status = error_memory(error, 64, "a path");
    } else if (rename(from, to) != 0) {
        status = error_from_errno(error, errno, "cannot write '%s'", to);
    }
    free(from);
    free(to);
    return status;
}

/* For --force with an existing folder: replaces image by image and keeps other files. */
static reshift_status move_images(const folder_work *f, reshift_error *error)
{
    const corrupt_work *work = f->work;
    reshift_status status = make_folders(f, f->target, error);
    for (int s = work->options->severity_first; s <= work->options->severity_last; s++) {
        status = status == RESHIFT_OK ? forget_preparation(f, s, error) : status;
        for (int64_t row = 0; status == RESHIFT_OK && row < work->n; row++) {
            char *from = severity_path(f->temporary, s, f->names[row], f->is_jpeg[row]);
            char *to = severity_path(f->target, s, f->names[row], f->is_jpeg[row]);
            char *other = severity_path(f->target, s, f->names[row], !f->is_jpeg[row]);
            if (!from || !to || !other) {
                status = error_memory(error, 64, "a path");
            } else if (rename(from, to) != 0) {
                status = error_from_errno(error, errno, "cannot write '%s'", to);
            } else if (unlink(other) != 0 && errno != ENOENT && errno != ENOTDIR) { /* the image in the other format */
                status = error_from_errno(error, errno, "cannot replace '%s'", other);
            }
            free(from);
            free(to);
            free(other);
        }
        status = status == RESHIFT_OK ? move_preparation(f, s, error) : status;
    }
    return status;
}

static reshift_status refuse_existing(const char *path, reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_EXISTS, "'%s' exists already", path);
    error_hint(error, "use --force to replace its images, or choose another folder");
    return RESHIFT_ERROR_EXISTS;
}

/* Synchronises thousands of images with one call before any of them is renamed. */
static reshift_status commit(const folder_work *f, reshift_error *error)
{
    bool there = false;
    reshift_status status = folder_sync_all(f->temporary, error);
    if (status == RESHIFT_OK && f->work->options->overwrite) {
        status = path_is_folder(f->target, &there, error);
    }
    if (status == RESHIFT_OK && there) {
        status = move_images(f, error);
        return status == RESHIFT_OK ? folder_sync_all(f->target, error) : status;
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    int renamed = renameat2(AT_FDCWD, f->temporary, AT_FDCWD, f->target, RENAME_NOREPLACE);
    if (renamed != 0 && (errno == EINVAL || errno == ENOSYS)) {
        renamed = rename(f->temporary, f->target); /* the file system does not support RENAME_NOREPLACE */
    }
    return renamed == 0      ? folder_sync_of(f->target, error)
           : errno == EEXIST ? refuse_existing(f->target, error)
                             : error_from_errno(error, errno, "cannot write '%s'", f->target);
}

static reshift_status make(folder_work *f, const char *folder, reshift_error *error)
{
    const char *name = f->work->corruption->name;
    f->target = path_join(folder, name);
    reshift_status status = f->target ? RESHIFT_OK : error_memory(error, strlen(folder), "a path");
    path_kind there = PATH_NONE;
    if (status == RESHIFT_OK) {
        status = path_kind_of(f->target, &there, error);
    }
    if (status == RESHIFT_OK && there != PATH_NONE && !(there == PATH_FOLDER && f->work->options->overwrite)) {
        status = refuse_existing(f->target, error);
    }
    if (status == RESHIFT_OK) {
        status = name_classes(f, error);
    }
    if (status == RESHIFT_OK) {
        status = name_rows(f, error);
    }
    if (status == RESHIFT_OK) {
        status = folder_create_temporary(f->target, &f->temporary, &f->lock, error);
    }
    if (status == RESHIFT_OK) {
        status = make_folders(f, f->temporary, error);
    }
    if (status == RESHIFT_OK) {
        status = write_rows(f, error);
    }
    if (status == RESHIFT_OK) {
        status = write_preparations(f, error);
    }
    return status == RESHIFT_OK ? commit(f, error) : status;
}

reshift_status corrupt_folder_write(const corrupt_work *work, const char *folder, reshift_error *error)
{
    folder_work f = {.work = work, .lock = -1};
    bool had_folder = true, left = false;
    reshift_status status = path_is_folder(folder, &had_folder, error);
    if (status == RESHIFT_OK) {
        status = folder_create(folder, error);
    }
    if (status == RESHIFT_OK) {
        status = make(&f, folder, error);
    }
    if (f.temporary && path_is_folder(f.temporary, &left, NULL) == RESHIFT_OK && left) {
        folder_remove(f.temporary, NULL);
    }
    if (f.lock >= 0) {
        close(f.lock);
    }
    if (status != RESHIFT_OK && !had_folder) {
        rmdir(folder); /* fails if the folder is not empty */
    }
    for (int k = 0; f.classes && k < reshift_dataset_n_classes(work->clean); k++) {
        free(f.classes[k]);
    }
    for (int64_t row = 0; f.names && row < work->n; row++) {
        free(f.names[row]);
    }
    free(f.classes);
    free(f.names);
    free(f.is_jpeg);
    free(f.target);
    free(f.temporary);
    return status;
}
