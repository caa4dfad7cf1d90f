/*
 * No stale result: a small study is run, run again with one setting changed, and held against a fresh run of the
 * changed study. Its files must be those of the fresh run, and a stage is done again exactly where a setting feeds it.
 */
#include "check.h"

#include <unistd.h>

#include "base/digest.h"
#include "reshift/experiment.h"
#include "reshift/precision.h"

static char base[256], said[65536];
static reshift_error error;

static void on_message(void *context, reshift_log_level level, const char *text)
{
    (void)context, (void)level;
    const size_t length = strlen(said);
    snprintf(said + length, sizeof said - length, "%s\n", text);
}

static const reshift_progress progress = {.message = on_message};

/* A study without a corruption: the shifted set is the clean one, so that shift.constants reaches augmentation alone.
 */
static const char *const small[] = {
    "source.limit_train=60", "source.limit_test=30", "pretrain.limit=64",          "pretrain.epochs=1",
    "probe.epochs=2",        "probe.batch=32",       "finetune.samples=20",        "finetune.epochs=1",
    "finetune.monitor=0",    "input.batch=16",       "finetune.augment=[corrupt]", "finetune.augment_corruptions=[fog]",
    "shift.corruption=none",
};
#define SMALL ((int)(sizeof small / sizeof *small))

static void run(const char *name, const char *const *more)
{
    const char *overrides[SMALL + 8];
    int n = 0;
    for (; n < SMALL; n++) {
        overrides[n] = small[n];
    }
    while (*more) {
        overrides[n++] = *more++;
    }
    char folder[512];
    snprintf(folder, sizeof folder, "%s/%s", base, name);
    const reshift_run_options options = {.folder = folder, .force = true};
    reshift_experiment *experiment = NULL;
    said[0] = '\0';
    check_ok(reshift_experiment_demo(overrides, n, &experiment, &error));
    check_ok(reshift_experiment_run(experiment, &options, &progress, &error));
    reshift_experiment_destroy(&experiment);
}

static void file_digest(const char *name, const char *file, char hex[DIGEST_HEX_BYTES])
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s/%s", base, name, file);
    check_ok(digest_file(DIGEST_SHA256, path, hex, &error));
}

/* `before` and then `after` into one folder gives the file that `after` alone gives, which is another one. */
static void check_redone(const char *const *before, const char *const *after, const char *stage, const char *file)
{
    char first[DIGEST_HEX_BYTES], again[DIGEST_HEX_BYTES], fresh[DIGEST_HEX_BYTES], done[128];
    run("changed", before);
    file_digest("changed", file, first);
    run("changed", after);
    snprintf(done, sizeof done, "%s: done before", stage);
    if (strstr(said, done)) {
        fail_msg("%s is stale:\n%s", stage, said);
    }
    file_digest("changed", file, again);
    run("fresh", after);
    file_digest("fresh", file, fresh);
    assert_string_equal(again, fresh);
    assert_string_not_equal(again, first);
}

static void test_constants_reach_augmentation(void **state)
{
    (void)state;
    check_redone((const char *[]){"shift.constants=cifar", NULL}, (const char *[]){"shift.constants=imagenet", NULL},
                 "fine-tuning on shifted images", "weights/finetuned.safetensors");
}

static void test_weight_decay_reaches_finetuning(void **state)
{
    (void)state;
    check_redone((const char *[]){NULL}, (const char *[]){"finetune.weight_decay=0.9", NULL},
                 "fine-tuning on shifted images", "weights/finetuned.safetensors");
}

/* int8 takes its clipping ranges from the training images, also for the features of the shifted ones. */
static void test_calibration_images_reach_the_shifted_features(void **state)
{
    (void)state;
    if (reshift_precision_here(RESHIFT_PRECISION_INT8, false) != RESHIFT_PRECISION_INT8) {
        print_message("# skipped: this processor does not compute in int8\n");
        skip();
    }
    check_redone((const char *[]){"input.precision=int8", NULL},
                 (const char *[]){"input.precision=int8", "source.limit_train=90", NULL},
                 "the frozen network on the shifted images", "features/original-shift.npy");
}

static void test_what_changes_nothing_is_kept(void **state)
{
    (void)state;
    run("changed", (const char *[]){NULL});
    run("changed", (const char *[]){"finetune.cache_budget=0", "name=other", NULL});
    assert_non_null(strstr(said, "fine-tuning on shifted images: done before"));
    assert_non_null(strstr(said, "measuring again: done before"));
    assert_null(strstr(said, "plots and report.html: done before")); /* the page shows every setting */
}

static int make_base(void **state)
{
    (void)state;
    const char *root = getenv("TMPDIR");
    snprintf(base, sizeof base, "%s/reshift-stale.XXXXXX", root ? root : "/tmp");
    return mkdtemp(base) ? 0 : 1;
}

static int remove_base(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants_reach_augmentation),
        cmocka_unit_test(test_weight_decay_reaches_finetuning),
        cmocka_unit_test(test_calibration_images_reach_the_shifted_features),
        cmocka_unit_test(test_what_changes_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
