/* reshift run, reshift demo: runs a whole study in a run folder and prints its results as a table. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/experiment.h"

static const reshift_measurement *find(const reshift_measurement *rows, int n, const char *model, const char *set,
                                       const char *subset, int severity)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(rows[i].model, model) == 0 && strcmp(rows[i].set, set) == 0 && strcmp(rows[i].subset, subset) == 0 &&
            rows[i].severity == severity) {
            return &rows[i];
        }
    }
    return NULL;
}

static void print_cell(const reshift_measurement *row)
{
    char text[64] = "";
    if (row) {
        snprintf(text, sizeof text, "%.2f %% (%.1f-%.1f)", reshift_percent(row->accuracy.accuracy, 2),
                 reshift_percent(row->accuracy.low, 1), reshift_percent(row->accuracy.high, 1));
    }
    printf(" %-19s", text);
}

/* "+5.00 (2.1 to 7.9)"; "~" if the interval includes 0. */
static void print_change(const reshift_measurement *before, const reshift_measurement *after)
{
    char text[64] = "";
    if (before && after && after->against[0]) {
        const reshift_difference *d = &after->change;
        snprintf(text, sizeof text, "%+.2f (%+.1f to %+.1f)%s",
                 reshift_percent_change(before->accuracy.accuracy, after->accuracy.accuracy, 2),
                 reshift_percent(d->accuracy.low, 1), reshift_percent(d->accuracy.high, 1), d->clear ? "" : " ~");
    }
    printf(" %-24s", text);
}

static void print_pair(const reshift_measurement *rows, int n, const char *label, const char *set, const char *subset,
                       int severity)
{
    const reshift_measurement *before = find(rows, n, "original", set, subset, severity);
    const reshift_measurement *after = find(rows, n, "finetuned", set, subset, severity);
    if (before || after) {
        const reshift_accuracy *some = &(before ? before : after)->accuracy;
        printf("  %-15s", label);
        print_cell(before);
        print_cell(after);
        print_change(before, after);
        printf(" %7lld %7lld\n", (long long)some->n, (long long)some->n_images);
    }
}

/* The headline results first and by severity, the others in one line each. */
static void print_table(const reshift_measurement *rows, int n)
{
    static const struct {
        const char *subset, *about;
    } groups[] = {{"unseen", "images with no version in fine-tuning"},
                  {"all", "all images"},
                  {"seen", "images with a version in fine-tuning"}};
    printf("%-17s %-19s %-19s %-24s %7s %7s\n", "accuracy (95 %)", "before (probe)", "after fine-tuning",
           "change (95 %, by image)", "rows", "images");
    for (int round = 0; round < 2; round++) {
        for (int g = 0; g < 3; g++) {
            const reshift_measurement *first = find(rows, n, "finetuned", "shift", groups[g].subset, 0);
            if (!first || first->headline != (round == 0)) {
                continue;
            }
            char label[128];
            printf("%s%s\n", groups[g].about, first->headline ? ": the headline figures" : "");
            print_pair(rows, n, "clean", "clean", groups[g].subset, 0);
            snprintf(label, sizeof label, "%s", first->corruption[0] ? first->corruption : "shifted");
            print_pair(rows, n, label, "shift", groups[g].subset, 0);
            for (int severity = 1; first->headline && severity <= 5; severity++) {
                snprintf(label, sizeof label, "  severity %d", severity);
                print_pair(rows, n, label, "shift", groups[g].subset, severity);
            }
        }
    }
    printf("~: the change may be chance (the 95 %% interval by image includes 0)\n");
}

static int print_results_json(const char *folder)
{
    char path[4096];
    json_error_t place;
    snprintf(path, sizeof path, "%s/results.json", folder);
    json_t *results = json_load_file(path, 0, &place);
    json_t *object = results ? json_pack("{s:s, s:o}", "folder", folder, "results", results) : NULL;
    bool read = object != NULL;
    if (read) {
        print_json(object, JSON_INDENT(1) | JSON_REAL_PRECISION(17), "{}");
    } else {
        fprintf(stderr, "reshift: cannot read '%s'\n", shown(path));
    }
    json_decref(object);
    return read ? 0 : 1;
}

static int do_run(const reshift_experiment *experiment, const char *out, const common *c)
{
    reshift_error error;
    char usual[600];
    snprintf(usual, sizeof usual, "runs/%s", reshift_experiment_name(experiment));
    const char *folder = out ? out : usual;
    const reshift_run_options options = {.folder = folder, .data_dir = c->data_dir, .force = c->force};
    if (reshift_experiment_run(experiment, &options, session_progress(), &error) != RESHIFT_OK) {
        return session_fail(&error);
    }
    if (c->json) {
        int status = print_results_json(folder);
        return status ? status : session_end();
    }
    reshift_measurement *rows;
    int n;
    if (reshift_run_results(folder, &rows, &n, &error) != RESHIFT_OK) {
        return session_fail(&error);
    }
    print_table(rows, n);
    printf("report: %s/report.html\n", shown(folder));
    free(rows);
    return session_end();
}

