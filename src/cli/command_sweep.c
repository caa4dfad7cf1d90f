/* reshift sweep: runs every combination of a grid over an experiment and prints one table. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/sweep.h"

static void print_cell(double value)
{
    if (isfinite(value)) {
        printf(" %8.2f", reshift_percent(value, 2));
    } else {
        printf(" %8s", "-");
    }
}

/* "+5.00", and whether the change is significant. */
static void print_change(const reshift_accuracy *before, const reshift_accuracy *after,
                         const reshift_difference *change)
{
    if (change->n > 0) {
        printf(" %+7.2f%s", reshift_percent_change(before->accuracy, after->accuracy, 2), change->clear ? " " : "~");
    } else {
        printf(" %7s ", "-");
    }
}

static void print_table(const reshift_sweep *sweep, const reshift_sweep_row *rows)
{
    const int n_keys = reshift_sweep_key_count(sweep), n = reshift_sweep_study_count(sweep);
    bool adapted = false;
    int widths[RESHIFT_SWEEP_KEYS];
    for (int k = 0; k < n_keys; k++) {
        widths[k] = (int)strlen(reshift_sweep_key(sweep, k));
        for (int i = 0; i < n; i++) {
            int length = (int)strlen(reshift_sweep_value(sweep, i, k));
            widths[k] = length > widths[k] ? length : widths[k];
        }
    }
    for (int i = 0; i < n; i++) {
        adapted = adapted || rows[i].shift_after_adapted.n > 0;
    }
    const char *subset = NULL;
    for (int i = 0; i < n; i++) {
        const char *own = !rows[i].measured ? subset : rows[i].unseen ? "images never seen in fine-tuning" : "all rows";
        subset = !subset || !own || strcmp(subset, own) == 0 ? own : "the rows that count under each study's split";
    }
    printf("accuracy (%%) on %s, before and after fine-tuning%s\n"
           "~: the 95 %% interval of the change, paired by image, includes 0\n",
           subset ? subset : "test images", adapted ? "; adapted: shifted images, the networks adapting to them" : "");
    for (int k = 0; k < n_keys; k++) {
        printf("%-*s  ", widths[k], reshift_sweep_key(sweep, k));
    }
    printf(" %8s %8s %7s  %8s %8s %7s ", "clean", "after", "change", "shifted", "after", "change");
    if (adapted) {
        printf(" %8s %8s", "adapted", "after");
    }
    printf(" %8s %8s\n", "rows", "images");
    for (int i = 0; i < n; i++) {
        const reshift_sweep_row *r = &rows[i];
        for (int k = 0; k < n_keys; k++) {
            printf("%-*s  ", widths[k], reshift_sweep_value(sweep, i, k));
        }
        print_cell(r->clean_before.accuracy);
        print_cell(r->clean_after.accuracy);
        print_change(&r->clean_before, &r->clean_after, &r->clean_change);
        print_cell(r->shift_before.accuracy);
        print_cell(r->shift_after.accuracy);
        print_change(&r->shift_before, &r->shift_after, &r->shift_change);
        if (adapted) {
            print_cell(r->shift_before_adapted.accuracy);
            print_cell(r->shift_after_adapted.accuracy);
        }
        if (r->measured) {
            printf(" %8lld %8lld\n", (long long)r->shift_after.n, (long long)r->shift_after.n_images);
        } else {
            printf("  no result: %s\n", shown(r->problem));
        }
    }
}

static json_t *accuracy_object(const reshift_accuracy *a)
{
    return a->n > 0 ? json_pack("{s:I, s:I, s:I, s:f, s:f, s:f}", "rows", (json_int_t)a->n, "images",
                                (json_int_t)a->n_images, "correct", (json_int_t)a->correct, "accuracy", a->accuracy,
                                "low", a->low, "high", a->high)
                    : json_null();
}

static json_t *change_object(const reshift_difference *d)
{
    return d->n > 0 ? json_pack("{s:f, s:f, s:f, s:b}", "change", d->accuracy.value, "low", d->accuracy.low, "high",
                                d->accuracy.high, "clear", d->clear)
                    : json_null();
}

