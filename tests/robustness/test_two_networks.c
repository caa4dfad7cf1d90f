/*
 * Two networks measured at once: whatever blocks they share, in any precision, the tables are to the bit those of each
 * network alone, and the shared blocks are the ones that are equal.
 */
#include "check.h"

#include "datasets/temporary.h"
#include "models/model.h"
#include "reshift/robustness.h"

enum { N = 12, SIZE = 32, K = 10, CORRUPTIONS = 2 };

static reshift_error error;
static char spec[600];
static const reshift_corruption *corruptions[CORRUPTIONS];

static void make_data(void)
{
    static uint8_t pixels[N * SIZE * SIZE * 3];
    static uint8_t labels[N];
    uint32_t state = 5;
    for (size_t i = 0; i < sizeof pixels; i++) {
        state = state * 1664525 + 1013904223;
        pixels[i] = (uint8_t)((state >> 25) + i / 96 % 96 + i / 3072 % 32);
    }
    for (int i = 0; i < N; i++) {
        labels[i] = (uint8_t)(i % K);
    }
    put_npy("images.npy", RESHIFT_U8, 4, (int64_t[]){N, SIZE, SIZE, 3}, pixels);
    put_npy("labels.npy", RESHIFT_U8, 1, (int64_t[]){N}, labels);
    snprintf(spec, sizeof spec, "npy:%s,%s", in_temporary("images.npy"), in_temporary("labels.npy"));
    check_ok(reshift_corruption_find("brightness", &corruptions[0], &error));
    check_ok(reshift_corruption_find("contrast", &corruptions[1], &error));
}

static reshift_robustness_options options_of(reshift_precision precision)
{
    reshift_robustness_options o = {.data = spec,
                                    .corruptions = corruptions,
                                    .n_corruptions = CORRUPTIONS,
                                    .clean = true,
                                    .size = 64,
                                    .batch = 5,
                                    .precision = precision};
    reshift_dataset_options_default(&o.dataset);
    reshift_adapt_options_default(&o.adapt);
    o.dataset.severity_first = 2;
    o.dataset.severity_last = 3;
    o.dataset.generate = true;
    return o;
}

static reshift_model *make_model(void)
{
    reshift_model *model;
    check_ok(reshift_model_create("resnet18", K, 3, &model, &error));
    return model;
}

/* The network with every other value of a parameter moved. */
static reshift_model *changed(const reshift_model *model, const char *parameter)
{
    reshift_model *copy;
    check_ok(reshift_model_clone(model, &copy, &error));
    network *net = model_network(copy);
    int p = graph_find_parameter(net->graph, parameter);
    assert_true(p >= 0);
    for (size_t i = 0; i < net->graph->parameters[p].count; i += 2) {
        network_parameter(net, p)[i] += 0.25f;
    }
    network_touch(net, p);
    return copy;
}

/* What was said of blocks that run once; "" where nothing was. */
static char said[256];

static void listen(void *context, reshift_log_level level, const char *text)
{
    (void)context;
    (void)level;
    if (strstr(text, "run once for both")) {
        snprintf(said, sizeof said, "%s", text);
    }
}

static const reshift_progress progress = {.message = listen};

static void assert_equal_tables(const reshift_robustness *a, const reshift_robustness *b)
{
    assert_int_equal(a->n_cells, 1 + 2 * CORRUPTIONS);
    assert_int_equal(a->n_cells, b->n_cells);
    assert_int_equal(a->precision, b->precision);
    for (int i = 0; i < a->n_cells; i++) {
        assert_ptr_equal(a->cells[i].corruption, b->cells[i].corruption);
        assert_int_equal(a->cells[i].severity, b->cells[i].severity);
        assert_int_equal(a->cells[i].rows.shape[0], N);
        assert_memory_equal(a->cells[i].rows.data, b->cells[i].rows.data, reshift_array_bytes(&a->cells[i].rows));
        assert_memory_equal(a->cells[i].confusion, b->cells[i].confusion, K * K * sizeof(int64_t));
    }
}

static bool differ(const reshift_robustness *a, const reshift_robustness *b)
{
    bool found = false;
    for (int i = 0; i < a->n_cells; i++) {
        found |= memcmp(a->cells[i].rows.data, b->cells[i].rows.data, reshift_array_bytes(&a->cells[i].rows)) != 0;
    }
    return found;
}

