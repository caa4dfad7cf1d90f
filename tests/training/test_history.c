/* Histories as CSV: numbers come back as they were, what was not measured stays unmeasured, and bad lines are named. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/files.h"
#include "reshift/learning.h"

static char path[256];

static void write_text(const char *text)
{
    reshift_error error;
    check_ok(file_write_all(path, text, strlen(text), true, &error));
}

static void test_round_trip(void **state)
{
    (void)state;
    reshift_error error;
    reshift_epoch epochs[2] = {{1, 0.1 + 0.2, 1.0 / 3, NAN, NAN, 1e-9, NAN, NAN},
                               {2, 1e300, 0.5, 2.0 / 7, 0.875, 12, NAN, NAN}};
    reshift_history history = {.epochs = epochs, .n_epochs = 2}, read;
    check_ok(reshift_history_save_csv(path, &history, true, &error));
    check_ok(reshift_history_load_csv(path, &read, &error));
    assert_int_equal(read.n_epochs, 2);
    assert_int_equal(read.epochs[0].epoch, 1);
    assert_true(read.epochs[0].train_loss == epochs[0].train_loss);
    assert_true(read.epochs[0].train_accuracy == epochs[0].train_accuracy);
    assert_true(isnan(read.epochs[0].test_loss) && isnan(read.epochs[0].test_accuracy));
    assert_true(read.epochs[0].seconds == 1e-9);
    assert_true(read.epochs[1].seconds == 12 && isnan(read.epochs[1].validation_accuracy));
    reshift_history_destroy(&read);
    epochs[1].validation_loss = 0.7; /* from here on both lines have the columns */
    epochs[1].validation_accuracy = 1.0 / 3;
    check_ok(reshift_history_save_csv(path, &history, true, &error));
    check_ok(reshift_history_load_csv(path, &read, &error));
    assert_true(isnan(read.epochs[0].validation_loss) && isnan(read.epochs[0].validation_accuracy));
    assert_true(read.epochs[0].seconds == 1e-9);
    assert_memory_equal(&read.epochs[1], &epochs[1], sizeof epochs[1]);
    reshift_history_destroy(&read);
    assert_null(read.epochs);
    reshift_chosen_rate rates[4] = {
        {"layer4", 1.0 / 7, 1e-3}, {"fc", 0.1 + 0.2, 0.25}, {"layer4", INFINITY, 1e-3}, {"fc", 2, 0}};
    history.rates = rates;
    history.n_rated = 2;
    for (int validated = 1; validated >= 0; validated--) {
        epochs[1].validation_accuracy = validated ? 0.5 : NAN;
        check_ok(reshift_history_save_csv(path, &history, true, &error));
        check_ok(reshift_history_load_csv(path, &read, &error));
        assert_int_equal(read.n_rated, 2);
        for (int i = 0; i < 4; i++) {
            assert_string_equal(read.rates[i].block, rates[i].block);
            assert_true(read.rates[i].ratio == rates[i].ratio);
            assert_true(read.rates[i].learning_rate == rates[i].learning_rate);
        }
        reshift_history_destroy(&read);
        assert_null(read.rates);
    }
    check_error(reshift_history_save_csv(path, &history, false, &error), RESHIFT_ERROR_EXISTS, "exists already");
}

static void test_best(void **state)
{
    (void)state;
    reshift_epoch epochs[4] = {{.epoch = 1, .validation_accuracy = NAN},
                               {.epoch = 2, .validation_accuracy = 0.5},
                               {.epoch = 3, .validation_accuracy = 0.75},
                               {.epoch = 4, .validation_accuracy = 0.75}};
    const reshift_history history = {.epochs = epochs, .n_epochs = 4}, first = {.epochs = epochs, .n_epochs = 1};
    assert_int_equal(reshift_history_best(&history), 3); /* the first of equals */
    assert_int_equal(reshift_history_best(&first), 0);
}

