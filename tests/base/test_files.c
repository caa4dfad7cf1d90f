/* Atomic writing: nothing half-written, nothing replaced unasked; the words of refusals. */
#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/files.h"

static char folder[] = "/tmp/reshift-files-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int entries(void)
{
    char command[80];
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *pipe = popen(command, "r");
    int n = -1;
    assert_int_equal(fscanf(pipe, "%d", &n), 1);
    pclose(pipe);
    return n;
}

static void test_write_is_atomic(void **state)
{
    (void)state;
    reshift_error error;
    char *path = path_join(folder, "a.txt");
    file_writer writer;
    check_ok(file_writer_open(path, false, &writer, &error));
    check_ok(file_writer_write(&writer, "half", 4, &error));
    assert_false(file_exists(path));
    file_writer_abort(&writer);
    assert_int_equal(entries(), 0);
    check_ok(file_write_all(path, "whole", 5, false, &error));
    assert_int_equal(entries(), 1);
    check_error(file_write_all(path, "other", 5, false, &error), RESHIFT_ERROR_EXISTS, "exists already");
    assert_non_null(strstr(error.hint, "--force"));
    check_ok(file_write_all(path, "other", 5, true, &error));
    char *bytes;
    size_t count;
    check_ok(file_read_all(path, &bytes, &count, &error));
    assert_string_equal(bytes, "other");
    free(bytes);
    free(path);
}

static void test_full_disk(void **state)
{
    (void)state;
    reshift_error error;
    file_writer writer;
    /* /dev/full answers as a full disk does; the writer itself writes beside its target, so it is handed the stream. */
    char *path = path_join(folder, "full.bin");
    check_ok(file_writer_open(path, false, &writer, &error));
    fclose(writer.stream);
    writer.stream = fopen("/dev/full", "wb");
    check_ok(file_writer_write(&writer, "x", 1, &error));
    check_error(file_writer_commit(&writer, &error), RESHIFT_ERROR_IO, "No space left on device");
    assert_false(file_exists(path));
    assert_int_equal(entries(), 1); /* a.txt of the test before */
    free(path);
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    file_map map;
    check_error(file_map_open("/nowhere/x", &map, &error), RESHIFT_ERROR_NOT_FOUND, "/nowhere/x");
    check_error(file_map_open(folder, &map, &error), RESHIFT_ERROR_IO, "found a folder");
    check_error(file_write_all(folder, "x", 1, true, &error), RESHIFT_ERROR_IO, "a folder is there");
    check_error(file_write_all("/nowhere/x", "x", 1, true, &error), RESHIFT_ERROR_NOT_FOUND, "/nowhere/x");
}

static void test_digests(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_MD5, "abc", 3, hex); /* RFC 1321, A.5 */
    assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
    digest_bytes(DIGEST_SHA256, "abc", 3, hex); /* FIPS 180-2, B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_is_atomic),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests_name("files", tests, make_folder, remove_folder);
}
