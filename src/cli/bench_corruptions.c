/*
 * reshift bench corruptions: the cost of one image under each corruption, on one thread. Passes over the images are
 * repeated, and the fastest counts: disturbances only make a pass slower.
 */
#include "cli/bench_corruptions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/session.h"
#include "reshift/words.h"

enum { IMAGES_MOST = 200, SEVERITY = 5 };
#define BYTES_MOST ((size_t)1 << 22) /* of clean images: fits into a cache, as when images arrive one by one */
#define SECONDS 0.25

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct image_list {
    reshift_image *images;
    int64_t n;
    size_t bytes;
} image_list;

static void list_destroy(image_list *list)
{
    for (int64_t i = 0; i < list->n; i++) {
        reshift_image_destroy(&list->images[i]);
    }
    free(list->images);
}

static reshift_status list_read(const reshift_dataset *dataset, image_list *list, reshift_error *error)
{
    int64_t count = reshift_dataset_count(dataset);
    count = count < IMAGES_MOST ? count : IMAGES_MOST;
    list->images = calloc((size_t)count + 1, sizeof *list->images);
    reshift_status status = RESHIFT_OK;
    if (!list->images) {
        reshift_error_clear(error);
        error->code = status = RESHIFT_ERROR_MEMORY;
        snprintf(error->message, sizeof error->message, "out of memory");
    }
    while (status == RESHIFT_OK && list->n < count && list->bytes < BYTES_MOST) {
        reshift_image *image = &list->images[list->n++];
        status = reshift_dataset_read(dataset, list->n - 1, image, error);
        list->bytes += status == RESHIFT_OK ? 3 * (size_t)image->height * (size_t)image->width : 0;
    }
    return status;
}

static reshift_status one_pass(const reshift_corruption *corruption, const reshift_frost *frost, const image_list *list,
                               reshift_image *output, double *seconds, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    double start = now_seconds();
    for (int64_t i = 0; i < list->n && status == RESHIFT_OK; i++) {
        status = reshift_corruption_apply(corruption, SEVERITY, RESHIFT_CONSTANTS_AUTO, 0, i, frost, &list->images[i],
                                          output, error);
    }
    *seconds = now_seconds() - start;
    return status;
}

static reshift_status bench_one(const reshift_corruption *corruption, const reshift_frost *frost,
                                const image_list *list, bool json, json_t *rows, reshift_error *error)
{
    reshift_image output = {0};
    double least = INFINITY, seconds = 0;
    reshift_status status = one_pass(corruption, frost, list, &output, &seconds, error); /* tables, memory */
    double until = now_seconds() + SECONDS;
    for (int passes = 0; status == RESHIFT_OK && (passes < 3 || now_seconds() < until); passes++) {
        status = one_pass(corruption, frost, list, &output, &seconds, error);
        least = fmin(least, seconds);
    }
    reshift_image_destroy(&output);
    if (status != RESHIFT_OK) {
        return status;
    }
    double microseconds = 1e6 * least / (double)list->n, megabytes = (double)list->bytes / least / 1e6;
    if (json) {
        json_array_append_new(rows,
                              json_pack("{s:s, s:s, s:f, s:s, s:f}", "stage", "corruptions", "what", corruption->name,
                                        "rate", microseconds, "unit", "us/image", "megabytes_per_second", megabytes));
    } else {
        printf("%-9s %-32s %10.2f us/image %10.0f MB/s\n", "corrupt", corruption->name, microseconds, megabytes);
        fflush(stdout);
    }
    return RESHIFT_OK;
}

reshift_status bench_corruptions(const reshift_dataset *dataset, const char *data_dir, const char *name, bool json,
                                 json_t *rows, reshift_error *error)
{
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count), *only = NULL;
    image_list list = {0};
    reshift_frost *frost = NULL;
    reshift_status status = name ? reshift_corruption_find(name, &only, error) : RESHIFT_OK;
    if (status == RESHIFT_OK) {
        status = list_read(dataset, &list, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_frost_find(data_dir, &frost, error);
    }
    if (status == RESHIFT_OK && !json && list.n > 0) {
        printf("corruptions at severity %d on one thread, %lld %s of %dx%d%s\n", SEVERITY, (long long)list.n,
               reshift_noun_for(list.n, "image", "images"), list.images[0].width, list.images[0].height,
               frost ? "" : ", frost's overlays drawn");
    }
    for (int i = 0; i < count && status == RESHIFT_OK; i++) {
        if (!only || only == &table[i]) {
            status = bench_one(&table[i], frost, &list, json, rows, error);
        }
    }
    reshift_frost_close(&frost);
    list_destroy(&list);
    return status;
}
