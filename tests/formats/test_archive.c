/* Archives of every kind with the same entries: names, bytes, slices without a copy, limits, damage. */
#include "golden.h"

#include <locale.h>

#include "formats/archive.h"

static const char *const files[] = {"archive.tar", "archive.tar.gz", "archive.tar.bz2", "archive.tar.xz",
                                    "archive.zip"};
#define N_FILES (sizeof files / sizeof *files)

static void check_content(const blob *b)
{
    assert_int_equal(b->size, 5120);
    for (size_t i = 0; i < b->size; i++) {
        assert_int_equal(b->data[i], i % 256);
    }
}

static void test_entries_by_name(void **state)
{
    (void)state;
    for (size_t f = 0; f < N_FILES; f++) {
        reshift_error error;
        blob *b, *bytes[4];
        check_ok(blob_open(golden(files[f]), &b, &error));
        static const char *const names[] = {"b.bin", "set/a.txt", "empty", "absent"};
        check_ok(archive_load_entries(b, files[f], names, 4, 8192, bytes, &error));
        check_content(bytes[0]);
        assert_int_equal(bytes[1]->size, 6);
        assert_memory_equal(bytes[1]->data, "first\n", 6);
        assert_int_equal(bytes[2]->size, 0);
        assert_null(bytes[3]);
        /* uncompressed: a slice of the mapped file, which outlives the caller's blob */
        bool slice = bytes[1]->data > b->data && bytes[1]->data < b->data + b->size;
        assert_int_equal(slice, strcmp(files[f], "archive.tar") == 0 || strcmp(files[f], "archive.zip") == 0);
        blob_drop(&b);
        assert_memory_equal(bytes[1]->data, "first\n", 6);
        for (int i = 0; i < 4; i++) {
            blob_drop(&bytes[i]);
        }
    }
}

typedef struct seen {
    int n, n_files;
    size_t bytes;
} seen;

static reshift_status count_bytes(void *context, const uint8_t *bytes, size_t count, reshift_error *error)
{
    (void)bytes;
    (void)error;
    ((seen *)context)->bytes += count;
    return RESHIFT_OK;
}

static reshift_status look(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    seen *s = context;
    s->n++;
    s->n_files += item->is_file;
    *stop = strcmp(item->name, "set/empty") == 0;
    return item->is_file ? archive_item_stream(item, 8192, count_bytes, s, error) : RESHIFT_OK;
}

static void test_walk(void **state)
{
    (void)state;
    for (size_t f = 0; f < N_FILES; f++) {
        reshift_error error;
        blob *b;
        seen s = {0};
        check_ok(blob_open(golden(files[f]), &b, &error));
        const char *kind = NULL;
        assert_true(archive_is(b, &kind));
        assert_string_equal(kind, files[f] + strlen("archive."));
        check_ok(archive_walk(b, files[f], look, &s, &error));
        assert_int_equal(s.n, strcmp(kind, "zip") == 0 ? 3 : 4); /* tar has the folder; the links come after the stop */
        assert_int_equal(s.n_files, 3);
        assert_int_equal(s.bytes, 5126);
        blob_drop(&b);
    }
}

static reshift_status give_up(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    (void)context;
    (void)item;
    (void)stop;
    return refuse(error, RESHIFT_ERROR_CANCELLED, "x", -1, "enough");
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    blob *b, *bytes;
    for (size_t f = 0; f < N_FILES; f++) {
        check_error(archive_load_entry(golden(files[f]), "set/b.bin", 5119, &bytes, &error), RESHIFT_ERROR_UNSUPPORTED,
                    "entry 'set/b.bin' unpacks to more than the 5119 bytes expected of it");
        assert_null(bytes);
        check_error(archive_load_entry(golden(files[f]), "et/b.bin", 8192, &bytes, &error), RESHIFT_ERROR_NOT_FOUND,
                    "the archive has no entry 'et/b.bin'");
        check_error(archive_load_entry(golden(files[f]), "set/link", 8192, &bytes, &error), RESHIFT_ERROR_NOT_FOUND,
                    "no entry 'set/link'");
        check_error(archive_load_entry(golden(files[f]), "set/hard", 8192, &bytes, &error), RESHIFT_ERROR_NOT_FOUND,
                    "no entry 'set/hard'");
        check_ok(blob_open(golden(files[f]), &b, &error));
        check_error(archive_walk(b, "x", give_up, NULL, &error), RESHIFT_ERROR_CANCELLED, "enough");
        blob_drop(&b);
    }
    check_error(archive_load_entry(golden("npy_u1.npy"), "x", 10, &bytes, &error), RESHIFT_ERROR_FORMAT,
                "Unrecognized archive format");
    check_error(archive_load_entry("/nowhere/x.tar", "x", 10, &bytes, &error), RESHIFT_ERROR_NOT_FOUND,
                "/nowhere/x.tar");
}

