/*
 * A whole run, on the demo made tiny: every file is there and says the same thing, a finished run is left alone, a run
 * that is killed or stopped anywhere ends with the bytes of an undisturbed one, and what does not belong is refused.
 *
 * Every run happens in a child process, so that killing it is the real thing: SIGKILL at the n-th time the library
 * calls back, for n spread over the whole run. The parent never computes, so that forking it is safe.
 */
#include "check.h"

#include <math.h>

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "reshift/array.h"
#include "reshift/dataset.h"
#include "reshift/experiment.h"
#include "reshift/learning.h"
#include "reshift/split.h"

#define TEXT_BYTES 65536

/* What a child tells its parent: memory both see. */
typedef struct account {
    long calls;   /* callbacks so far */
    long kill_at; /* at this one; 0: never */
    long stop_at; /* from this one on cancelled() is true; 0: never */
    reshift_status status;
    char message[1024], hint[512];
    char said[TEXT_BYTES]; /* all lines of progress->message */
} account;

static account *shared;
static char base[256]; /* a fresh folder */

static const char *const tiny[] = {
    "source.limit_train=240", "source.limit_test=50", "pretrain.limit=256", "pretrain.epochs=2",   "probe.epochs=4",
    "probe.batch=32",         "finetune.samples=100", "finetune.epochs=3",  "finetune.monitor=40", "input.batch=16",
};
#define TINY ((int)(sizeof tiny / sizeof *tiny))

static void count_call(void)
{
    shared->calls++;
    if (shared->kill_at && shared->calls == shared->kill_at) {
        raise(SIGKILL);
    }
}

static void on_update(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    (void)context, (void)what, (void)done, (void)total, (void)unit;
    count_call();
}

static void on_message(void *context, reshift_log_level level, const char *text)
{
    (void)context;
    size_t length = strlen(shared->said);
    snprintf(shared->said + length, TEXT_BYTES - length, "%s%s\n", level == RESHIFT_LOG_WARNING ? "warning: " : "",
             text);
    count_call();
}

static bool on_cancelled(void *context)
{
    (void)context;
    count_call();
    return shared->stop_at && shared->calls >= shared->stop_at;
}

static const reshift_progress progress = {on_update, on_message, on_cancelled, NULL};

/* Runs the tiny demo with more overrides (ends with NULL) in a child; returns what waitpid() says. */
static int run(const char *name, const char *const *more, bool force, long kill_at, long stop_at)
{
    memset(shared, 0, sizeof *shared);
    shared->kill_at = kill_at;
    shared->stop_at = stop_at;
    char folder[512];
    snprintf(folder, sizeof folder, "%s/%s", base, name);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const char *overrides[TINY + 16];
        int n = 0;
        for (; n < TINY; n++) {
            overrides[n] = tiny[n];
        }
        while (more && *more) {
            overrides[n++] = *more++;
        }
        reshift_error error = {0};
        reshift_experiment *experiment = NULL;
        reshift_status status = reshift_experiment_demo(overrides, n, &experiment, &error);
        if (status == RESHIFT_OK) {
            const reshift_run_options options = {.folder = folder, .force = force};
            status = reshift_experiment_run(experiment, &options, &progress, &error);
        }
        shared->status = status;
        snprintf(shared->message, sizeof shared->message, "%s", error.message);
        snprintf(shared->hint, sizeof shared->hint, "%s", error.hint);
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    return how;
}

static void run_ok(const char *name, const char *const *more, bool force)
{
    int how = run(name, more, force, 0, 0);
    if (!WIFEXITED(how) || shared->status != RESHIFT_OK) {
        fail_msg("run %s: %s (ended with %x)\n%s", name, shared->message, (unsigned)how, shared->said);
    }
}

static void run_refused(const char *name, const char *const *more, reshift_status code, const char *words)
{
    int how = run(name, more, false, 0, 0);
    assert_true(WIFEXITED(how));
    if (shared->status != code || !strstr(shared->message, words)) {
        fail_msg("expected code %d with '%s', found code %d with '%s'", (int)code, words, (int)shared->status,
                 shared->message);
    }
}

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
    char command[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    return system(command);
}

/* All files but manifest.json are equal, and histories are but for their last column, the seconds. */
static void check_same_run(const char *a, const char *b)
{
    if (shell("diff -rq -x manifest.json -x history '%s/%s' '%s/%s' >&2", base, a, base, b) != 0) {
        fail_msg("runs %s and %s differ", a, b);
    }
    static const char *const histories[] = {"pretrain", "probe", "finetune"};
    for (int i = 0; i < 3; i++) {
        char left[600], right[600];
        reshift_error error;
        reshift_history x = {0}, y = {0};
        snprintf(left, sizeof left, "%s/%s/history/%s.csv", base, a, histories[i]);
        snprintf(right, sizeof right, "%s/%s/history/%s.csv", base, b, histories[i]);
        check_ok(reshift_history_load_csv(left, &x, &error));
        check_ok(reshift_history_load_csv(right, &y, &error));
        assert_int_equal(x.n_epochs, y.n_epochs);
        for (int e = 0; e < x.n_epochs; e++) {
            x.epochs[e].seconds = y.epochs[e].seconds = 0;
            assert_memory_equal(&x.epochs[e].train_loss, &y.epochs[e].train_loss, 4 * sizeof(double));
        }
        reshift_history_destroy(&x);
        reshift_history_destroy(&y);
    }
}

