/* The experiment file: every way of being wrong with its words and line, overrides, the resolved file, the shipped
 * files. */
#include "check.h"

#include <unistd.h>

#include "base/files.h"
#include "experiment/config/demo.h"
#include "experiment/config/settings.h"
#include "reshift/adaptation.h"
#include "reshift/experiment.h"
#include "reshift/split.h"

static reshift_error error;

static reshift_status apply(reshift_experiment *experiment, const char *text)
{
    check_ok(settings_default(experiment, &error));
    return settings_apply_yaml(experiment, text, strlen(text), "x.yaml", &error);
}

static void test_defaults(void **state)
{
    (void)state;
    reshift_experiment e;
    check_ok(settings_default(&e, &error));
    assert_string_equal(e.name, "study");
    assert_string_equal(e.model.weights, "resnet50");
    assert_int_equal(e.input.size, 224);
    assert_int_equal(e.probe.epochs, 30);
    assert_true(e.probe.learning_rate == 0.001);
    assert_int_equal(e.shift.severity.first, 1);
    assert_int_equal(e.shift.severity.last, 5);
    assert_true(e.shift.generate);
    assert_int_equal(e.finetune.train.n, 2);
    assert_string_equal(e.finetune.train.names[1], "fc");
    assert_true(settings_rate(&e.finetune.rates, "layer4") == 0.0001);
    assert_true(settings_rate(&e.finetune.rates, "fc") == 0.001);
    assert_true(settings_rate(&e.finetune.rates, "layer3") == -1);
    assert_int_equal(e.finetune.split, RESHIFT_SPLIT_BY_IMAGE);
    assert_int_equal(e.finetune.cache_budget_bytes, SETTINGS_BYTES_AUTO);
    assert_int_equal(e.finetune.samples, 20000);
    /* every row of the table has a default that reads: nothing was left zeroed by a refused text */
    for (const setting *row = settings_table(); row->path; row++) {
        reshift_experiment copy = e;
        char text[SETTINGS_TEXT_BYTES];
        snprintf(text, sizeof text, "%s=%s", row->path, row->fallback);
        check_ok(settings_apply_override(&copy, text, &error));
        assert_memory_equal(&copy, &e, sizeof e);
    }
}

static void test_values(void **state)
{
    (void)state;
    reshift_experiment e;
    check_ok(apply(&e, "# a comment\n"
                       "name: fog-1\n"
                       "probe:\n"
                       "  epochs: 3\n"
                       "  lr: 1e-2\n"
                       "shift: {severity: 3, corruption: fog, generate: false}\n"
                       "source:\n" /* a section without keys: defaults */
                       "finetune:\n"
                       "  train: [layer3, layer4, fc]\n"
                       "  lr: 0.0005\n"
                       "  cache_budget: 512MiB\n"
                       "  split: by-row\n"
                       "  batchnorm: train-all\n"));
    assert_string_equal(e.name, "fog-1");
    assert_int_equal(e.probe.epochs, 3);
    assert_true(e.probe.learning_rate == 0.01);
    assert_int_equal(e.shift.severity.first, 3);
    assert_int_equal(e.shift.severity.last, 3);
    assert_false(e.shift.generate);
    assert_int_equal(e.finetune.train.n, 3);
    assert_true(settings_rate(&e.finetune.rates, "layer3") == 0.0005);
    assert_int_equal(e.finetune.cache_budget_bytes, (int64_t)512 << 20);
    assert_int_equal(e.finetune.split, RESHIFT_SPLIT_BY_ROW);
    assert_int_equal(e.finetune.batchnorm, RESHIFT_BATCHNORM_TRAIN_ALL);
    check_ok(
        apply(&e, "finetune: {optimizer: sgd, nesterov: true, weight_decay: 0.0005, schedule: cosine, warmup: 2}\n"));
    assert_int_equal(e.finetune.optimizer, RESHIFT_OPTIMIZER_SGD);
    assert_int_equal(e.finetune.schedule, RESHIFT_SCHEDULE_COSINE);
    assert_true(e.finetune.momentum == 0.9);
    assert_true(e.finetune.weight_decay == 0.0005);
    check_ok(settings_check(&e, &error));
    e.finetune.optimizer = RESHIFT_OPTIMIZER_ADAMW;
    check_error(settings_check(&e, &error), RESHIFT_ERROR_ARGUMENT, "'finetune.nesterov': needs sgd");
    /* a method's name alone stands for its section */
    check_ok(apply(&e, "adapt: tent\nprobe: {optimizer: lbfgs, l2: 0}\n"));
    assert_int_equal(e.adapt.method, RESHIFT_ADAPT_TENT);
    assert_true(e.adapt.shuffle);
    assert_int_equal(e.probe.optimizer, SETTINGS_PROBE_LBFGS);
    assert_true(e.probe.l2 == 0);
    check_ok(apply(&e, "adapt: {method: bn, source: 256, shuffle: false}\nprobe: {l2: auto}\n"));
    assert_int_equal(e.adapt.method, RESHIFT_ADAPT_BN);
    assert_int_equal(e.adapt.source, 256);
    assert_false(e.adapt.shuffle);
    assert_true(e.probe.l2 == SETTINGS_NUMBER_AUTO);
    check_ok(settings_apply_override(&e, "adapt=none", &error));
    assert_int_equal(e.adapt.method, RESHIFT_ADAPT_NONE);
    check_error(apply(&e, "adapt: bm\n"), RESHIFT_ERROR_ARGUMENT,
                "'adapt.method': expected none, bn or tent, found 'bm'");
    check_error(apply(&e, "probe: {l2: -0.1}\n"), RESHIFT_ERROR_ARGUMENT,
                "'probe.l2': expected a number from 0 to 1e+06, or auto, found '-0.1'");
    check_error(apply(&e, "probe: adam\n"), RESHIFT_ERROR_ARGUMENT, "'probe': expected a map of keys");
    check_ok(apply(&e, ""));
    check_ok(apply(&e, "# nothing but a comment\n"));
}

