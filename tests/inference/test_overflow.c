/* A network whose activations overflow, and a training that makes one: nothing that is not finite gets out. */
#include "training/finetune_run.h"

#include "inference/forked.h"
#include "reshift/adaptation.h"
#include "reshift/classifiers.h"
#include "reshift/frozen_cache.h"

/* Every weight is finite, and the product of eight layers is not. */
static void scale(reshift_model *model, float factor)
{
    network *net = model_network(model);
    for (int i = 0; i < net->graph->n_parameters; i++) {
        for (size_t k = 0; net->graph->parameters[i].n_dims == 4 && k < net->graph->parameters[i].count; k++) {
            network_parameter(net, i)[k] *= factor;
        }
        network_touch(net, i);
    }
}

static void make_overflow(reshift_model *model) { scale(model, 1e10f); }

static void test_outputs(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    reshift_array features, logits;
    static const float factors[] = {1, 1e3f, 1e6f, 1e8f, 1e10f, 1e16f, 1e22f};
    static const reshift_precision precisions[] = {RESHIFT_PRECISION_F32, RESHIFT_PRECISION_BF16};
    for (size_t i = 0; i < 2 * sizeof factors / sizeof *factors; i++) {
        /* ReLU makes 0 of NaN, so the larger factors give features of 0 unless somebody looks inside */
        reshift_model *model;
        check_ok(reshift_model_clone(r.before, &model, &error));
        scale(model, factors[i / 2]);
        const reshift_forward_options options = {.precision = precisions[i % 2]};
        reshift_status expected = factors[i / 2] >= 1e6f ? RESHIFT_ERROR_NUMERIC : RESHIFT_OK;
        if (reshift_forward(model, r.test, &options, &features, NULL, NULL, &error) != expected) {
            fail_msg("convolutions times %g: expected code %d, found %d: %s", (double)factors[i / 2], (int)expected,
                     (int)error.code, error.message);
        }
        reshift_array_destroy(&features);
        assert_int_equal(reshift_forward(model, r.test, &options, NULL, &logits, NULL, &error), expected);
        reshift_array_destroy(&logits);
        assert_true(expected == RESHIFT_OK || strstr(error.message, "images2.npy[")); /* all of them overflow */
        reshift_model_destroy(&model);
    }
    make_overflow(r.before);
    char path[300];
    snprintf(path, sizeof path, "%s/overflow.npy", folder);
    check_error(reshift_extract(r.before, r.test, NULL, path, NULL, false, NULL, &error), RESHIFT_ERROR_NUMERIC,
                "activations overflow in '");
    assert_false(file_exists(path));
    reshift_image picture = {0};
    float probabilities[n_classes];
    check_ok(reshift_dataset_read(r.test, 0, &picture, &error));
    check_error(reshift_predict(r.before, &picture, RESHIFT_PRECISION_F32, probabilities, &error),
                RESHIFT_ERROR_NUMERIC, "the image: activations overflow in '");
    reshift_image_destroy(&picture);
    run_destroy(&r);
}

/* The row is the one of the set, in whatever order and pass it comes. */
static void test_the_image_is_named(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    make_overflow(r.before);
    const int64_t rows[] = {31, 30, 29};
    reshift_dataset *some;
    check_ok(reshift_dataset_subset(r.test, rows, 3, &some, &error));
    char expected[200];
    reshift_dataset_row_name(r.test, 31, expected, sizeof expected);
    reshift_array features;
    check_error(reshift_forward(r.before, some, NULL, &features, NULL, NULL, &error), RESHIFT_ERROR_NUMERIC, expected);
    reshift_dataset_close(&some);

    const forward_setup setup = {.net = model_network(r.before),
                                 .recipe = reshift_model_recipe(r.before),
                                 .size = image,
                                 .n_rows = 3,
                                 .last_block = model_network(r.before)->graph->n_blocks - 1};
    const forward_setup *const setups[2] = {&setup, &setup};
    forked *f;
    forward_pass passes[2];
    check_ok(forked_create(setups, 1, &f, &error));
    check_ok(forked_start(f, r.test, rows, 3, &error));
    check_error(forked_next(f, passes, &error), RESHIFT_ERROR_NUMERIC, expected);
    forked_destroy(&f);
    run_destroy(&r);
}

