/* Atomic writing: no partial files, nothing replaced without `overwrite`, and the messages of refusals. */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
    /*
     * /dev/full behaves like a full disk. The writer itself uses a temporary in the target's folder, so the test passes
     * it the stream.
     */
    char *path = path_join(folder, "full.bin");
    check_ok(file_writer_open(path, false, &writer, &error));
    fclose(writer.stream);
    writer.stream = fopen("/dev/full", "wb");
    check_ok(file_writer_write(&writer, "x", 1, &error));
    check_error(file_writer_commit(&writer, &error), RESHIFT_ERROR_IO, "No space left on device");
    assert_false(file_exists(path));
    assert_int_equal(entries(), 1); /* a.txt of the previous test */
    free(path);
}

static void test_refused_targets(void **state)
{
    (void)state;
    reshift_error error;
    file_map map;
    check_error(file_map_open("/nowhere/x", &map, &error), RESHIFT_ERROR_NOT_FOUND, "/nowhere/x");
    check_error(file_map_open(folder, &map, &error), RESHIFT_ERROR_IO, "found a folder");
    check_error(file_write_all(folder, "x", 1, true, &error), RESHIFT_ERROR_IO, "a folder is there");
    check_error(file_write_all("/nowhere/x", "x", 1, true, &error), RESHIFT_ERROR_NOT_FOUND, "/nowhere/x");
}

