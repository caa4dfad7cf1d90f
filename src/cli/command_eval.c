/* reshift eval: accuracy and calibration of a network, or of two, on clean and corrupted images, with intervals. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/eval.h"
#include "cli/show.h"
#include "reshift/learning.h"

enum { PATH_MOST = 4096 };

/* The parsed command line. */
typedef struct request {
    common c;
    const char *weights, *head, *data, *split, *corruption, *against, *against_head, *out, *baseline;
    double baseline_clean;
    int64_t sample;
    option_range severity;
    bool allow_leak, unseen, shuffle, restrict_classes, verify;
    const char *class_map;
    const char *adapt, *against_adapt, *optimizer;
    double adapt_rate;
    int64_t adapt_source;
    const reshift_corruption *corruptions[RESHIFT_CORRUPTIONS_MOST];
    int n_corruptions;
} request;

/* The corruptions to measure: names, all, the 15 of leaderboards, or none. Returns -1 to continue. */
static int choose(const usage *u, request *q)
{
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    if (!q->corruption) {
        return -1;
    }
    bool all = strcmp(q->corruption, "all") == 0, leaderboard = strcmp(q->corruption, "leaderboard") == 0;
    for (int i = 0; (all || leaderboard) && i < count; i++) {
        if (all || !table[i].validation) {
            q->corruptions[q->n_corruptions++] = &table[i];
        }
    }
    if (all || leaderboard) {
        return -1;
    }
    option_words names;
    char *memory = malloc(strlen(q->corruption) + 1);
    int status = -1;
    if (!memory || !split_words(q->corruption, memory, &names) || names.n > count) {
        status = usage_error(u, "--corruption: expected names with commas between them, all or leaderboard, found '%s'",
                             q->corruption);
    }
    for (int i = 0; status < 0 && i < names.n; i++) {
        const reshift_corruption *one;
        reshift_error error;
        if (reshift_corruption_find(names.items[i], &one, &error) != RESHIFT_OK) {
            status = session_fail(&error);
        }
        for (int j = 0; status < 0 && j < q->n_corruptions; j++) {
            if (q->corruptions[j] == one) {
                status = usage_error(u, "--corruption: %s is named twice", one->name);
            }
        }
        if (status < 0) {
            q->corruptions[q->n_corruptions++] = one;
        }
    }
    free(memory);
    return status;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t a = strlen(text), b = strlen(ending);
    return a >= b && strcmp(text + a - b, ending) == 0;
}

/* Targets of the results: FILE.csv alone, or a folder with everything. */
typedef struct targets {
    bool folder;
    char csv[PATH_MOST], json[PATH_MOST], classes[PATH_MOST], confusion[PATH_MOST], plots[PATH_MOST], cells[PATH_MOST];
} targets;

static reshift_status check_targets(const request *q, targets *t, reshift_error *error)
{
    if (!q->out) {
        return RESHIFT_OK;
    }
    if (strlen(q->out) > PATH_MOST - 64) {
        return fail_with(error, RESHIFT_ERROR_ARGUMENT, "--out: a path of %zu bytes is too long", strlen(q->out));
    }
    t->folder = !ends_with(q->out, ".csv");
    if (!t->folder) {
        snprintf(t->csv, sizeof t->csv, "%s", q->out);
        snprintf(t->cells, sizeof t->cells, "%s.cells", q->out);
        return check_target(&q->c, q->out, error);
    }
    struct stat facts;
    if (stat(q->out, &facts) == 0 && !S_ISDIR(facts.st_mode)) {
        return fail_with(error, RESHIFT_ERROR_EXISTS,
                         "'%s' exists already and is a file: expected FILE.csv, or a folder's name", q->out);
    }
    snprintf(t->csv, sizeof t->csv, "%s/results.csv", q->out);
    snprintf(t->json, sizeof t->json, "%s/results.json", q->out);
    snprintf(t->classes, sizeof t->classes, "%s/classes.csv", q->out);
    snprintf(t->confusion, sizeof t->confusion, "%s/confusion.npy", q->out);
    snprintf(t->plots, sizeof t->plots, "%s/plots", q->out);
    snprintf(t->cells, sizeof t->cells, "%s/cells", q->out);
    const char *files[] = {t->csv, t->json, t->classes, t->confusion};
    for (size_t i = 0; !q->c.force && i < sizeof files / sizeof *files; i++) {
        if (stat(files[i], &facts) != 0 && errno != ENOENT && errno != ENOTDIR) {
            return fail_with(error, RESHIFT_ERROR_IO, "cannot write '%s': %s", files[i], strerror(errno));
        } else if (stat(files[i], &facts) == 0) {
            fail_with(error, RESHIFT_ERROR_EXISTS, "'%s' exists already", files[i]);
            snprintf(error->hint, sizeof error->hint, "use --force to replace it, or choose another folder");
            return RESHIFT_ERROR_EXISTS;
        }
    }
    return RESHIFT_OK;
}

