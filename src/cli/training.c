/* The table of epochs printed by probe and finetune, its JSON, and the curves. */
#include "cli/training.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/show.h"
#include "reshift/words.h"
#include "reshift/reporting.h"

static void cell(double value, double scale, int digits)
{
    if (isnan(value)) {
        printf(" %11s", "-");
    } else {
        print_number(12, digits, scale * value);
    }
}

void training_print_epoch(void *context, const reshift_epoch *epoch)
{
    const common *c = context;
    if (c->json) {
        return;
    }
    const bool validated = !isnan(epoch->validation_accuracy);
    static bool heading_printed; /* printed with the first row: a training that is refused prints nothing */
    session_progress()->update(session_progress()->context, "epoch", 1, 1, ""); /* takes the bar away */
    if (!heading_printed) {
        printf("%5s %11s %11s %11s %11s", "epoch", "train loss", "train %", "test loss", "test %");
        if (validated) {
            printf(" %11s %11s", "valid. loss", "valid. %");
        }
        printf(" %8s\n", "seconds");
        heading_printed = true;
    }
    printf("%5d", epoch->epoch);
    cell(epoch->train_loss, 1, 4);
    cell(epoch->train_accuracy, 100, 2);
    cell(epoch->test_loss, 1, 4);
    cell(epoch->test_accuracy, 100, 2);
    if (validated) {
        cell(epoch->validation_loss, 1, 4);
        cell(epoch->validation_accuracy, 100, 2);
    }
    printf(" %8.2f\n", epoch->seconds);
    fflush(stdout);
}

static void json_number(const char *key, double value)
{
    char text[40];
    printf(", \"%s\": %s", key, isfinite(value) ? reshift_number_text(value, text) : "null");
}

/*
 * Reports overfitting: from the best epoch to the last, test accuracy falls significantly while training accuracy
 * rises.
 */
static void point_out_overfitting(const reshift_history *history)
{
    int best = 0, last = history->n_epochs - 1;
    for (int i = 1; i <= last; i++) {
        if (history->epochs[i].test_accuracy > history->epochs[best].test_accuracy) {
            best = i;
        }
    }
    const reshift_epoch *a = &history->epochs[best], *b = &history->epochs[last];
    if (last > best && a->test_accuracy - b->test_accuracy > 0.005 && b->train_accuracy > a->train_accuracy) {
        printf("overfitting: test accuracy fell from %.2f %% (epoch %d) to %.2f %%, while training accuracy rose from "
               "%.2f %% to %.2f %%\n",
               100 * a->test_accuracy, a->epoch, 100 * b->test_accuracy, 100 * a->train_accuracy,
               100 * b->train_accuracy);
    }
}

void training_print_result(const common *c, const reshift_history *history, const char *extra)
{
    if (!c->json) {
        if (history->n_epochs > 1) {
            point_out_overfitting(history);
        }
        return;
    }
    printf("{%s%s\"epochs\": [", extra ? extra : "", extra ? ", " : "");
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *e = &history->epochs[i];
        printf("%s{\"epoch\": %d", i ? ", " : "", e->epoch);
        json_number("train_loss", e->train_loss);
        json_number("train_accuracy", e->train_accuracy);
        json_number("test_loss", e->test_loss);
        json_number("test_accuracy", e->test_accuracy);
        if (!isnan(e->validation_accuracy)) {
            json_number("validation_loss", e->validation_loss);
            json_number("validation_accuracy", e->validation_accuracy);
        }
        json_number("seconds", e->seconds);
        for (int b = 0; b < history->n_rated; b++) {
            const reshift_chosen_rate *r = &history->rates[i * history->n_rated + b];
            char rate[40];
            printf("%s\"%s\": {\"lr\": %s", b ? ", " : ", \"rates\": {", r->block,
                   reshift_number_text(r->learning_rate, rate));
            json_number("ratio", r->ratio);
            printf(b == history->n_rated - 1 ? "}}" : "}");
        }
        printf("}");
    }
    printf("]}\n");
}

reshift_status training_check_plots(const common *c, const char *folder, const char *name, reshift_error *error)
{
    static const char *const endings[] = {".csv",         "-loss.gp",      "-loss.png",    "-loss.svg",
                                          "-accuracy.gp", "-accuracy.png", "-accuracy.svg"};
    struct stat facts;
    if (!folder || (stat(folder, &facts) != 0 && errno == ENOENT)) {
        return check_target(c, folder, error); /* the folder itself will be created */
    }
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s%s", folder, name, endings[i]);
        reshift_status status = check_target(c, path, error);
        if (status != RESHIFT_OK) {
            return status;
        }
    }
    return RESHIFT_OK;
}

reshift_status training_plot(const common *c, const char *folder, const char *name, const char *title,
                             const reshift_history *history, int kept, reshift_error *error)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return fail_with(error, RESHIFT_ERROR_IO, "cannot make folder '%s': %s", folder, strerror(errno));
    }
    return reshift_history_plot(folder, name, title, history, kept, c->force, error);
}
