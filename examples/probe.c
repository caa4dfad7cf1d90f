/*
 * A linear probe on features, and its accuracy on others:
 *
 *     cc probe.c -o probe $(pkg-config --cflags --libs reshift)
 *     ./probe train.npy train-labels.npy test.npy test-labels.npy
 */
#include <stdio.h>

#include <reshift/reshift.h>

#define CHECK(call)                                                                                                    \
    if ((call) != RESHIFT_OK) {                                                                                        \
        fprintf(stderr, "probe: %s\n", error.message);                                                                 \
        return 1;                                                                                                      \
    }

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: probe TRAIN.npy TRAIN-LABELS.npy TEST.npy TEST-LABELS.npy\n");
        return 2;
    }
    reshift_error error;
    reshift_array train = {0}, train_labels = {0}, test = {0}, test_labels = {0};
    CHECK(reshift_features_load_npy(argv[1], &train, &error))
    CHECK(reshift_array_load_npy(argv[2], &train_labels, &error))
    CHECK(reshift_features_load_npy(argv[3], &test, &error))
    CHECK(reshift_array_load_npy(argv[4], &test_labels, &error))

    reshift_array weight = {0}, bias = {0}, scores = {0};
    reshift_history history = {0};
    CHECK(reshift_probe_train(&train, &train_labels, &test, &test_labels, 0, NULL, &weight, &bias, &history, NULL,
                              &error))
    CHECK(reshift_linear_scores(&weight, &bias, &test, &scores, &error))

    reshift_metrics metrics = {0};
    CHECK(reshift_metrics_of(&scores, RESHIFT_SCORES_LOGITS, &test_labels, NULL, NULL, &metrics, &error))
    printf("training accuracy %.1f %% after %d epochs\n", 100 * history.epochs[history.n_epochs - 1].train_accuracy,
           history.n_epochs);
    printf("test accuracy %.1f %% (95 %%: %.1f to %.1f)\n", 100 * metrics.accuracy.accuracy, 100 * metrics.accuracy.low,
           100 * metrics.accuracy.high);

    reshift_history_destroy(&history);
    reshift_array *arrays[] = {&train, &train_labels, &test, &test_labels, &weight, &bias, &scores};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        reshift_array_destroy(arrays[i]);
    }
    return 0;
}