/* The list of moved tensors is a table of the same kind. */
static void test_moved(void **state)
{
    (void)state;
    reshift_error error;
    const reshift_moved rows[2] = {{"fc.weight", "fc", 1280, 1279, 1.0 / 3, 4, 0.125},
                                   {"fc.bias", "fc", 10, 0, 0, 0, 0}};
    reshift_moved *read;
    int n;
    check_ok(reshift_moved_save_csv(path, rows, 2, true, &error));
    check_ok(reshift_moved_load_csv(path, &read, &n, &error));
    assert_int_equal(n, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(read[i].name, rows[i].name);
        assert_string_equal(read[i].block, "fc");
        assert_int_equal(read[i].count, rows[i].count);
        assert_int_equal(read[i].changed, rows[i].changed);
        assert_true(fabs(read[i].distance - rows[i].distance) < 1e-9);
        assert_true(read[i].norm == rows[i].norm && read[i].most == rows[i].most);
    }
    free(read);
    static const char head[] = "tensor,block,values,changed,distance,norm,relative,most\n";
    static const char *const wrong[] = {"fc.weight,fc,10,11,0,0,,0\n",
                                        "fc.weight,fc,10,1,0,0,,\n",
                                        "fc.weight,fc,10\n",
                                        "fc.weight,fc,10,1,0,0,,0",
                                        "\n",
                                        "a,b,1,1,0,1,0,0,0\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];
        snprintf(text, sizeof text, "%sa,b,1,1,0.5,1,0.5,0.5\n%s", head, wrong[i]);
        write_text(text);
        check_error(reshift_moved_load_csv(path, &read, &n, &error), RESHIFT_ERROR_FORMAT, "line 3: expected a tensor");
        assert_null(read);
    }
    write_text("tensor,block\n");
    check_error(reshift_moved_load_csv(path, &read, &n, &error), RESHIFT_ERROR_FORMAT, "line 1: expected the header");
}

static void test_malformed(void **state)
{
    (void)state;
    static const char head[] = "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds\n";
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"1,0.5,0.5,0.5,0.5\n", "line 2"},        {"1,0.5,0.5,0.5,0.5,1,2\n", "line 2"},
        {"x,0.5,0.5,0.5,0.5,1\n", "line 2"},      {"1,0.5,0.5,zero,0.5,1\n", "line 2"},
        {"1,1,1,1,1,1\n0,1,1,1,1,1\n", "line 3"}, {"1,1,1,1,1,1\n\n", "line 3"},
    };
    reshift_error error;
    reshift_history history;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s%s", head, cases[i].line);
        write_text(text);
        check_error(reshift_history_load_csv(path, &history, &error), RESHIFT_ERROR_FORMAT, cases[i].words);
        assert_null(history.epochs);
    }
    static const char *const rated[] = {
        "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,ratio_fc\n1,1,1,1,1,1,1\n",
        "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,ratio_fc,lr_layer4\n1,1,1,1,1,1,1,1\n",
        "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,ratio_fc,lr_fc\n1,1,1,1,1,1,1\n",
        "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,ratio_fc,lr_fc\n1,1,1,1,1,1,1,\n",
        "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,ratio_fc,lr_fc\n1,1,1,1,1,1,1,1,1\n",
    };
    for (size_t i = 0; i < sizeof rated / sizeof *rated; i++) {
        write_text(rated[i]);
        check_error(reshift_history_load_csv(path, &history, &error), RESHIFT_ERROR_FORMAT,
                    i < 2 ? "header" : "line 2");
        assert_null(history.epochs);
        assert_null(history.rates);
    }
    write_text("epoch,loss\n1,2\n");
    check_error(reshift_history_load_csv(path, &history, &error), RESHIFT_ERROR_FORMAT, "expected the header");
    write_text("");
    check_error(reshift_history_load_csv(path, &history, &error), RESHIFT_ERROR_FORMAT, "expected the header");
    check_error(reshift_history_load_csv("/nowhere/history.csv", &history, &error), RESHIFT_ERROR_NOT_FOUND,
                "cannot open");
}

int main(void)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/reshift-history-%ld.csv", folder ? folder : "/tmp", (long)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_malformed),
    };
    int failed = cmocka_run_group_tests_name("history", tests, NULL, NULL);
    unlink(path);
    return failed;
}
