/*
 * Optimisers, schedules, label smoothing and recalibrated batch norm against PyTorch; golden/make_tuning.py is the
 * other side and says what each part holds.
 */
#include "check.h"

#include <math.h>

#include "engine/loss.h"
#include "kernels/optimiser.h"
#include "training/made_up_network.h"
#include "reshift/learning.h"
#include "reshift/tensors.h"

enum { n_values = 300, n_steps = 10, n_buckets = 512 };

static reshift_tensors *golden;

static const reshift_array *find(const char *format, const char *a, const char *b)
{
    char name[160];
    snprintf(name, sizeof name, format, a, b);
    const reshift_array *array = reshift_tensors_find(golden, name);
    if (!array) {
        fail_msg("the golden file has no '%s'", name);
    }
    return array;
}

/* ---- schedules ---- */

/* PyTorch multiplies its way from one unit to the next, some roundings of 1e-16 each. */
static void test_schedules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        reshift_schedule schedule;
    } cases[] = {
        {"constant", {.kind = RESHIFT_SCHEDULE_CONSTANT}},
        {"warmup", {.kind = RESHIFT_SCHEDULE_CONSTANT, .warmup = 4}},
        {"step", {.kind = RESHIFT_SCHEDULE_STEP, .step_size = 5, .gamma = 0.1}},
        {"warmup-step", {.kind = RESHIFT_SCHEDULE_STEP, .warmup = 3, .step_size = 4, .gamma = 0.5}},
        {"cosine", {.kind = RESHIFT_SCHEDULE_COSINE}},
        {"warmup-cosine", {.kind = RESHIFT_SCHEDULE_COSINE, .warmup = 5}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const reshift_array *expected = find("factor.%s%s", cases[i].name, "");
        int64_t n = expected->shape[0];
        for (int64_t t = 0; t < n; t++) {
            double value = ((const double *)expected->data)[t];
            double found = reshift_schedule_factor(&cases[i].schedule, t, n);
            if (!(fabs(found - value) <= 1e-12)) {
                fail_msg("%s, unit %lld: expected %.17g, found %.17g", cases[i].name, (long long)t, value, found);
            }
        }
    }
}

/* ---- label smoothing ---- */

/* The loss is a sum of some ten doubles, the gradient is rounded to float once. */
static void test_label_smoothing(void **state)
{
    (void)state;
    enum { n = 6, k = 7 };
    float logits[n * k], gradient[n * k];
    int labels[n], correct;
    for (uint32_t i = 0; i < n * k; i++) {
        logits[i] = made_up_uniform(600, i) * 8;
    }
    for (int i = 0; i < n; i++) {
        labels[i] = i * 3 % k;
    }
    static const char *const names[] = {"0", "0.1", "1"};
    for (int c = 0; c < 3; c++) {
        reshift_error error;
        double loss;
        check_ok(loss_cross_entropy(logits, labels, n, k, atof(names[c]), &loss, &correct, gradient, &error));
        double expected = *(const double *)find("loss.%s%s", names[c], "")->data;
        assert_true(fabs(loss - expected) < 1e-14 * expected);
        const double *exact = find("loss.%s%s", names[c], ".gradient")->data;
        for (int i = 0; i < n * k; i++) {
            assert_true(fabs((double)gradient[i] - exact[i]) <= 1e-7 * fabs(exact[i]) + 1e-16);
        }
    }
}

/* ---- optimisers ---- */

static const struct {
    const char *name;
    optimiser_rule rule;
} optimisers[] = {
    {"sgd", {.kind = OPTIMISER_SGD}},
    {"sgd-decay", {.kind = OPTIMISER_SGD, .decay = 0.1}},
    {"sgd-momentum", {.kind = OPTIMISER_SGD, .decay = 0.1, .momentum = 0.9}},
    {"sgd-nesterov", {.kind = OPTIMISER_SGD, .decay = 0.1, .momentum = 0.8, .nesterov = true}},
    {"adam", {.kind = OPTIMISER_ADAM}},
    {"adam-decay", {.kind = OPTIMISER_ADAM, .decay = 0.1}},
    {"adamw", {.kind = OPTIMISER_ADAMW, .decay = 0.1}},
};
enum { n_optimisers = sizeof optimisers / sizeof *optimisers };