/* One malformed file each: what is said, and in which line. */
static const struct {
    const char *text;
    int line;
    const char *words, *hint;
} malformed[] = {
    {"name: a\nprobe:\n  epoch: 3\n", 3, "unknown key 'probe.epoch'", "did you mean 'probe.epochs'?"},
    {"\nepochs: 3\n", 2, "unknown key 'epochs'", "did you mean 'probe.epochs'?"},
    {"finetun: {epochs: 3}\n", 1, "unknown key 'finetun'", "did you mean 'finetune'?"},
    {"probe: {\n epochs: 3,\n colour: red}\n", 3, "unknown key 'probe.colour'", "'reshift run --keys' lists every key"},
    {"probe: {epochs: {deep: 3}}\n", 1, "'probe.epochs': expected a whole number from 1 to 100000, found a map", ""},
    {"probe:\n  epochs: ten\n", 2, "'probe.epochs': expected a whole number from 1 to 100000, found 'ten'", ""},
    {"probe:\n  epochs: '3'\n", 2, "found the text '3'", ""},
    {"probe:\n  epochs: 3.0\n", 2, "found '3.0'", ""},
    {"probe:\n  epochs: 0\n", 2, "found '0'", ""},
    {"probe:\n  epochs: 10abc\n", 2, "found '10abc'", ""},
    {"probe:\n  epochs: 99999999999999999999\n", 2, "found '99999999999999999999'", ""},
    {"probe:\n  epochs:\n", 2, "found nothing", ""},
    {"probe:\n  epochs: [3]\n", 2, "found a list", ""},
    {"seed: -1\n", 1, "'seed': expected a whole number, at least 0, found '-1'", ""},
    {"probe: {lr: 0}\n", 1, "'probe.lr': expected a number above 0, at most 10, found '0'", ""},
    {"probe: {lr: .inf}\n", 1, "found '.inf'", ""},
    {"probe: {lr: nan}\n", 1, "found 'nan'", ""},
    {"probe: {lr: 0x1}\n", 1, "found '0x1'", ""},
    {"probe: {lr: 1e}\n", 1, "found '1e'", ""},
    {"probe: 3\n", 1, "'probe': expected a map of keys, found a single value", ""},
    {"probe: [3]\n", 1, "'probe': expected a map of keys, found a list", ""},
    {"shift: {generate: maybe}\n", 1, "'shift.generate': expected true or false, found 'maybe'", ""},
    {"shift: {severity: 0-5}\n", 1, "'shift.severity': expected a severity from 1 to 5", ""},
    {"shift: {severity: 3-2}\n", 1, "found '3-2'", ""},
    {"shift: {severity: 1-6}\n", 1, "found '1-6'", ""},
    {"shift: {severity: -1}\n", 1, "found '-1'", ""},
    {"input: {precision: f16}\n", 1, "'input.precision': expected f32, bf16, int8 or auto, found 'f16'", ""},
    {"finetune: {split: by-class}\n", 1, "'finetune.split': expected by-image or by-row, found 'by-class'", ""},
    {"finetune: {batchnorm: on}\n", 1, "expected frozen, train, train-all or recalibrate, found 'on'", ""},
    {"finetune: {cache_budget: 4X}\n", 1, "expected a size such as 4G, 512M or 0, or auto, found '4X'", ""},
    {"finetune: {cache_budget: -1G}\n", 1, "found '-1G'", ""},
    {"finetune: {train: []}\n", 1, "expected at least one block, found an empty list", ""},
    {"finetune: {train: [layer4, layer4]}\n", 1, "found 'layer4'", ""},
    {"finetune: {train: [[layer4]]}\n", 1, "found a list", ""},
    {"finetune: {train: layer9}\n", 1,
     "'finetune.train': there is no block 'layer9', expected some of conv1, layer1, layer2, layer3, layer4, fc, or all",
     ""},
    {"finetune:\n  train:\n    - fc\n    - layer5\n", 4, "there is no block 'layer5'", ""},
    {"finetune: {lr: {}}\n", 1, "found an empty map", ""},
    {"finetune: {lr: automatic}\n", 1,
     "'finetune.lr': expected a learning rate from 0 to 10, or one a block such as {layer4: 0.0001, fc: 0.001}, "
     "or "
     "auto, found 'automatic'",
     ""},
    {"finetune: {lr: {auto: 0}}\n", 1, "found '0'", ""},
    {"finetune: {lr: 'auto'}\n", 1, "found the text 'auto'", ""},
    {"name: mixed\nfinetune:\n  lr: {auto: 0.001, layer4: 0.0001}\n", 3,
     "'finetune.lr': auto chooses the rates of all blocks and stands alone, found a rate for 'layer4' beside it", ""},
    {"finetune: {batchnorm: recalibrated}\n", 1,
     "'finetune.batchnorm': expected frozen, train, train-all or recalibrate, found 'recalibrated'", ""},
    {"finetune:\n  lr: {layer4: 0.1, layer4: 0.2}\n", 2, "block 'layer4' is given twice", ""},
    {"finetune:\n  lr:\n    layer4: fast\n", 3, "found 'fast'", ""},
    /* names that would not read back from the resolved experiment in the manifest */
    {"finetune: {train: ['layer4:', fc]}\n", 1,
     "expected a list of blocks such as [layer4, fc], found the text 'layer4:'", ""},
    {"finetune: {train: ['&layer4']}\n", 1, "found the text '&layer4'", ""},
    {"finetune: {train: [\"a\\nb\"]}\n", 1, "found the text 'a?b'", ""},
    {"finetune: {lr: {'a, b': 0.1}}\n", 1, "found the text 'a, b'", ""},
    {"finetune: {lr: {layer4: 0.1, '#': 0.2}}\n", 1, "found the text '#'", ""},
    {"source: {data: \"a\\x85b\"}\n", 1, "'source.data': expected printable text, at most 511 bytes, found the text 'a",
     ""},
    {"source: {data: \"a\\u2028b\"}\n", 1, "'source.data': expected printable text", ""},
    {"source: {data: \"a\\uFEFFb\"}\n", 1, "'source.data': expected printable text", ""},
    {"source: {data: \"a\\uFFFEb\"}\n", 1, "'source.data': expected printable text", ""},
    {"seed: 1\nprobe: &a\n  b: *a\n", 2, "nested deeper than 8 levels once aliases are expanded", ""},
    {"finetune: {train: &a [fc, *a]}\n", 1, "nested deeper than 8 levels once aliases are expanded", ""},
    {"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
     1, "more than 10000 values once aliases are expanded", ""},
    {"name: [[[[[[[[[[[[\n", 1, "lists and maps nested deeper than 8 levels", ""},
    {"name:\n- - - - - - - - - a\n", 2, "lists and maps nested deeper than 8 levels", ""},
    {"name: ../up\n", 1, "'name': expected a name of letters", ""},
    {"name: ''\n", 1, "'name': expected a name", ""},
    {"name: \"a\\0b\"\n", 1, "'name': expected a name", ""},
    {"name: a\nseed: 1\nname: b\n", 3, "key 'name' is given twice, first in line 1", ""},
    {"probe:\n  lr: 1\n  lr: 2\n", 3, "key 'probe.lr' is given twice, first in line 2", ""},
    {"probe: {epochs: 3}\nprobe: {lr: 1}\n", 2, "key 'probe' is given twice, first in line 1", ""},
    {"probe:\n\tepochs: 3\n", 2, "the line is indented with a tab", "YAML is indented with spaces only"},
    {"name: a\nprobe: {epochs: 3\n", 3, "not YAML: ", ""},
    {"name: a\n  seed: 3\n", 2, "not YAML: mapping values are not allowed in this context", ""},
    {"name: a\nseed: \xff\xfe\n", 2, "not YAML: ", ""},
    {"- a\n- b\n", 1, "expected keys such as 'name: seed', found a list", ""},
    {"seed\n", 1, "found a single value", ""},
    {"name: a\n---\nname: b\n", 3, "expected one document, found a second", ""},
    {"[a, b]: 3\n", 1, "expected a key, found a list or map", ""},
    {"probe: &p {epochs: 3, <<: *p}\n", 1, "nested deeper than 8 levels once aliases are expanded", ""},
    {"seed: &s 3\nprobe: {epochs: 3, <<: *s}\n", 2, "unknown key 'probe.<<'", "'reshift run --keys' lists every key"},
};

