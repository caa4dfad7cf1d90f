/* A temporary folder for a test program, and helpers that create files in it. */
#ifndef TESTS_DATASETS_TEMPORARY_H
#define TESTS_DATASETS_TEMPORARY_H

#include "check.h"

#include <unistd.h>

#include "base/files.h"
#include "reshift/array.h"
#include "reshift/image.h"

static char temporary_folder[] = "/tmp/reshift-datasets-XXXXXX";

static inline int make_temporary(void **state)
{
    (void)state;
    return mkdtemp(temporary_folder) ? 0 : -1;
}

static inline int remove_temporary(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", temporary_folder);
    return system(command);
}

/** "FOLDER/name" in one of a few static buffers. */
static inline const char *in_temporary(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", temporary_folder, name);
    return path;
}

/** Writes a file and creates its parent folders. */
static inline void put_file(const char *name, const void *bytes, size_t count)
{
    reshift_error error;
    char path[256];
    snprintf(path, sizeof path, "%s", in_temporary(name));
    *strrchr(path, '/') = '\0';
    check_ok(folder_create(path, &error));
    check_ok(file_write_all(in_temporary(name), bytes, count, true, &error));
}

/** A .npy file of `count` elements given by `bytes`; a PNG of one colour. */
static inline void put_npy(const char *name, reshift_dtype dtype, int n_dims, const int64_t *shape,
                           const void *elements)
{
    reshift_error error;
    reshift_array array;
    put_file(name, "", 0);
    check_ok(reshift_array_create(dtype, n_dims, shape, &array, &error));
    memcpy(array.data, elements, reshift_array_bytes(&array));
    check_ok(reshift_array_save_npy(in_temporary(name), &array, true, &error));
    reshift_array_destroy(&array);
}

static inline void put_png(const char *name, int height, int width, uint8_t red)
{
    reshift_error error;
    reshift_image image = {0};
    put_file(name, "", 0);
    check_ok(reshift_image_resize(&image, height, width, &error));
    memset(image.pixels, 0, (size_t)height * (size_t)width * 3);
    image.pixels[0] = red;
    check_ok(reshift_image_save_png(in_temporary(name), &image, true, &error));
    reshift_image_destroy(&image);
}

#endif
