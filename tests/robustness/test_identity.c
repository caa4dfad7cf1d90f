/*
 * What keys depend on: every field of every struct of options is changed by itself, and the key of what is kept changes
 * where the field's row says that it counts, and stays the same where the row says that it cannot change a result. The
 * same for every part of a network and of a recipe.
 */
#include "check.h"

#include <math.h>

#include "classifiers/probe_epoch.h"
#include "datasets/augmented.h"
#include "datasets/temporary.h"
#include "inference/frozen.h"
#include "models/identity.h"
#include "models/model.h"
#include "robustness/cells.h"
#include "training/adapt.h"
#include "training/finetune.h"

enum { N = 6, SIZE = 32, K = 3 };

static reshift_error error;
static char spec[600], other_spec[600], photographs[300], class_map[300];
static reshift_model *model, *trained;
static reshift_dataset *set, *other_set;
static const reshift_corruption *brightness, *contrast;

/* ---- the tables themselves ---- */

static const fact_table *const tables[] = {&finetune_facts,   &schedule_facts, &augment_facts, &adapt_facts,
                                           &robustness_facts, &forward_facts,  &probe_facts};
#define TABLES ((int)(sizeof tables / sizeof *tables))

/* That every field has a row is checked by the compiler; that row i is field i, here. */
static void test_rows_are_fields(void **state)
{
    (void)state;
    for (int t = 0; t < TABLES; t++) {
        size_t end = 0;
        for (int i = 0; i < tables[t]->n_fields; i++) {
            const fact_field *f = &tables[t]->fields[i];
            if (f->offset < end || f->offset - end >= 8) {
                fail_msg("%s: the row of '%s' is not in its place", tables[t]->type, f->field);
            }
            end = f->offset + f->size;
            assert_true(f->name && f->name[0]);
            assert_true((f->kind == FACT_CHOICE) == (f->words != NULL) &&
                        (f->kind == FACT_RECORD) == (f->record != NULL));
            if (f->kind <= FACT_NUMBER) {
                assert_true(f->size == 4 || f->size == 8);
            }
            for (int j = 0; j < i && f->kind <= FACT_CHOICE; j++) {
                assert_string_not_equal(tables[t]->fields[j].name, f->name);
            }
        }
        assert_true(tables[t]->size - end < 8);
    }
}

/* ---- one field changed at a time ---- */

typedef struct subject {
    const fact_table *table;
    int n_bases; /* options from which a field is changed: in one of them it has to count */
    void (*base)(int which, void *options);
    void (*key)(const void *options, char *key, size_t size);
    bool (*flip)(const char *field, int base, void *options); /* of rows without a value; false: it is not known here */
} subject;

enum { OPTIONS_MOST = 512, KEY_MOST = 1024 };

static void flip_value(const fact_field *f, void *at)
{
    const bool wide = f->size == 8;
    switch (f->kind) {
    case FACT_INT:
    case FACT_UINT:
        if (wide) {
            ++*(int64_t *)at;
        } else {
            ++*(int32_t *)at;
        }
        break;
    case FACT_NUMBER:
        if (wide) {
            *(double *)at = *(double *)at / 2 + 0.015625;
        } else {
            *(float *)at = *(float *)at / 2 + 0.015625f;
        }
        break;
    case FACT_BOOL: *(bool *)at = !*(bool *)at; break;
    case FACT_CHOICE: *(int *)at = f->words[*(int *)at + 1] ? *(int *)at + 1 : 0; break;
    default: break;
    }
}

