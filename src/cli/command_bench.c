/*
 * reshift bench: rates of the stages on this machine, compared with its measured limits. A rate is computed from the
 * difference of a long and a short run, so that one-time costs (planning, calibration, first access to memory) do not
 * count. Nothing is read from disk.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bench_corruptions.h"
#include "cli/bench_operations.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/evaluation.h"
#include "reshift/learning.h"
#include "reshift/machine.h"
#include "reshift/words.h"

typedef struct bench {
    const common *c;
    reshift_model *model;
    reshift_dataset *images;
    const char *data, *corruption; /* source of the images; one corruption, or NULL: all */
    int size;
    double operations[RESHIFT_PRECISION_AUTO], read_bytes; /* limits, by precision; 0: not measured */
    json_t *rows;
} bench;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One line of the table; share is a fraction of the limit named `of`, or NAN. */
static void tell(bench *b, const char *stage, const char *what, double rate, const char *unit, double share,
                 const char *of)
{
    if (b->c->json) {
        json_array_append_new(b->rows, json_pack("{s:s, s:s, s:f, s:s, s:o, s:s}", "stage", stage, "what", what, "rate",
                                                 rate, "unit", unit, "share",
                                                 isfinite(share) ? json_real(share) : json_null(), "limit", of));
        return;
    }
    printf("%-9s %-44s %10.*f %-12s", stage, what, rate < 100 ? 2 : 0, rate, unit);
    if (isfinite(share)) {
        printf(" %5.1f %% of %s", 100 * share, of);
    }
    printf("\n");
    fflush(stdout);
}

static reshift_precision precision_here(const bench *b)
{
    return reshift_precision_here(session_precision(b->c), false);
}

/* Measures every limit once, before the stages: the arithmetic needed, or all. */
static reshift_status measure_limits(bench *b, bool all, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (int p = 0; p < RESHIFT_PRECISION_AUTO && status == RESHIFT_OK; p++) {
        bool exists = reshift_precision_here((reshift_precision)p, false) == (reshift_precision)p;
        if (exists && (all || (reshift_precision)p == precision_here(b))) {
            status = reshift_arithmetic_measure((reshift_precision)p, &b->operations[p], error);
        }
    }
    return status == RESHIFT_OK ? reshift_reading_measure(&b->read_bytes, error) : status;
}

static reshift_status bench_limits(bench *b, reshift_error *error)
{
    (void)error;
    for (int p = 0; p < RESHIFT_PRECISION_AUTO; p++) {
        char what[64];
        snprintf(what, sizeof what, "multiply and add, %s", reshift_precision_name((reshift_precision)p));
        if (b->operations[p] > 0) {
            tell(b, "limits", what, b->operations[p] / 1e9, p == RESHIFT_PRECISION_INT8 ? "GOP/s" : "GFLOP/s", NAN, "");
        }
    }
    tell(b, "limits", "reading memory", b->read_bytes / 1e9, "GB/s", NAN, "");
    return RESHIFT_OK;
}

static reshift_status first_images(bench *b, int64_t n, reshift_dataset **part, reshift_error *error)
{
    int64_t rows[1024];
    for (int64_t i = 0; i < n; i++) {
        rows[i] = i;
    }
    return reshift_dataset_subset(b->images, rows, n, part, error);
}

static reshift_status time_forward(bench *b, int64_t n, double *seconds, reshift_error *error)
{
    const reshift_forward_options options = {
        .size = b->size, .batch = (int)b->c->batch, .precision = session_precision(b->c)};
    reshift_dataset *part = NULL;
    reshift_array features = {0};
    reshift_status status = first_images(b, n, &part, error);
    double start = now_seconds();
    if (status == RESHIFT_OK) {
        status = reshift_forward(b->model, part, &options, &features, NULL, session_progress(), error);
    }
    *seconds = now_seconds() - start;
    reshift_array_destroy(&features);
    reshift_dataset_close(&part);
    return status;
}

