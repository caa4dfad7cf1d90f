/*
 * What stages depend on: every setting of the table changes the keys of the stages that its row names and of those that
 * build on them, and no others; a row that names none changes no result; and a stage that reads what it does not
 * declare fails. Nothing is run here.
 */
#include "check.h"

#include <stdlib.h>

#include "classifiers/probe_epoch.h"
#include "experiment/manifest.h"
#include "experiment/run.h"

static reshift_error error;

/* Another valid value of the same setting. */
static void flip(reshift_experiment *e, const setting *row)
{
    void *place = setting_place(e, row);
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_NAME: strcat(place, "-2"); break;
    case SETTING_COUNT: *(int64_t *)place += *(int64_t *)place == (int64_t)row->high ? -1 : 1; break;
    case SETTING_NUMBER:
    case SETTING_SHARE: *(double *)place = *(double *)place / 2 + 0.01; break;
    case SETTING_AUTO: *(double *)place = 0.5; break;
    case SETTING_FLAG: *(bool *)place = !*(bool *)place; break;
    case SETTING_CHOICE: *(int *)place = row->choices[*(int *)place + 1] ? *(int *)place + 1 : *(int *)place - 1; break;
    case SETTING_BYTES: *(int64_t *)place = 1 << 20; break;
    case SETTING_SEVERITIES: ((settings_severities *)place)->first++; break;
    case SETTING_BLOCKS: *(settings_blocks *)place = (settings_blocks){.names = {"layer3"}, .n = 1}; break;
    case SETTING_RATES: ((settings_rates *)place)->rates[0].learning_rate /= 2; break;
    }
}

/* A run in which every stage takes part, with inputs that only their names tell apart. */
static void prepare(run *r, reshift_experiment *e)
{
    check_ok(settings_default(e, &error));
    e->adapt.method = RESHIFT_ADAPT_BN;
    *r = (run){.all_settings = e, .opened.pretrained_here = true};
    for (int i = 0; i < INPUT_COUNT; i++) {
        snprintf(r->identities[i], DIGEST_HEX_BYTES, "input %d", i);
    }
}

static void keys_of(run *r) { check_ok(run_make_keys(r, &error)); }

/* Stages that the table says are affected: named by the row, reading an input that it feeds, or building on such. */
static feeds_mask affected(feeds_mask feeds)
{
    for (int s = 0; s < STAGE_COUNT; s++) {
        const stage *one = &run_stages()[s];
        feeds |= (one->reads & feeds) || one->every_setting ? FEEDS_STAGE(s) : 0;
    }
    return feeds & (FEEDS_STAGE(STAGE_COUNT) - 1);
}

static void test_every_setting_changes_what_it_feeds(void **state)
{
    (void)state;
    for (const setting *row = settings_table(); row->path; row++) {
        reshift_experiment before, after;
        run a, b;
        prepare(&a, &before);
        prepare(&b, &after);
        flip(&after, row);
        for (int i = 0; i < INPUT_COUNT; i++) { /* what an input's identity would do */
            if (row->feeds & FEEDS_INPUT(i)) {
                strcat(b.identities[i], "'");
            }
        }
        keys_of(&a);
        keys_of(&b);
        for (int s = 0; s < STAGE_COUNT; s++) {
            const bool changed = strcmp(a.keys[s], b.keys[s]) != 0;
            if (changed != ((affected(row->feeds) >> s) & 1)) {
                fail_msg("'%s': the key of stage '%s' %s", row->path, run_stages()[s].name,
                         changed ? "changes and should not" : "does not change");
            }
        }
        run_forget_keys(&a);
        run_forget_keys(&b);
    }
}

/* A row says FEEDS_NONE only for what cannot change a result; each is thought of here once more. */
static void test_settings_without_effect(void **state)
{
    (void)state;
    static const char *const harmless[] = {"name", "model.arch", "finetune.cache_budget", "finetune.cache"};
    for (const setting *row = settings_table(); row->path; row++) {
        bool listed = false;
        for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
            listed = listed || strcmp(harmless[i], row->path) == 0;
        }
        if (listed != (row->feeds == FEEDS_NONE)) {
            fail_msg("'%s': %s", row->path,
                     listed ? "feeds something" : "feeds nothing, and this test does not say why");
        }
    }
}

