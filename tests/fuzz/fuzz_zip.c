/*
 * PyTorch's zip. Checksums would stop almost every mutation of a real zip, so the input is a pickle, and the zip is
 * made around it: storages '0' to '3' of sizes that the last byte chooses. Input that begins as a zip is read as it is.
 */
#include "fuzz.h"

#include <archive.h>
#include <archive_entry.h>

#include "formats/checkpoint.h"

static void add_entry(struct archive *zip, const char *name, const void *bytes, size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    must(archive_write_header(zip, entry) == ARCHIVE_OK);
    must(archive_write_data(zip, bytes, size) == (la_ssize_t)size);
    archive_entry_free(entry);
}

static size_t wrap(const uint8_t *bytes, size_t size, uint8_t *target, size_t capacity)
{
    static const uint8_t zeros[256];
    static const size_t sizes[4] = {4, 24, 48, 256};
    size_t used = 0;
    struct archive *zip = archive_write_new();
    archive_write_set_format_zip(zip);
    archive_write_set_options(zip, bytes[size - 1] & 4 ? "zip:compression=deflate" : "zip:compression=store");
    must(archive_write_open_memory(zip, target, capacity, &used) == ARCHIVE_OK);
    add_entry(zip, "a/data.pkl", bytes, size - 1);
    for (size_t i = 0; i < 4; i++) {
        char name[] = "a/data/0";
        name[7] = (char)('0' + i);
        add_entry(zip, name, zeros, sizes[(i + bytes[size - 1]) % 4]);
    }
    must(archive_write_free(zip) == ARCHIVE_OK);
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t capacity = size + 8192;
    uint8_t *made = NULL;
    if (size < 2 || memcmp(bytes, "PK", 2) != 0) {
        made = malloc(capacity);
        size = wrap(bytes, size, made, capacity);
    }
    reshift_error error;
    reshift_tensors *t = reshift_tensors_create();
    blob *b = blob_borrow(made ? made : bytes, size);
    reshift_status status = torch_zip_read(b, "x", t, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        touch_tensors(t);
    }
    reshift_tensors_destroy(&t);
    blob_drop(&b);
    free(made);
    return 0;
}
