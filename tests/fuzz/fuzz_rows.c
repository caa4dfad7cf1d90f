/*
 * The index of kept activations: whatever it says, rows that are handed out have the checksum they were kept with, and
 * others are said to be damaged. The input is the index; its head is made right, so that the entries are reached.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "inference/row_cache.h"

enum { N_VALUES = 64, N_ROWS = 8 };

static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    must(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* A head as this program writes one, taken from an index of no rows; `sum` stands last in it. */
static size_t make_index(const char *folder, const char *path, const row_cache_setup *setup, const uint8_t *bytes,
                         size_t size, uint8_t *out)
{
    row_cache *empty = NULL;
    must(row_cache_open(setup, &empty, NULL) == RESHIFT_OK && row_cache_commit(empty, NULL) == RESHIFT_OK);
    row_cache_close(&empty);
    FILE *file = fopen(path, "rb");
    must(file != NULL);
    size_t head = fread(out, 1, 4096, file);
    fclose(file);
    (void)folder;
    uint64_t counts[3] = {size > 0 ? bytes[0] % 4 : 0, size > 1 ? bytes[1] % 16 : 0, 4096}; /* sets, entries, end */
    memcpy(out + head - 8 - sizeof counts, counts, sizeof counts);
    const size_t body = size > 2 ? size - 2 : 0;
    memcpy(out + head, bytes + (size > 2 ? 2 : 0), body);
    const uint64_t sum = checksum_bytes(out + head, body, 0);
    memcpy(out + head - 8, &sum, sizeof sum);
    return head + body;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t index[1 << 20], rows[4096];
    char folder[64], path[96], rows_path[96];
    if (size > sizeof index / 2) {
        return 0;
    }
    snprintf(folder, sizeof folder, "/dev/shm/fuzz-rows-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/index", folder);
    snprintf(rows_path, sizeof rows_path, "%s/rows", folder);
    mkdir(folder, 0777);
    const row_cache_setup setup = {.place = ROWS_IN_FOLDER,
                                   .folder = folder,
                                   .key = key,
                                   .budget_bytes = 1 << 20,
                                   .row_count = N_VALUES,
                                   .width = 4};
    const size_t length = make_index(folder, path, &setup, bytes, size, index);
    write_file(path, index, length);
    write_file(rows_path, rows, sizeof rows);
    reshift_error error;
    row_cache *c = NULL;
    reshift_status status = row_cache_open(&setup, &c, &error);
    must_explain(status, &error);
    int set;
    if (status == RESHIFT_OK && row_cache_set(c, key, N_ROWS, &set, &error) == RESHIFT_OK) {
        for (int64_t row = 0; row < N_ROWS; row++) {
            float values[N_VALUES];
            if (row_cache_has(c, set, row)) {
                must_explain(row_cache_get(c, set, row, values, &error), &error);
            }
        }
    }
    row_cache_close(&c);
    unlink(path);
    unlink(rows_path);
    rmdir(folder);
    return 0;
}