/* The options of a probe are settings of the stage that trains it, or the table says why they need not be. */
static void test_options_of_the_probe_are_settings(void **state)
{
    (void)state;
    int n = 0;
    for (int i = 0; i < probe_facts.n_fields; i++) {
        const fact_field *field = &probe_facts.fields[i];
        const setting *row = settings_table();
        while (row->path && strcmp(row->path, field->name) != 0) {
            row++;
        }
        n += row->path != NULL;
        if (field->kind != FACT_NEVER && (!row->path || !(row->feeds & FEEDS_STAGE(STAGE_PROBE)))) {
            fail_msg("'%s': no setting '%s' feeds the stage 'probe'", field->field, field->name);
        }
    }
    assert_true(n >= 4);
}

/* Every input reaches the stages that read it, and an absent input leaves the key alone. */
static void test_every_input_changes_its_stages(void **state)
{
    (void)state;
    for (int i = 0; i < INPUT_COUNT; i++) {
        reshift_experiment e;
        run a, b;
        prepare(&a, &e);
        prepare(&b, &e);
        strcat(b.identities[i], "'");
        keys_of(&a);
        keys_of(&b);
        for (int s = 0; s < STAGE_REPORT; s++) {
            assert_int_equal(strcmp(a.keys[s], b.keys[s]) != 0, (affected(FEEDS_INPUT(i)) >> s) & 1);
        }
        run_forget_keys(&a);
        run_forget_keys(&b);
    }
}

/* int8 takes clipping ranges from the training images: with them, everything that runs the network changes. */
static void test_calibration_reaches_every_extraction(void **state)
{
    (void)state;
    const feeds_mask stages = affected(FEEDS_INPUT(INPUT_CALIBRATION));
    assert_true(stages & FEEDS_STAGE(STAGE_FEATURES));
    assert_true(stages & FEEDS_STAGE(STAGE_SHIFT));
    assert_true(stages & FEEDS_STAGE(STAGE_FINETUNE));
    assert_true(stages & FEEDS_STAGE(STAGE_MEASURE));
    assert_true(stages & FEEDS_STAGE(STAGE_ADAPT));
}

/* ---- reads that were not declared ---- */

static reshift_experiment settings;
static run_reads reads;
static run reader;

static void begin(stage_name s)
{
    prepare(&reader, &settings);
    reader.reads = &reads;
    reads_begin_stage(&reader, s);
}

#define check_undeclared(words) check_error(reads_end(&reader, &error), RESHIFT_ERROR_INTERNAL, words)

static void test_declared_reads_pass(void **state)
{
    (void)state;
    begin(STAGE_FINETUNE);
    assert_int_equal(SETTING(&reader, finetune.epochs), 10);
    assert_int_equal(SETTING(&reader, shift.constants), RESHIFT_CONSTANTS_AUTO);
    assert_int_equal(SETTING(&reader, finetune.train).n, 2);
    assert_int_equal(SETTING(&reader, probe.epochs), 30); /* of a stage that it builds on */
    assert_true(SETTING(&reader, finetune.cache_budget_bytes) == SETTINGS_BYTES_AUTO); /* changes no result */
    run_shift_set(&reader);
    run_train_set(&reader); /* through the probe */
    reads_file(&reader, "weights/probe.safetensors");
    reads_file(&reader, "weights/finetuned.safetensors");
    reads_file(&reader, ".reshift-parts/0123456789abcdef/checkpoint.safetensors");
    check_ok(reads_end(&reader, &error));
    assert_int_equal(SETTING(&reader, analysis.components), 2); /* outside of the stages everything may be read */
    check_ok(reads_end(&reader, &error));
}

static void test_undeclared_settings_fail(void **state)
{
    (void)state;
    begin(STAGE_FINETUNE);
    assert_true(SETTING(&reader, adapt.shuffle));
    assert_int_equal(SETTING(&reader, analysis.components), 2);
    check_undeclared("'finetune' read the setting 'adapt.shuffle', which it does not declare");
    /* a stage that reads an input does not thereby read the settings that the input was opened with */
    begin(STAGE_SHIFT);
    assert_int_equal(SETTING(&reader, shift.constants), RESHIFT_CONSTANTS_AUTO);
    check_undeclared("'shift' read the setting 'shift.constants'");
    begin(STAGE_PROBE);
    assert_string_equal(SETTING(&reader, finetune.train).names[1], "fc"); /* from the middle of a field */
    check_undeclared("'probe' read the setting 'finetune.train'");
    prepare(&reader, &settings);
    reader.reads = &reads;
    reads_begin_input(&reader, INPUT_TEST);
    assert_int_equal(SETTING(&reader, source.limit_train), 0);
    check_undeclared("'test set' read the setting 'source.limit_train'");
}