static void check_fields(const subject *s, const fact_table *table, size_t offset)
{
    for (int i = 0; i < table->n_fields; i++) {
        const fact_field *f = &table->fields[i];
        if (f->kind == FACT_RECORD) {
            check_fields(s, f->record, offset + f->offset);
            continue;
        }
        bool changes = false, known = false;
        for (int b = 0; b < s->n_bases; b++) {
            _Alignas(16) char before[OPTIONS_MOST], after[OPTIONS_MOST];
            char first[KEY_MOST], second[KEY_MOST];
            s->base(b, before);
            memcpy(after, before, sizeof after);
            if (f->kind == FACT_ELSEWHERE || f->kind == FACT_NEVER) {
                if (!s->flip || !s->flip(f->field, b, after)) {
                    continue;
                }
            } else {
                flip_value(f, after + offset + f->offset);
            }
            known = true;
            s->key(before, first, sizeof first);
            s->key(after, second, sizeof second);
            changes = changes || strcmp(first, second) != 0;
        }
        if (!known) {
            fail_msg("%s: this test does not know how to change '%s'", table->type, f->field);
        }
        if (changes != (f->kind != FACT_NEVER)) {
            fail_msg("%s: with another '%s' the key %s", table->type, f->field,
                     changes ? "changes, and its row says that it never does" : "does not change");
        }
    }
}

static void check_subject(const subject *s)
{
    assert_true(s->table->size <= OPTIONS_MOST);
    check_fields(s, s->table, 0);
}

/* ---- fine-tuning ---- */

static const reshift_block_rate rates[] = {{"layer4", 1e-3}, {"fc", 1e-2}},
                                other_rates[] = {{"layer4", 2e-3}, {"fc", 1e-2}};
static reshift_augment augment = {.flip = true};

static void finetune_base(int which, void *options)
{
    reshift_finetune_options *o = options;
    memset(options, 0, OPTIONS_MOST);
    reshift_finetune_options_default(o);
    o->blocks = rates;
    o->n_blocks = 2;
    o->epochs = 3;
    o->batch = 4;
    o->size = SIZE;
    if (which == 1) {
        o->optimizer = RESHIFT_OPTIMIZER_SGD;
        o->momentum = 0.5;
        o->validation = other_set;
        o->schedule = (reshift_schedule){.kind = RESHIFT_SCHEDULE_STEP, .warmup = 1, .step_size = 2, .gamma = 0.5};
    } else if (which == 2) {
        o->schedule.kind = RESHIFT_SCHEDULE_COSINE;
    }
}

static void finetune_key_of(const void *options, char *key, size_t size)
{
    const reshift_finetune_options *o = options;
    const network *net = model_network(model);
    double learning_rates[64];
    finetune t = {.model = model,
                  .net = model_network(model),
                  .dataset = set,
                  .options = o,
                  .precision = reshift_precision_here(o->precision, false),
                  .n_rows = reshift_dataset_count(set),
                  .n_test = o->test ? N : 0,
                  .n_validation = o->validation ? N : 0,
                  .rates = learning_rates};
    fact_list *depends_on;
    assert_true(net->graph->n_blocks <= 64 && size >= DIGEST_HEX_BYTES);
    for (int b = 0; b < net->graph->n_blocks; b++) {
        learning_rates[b] = -1;
        for (int i = 0; i < o->n_blocks; i++) {
            if (strcmp(net->graph->blocks[b], o->blocks[i].block) == 0) {
                learning_rates[b] = o->blocks[i].learning_rate;
            }
        }
    }
    check_ok(finetune_key(&t, &depends_on, key, &error));
    facts_destroy(&depends_on);
}

static void nothing_epoch(void *context, const reshift_epoch *epoch) { (void)context, (void)epoch; }
static void nothing_step(void *context, int64_t step, double loss) { (void)context, (void)step, (void)loss; }

