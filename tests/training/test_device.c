/*
 * Inference, fine-tuning and adaptation on a device whose memory is not the host's and whose work is done late
 * (late_device.h): the same bits as on the CPU, which computes both.
 */
#include "training/finetune_run.h"

#include "reshift/learning.h"
#include "training/adapt.h"
#include "engine/late_device.h"

static int set_up(void **state)
{
    (void)state;
    open_folder();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return remove_folder();
}

static void change(run *r, int kind)
{
    static const reshift_block_rate by_gradient[] = {{"layer3", 0}, {"layer4", 0}, {"fc", 0}};
    switch (kind) {
    case 0: break; /* Adam, statistics of the trained blocks' batches */
    case 1:
        r->options.batchnorm = RESHIFT_BATCHNORM_TRAIN_ALL;
        r->options.optimizer = RESHIFT_OPTIMIZER_SGD;
        break;
    case 2: r->options.batchnorm = RESHIFT_BATCHNORM_RECALIBRATE; break;
    default:
        r->options.blocks = by_gradient;
        r->options.auto_rate = 0.01;
        r->options.batchnorm = RESHIFT_BATCHNORM_FROZEN;
        r->options.validation = r->test;
        r->options.keep = RESHIFT_KEEP_BEST;
        break;
    }
}

static void test_finetuning(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        reshift_error error;
        run here, there;
        run_create(&here);
        run_create(&there);
        change(&here, kind);
        change(&there, kind);
        check_ok(run_go(&here, &error));
        late_on = true;
        late_waits = 0;
        check_ok(run_go(&there, &error));
        late_on = false;
        assert_true(late_waits > 0);
        check_same_networks(here.model, there.model);
        check_same_histories(&here.history, &there.history);
        run_destroy(&here);
        run_destroy(&there);
    }
}

/* Interrupted after an epoch and continued from the checkpoint, which holds what was on the device. */
static void test_checkpoint(void **state)
{
    (void)state;
    reshift_error error;
    char path[300];
    run here, there;
    run_create(&here);
    run_create(&there);
    check_ok(run_go(&here, &error));
    snprintf(path, sizeof path, "%s/late.safetensors", folder);
    there.options.checkpoint = path;
    there.cancel_after_epochs = 1;
    late_on = true;
    assert_int_equal(run_go(&there, &error), RESHIFT_ERROR_CANCELLED);
    there.cancel_after_epochs = 0;
    check_ok(run_go(&there, &error));
    late_on = false;
    check_same_networks(here.model, there.model);
    check_same_histories(&here.history, &there.history);
    run_destroy(&here);
    run_destroy(&there);
}

static void adapt_all(const run *r, reshift_adapt_kind kind, float *logits)
{
    reshift_error error;
    adapt *a;
    reshift_adapt_options options;
    reshift_adapt_options_default(&options);
    options.kind = kind;
    options.batch = batch;
    check_ok(adapt_create(r->before, &options, image, n_train, RESHIFT_PRECISION_F32, &a, &error));
    for (int pass = 0; pass < 2; pass++) { /* each start begins with the weights as they were given */
        check_ok(adapt_start(a, r->train, NULL, &error));
        const float *rows;
        const int *labels;
        for (int done = 0, n = 1; n > 0; done += n) {
            check_ok(adapt_next(a, &rows, &labels, &n, &error));
            memcpy(logits + done * n_classes, rows, (size_t)(n * n_classes) * sizeof *logits);
        }
    }
    adapt_destroy(&a);
}

static void test_adaptation(void **state)
{
    (void)state;
    run r;
    run_create(&r);
    for (int kind = RESHIFT_ADAPT_BN; kind <= RESHIFT_ADAPT_TENT; kind++) {
        static float here[n_train * n_classes], there[n_train * n_classes];
        adapt_all(&r, (reshift_adapt_kind)kind, here);
        late_on = true;
        adapt_all(&r, (reshift_adapt_kind)kind, there);
        late_on = false;
        assert_memory_equal(here, there, sizeof here);
    }
    run_destroy(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_finetuning), cmocka_unit_test(test_checkpoint),
                                       cmocka_unit_test(test_adaptation)};
    return cmocka_run_group_tests_name("device", tests, set_up, tear_down);
}
