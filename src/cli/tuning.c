/* From words to the options of a training. */
#include "cli/tuning.h"

#include <string.h>

#include "cli/session.h"

static int place_of(const char *word, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(word, words[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* A number from 0 to `most`; read_number() leaves its low end out. */
static bool from_zero(const char *text, double most, double *value)
{
    *value = 0;
    return strcmp(text, "0") == 0 || read_number(text, 0, most, value);
}

const char *tuning_read(const tuning *words, reshift_finetune_options *how)
{
    static const char *const optimizers[] = {
        [RESHIFT_OPTIMIZER_ADAM] = "adam", [RESHIFT_OPTIMIZER_ADAMW] = "adamw", [RESHIFT_OPTIMIZER_SGD] = "sgd", NULL};
    static const char *const schedules[] = {[RESHIFT_SCHEDULE_CONSTANT] = "constant",
                                            [RESHIFT_SCHEDULE_STEP] = "step",
                                            [RESHIFT_SCHEDULE_COSINE] = "cosine",
                                            NULL};
    static const char *const units[] = {"epoch", "step", NULL};
    const int optimizer = place_of(words->optimizer, optimizers), kind = place_of(words->schedule, schedules);
    const int unit = place_of(words->unit, units);
    double decay, smoothing, momentum;
    if (optimizer < 0) {
        return "--optimizer: expected adam, adamw or sgd";
    }
    if (kind < 0) {
        return "--schedule: expected constant, step or cosine";
    }
    if (unit < 0) {
        return "--schedule-unit: expected epoch or step";
    }
    if (!from_zero(words->momentum, 1, &momentum) || momentum == 1) {
        return "--momentum: expected a number from 0 to below 1";
    }
    if (!from_zero(words->decay, 1, &decay)) {
        return "--weight-decay: expected a number from 0 to 1";
    }
    if (!from_zero(words->smoothing, 1, &smoothing) || smoothing == 1) {
        return "--label-smoothing: expected a number from 0 to below 1";
    }
    if (words->nesterov && (optimizer != RESHIFT_OPTIMIZER_SGD || momentum == 0)) {
        return "--nesterov goes with --optimizer sgd and a momentum above 0";
    }
    how->optimizer = (reshift_optimizer)optimizer;
    how->momentum = momentum;
    how->nesterov = words->nesterov;
    how->weight_decay = decay;
    how->label_smoothing = smoothing;
    how->schedule = (reshift_schedule){.kind = (reshift_schedule_kind)kind,
                                       .by_step = unit == 1,
                                       .warmup = words->warmup,
                                       .step_size = words->step_size,
                                       .gamma = words->gamma};
    return NULL;
}
