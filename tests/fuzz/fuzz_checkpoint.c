/*
 * A checkpoint of fine-tuning: whatever the file is, it is taken up as a whole or nothing changes. The input is read as
 * a file of another's (REFUSE) and as one's own (OWN), which never fails but for memory.
 */
#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include "network/network.h"
#include "training/checkpoint.h"
#include "models/model.h"
#include "reshift/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static reshift_model *model;
    char path[64];
    reshift_error error;
    static fact_list *depends_on;
    if (!model) {
        char key[DIGEST_HEX_BYTES];
        depends_on = facts_create();
        must(depends_on != NULL);
        facts_add(depends_on, "seed", "0");
        facts_add(depends_on, "batch", "8");
        must(facts_finish(depends_on, key, &error) == RESHIFT_OK);
        must(reshift_model_create("resnet-demo", 2, 0, &model, &error) == RESHIFT_OK);
    }
    snprintf(path, sizeof path, "/dev/shm/fuzz-checkpoint-%d", (int)getpid());
    FILE *file = fopen(path, "wb");
    must(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    network *net = model_network(model);
    const int changed[] = {0, 1}, trained[] = {0};
    const double rate = 0.001;
    const optimiser_rule rule = {.kind = OPTIMISER_ADAM};
    for (int own = 0; own < 2; own++) {
        reshift_epoch epochs[4];
        reshift_history history = {.epochs = epochs};
        checkpoint_state state = {.key = "key",
                                  .depends_on = depends_on,
                                  .mismatch = own ? RESHIFT_CHECKPOINT_OWN : RESHIFT_CHECKPOINT_REFUSE,
                                  .net = net,
                                  .changed = changed,
                                  .n_changed = 2,
                                  .trained = trained,
                                  .n_trained = 1,
                                  .history = &history,
                                  .epochs = 4};
        bool taken = false;
        must(plan_optimiser_create(net, NULL, &rule, trained, &rate, 1, &state.optimiser, &error) == RESHIFT_OK);
        reshift_status status = checkpoint_load(path, &state, &taken, NULL, &error);
        must_explain(status, &error);
        must(!taken || (status == RESHIFT_OK && history.n_epochs <= 4));
        plan_optimiser_destroy(&state.optimiser);
    }
    unlink(path);
    return 0;
}