static bool there(const char *run_name, const char *file)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s/%s", base, run_name, file);
    return file_exists(path);
}

/* ---- the undisturbed run, which the others are held against ---- */

static long calls_of_a_run;

static void test_complete(void **state)
{
    (void)state;
    run_ok("whole", NULL, false);
    calls_of_a_run = shared->calls;
    static const char *const files[] = {"manifest.json",
                                        "results.csv",
                                        "results.json",
                                        "report.html",
                                        "history/probe.csv",
                                        "history/pretrain.csv",
                                        "history/finetune.csv",
                                        "weights/probe.safetensors",
                                        "weights/finetuned.safetensors",
                                        "features/train-clean.npy",
                                        "features/original-clean.npy",
                                        "features/original-shift.npy",
                                        "features/finetuned-clean.npy",
                                        "features/finetuned-shift.npy",
                                        "features/clean-labels.npy",
                                        "features/shift-labels.npy",
                                        "predictions/original-shift.npy",
                                        "predictions/finetuned-clean.npy",
                                        "pca/original-clean.npy",
                                        "pca/finetuned-shift.npy",
                                        "pca/separation.csv",
                                        "plots/pca.png",
                                        "plots/pca.svg",
                                        "plots/probe-loss.png",
                                        "plots/finetune-accuracy.svg",
                                        "plots/severity.svg",
                                        "split/train-rows.npy",
                                        "split/test-rows.npy"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!there("whole", files[i])) {
            fail_msg("%s is not there", files[i]);
        }
    }
    assert_int_not_equal(
        shell(
            "find '%s/whole' -name '?*.reshift-part*' -o -path '*/.reshift-parts*' -o -name '*checkpoint*' | grep -q .",
            base),
        0);
    assert_non_null(strstr(shared->said, "[1/8] pretraining the demo's network\n"));
    assert_non_null(strstr(shared->said, "probe epoch 4/4: loss "));
    assert_non_null(strstr(shared->said, "fine-tuning epoch 3/3: loss "));
}

static const reshift_measurement *find(const reshift_measurement *rows, int n, const char *model, const char *set,
                                       const char *subset, int severity)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(rows[i].model, model) && !strcmp(rows[i].set, set) && !strcmp(rows[i].subset, subset) &&
            rows[i].severity == severity) {
            return &rows[i];
        }
    }
    return NULL;
}

/* 50 test images at 5 severities; 100 training rows are 20 whole images. */
static void test_results(void **state)
{
    (void)state;
    reshift_error error;
    char folder[512];
    snprintf(folder, sizeof folder, "%s/whole", base);
    reshift_measurement *rows;
    int n;
    check_ok(reshift_run_results(folder, &rows, &n, &error));
    static const char *const models[] = {"original", "finetuned"};
    for (int m = 0; m < 2; m++) {
        const reshift_measurement *all = find(rows, n, models[m], "shift", "all", 0);
        const reshift_measurement *unseen = find(rows, n, models[m], "shift", "unseen", 0);
        const reshift_measurement *seen = find(rows, n, models[m], "shift", "seen", 0);
        assert_non_null(all);
        assert_int_equal(all->accuracy.n, 250);
        assert_int_equal(unseen->accuracy.n, 150);
        assert_int_equal(seen->accuracy.n, 100);
        assert_int_equal(all->accuracy.correct, unseen->accuracy.correct + seen->accuracy.correct);
        assert_true(unseen->headline && !all->headline && !seen->headline);
        assert_string_equal(all->corruption, "gaussian_blur");
        assert_int_equal(find(rows, n, models[m], "clean", "unseen", 0)->accuracy.n, 30);
        assert_int_equal(find(rows, n, models[m], "clean", "seen", 0)->accuracy.n, 20);
        int64_t correct = 0;
        for (int severity = 1; severity <= 5; severity++) {
            const reshift_measurement *one = find(rows, n, models[m], "shift", "unseen", severity);
            assert_int_equal(one->accuracy.n, 30);
            correct += one->accuracy.correct;
        }
        assert_int_equal(correct, unseen->accuracy.correct);
        assert_null(find(rows, n, models[m], "clean", "unseen", 1));
    }
    free(rows);
}