static bool finetune_flip(const char *field, int base, void *options)
{
    static int64_t order[4 * N];
    static char anything;
    reshift_finetune_options *o = options;
    (void)base;
#define IS(name) (strcmp(field, name) == 0)
    if (IS("blocks")) {
        o->blocks = other_rates;
    } else if (IS("n_blocks")) {
        o->n_blocks = 1;
    } else if (IS("size")) {
        o->size = 2 * SIZE;
    } else if (IS("precision")) { /* what it comes to on this processor */
        if (reshift_precision_here(RESHIFT_PRECISION_BF16, false) == reshift_precision_here(o->precision, false)) {
            o->seed++; /* no other precision is here */
        }
        o->precision = RESHIFT_PRECISION_BF16;
    } else if (IS("cache")) {
        o->cache = (reshift_frozen_cache *)(void *)&anything;
    } else if (IS("forward_batch")) {
        o->forward_batch = 2;
    } else if (IS("cache_budget_bytes")) {
        o->cache_budget_bytes = 1;
    } else if (IS("cache_folder")) {
        o->cache_folder = "elsewhere";
    } else if (IS("checkpoint")) {
        o->checkpoint = "elsewhere";
    } else if (IS("checkpoint_mismatch")) {
        o->checkpoint_mismatch = RESHIFT_CHECKPOINT_OWN;
    } else if (IS("test")) {
        o->test = other_set;
    } else if (IS("validation")) {
        o->validation = o->validation ? set : other_set;
    } else if (IS("augment")) {
        o->augment = &augment;
    } else if (IS("on_epoch")) {
        o->on_epoch = nothing_epoch;
    } else if (IS("context")) {
        o->context = &anything;
    } else if (IS("on_step")) {
        o->on_step = nothing_step;
    } else if (IS("order")) {
        o->order = order;
    } else {
        return false;
    }
    return true;
}

static void test_finetune_options(void **state)
{
    (void)state;
    check_subject(&(subject){&finetune_facts, 3, finetune_base, finetune_key_of, finetune_flip});
}

/* ---- augmentation ---- */

static void augment_base(int which, void *options)
{
    reshift_augment *a = options;
    memset(options, 0, OPTIONS_MOST);
    if (which == 1) {
        *a = (reshift_augment){.corrupt = true,
                               .corruptions = {"fog", "contrast"},
                               .n_corruptions = 2,
                               .severity_first = 1,
                               .severity_last = 3,
                               .crop = true,
                               .crop_padding = 0.125};
    }
}

static void augment_key_of(const void *options, char *key, size_t size)
{
    fact_list *f = facts_create();
    assert_true(f != NULL && size >= DIGEST_HEX_BYTES);
    augment_add_facts(f, options);
    check_ok(facts_finish(f, key, &error));
    facts_destroy(&f);
}

static bool augment_flip(const char *field, int base, void *options)
{
    reshift_augment *a = options;
    if (base == 0 || (strcmp(field, "corruptions") != 0 && strcmp(field, "n_corruptions") != 0)) {
        return false;
    }
    if (field[0] == 'n') {
        a->n_corruptions = 1;
    } else {
        a->corruptions[0] = "contrast";
        a->corruptions[1] = "fog"; /* a draw is a place in the list */
    }
    return true;
}

static void test_augmentation(void **state)
{
    (void)state;
    check_subject(&(subject){&augment_facts, 2, augment_base, augment_key_of, augment_flip});
}

/* ---- kept activations ---- */

static void forward_base(int which, void *options)
{
    forward_setup *s = options;
    (void)which;
    memset(options, 0, OPTIONS_MOST);
    *s = (forward_setup){.net = model_network(model),
                         .recipe = reshift_model_recipe(model),
                         .size = SIZE,
                         .batch = 4,
                         .n_rows = 100,
                         .height = SIZE,
                         .width = SIZE,
                         .last_block = 2};
}

static void forward_key_of(const void *options, char *key, size_t size)
{
    const forward_setup *s = options;
    assert_true(size >= DIGEST_HEX_BYTES);
    check_ok(frozen_key(s, forward_batch_of(s), key, &error));
}

static void see_nothing(void *context, int node, const float *values, int64_t rows, int channels)
{
    (void)context, (void)node, (void)values, (void)rows, (void)channels;
}

static bool forward_flip(const char *field, int base, void *options)
{
    static reshift_recipe other;
    static int anything;
    forward_setup *s = options;
    (void)base;
    if (IS("net")) {
        s->net = model_network(trained);
    } else if (IS("recipe")) {
        other = *s->recipe;
        other.mean[1] += 0.5f;
        s->recipe = &other;
    } else if (IS("size")) {
        s->size = 2 * SIZE;
    } else if (IS("batch")) {
        s->batch = 2;
    } else if (IS("n_rows")) {
        s->n_rows = 2;
    } else if (IS("precision")) {
        s->precision = RESHIFT_PRECISION_BF16;
    } else if (IS("last_block")) {
        s->last_block = 3;
    } else if (IS("watcher")) {
        s->watcher = see_nothing;
    } else if (IS("watcher_context")) {
        s->watcher_context = &anything;
    } else {
        return false;
    }
    return true;
}

