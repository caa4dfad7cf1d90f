/*
 * Training against PyTorch: the gradients of one batch, tensor by tensor, and the losses of many steps.
 * golden/make_training.py is the other side; it says how large gradients are compared by sketches, and why the rows of
 * the batch are picked: elsewhere even PyTorch's float32 and float64 gradients differ by more than 1e-3.
 *
 *   scratch          ResNet-18 from its stem, all blocks, batch norm training; and a bare model.train() with layer4 and
 * fc resnet50         layer4 and fc of the real network on real images, batch norm frozen and training in layer4
 */
#include "check.h"

#include <math.h>
#include <unistd.h>

#include "engine/plan.h"
#include "inference/forward.h"
#include "training/made_up_network.h"
#include "models/model.h"
#include "reshift/learning.h"
#include "plan_values.h"

enum { batch = 16, n_picked = 2, n_buckets = 512, max_steps = 100 };

/* ---- the golden file ---- */

static reshift_tensors *load_golden(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/training/golden/%s", TEST_SOURCE_ROOT, name);
    reshift_error error;
    reshift_tensors *golden;
    check_ok(reshift_tensors_load(path, &golden, &error));
    return golden;
}

static const reshift_array *find(const reshift_tensors *golden, const char *part, const char *kind, const char *what)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s%s%s", part, kind, *what ? "." : "", what);
    const reshift_array *array = reshift_tensors_find(golden, name);
    if (!array) {
        fail_msg("the golden file has no '%s'", name);
    }
    return array;
}

/* ---- a training to compare ---- */

typedef struct training {
    const char *part;
    const reshift_tensors *golden;
    reshift_model *model;
    const reshift_dataset *dataset;
    int size, n_steps, epochs;
    const int64_t *order;
    reshift_batchnorm batchnorm;
    reshift_frozen_cache *cache; /* NULL: of the training's own */
    reshift_block_rate rates[8];
    int n_rates;
    double losses[max_steps];
} training;

static bool is_trained(const training *t, const char *block)
{
    for (int i = 0; i < t->n_rates; i++) {
        if (!strcmp(t->rates[i].block, block)) {
            return true;
        }
    }
    return false;
}

static void make_sketch(const float *values, size_t count, double sketch[n_buckets])
{
    memset(sketch, 0, n_buckets * sizeof *sketch);
    for (size_t i = 0; i < count; i++) {
        if (count <= n_buckets) {
            sketch[i] = (double)values[i];
        } else {
            uint32_t h = made_up_hash(77, (uint32_t)i);
            sketch[h % n_buckets] += h >> 9 & 1 ? -(double)values[i] : (double)values[i];
        }
    }
}

/* Relative L2 distance of a gradient, in full or estimated. */
static double compare_gradient(const training *t, const graph_parameter *parameter, const float *gradient)
{
    const reshift_array *expected = find(t->golden, t->part, "gradient", parameter->name);
    double norm = *(const double *)find(t->golden, t->part, "norm", parameter->name)->data;
    double sketch[n_buckets], squares = 0;
    make_sketch(gradient, parameter->count, sketch);
    int64_t n = reshift_array_count(expected);
    assert_int_equal(n, parameter->count < n_buckets ? (int64_t)parameter->count : n_buckets);
    for (int64_t i = 0; i < n; i++) {
        double off = sketch[i] - (double)((const float *)expected->data)[i];
        squares += off * off;
    }
    return sqrt(squares) / norm;
}

/* Running statistics after one forward pass in training, where the golden file has them. */
static double compare_statistics(const training *t, const network *net, const graph_parameter *parameter, int index)
{
    char name[128];
    snprintf(name, sizeof name, "%s.buffer.%s", t->part, parameter->name);
    const reshift_array *expected = reshift_tensors_find(t->golden, name);
    double squares = 0, norm = 0;
    for (size_t i = 0; expected && i < parameter->count; i++) {
        double value = (double)((const float *)expected->data)[i];
        double off = (double)network_parameter(net, index)[i] - value;
        squares += off * off;
        norm += value * value;
    }
    return norm > 0 ? sqrt(squares / norm) : sqrt(squares);
}