static reshift_status bench_extract(bench *b, reshift_error *error)
{
    int64_t few = b->c->batch, many = 5 * few;
    double first, second, ignored;
    reshift_status status = time_forward(b, few, &ignored, error); /* warm-up: pages, frequencies */
    if (status == RESHIFT_OK) {
        status = time_forward(b, few, &first, error);
    }
    if (status == RESHIFT_OK) {
        status = time_forward(b, many, &second, error);
    }
    if (status == RESHIFT_OK) {
        char what[96];
        double rate = (double)(many - few) / (second - first);
        snprintf(what, sizeof what, "%s, %dx%d, batch %lld, %s", reshift_model_arch(b->model), b->size, b->size,
                 (long long)few, reshift_precision_name(precision_here(b)));
        double limit = b->operations[precision_here(b)];
        double share = 2 * reshift_model_multiply_adds(b->model, b->size) * rate / limit;
        tell(b, "extract", what, rate, "images/s", limit > 0 ? share : NAN, "arithmetic");
    }
    return status;
}

static reshift_status bench_finetune(bench *b, reshift_error *error)
{
    reshift_block_rate rates[] = {{.learning_rate = 1e-4}, {.learning_rate = 1e-3}};
    for (int i = 0; i < 2; i++) {
        snprintf(rates[i].block, sizeof rates[i].block, "%s", reshift_model_default_block(b->model, i));
    }
    reshift_status status = RESHIFT_OK;
    for (int cached = 0; cached < 2 && status == RESHIFT_OK; cached++) {
        reshift_dataset *part = NULL;
        reshift_model *model = NULL;
        reshift_history history = {0};
        reshift_finetune_options options;
        reshift_finetune_options_default(&options);
        options.blocks = rates;
        options.n_blocks = 2;
        options.epochs = cached ? 4 : 3;
        options.batch = (int)b->c->batch;
        options.size = b->size;
        options.precision = session_precision(b->c);
        options.cache_budget_bytes = cached ? (uint64_t)1 << 30 : 0;
        status = first_images(b, b->c->batch, &part, error);
        if (status == RESHIFT_OK) {
            status = reshift_model_clone(b->model, &model, error);
        }
        if (status == RESHIFT_OK) {
            status = reshift_finetune(model, part, &options, &history, session_progress(), error);
        }
        if (status == RESHIFT_OK) {
            double least = INFINITY;
            for (int i = 1; i < history.n_epochs; i++) { /* the first epoch plans and fills the cache */
                least = fmin(least, history.epochs[i].seconds);
            }
            char what[96];
            snprintf(what, sizeof what, "%s and %s of %s, batch %lld, %s", rates[0].block, rates[1].block,
                     reshift_model_arch(b->model), (long long)b->c->batch, cached ? "rest cached" : "nothing cached");
            tell(b, "finetune", what, (double)b->c->batch / least, "images/s", NAN, "");
        }
        reshift_history_destroy(&history);
        reshift_model_destroy(&model);
        reshift_dataset_close(&part);
    }
    return status;
}

/*
 * Features [n,2048] with variances that decrease about like a network's: each row has one of 64 patterns of increasing
 * strength, plus noise (an LCG). Labels are 0..9 and follow from the pattern.
 */
static reshift_status make_features(int64_t n, reshift_array *features, reshift_array *labels, reshift_error *error)
{
    enum { D = 2048, PATTERNS = 64 };
    reshift_status status = reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n, D}, features, error);
    if (status == RESHIFT_OK) {
        status = reshift_array_create(RESHIFT_I64, 1, (int64_t[]){n}, labels, error);
    }
    for (int64_t i = 0; status == RESHIFT_OK && i < n; i++) {
        uint64_t state = (uint64_t)i * 0x9e3779b97f4a7c15u + 1;
        int64_t pattern = i * 7 % PATTERNS;
        float *row = (float *)features->data + i * D, strength = 3 * powf(0.85f, (float)pattern);
        ((int64_t *)labels->data)[i] = pattern % 10;
        for (int64_t d = 0; d < D; d++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            row[d] = (float)(state >> 40) * 0x1p-24f + (d % PATTERNS == pattern ? strength : 0.0f);
        }
    }
    return status;
}

enum { FEATURE_ROWS = 50000 };

/* Fraction of the time for reading the features, values of `width` bytes, once from memory. */
static double share_of_reading(const bench *b, int width, double seconds)
{
    return b->read_bytes > 0 ? (double)FEATURE_ROWS * 2048 * width / b->read_bytes / seconds : NAN;
}