/* ---- automatic rates, recalibration ---- */

static void test_automatic_rates(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        double rate;
        const char *text;
    } cases[] = {{"finetune: {lr: auto}\n", RESHIFT_AUTO_RATE, "\n  lr: auto\n"},
                 {"finetune: {lr: {auto: 0.001}}\n", RESHIFT_AUTO_RATE, "\n  lr: auto\n"},
                 {"finetune: {lr: {auto: 0.0003}, train: all}\n", 0.0003, "\n  lr: {auto: 0.0003}\n"}};
    reshift_experiment e, again;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_ok(apply(&e, cases[i].given));
        check_ok(settings_check(&e, &error));
        assert_true(settings_auto_rate(&e.finetune.rates) == cases[i].rate);
        char *yaml = reshift_experiment_yaml(&e);
        assert_non_null(strstr(yaml, cases[i].text));
        check_ok(apply(&again, yaml));
        assert_true(settings_auto_rate(&again.finetune.rates) == cases[i].rate);
        free(yaml);
    }
    check_ok(settings_default(&e, &error));
    assert_true(settings_auto_rate(&e.finetune.rates) == 0);
    check_ok(settings_apply_override(&e, "finetune.lr=auto", &error));
    assert_true(settings_auto_rate(&e.finetune.rates) == RESHIFT_AUTO_RATE);
    check_ok(settings_apply_override(&e, "finetune.lr=auto=0.01", &error));
    assert_true(settings_auto_rate(&e.finetune.rates) == 0.01);
    check_ok(settings_apply_override(&e, "finetune.lr.auto=0.02", &error));
    assert_true(settings_auto_rate(&e.finetune.rates) == 0.02);
    check_ok(settings_check(&e, &error));
    check_ok(settings_apply_override(&e, "finetune.lr.fc=0.02", &error));
    check_error(
        settings_check(&e, &error), RESHIFT_ERROR_ARGUMENT,
        "'finetune.lr': auto chooses the rates of all blocks and stands alone, found a rate for 'fc' beside it");
    check_ok(settings_default(&e, &error));
    check_error(settings_apply_override(&e, "finetune.lr=auto,fc=0.02", &error), RESHIFT_ERROR_ARGUMENT, "or auto");
}