/* One batch by the engine itself, on a copy of the model: its batch statistics move. */
static void check_gradients(const training *t)
{
    reshift_error error;
    reshift_model *copy;
    check_ok(reshift_model_clone(t->model, &copy, &error));
    network *net = model_network(copy);
    const graph *g = net->graph;
    bool train[16] = {false}, statistics[16] = {false};
    int first = -1;
    for (int b = 0; b < g->n_blocks; b++) {
        train[b] = is_trained(t, g->blocks[b]);
        statistics[b] =
            t->batchnorm == RESHIFT_BATCHNORM_TRAIN_ALL || (t->batchnorm == RESHIFT_BATCHNORM_TRAIN && train[b]);
        first = first < 0 && (train[b] || statistics[b]) ? b : first;
    }
    forward_setup setup = {
        .net = net, .recipe = reshift_model_recipe(copy), .size = t->size, .batch = n_picked, .last_block = first - 1};
    forward *below;
    check_ok(forward_create(&setup, &below, &error));
    int n_dims;
    int64_t shape[3];
    forward_row_shape(below, &n_dims, shape);
    plan_options options = {.batch = n_picked,
                            .height = (int)shape[0],
                            .width = (int)shape[1],
                            .first_block = first,
                            .last_block = g->n_blocks - 1,
                            .train_block = train,
                            .batchnorm_batch = statistics};
    plan *p;
    check_ok(plan_create(net, &options, &p, &error));
    check_ok(forward_start(below, t->dataset, find(t->golden, t->part, "rows", "")->data, n_picked, &error));
    int labels[n_picked], n = 0, correct;
    while (n < n_picked) {
        forward_pass pass;
        check_ok(forward_next(below, &pass, &error));
        assert_true(pass.n > 0);
        memcpy(input_of(p) + n * forward_row_count(below), pass.output,
               (size_t)(pass.n * forward_row_count(below)) * sizeof(float));
        memcpy(labels + n, pass.labels, (size_t)pass.n * sizeof *labels);
        n += pass.n;
    }
    double loss, worst = 0, worst_statistics = 0;
    const char *worst_name = "";
    check_ok(plan_forward(p, &error));
    check_ok(plan_loss(p, labels, &loss, &correct, &error));
    check_ok(plan_backward(p, &error));
    int compared = 0;
    for (int i = 0; i < g->n_parameters; i++) {
        const graph_parameter *parameter = &g->parameters[i];
        if (parameter->role == GRAPH_RUNNING_MEAN || parameter->role == GRAPH_RUNNING_VAR) {
            double off = compare_statistics(t, net, parameter, i);
            worst_statistics = off > worst_statistics ? off : worst_statistics;
            continue;
        }
        const float *gradient = gradient_of(p, i);
        assert_int_equal(gradient != NULL, train[parameter->block]);
        if (gradient) {
            double off = compare_gradient(t, parameter, gradient);
            compared++;
            if (off > worst) {
                worst = off;
                worst_name = parameter->name;
            }
        }
    }
    print_message("# %s: loss %.7f, %d gradients within %.1e (%s), statistics within %.1e\n", t->part, loss, compared,
                  worst, worst_name, worst_statistics);
    double expected_loss = *(const double *)find(t->golden, t->part, "first_loss", "")->data;
    assert_true(fabs(loss - expected_loss) < 1e-5 * expected_loss);
    assert_true(compared > 0);
    assert_true(worst < 1e-3);
    assert_true(worst_statistics < 1e-5);
    plan_destroy(&p);
    forward_destroy(&below);
    reshift_model_destroy(&copy);
}

static void keep_loss(void *context, int64_t step, double loss)
{
    training *t = context;
    if (step <= t->n_steps) {
        t->losses[step - 1] = loss;
    }
}

static void check_losses(training *t)
{
    reshift_error error;
    reshift_finetune_options options;
    reshift_finetune_options_default(&options);
    options.blocks = t->rates;
    options.n_blocks = t->n_rates;
    options.epochs = t->epochs;
    options.batch = batch;
    options.size = t->size;
    options.batchnorm = t->batchnorm;
    options.order = t->order;
    options.cache = t->cache;
    options.on_step = keep_loss;
    options.context = t;
    reshift_history history;
    check_ok(reshift_finetune(t->model, t->dataset, &options, &history, NULL, &error));
    const reshift_array *expected = find(t->golden, t->part, "loss", "");
    const double *losses = expected->data;
    assert_int_equal(expected->shape[0], t->n_steps);
    double early = 0, late = 0;
    for (int i = 0; i < t->n_steps; i++) {
        double off = fabs(t->losses[i] - losses[i]);
        early = i < 10 && off / losses[i] > early ? off / losses[i] : early;
        late = off / losses[0] > late ? off / losses[0] : late;
    }
    print_message("# %s: loss %.4f to %.4f; within %.1e for 10 steps, within %.1e of the first for %d\n", t->part,
                  t->losses[0], t->losses[t->n_steps - 1], early, late, t->n_steps);
    assert_true(early < 1e-3);
    assert_true(late < 0.02);
    reshift_history_destroy(&history);
}

/* ---- ResNet-18 on made-up images ---- */