static reshift_status bench_probe(bench *b, reshift_error *error)
{
    reshift_array features = {0}, labels = {0}, weight = {0}, bias = {0};
    reshift_history history = {0};
    reshift_probe_options options;
    reshift_probe_options_default(&options);
    options.precision = reshift_precision_here(session_precision(b->c), true);
    reshift_status status = make_features(FEATURE_ROWS, &features, &labels, error);
    if (status == RESHIFT_OK) {
        status = reshift_probe_train(&features, &labels, NULL, NULL, 10, &options, &weight, &bias, &history,
                                     session_progress(), error);
    }
    if (status == RESHIFT_OK) {
        double least = INFINITY;
        for (int i = 1; i < history.n_epochs; i++) {
            least = fmin(least, history.epochs[i].seconds);
        }
        const bool bf16 = options.precision == RESHIFT_PRECISION_BF16;
        char what[96];
        snprintf(what, sizeof what, "an epoch of 50,000 x 2048, 10 classes, %s",
                 reshift_precision_name(options.precision));
        tell(b, "probe", what, 1e3 * least, "ms", share_of_reading(b, bf16 ? 2 : 4, least), "reading memory once");
    }
    reshift_history_destroy(&history);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_array_destroy(&features);
    reshift_array_destroy(&labels);
    return status;
}

static reshift_status bench_pca(bench *b, reshift_error *error)
{
    reshift_array features = {0}, labels = {0};
    reshift_status status = make_features(FEATURE_ROWS, &features, &labels, error);
    double least = INFINITY;
    for (int i = 0; i < 5 && status == RESHIFT_OK; i++) {
        reshift_pca_result pca = {0};
        double start = now_seconds();
        status = reshift_pca_fit(&features, 2, &pca, error);
        least = fmin(least, now_seconds() - start);
        reshift_pca_destroy(&pca);
    }
    if (status == RESHIFT_OK) {
        tell(b, "pca", "50,000 x 2048 to 2 components", 1e3 * least, "ms", share_of_reading(b, 4, least),
             "reading memory once");
    }
    reshift_array_destroy(&features);
    reshift_array_destroy(&labels);
    return status;
}

static reshift_status bench_corrupt(bench *b, reshift_error *error)
{
    return bench_corruptions(b->images, b->c->data_dir, b->corruption, b->c->json, b->rows, error);
}

static reshift_status bench_ops(bench *b, reshift_error *error)
{
    enum { BATCH_MOST = 16 };
    const int batch = b->c->batch < BATCH_MOST ? (int)b->c->batch : BATCH_MOST;
    const reshift_precision precision = reshift_precision_here(session_precision(b->c), true);
    double arithmetic = b->operations[precision];
    reshift_status status = RESHIFT_OK;
    if (arithmetic <= 0) {
        status = reshift_arithmetic_measure(precision, &arithmetic, error);
    }
    return status == RESHIFT_OK
               ? bench_operations(precision, batch, arithmetic, b->read_bytes, b->c->json, b->rows, error)
               : status;
}

typedef struct bench_stage {
    const char *name;
    reshift_status (*run)(bench *b, reshift_error *error);
    bool network, images, limits;
} bench_stage;

static const bench_stage stages[] = {
    {"limits", bench_limits, false, false, true},    {"extract", bench_extract, true, true, true},
    {"finetune", bench_finetune, true, true, false}, {"probe", bench_probe, false, false, true},
    {"pca", bench_pca, false, false, true},          {"corruptions", bench_corrupt, false, true, false},
    {"ops", bench_ops, false, false, true},
};
#define STAGES ((int)(sizeof stages / sizeof *stages))

static bool wanted(const option_words *words, const char *name)
{
    for (int i = 0; i < words->n; i++) {
        if (strcmp(words->items[i], name) == 0) {
            return true;
        }
    }
    return words->n == 0;
}