static void test_no_epochs_but_recalibration(void **state)
{
    (void)state;
    reshift_experiment e;
    check_ok(apply(&e, "finetune: {epochs: 0}\n"));
    check_error(settings_check(&e, &error), RESHIFT_ERROR_ARGUMENT, "unless finetune.batchnorm is recalibrate");
    check_ok(settings_apply_override(&e, "finetune.batchnorm=recalibrate", &error));
    check_ok(settings_check(&e, &error));
    check_ok(settings_apply_override(&e, "finetune.validation=0.1", &error));
    check_ok(settings_apply_override(&e, "finetune.keep=best", &error));
    check_error(settings_check(&e, &error), RESHIFT_ERROR_ARGUMENT, "of 0 epochs none is the best");
}

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        reshift_experiment e;
        char place[32];
        check_error(apply(&e, malformed[i].text), RESHIFT_ERROR_ARGUMENT, malformed[i].words);
        snprintf(place, sizeof place, "experiment 'x.yaml' line %d: ", malformed[i].line);
        if (strncmp(error.message, place, strlen(place)) != 0 || error.line != malformed[i].line) {
            fail_msg("case %zu: expected '%s', found '%s' (line %lld)", i, place, error.message, (long long)error.line);
        }
        if (strcmp(error.hint, malformed[i].hint) != 0) {
            fail_msg("case %zu: expected the hint '%s', found '%s'", i, malformed[i].hint, error.hint);
        }
    }
}