/*
 * Both sides round each step's result, and the step itself, at most 0.1 here (rate 0.01, momentum 0.9), some ten times:
 * 2 steps (|value| / 2 + 10 x 0.1) 6e-8 apart at most, with values up to 1.5.
 */
static void test_steps(void **state)
{
    (void)state;
    static const reshift_schedule schedule = {.kind = RESHIFT_SCHEDULE_STEP, .step_size = 15, .gamma = 0.5};
    for (int c = 0; c < n_optimisers; c++) {
        reshift_error error;
        float values[n_values], gradient[n_values];
        const float *const gradients[1] = {gradient};
        optimiser *o;
        for (uint32_t i = 0; i < n_values; i++) {
            values[i] = made_up_uniform(610, i);
        }
        check_ok(optimiser_create(&optimisers[c].rule, &(optimiser_span){values, n_values, 0.01}, 1, &o, &error));
        for (int step = 1; step <= 40; step++) {
            for (uint32_t i = 0; i < n_values; i++) {
                gradient[i] = made_up_uniform(620 + (uint32_t)step, i);
            }
            optimiser_advance(o, reshift_schedule_factor(&schedule, step - 1, 40), gradients);
            if (step > 2 && step < 40) {
                continue;
            }
            char at[16];
            snprintf(at, sizeof at, "%d", step);
            const float *expected = find("steps.%s.%s", optimisers[c].name, at)->data;
            double bound = 2 * step * (0.75 + 1) * 6e-8;
            for (int i = 0; i < n_values; i++) {
                if (!(fabs((double)values[i] - (double)expected[i]) <= bound)) {
                    fail_msg("%s, step %d, value %d: expected %.9g, found %.9g, allowed %.2g", optimisers[c].name, step,
                             i, (double)expected[i], (double)values[i], bound);
                }
            }
        }
        optimiser_destroy(&o);
    }
}

/* Saved in the middle and gone on with elsewhere: the same bits. */
static void test_state_goes_on(void **state)
{
    (void)state;
    for (int c = 0; c < n_optimisers; c++) {
        reshift_error error;
        float values[2][n_values], gradient[n_values];
        const float *const gradients[1] = {gradient};
        optimiser *whole, *part;
        memset(values, 0, sizeof values);
        check_ok(
            optimiser_create(&optimisers[c].rule, &(optimiser_span){values[0], n_values, 0.01}, 1, &whole, &error));
        check_ok(optimiser_create(&optimisers[c].rule, &(optimiser_span){values[1], n_values, 0.01}, 1, &part, &error));
        for (uint32_t step = 1; step <= 8; step++) {
            for (uint32_t i = 0; i < n_values; i++) {
                gradient[i] = made_up_uniform(620 + step, i);
            }
            optimiser_advance(whole, 1, gradients);
            if (step > 4) {
                optimiser_advance(part, 1, gradients);
            } else if (step == 4) {
                memcpy(values[1], values[0], sizeof values[0]);
                for (int which = 0; which < optimiser_states(whole); which++) {
                    memcpy(optimiser_state(part, which, 0), optimiser_state(whole, which, 0), sizeof values[0]);
                }
                optimiser_set_steps(part, optimiser_steps(whole));
            }
        }
        assert_memory_equal(values[0], values[1], sizeof values[0]);
        optimiser_destroy(&whole);
        optimiser_destroy(&part);
    }
}

/* ---- a network ---- */