/* No image of a training row is tested on; the marks of both sets follow the training rows. */
static void test_nothing_leaks(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset_options options;
    reshift_dataset *shift = NULL, *clean = NULL;
    reshift_dataset_options_default(&options);
    options.split = "test";
    options.limit = 50;
    check_ok(reshift_dataset_open("demo", &options, &clean, &error));
    options.corruption = "gaussian_blur";
    options.severity_first = 1;
    options.severity_last = 5;
    options.generate = true;
    check_ok(reshift_dataset_open("demo", &options, &shift, &error));
    char path[600];
    reshift_array train = {0}, test = {0}, shift_seen = {0}, clean_seen = {0};
    snprintf(path, sizeof path, "%s/whole/split/train-rows.npy", base);
    check_ok(reshift_array_load_npy(path, &train, &error));
    snprintf(path, sizeof path, "%s/whole/split/test-rows.npy", base);
    check_ok(reshift_array_load_npy(path, &test, &error));
    snprintf(path, sizeof path, "%s/whole/features/shift-seen.npy", base);
    check_ok(reshift_array_load_npy(path, &shift_seen, &error));
    snprintf(path, sizeof path, "%s/whole/features/clean-seen.npy", base);
    check_ok(reshift_array_load_npy(path, &clean_seen, &error));
    assert_int_equal(train.shape[0], 100);
    assert_int_equal(test.shape[0], 150);
    bool trained[50] = {false};
    for (int64_t i = 0; i < train.shape[0]; i++) {
        trained[reshift_dataset_source(shift, ((const int64_t *)train.data)[i])] = true;
    }
    for (int64_t i = 0; i < test.shape[0]; i++) {
        assert_false(trained[reshift_dataset_source(shift, ((const int64_t *)test.data)[i])]);
    }
    for (int64_t row = 0; row < 250; row++) {
        assert_int_equal(((const uint8_t *)shift_seen.data)[row], trained[reshift_dataset_source(shift, row)]);
    }
    for (int64_t row = 0; row < 50; row++) {
        assert_int_equal(((const uint8_t *)clean_seen.data)[row], trained[reshift_dataset_source(clean, row)]);
    }
    reshift_array_destroy(&train);
    reshift_array_destroy(&test);
    reshift_array_destroy(&shift_seen);
    reshift_array_destroy(&clean_seen);
    reshift_dataset_close(&shift);
    reshift_dataset_close(&clean);
}

/* ---- doing it again ---- */

static void test_finished_run_is_left_alone(void **state)
{
    (void)state;
    shell("find '%s/whole' -type f ! -name manifest.json -printf '%%P %%T@ %%i\\n' | sort > '%s/before'", base, base);
    run_ok("whole", NULL, false);
    assert_int_equal(
        shell("find '%s/whole' -type f ! -name manifest.json -printf '%%P %%T@ %%i\\n' | sort | cmp - '%s/before'",
              base, base),
        0);
    assert_non_null(strstr(shared->said, "[8/8] plots and report.html: done before"));
    assert_null(strstr(shared->said, "epoch"));
}

/* The sequence of points at which to disturb a run. They come in every stage: callbacks are spread over all of it. */
static void test_killed_anywhere(void **state)
{
    (void)state;
    enum { KILLS = 8 };
    assert_true(calls_of_a_run > 3 * KILLS);
    for (int i = 1; i <= KILLS; i++) {
        /* each attempt gets further than the last: what was done before costs fewer calls */
        int how = run("killed", NULL, false, 1 + calls_of_a_run * i / (2 * KILLS), 0);
        if (WIFEXITED(how)) { /* the run was done before that many calls */
            assert_int_equal(shared->status, RESHIFT_OK);
            break;
        }
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    }
    run_ok("killed", NULL, false);
    check_same_run("whole", "killed");
}

/* Late points from a fresh folder each time reach the stages that the walk above may have passed in one go. */
static void test_killed_late(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        int how = run("late", NULL, false, calls_of_a_run * (70 + 10 * i) / 100, 0);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
        run_ok("late", NULL, false);
        check_same_run("whole", "late");
        shell("rm -rf '%s/late'", base);
    }
}

/* Wherever the frozen blocks' output is kept, and where it is not: the same results. In the report the setting shows.
 */
static void check_same_results(const char *a, const char *b)
{
    if (shell("diff -rq -x manifest.json -x history -x report.html '%s/%s' '%s/%s' >&2", base, a, base, b) != 0) {
        fail_msg("runs %s and %s differ", a, b);
    }
}