static void test_undeclared_inputs_and_files_fail(void **state)
{
    (void)state;
    begin(STAGE_SHIFT);
    run_train_set(&reader);
    check_undeclared("'shift' read the input 'training set'");
    begin(STAGE_FEATURES);
    run_split(&reader);
    check_undeclared("'features' read the input 'split'");
    begin(STAGE_PROBE);
    reads_file(&reader, "features/original-shift.npy");
    check_undeclared("'probe' read the file 'features/original-shift.npy'");
    begin(STAGE_PROBE);
    reads_file(&reader, "notes.txt"); /* a file of no stage */
    check_undeclared("'probe' read the file 'notes.txt'");
    begin(STAGE_FEATURES);
    const char *name = reads_pause(&reader);
    run_split(&reader); /* for the cache */
    reads_resume(&reader, name);
    check_ok(reads_end(&reader, &error));
}

/* Each field of the experiment is one row's: a read of any byte is found in the table. */
static void test_every_field_has_a_row(void **state)
{
    (void)state;
    for (const setting *row = settings_table(); row->path; row++) {
        for (const setting *other = settings_table(); other->path; other++) {
            assert_true(row == other || row->offset != other->offset);
        }
    }
}

/*
 * Settings at their defaults are not hashed, so a default that changes would give old results out as new ones. Whoever
 * changes a default raises MANIFEST_LAYOUT and writes both here. Settings added later need no line.
 */
static void test_defaults_belong_to_the_layout(void **state)
{
    (void)state;
    static const char *const defaults[] = {
        "name: study",
        "seed: 0",
        "model.arch: any",
        "model.weights: resnet50",
        "input.size: 224",
        "input.batch: 64",
        "input.precision: f32",
        "source.data: cifar10",
        "source.limit_train: 0",
        "source.limit_test: 0",
        "source.test_fraction: 0.2",
        "probe.epochs: 30",
        "probe.batch: 64",
        "probe.optimizer: adam",
        "probe.lr: 0.001",
        "probe.l2: auto",
        "probe.held_out: 0.1",
        "shift.data: cifar10-c",
        "shift.corruption: gaussian_blur",
        "shift.severity: 1-5",
        "shift.generate: true",
        "shift.constants: auto",
        "finetune.train: [layer4, fc]",
        "finetune.lr: {layer4: 0.0001, fc: 0.001}",
        "finetune.optimizer: adam",
        "finetune.momentum: 0.9",
        "finetune.nesterov: false",
        "finetune.weight_decay: 0",
        "finetune.label_smoothing: 0",
        "finetune.schedule: constant",
        "finetune.schedule_unit: epoch",
        "finetune.warmup: 0",
        "finetune.step_size: 1",
        "finetune.gamma: 0.1",
        "finetune.epochs: 10",
        "finetune.batch: 64",
        "finetune.samples: 20000",
        "finetune.rows: shifted",
        "finetune.validation: 0",
        "finetune.keep: last",
        "finetune.augment: none",
        "finetune.crop_padding: 0.125",
        "finetune.augment_corruptions: none",
        "finetune.augment_severity: 1-5",
        "finetune.split: by-image",
        "finetune.batchnorm: frozen",
        "finetune.cache_budget: auto",
        "finetune.cache: auto",
        "finetune.monitor: 1000",
        "adapt.method: none",
        "adapt.batch: 64",
        "adapt.source: 0",
        "adapt.shuffle: true",
        "adapt.optimizer: adam",
        "adapt.lr: 0.001",
        "analysis.pca: 2",
        "analysis.shared_basis: false",
        "pretrain.epochs: 4",
        "pretrain.batch: 64",
        "pretrain.lr: 0.003",
        "pretrain.limit: 0",
    };
    assert_int_equal(MANIFEST_LAYOUT, 4);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        bool found = false;
        for (const setting *row = settings_table(); row->path; row++) {
            char line[SETTINGS_TEXT_BYTES];
            snprintf(line, sizeof line, "%s: %s", row->path, row->fallback);
            found = found || strcmp(line, defaults[i]) == 0;
        }
        if (!found) {
            fail_msg("the default '%s' of layout %d is gone", defaults[i], MANIFEST_LAYOUT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_setting_changes_what_it_feeds),
        cmocka_unit_test(test_settings_without_effect),
        cmocka_unit_test(test_options_of_the_probe_are_settings),
        cmocka_unit_test(test_every_input_changes_its_stages),
        cmocka_unit_test(test_calibration_reaches_every_extraction),
        cmocka_unit_test(test_declared_reads_pass),
        cmocka_unit_test(test_undeclared_settings_fail),
        cmocka_unit_test(test_undeclared_inputs_and_files_fail),
        cmocka_unit_test(test_every_field_has_a_row),
        cmocka_unit_test(test_defaults_belong_to_the_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