static void test_a_cut_network(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    const reshift_frozen_cache_options options = {.budget_bytes = 1 << 24, .temporary = true};
    check_ok(reshift_frozen_cache_open(&options, &r.options.cache, &error));
    r.options.epochs = 1;
    check_ok(run_go(&r, &error)); /* the cache knows the lower blocks from now on */
    network *net = model_network(r.before);
    int fc = graph_find_parameter(net->graph, "fc.weight");
    for (int64_t k = 0; k < net->graph->parameters[fc].shape[1]; k++) {
        network_parameter(net, fc)[k] = 3e38f;
    }
    network_touch(net, fc);
    reshift_array logits;
    const reshift_forward_options cached = {.cache = r.options.cache};
    check_error(reshift_forward(r.before, r.test, &cached, NULL, &logits, NULL, &error), RESHIFT_ERROR_NUMERIC,
                "images2.npy[0]: the network's logits are not finite");
    reshift_array features = {0};
    check_ok(reshift_forward(r.before, r.test, &cached, &features, NULL, NULL, &error));
    check_error(reshift_head_logits(r.before, &features, &logits, &error), RESHIFT_ERROR_NUMERIC,
                "row 0 of the features: logits are not finite");
    reshift_array_destroy(&features);
    reshift_frozen_cache_close(&r.options.cache);
    run_destroy(&r);
}

/* The loss of a step is that of the weights before it: one step overflows, and no other comes to see it. */
static void test_the_last_step(void **state)
{
    (void)state;
    static const reshift_block_rate everything[] = {{"conv1", 1e6},  {"layer1", 1e6}, {"layer2", 1e6},
                                                    {"layer3", 1e6}, {"layer4", 1e6}, {"fc", 1e6}};
    reshift_error error;
    for (int measured = 0; measured < 3; measured++) {
        run r;
        run_create(&r);
        r.options.blocks = everything;
        r.options.n_blocks = 6;
        r.options.batch = n_train;
        r.options.epochs = 1;
        r.options.batchnorm = RESHIFT_BATCHNORM_FROZEN;
        r.options.test = measured == 1 ? r.test : NULL;
        r.options.validation = measured == 2 ? r.test : NULL;
        check_error(run_go(&r, &error), RESHIFT_ERROR_NUMERIC, "training diverged: epoch 1, after step 1 of 1: ");
        assert_true(strstr(error.message, "activations overflow in '") ||
                    strstr(error.message, "the network's logits are not finite"));
        assert_int_equal(r.steps_seen, 1);
        assert_int_equal(r.epochs_seen, 0);
        run_destroy(&r);
    }
}

static void test_a_checkpoint_stays_finite(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    char path[300];
    snprintf(path, sizeof path, "%s/overflow.ckpt", folder);
    r.options.checkpoint = path;
    r.options.batch = n_train;
    r.options.epochs = 4;
    r.options.test = NULL;
    /* warm-up: rates of 2.5, 5, 7.5, ... times 1e36 let one epoch pass and overflow in a later one */
    r.options.schedule = (reshift_schedule){.kind = RESHIFT_SCHEDULE_CONSTANT, .warmup = 3, .step_size = 1, .gamma = 1};
    static const reshift_block_rate growing[] = {{"layer4", 1e-3}, {"fc", 1e37}};
    r.options.blocks = growing;
    r.options.n_blocks = 2;
    check_error(run_go(&r, &error), RESHIFT_ERROR_NUMERIC, "training diverged: epoch ");
    assert_true(r.epochs_seen >= 1);
    r.options.epochs = r.epochs_seen; /* what the checkpoint holds is a training of so many epochs */
    r.epochs_seen = 0;                /* all its values are finite, and its loss says that the training is lost */
    check_error(run_go(&r, &error), RESHIFT_ERROR_NUMERIC, "training diverged: the training loss of epoch ");
    assert_int_equal(r.steps_seen, 0);
    reshift_array logits;
    check_ok(reshift_forward(r.model, r.train, NULL, NULL, &logits, NULL, &error));
    reshift_array_destroy(&logits);
    run_destroy(&r);
}