static void measure_alone(const reshift_model *model, const reshift_robustness_options *o, reshift_robustness *table)
{
    reshift_robustness_options own = *o;
    own.cells_folder = NULL;
    check_ok(reshift_robustness_measure(model, &own, table, NULL, &error));
}

/*
 * Both at once against each alone. shared: the last common block, NULL for none; first: the table of `a` alone, NULL to
 * measure it here.
 */
static void check_two(const reshift_model *a, const reshift_model *b, const reshift_robustness_options o[2],
                      const char *shared, const reshift_robustness *first)
{
    const reshift_model *const models[2] = {a, b};
    reshift_robustness together[2], alone[2] = {{0}};
    char expected[128] = "";
    if (shared) {
        snprintf(expected, sizeof expected, "both networks are the same up to '%s': run once for both", shared);
    }
    said[0] = '\0';
    check_ok(reshift_robustness_measure_two(models, o, together, &progress, &error));
    assert_string_equal(said, expected);
    for (int k = first ? 1 : 0; k < 2; k++) {
        measure_alone(models[k], &o[k], &alone[k]);
    }
    const reshift_robustness *const expected_tables[2] = {first ? first : &alone[0], &alone[1]};
    for (int k = 0; k < 2; k++) {
        assert_equal_tables(&together[k], expected_tables[k]);
    }
    assert_true(differ(expected_tables[0], expected_tables[1]));
    for (int k = 0; k < 2; k++) {
        reshift_robustness_destroy(&together[k]);
        reshift_robustness_destroy(&alone[k]);
    }
}

static void test_every_cut_in_every_precision(void **state)
{
    (void)state;
    static const struct {
        const char *moved, *shared;
    } cuts[] = {{"conv1.weight", NULL},
                {"layer1.1.conv1.weight", "conv1"},
                {"layer2.0.bn1.running_mean", "layer1"},
                {"layer3.0.downsample.0.weight", "layer2"},
                {"layer4.1.bn2.weight", "layer3"},
                {"fc.bias", "layer4"}};
    static const reshift_precision precisions[] = {RESHIFT_PRECISION_F32, RESHIFT_PRECISION_BF16,
                                                   RESHIFT_PRECISION_INT8};
    for (size_t p = 0; p < sizeof precisions / sizeof *precisions; p++) {
        const reshift_robustness_options o[2] = {options_of(precisions[p]), options_of(precisions[p])};
        reshift_model *same = make_model(); /* measured in int8 it keeps its ranges, which copies would take over */
        reshift_robustness first;
        measure_alone(same, &o[0], &first);
        reshift_model_destroy(&same);
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            reshift_model *a = make_model(), *b = changed(a, cuts[i].moved);
            /* layer1 adds what conv1's pool gives, so in int8 they have ranges in common: calibrated anew, these differ
             */
            bool apart = reshift_precision_here(precisions[p], false) == RESHIFT_PRECISION_INT8 && i == 1;
            check_two(a, b, o, apart ? NULL : cuts[i].shared, &first);
            reshift_model_destroy(&a);
            reshift_model_destroy(&b);
        }
        reshift_robustness_destroy(&first);
    }
}

/* Where the images enter in another way or in another precision, or a network adapts, nothing is shared. */
static void test_nothing_shared(void **state)
{
    (void)state;
    reshift_model *a = make_model(), *b = changed(a, "fc.weight");
    reshift_robustness_options o[2] = {options_of(RESHIFT_PRECISION_F32), options_of(RESHIFT_PRECISION_F32)};
    o[1].size = 96;
    check_two(a, b, o, NULL, NULL);
    o[1] = options_of(RESHIFT_PRECISION_F32);
    o[1].adapt.kind = RESHIFT_ADAPT_BN;
    check_two(a, b, o, NULL, NULL);
    o[1] = options_of(RESHIFT_PRECISION_F32);
    reshift_recipe recipe = *reshift_model_recipe(b);
    recipe.mean[1] += 0.125f;
    reshift_model_set_recipe(b, &recipe);
    check_two(a, b, o, NULL, NULL);
    reshift_model_destroy(&a);
    reshift_model_destroy(&b);
}

