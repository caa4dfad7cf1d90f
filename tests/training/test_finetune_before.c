/*
 * What comes before the steps of fine-tuning: automatic learning rates, and batch norm recalibrated. The numbers are
 * test_tuning's matter; here stands what they must not do: move a bit that is not theirs, depend on the cache, or end
 * otherwise when a training is stopped.
 */
#include "training/finetune_run.h"

static const reshift_block_rate unrated[] = {{"layer3", 0}, {"layer4", 0}, {"fc", 0}};

static void choose_auto(run *r)
{
    run_create(r);
    r->options.blocks = unrated;
    r->options.auto_rate = 1e-3;
}

/* ---- automatic rates ---- */

static const reshift_chosen_rate *rate_of(const run *r, int epoch, int block)
{
    return &r->history.rates[(epoch - 1) * r->history.n_rated + block];
}

/*
 * A step of plain SGD moves a block by its rate times the gradient; where the one batch is the set, the gradient is the
 * one that was measured, so the movement over the block's length is rate times ratio. Weights are rounded to 2^-24 of
 * themselves in the step, a 1e-4 of movements of some 1e-3, and sums differ by less.
 */
static void test_rates_are_those_of_the_step(void **state)
{
    (void)state;
    for (int mode = RESHIFT_BATCHNORM_FROZEN; mode <= RESHIFT_BATCHNORM_RECALIBRATE; mode++) {
        reshift_error error;
        reshift_moved *rows;
        int n;
        run r;
        choose_auto(&r);
        r.options.batchnorm = (reshift_batchnorm)mode;
        r.options.optimizer = RESHIFT_OPTIMIZER_SGD;
        r.options.auto_rate = 0.1;
        r.options.batch = n_train;
        r.options.epochs = 1;
        r.options.label_smoothing = 0.1;
        check_ok(run_go(&r, &error));
        check_ok(reshift_moved_between(r.before, r.model, &rows, &n, &error));
        double largest = 0;
        for (int b = 0; b < 3; b++) {
            double moved = 0, norm = 0;
            for (int i = 0; i < n; i++) {
                if (!strcmp(rows[i].block, unrated[b].block) && !strstr(rows[i].name, "running")) {
                    moved += rows[i].distance * rows[i].distance;
                    norm += rows[i].norm * rows[i].norm;
                }
            }
            const reshift_chosen_rate *rate = rate_of(&r, 1, b);
            const double found = sqrt(moved / norm), expected = rate->learning_rate * rate->ratio;
            assert_string_equal(rate->block, unrated[b].block);
            assert_true(rate->ratio > 0 && fabs(found - expected) < 1e-4 * expected);
            largest = fmax(largest, rate->learning_rate);
        }
        assert_true(largest == 0.1);
        free(rows);
        /* the same rates given by hand do the same to the bit: taking the gradient has moved nothing, counters neither
         */
        run given;
        reshift_block_rate by_hand[3];
        memcpy(by_hand, unrated, sizeof by_hand);
        for (int b = 0; b < 3; b++) {
            by_hand[b].learning_rate = rate_of(&r, 1, b)->learning_rate;
        }
        run_create(&given);
        given.options = r.options;
        given.options.context = &given;
        given.options.test = given.test;
        given.options.blocks = by_hand;
        given.options.auto_rate = 0;
        check_ok(run_go(&given, &error));
        check_same_networks(r.model, given.model);
        run_destroy(&given);
        run_destroy(&r);
    }
}

/* The gradient is of some rows alone where there are many, by the epoch's order and at the weights it begins with. */
static void test_rates_follow_the_epoch(void **state)
{
    (void)state;
    reshift_error error;
    run r, other;
    choose_auto(&r);
    reshift_dataset_close(&r.train);
    r.train = open_images(7, 1100); /* 64 batches of 16 reach 1024 */
    r.options.test = NULL;
    r.options.epochs = 2;
    check_ok(run_go(&r, &error));
    assert_true(rate_of(&r, 1, 0)->ratio != rate_of(&r, 2, 0)->ratio);
    choose_auto(&other);
    reshift_dataset_close(&other.train);
    other.train = open_images(7, 1100);
    other.options.test = NULL;
    other.options.epochs = 1;
    check_ok(run_go(&other, &error));
    for (int b = 0; b < 3; b++) { /* that there is another epoch changes nothing */
        assert_true(rate_of(&other, 1, b)->ratio == rate_of(&r, 1, b)->ratio);
    }
    assert_true(run_said(&other, "epoch 1: learning rates (and gradient over weights): layer3 "));
    int64_t order[1100];
    for (int i = 0; i < 1100; i++) {
        order[i] = i;
    }
    other.options.order = order;
    other.epochs_seen = 0;
    check_ok(run_go(&other, &error));
    const double first = rate_of(&other, 1, 0)->ratio;
    order[1099] = 1050; /* behind the rows that count */
    order[1050] = 1099;
    other.epochs_seen = 0;
    check_ok(run_go(&other, &error));
    assert_true(rate_of(&other, 1, 0)->ratio == first);
    order[1023] = 1099; /* among them */
    order[1050] = 1023;
    other.epochs_seen = 0;
    check_ok(run_go(&other, &error));
    assert_true(rate_of(&other, 1, 0)->ratio != first);
    run_destroy(&other);
    run_destroy(&r);
}

