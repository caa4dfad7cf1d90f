/*
 * Fine-tuning's promises, on a small network and made-up images: what is not trained does not move, the cache changes
 * no bit, interrupted training ends with the same bytes, measurements agree with a plain forward pass. Parity of the
 * numbers themselves is test_training_parity's matter.
 */
#include "base/digest.h"
#include "training/finetune_run.h"

/* ---- what moves ---- */

/* Which parameters of each kind changed: trained blocks' weights, trained blocks' statistics, the others' of both. */
static void check_movement(run *r, bool own_statistics, bool other_statistics)
{
    const network *before = model_network(r->before), *after = model_network(r->model);
    for (int p = 0; p < before->graph->n_parameters; p++) {
        const graph_parameter *g = &before->graph->parameters[p];
        bool trained = false;
        for (int i = 0; i < r->options.n_blocks; i++) {
            trained |= !strcmp(r->options.blocks[i].block, before->graph->blocks[g->block]);
        }
        bool running = g->role == GRAPH_RUNNING_MEAN || g->role == GRAPH_RUNNING_VAR;
        bool expected = running ? (trained ? own_statistics : other_statistics) : trained;
        bool moved = memcmp(network_parameter(before, p), network_parameter(after, p), g->count * sizeof(float)) != 0;
        if (moved != expected) {
            fail_msg("'%s' %s", g->name, moved ? "moved" : "did not move");
        }
    }
    for (int n = 0; n < before->graph->n_nodes; n++) {
        const graph_node *node = &before->graph->nodes[n];
        bool trained = false;
        for (int i = 0; i < r->options.n_blocks; i++) {
            trained |= !strcmp(r->options.blocks[i].block, before->graph->blocks[node->block]);
        }
        bool counted = node->op == GRAPH_BATCHNORM && (trained ? own_statistics : other_statistics);
        int64_t steps = (n_train + batch - 1) / batch * r->options.epochs;
        assert_int_equal(after->batches_tracked[n] - before->batches_tracked[n], counted ? steps : 0);
    }
}

static void test_only_the_named_blocks_move(void **state)
{
    (void)state;
    static const struct {
        reshift_batchnorm batchnorm;
        bool own, other;
    } cases[] = {{RESHIFT_BATCHNORM_FROZEN, false, false},
                 {RESHIFT_BATCHNORM_TRAIN, true, false},
                 {RESHIFT_BATCHNORM_TRAIN_ALL, true, true}};
    reshift_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run r;
        run_create(&r);
        r.options.batchnorm = cases[i].batchnorm;
        check_ok(run_go(&r, &error));
        check_movement(&r, cases[i].own, cases[i].other);
        assert_int_equal(r.says_frozen, cases[i].batchnorm != RESHIFT_BATCHNORM_TRAIN_ALL);
        assert_int_equal(r.steps_seen, 18);
        assert_true(r.history.epochs[2].train_loss < r.history.epochs[0].train_loss);
        run_destroy(&r);
    }
}

/* The first and a middle block: what lies between is frozen and passes gradients on. */
static void test_blocks_apart(void **state)
{
    (void)state;
    static const reshift_block_rate blocks[] = {{"layer3", 1e-3}, {"conv1", 1e-3}};
    reshift_error error;
    run r;
    run_create(&r);
    r.options.blocks = blocks;
    r.options.n_blocks = 2;
    check_ok(run_go(&r, &error));
    check_movement(&r, true, false);
    run_destroy(&r);
}

static void test_fc_alone(void **state)
{
    (void)state;
    static const reshift_block_rate blocks[] = {{"fc", 1e-2}};
    reshift_error error;
    run r;
    run_create(&r);
    r.options.blocks = blocks;
    r.options.n_blocks = 1;
    check_ok(run_go(&r, &error));
    check_movement(&r, false, false);
    assert_true(r.history.epochs[2].train_loss < r.history.epochs[0].train_loss);
    run_destroy(&r);
}

static void test_all_blocks_from_scratch(void **state)
{
    (void)state;
    static const reshift_block_rate blocks[] = {{"conv1", 1e-3},  {"layer1", 1e-3}, {"layer2", 1e-3},
                                                {"layer3", 1e-3}, {"layer4", 1e-3}, {"fc", 1e-3}};
    reshift_error error;
    run r;
    run_create(&r);
    r.options.blocks = blocks;
    r.options.n_blocks = 6;
    r.options.epochs = 8;
    check_ok(run_go(&r, &error));
    check_movement(&r, true, false);
    assert_false(r.says_frozen);
    assert_true(r.history.epochs[7].train_accuracy > 0.9);
    assert_true(r.history.epochs[7].test_accuracy > 0.6);
    run_destroy(&r);
}