static int n_warnings;

static void see_warning(void *context, reshift_log_level level, const char *text)
{
    (void)context;
    n_warnings +=
        level == RESHIFT_LOG_WARNING && strstr(text, "training diverged: the training loss after epoch ") != NULL;
}

/* A loss that is finite and absurd: a warning while it may still recover, an error at the end, and again where the
 * checkpoint is taken up. */
static void test_a_lost_network_is_refused(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    static const reshift_block_rate fast[] = {{"fc", 1e6}};
    r.options.blocks = fast;
    r.options.n_blocks = 1;
    r.progress.message = see_warning;
    char path[300];
    snprintf(path, sizeof path, "%s/lost.ckpt", folder);
    r.options.checkpoint = path;
    for (int again = 0; again < 2; again++) {
        n_warnings = 0;
        check_error(run_go(&r, &error), RESHIFT_ERROR_NUMERIC, "training diverged: the training loss after epoch ");
        assert_non_null(strstr(error.message, ", where guessing among "));
        assert_string_equal(error.hint, "use smaller learning rates");
        assert_int_equal(n_warnings, again ? 0 : r.options.epochs - 1);
    }
    run_destroy(&r);
}

static void test_the_definition(void **state)
{
    (void)state;
    assert_false(reshift_loss_diverged(0, 10));
    assert_false(reshift_loss_diverged(230, 10)); /* 100 ln 10 is 230.26 */
    assert_true(reshift_loss_diverged(231, 10));
    assert_true(reshift_loss_diverged(NAN, 10) && reshift_loss_diverged(INFINITY, 10));
    assert_true(reshift_loss_diverged(70, 1) && !reshift_loss_diverged(69, 1));
}

static void test_the_probe(void **state)
{
    (void)state;
    reshift_error error;
    enum { N = 64, D = 20 };
    reshift_array features, labels, weight, bias;
    reshift_history history;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){N, D}, &features, &error));
    check_ok(reshift_array_create(RESHIFT_I64, 1, (int64_t[]){N}, &labels, &error));
    for (uint32_t i = 0; i < N * D; i++) {
        ((float *)features.data)[i] = made_up_uniform(9, i);
        ((int64_t *)labels.data)[i / D] = i / D % 3;
    }
    reshift_probe_options options;
    reshift_probe_options_default(&options);
    options.epochs = 1;
    options.learning_rate = 3e38;
    check_error(
        reshift_probe_train(&features, &labels, NULL, NULL, 0, &options, &weight, &bias, &history, NULL, &error),
        RESHIFT_ERROR_NUMERIC, "the probe's training diverged: the final training loss of epoch 1 is not finite");
    assert_null(weight.data);
    /* a layer that overflows gives no scores */
    reshift_array scores;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){3, D}, &weight, &error));
    check_ok(reshift_array_create(RESHIFT_F32, 1, (int64_t[]){3}, &bias, &error));
    for (int i = 0; i < 3 * D; i++) {
        ((float *)weight.data)[i] = i % 2 ? 3e38f : -3e38f;
    }
    memset(bias.data, 0, 3 * sizeof(float));
    check_error(reshift_linear_scores(&weight, &bias, &features, &scores, &error), RESHIFT_ERROR_NUMERIC,
                " overflows float32");
    ((float *)features.data)[3] = NAN;
    check_error(reshift_linear_scores(&weight, &bias, &features, &scores, &error), RESHIFT_ERROR_NUMERIC,
                "features: row 0 holds a value that is not finite");
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_array_destroy(&features);
    reshift_array_destroy(&labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_the_image_is_named),
        cmocka_unit_test(test_a_cut_network),
        cmocka_unit_test(test_the_last_step),
        cmocka_unit_test(test_a_checkpoint_stays_finite),
        cmocka_unit_test(test_a_lost_network_is_refused),
        cmocka_unit_test(test_the_definition),
        cmocka_unit_test(test_the_probe),
    };
    open_folder();
    int failed = cmocka_run_group_tests_name("overflow", tests, NULL, NULL);
    return failed + remove_folder();
}