static void test_what_is_kept_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *said, *not_said;
    } ways[] = {{"finetune.cache=memory", "in float32 in memory", "run again"},
                {"finetune.cache=disk", "in float32 in a file", "run again"},
                {"finetune.cache_budget=400K", "0.00 GB at most\n", "images was kept before"},
                {"finetune.cache_budget=0", "measuring again", "frozen blocks"}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        run_ok("kept", (const char *const[]){ways[i].setting, NULL}, false);
        if (!strstr(shared->said, ways[i].said) || strstr(shared->said, ways[i].not_said)) {
            fail_msg("%s: expected '%s' and no '%s':\n%s", ways[i].setting, ways[i].said, ways[i].not_said,
                     shared->said);
        }
        check_same_results("whole", "kept");
        assert_false(there("kept", ".reshift-parts"));
        shell("rm -rf '%s/kept'", base);
    }
}

/* The same in bfloat16, and for runs that were killed with rows kept in the run folder. */
static void test_what_is_kept_changes_nothing_in_bf16(void **state)
{
    (void)state;
    const char *const whole[] = {"input.precision=bf16", "finetune.cache_budget=0", NULL};
    const char *const kept[] = {"input.precision=bf16", "finetune.cache=disk", NULL};
    run_ok("bf16", whole, false);
    for (int i = 0; i < 3; i++) {
        /* what an attempt leaves saves calls for the next, which may come to its end */
        int how = run("bf16-kept", kept, false, calls_of_a_run * (40 + 15 * i) / 100, 0);
        assert_true(i > 0 ? WIFSIGNALED(how) || shared->status == RESHIFT_OK : WIFSIGNALED(how) != 0);
    }
    run_ok("bf16-kept", kept, false);
    check_same_results("bf16", "bf16-kept");
    shell("rm -rf '%s/bf16' '%s/bf16-kept'", base, base);
}

static void test_stopped_on_request(void **state)
{
    (void)state;
    for (int i = 1; i <= 4; i++) {
        run("stopped", NULL, false, 0, 1 + calls_of_a_run * i / 8);
        if (shared->status == RESHIFT_OK) {
            break;
        }
        assert_int_equal(shared->status, RESHIFT_ERROR_CANCELLED);
        assert_string_equal(shared->hint, "the same command goes on where this run stopped");
        assert_int_not_equal(shell("find '%s/stopped' -name '?*.reshift-part*' | grep -q .", base), 0);
    }
    run_ok("stopped", NULL, false);
    check_same_run("whole", "stopped");
}

static void test_damage_is_mended(void **state)
{
    (void)state;
    shell("truncate -s -4 '%s/stopped/features/original-shift.npy'; rm '%s/stopped/results.csv'", base, base);
    run_ok("stopped", NULL, false);
    assert_non_null(
        strstr(shared->said, "features/original-shift.npy' is missing or has been changed: 'shift' is done again"));
    assert_non_null(strstr(shared->said, "results.csv' is missing or has been changed: 'measure' is done again"));
    assert_non_null(strstr(shared->said, "[3/8] a linear probe on them: done before"));
    check_same_run("whole", "stopped");
}

static void test_report_again(void **state)
{
    (void)state;
    shell("rm -r '%s/stopped/plots' '%s/stopped/report.html'", base, base);
    pid_t child = fork();
    if (child == 0) {
        char folder[512];
        reshift_error error;
        snprintf(folder, sizeof folder, "%s/stopped", base);
        _exit(reshift_report_write(folder, NULL, &error) == RESHIFT_OK ? 0 : 1);
    }
    int how;
    waitpid(child, &how, 0);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    check_same_run("whole", "stopped");
}

/* ---- another experiment ---- */

/* The page and its pictures are verified as the other files are: emptied, cut or flipped they are drawn again. */
static void test_damaged_report_is_drawn_again(void **state)
{
    (void)state;
    static const char *const damage[] = {
        ": > '%s/stopped/report.html'", "truncate -s -7 '%s/stopped/plots/pca.png'",
        "printf X | dd of='%s/stopped/plots/severity.csv' bs=1 seek=3 conv=notrunc 2>/dev/null",
        ": > '%s/stopped/plots/probe-loss.gp'"};
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        char command[400];
        snprintf(command, sizeof command, damage[i], base);
        assert_int_equal(shell("%s", command), 0);
        run_ok("stopped", NULL, false);
        assert_non_null(strstr(shared->said, "is missing or has been changed: 'report' is done again"));
        assert_null(strstr(shared->said, "epoch"));
        check_same_run("whole", "stopped");
    }
    run_ok("stopped", NULL, false);
    assert_null(strstr(shared->said, "is done again"));
}

/*
 * A crash of the machine may leave an empty manifest. Results are then replaced only on request, since nothing says
 * which experiment they belong to; all stages are done again. Where there are none, the run starts without a question.
 */
static void test_damaged_manifest(void **state)
{
    (void)state;
    assert_int_equal(shell(": > '%s/stopped/manifest.json'", base), 0);
    run_refused("stopped", NULL, RESHIFT_ERROR_EXISTS, "holds results, and its manifest is damaged");
    run_ok("stopped", NULL, true);
    assert_non_null(strstr(shared->said, "warning: the manifest is damaged"));
    assert_null(strstr(shared->said, "done before"));
    check_same_run("whole", "stopped");
    shell("cd '%s' && mkdir -p first/features first/history first/weights && : > first/manifest.json", base);
    run_ok("first", NULL, false);
    assert_non_null(strstr(shared->said, "warning: the manifest is damaged"));
    check_same_run("whole", "first");
    shell("rm -r '%s/first'", base);
}