/* ---- the cache ---- */

static void test_the_cache_changes_no_bit(void **state)
{
    (void)state;
    reshift_error error;
    run r, other;
    run_create(&r);
    check_ok(run_go(&r, &error));
    assert_true(run_said(&r, "all 127 images is kept in memory"));
    static const uint64_t budgets[] = {0, 1, 200000, 400000};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        run_create(&other);
        other.options.cache_budget_bytes = budgets[i];
        check_ok(run_go(&other, &error));
        assert_int_equal(run_said(&other, "computed anew"), budgets[i] > 0);
        check_same_networks(r.model, other.model);
        check_same_histories(&r.history, &other.history);
        run_destroy(&other);
    }
    run_destroy(&r);
}

/* One cache for two trainings and what is measured between them, in a folder that is opened anew. */
static void check_shared_cache(reshift_precision precision)
{
    reshift_error error;
    run r, other;
    char kept[300];
    snprintf(kept, sizeof kept, "%s/kept-%d", folder, (int)precision);
    reshift_frozen_cache_options options;
    reshift_frozen_cache_options_default(&options);
    options.folder = kept;
    options.place = RESHIFT_CACHE_DISK;
    const reshift_forward_options plain = {.precision = precision, .batch = 32};
    run_create(&r);
    run_create(&other);
    r.options.precision = other.options.precision = precision;
    r.options.batchnorm = other.options.batchnorm = RESHIFT_BATCHNORM_FROZEN;
    r.options.forward_batch = other.options.forward_batch = 32;
    check_ok(run_go(&r, &error));
    for (int round = 0; round < 2; round++) {
        check_ok(reshift_frozen_cache_open(&options, &other.options.cache, &error));
        check_ok(run_go(&other, &error));
        check_same_networks(r.model, other.model);
        check_same_histories(&r.history, &other.history);
        assert_true(run_said(&other, round ? "127 images are there already" : "is kept in"));
        assert_true(run_said(&other, round ? "was kept before" : "all 127 images is kept in a file"));
        reshift_frozen_cache_close(&other.options.cache); /* opened anew it says what it finds */
        check_ok(reshift_frozen_cache_open(&options, &other.options.cache, &error));
        other.epochs_seen = 0;
        other.said[0] = '\0';
        reshift_forward_options cached = plain;
        cached.cache = other.options.cache;
        reshift_array features[2], logits[2];
        check_ok(reshift_forward(r.model, r.test, &plain, &features[0], &logits[0], NULL, &error));
        check_ok(reshift_forward(other.model, other.test, &cached, &features[1], &logits[1], &other.progress, &error));
        assert_true(run_said(&other, "127 images are there already"));
        assert_memory_equal(features[0].data, features[1].data, reshift_array_bytes(&features[0]));
        assert_memory_equal(logits[0].data, logits[1].data, reshift_array_bytes(&logits[0]));
        for (int i = 0; i < 2; i++) {
            reshift_array_destroy(&features[i]);
            reshift_array_destroy(&logits[i]);
        }
        reshift_frozen_cache_close(&other.options.cache);
    }
    run_destroy(&other);
    run_destroy(&r);
}

static void test_a_shared_cache_changes_no_bit(void **state)
{
    (void)state;
    check_shared_cache(RESHIFT_PRECISION_F32);
    check_shared_cache(RESHIFT_PRECISION_BF16); /* float32 again where the processor has none */
}

/* Flips one bit in every 64 KiB of the file that holds the kept rows. */
static void damage_rows(const char *kept)
{
    char command[400], path[600] = "", *bytes = NULL;
    size_t size;
    reshift_error error;
    snprintf(command, sizeof command, "find '%s' -name rows", kept);
    FILE *found = popen(command, "r");
    assert_non_null(found);
    assert_non_null(fgets(path, sizeof path, found));
    pclose(found);
    path[strcspn(path, "\n")] = '\0';
    check_ok(file_read_all(path, &bytes, &size, &error));
    for (size_t i = 1000; i < size; i += 65536) {
        bytes[i] ^= 64;
    }
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    free(bytes);
}

