/* Several outputs of one command: if the process is killed at any step of the renaming, the command can be repeated. */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "reshift/outputs.h"

enum { N = 3 };
static char folder[] = "/tmp/reshift-outputs-XXXXXX";
static int kill_before = -1; /* index of the call below before which the process is killed */

static void step(void)
{
    if (kill_before-- == 0) {
        kill(getpid(), SIGKILL);
    }
}

/* Replace the C library's calls that change names. */
int rename(const char *from, const char *to)
{
    step();
    return (int)syscall(SYS_rename, from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    step();
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int unlink(const char *path)
{
    step();
    return (int)syscall(SYS_unlink, path);
}

static char *output(int i)
{
    char name[16];
    snprintf(name, sizeof name, "%d/out", i % 2);
    char *path = path_join(folder, name), *whole = NULL;
    assert_true(asprintf(&whole, "%s%d.npy", path, i) > 0);
    free(path);
    return whole;
}

/* The steps of a command: check, write, commit. */
static reshift_status command(const char *text, bool overwrite, reshift_error *error)
{
    reshift_outputs *outputs = NULL;
    reshift_status status = reshift_outputs_create(&outputs, error);
    char *paths[N];
    for (int i = 0; i < N; i++) {
        paths[i] = output(i);
        status = status == RESHIFT_OK ? reshift_output_check(paths[i], overwrite, error) : status;
    }
    for (int i = 0; i < N && status == RESHIFT_OK; i++) {
        const char *part = NULL;
        status = reshift_outputs_add(outputs, paths[i], overwrite, &part, error);
        status = status == RESHIFT_OK ? reshift_output_write(part, text, strlen(text), false, error) : status;
    }
    status = status == RESHIFT_OK ? reshift_outputs_commit(outputs, error) : status;
    reshift_outputs_destroy(&outputs);
    for (int i = 0; i < N; i++) {
        free(paths[i]);
    }
    return status;
}

/* True if the command was killed. */
static bool run_until(int n, const char *text, bool overwrite)
{
    pid_t child = fork();
    if (child == 0) {
        reshift_error error;
        kill_before = n;
        _exit(command(text, overwrite, &error) == RESHIFT_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static bool holds(int i, const char *text)
{
    char *path = output(i), *bytes = NULL;
    size_t count;
    bool same = file_read_all(path, &bytes, &count, NULL) == RESHIFT_OK && strcmp(bytes, text) == 0;
    free(bytes);
    free(path);
    return same;
}

static int entries(const char *pattern)
{
    char line[120];
    snprintf(line, sizeof line, "find %s -type f -name '%s' | wc -l", folder, pattern);
    FILE *pipe = popen(line, "r");
    int n = -1;
    assert_int_equal(fscanf(pipe, "%d", &n), 1);
    pclose(pipe);
    return n;
}

static void begin(void)
{
    char line[200];
    snprintf(line, sizeof line, "rm -rf %s && mkdir -p %s/0 %s/1", folder, folder, folder);
    assert_int_equal(system(line), 0);
}

/* Kills a command after its first output is renamed and before the last one is. Returns the step. */
static int kill_between(void)
{
    for (int n = 0;; n++) {
        begin();
        assert_true(run_until(n, "first", false));
        if (holds(0, "first")) {
            assert_false(holds(2, "first"));
            return n;
        }
    }
}

static void test_killed_at_every_step(void **state)
{
    (void)state;
    int repeated = 0, partial = 0;
    bool killed = true;
    for (int n = 0; killed; n++) {
        begin();
        killed = run_until(n, "first", false);
        int there = holds(0, "first") + holds(1, "first") + holds(2, "first");
        reshift_error error;
        reshift_status status = command("again", false, &error);
        if (status == RESHIFT_OK) {
            repeated++;
            partial += there > 0 && there < N;
            assert_true(holds(0, "again") && holds(1, "again") && holds(2, "again"));
            assert_int_equal(entries("*"), N); /* neither temporaries nor marks */
        } else if (there != N) {
            fail_msg("killed at step %d: %s", n, error.message);
        } else { /* the commit was complete: the files are protected */
            assert_int_equal(status, RESHIFT_ERROR_EXISTS);
            assert_true(holds(0, "first") && holds(1, "first") && holds(2, "first"));
        }
    }
    assert_true(repeated > N);
    assert_int_equal(partial, N - 1);
}

static void test_killed_twice(void **state)
{
    (void)state;
    int total = 0, between = kill_between();
    for (int first = between; first < between + 2; first++) {
        bool killed = true;
        for (int n = 0; killed; n++) {
            begin();
            assert_true(run_until(first, "first", false));
            killed = run_until(n, "second", false);
            int whole = holds(0, "second") + holds(1, "second") + holds(2, "second");
            reshift_error error;
            if (command("again", false, &error) != RESHIFT_OK && whole != N) {
                fail_msg("killed at step %d, then at %d: %s", first, n, error.message);
            }
            total++;
        }
    }
    assert_true(total > 20);
}

static void test_other_files_are_protected(void **state)
{
    (void)state;
    reshift_error error;
    kill_between();
    char *path = output(0);
    check_ok(file_write_all(path, "mine", 4, true, &error));
    check_error(command("again", false, &error), RESHIFT_ERROR_EXISTS, "exists already");
    assert_true(holds(0, "mine"));
    /* also a file changed in place */
    kill_between();
    FILE *file = fopen(path, "a");
    fputs("mine", file);
    fclose(file);
    check_error(command("again", false, &error), RESHIFT_ERROR_EXISTS, "exists already");
    /* and files of complete commits */
    begin();
    check_ok(command("first", false, &error));
    assert_int_equal(entries("*"), N);
    check_error(command("again", false, &error), RESHIFT_ERROR_EXISTS, "exists already");
    free(path);
}

static void test_single_output_replaces_leftover(void **state)
{
    (void)state;
    reshift_error error;
    kill_between();
    char *path = output(0);
    check_ok(reshift_output_write(path, "alone", 5, false, &error));
    assert_int_equal(entries("out0.npy.*"), 0);
    check_error(reshift_output_write(path, "again", 5, false, &error), RESHIFT_ERROR_EXISTS, "exists already");
    free(path);
}

static void test_running_commits_are_protected(void **state)
{
    (void)state;
    /* the lock is still held after the kill, as if the process were running */
    reshift_error error;
    kill_between();
    char *path = output(0), *mark = NULL;
    assert_true(asprintf(&mark, "%s.reshift-commit", path) > 0);
    int ready[2], done[2];
    assert_int_equal(pipe(ready) + pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        int held = open(mark, O_RDONLY);
        bool ok = held >= 0 && flock(held, LOCK_EX | LOCK_NB) == 0;
        ok = write(ready[1], ok ? "y" : "n", 1) == 1 && ok;
        close(done[1]);
        _exit(read(done[0], &byte, 1) == 0 && ok ? 0 : 1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    check_error(command("again", false, &error), RESHIFT_ERROR_EXISTS, "exists already");
    close(done[1]);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    check_ok(command("again", false, &error));
    free(mark);
    free(path);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char line[64];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    return system(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_at_every_step),          cmocka_unit_test(test_killed_twice),
        cmocka_unit_test(test_other_files_are_protected),     cmocka_unit_test(test_single_output_replaces_leftover),
        cmocka_unit_test(test_running_commits_are_protected),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