static reshift_status write_results(const request *q, const targets *t, const eval_result *r, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    if (t->folder) {
        status = eval_save_json(t->json, r, error);
        status = status == RESHIFT_OK ? eval_save_classes(t->classes, r, error) : status;
        status = status == RESHIFT_OK ? eval_save_confusion(t->confusion, r, q->c.force, error) : status;
        status = status == RESHIFT_OK ? eval_plot(t->plots, r, true, error) : status;
        if (status == RESHIFT_ERROR_NOT_FOUND) { /* without gnuplot the results are still complete */
            session_say("no plots: %s", error->message);
            status = RESHIFT_OK;
        }
    }
    if (status == RESHIFT_OK && q->out) {
        status = eval_save_csv(t->csv, r, error);
    }
    if (status == RESHIFT_OK && q->out && !t->folder) { /* the table is complete: its cells are no longer needed */
        reshift_robustness_forget(&r->table, t->cells);
        reshift_robustness_forget(&r->other, t->cells);
    }
    return status;
}

static reshift_robustness_options options_of(const request *q, const targets *t, const char *adapt,
                                             const reshift_fingerprints *training)
{
    reshift_robustness_options o = {.data = q->data,
                                    .corruptions = q->corruptions,
                                    .n_corruptions = q->n_corruptions,
                                    .clean = true,
                                    .sample = q->sample,
                                    .size = (int)q->c.size,
                                    .batch = (int)q->c.batch,
                                    .precision = session_precision(&q->c),
                                    .cells_folder = q->out ? t->cells : NULL,
                                    .class_map = q->class_map,
                                    .restrict_classes = q->restrict_classes,
                                    .allow_leak = q->allow_leak,
                                    .unseen = q->unseen,
                                    .others_training = training};
    reshift_dataset_options_default(&o.dataset);
    reshift_adapt_options_default(&o.adapt);
    reshift_adapt_read(adapt, &o.adapt.kind);
    o.adapt.batch = q->c.batch ? (int)q->c.batch : o.adapt.batch;
    o.adapt.shuffled = q->shuffle;
    o.adapt.source_images = (double)q->adapt_source;
    o.adapt.sgd = strcmp(q->optimizer, "sgd") == 0;
    o.adapt.learning_rate = q->adapt_rate;
    o.dataset.data_dir = q->c.data_dir;
    o.dataset.skip_bad = q->c.skip_bad;
    o.dataset.split = q->split;
    o.dataset.limit = q->c.limit;
    o.dataset.severity_first = (int)q->severity.first;
    o.dataset.severity_last = (int)q->severity.last;
    o.dataset.generate = true;
    o.dataset.seed = (uint64_t)q->c.seed;
    o.dataset.jpeg = session_jpeg(&q->c);
    o.dataset.constants = session_constants(&q->c);
    o.corrupt_native = session_corrupts_native(&q->c);
    o.dataset.verify = q->verify;
    return o;
}

/* The training images recorded by a network; also adds them to `prints`. */
static reshift_status add_training(const reshift_model *model, reshift_fingerprints *prints, reshift_error *error)
{
    const reshift_fingerprints *known = reshift_model_trained_on(model);
    return known ? reshift_fingerprints_add(prints, known->values, known->n, error) : RESHIFT_OK;
}