/* Rows that a disk has damaged are computed again, with a warning: the result is that of a training without a cache. */
static void test_damaged_kept_rows_change_no_bit(void **state)
{
    (void)state;
    reshift_error error;
    run r, other;
    char kept[300];
    snprintf(kept, sizeof kept, "%s/damaged", folder);
    reshift_frozen_cache_options options;
    reshift_frozen_cache_options_default(&options);
    options.folder = kept;
    options.place = RESHIFT_CACHE_DISK;
    run_create(&r);
    run_create(&other);
    r.options.batchnorm = other.options.batchnorm = RESHIFT_BATCHNORM_FROZEN;
    check_ok(run_go(&r, &error));
    for (int round = 0; round < 3; round++) { /* the third finds what the second has put right */
        check_ok(reshift_frozen_cache_open(&options, &other.options.cache, &error));
        other.epochs_seen = 0;
        check_ok(run_go(&other, &error));
        check_same_networks(r.model, other.model);
        check_same_histories(&r.history, &other.history);
        assert_int_equal(strstr(other.said, "kept activations are damaged (row ") != NULL, round == 1);
        reshift_frozen_cache_close(&other.options.cache);
        if (round == 0) {
            damage_rows(kept);
        }
    }
    run_destroy(&other);
    run_destroy(&r);
}

static void test_nothing_is_kept_for_a_single_epoch(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    r.options.epochs = 1;
    check_ok(run_go(&r, &error));
    assert_false(run_said(&r, "kept") || run_said(&r, "computed anew"));
    run_destroy(&r);
}

/* ---- measuring ---- */

static void test_measurement_is_that_of_a_forward_pass(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    check_ok(run_go(&r, &error));
    reshift_array logits;
    check_ok(reshift_forward(r.model, r.test, NULL, NULL, &logits, NULL, &error));
    double loss = 0;
    int hits = 0;
    for (int i = 0; i < n_test; i++) {
        const float *row = (const float *)logits.data + i * n_classes;
        int label = reshift_dataset_label(r.test, i), best = 0;
        double sum = 0;
        for (int k = 0; k < n_classes; k++) {
            sum += exp((double)row[k]);
            best = row[k] > row[best] ? k : best;
        }
        loss += log(sum) - (double)row[label];
        hits += best == label;
    }
    assert_true(r.history.epochs[2].test_accuracy == (double)hits / n_test);
    assert_true(fabs(r.history.epochs[2].test_loss - loss / n_test) < 1e-5 * (1 + loss / n_test));
    reshift_array_destroy(&logits);
    r.options.test = NULL;
    r.epochs_seen = 0;
    check_ok(run_go(&r, &error));
    assert_true(isnan(r.history.epochs[2].test_loss) && isnan(r.history.epochs[2].test_accuracy));
    run_destroy(&r);
}

/* ---- stopping and going on ---- */

static void test_interrupted_training_ends_with_the_same_bytes(void **state)
{
    (void)state;
    char path[300];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
    for (int mode = RESHIFT_BATCHNORM_FROZEN; mode <= RESHIFT_BATCHNORM_TRAIN_ALL; mode++) {
        reshift_error error;
        run whole, parts;
        run_create(&whole);
        whole.options.batchnorm = (reshift_batchnorm)mode;
        check_ok(run_go(&whole, &error));
        run_create(&parts);
        parts.options.batchnorm = (reshift_batchnorm)mode;
        parts.options.checkpoint = path;
        parts.cancel_after_epochs = 1;
        check_error(run_go(&parts, &error), RESHIFT_ERROR_CANCELLED, "stopped");
        assert_true(file_exists(path));
        assert_int_equal(parts.steps_seen, 6);
        parts.cancel_after_epochs = 2;
        check_error(run_go(&parts, &error), RESHIFT_ERROR_CANCELLED, "stopped");
        assert_int_equal(parts.steps_seen, 6);
        parts.cancel_after_epochs = 0;
        check_ok(run_go(&parts, &error));
        assert_true(run_said(&parts, "going on after epoch 2 of 3"));
        assert_int_equal(parts.steps_seen, 6);
        check_same_networks(whole.model, parts.model);
        check_same_histories(&whole.history, &parts.history);
        check_ok(run_go(&parts, &error)); /* finished: nothing left to do */
        assert_int_equal(parts.steps_seen, 0);
        check_same_networks(whole.model, parts.model);
        check_same_histories(&whole.history, &parts.history);
        unlink(path);
        run_destroy(&whole);
        run_destroy(&parts);
    }
}

