/* Finds image files that are unreadable or damaged before any work starts; they can be skipped on request. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/threads.h"
#include "datasets/folders/image_tree.h"
#include "formats/blob.h"
#include "formats/images/image_file.h"
#include "reshift/words.h"

enum { TAIL_BYTES = 4096, LISTED_MOST = 20 };

/* True if the file ends as a complete file of its format does. */
static bool has_end(const char *format, const uint8_t *tail, size_t n, const uint8_t *head, off_t size)
{
    if (strcmp(format, "jpeg") == 0) {
        return memmem(tail, n, "\xff\xd9", 2) != NULL;
    }
    if (strcmp(format, "png") == 0) {
        return memmem(tail, n, "IEND", 4) != NULL;
    }
    uint64_t announced = head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16 | (uint64_t)head[7] << 24;
    return (uint64_t)size >= announced + 8;
}

static bool has_header(const char *path)
{
    blob *b;
    image_facts facts;
    bool has = false;
    if (blob_open(path, &b, NULL) == RESHIFT_OK) {
        has = image_describe(b->data, b->size, path, &facts, NULL) == RESHIFT_OK;
        blob_drop(&b);
    }
    return has;
}

/* Checks the header and the last bytes. */
static reshift_status looks_whole(const char *path, bool *whole, reshift_error *error)
{
    int descriptor;
    struct stat facts;
    uint8_t head[12] = {0}, tail[TAIL_BYTES];
    *whole = false;
    reshift_status status = file_open(path, &descriptor, &facts, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    ssize_t n_head = pread(descriptor, head, sizeof head, 0);
    off_t from = facts.st_size > TAIL_BYTES ? facts.st_size - TAIL_BYTES : 0;
    ssize_t n_tail = n_head < 0 ? -1 : pread(descriptor, tail, sizeof tail, from);
    if (n_tail < 0) {
        status = error_from_errno(error, errno, "cannot read '%s'", path);
    } else {
        const char *format = image_format(head, (size_t)n_head);
        *whole = format && has_end(format, tail, (size_t)n_tail, head, facts.st_size) && has_header(path);
    }
    close(descriptor);
    return status;
}

/* OK for a readable image; any other status with the reason. `image` is scratch memory. */
static reshift_status check_file(const char *path, bool decode, reshift_image *image, bool *damaged,
                                 reshift_error *error)
{
    bool whole = false;
    reshift_status status = decode ? RESHIFT_OK : looks_whole(path, &whole, error);
    return status == RESHIFT_OK && !whole ? image_load(path, image, damaged, error) : status;
}

/* A failing disk or lack of memory is not a property of the image. */
static bool is_of_the_image(reshift_status status)
{
    return status == RESHIFT_ERROR_FORMAT || status == RESHIFT_ERROR_UNSUPPORTED || status == RESHIFT_ERROR_NOT_FOUND;
}

typedef struct verdicts {
    char **reasons; /* [n] NULL: readable */
    bool *damaged;  /* [n] readable, with damage */
    atomic_size_t bad;
    atomic_bool stop;
    reshift_status status; /* of the first failure that is not the image's */
    reshift_error error;
} verdicts;

static void judge(const char *root, const image_tree *tree, size_t i, bool decode, reshift_image *image, verdicts *v)
{
    reshift_error trouble;
    reshift_error_clear(&trouble);
    char *path = path_join(root, tree->files.names[i]);
    reshift_status status = path ? check_file(path, decode, image, &v->damaged[i], &trouble)
                                 : error_memory(&trouble, strlen(root), "a path");
    free(path);
    if (status == RESHIFT_OK) {
        return;
    }
    v->reasons[i] = is_of_the_image(status) ? strdup(trouble.message) : NULL;
    if (v->reasons[i]) {
        atomic_fetch_add(&v->bad, 1);
        return;
    }
    atomic_store(&v->stop, true);
#pragma omp critical(image_check_failure)
    if (v->status == RESHIFT_OK) {
        v->status = status;
        v->error = trouble;
    }
}

static void judge_all(const char *root, const image_tree *tree, bool decode, const reshift_progress *progress,
                      verdicts *v)
{
    const int64_t n = (int64_t)tree->files.count;
    atomic_llong done = 0;
#pragma omp parallel
    {
        reshift_image image = {0};
        const int thread = threads_index();
#pragma omp for schedule(dynamic, 16)
        for (int64_t i = 0; i < n; i++) {
            if (atomic_load(&v->stop)) {
                continue;
            }
            judge(root, tree, (size_t)i, decode, &image, v);
            long long so_far = atomic_fetch_add(&done, 1) + 1;
            if (thread == 0 && so_far % 64 == 0) { /* only the caller's thread may call the callbacks */
                reshift_error trouble;
                progress_update(progress, "looking at the images", so_far, n, "images");
                if (progress_check(progress, &trouble) != RESHIFT_OK) {
                    atomic_store(&v->stop, true);
#pragma omp critical(image_check_failure)
                    v->status = RESHIFT_ERROR_CANCELLED, v->error = trouble;
                }
            }
        }
        reshift_image_destroy(&image);
    }
    progress_update(progress, "looking at the images", n, n, "images");
}

static reshift_status refuse_bad(const image_tree *tree, const verdicts *v, reshift_error *error)
{
    size_t first = 0, bad = atomic_load(&v->bad);
    while (!v->reasons[first]) {
        first++;
    }
    char others[64] = "";
    if (bad > 1) {
        snprintf(others, sizeof others, "; and %zu more of %zu images", bad - 1, tree->files.count);
    }
    error_set(error, RESHIFT_ERROR_FORMAT, "%s%s", v->reasons[first], others);
    error_hint(error,
               "--skip-bad (source.skip_bad in an experiment) leaves out images that cannot be read, and counts them");
    return error_at_offset(error, RESHIFT_ERROR_FORMAT, tree->files.names[first], -1);
}

static void count_damaged(const char *root, image_tree *tree, const verdicts *v, const reshift_progress *progress)
{
    const char *first = NULL;
    for (size_t i = 0; i < tree->files.count; i++) {
        if (v->damaged[i] && !v->reasons[i]) {
            first = first ? first : tree->files.names[i];
            tree->damaged++;
        }
    }
    if (first) {
        progress_message(progress, RESHIFT_LOG_WARNING,
                         "'%s': %zu of %zu images are damaged and used as far as they can be read, as Pillow does; the "
                         "first is '%s'",
                         root, tree->damaged, tree->files.count, first);
    }
}

static reshift_status leave_out(const char *root, image_tree *tree, const verdicts *v, const reshift_progress *progress,
                                reshift_error *error)
{
    int64_t *left = calloc(tree->classes.count, sizeof *left);
    size_t kept = 0, bad = atomic_load(&v->bad);
    if (!left) {
        return error_memory(error, tree->classes.count * sizeof *left, "classes");
    }
    progress_message(progress, RESHIFT_LOG_WARNING, "'%s': %zu of %zu %s cannot be read and %s left out", root, bad,
                     tree->files.count, reshift_noun_for((int64_t)tree->files.count, "image", "images"),
                     reshift_noun_for((int64_t)bad, "is", "are"));
    for (size_t i = 0, listed = 0; i < tree->files.count; i++) {
        if (v->reasons[i]) {
            if (listed++ < LISTED_MOST) {
                progress_message(progress, RESHIFT_LOG_WARNING, "left out: %s", v->reasons[i]);
            }
            free(tree->files.names[i]);
            continue;
        }
        left[tree->labels[i]]++;
        tree->files.names[kept] = tree->files.names[i];
        tree->labels[kept++] = tree->labels[i];
    }
    if (bad > LISTED_MOST) {
        progress_message(progress, RESHIFT_LOG_WARNING, "left out: %zu more", bad - LISTED_MOST);
    }
    tree->files.count = kept;
    tree->skipped = bad;
    reshift_status status = RESHIFT_OK;
    for (size_t k = 0; status == RESHIFT_OK && k < tree->classes.count; k++) {
        if (left[k] == 0) {
            status = error_set(error, RESHIFT_ERROR_FORMAT, "class '%s' in '%s' has no image that can be read",
                               tree->classes.names[k], root);
        }
    }
    free(left);
    return status;
}

reshift_status image_tree_check(const char *root, image_tree *tree, bool skip_bad, const reshift_progress *progress,
                                reshift_error *error)
{
    verdicts v = {.reasons = calloc(tree->files.count + 1, sizeof *v.reasons),
                  .damaged = calloc(tree->files.count + 1, sizeof *v.damaged),
                  .status = RESHIFT_OK};
    if (!v.reasons || !v.damaged) {
        free(v.reasons);
        free(v.damaged);
        return error_memory(error, tree->files.count * sizeof *v.reasons, "file names");
    }
    const size_t n = tree->files.count;
    judge_all(root, tree, skip_bad, progress, &v);
    reshift_status status = v.status;
    if (status != RESHIFT_OK && error) {
        *error = v.error;
    }
    if (status == RESHIFT_OK) {
        count_damaged(root, tree, &v, progress);
    }
    if (status == RESHIFT_OK && atomic_load(&v.bad) > 0) {
        status = skip_bad ? leave_out(root, tree, &v, progress, error) : refuse_bad(tree, &v, error);
    }
    for (size_t i = 0; i < n; i++) {
        free(v.reasons[i]);
    }
    free(v.reasons);
    free(v.damaged);
    return status;
}
