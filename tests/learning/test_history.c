/* Histories as CSV: numbers come back as they were, what was not measured stays unmeasured, and bad lines are named. */
#include "check.h"

#include <math.h>
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
        cmocka_unit_test(test_malformed),
    };
    int failed = cmocka_run_group_tests_name("history", tests, NULL, NULL);
    unlink(path);
    return failed;
}
