/* Archives of every kind: any bytes; what an entry gives is no more than was allowed. */
#include "fuzz.h"

#include "formats/archive.h"

#define ENTRY_BYTES_MAX ((size_t)1 << 20)

static reshift_status look(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    int *n = context;
    *stop = ++*n > 100;
    must(item->name != NULL);
    blob *entry;
    reshift_status status = item->is_file ? archive_item_load(item, ENTRY_BYTES_MAX, &entry, error) : RESHIFT_OK;
    if (item->is_file && status == RESHIFT_OK) {
        must(entry->size <= ENTRY_BYTES_MAX);
        touch(entry->data, entry->size);
        blob_drop(&entry);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    int n = 0;
    blob *b = blob_borrow(bytes, size);
    must_explain(archive_walk(b, "x", look, &n, &error), &error);
    static const char *const names[] = {"a.txt", "b.bin"};
    blob *entries[2];
    must_explain(archive_load_entries(b, "x", names, 2, ENTRY_BYTES_MAX, entries, &error), &error);
    blob_drop(&entries[0]);
    blob_drop(&entries[1]);
    blob_drop(&b);
    return 0;
}