static reshift_status measure_one(const request *q, const targets *t, reshift_robustness *table, reshift_error *error)
{
    reshift_model *model = NULL;
    const reshift_robustness_options o = options_of(q, t, q->adapt, NULL);
    reshift_status status = open_model(&q->c, q->weights, q->head, &model, error);
    if (status == RESHIFT_OK) {
        status = reshift_robustness_measure(model, &o, table, session_progress(), error);
    }
    reshift_model_destroy(&model);
    return status;
}

static reshift_status measure_two(const request *q, const targets *t, eval_result *r, reshift_error *error)
{
    reshift_model *models[2] = {NULL, NULL};
    reshift_fingerprints training = {0}; /* of both networks: each is measured on images that neither has seen */
    reshift_robustness tables[2];
    reshift_status status = open_model(&q->c, q->weights, q->head, &models[0], error);
    if (status == RESHIFT_OK) {
        status = open_model(&q->c, q->against, q->against_head, &models[1], error);
    }
    if (status == RESHIFT_OK && reshift_model_n_classes(models[1]) == 0) {
        status = fail_with(error, RESHIFT_ERROR_SHAPE,
                           "--against '%s' has no last layer (fc): it gives features, not classes", q->against);
        snprintf(error->hint, sizeof error->hint,
                 "--against-head FILE gives it one: 'reshift extract' and 'reshift probe' make such a file");
    }
    for (int k = 0; k < 2 && status == RESHIFT_OK && q->unseen; k++) {
        status = add_training(models[k], &training, error);
    }
    if (status == RESHIFT_OK) {
        const reshift_robustness_options o[2] = {options_of(q, t, q->adapt, &training),
                                                 options_of(q, t, q->against_adapt, &training)};
        status =
            reshift_robustness_measure_two((const reshift_model *const *)models, o, tables, session_progress(), error);
    }
    if (status == RESHIFT_OK) {
        r->table = tables[0];
        r->other = tables[1];
    }
    reshift_fingerprints_destroy(&training);
    reshift_model_destroy(&models[0]);
    reshift_model_destroy(&models[1]);
    return status;
}

/* ImageNet-C's own baseline is used for ImageNet's thousand classes only. */
static reshift_status find_baseline(const request *q, eval_result *r, reshift_error *error)
{
    bool imagenet = r->table.n_data_classes == 1000 && r->table.n_classes == 1000,
         alexnet = q->baseline && strcmp(q->baseline, "alexnet") == 0;
    if (alexnet && !imagenet) {
        session_say("no mCE: AlexNet's errors are of ImageNet-C's images and say nothing about these");
        return RESHIFT_OK;
    }
    if (!q->baseline && !imagenet) {
        return RESHIFT_OK;
    }
    reshift_status status = reshift_baseline_find(q->baseline ? q->baseline : "alexnet", &r->baseline, error);
    r->has_baseline = status == RESHIFT_OK;
    if (status == RESHIFT_OK && r->baseline.jpeg_quality && r->table.n_corruptions > 0 &&
        r->table.prepared.jpeg != r->baseline.jpeg_quality) {
        session_say("no mCE: %s's errors are of images stored as JPEG of quality %d, and these are not",
                    r->baseline.name, r->baseline.jpeg_quality);
        r->has_baseline = false;
    }
    if (status == RESHIFT_OK && q->baseline_clean > 0) {
        r->baseline.clean_error = q->baseline_clean / 100;
    }
    return status;
}

static reshift_status evaluate(const request *q, const targets *t, eval_result *r, reshift_error *error)
{
    reshift_status status = q->against ? measure_two(q, t, r, error) : measure_one(q, t, &r->table, error);
    if (status == RESHIFT_OK) {
        status = find_baseline(q, r, error);
    }
    const reshift_baseline *baseline = r->has_baseline ? &r->baseline : NULL;
    if (status == RESHIFT_OK) {
        status = reshift_robustness_summarise(&r->table, false, baseline, &r->all, error);
    }
    r->has_unseen = r->table.n_seen > 0 && r->table.n_seen < r->table.n_images;
    if (status == RESHIFT_OK && r->has_unseen) {
        status = reshift_robustness_summarise(&r->table, true, baseline, &r->unseen, error);
    }
    if (status == RESHIFT_OK && q->against) {
        status = reshift_robustness_summarise(&r->other, false, baseline, &r->other_all, error);
    }
    if (status == RESHIFT_OK && q->against) {
        r->difference_unseen = r->table.n_seen + r->other.n_seen > 0;
        status = reshift_robustness_compare(&r->table, &r->other, r->difference_unseen, &r->difference, error);
    }
    return status;
}