static void make_sketch(const double *values, size_t count, double sketch[n_buckets])
{
    memset(sketch, 0, n_buckets * sizeof *sketch);
    for (size_t i = 0; i < count; i++) {
        uint32_t h = made_up_hash(77, (uint32_t)i);
        if (count <= n_buckets) {
            sketch[i] = values[i];
        } else {
            sketch[h % n_buckets] += h >> 9 & 1 ? -values[i] : values[i];
        }
    }
}

/* How far apart two movements of a tensor are, relative to the movement; estimated where it is large. */
static double compare_movement(const char *part, const char *name, const reshift_model *before,
                               const reshift_model *after)
{
    const network *a = model_network(before), *b = model_network(after);
    int p = graph_find_parameter(a->graph, name);
    size_t count = a->graph->parameters[p].count;
    double *moved = malloc(count * sizeof *moved), sketch[n_buckets], squares = 0;
    for (size_t i = 0; i < count; i++) {
        moved[i] = (double)network_parameter(b, p)[i] - (double)network_parameter(a, p)[i];
    }
    make_sketch(moved, count, sketch);
    free(moved);
    const reshift_array *expected = find("net.%s.moved.%s", part, name);
    for (int64_t i = 0; i < reshift_array_count(expected); i++) {
        double off = sketch[i] - (double)((const float *)expected->data)[i];
        squares += off * off;
    }
    return sqrt(squares) / *(const double *)find("net.%s.norm.%s", part, name)->data;
}

static void keep_loss(void *context, int64_t step, double loss) { ((double *)context)[step - 1] = loss; }

static reshift_finetune_options options_of(const reshift_block_rate rates[2], const int64_t *order, double *losses)
{
    reshift_finetune_options options;
    reshift_finetune_options_default(&options);
    options.blocks = rates;
    options.n_blocks = 2;
    options.epochs = 1;
    options.batch = 16;
    options.size = made_up_size;
    options.batchnorm = RESHIFT_BATCHNORM_TRAIN;
    options.order = order;
    options.on_step = keep_loss;
    options.context = losses;
    return options;
}

/*
 * The golden file says how far PyTorch's float32 is from its float64: the same sums in another order may be as far off
 * on another side, and twice that for the estimate of a sketch.
 */
static void run_network(const char *part, double rate, void (*choose)(reshift_finetune_options *))
{
    static const char *const watched[] = {"layer4.0.conv1.weight", "layer4.1.bn2.weight", "layer4.0.downsample.1.bias",
                                          "fc.weight", "fc.bias"};
    reshift_error error;
    int64_t order[n_made_up];
    double losses[n_steps];
    made_up_permutation(200, order, n_made_up);
    const reshift_block_rate rates[2] = {{"layer4", rate}, {"fc", 10 * rate}};
    reshift_finetune_options options = options_of(rates, order, losses);
    choose(&options);
    reshift_dataset *dataset = open_made_up();
    reshift_model *before = make_made_up_model(), *model;
    reshift_history history;
    check_ok(reshift_model_clone(before, &model, &error));
    check_ok(reshift_finetune(model, dataset, &options, &history, NULL, &error));
    const double *expected = find("net.%s.%s", part, "losses")->data, *off = find("net.%s.%s", part, "off")->data;
    double worst = 0;
    for (int i = 0; i < n_steps; i++) {
        worst = fmax(worst, fabs(losses[i] - expected[i]) / expected[i]);
    }
    print_message("# %s: loss %.4f to %.4f, within %.1e (float32 from float64 %.1e)\n", part, losses[0],
                  losses[n_steps - 1], worst, off[0]);
    assert_true(worst < 2 * off[0] + 1e-6);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        double moved = compare_movement(part, watched[i], before, model);
        print_message("#   %s moved alike within %.1e (%.1e)\n", watched[i], moved, off[i + 1]);
        assert_true(moved < 4 * off[i + 1] + 1e-6);
    }
    reshift_history_destroy(&history);
    reshift_model_destroy(&model);
    reshift_model_destroy(&before);
    reshift_dataset_close(&dataset);
}