static void test_another_layout(void **state)
{
    (void)state;
    shell("cp -r '%s/stopped' '%s/older'; sed -i 's/\"layout\": [0-9]*/\"layout\": 1/' '%s/older/manifest.json'", base,
          base, base);
    run_refused("older", NULL, RESHIFT_ERROR_EXISTS, "holds a run of an older reshift: expected layout ");
    shell("sed -i 's/\"layout\": 1/\"layout\": 99/' '%s/older/manifest.json'", base);
    run_refused("older", NULL, RESHIFT_ERROR_EXISTS, "holds a run of a newer reshift: expected layout ");
    shell("sed -i 's/\"layout\": 99/\"layout\": true/' '%s/older/manifest.json'", base);
    run_refused("older", NULL, RESHIFT_ERROR_EXISTS, "its manifest names no layout");
    run_ok("older", NULL, true);
    check_same_run("whole", "older");
}

static void test_another_experiment(void **state)
{
    (void)state;
    const char *const other[] = {"analysis.pca=3", NULL};
    run_refused("stopped", other, RESHIFT_ERROR_EXISTS,
                "holds a run of another experiment: 'analysis.pca' was 2 and is 3");
    check_same_run("whole", "stopped");
    /* replaced on request, and only what stands on the change */
    run_ok("stopped", other, true);
    assert_non_null(strstr(shared->said, "[6/8] measuring again: done before"));
    assert_null(strstr(shared->said, "[7/8] principal components of the features: done before"));
    run_ok("stopped", NULL, true);
    check_same_run("whole", "stopped");
    const char *const seed[] = {"seed=1", NULL};
    run_ok("stopped", seed, true);
    assert_null(strstr(shared->said, "done before"));
    assert_int_not_equal(
        shell("cmp -s '%s/whole/weights/probe.safetensors' '%s/stopped/weights/probe.safetensors'", base, base), 0);
}

static void test_foreign_folder(void **state)
{
    (void)state;
    shell("mkdir '%s/foreign'; echo mine > '%s/foreign/results.csv'; echo x > '%s/file'", base, base, base);
    run_refused("foreign", NULL, RESHIFT_ERROR_EXISTS, "holds files, but no run");
    assert_int_equal(shell("test \"$(ls '%s/foreign')\" = results.csv", base), 0);
    run_refused("file", NULL, RESHIFT_ERROR_EXISTS, "a file is there");
    run_refused("file/below", NULL, RESHIFT_ERROR_EXISTS, "cannot make folder");
    shell("mkdir '%s/torn'; echo '{\"stages\": [' > '%s/torn/manifest.json'", base, base);
    run_refused("torn", NULL, RESHIFT_ERROR_FORMAT, "torn/manifest.json' line ");
    shell("echo '{}' > '%s/torn/manifest.json'", base);
    run_refused("torn", NULL, RESHIFT_ERROR_FORMAT, "is no manifest of a reshift run");
}