static void test_a_training_can_be_made_longer(void **state)
{
    (void)state;
    char path[300];
    snprintf(path, sizeof path, "%s/longer.safetensors", folder);
    reshift_error error;
    run whole, parts;
    run_create(&whole);
    check_ok(run_go(&whole, &error));
    run_create(&parts);
    parts.options.checkpoint = path;
    parts.options.epochs = 2;
    check_ok(run_go(&parts, &error));
    parts.options.epochs = 3;
    check_ok(run_go(&parts, &error));
    assert_int_equal(parts.steps_seen, 6);
    check_same_networks(whole.model, parts.model);
    check_same_histories(&whole.history, &parts.history);
    parts.options.epochs = 1; /* fewer than are there: from the beginning, on request */
    parts.options.checkpoint_mismatch = RESHIFT_CHECKPOINT_REPLACE;
    parts.epochs_seen = 0;
    check_ok(run_go(&parts, &error));
    assert_true(run_said(&parts, "holds 3 epochs, requested: 1"));
    assert_int_equal(parts.history.n_epochs, 1);
    assert_true(parts.history.epochs[0].train_loss == whole.history.epochs[0].train_loss);
    unlink(path);
    run_destroy(&whole);
    run_destroy(&parts);
}

/* One thing changed at a time: a checkpoint of another training is refused, naming what differs, and stays as it is; it
 * is replaced on request. */
static void test_checkpoints_of_other_trainings_are_refused(void **state)
{
    static const char *const words[] = {"'seed' was ", "'batch' was ",       "'batchnorm' was ",
                                        "'lr ",        "'test images' was ", "'weights' was "};
    (void)state;
    char path[300];
    snprintf(path, sizeof path, "%s/other.safetensors", folder);
    reshift_error error;
    run r;
    static const reshift_block_rate rates[] = {{"layer3", 1e-3}, {"layer4", 2e-3}, {"fc", 1e-2}};
    for (int change = 0; change < 6; change++) {
        char before[DIGEST_HEX_BYTES], after[DIGEST_HEX_BYTES];
        run_create(&r);
        r.options.epochs = 1;
        r.options.checkpoint = path;
        check_ok(run_go(&r, &error));
        r.epochs_seen = 0;
        switch (change) {
        case 0: r.options.seed++; break;
        case 1: r.options.batch++; break;
        case 2: r.options.batchnorm = RESHIFT_BATCHNORM_FROZEN; break;
        case 3: r.options.blocks = rates; break;
        case 4: r.options.test = r.train; break;
        default: model_network(r.before)->values[0] += 1e-6f; break;
        }
        check_ok(digest_file(DIGEST_SHA256, path, before, &error));
        check_error(run_go(&r, &error), RESHIFT_ERROR_EXISTS, "belongs to another training: ");
        check_error(RESHIFT_ERROR_EXISTS, RESHIFT_ERROR_EXISTS, words[change]);
        assert_non_null(strstr(error.hint, "--force"));
        assert_int_equal(r.steps_seen, 0);
        check_ok(digest_file(DIGEST_SHA256, path, after, &error));
        assert_string_equal(before, after);
        r.options.checkpoint_mismatch = RESHIFT_CHECKPOINT_REPLACE;
        check_ok(run_go(&r, &error));
        assert_true(run_said(&r, "belongs to another training"));
        assert_true(r.steps_seen > 0);
        run_destroy(&r);
        unlink(path);
    }
    run_create(&r);
    r.options.checkpoint = path;
    check_ok(reshift_model_save(path, r.before, true, &error));
    check_error(run_go(&r, &error), RESHIFT_ERROR_EXISTS, "no checkpoint of fine-tuning");
    check_ok(file_write_all(path, "damaged", 7, true, &error));
    reshift_status status = run_go(&r, &error);
    assert_true(status != RESHIFT_OK);
    assert_non_null(strstr(error.message, "checkpoint of fine-tuning: cannot read"));
    assert_true(file_exists(path));
    unlink(path);
    run_destroy(&r);
}