/* Common options that are short forms of experiment settings. */
static void add_overrides(const common *c, const char *cache_budget, option_words *set, char memory[8][64])
{
    const struct {
        const char *key;
        int64_t value;
    } keys[] = {{"seed", c->seed},
                {"source.limit_train", c->limit},
                {"source.limit_test", c->limit},
                {"input.size", c->size},
                {"input.batch", c->batch}};
    for (int i = 0; i < 5; i++) {
        if (keys[i].value >= 0 && set->n < OPTION_WORDS_MOST) {
            snprintf(memory[i], 64, "%s=%lld", keys[i].key, (long long)keys[i].value);
            set->items[set->n++] = memory[i];
        }
    }
    if (c->precision && set->n < OPTION_WORDS_MOST) {
        snprintf(memory[5], 64, "input.precision=%s", c->precision);
        set->items[set->n++] = memory[5];
    }
    if (cache_budget && set->n < OPTION_WORDS_MOST) {
        snprintf(memory[6], 64, "finetune.cache_budget=%.32s", cache_budget);
        set->items[set->n++] = memory[6];
    }
}

static int study(const usage *u, const common *c, const char *file, const char *out, const char *cache_budget,
                 option_words *set, bool show)
{
    int status = session_begin(u, c);
    if (status >= 0) {
        return status;
    }
    char memory[8][64];
    add_overrides(c, cache_budget, set, memory);
    reshift_error error;
    reshift_experiment *experiment = NULL;
    reshift_status loaded = file ? reshift_experiment_load(file, set->items, set->n, &experiment, &error)
                                 : reshift_experiment_demo(set->items, set->n, &experiment, &error);
    if (loaded != RESHIFT_OK) {
        return session_fail(&error);
    }
    if (show && c->json) {
        status = usage_error(u, "--show prints YAML: expected no --json beside it");
    } else if (show) {
        char *yaml = reshift_experiment_yaml(experiment);
        status = session_print(yaml);
        free(yaml);
    } else {
        status = do_run(experiment, out, c);
    }
    reshift_experiment_destroy(&experiment);
    return status;
}

#define NOT_GIVEN                                                                                                      \
    {                                                                                                                  \
        .seed = -1, .limit = -1, .size = -1, .batch = -1                                                               \
    }
#define SET_ROW(set) WORDS("--set", &(set), "KEY=VALUE", 1, "change one key of the experiment; may be given again")
#define SHOW_ROW(show) FLAG("--show", &(show), "print the experiment with every key, and do nothing")

int command_run(int argc, char **argv)
{
    common c = NOT_GIVEN;
    option_words words, set = {.n = 0};
    const char *out = NULL, *cache_budget = NULL;
    bool keys = false, show = false;
    const option options[] = {
        SET_ROW(set),
        TEXT("--out", &out, "DIR", "the run folder", "runs/NAME"),
        SHOW_ROW(show),
        FLAG("--keys", &keys, "list every key of an experiment file"),
        COUNT("--seed", &c.seed, "N", 0, SEED_MOST, "short for --set seed=N", NULL),
        COUNT("--limit", &c.limit, "N", 0, COUNT_MOST, "short for source.limit_train and source.limit_test", NULL),
        COUNT("--size", &c.size, "N", RESHIFT_SIZE_SMALLEST, RESHIFT_SIZE_LARGEST, "short for --set input.size=N",
              NULL),
        COUNT("--batch", &c.batch, "N", 1, 4096, "short for --set input.batch=N", NULL),
        TEXT("--cache-budget", &cache_budget, "SIZE", "short for --set finetune.cache_budget=SIZE", NULL),
        OPTION_PRECISION(c),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "run",
        .about =
            "Does the study that an experiment file describes: features, probe, shift, fine-tuning, measuring again,\n"
            "principal components, report. The run folder holds everything; a run that was stopped goes on where it\n"
            "stopped when the same command is given again.",
        .synopsis = "EXPERIMENT.yaml [options]",
        .argument = "EXPERIMENT.yaml",
        .at_most = 1,
        .example =
            "  reshift run experiments/seed.yaml --set finetune.epochs=3 --set shift.corruption=fog --out runs/fog",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0) {
        return status;
    }
    if (keys) {
        char *text = reshift_experiment_keys();
        status = session_print(text);
        free(text);
        return status;
    }
    return words.n < 1 ? usage_error(&u, "expected an experiment file")
                       : study(&u, &c, words.items[0], out, cache_budget, &set, show);
}

int command_demo(int argc, char **argv)
{
    common c = NOT_GIVEN;
    option_words words, set = {.n = 0};
    const char *out = NULL, *cache_budget = NULL;
    bool show = false;
    const option options[] = {
        SET_ROW(set),
        TEXT("--out", &out, "DIR", "the run folder", "runs/demo"),
        SHOW_ROW(show),
        COUNT("--seed", &c.seed, "N", 0, COUNT_MOST, "short for --set seed=N", NULL),
        COUNT("--limit", &c.limit, "N", 0, COUNT_MOST, "short for source.limit_train and source.limit_test", NULL),
        COUNT("--batch", &c.batch, "N", 1, 4096, "short for --set input.batch=N", NULL),
        TEXT("--cache-budget", &cache_budget, "SIZE", "short for --set finetune.cache_budget=SIZE", NULL),
        OPTION_PRECISION(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "demo",
        .about =
            "Does the whole study without data or downloads: pretrains a small network on pictures that the program\n"
            "draws, then studies it on others of them, blurred, and fine-tunes it. Takes a few minutes; every number "
            "is\n"
            "measured. Given again, it goes on where it stopped.",
        .synopsis = "[options]",
        .example = "  reshift demo --set shift.corruption=gaussian_blur --out runs/mine",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    return status >= 0 ? status : study(&u, &c, NULL, out, cache_budget, &set, show);
}