static reshift_status prepare(bench *b, const option_words *words, const char *weights, reshift_error *error)
{
    bool network = false, images = false, limits = false;
    for (int i = 0; i < STAGES; i++) {
        bool chosen = wanted(words, stages[i].name);
        network = network || (chosen && stages[i].network);
        images = images || (chosen && stages[i].images);
        limits = limits || (chosen && stages[i].limits);
    }
    reshift_status status = reshift_dataset_check(b->data, NULL, error);
    if (status == RESHIFT_OK && network && weights) {
        status = open_model(b->c, weights, NULL, &b->model, error);
    } else if (status == RESHIFT_OK && network) {
        status = reshift_model_create("resnet50", 1000, 0, &b->model, error);
    }
    if (status == RESHIFT_OK && network && !b->size) {
        b->size = reshift_model_recipe(b->model)->size;
    }
    if (status == RESHIFT_OK && images) {
        reshift_dataset_options options;
        reshift_dataset_options_default(&options);
        options.limit = 1024;
        options.data_dir = b->c->data_dir;
        status = reshift_dataset_open(b->data, &options, &b->images, error);
    }
    const int64_t needed = network ? 5 * b->c->batch : 1;
    if (status == RESHIFT_OK && images && reshift_dataset_count(b->images) < needed) {
        status =
            fail_with(error, RESHIFT_ERROR_SHAPE, "data '%s': expected at least %lld images, five batches, found %lld",
                      b->data, (long long)needed, (long long)reshift_dataset_count(b->images));
        snprintf(error->hint, sizeof error->hint, "use a smaller --batch, or a set with more images");
    }
    if (status == RESHIFT_OK && limits) {
        status = measure_limits(b, wanted(words, "limits"), error);
    }
    return status;
}

int command_bench(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const char *weights = NULL, *data = "demo", *corruption = NULL;
    c.batch = 64;
    const option options[] = {
        TEXT("--weights", &weights, "W",
             "a checkpoint (FILE#BRANCH: one of several networks in it), or a name such as resnet50",
             "a ResNet-50 of random weights"),
        TEXT("--data", &data, "DATA", "source of the images", "demo"),
        TEXT("--corruption", &corruption, "NAME", "the only corruption to time", "all"),
        OPTION_SIZE(c),
        COUNT("--batch", &c.batch, "N", 1, 128, "images per pass", "64"),
        OPTION_PRECISION(c),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "bench",
        .about = "Measures the rate of each stage and the limits of this machine that it is held against. Let nothing "
                 "else run.\n"
                 "Stages: limits, extract, finetune, probe, pca, corruptions, ops (single operations of real "
                 "networks; at most 16 images, int8 as bf16); all of them when none is named.",
        .synopsis = "[STAGE...] [options]",
        .argument = "STAGE",
        .at_most = STAGES,
        .example = "  reshift bench extract probe --threads 2",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    for (int i = 0; i < words.n; i++) {
        const char *names[STAGES + 1] = {NULL};
        bool known = false;
        for (int s = 0; s < STAGES; s++) {
            names[s] = stages[s].name;
            known = known || strcmp(names[s], words.items[i]) == 0;
        }
        if (!known) {
            const char *nearest = nearest_word(words.items[i], names);
            return usage_error(&u, "unknown stage '%s'%s%s%s", words.items[i], nearest ? ", did you mean '" : "",
                               nearest ? nearest : "", nearest ? "'?" : "");
        }
    }
    reshift_error error;
    bench b = {.c = &c, .data = data, .corruption = corruption, .size = (int)c.size, .rows = json_array()};
    reshift_status done = prepare(&b, &words, weights, &error);
    for (int i = 0; i < STAGES && done == RESHIFT_OK; i++) {
        if (wanted(&words, stages[i].name)) {
            bool alone = reshift_peak_memory_forget(); /* excludes the memory of the previous stages */
            done = stages[i].run(&b, &error);
            if (done == RESHIFT_OK && alone && stages[i].run != bench_limits) {
                tell(&b, stages[i].name, "peak memory", (double)reshift_peak_memory_bytes() / 1e6, "MB", NAN, "");
            }
        }
    }
    if (done != RESHIFT_OK) {
        status = session_fail(&error);
    } else if (c.json) {
        json_t *object = json_pack("{s:s, s:i, s:O}", "engine", reshift_engine_description(), "threads",
                                   reshift_threads_count(), "rates", b.rows);
        print_json(object, JSON_INDENT(1) | JSON_REAL_PRECISION(6), "{}");
        json_decref(object);
        status = session_end();
    } else {
        printf("%s, %d %s\n", reshift_engine_description(), reshift_threads_count(),
               reshift_noun_for(reshift_threads_count(), "thread", "threads"));
        status = session_end();
    }
    json_decref(b.rows);
    reshift_dataset_close(&b.images);
    reshift_model_destroy(&b.model);
    return status;
}