static void choose_sgd(reshift_finetune_options *o)
{
    o->optimizer = RESHIFT_OPTIMIZER_SGD;
    o->momentum = 0.9;
    o->nesterov = true;
    o->weight_decay = 1e-2;
    o->label_smoothing = 0.1;
    o->schedule = (reshift_schedule){RESHIFT_SCHEDULE_COSINE, true, 3, 1, 1};
}

static void choose_adam(reshift_finetune_options *o)
{
    o->weight_decay = 1e-2;
    o->schedule = (reshift_schedule){RESHIFT_SCHEDULE_STEP, true, 0, 4, 0.3};
}

static void choose_adamw(reshift_finetune_options *o)
{
    o->optimizer = RESHIFT_OPTIMIZER_ADAMW;
    o->weight_decay = 1e-1;
    o->label_smoothing = 0.2;
    o->schedule = (reshift_schedule){RESHIFT_SCHEDULE_CONSTANT, true, 5, 1, 1};
}

static void test_network_by_sgd(void **state)
{
    (void)state;
    run_network("sgd", 1e-3, choose_sgd);
}

static void test_network_by_adam(void **state)
{
    (void)state;
    run_network("adam", 1e-4, choose_adam);
}

static void test_network_by_adamw(void **state)
{
    (void)state;
    run_network("adamw", 1e-4, choose_adamw);
}

/* ---- automatic rates ---- */

static reshift_block_rate all_blocks[] = {{"conv1", 0},  {"layer1", 0}, {"layer2", 0},
                                          {"layer3", 0}, {"layer4", 0}, {"fc", 0}};

/*
 * Ratios of the first epoch against PyTorch's in float64, within twice what PyTorch's float32 is off; the rates are the
 * ratios over the largest. One batch in a made-up order is a tenth of the rows of the gradient.
 */
static void run_ratios(const char *part, const reshift_block_rate *blocks, int n_blocks, reshift_batchnorm batchnorm,
                       double smoothing)
{
    reshift_error error;
    int64_t order[n_made_up];
    double losses[n_steps];
    made_up_permutation(200, order, n_made_up);
    reshift_finetune_options options = options_of(blocks, order, losses);
    options.n_blocks = n_blocks;
    options.auto_rate = 0.01;
    options.batchnorm = batchnorm;
    options.label_smoothing = smoothing;
    reshift_dataset *dataset = open_made_up();
    reshift_model *model = make_made_up_model();
    reshift_history history;
    check_ok(reshift_finetune(model, dataset, &options, &history, NULL, &error));
    const reshift_array *expected = find("ratio.%s%s", part, "");
    const double *ratios = expected->data, *off = find("ratio.%s%s", part, ".off")->data;
    assert_int_equal(history.n_rated, n_blocks);
    assert_int_equal(reshift_array_count(expected), n_blocks);
    double largest = 0, worst = 0;
    for (int i = 0; i < n_blocks; i++) {
        assert_string_equal(history.rates[i].block, blocks[i].block);
        largest = fmax(largest, history.rates[i].ratio);
        worst = fmax(worst, fabs(history.rates[i].ratio - ratios[i]) / ratios[i]);
    }
    print_message("# %s: ratios within %.1e (float32 from float64 %.1e)\n", part, worst, *off);
    assert_true(worst < 2 * *off + 1e-6);
    for (int i = 0; i < n_blocks; i++) {
        assert_true(history.rates[i].learning_rate == 0.01 * (history.rates[i].ratio / largest));
    }
    reshift_history_destroy(&history);
    reshift_model_destroy(&model);
    reshift_dataset_close(&dataset);
}

static void test_ratios_of_all_blocks(void **state)
{
    (void)state;
    run_ratios("all", all_blocks, 6, RESHIFT_BATCHNORM_FROZEN, 0);
}