static void print_sweep_json(const reshift_sweep *sweep, const reshift_sweep_row *rows, const char *folder)
{
    json_t *studies = json_array();
    for (int i = 0; i < reshift_sweep_study_count(sweep); i++) {
        json_t *values = json_object();
        for (int k = 0; k < reshift_sweep_key_count(sweep); k++) {
            json_object_set_new(values, reshift_sweep_key(sweep, k), json_string(reshift_sweep_value(sweep, i, k)));
        }
        json_t *study = json_pack("{s:s, s:o}", "folder", rows[i].folder, "values", values);
        json_object_set_new(study, "problem", rows[i].measured ? json_null() : json_string(rows[i].problem));
        json_object_set_new(study, "clean_before", accuracy_object(&rows[i].clean_before));
        json_object_set_new(study, "clean_after", accuracy_object(&rows[i].clean_after));
        json_object_set_new(study, "shift_before", accuracy_object(&rows[i].shift_before));
        json_object_set_new(study, "shift_after", accuracy_object(&rows[i].shift_after));
        json_object_set_new(study, "clean_before_adapted", accuracy_object(&rows[i].clean_before_adapted));
        json_object_set_new(study, "clean_after_adapted", accuracy_object(&rows[i].clean_after_adapted));
        json_object_set_new(study, "shift_before_adapted", accuracy_object(&rows[i].shift_before_adapted));
        json_object_set_new(study, "shift_after_adapted", accuracy_object(&rows[i].shift_after_adapted));
        json_object_set_new(study, "clean_change", change_object(&rows[i].clean_change));
        json_object_set_new(study, "shift_change", change_object(&rows[i].shift_change));
        json_object_set_new(study, "clean_adapted_change", change_object(&rows[i].clean_adapted_change));
        json_object_set_new(study, "shift_adapted_change", change_object(&rows[i].shift_adapted_change));
        json_array_append_new(studies, study);
    }
    json_t *object = json_pack("{s:s, s:o}", "folder", folder, "studies", studies);
    print_json(object, JSON_INDENT(1) | JSON_REAL_PRECISION(17), "{}");
    json_decref(object);
}

static reshift_status sweep_and_tell(const reshift_sweep *sweep, const char *out, const common *c, reshift_error *error)
{
    char usual[600];
    snprintf(usual, sizeof usual, "runs/%s", reshift_sweep_name(sweep));
    const reshift_run_options options = {.folder = out ? out : usual, .data_dir = c->data_dir, .force = c->force};
    reshift_sweep_row *rows = calloc((size_t)reshift_sweep_study_count(sweep), sizeof *rows);
    if (!rows) {
        return fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory");
    }
    reshift_status status = reshift_sweep_run(sweep, &options, rows, session_progress(), error);
    if (status == RESHIFT_OK && c->json) {
        print_sweep_json(sweep, rows, options.folder);
    } else if (status == RESHIFT_OK) {
        print_table(sweep, rows);
        printf("table: %s/sweep.csv, pictures: %s/plots\n", shown(options.folder), shown(options.folder));
    }
    free(rows);
    return status;
}

int command_sweep(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words, set = {.n = 0};
    const char *out = NULL;
    bool show = false;
    const option options[] = {
        WORDS("--set", &set, "KEY=VALUE", 1, "change one key of every study; may be repeated"),
        TEXT("--out", &out, "DIR", "output folder: a run folder for every study, the table and its pictures",
             "runs/NAME"),
        FLAG("--show", &show, "list the studies without running them"),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "sweep",
        .about =
            "Does a study for every combination of values and sets their figures side by side. A sweep file names an\n"
            "experiment, keys to set in all studies, and a grid: for each key the list of its values. What two "
            "studies\n"
            "have in common is done once; a sweep that was stopped goes on where it stopped.",
        .synopsis = "SWEEP.yaml [options]",
        .argument = "SWEEP.yaml",
        .at_least = 1,
        .at_most = 1,
        .example = "  reshift sweep experiments/blocks.yaml --set source.limit_train=2000 --out runs/blocks",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    reshift_error error;
    reshift_sweep *sweep;
    if (reshift_sweep_load(words.items[0], set.items, set.n, &sweep, &error) != RESHIFT_OK) {
        return session_fail(&error);
    }
    for (int i = 0; show && i < reshift_sweep_study_count(sweep); i++) {
        for (int k = 0; k < reshift_sweep_key_count(sweep); k++) {
            printf("%s%s: %s", k ? ", " : "", reshift_sweep_key(sweep, k), shown(reshift_sweep_value(sweep, i, k)));
        }
        printf("\n");
    }
    reshift_status done = show ? RESHIFT_OK : sweep_and_tell(sweep, out, &c, &error);
    reshift_sweep_destroy(&sweep);
    return done == RESHIFT_OK ? session_end() : session_fail(&error);
}