static void test_overrides(void **state)
{
    (void)state;
    reshift_experiment e;
    check_ok(settings_default(&e, &error));
    check_ok(settings_apply_override(&e, "finetune.epochs=3", &error));
    check_ok(settings_apply_override(&e, "shift.corruption=fog", &error));
    check_ok(settings_apply_override(&e, "finetune.train=[layer3, fc]", &error));
    assert_string_equal(e.finetune.train.names[0], "layer3");
    check_ok(settings_apply_override(&e, "finetune.train=layer2,layer3,fc", &error));
    assert_int_equal(e.finetune.train.n, 3);
    assert_int_equal(settings_check(&e, &error), RESHIFT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "'finetune.lr': no learning rate for the trained block 'layer2'");
    check_ok(settings_apply_override(&e, "finetune.lr.layer2=1e-5", &error));
    check_ok(settings_apply_override(&e, "finetune.lr.layer3=1e-5", &error));
    check_ok(settings_check(&e, &error));
    assert_true(settings_rate(&e.finetune.rates, "fc") == 0.001);
    check_ok(settings_apply_override(&e, "finetune.lr=layer4=1e-3,all=0.5", &error));
    assert_true(settings_rate(&e.finetune.rates, "fc") == 0.5);
    assert_true(settings_rate(&e.finetune.rates, "layer4") == 0.001);
    check_ok(settings_apply_override(&e, "probe={epochs: 7, lr: 0.5}", &error));
    assert_int_equal(e.probe.epochs, 7);
    check_ok(settings_apply_override(&e, "shift.data=npy:a.npy,b.npy", &error));
    assert_string_equal(e.shift.data, "npy:a.npy,b.npy");

    check_error(settings_apply_override(&e, "finetune.epoch=3", &error), RESHIFT_ERROR_ARGUMENT,
                "--set finetune.epoch=3: unknown key 'finetune.epoch'");
    assert_string_equal(error.hint, "did you mean 'finetune.epochs'?");
    check_error(settings_apply_override(&e, "finetune.epochs=x", &error), RESHIFT_ERROR_ARGUMENT,
                "--set finetune.epochs=x: 'finetune.epochs': expected a whole number from 0 to 100000, found 'x'");
    check_error(settings_apply_override(&e, "finetune.epochs", &error), RESHIFT_ERROR_ARGUMENT, "expected KEY=VALUE");
    check_error(settings_apply_override(&e, "=3", &error), RESHIFT_ERROR_ARGUMENT, "expected KEY=VALUE");
    check_error(settings_apply_override(&e, "probe=3", &error), RESHIFT_ERROR_ARGUMENT, "'probe' holds several keys");
    check_error(settings_apply_override(&e, "probe.epochs=", &error), RESHIFT_ERROR_ARGUMENT,
                "expected a value after '='");
    check_error(settings_apply_override(&e, "finetune.lr.fc=fast", &error), RESHIFT_ERROR_ARGUMENT,
                "expected a learning rate from 0 to 10");
    check_error(settings_apply_override(&e, "finetune.train=layer4,", &error), RESHIFT_ERROR_ARGUMENT,
                "expected a list");
    check_error(settings_apply_override(&e, "name=[", &error), RESHIFT_ERROR_ARGUMENT, "--set name=[: not YAML");
}