static void test_folder_in_use(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/whole", base);
    int lock = open(path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    run_refused("whole", NULL, RESHIFT_ERROR_IO, "another program is working in ");
    const char *const other[] = {"analysis.pca=3", NULL}; /* locked before it is looked at */
    run_refused("whole", other, RESHIFT_ERROR_IO, "another program is working in ");
    close(lock);
    const char *const lost[] = {"source.data=npy:nowhere.npy,nowhere.npy", NULL};
    run_refused("never", lost, RESHIFT_ERROR_NOT_FOUND, "nowhere.npy");
    assert_false(there("never", "."));
    snprintf(path, sizeof path, "%s/never", base);
    assert_int_not_equal(access(path, F_OK), 0); /* a refused run leaves no folder */
}

/* Mistakes show before anything is computed or written. */
static void test_mistakes_show_at_once(void **state)
{
    (void)state;
    const char *const block[] = {"finetune.train=[layer7]", "finetune.lr=0.1", NULL};
    run_refused("early", block, RESHIFT_ERROR_ARGUMENT, "'finetune.train': there is no block 'layer7'");
    const char *const corruption[] = {"shift.corruption=gaussian_blurr", NULL};
    run_refused("early", corruption, RESHIFT_ERROR_ARGUMENT, "gaussian_blurr");
    const char *const arch[] = {"model.arch=resnet18", NULL};
    run_refused("early", arch, RESHIFT_ERROR_SHAPE,
                "expected the architecture resnet18 (model.arch), found resnet-demo");
    const char *const samples[] = {"finetune.samples=250", NULL};
    run_refused("early", samples, RESHIFT_ERROR_SHAPE, "'finetune.samples': ");
    const char *const weights[] = {"model.weights=/nowhere/w.pth", NULL};
    run_refused("early", weights, RESHIFT_ERROR_NOT_FOUND, "/nowhere/w.pth");
    const char *const unlearned[] = {"source.limit_train=3", NULL};
    run_refused("early", unlearned, RESHIFT_ERROR_SHAPE, "and has no training image");
    const char *const data[] = {"source.data=folder:/nowhere", NULL};
    run_refused("early", data, RESHIFT_ERROR_NOT_FOUND, "/nowhere");
    assert_false(there("early", "manifest.json"));
    assert_int_not_equal(shell("test -e '%s/early'", base), 0);
}

static void test_by_row(void **state)
{
    (void)state;
    const char *const by_row[] = {"finetune.split=by-row", NULL};
    run_ok("by-row", by_row, false);
    assert_non_null(strstr(shared->said, "warning: split by-row leaks: 40.0 % of the test rows are trained on"));
    reshift_error error;
    char folder[512];
    snprintf(folder, sizeof folder, "%s/by-row", base);
    reshift_measurement *rows;
    int n;
    check_ok(reshift_run_results(folder, &rows, &n, &error));
    assert_int_equal(find(rows, n, "finetuned", "shift", "all", 0)->accuracy.n, 250);
    assert_true(find(rows, n, "finetuned", "shift", "all", 0)->headline);
    free(rows);
}

/*
 * Adapting with training statistics that outweigh every batch a billion times is not adapting: the figures of
 * adapted.json are then those of results.json, cell by cell, for the same rows. With the batch's own they differ.
 */
static int compare_adapted(const char *name, int *n_rows)
{
    char path[512];
    int different = 0;
    json_error_t place;
    snprintf(path, sizeof path, "%s/%s/results.json", base, name);
    json_t *plain = json_load_file(path, 0, &place);
    snprintf(path, sizeof path, "%s/%s/adapted.json", base, name);
    json_t *adapted = json_load_file(path, 0, &place);
    assert_non_null(plain);
    assert_non_null(adapted);
    size_t i, j;
    json_t *a, *b;
    *n_rows = 0;
    json_array_foreach(adapted, i, a)
    {
        static const char *const same[] = {"model", "set", "severity", "subset", "corruption", "headline", "data"};
        int partners = 0;
        json_array_foreach(plain, j, b)
        {
            bool equal = true;
            for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
                equal = equal && json_equal(json_object_get(a, same[k]), json_object_get(b, same[k]));
            }
            if (equal) {
                partners++;
                assert_int_equal(json_integer_value(json_object_get(a, "rows")),
                                 json_integer_value(json_object_get(b, "rows")));
                different += !json_equal(json_object_get(a, "correct"), json_object_get(b, "correct"));
                /* what adapting changed is taken on the same rows */
                assert_true(fabs(json_number_value(json_object_get(a, "change")) -
                                 (json_number_value(json_object_get(a, "accuracy")) -
                                  json_number_value(json_object_get(b, "accuracy")))) < 1e-12);
            }
        }
        assert_int_equal(partners, 1);
        ++*n_rows;
    }
    json_decref(plain);
    json_decref(adapted);
    return different;
}

static void test_adapting(void **state)
{
    (void)state;
    int n;
    const char *const outweighed[] = {"adapt=bn", "adapt.source=1000000000", "probe.optimizer=lbfgs", "probe.l2=0.01",
                                      NULL};
    run_ok("adapt-source", outweighed, false);
    assert_int_equal(compare_adapted("adapt-source", &n), 0);
    assert_int_equal(n, 2 * 2 * (1 + 5 + 1)); /* networks, subsets, clean, severities and their sum */
    const char *const batch[] = {"adapt=bn", "probe.optimizer=lbfgs", "probe.l2=0.01", NULL};
    run_ok("adapt-batch", batch, false);
    assert_true(compare_adapted("adapt-batch", &n) > 0);
    /* killed late, it goes on and ends with the same bytes */
    int how = run("adapt-killed", batch, false, shared->calls * 4 / 5, 0);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    run_ok("adapt-killed", batch, false);
    check_same_run("adapt-batch", "adapt-killed");
}

/* Fine-tuning on shifted training images: every test row is measured, unseen, and the weights know no test image. */
static void test_rows_of_training(void **state)
{
    (void)state;
    const char *const more[] = {"finetune.rows=train", NULL};
    run_ok("apart", more, false);
    const char *const many[] = {"finetune.rows=train", "finetune.samples=1201", NULL};
    run_refused("apart-many", many, RESHIFT_ERROR_SHAPE, "'finetune.samples': 1201 training rows: the set has only");
}