static void print(const request *q, const eval_result *r)
{
    if (!q->c.json) {
        eval_print(r);
        return;
    }
    json_t *object = eval_json(r);
    print_json(object, JSON_INDENT(1) | JSON_REAL_PRECISION(17), "{}");
    json_decref(object);
}

int command_eval(int argc, char **argv)
{
    request q = {.c = COMMON_DEFAULTS,
                 .split = "test",
                 .severity = {1, 5},
                 .adapt = "none",
                 .against_adapt = "none",
                 .optimizer = "adam",
                 .adapt_rate = 0.001};
    option_words words;
    const option options[] = {
        TEXT("--weights", &q.weights, "W",
             "a checkpoint (FILE#BRANCH: one of several networks in it), or a name such as resnet50", NULL),
        TEXT("--head", &q.head, "FILE", "fc to use instead, from 'reshift probe'", NULL),
        TEXT("--data", &q.data, "DATA",
             "cifar10[:DIR], cifar10-c[:DIR], imagenet-c[:DIR], folder:DIR, npy:IMAGES.npy,LABELS.npy, npy:BOTH.npz or "
             "demo",
             NULL),
        TEXT("--split", &q.split, "train|test", "part of the set", "test"),
        TEXT("--corruption", &q.corruption, "NAME[,NAME]",
             "corrupted versions in addition to the clean images: names, all, or leaderboard (15); generated if there"
             " is no file",
             "none"),
        RANGE("--severity", &q.severity, "N[-M]", 1, 5, "severities", "1-5"),
        OPTION_CONSTANTS(q.c),
        OPTION_CORRUPT_AT(q.c),
        OPTION_NO_JPEG(q.c),
        OPTION_SKIP_BAD(q.c),
        COUNT("--sample", &q.sample, "N", 1, COUNT_MOST,
              "N images per cell, a stratified sample, the same in every "
              "cell",
              "all"),
        TEXT("--against", &q.against, "W", "another network: differences on the same images, with paired intervals",
             NULL),
        TEXT("--against-head", &q.against_head, "FILE", "its fc", NULL),
        TEXT("--against-adapt", &q.against_adapt, "none|bn|tent", "adaptation of the other network", "none"),
        TEXT("--adapt", &q.adapt, "none|bn|tent",
             "bn: batch norm with the test batch's statistics; tent: also minimises entropy by its scales and shifts",
             "none"),
        COUNT("--adapt-source", &q.adapt_source, "N", 0, 1e9, "bn: weight of the training statistics, as N images",
              "0"),
        TEXT("--adapt-optimizer", &q.optimizer, "adam|sgd", "tent: sgd has momentum 0.9", "adam"),
        NUMBER("--adapt-lr", &q.adapt_rate, "X", 0, 10, "tent: learning rate", "0.001"),
        FLAG("--shuffle", &q.shuffle, "with --adapt: random order of the images"),
        TEXT("--baseline", &q.baseline, "FILE.csv[:NAME]",
             "network that errors are measured against (mCE), in RobustBench's layout, or alexnet",
             "alexnet for images of ImageNet's 1000 classes, else none"),
        NUMBER("--baseline-clean", &q.baseline_clean, "PERCENT", 0, 100, "its error on clean images, for relative mCE",
               "43.5 of alexnet"),
        TEXT("--class-map", &q.class_map, "FILE.csv",
             "output of the network for each class of the set: rows 'class,number or name'", "by name, else by number"),
        FLAG("--restrict-classes", &q.restrict_classes,
             "if the set has only some of the network's classes: use only their outputs"),
        FLAG("--verify", &q.verify, "measure only files whose md5 is the published one (CIFAR-10-C's), and say so"),
        FLAG("--allow-leak", &q.allow_leak,
             "also measure images that the network was trained on, and those never seen separately"),
        FLAG("--unseen", &q.unseen, "measure, or sample, only images not seen in training (of either network)"),
        TEXT("--out", &q.out, "DIR|FILE.csv",
             "a folder for table, JSON, confusion matrices, plots and finished cells; or the table alone", NULL),
        OPTION_SIZE(q.c),
        OPTION_BATCH(q.c),
        OPTION_LIMIT(q.c),
        OPTION_SEED(q.c),
        OPTION_PRECISION(q.c),
        OPTION_DATA_DIR(q.c),
        OPTION_THREADS(q.c),
        OPTION_FORCE(q.c),
        OPTION_QUIET(q.c),
        OPTION_JSON(q.c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "eval",
        .about =
            "Measures a network on clean and corrupted images: accuracy, likelihood, Brier score and calibration by\n"
            "corruption and severity, with 95 % intervals. Stopped, it goes on where it was when the same command is\n"
            "given again (with --out).",
        .synopsis = "--weights W --data DATA [options]",
        .example =
            "  reshift eval --weights model.safetensors --data cifar10-c --corruption all --sample 1000 --out table\n"
            "  reshift eval --weights tuned.safetensors --against original.safetensors --data cifar10-c "
            "--corruption leaderboard --baseline robustbench.csv:Standard --out compared.csv",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &q.c)) >= 0 || (status = choose(&u, &q)) >= 0) {
        return status;
    }
    if (!q.weights || !q.data) {
        return usage_error(&u, "expected --weights and --data");
    }
    reshift_adapt_kind kinds[2];
    if (!reshift_adapt_read(q.adapt, &kinds[0]) || !reshift_adapt_read(q.against_adapt, &kinds[1])) {
        return usage_error(&u, "--adapt and --against-adapt: expected none, bn or tent");
    }
    if (strcmp(q.optimizer, "adam") != 0 && strcmp(q.optimizer, "sgd") != 0) {
        return usage_error(&u, "--adapt-optimizer: expected adam or sgd, found '%s'", q.optimizer);
    }
    if (q.adapt_source > 0 && kinds[0] != RESHIFT_ADAPT_BN && kinds[1] != RESHIFT_ADAPT_BN) {
        return usage_error(&u, "--adapt-source goes with --adapt bn");
    }
    if (q.unseen && q.allow_leak) {
        return usage_error(&u, "--unseen leaves images out that --allow-leak would measure: expected one of the two");
    }
    if (!q.corruption && (q.severity.first != 1 || q.severity.last != RESHIFT_SEVERITIES)) {
        return usage_error(&u, "--severity goes with --corruption");
    }
    if (q.against_head && !q.against) {
        return usage_error(&u, "--against-head goes with --against");
    }
    reshift_error error;
    targets t = {0};
    eval_result r = {.weights = q.weights,
                     .head = q.head,
                     .against = q.against,
                     .against_head = q.against_head,
                     .data = q.data,
                     .class_map = q.class_map,
                     .sample = q.sample,
                     .seed = q.c.seed};
    reshift_baseline checked;
    const reshift_robustness_options asked = options_of(&q, &t, q.adapt, NULL);
    reshift_status done = reshift_dataset_check(q.data, &asked.dataset, &error);
    if (done == RESHIFT_OK) {
        done = check_targets(&q, &t, &error);
    }
    if (done == RESHIFT_OK && q.baseline) { /* before the work instead of after it */
        done = reshift_baseline_find(q.baseline, &checked, &error);
    }
    if (done == RESHIFT_OK) {
        done = evaluate(&q, &t, &r, &error);
    }
    if (done == RESHIFT_OK) {
        done = write_results(&q, &t, &r, &error);
    }
    if (done == RESHIFT_OK) {
        print(&q, &r);
        status = session_end();
    } else {
        status = session_fail(&error);
    }
    reshift_robustness_destroy(&r.table);
    reshift_robustness_destroy(&r.other);
    reshift_comparison_destroy(&r.difference);
    return status;
}