/* A checkpoint that was damaged on the disk, or that holds more epochs than are wanted, is not used. */
static void test_damaged_checkpoints_are_not_taken_up(void **state)
{
    (void)state;
    char path[300], *bytes = NULL;
    size_t size;
    snprintf(path, sizeof path, "%s/flipped.safetensors", folder);
    reshift_error error;
    run whole, r;
    run_create(&whole);
    check_ok(run_go(&whole, &error));
    run_create(&r);
    r.options.checkpoint = path;
    r.options.epochs = 2;
    check_ok(run_go(&r, &error));
    r.options.epochs = 1;
    check_error(run_go(&r, &error), RESHIFT_ERROR_EXISTS, "holds 2 epochs, requested: 1");
    r.options.epochs = 3;
    check_ok(file_read_all(path, &bytes, &size, &error));
    bytes[size / 2] ^= 1;
    check_ok(file_write_all(path, bytes, size, true, &error));
    check_error(run_go(&r, &error), RESHIFT_ERROR_FORMAT, "is damaged: its checksum is ");
    r.options.checkpoint_mismatch = RESHIFT_CHECKPOINT_OWN;
    r.epochs_seen = 0;
    check_ok(run_go(&r, &error));
    assert_int_equal(r.epochs_seen, 3);
    check_same_networks(whole.model, r.model);
    check_ok(file_write_all(path, bytes, 40, true, &error)); /* cut in its header */
    r.epochs_seen = 0;
    check_ok(run_go(&r, &error));
    assert_non_null(strstr(r.said, "is damaged: "));
    free(bytes);
    unlink(path);
    run_destroy(&whole);
    run_destroy(&r);
}

/* ---- refusals ---- */

static void test_refusals(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    static const reshift_block_rate unknown[] = {{"layer9", 1e-3}}, twice[] = {{"fc", 1e-3}, {"fc", 1e-2}},
                                    negative[] = {{"fc", -1}};
    r.options.blocks = unknown;
    r.options.n_blocks = 1;
    check_error(run_go(&r, &error), RESHIFT_ERROR_NOT_FOUND, "no block 'layer9'");
    assert_non_null(strstr(error.message, "its blocks are conv1, layer1, layer2, layer3, layer4, fc"));
    r.options.n_blocks = 0;
    check_error(run_go(&r, &error), RESHIFT_ERROR_ARGUMENT, "no block to train");
    r.options.blocks = twice;
    r.options.n_blocks = 2;
    check_error(run_go(&r, &error), RESHIFT_ERROR_ARGUMENT, "named twice");
    r.options.blocks = negative;
    r.options.n_blocks = 1;
    check_error(run_go(&r, &error), RESHIFT_ERROR_ARGUMENT, "must be 0 or more, found -1");
    r.options.blocks = upper;
    r.options.n_blocks = 3;
    r.options.batch = 0;
    check_error(run_go(&r, &error), RESHIFT_ERROR_ARGUMENT, "batch 1..65536");
    r.options.batch = batch;
    int64_t order[3 * n_train] = {0};
    order[100] = n_train;
    r.options.order = order;
    check_error(run_go(&r, &error), RESHIFT_ERROR_ARGUMENT, "order[100]: there is no row 90");
    r.options.order = NULL;
    r.options.size = 5000;
    check_error(run_go(&r, &error), RESHIFT_ERROR_ARGUMENT, "input size");
    r.options.size = 0;
    check_ok(reshift_model_reset_head(r.before, 3, 0, &error));
    check_error(run_go(&r, &error), RESHIFT_ERROR_SHAPE, "training set: ");
    assert_non_null(strstr(error.message, "has label 3, but fc has 3 outputs"));
    assert_null(r.history.epochs);
    run_destroy(&r);
}

typedef struct losses {
    double of_step[12];
} losses;

static void keep_loss(void *context, int64_t step, double loss)
{
    losses *l = context;
    assert_in_range(step, 1, 12);
    l->of_step[step - 1] = loss;
}

/* With a rate too small to move anything, losses show the rows: each epoch holds every row once, in an order of its
 * own. */
static void test_every_epoch_has_its_own_order(void **state)
{
    (void)state;
    static const reshift_block_rate still[] = {{"fc", 1e-30}};
    reshift_error error;
    losses found, other;
    run r;
    run_create(&r);
    r.options.blocks = still;
    r.options.n_blocks = 1;
    r.options.epochs = 2;
    r.options.test = NULL;
    r.options.on_epoch = NULL;
    r.options.on_step = keep_loss;
    r.options.context = &found;
    check_ok(run_go(&r, &error));
    double sums[2] = {0, 0};
    for (int i = 0; i < 12; i++) {
        sums[i / 6] += found.of_step[i] * (i % 6 == 5 ? 10 : batch);
        assert_true(i >= 6 || found.of_step[i] != found.of_step[i + 6]);
    }
    assert_true(fabs(sums[0] - sums[1]) < 1e-5 * sums[0]);
    assert_true(fabs(r.history.epochs[0].train_loss - sums[0] / n_train) < 1e-12);
    r.options.seed++;
    r.options.context = &other;
    check_ok(run_go(&r, &error));
    assert_true(found.of_step[0] != other.of_step[0]);
    run_destroy(&r);
}