/* Rows held out are no training rows, and their figures are told and stored. */
static void test_validation(void **state)
{
    (void)state;
    const char *const more[] = {"finetune.validation=0.2", "finetune.keep=best", "finetune.monitor=0", NULL};
    run_ok("validated", more, false);
    assert_non_null(strstr(shared->said, "validation accuracy "));
    assert_non_null(strstr(shared->said, "keeping epoch "));
    assert_true(there("validated", "split/validation-rows.npy"));
    assert_int_equal(shell("head -1 '%s/validated/history/finetune.csv' | grep -q validation_accuracy", base), 0);
    assert_int_equal(shell("head -1 '%s/validated/plots/finetune.csv' | grep -q validation_accuracy", base), 0);
    assert_int_equal(shell("grep -q 'rows held out of training for validation' '%s/validated/report.html'", base), 0);
    int how = run("validated-killed", more, false, shared->calls * 3 / 5, 0);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    run_ok("validated-killed", more, false);
    check_same_run("validated", "validated-killed");
    /* the rows are among the stage's files: missing ones are noticed; none stay when another study takes the folder */
    shell("rm '%s/validated-killed/split/validation-rows.npy'", base);
    run_ok("validated-killed", more, false);
    assert_non_null(strstr(shared->said, "split/validation-rows.npy' is missing or has been changed"));
    check_same_run("validated", "validated-killed");
    run_ok("validated-killed", NULL, true);
    assert_false(there("validated-killed", "split/validation-rows.npy"));
    check_same_run("whole", "validated-killed");
    const char *const nothing[] = {"finetune.keep=best", NULL};
    run_refused("nothing-held", nothing, RESHIFT_ERROR_ARGUMENT, "'finetune.keep': best by validation accuracy");
}

static void check_rows_of_training(void **state)
{
    (void)state;
    reshift_error error;
    char path[600];
    snprintf(path, sizeof path, "%s/apart", base);
    reshift_measurement *rows;
    int n;
    check_ok(reshift_run_results(path, &rows, &n, &error));
    const reshift_measurement *all = find(rows, n, "finetuned", "shift", "all", 0);
    const reshift_measurement *unseen = find(rows, n, "finetuned", "shift", "unseen", 0);
    assert_int_equal(all->accuracy.n, 250);
    assert_int_equal(unseen->accuracy.n, 250);
    assert_true(unseen->headline);
    assert_int_equal(find(rows, n, "finetuned", "clean", "unseen", 0)->accuracy.n, 50);
    const reshift_measurement *seen = find(rows, n, "finetuned", "shift", "seen", 0);
    assert_true(!seen || seen->accuracy.n == 0);
    free(rows);

    reshift_model *model = NULL;
    reshift_dataset *test = NULL, *train = NULL;
    reshift_dataset_options options;
    reshift_array tuned = {0};
    snprintf(path, sizeof path, "%s/apart/weights/finetuned.safetensors", base);
    check_ok(reshift_model_load(path, NULL, &model, &error));
    const reshift_fingerprints *images = reshift_model_trained_on(model);
    assert_true(images->n >= 20);
    reshift_dataset_options_default(&options);
    options.limit = 50;
    check_ok(reshift_dataset_open("demo", &options, &test, &error));
    uint8_t known[250];
    check_ok(reshift_fingerprints_find(images, test, NULL, 50, known, &error));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(known[i], 0);
    }
    options.split = "train";
    options.limit = 240;
    check_ok(reshift_dataset_open("demo", &options, &train, &error));
    snprintf(path, sizeof path, "%s/apart/split/train-rows.npy", base);
    check_ok(reshift_array_load_npy(path, &tuned, &error));
    assert_int_equal(tuned.shape[0], 100);
    for (int64_t i = 0; i < tuned.shape[0]; i++) { /* what it was trained on it knows */
        const int64_t row = ((const int64_t *)tuned.data)[i] % 240;
        check_ok(reshift_fingerprints_find(images, train, &row, 1, known, &error));
        assert_int_equal(known[0], 1);
    }
    reshift_array_destroy(&tuned);
    reshift_dataset_close(&train);
    reshift_dataset_close(&test);
    reshift_model_destroy(&model);
}

/* A folder of a program with fewer keys: the missing ones count as defaults, and nothing is done again. */
static void test_younger_keys(void **state)
{
    (void)state;
    assert_int_equal(shell("sed -i '/^ *\"rows\": \"shifted\",*$/d' '%s/whole/manifest.json'", base), 0);
    assert_int_not_equal(shell("grep -q '\"rows\": \"shifted\"' '%s/whole/manifest.json'", base), 0);
    run_ok("whole", NULL, false);
    assert_null(strstr(shared->said, "epoch"));
    assert_int_equal(shell("grep -q '\"rows\": \"shifted\"' '%s/whole/manifest.json'", base), 0);
}