/* Truncated or with a flipped bit: an entry with a checksum gives an error or the right bytes, never wrong ones. */
static void test_damaged(void **state)
{
    (void)state;
    for (size_t f = 0; f < N_FILES; f++) {
        bool has_checksum = strstr(files[f], "bz2") || strstr(files[f], "xz") || strstr(files[f], "zip");
        size_t size;
        uint8_t *bytes = golden_bytes(files[f], &size);
        for (size_t at = 0; at < size; at += 3) {
            for (int cut = 0; cut < 2; cut++) {
                reshift_error error;
                blob *entry = NULL;
                const char *name = "set/b.bin";
                if (!cut) {
                    bytes[at] ^= 0x10;
                }
                blob *b = blob_borrow(bytes, cut ? at : size);
                if (archive_load_entries(b, "x", &name, 1, 8192, &entry, &error) == RESHIFT_OK && entry &&
                    has_checksum) {
                    check_content(entry);
                }
                blob_drop(&entry);
                blob_drop(&b);
                if (!cut) {
                    bytes[at] ^= 0x10;
                }
            }
        }
        free(bytes);
    }
    size_t size;
    uint8_t *bytes = golden_bytes("archive.tar", &size);
    reshift_error error;
    blob *b = blob_borrow(bytes, 3000), *entry;
    const char *name = "set/b.bin";
    check_error(archive_load_entries(b, "x.tar", &name, 1, 8192, &entry, &error), RESHIFT_ERROR_FORMAT,
                "cannot read 'x.tar': entry 'set/b.bin': Truncated tar archive");
    blob_drop(&b);
    free(bytes);
}

static reshift_status list_names(void *context, archive_item *item, bool *stop, reshift_error *error)
{
    (void)stop;
    (void)error;
    strcat(context, item->name);
    strcat(context, "|");
    return RESHIFT_OK;
}

/*
 * The program never calls setlocale(), so it runs in the C locale; names that are not ASCII are still returned as
 * UTF-8.
 */
static void test_non_ascii_names(void **state)
{
    (void)state;
    reshift_error error;
    blob *b, *entry;
    char all[256] = "";
    assert_string_equal(setlocale(LC_ALL, NULL), "C");
    check_ok(blob_open(golden("archive_named.zip"), &b, &error));
    check_ok(archive_walk(b, "x", list_names, all, &error));
    assert_string_equal(all, "donn\u00e9es/b.bin|donn\u00e9es/mots.txt|");
    assert_string_equal(setlocale(LC_ALL, NULL), "C");
    blob_drop(&b);
    check_ok(archive_load_entry(golden("archive_named.zip"), "b.bin", 256, &entry, &error));
    assert_int_equal(entry->size, 256);
    blob_drop(&entry);
    /* marked as UTF-8 but invalid: a substitute name, never an empty one */
    size_t size;
    uint8_t *bytes = golden_bytes("archive_named.zip", &size);
    for (size_t at = 0; at + 2 <= size; at++) {
        if (bytes[at] == 0xc3 && bytes[at + 1] == 0xa9) {
            bytes[at + 1] = 'x';
        }
    }
    all[0] = '\0';
    b = blob_borrow(bytes, size);
    check_ok(archive_walk(b, "x", list_names, all, &error));
    assert_null(strstr(all, "||"));
    assert_int_not_equal(all[0], '|');
    assert_non_null(strstr(all, "|"));
    blob_drop(&b);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_by_name), cmocka_unit_test(test_walk),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_non_ascii_names),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