/* A batch larger than the set is the set. */
static void test_batch_larger_than_the_set(void **state)
{
    (void)state;
    reshift_error error;
    run r;
    run_create(&r);
    r.options.batch = 1000;
    check_ok(run_go(&r, &error));
    assert_int_equal(r.steps_seen, 3);
    run_destroy(&r);
}

/* What is kept is what a training of just so many epochs ends with, also when it was stopped behind the best epoch. */
static void test_the_best_epoch_is_kept(void **state)
{
    (void)state;
    reshift_error error;
    char path[300];
    snprintf(path, sizeof path, "%s/best.safetensors", folder);
    run all, best, just;
    run_create(&all);
    run_create(&best);
    run_create(&just);
    reshift_dataset *validation = open_labelled(5, 23, 1);
    all.options.epochs = best.options.epochs = 4;
    all.options.validation = best.options.validation = validation;
    check_ok(run_go(&all, &error));
    int kept = 0;
    for (int e = 1; e < 4; e++) {
        assert_true(isfinite(all.history.epochs[e].validation_loss));
        kept = all.history.epochs[e].validation_accuracy > all.history.epochs[kept].validation_accuracy ? e : kept;
    }
    assert_int_not_equal(kept, 3); /* else nothing is shown here */
    best.options.keep = RESHIFT_KEEP_BEST;
    check_ok(run_go(&best, &error));
    check_same_histories(&best.history, &all.history);
    just.options.epochs = kept + 1;
    check_ok(run_go(&just, &error));
    check_same_networks(best.model, just.model);

    run parts;
    run_create(&parts);
    parts.options = best.options;
    parts.options.context = &parts;
    parts.options.checkpoint = path;
    parts.cancel_after_epochs = 3;
    assert_int_equal(run_go(&parts, &error), RESHIFT_ERROR_CANCELLED);
    parts.cancel_after_epochs = 0;
    check_ok(run_go(&parts, &error));
    check_same_networks(parts.model, just.model);
    check_same_histories(&parts.history, &all.history);
    check_ok(run_go(&parts, &error)); /* all done before: the checkpoint alone says which it was */
    check_same_networks(parts.model, just.model);
    parts.options.validation = NULL;
    check_error(run_go(&parts, &error), RESHIFT_ERROR_ARGUMENT, "nothing is held out");

    /* images that have chosen count as seen */
    uint8_t seen[23];
    check_ok(reshift_fingerprints_find(reshift_model_trained_on(best.model), validation, NULL, 23, seen, &error));
    assert_null(memchr(seen, 0, sizeof seen));
    run_destroy(&parts);
    run_destroy(&just);
    run_destroy(&best);
    run_destroy(&all);
    reshift_dataset_close(&validation);
    remove(path);
}

int main(void)
{
    open_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_kept_rows_change_no_bit),
        cmocka_unit_test(test_checkpoints_of_other_trainings_are_refused),
        cmocka_unit_test(test_damaged_checkpoints_are_not_taken_up),
        cmocka_unit_test(test_only_the_named_blocks_move),
        cmocka_unit_test(test_blocks_apart),
        cmocka_unit_test(test_fc_alone),
        cmocka_unit_test(test_all_blocks_from_scratch),
        cmocka_unit_test(test_the_cache_changes_no_bit),
        cmocka_unit_test(test_a_shared_cache_changes_no_bit),
        cmocka_unit_test(test_nothing_is_kept_for_a_single_epoch),
        cmocka_unit_test(test_measurement_is_that_of_a_forward_pass),
        cmocka_unit_test(test_interrupted_training_ends_with_the_same_bytes),
        cmocka_unit_test(test_a_training_can_be_made_longer),
        cmocka_unit_test(test_the_best_epoch_is_kept),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_epoch_has_its_own_order),
        cmocka_unit_test(test_batch_larger_than_the_set),
    };
    int failed = cmocka_run_group_tests_name("finetune", tests, NULL, NULL);
    return failed + remove_folder();
}