/* Rows changed by chance: other weights than without, the same ones again, and the same after a kill in between. */
static void test_augmentation(void **state)
{
    (void)state;
    const char *const changed[] = {"finetune.augment=[flip, crop, corrupt]",
                                   "finetune.augment_corruptions=[gaussian_noise, fog]",
                                   "finetune.augment_severity=1-3", NULL};
    run_ok("augmented", changed, false);
    assert_non_null(strstr(shared->said, "augmentation: training images differ in every epoch"));
    assert_int_not_equal(
        shell("cmp -s '%s/whole/weights/finetuned.safetensors' '%s/augmented/weights/finetuned.safetensors'", base,
              base),
        0);
    int how = run("augmented-killed", changed, false, shared->calls * 3 / 5, 0);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    run_ok("augmented-killed", changed, false);
    check_same_run("augmented", "augmented-killed");
    const char *const unnamed[] = {"finetune.augment=corrupt", NULL};
    run_refused("augmented-not", unnamed, RESHIFT_ERROR_ARGUMENT,
                "'finetune.augment_corruptions': corrupt needs a list");
    const char *const unknown[] = {"finetune.augment=[flip, jitter]", NULL};
    run_refused("augmented-not", unknown, RESHIFT_ERROR_ARGUMENT, "found 'jitter'");
}

/* The list of moved tensors: nothing below the trained blocks, their weights, and none of the frozen statistics. */
static void test_moved(void **state)
{
    (void)state;
    char path[512], line[512];
    int frozen = 0, moved = 0, statistics = 0;
    snprintf(path, sizeof path, "%s/whole/weights/moved.csv", base);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "tensor,block,values,changed,distance,norm,relative,most\n");
    while (fgets(line, sizeof line, file)) {
        char name[64], block[64];
        long long values, changed;
        double distance;
        assert_int_equal(sscanf(line, "%63[^,],%63[^,],%lld,%lld,%lf", name, block, &values, &changed, &distance), 5);
        bool trained = strcmp(block, "layer4") == 0 || strcmp(block, "fc") == 0;
        bool gathered = strstr(name, "running_") != NULL; /* batchnorm: frozen */
        assert_true(changed <= values);
        if (trained && !gathered) {
            assert_true(changed > 0 && distance > 0);
            moved++;
        } else {
            assert_int_equal(changed, 0);
            assert_true(distance == 0);
            frozen++;
            statistics += gathered;
        }
    }
    fclose(file);
    assert_true(moved > 5 && frozen > 20 && statistics > 10);
    static const char *const said[] = {
        "Every tensor outside the trained blocks (layer4 and fc) is unchanged, byte for byte",
        "Batch norm was frozen: .* running-statistics tensors did not change",
    };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(shell("grep -q '%s' '%s/whole/report.html'", said[i], base), 0);
    }
}

static void test_report_without_run(void **state)
{
    (void)state;
    reshift_error error;
    check_error(reshift_report_write("/nowhere", NULL, &error), RESHIFT_ERROR_NOT_FOUND, "'/nowhere' is no run folder");
    char folder[512];
    snprintf(folder, sizeof folder, "%s/half", base);
    run("half", NULL, false, 0, 1);
    assert_int_equal(shared->status, RESHIFT_ERROR_CANCELLED);
    check_error(reshift_report_write(folder, NULL, &error), RESHIFT_ERROR_NOT_FOUND, "holds no results");
}

static int make_base(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/reshift-test-run-XXXXXX");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED || !mkdtemp(base);
}

static int remove_base(void **state)
{
    (void)state;
    return shell("rm -rf '%s'", base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_finished_run_is_left_alone),
        cmocka_unit_test(test_killed_anywhere),
        cmocka_unit_test(test_killed_late),
        cmocka_unit_test(test_what_is_kept_changes_nothing),
        cmocka_unit_test(test_what_is_kept_changes_nothing_in_bf16),
        cmocka_unit_test(test_stopped_on_request),
        cmocka_unit_test(test_damage_is_mended),
        cmocka_unit_test(test_report_again),
        cmocka_unit_test(test_damaged_report_is_drawn_again),
        cmocka_unit_test(test_damaged_manifest),
        cmocka_unit_test(test_another_layout),
        cmocka_unit_test(test_another_experiment),
        cmocka_unit_test(test_foreign_folder),
        cmocka_unit_test(test_folder_in_use),
        cmocka_unit_test(test_mistakes_show_at_once),
        cmocka_unit_test(test_by_row),
        cmocka_unit_test(test_adapting),
        cmocka_unit_test(test_augmentation),
        cmocka_unit_test(test_rows_of_training),
        cmocka_unit_test(test_younger_keys),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_report_without_run),
        /* these compute in this process, so they are the last */
        cmocka_unit_test(test_nothing_leaks),
        cmocka_unit_test(check_rows_of_training),
    };
    return cmocka_run_group_tests_name("run", tests, make_base, remove_base);
}