/* A block of zeros is infinitely smaller than its gradient: it alone is trained, until it is zero no more. */
static void test_a_block_of_zeros(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    choose_auto(&r);
    network *net = model_network(r.before);
    for (int p = 0; p < net->graph->n_parameters; p++) {
        if (!strncmp(net->graph->parameters[p].name, "fc.", 3)) {
            memset(network_parameter(net, p), 0, net->graph->parameters[p].count * sizeof(float));
            network_touch(net, p);
        }
    }
    r.options.epochs = 2;
    check_ok(run_go(&r, &error));
    assert_true(isinf(rate_of(&r, 1, 2)->ratio) && rate_of(&r, 1, 2)->learning_rate == 1e-3);
    assert_true(rate_of(&r, 1, 0)->learning_rate == 0 && rate_of(&r, 1, 1)->learning_rate == 0);
    assert_true(isfinite(rate_of(&r, 2, 2)->ratio) && rate_of(&r, 2, 0)->learning_rate > 0);
    run_destroy(&r);
}

/* ---- recalibration ---- */

/* Statistics of trained blocks alone move, whatever is trained; and no epochs leave nothing else moved. */
static void test_recalibration_moves_statistics_of_trained_blocks(void **state)
{
    (void)state;
    static const reshift_block_rate apart[] = {{"layer3", 1e-3}, {"conv1", 1e-3}}, head[] = {{"fc", 1e-3}};
    const struct {
        const reshift_block_rate *blocks;
        int n;
    } cases[] = {{upper, 3}, {apart, 2}, {head, 1}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int epochs = 0; epochs <= 2; epochs += 2) {
            reshift_error error;
            run r;
            run_create(&r);
            r.options.blocks = cases[c].blocks;
            r.options.n_blocks = cases[c].n;
            r.options.batchnorm = RESHIFT_BATCHNORM_RECALIBRATE;
            r.options.epochs = epochs;
            check_ok(run_go(&r, &error));
            assert_int_equal(r.history.n_epochs, epochs);
            const network *before = model_network(r.before), *after = model_network(r.model);
            for (int p = 0; p < before->graph->n_parameters; p++) {
                const graph_parameter *g = &before->graph->parameters[p];
                bool trained = false;
                for (int i = 0; i < cases[c].n; i++) {
                    trained |= !strcmp(cases[c].blocks[i].block, before->graph->blocks[g->block]);
                }
                bool running = g->role == GRAPH_RUNNING_MEAN || g->role == GRAPH_RUNNING_VAR;
                bool moved =
                    memcmp(network_parameter(before, p), network_parameter(after, p), g->count * sizeof(float)) != 0;
                if (moved != (trained && (running || epochs > 0))) {
                    fail_msg("%d epochs: '%s' %s", epochs, g->name, moved ? "moved" : "did not move");
                }
            }
            bool warned = false;
            warned |= run_said(&r, "there is nothing to recalibrate");
            assert_int_equal(warned, cases[c].blocks == head);
            run_destroy(&r);
        }
    }
}

/* The statistics are what they would be alone: training does not move them, and they are there before its first step.
 */
static void test_recalibration_comes_first(void **state)
{
    (void)state;
    reshift_error error;
    run only, both, then;
    run_create(&only);
    run_create(&both);
    run_create(&then);
    only.options.batchnorm = both.options.batchnorm = RESHIFT_BATCHNORM_RECALIBRATE;
    only.options.epochs = 0;
    check_ok(run_go(&only, &error));
    check_ok(run_go(&both, &error));
    then.options.batchnorm = RESHIFT_BATCHNORM_FROZEN;
    reshift_model_destroy(&then.before);
    check_ok(reshift_model_clone(only.model, &then.before, &error));
    check_ok(run_go(&then, &error));
    check_same_networks(both.model, then.model);
    check_same_histories(&both.history, &then.history);
    run_destroy(&only);
    run_destroy(&both);
    run_destroy(&then);
}