/* A path below the test's folder, in one of a few static buffers. */
static const char *in_folder(const char *name)
{
    static char paths[4][600];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void check_holds(const char *path, const char *text)
{
    reshift_error error;
    char *bytes;
    size_t count;
    check_ok(file_read_all(path, &bytes, &count, &error));
    assert_string_equal(bytes, text);
    free(bytes);
}

static void *read_pipe(void *path)
{
    char *text = calloc(1, 64);
    int descriptor = open(path, O_RDONLY);
    ssize_t n = 0, got;
    while ((got = read(descriptor, text + n, (size_t)(63 - n))) > 0) {
        n += got;
    }
    close(descriptor);
    return text;
}

/* A path that is not a regular file is written directly or refused, and keeps its type. */
static void test_devices_and_pipes(void **state)
{
    (void)state;
    reshift_error error;
    struct stat facts;
    for (int overwrite = 0; overwrite <= 1; overwrite++) {
        check_ok(file_write_all("/dev/null", "x", 1, overwrite, &error));
        assert_int_equal(stat("/dev/null", &facts), 0);
        assert_true(S_ISCHR(facts.st_mode));
        check_error(file_write_all("/dev/full", "x", 1, overwrite, &error), RESHIFT_ERROR_IO, "No space left");
    }
    const char *pipe = in_folder("pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    check_error(file_write_all(pipe, "x", 1, true, &error), RESHIFT_ERROR_IO, "no program reads this pipe");
    pthread_t reader;
    void *text;
    assert_int_equal(pthread_create(&reader, NULL, read_pipe, (void *)(uintptr_t)pipe), 0);
    while (file_write_all(pipe, "through", 7, true, &error) != RESHIFT_OK) {
        usleep(1000); /* until it reads */
    }
    pthread_join(reader, &text);
    assert_string_equal(text, "through");
    free(text);
    assert_int_equal(stat(pipe, &facts), 0);
    assert_true(S_ISFIFO(facts.st_mode));
    unlink(pipe);
    /* The name of an open descriptor: bytes are written at its current position, here after existing bytes. */
    int kept = open(in_folder("kept"), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(kept, "ab", 2), 2);
    char name[32];
    snprintf(name, sizeof name, "/dev/fd/%d", kept);
    check_ok(file_write_all(name, "cd", 2, false, &error));
    close(kept);
    check_holds(in_folder("kept"), "abcd");
    unlink(in_folder("kept"));
}

/* No read function blocks on a pipe without a writer. */
static void test_pipes_never_block(void **state)
{
    (void)state;
    reshift_error error;
    file_map map;
    char *bytes;
    size_t count;
    const char *pipe = in_folder("pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    alarm(20); /* ends a read that blocks */
    check_error(file_map_open(pipe, &map, &error), RESHIFT_ERROR_IO, "expected a file, found a pipe");
    check_error(file_read_all(pipe, &bytes, &count, &error), RESHIFT_ERROR_IO, "expected a file, found a pipe");
    alarm(0);
    assert_non_null(strstr(error.hint, "write it to a file first"));
    unlink(pipe);
    check_error(file_map_open("/dev/null", &map, &error), RESHIFT_ERROR_IO, "found a device");
}

static void test_links_and_modes(void **state)
{
    (void)state;
    reshift_error error;
    struct stat facts;
    char target[600];
    assert_int_equal(mkdir(in_folder("far"), 0700), 0);
    check_ok(file_write_all(in_folder("far/data"), "old", 3, false, &error));
    snprintf(target, sizeof target, "%s", in_folder("far/data"));
    assert_int_equal(chmod(target, 0640), 0);
    assert_int_equal(symlink("far/data", in_folder("link")), 0);
    check_error(file_write_all(in_folder("link"), "new", 3, false, &error), RESHIFT_ERROR_EXISTS, "exists already");
    check_ok(file_write_all(in_folder("link"), "new", 3, true, &error));
    assert_int_equal(lstat(in_folder("link"), &facts), 0);
    assert_true(S_ISLNK(facts.st_mode));
    check_holds(target, "new");
    assert_int_equal(stat(target, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    unlink(in_folder("link"));
    /* A dangling link creates the file it points to; a link to itself is an error. */
    assert_int_equal(symlink(in_folder("far/made"), in_folder("link")), 0);
    check_ok(file_write_all(in_folder("link"), "made", 4, false, &error));
    check_holds(in_folder("far/made"), "made");
    unlink(in_folder("link"));
    assert_int_equal(symlink("link", in_folder("link")), 0);
    check_error(file_write_all(in_folder("link"), "x", 1, true, &error), RESHIFT_ERROR_IO, "symbolic links");
    unlink(in_folder("link"));
    check_ok(folder_remove(in_folder("far"), &error));
}

/* A leftover of a killed process is removed by the next writer of the same name and by nobody else. */
static void test_leftovers(void **state)
{
    (void)state;
    reshift_error error;
    const char *path = in_folder("a.txt");
    char other[600];
    snprintf(other, sizeof other, "%s", in_folder("b.txt"));
    unlink(path);
    pid_t child = fork();
    if (child == 0) {
        file_writer one, two;
        if (file_writer_open(path, false, &one, NULL) == RESHIFT_OK &&
            file_writer_open(other, false, &two, NULL) == RESHIFT_OK) {
            kill(getpid(), SIGKILL);
        }
        _exit(1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(entries(), 2);
    file_writer writer, second;
    check_ok(file_writer_open(path, false, &writer, &error));
    assert_int_equal(entries(), 2); /* a's is replaced, b's is kept */
    /* Two running writers of one name use different temporaries. */
    check_ok(file_writer_open(path, true, &second, &error));
    assert_int_equal(entries(), 3);
    check_ok(folder_remove_leftovers(folder, &error));
    assert_int_equal(entries(), 2); /* b's had no owner */
    check_ok(file_writer_write(&writer, "first", 5, &error));
    check_ok(file_writer_write(&second, "second", 6, &error));
    check_ok(file_writer_commit(&writer, &error));
    check_ok(file_writer_commit(&second, &error));
    assert_int_equal(entries(), 1);
    check_holds(path, "second");
    /* Files with similar names that are not temporaries of ours are kept. */
    static const char *const names[] = {"a.txt.part", "a.txt.part.abc123", "a.txt.reshift-partner"};
    for (int i = 0; i < 3; i++) {
        check_ok(file_write_all(in_folder(names[i]), "x", 1, false, &error));
    }
    check_ok(file_write_all(path, "third", 5, true, &error));
    check_ok(folder_remove_leftovers(folder, &error));
    assert_int_equal(entries(), 4);
    for (int i = 0; i < 3; i++) {
        unlink(in_folder(names[i]));
    }
    /* Folders have the same kind of temporaries. */
    char *temporary, *again;
    int lock, second_lock;
    check_ok(folder_create_temporary(in_folder("set"), &temporary, &lock, &error));
    check_ok(folder_create_temporary(in_folder("set"), &again, &second_lock, &error));
    assert_string_not_equal(temporary, again);
    close(second_lock);
    check_ok(folder_remove_leftovers(folder, &error));
    assert_true(folder_exists(temporary));
    assert_false(folder_exists(again));
    close(lock);
    check_ok(file_write_all(in_folder("set.reshift-part/inside"), "x", 1, false, &error));
    free(temporary);
    check_ok(folder_create_temporary(in_folder("set"), &temporary, &lock, &error));
    assert_false(file_exists(in_folder("set.reshift-part/inside")));
    check_ok(folder_remove(temporary, &error));
    close(lock);
    free(temporary);
    free(again);
}

/* The longest names that the file system supports, in one-byte and two-byte letters. */
static void test_long_names(void **state)
{
    (void)state;
    reshift_error error;
    for (int length = 240; length <= 255; length++) {
        for (int wide = 0; wide <= 1; wide++) {
            char name[300] = "";
            for (int i = 0; i + wide < length; i += wide + 1) {
                strcat(name, wide ? "\xc3\xa9" : "n");
            }
            check_ok(file_write_all(in_folder(name), "x", 1, false, &error));
            check_ok(file_write_all(in_folder(name), "y", 1, true, &error));
            check_holds(in_folder(name), "y");
            unlink(in_folder(name));
        }
    }
    assert_int_equal(entries(), 1);
}

/*
 * Only a missing file counts as absent. A name too long for any file system counts as absent; a loop of links is an
 * error.
 */
static void test_path_kinds(void **state)
{
    (void)state;
    reshift_error error;
    path_kind kind;
    char loop[600], below[700];
    snprintf(loop, sizeof loop, "%s", in_folder("loop"));
    assert_int_equal(symlink("loop", loop), 0);
    check_ok(path_kind_of(folder, &kind, &error));
    assert_int_equal(kind, PATH_FOLDER);
    check_ok(path_kind_of("/dev/null", &kind, &error));
    assert_int_equal(kind, PATH_OTHER);
    check_ok(path_kind_of("/nowhere/x", &kind, &error));
    assert_int_equal(kind, PATH_NONE);
    check_ok(path_kind_of("/dev/null/x", &kind, &error));
    assert_int_equal(kind, PATH_NONE);
    snprintf(below, sizeof below, "%s/x", loop);
    check_error(path_kind_of(below, &kind, &error), RESHIFT_ERROR_IO, "symbolic links");
    assert_string_equal(error.path, below);
    bool is = true;
    check_error(path_is_folder(below, &is, &error), RESHIFT_ERROR_IO, "cannot look at");
    assert_false(is);
    check_error(folder_visit(below, NULL, NULL, &error), RESHIFT_ERROR_IO, "cannot open folder");
    unlink(loop);
    if (geteuid() == 0) {
        return; /* root looks everywhere */
    }
    assert_int_equal(mkdir(loop, 0000), 0);
    check_error(path_kind_of(below, &kind, &error), RESHIFT_ERROR_IO, "Permission denied");
    rmdir(loop);
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
        cmocka_unit_test(test_write_is_atomic),   cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_refused_targets),   cmocka_unit_test(test_devices_and_pipes),
        cmocka_unit_test(test_pipes_never_block), cmocka_unit_test(test_links_and_modes),
        cmocka_unit_test(test_leftovers),         cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_path_kinds),        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests_name("files", tests, make_folder, remove_folder);
}