/* Cells of an earlier run are taken up, whichever network's they are; only what both lack is run once for both. */
static void test_taken_up(void **state)
{
    (void)state;
    reshift_model *a = make_model(), *b = changed(a, "layer4.0.bn1.bias");
    reshift_robustness_options o[2] = {options_of(RESHIFT_PRECISION_F32), options_of(RESHIFT_PRECISION_F32)};
    char folder[256];
    snprintf(folder, sizeof folder, "%s", in_temporary("cells"));
    for (int k = 0; k < 2; k++) {
        reshift_robustness table;
        o[k].cells_folder = folder;
        reshift_robustness_options few = o[k];
        few.clean = k == 0;
        few.n_corruptions = k;
        check_ok(reshift_robustness_measure(k ? b : a, &few, &table, NULL, &error));
        reshift_robustness_destroy(&table);
    }
    check_two(a, b, o, "layer3", NULL); /* a's clean images and b's brightness are there, the rest is not */
    const reshift_model *const models[2] = {a, b};
    reshift_robustness again[2];
    said[0] = '\0';
    check_ok(reshift_robustness_measure_two(models, o, again, &progress, &error));
    assert_string_equal(said, "");
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < again[k].n_cells; i++) {
            assert_true(again[k].cells[i].taken_up);
        }
        reshift_robustness_destroy(&again[k]);
    }
    reshift_model_destroy(&a);
    reshift_model_destroy(&b);
}

/* What one network alone refuses both refuse, and nothing is left of either. */
static void test_refusals(void **state)
{
    (void)state;
    reshift_model *a = make_model(), *b;
    const reshift_robustness_options o[2] = {options_of(RESHIFT_PRECISION_F32), options_of(RESHIFT_PRECISION_F32)};
    check_ok(reshift_model_create("resnet18", K - 1, 3, &b, &error));
    const reshift_model *const models[2] = {a, b};
    reshift_robustness tables[2];
    check_error(reshift_robustness_measure_two(models, o, tables, NULL, &error), RESHIFT_ERROR_SHAPE,
                "the network has 9 classes, the data has 10");
    assert_true(tables[0].cells == NULL && tables[1].cells == NULL && tables[0].labels == NULL);
    reshift_model_destroy(&a);
    reshift_model_destroy(&b);
}

static int times_looked;

static void count_looks(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    (void)context;
    (void)unit;
    times_looked += strcmp(what, "looking at the images") == 0 && done == total;
}

/* The images of a folder are looked at (with skip_bad: decoded) once for all corruptions and both networks. */
static void test_a_folder_is_opened_once(void **state)
{
    (void)state;
    char folder[300];
    static const char *const names[] = {"set/a/1.png", "set/a/2.png", "set/b/1.png", "set/b/2.png"};
    for (int i = 0; i < 4; i++) {
        put_png(names[i], 40, 40, (uint8_t)(50 * i));
    }
    put_file("set/b/3.png", "no image", 8);
    snprintf(folder, sizeof folder, "folder:%s", in_temporary("set"));
    reshift_model *a, *b;
    check_ok(reshift_model_create("resnet18", 2, 3, &a, &error));
    check_ok(reshift_model_create("resnet18", 2, 4, &b, &error));
    reshift_robustness_options o[2] = {options_of(RESHIFT_PRECISION_F32), options_of(RESHIFT_PRECISION_F32)};
    for (int k = 0; k < 2; k++) {
        o[k].data = folder;
        o[k].dataset.skip_bad = true;
    }
    const reshift_model *const models[2] = {a, b};
    const reshift_progress counting = {.update = count_looks};
    reshift_robustness tables[2];
    times_looked = 0;
    check_ok(reshift_robustness_measure_two(models, o, tables, &counting, &error));
    assert_int_equal(times_looked, 1);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(tables[k].n_images, 4);
        assert_int_equal(tables[k].n_skipped, 1);
        assert_int_equal(tables[k].n_damaged, 0);
        reshift_robustness_destroy(&tables[k]);
    }
    reshift_model_destroy(&a);
    reshift_model_destroy(&b);
}

static int set_up(void **state)
{
    int failed = make_temporary(state);
    if (!failed) {
        make_data();
    }
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_in_every_precision),
        cmocka_unit_test(test_nothing_shared),
        cmocka_unit_test(test_taken_up),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_folder_is_opened_once),
    };
    return cmocka_run_group_tests_name("two networks", tests, set_up, remove_temporary);
}