static void test_forward_setup(void **state)
{
    (void)state;
    check_subject(&(subject){&forward_facts, 1, forward_base, forward_key_of, forward_flip});
}

/* ---- eval cells: tables are measured, and the names of their files compared ---- */

enum { PLAIN, TENT, BN, PHOTOGRAPHS, MAPPED, UNSEEN, BASES };

static void robustness_base(int which, void *options)
{
    reshift_robustness_options *o = options;
    memset(options, 0, OPTIONS_MOST);
    *o = (reshift_robustness_options){.data = which == PHOTOGRAPHS ? photographs : spec,
                                      .corruptions = &brightness,
                                      .n_corruptions = 1,
                                      .size = SIZE,
                                      .batch = 4};
    reshift_dataset_options_default(&o->dataset);
    reshift_adapt_options_default(&o->adapt);
    o->dataset.severity_first = o->dataset.severity_last = 2;
    o->dataset.generate = true;
    o->cells_folder = in_temporary("cells");
    if (which == TENT || which == BN) {
        o->adapt.kind = which == BN ? RESHIFT_ADAPT_BN : RESHIFT_ADAPT_TENT;
        o->adapt.batch = 3;
        o->adapt.shuffled = true;
    }
    o->class_map = which == MAPPED ? class_map : NULL;
    o->unseen = which == UNSEEN;
}

static void robustness_key_of(const void *options, char *key, size_t size)
{
    const reshift_robustness_options *o = options;
    reshift_robustness table;
    check_ok(reshift_robustness_measure(o->unseen || o->allow_leak ? trained : model, o, &table, NULL, &error));
    const reshift_cell *cell = &table.cells[table.n_cells - 1];
    assert_non_null(cell->file);
    assert_true(file_exists(cell->file));
    snprintf(key, size, "%s", strrchr(cell->file, '-')); /* without the corruption's name and the severity */
    reshift_robustness_destroy(&table);
}

static bool robustness_flip(const char *field, int base, void *options)
{
    static reshift_fingerprints others;
    reshift_robustness_options *o = options;
    if (IS("data")) {
        o->data = other_spec;
        return base == PLAIN;
    }
    if (IS("dataset")) { /* the images count by what they are; the seed orders them */
        if (base == TENT) {
            o->dataset.seed++;
        } else {
            o->dataset.limit = 5;
        }
        return base == PLAIN || base == TENT;
    }
    if (IS("corruptions")) {
        o->corruptions = &contrast;
        return base == PLAIN;
    }
    if (IS("n_corruptions")) { /* one more, before the one that is looked at */
        static const reshift_corruption *both[2];
        both[0] = contrast;
        both[1] = brightness;
        o->corruptions = both;
        o->n_corruptions = 2;
        return base == PLAIN;
    }
    if (IS("clean")) {
        o->clean = true;
        return base == PLAIN;
    }
    if (IS("sample")) {
        o->sample = 3;
        return base == PLAIN;
    }
    if (IS("size")) {
        o->size = 48;
        return base == PLAIN;
    }
    if (IS("batch")) {
        o->batch = 2;
        return base == PLAIN;
    }
    if (IS("corrupt_native")) {
        o->corrupt_native = true;
        return base == PHOTOGRAPHS;
    }
    if (IS("precision")) {
        o->precision = RESHIFT_PRECISION_BF16;
        if (reshift_precision_here(RESHIFT_PRECISION_BF16, false) == RESHIFT_PRECISION_F32) {
            o->size = 48; /* no other precision is here */
        }
        return base == PLAIN;
    }
    if (IS("cells_folder")) {
        o->cells_folder = in_temporary("other cells");
        return base == PLAIN;
    }
    if (IS("class_map")) {
        o->class_map = class_map;
        return base == PLAIN;
    }
    if (IS("restrict_classes")) {
        o->restrict_classes = true;
        return base == MAPPED;
    }
    if (IS("allow_leak")) {
        o->allow_leak = true; /* of another network, which has seen some: the rows are the same */
        o->unseen = true;
        return base == UNSEEN;
    }
    if (IS("unseen")) {
        o->unseen = false;
        o->allow_leak = true;
        return base == UNSEEN;
    }
    if (IS("others_training")) {
        reshift_dataset *last;
        const int64_t row = N - 1;
        check_ok(reshift_dataset_subset(set, &row, 1, &last, &error));
        if (others.n == 0) {
            check_ok(reshift_fingerprints_of(last, &others, &error));
        }
        reshift_dataset_close(&last);
        o->others_training = &others;
        return base == UNSEEN;
    }
    return false;
}