static void test_ratios_with_batch_norm_training(void **state)
{
    (void)state;
    run_ratios("training", all_blocks + 4, 2, RESHIFT_BATCHNORM_TRAIN, 0.1);
}

/* ---- recalibrated batch norm ---- */

/*
 * PyTorch's update_bn of layer4 on the same batches of 24 rows in float32, which is 2.8e-7 from its float64: either
 * side may be as far off, and twice that is allowed.
 */
static void test_recalibration(void **state)
{
    (void)state;
    reshift_error error;
    int64_t order[n_made_up];
    double losses[n_steps];
    made_up_permutation(200, order, n_made_up);
    const reshift_block_rate rates[2] = {{"layer4", 1e-30}, {"fc", 1e-30}}; /* too small to move anything */
    reshift_finetune_options options = options_of(rates, order, losses);
    options.batch = 24;
    options.batchnorm = RESHIFT_BATCHNORM_RECALIBRATE;
    reshift_dataset *dataset = open_made_up();
    reshift_model *before = make_made_up_model(), *model;
    reshift_history history;
    check_ok(reshift_model_clone(before, &model, &error));
    check_ok(reshift_finetune(model, dataset, &options, &history, NULL, &error));
    const network *was = model_network(before), *is = model_network(model);
    double worst = 0;
    int compared = 0;
    for (int p = 0; p < is->graph->n_parameters; p++) {
        const graph_parameter *g = &is->graph->parameters[p];
        const float *a = network_parameter(was, p), *b = network_parameter(is, p);
        const bool running = g->role == GRAPH_RUNNING_MEAN || g->role == GRAPH_RUNNING_VAR;
        if (strncmp(g->name, "layer4", 6) != 0 || !running) {
            if (memcmp(a, b, g->count * sizeof *a) != 0 && strncmp(g->name, "layer4", 6) != 0 && g->name[0] != 'f') {
                fail_msg("'%s' moved", g->name);
            }
            continue;
        }
        const float *expected = find("recalibrated.%s%s", g->name, "")->data;
        double squares = 0, norm = 0;
        for (size_t k = 0; k < g->count; k++) {
            squares += pow((double)b[k] - (double)expected[k], 2);
            norm += pow((double)expected[k], 2);
        }
        worst = fmax(worst, sqrt(squares / norm));
        compared++;
    }
    print_message("# recalibrated: %d vectors within %.1e\n", compared, worst);
    assert_int_equal(compared, 10);
    assert_true(worst < 2 * 2 * 2.8e-7);
    for (int n = 0; n < is->graph->n_nodes; n++) {
        const graph_node *node = &is->graph->nodes[n];
        const bool counted = node->op == GRAPH_BATCHNORM && !strncmp(node->name, "layer4", 6);
        assert_int_equal(is->batches_tracked[n], counted ? 7 : was->batches_tracked[n]);
    }
    reshift_history_destroy(&history);
    reshift_model_destroy(&model);
    reshift_model_destroy(&before);
    reshift_dataset_close(&dataset);
}

int main(void)
{
    reshift_error error;
    char path[512];
    snprintf(path, sizeof path, "%s/tests/training/golden/training-tuning.safetensors", TEST_SOURCE_ROOT);
    if (reshift_tensors_load(path, &golden, &error) != RESHIFT_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_label_smoothing),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_state_goes_on),
        cmocka_unit_test(test_network_by_sgd),
        cmocka_unit_test(test_network_by_adam),
        cmocka_unit_test(test_network_by_adamw),
        cmocka_unit_test(test_ratios_of_all_blocks),
        cmocka_unit_test(test_ratios_with_batch_norm_training),
        cmocka_unit_test(test_recalibration),
    };
    int failed = cmocka_run_group_tests_name("tuning", tests, NULL, NULL);
    reshift_tensors_destroy(&golden);
    return failed;
}