static void run_made_up(const char *part, reshift_batchnorm batchnorm, const reshift_block_rate *rates, int n_rates,
                        int epochs)
{
    reshift_tensors *golden = load_golden("training-scratch.safetensors");
    reshift_dataset *dataset = open_made_up();
    static int64_t order[10 * n_made_up];
    for (int e = 0; e < epochs; e++) {
        made_up_permutation(200 + (uint32_t)e, order + e * n_made_up, n_made_up);
    }
    training t = {.part = part,
                  .golden = golden,
                  .model = make_made_up_model(),
                  .dataset = dataset,
                  .size = made_up_size,
                  .n_steps = epochs * n_made_up / batch,
                  .epochs = epochs,
                  .order = order,
                  .batchnorm = batchnorm,
                  .n_rates = n_rates};
    memcpy(t.rates, rates, (size_t)n_rates * sizeof *rates);
    check_gradients(&t);
    check_losses(&t);
    reshift_model_destroy(&t.model);
    reshift_dataset_close(&dataset);
    reshift_tensors_destroy(&golden);
}

static void test_all_blocks_from_the_stem(void **state)
{
    (void)state;
    static const reshift_block_rate rates[] = {{"conv1", 3e-5},  {"layer1", 3e-5}, {"layer2", 3e-5},
                                               {"layer3", 3e-5}, {"layer4", 3e-5}, {"fc", 3e-5}};
    run_made_up("full", RESHIFT_BATCHNORM_TRAIN, rates, 6, 10);
}

static void test_bare_train_mode(void **state)
{
    (void)state;
    static const reshift_block_rate rates[] = {{"layer4", 1e-4}, {"fc", 1e-3}};
    run_made_up("bare", RESHIFT_BATCHNORM_TRAIN_ALL, rates, 2, 2);
}

/* ---- ResNet-50 on real images ---- */

/* Both parts train from layer4 on: the frozen blocks, most of the work, run once for both. */
static int open_cache(void **state)
{
    reshift_frozen_cache_options options;
    reshift_frozen_cache_options_default(&options);
    reshift_error error;
    reshift_frozen_cache *cache;
    check_ok(reshift_frozen_cache_open(&options, &cache, &error));
    *state = cache;
    return 0;
}

static int close_cache(void **state)
{
    reshift_frozen_cache *cache = *state;
    reshift_frozen_cache_close(&cache);
    return 0;
}

static void run_resnet50(const char *part, reshift_batchnorm batchnorm, reshift_frozen_cache *cache)
{
    enum { n = 400, epochs = 4 };
    check_need_data();
    reshift_error error;
    reshift_tensors *golden = load_golden("training-resnet50.safetensors");
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.limit = n;
    reshift_dataset *dataset;
    check_ok(reshift_dataset_open("cifar10", &options, &dataset, &error));
    training t = {.part = part,
                  .golden = golden,
                  .dataset = dataset,
                  .size = 224,
                  .n_steps = max_steps,
                  .epochs = epochs,
                  .batchnorm = batchnorm,
                  .cache = cache,
                  .rates = {{"layer4", 1e-4}, {"fc", 1e-3}},
                  .n_rates = 2};
    check_ok(reshift_model_load("resnet50", NULL, &t.model, &error));
    reshift_array weight, bias;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){n_classes, 2048}, &weight, &error));
    check_ok(reshift_array_create(RESHIFT_F32, 1, (int64_t[]){n_classes}, &bias, &error));
    float bound = (float)(1 / sqrt(2048));
    for (uint32_t i = 0; i < n_classes * 2048; i++) {
        ((float *)weight.data)[i] = made_up_uniform(20, i) * bound;
    }
    for (uint32_t i = 0; i < n_classes; i++) {
        ((float *)bias.data)[i] = made_up_uniform(21, i) * bound;
    }
    check_ok(reshift_model_set_head(t.model, &weight, &bias, &error));
    int64_t order[epochs * n];
    for (int e = 0; e < epochs; e++) {
        made_up_permutation(300 + (uint32_t)e, order + e * n, n);
    }
    t.order = order;
    check_gradients(&t);
    check_losses(&t);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_model_destroy(&t.model);
    reshift_dataset_close(&dataset);
    reshift_tensors_destroy(&golden);
}

static void test_resnet50_frozen(void **state) { run_resnet50("frozen", RESHIFT_BATCHNORM_FROZEN, *state); }

static void test_resnet50_training(void **state) { run_resnet50("training", RESHIFT_BATCHNORM_TRAIN, *state); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_blocks_from_the_stem),
        cmocka_unit_test(test_bare_train_mode),
        cmocka_unit_test(test_resnet50_frozen),
        cmocka_unit_test(test_resnet50_training),
    };
    return cmocka_run_group_tests_name("training_parity", tests, open_cache, close_cache);
}