static void test_resolved_reads_back(void **state)
{
    (void)state;
    reshift_experiment e, again;
    check_ok(apply(
        &e, "name: back\nseed: 12345678901234\nprobe: {lr: 0.0123456789}\nfinetune: {lr: {fc: 1e-7, layer4: 3e-5},"
            " cache_budget: 1536M}\nshift: {severity: 2-4, data: 'npy:a b.npy,#x: y''s \xc3\xa9\xe2\x80\x93'}\n"));
    char *yaml = reshift_experiment_yaml(&e);
    assert_non_null(yaml);
    check_ok(apply(&again, yaml));
    assert_memory_equal(&e, &again, sizeof e);
    assert_non_null(strstr(yaml, "\n  lr: {fc: 0.0000001, layer4: 0.00003}\n"));
    assert_non_null(strstr(yaml, "\n  cache_budget: 1536M\n"));
    free(yaml);
    check_ok(apply(&e, "finetune: {lr: 0.5}"));
    yaml = reshift_experiment_yaml(&e);
    check_ok(apply(&again, yaml));
    assert_memory_equal(&e, &again, sizeof e);
    free(yaml);
}

static void test_shipped_files(void **state)
{
    (void)state;
    char *text;
    size_t size;
    check_ok(file_read_all(TEST_SOURCE_ROOT "/experiments/demo.yaml", &text, &size, &error));
    assert_string_equal(text, demo_experiment);
    free(text);
    reshift_experiment *e = NULL;
    check_ok(reshift_experiment_demo(NULL, 0, &e, &error));
    assert_string_equal(reshift_experiment_name(e), "demo");
    reshift_experiment_destroy(&e);
    assert_null(e);

    /* the reference study is the table's defaults, but for its name and its check of the architecture */
    reshift_experiment expected;
    check_ok(settings_default(&expected, &error));
    check_ok(settings_apply_override(&expected, "name=seed", &error));
    check_ok(settings_apply_override(&expected, "model.arch=resnet50", &error));
    check_ok(reshift_experiment_load(TEST_SOURCE_ROOT "/experiments/seed.yaml", NULL, 0, &e, &error));
    assert_memory_equal(e, &expected, sizeof expected);
    reshift_experiment_destroy(&e);

    const char *overrides[] = {"name=seed", "finetune.split=by-image"};
    check_ok(reshift_experiment_load(TEST_SOURCE_ROOT "/experiments/seed-by-row.yaml", overrides, 2, &e, &error));
    assert_memory_equal(e, &expected, sizeof expected);
    reshift_experiment_destroy(&e);
    char empty[] = "/tmp/reshift-empty-XXXXXX";
    close(mkstemp(empty));
    check_ok(reshift_experiment_load(empty, NULL, 0, &e, &error));
    check_ok(settings_default(&expected, &error));
    assert_memory_equal(e, &expected, sizeof expected);
    reshift_experiment_destroy(&e);
    remove(empty);
    check_error(reshift_experiment_load("/nowhere/x.yaml", NULL, 0, &e, &error), RESHIFT_ERROR_NOT_FOUND,
                "cannot read the experiment: cannot open '/nowhere/x.yaml'");
    assert_null(e);
}

static void test_reference_page(void **state)
{
    (void)state;
    char *page, *keys = reshift_experiment_keys();
    size_t size;
    assert_non_null(keys);
    check_ok(file_read_all(TEST_SOURCE_ROOT "/experiments/README.md", &page, &size, &error));
    if (!strstr(page, keys)) {
        fail_msg("experiments/README.md does not hold the table that 'reshift run --keys' prints");
    }
    free(page);
    free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_automatic_rates),
        cmocka_unit_test(test_no_epochs_but_recalibration),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_resolved_reads_back),
        cmocka_unit_test(test_shipped_files),
        cmocka_unit_test(test_reference_page),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