/* ---- both ---- */

static void choose_both(run *r)
{
    choose_auto(r);
    r->options.batchnorm = RESHIFT_BATCHNORM_RECALIBRATE;
}

static void test_the_cache_changes_no_bit(void **state)
{
    (void)state;
    reshift_error error;
    run r, other;
    choose_both(&r);
    check_ok(run_go(&r, &error));
    static const uint64_t budgets[] = {0, 200000};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        choose_both(&other);
        other.options.cache_budget_bytes = budgets[i];
        check_ok(run_go(&other, &error));
        check_same_networks(r.model, other.model);
        check_same_histories(&r.history, &other.history);
        run_destroy(&other);
    }
    run_destroy(&r);
}

/* Also with rows that are augmented, where the gradient is that of the epoch's own images. */
static void test_interrupted_training_ends_with_the_same_bytes(void **state)
{
    (void)state;
    const reshift_augment augment = {.flip = true};
    char path[300];
    snprintf(path, sizeof path, "%s/before.safetensors", folder);
    for (int mode = RESHIFT_BATCHNORM_FROZEN; mode <= RESHIFT_BATCHNORM_RECALIBRATE; mode++) {
        reshift_error error;
        run whole, parts;
        choose_auto(&whole);
        choose_auto(&parts);
        whole.options.batchnorm = parts.options.batchnorm = (reshift_batchnorm)mode;
        whole.options.augment = parts.options.augment = mode == RESHIFT_BATCHNORM_RECALIBRATE ? &augment : NULL;
        check_ok(run_go(&whole, &error));
        parts.options.checkpoint = path;
        parts.cancel_after_epochs = 1;
        check_error(run_go(&parts, &error), RESHIFT_ERROR_CANCELLED, "stopped");
        parts.cancel_after_epochs = 2;
        check_error(run_go(&parts, &error), RESHIFT_ERROR_CANCELLED, "stopped");
        parts.cancel_after_epochs = 0;
        check_ok(run_go(&parts, &error));
        assert_true(run_said(&parts, "going on after epoch 2 of 3"));
        check_same_networks(whole.model, parts.model);
        check_same_histories(&whole.history, &parts.history);
        check_ok(run_go(&parts, &error)); /* finished: rates of all epochs come from the checkpoint */
        assert_int_equal(parts.steps_seen, 0);
        check_same_networks(whole.model, parts.model);
        check_same_histories(&whole.history, &parts.history);
        static const reshift_block_rate by_hand[] = {{"layer3", 1e-3}, {"layer4", 1e-3}, {"fc", 1e-3}};
        parts.options.blocks = by_hand; /* the base rate given to all is another training */
        parts.options.auto_rate = 0;
        parts.options.epochs = 1;
        parts.epochs_seen = 0;
        check_error(run_go(&parts, &error), RESHIFT_ERROR_EXISTS,
                    "'largest automatic learning rate' was 0.001 and is ");
        parts.options.checkpoint_mismatch = RESHIFT_CHECKPOINT_REPLACE;
        check_ok(run_go(&parts, &error));
        assert_true(run_said(&parts, "belongs to another training"));
        unlink(path);
        run_destroy(&whole);
        run_destroy(&parts);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    choose_auto(&r);
    r.options.blocks = upper;
    check_error(run_go(&r, &error), RESHIFT_ERROR_ARGUMENT,
                "learning rates are automatic, and block 'layer3' is given one of 0.001");
    r.options.blocks = unrated;
    r.options.auto_rate = -1;
    check_error(run_go(&r, &error), RESHIFT_ERROR_ARGUMENT, "must be positive, found -1");
    run_destroy(&r);
}

int main(void)
{
    open_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_those_of_the_step),
        cmocka_unit_test(test_rates_follow_the_epoch),
        cmocka_unit_test(test_a_block_of_zeros),
        cmocka_unit_test(test_recalibration_moves_statistics_of_trained_blocks),
        cmocka_unit_test(test_recalibration_comes_first),
        cmocka_unit_test(test_the_cache_changes_no_bit),
        cmocka_unit_test(test_interrupted_training_ends_with_the_same_bytes),
        cmocka_unit_test(test_refusals),
    };
    int failed = cmocka_run_group_tests_name("finetune_before", tests, NULL, NULL);
    return failed + remove_folder();
}
