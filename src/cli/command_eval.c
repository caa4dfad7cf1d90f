/* reshift eval: accuracy of a network on an image set, by corruption and severity, with intervals. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "reshift/evaluation.h"
#include "reshift/learning.h"

/* What one corruption gave: [0] all severities together (or the clean images), [1..5] each. */
typedef struct eval_row {
    const char *corruption; /* NULL: none */
    bool validation;
    reshift_accuracy accuracy[6];
} eval_row;

static reshift_status measure(const common *c, const reshift_model *model, const reshift_dataset *dataset,
                              eval_row *row, reshift_error *error)
{
    const reshift_forward_options forward = {
        .size = (int)c->size, .batch = (int)c->batch, .precision = session_precision(c)};
    const int64_t n = reshift_dataset_count(dataset);
    int64_t count[6] = {0}, correct[6] = {0};
    reshift_array logits = {0};
    int *predictions = malloc((size_t)n * sizeof *predictions + 1);
    reshift_status status = RESHIFT_OK;
    if (!predictions) {
        reshift_error_clear(error);
        snprintf(error->message, sizeof error->message, "out of memory");
        status = error->code = RESHIFT_ERROR_MEMORY;
    }
    if (status == RESHIFT_OK) {
        status = reshift_forward(model, dataset, &forward, NULL, &logits, session_progress(), error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_predictions(&logits, predictions, error);
    }
    for (int64_t i = 0; status == RESHIFT_OK && i < n; i++) {
        int severity = reshift_dataset_severity(dataset, i);
        bool right = predictions[i] == reshift_dataset_label(dataset, i);
        count[0]++;
        correct[0] += right;
        if (severity > 0) {
            count[severity]++;
            correct[severity] += right;
        }
    }
    for (int s = 0; s < 6; s++) {
        row->accuracy[s] = reshift_accuracy_of(correct[s], count[s]);
    }
    reshift_array_destroy(&logits);
    free(predictions);
    return status;
}

static const char *row_name(const eval_row *row) { return row->corruption ? row->corruption : "clean"; }

static void print_rows(const eval_row *rows, int n, const option_range *severity)
{
    printf("%-18s %9s  %-15s", "accuracy %", "all", "95 % interval");
    for (int64_t s = severity->first; rows[0].corruption && s <= severity->last; s++) {
        printf("  severity %lld", (long long)s);
    }
    printf("  %8s\n", "rows");
    for (int i = 0; i < n; i++) {
        const reshift_accuracy *a = rows[i].accuracy;
        printf("%-18s %9.2f  %6.2f - %6.2f", row_name(&rows[i]), 100 * a[0].accuracy, 100 * a[0].low, 100 * a[0].high);
        for (int64_t s = severity->first; rows[i].corruption && s <= severity->last; s++) {
            printf("  %10.2f", 100 * a[s].accuracy);
        }
        printf("  %8lld\n", (long long)a[0].n);
    }
}

/* Means over the corruptions that leaderboards average, and over all. Every corruption counts the same. */
static void print_means(const eval_row *rows, int n)
{
    double sum = 0, sum_official = 0;
    int official = 0;
    for (int i = 0; i < n; i++) {
        sum += rows[i].accuracy[0].accuracy;
        if (!rows[i].validation) {
            sum_official += rows[i].accuracy[0].accuracy;
            official++;
        }
    }
    printf("%-18s %9.2f  over %d corruptions; mean error %.2f\n", "mean", 100 * sum / n, n, 100 * (1 - sum / n));
    if (official > 1 && official < n) {
        printf("%-18s %9.2f  over the %d of them that leaderboards average; mean error %.2f\n", "mean",
               100 * sum_official / official, official, 100 * (1 - sum_official / official));
    }
}

static json_t *accuracy_object(const eval_row *row, int severity)
{
    const reshift_accuracy *a = &row->accuracy[severity];
    return json_pack("{s:s?, s:o, s:I, s:I, s:f, s:f, s:f}", "corruption", row->corruption, "severity",
                     severity          ? json_integer(severity)
                     : row->corruption ? json_string("all")
                                       : json_integer(0),
                     "n", (json_int_t)a->n, "correct", (json_int_t)a->correct, "accuracy", a->accuracy, "low", a->low,
                     "high", a->high);
}

static void print_json(const eval_row *rows, int n)
{
    json_t *array = json_array();
    for (int i = 0; i < n; i++) {
        for (int s = 0; s < 6; s++) {
            if (rows[i].accuracy[s].n > 0) {
                json_array_append_new(array, accuracy_object(&rows[i], s));
            }
        }
    }
    char *text = json_dumps(array, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    printf("%s\n", text ? text : "[]");
    free(text);
    json_decref(array);
}

/* Written to a temporary name beside the target, then renamed, as the library does with its files. */
static int save_csv(const char *path, const eval_row *rows, int n)
{
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.part.%06d", path, (int)(getpid() % 1000000));
    FILE *out = fopen(temporary, "wx");
    bool good = out != NULL;
    if (good) {
        good = fprintf(out, "corruption,severity,n,correct,accuracy,low,high\n") > 0;
        for (int i = 0; i < n; i++) {
            for (int s = 0; s < 6; s++) {
                const reshift_accuracy *a = &rows[i].accuracy[s];
                char severity[8];
                snprintf(severity, sizeof severity, "%d", s);
                if (a->n > 0) {
                    good = good && fprintf(out, "%s,%s,%lld,%lld,%.17g,%.17g,%.17g\n", row_name(&rows[i]),
                                           s == 0 && rows[i].corruption ? "all" : severity, (long long)a->n,
                                           (long long)a->correct, a->accuracy, a->low, a->high) > 0;
                }
            }
        }
        good = fclose(out) == 0 && good;
        good = good && rename(temporary, path) == 0;
    }
    if (!good) {
        fprintf(stderr, "reshift: cannot write '%s': %s\n", path, strerror(errno ? errno : EIO));
        unlink(temporary);
    }
    return good ? -1 : 1;
}

/* The corruptions to measure: names, "all", or none (the set as it is). -1 to go on. */
static int choose(const usage *u, const char *text, eval_row *rows, int *n)
{
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    *n = 0;
    if (!text) {
        rows[(*n)++] = (eval_row){.corruption = NULL};
        return -1;
    }
    option_words names;
    char *memory = malloc(strlen(text) + 1);
    int status =
        memory && split_words(text, memory, &names) && names.n <= count
            ? -1
            : usage_error(u, "--corruption: expected names with commas between them, or all, found '%s'", text);
    bool all = strcmp(text, "all") == 0;
    for (int i = 0; all && i < count; i++) {
        rows[(*n)++] = (eval_row){.corruption = table[i].name, .validation = table[i].validation};
    }
    for (int i = 0; !all && status < 0 && i < names.n; i++) {
        const reshift_corruption *one;
        reshift_error error;
        if (reshift_corruption_find(names.items[i], &one, &error) != RESHIFT_OK) {
            status = session_fail(&error);
        } else {
            rows[(*n)++] = (eval_row){.corruption = one->name, .validation = one->validation};
        }
    }
    free(memory);
    return status;
}

int command_eval(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    option_range severity = {1, 5};
    const char *weights = NULL, *head = NULL, *data = NULL, *split = "test", *corruption = NULL, *out = NULL;
    const option options[] = {
        TEXT("--weights", &weights, "W", "a checkpoint, or a name such as resnet50", NULL),
        TEXT("--head", &head, "FILE", "fc to use instead, as 'reshift probe' writes it", NULL),
        TEXT("--data", &data, "DATA", "cifar10[:DIR], cifar10-c[:DIR], folder:DIR, npy:IMAGES.npy,LABELS.npy or demo",
             NULL),
        TEXT("--split", &split, "train|test", "which part of the set", "test"),
        TEXT("--corruption", &corruption, "NAME[,NAME]",
             "corrupted versions of the images, or all; made where no file holds them", "none"),
        RANGE("--severity", &severity, "N[-M]", 1, 5, "severities", "1-5"),
        TEXT("--out", &out, "FILE.csv", "gets the table, one row a corruption and severity", NULL),
        OPTION_SIZE(c),
        OPTION_BATCH(c),
        OPTION_LIMIT(c),
        OPTION_SEED(c),
        OPTION_PRECISION(c),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "eval",
        .about =
            "Measures how many images of a set a network names rightly, by corruption and severity, with Wilson's\n"
            "95 % intervals.",
        .synopsis = "--weights W --data DATA [options]",
        .example = "  reshift eval --weights model.safetensors --data cifar10-c --corruption all --out table.csv",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (!weights || !data) {
        return usage_error(&u, "expected --weights and --data");
    }
    reshift_error error;
    reshift_model *model = NULL;
    int count, n = 0;
    reshift_corruption_table(&count);
    eval_row *rows = calloc((size_t)count + 1, sizeof *rows);
    if (!rows) {
        fprintf(stderr, "reshift: out of memory\n");
        return 1;
    }
    status = choose(&u, corruption, rows, &n);
    if (status < 0 && ((out && check_target(&c, out, &error) != RESHIFT_OK) ||
                       reshift_model_load(weights, c.data_dir, &model, &error) != RESHIFT_OK ||
                       (head && reshift_model_load_head(model, head, &error) != RESHIFT_OK) ||
                       session_calibrate(&c, model, data, &error) != RESHIFT_OK)) {
        status = session_fail(&error);
    }
    int measured = 0;
    for (int i = 0; i < n && status < 0; i++) {
        reshift_dataset *dataset = NULL;
        reshift_status done = open_data(&c, data, split, rows[i].corruption, &severity, true, &dataset, &error);
        if (done == RESHIFT_OK && reshift_dataset_n_classes(dataset) > reshift_model_n_classes(model)) {
            fprintf(stderr,
                    "reshift: the network tells %d classes apart, the data has %d\n"
                    "hint: give the layer trained on these classes with --head\n",
                    reshift_model_n_classes(model), reshift_dataset_n_classes(dataset));
            status = 1;
        } else if (done == RESHIFT_OK) {
            done = measure(&c, model, dataset, &rows[i], &error);
            rows[measured++] = rows[i];
        }
        reshift_dataset_close(&dataset);
        if (done != RESHIFT_OK) {
            status = session_fail(&error);
        }
    }
    if (status < 0 && out) {
        status = save_csv(out, rows, measured);
    }
    if (status < 0) {
        if (c.json) {
            print_json(rows, measured);
        } else {
            print_rows(rows, measured, &severity);
            if (measured > 1) {
                print_means(rows, measured);
            }
        }
        status = session_end();
    }
    reshift_model_destroy(&model);
    free(rows);
    return status;
}