static void test_robustness_options(void **state)
{
    (void)state;
    check_subject(&(subject){&robustness_facts, BASES, robustness_base, robustness_key_of, robustness_flip});
}

/* ---- what lies in the folder of cells ---- */

static char said[4096];

static void on_message(void *context, reshift_log_level level, const char *text)
{
    (void)context, (void)level;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static const reshift_progress progress = {.message = on_message};

static void measure(const reshift_robustness_options *o, int expected_taken_up)
{
    reshift_robustness table;
    int taken_up = 0;
    said[0] = '\0';
    check_ok(reshift_robustness_measure(model, o, &table, &progress, &error));
    for (int i = 0; i < table.n_cells; i++) {
        taken_up += table.cells[i].taken_up;
    }
    assert_int_equal(taken_up, expected_taken_up);
    reshift_robustness_destroy(&table);
}

static void test_cells_that_do_not_fit_are_explained(void **state)
{
    (void)state;
    _Alignas(16) char options[OPTIONS_MOST];
    reshift_robustness_options *o = (void *)options;
    robustness_base(PLAIN, options);
    char folder[300];
    snprintf(folder, sizeof folder, "%s", in_temporary("explained"));
    o->cells_folder = folder;
    put_file("explained/brightness-2-0123456789abcdef.npy", "old", 3);
    measure(o, 0);
    assert_non_null(strstr(said, "' holds 1 cell of an older version of reshift, which is not used"));
    measure(o, 1);
    o->size = 48;
    measure(o, 0);
    assert_non_null(strstr(said, "fits: 'size' was 32 and is 48"));
    o->adapt.kind = RESHIFT_ADAPT_BN;
    measure(o, 0);
    assert_non_null(strstr(said, "'adaptation' was none and is bn"));
}

/* ---- networks and recipes ---- */

static void network_key(const network *net, reshift_precision precision, char key[DIGEST_HEX_BYTES])
{
    fact_list *f = facts_create();
    assert_non_null(f);
    identity_add_network(f, net, net->graph->n_blocks - 1, precision);
    check_ok(facts_finish(f, key, &error));
    facts_destroy(&f);
}

static void test_networks(void **state)
{
    (void)state;
    network *net = model_network(model);
    char key[DIGEST_HEX_BYTES], other[DIGEST_HEX_BYTES];
    network_key(net, RESHIFT_PRECISION_F32, key);
    for (int p = 0; p < net->graph->n_parameters; p++) {
        float *last = network_parameter(net, p) + net->graph->parameters[p].count - 1, before = *last;
        *last = nextafterf(before, 2);
        network_key(net, RESHIFT_PRECISION_F32, other);
        *last = before;
        assert_string_not_equal(key, other);
    }
    network_key(net, RESHIFT_PRECISION_BF16, other);
    assert_string_not_equal(key, other);
    float *range = network_range(net, net->graph->n_nodes - 2);
    network_key(net, RESHIFT_PRECISION_F32, other);
    assert_string_equal(key, other); /* ranges are int8's alone */
    network_key(net, RESHIFT_PRECISION_INT8, key);
    range[0] = 2;
    network_key(net, RESHIFT_PRECISION_INT8, other);
    assert_string_not_equal(key, other);
    network_forget_ranges(net, 0);
}

static void recipe_key(const reshift_recipe *recipe, int size, char key[DIGEST_HEX_BYTES])
{
    fact_list *f = facts_create();
    assert_non_null(f);
    identity_add_recipe(f, recipe, size);
    check_ok(facts_finish(f, key, &error));
    facts_destroy(&f);
}

static void test_recipes(void **state)
{
    (void)state;
    const reshift_recipe recipe = reshift_recipe_at(NULL, 0);
    char key[DIGEST_HEX_BYTES], other[DIGEST_HEX_BYTES];
    recipe_key(&recipe, 0, key);
    for (int i = 0; i < 4; i++) {
        reshift_recipe changed = recipe;
        changed.size -= i == 0;
        changed.resize += i == 1;
        changed.mean[2] = nextafterf(changed.mean[2], i == 2 ? 1 : changed.mean[2]);
        changed.std[0] = nextafterf(changed.std[0], i == 3 ? 1 : changed.std[0]);
        recipe_key(&changed, 0, other);
        assert_string_not_equal(key, other);
    }
    recipe_key(&recipe, recipe.size, other);
    assert_string_equal(key, other);
    recipe_key(&recipe, 64, other);
    assert_string_not_equal(key, other);
}

/* ---- the data ---- */

static void put_images(const char *name, uint32_t seed, char *text)
{
    static uint8_t pixels[N * SIZE * SIZE * 3];
    const uint8_t labels[N] = {0, 1, 2, 0, 1, 2};
    char images[64];
    for (size_t i = 0; i < sizeof pixels; i++) {
        seed = seed * 1664525 + 1013904223;
        pixels[i] = (uint8_t)(seed >> 24);
    }
    snprintf(images, sizeof images, "%s.npy", name);
    put_npy(images, RESHIFT_U8, 4, (int64_t[]){N, SIZE, SIZE, 3}, pixels);
    put_npy("labels.npy", RESHIFT_U8, 1, (int64_t[]){N}, labels);
    snprintf(text, 600, "npy:%s,%s", in_temporary(images), in_temporary("labels.npy"));
}

static int set_up(void **state)
{
    if (make_temporary(state) != 0) {
        return 1;
    }
    put_images("images", 1, spec);
    put_images("others", 2, other_spec);
    for (int k = 0; k < K; k++) {
        for (int i = 0; i < 2; i++) {
            char name[64];
            snprintf(name, sizeof name, "photographs/%d/%d.png", k, i);
            put_png(name, 60 + 4 * i, 50, (uint8_t)(80 * k + 20));
        }
    }
    snprintf(photographs, sizeof photographs, "folder:%s", in_temporary("photographs"));
    put_file("classes.csv", "0,1\n1,1\n2,0\n", 12);
    snprintf(class_map, sizeof class_map, "%s", in_temporary("classes.csv"));
    check_ok(reshift_dataset_open(spec, NULL, &set, &error));
    check_ok(reshift_dataset_open(other_spec, NULL, &other_set, &error));
    check_ok(reshift_model_create("resnet-demo", K, 1, &model, &error));
    check_ok(reshift_model_create("resnet-demo", K, 2, &trained, &error));
    check_ok(reshift_corruption_find("brightness", &brightness, &error));
    check_ok(reshift_corruption_find("contrast", &contrast, &error));
    reshift_fingerprints prints = {0};
    reshift_dataset *seen;
    const int64_t rows[] = {0, 1};
    check_ok(reshift_dataset_subset(set, rows, 2, &seen, &error));
    check_ok(reshift_fingerprints_of(seen, &prints, &error));
    check_ok(reshift_model_add_trained_on(trained, &prints, &error));
    reshift_fingerprints_destroy(&prints);
    reshift_dataset_close(&seen);
    return 0;
}

static int tear_down(void **state)
{
    reshift_model_destroy(&model);
    reshift_model_destroy(&trained);
    reshift_dataset_close(&set);
    reshift_dataset_close(&other_set);
    return remove_temporary(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_fields),    cmocka_unit_test(test_finetune_options),
        cmocka_unit_test(test_augmentation),       cmocka_unit_test(test_forward_setup),
        cmocka_unit_test(test_robustness_options), cmocka_unit_test(test_cells_that_do_not_fit_are_explained),
        cmocka_unit_test(test_networks),           cmocka_unit_test(test_recipes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
