/* Converts command line words to training options. */
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

/* The next word of a comma list; false at its end or if a word is too long. */
static bool next_word(const char **list, char *word, size_t size)
{
    size_t length = strcspn(*list, ",");
    if (length == 0 || length >= size) {
        return false;
    }
    memcpy(word, *list, length);
    word[length] = '\0';
    *list += length + ((*list)[length] == ',');
    return true;
}

static const char *read_augment(tuning *words)
{
    reshift_augment *a = &words->how;
    char word[32];
    *a = (reshift_augment){.crop_padding = words->crop_padding,
                           .severity_first = (int)words->severity.first,
                           .severity_last = (int)words->severity.last,
                           .jpeg = words->jpeg,
                           .constants = words->constants,
                           .corrupt_native = words->corrupt_native};
    for (const char *list = words->augment; list && *list;) {
        if (!next_word(&list, word, sizeof word) ||
            (strcmp(word, "flip") != 0 && strcmp(word, "crop") != 0 && strcmp(word, "corrupt") != 0)) {
            return "--augment: expected a list of flip, crop and corrupt";
        }
        a->flip = a->flip || strcmp(word, "flip") == 0;
        a->crop = a->crop || strcmp(word, "crop") == 0;
        a->corrupt = a->corrupt || strcmp(word, "corrupt") == 0;
    }
    for (const char *list = words->corruptions; list && *list;) {
        if (a->n_corruptions == RESHIFT_CORRUPTIONS_MOST ||
            !next_word(&list, words->names[a->n_corruptions], sizeof words->names[0])) {
            return "--augment-corruptions: expected a list of corruptions such as gaussian_noise,fog";
        }
        a->corruptions[a->n_corruptions] = words->names[a->n_corruptions];
        a->n_corruptions++;
    }
    return a->corrupt == (a->n_corruptions > 0) ? NULL : "--augment corrupt and --augment-corruptions go together";
}

const char *tuning_read(tuning *words, reshift_finetune_options *how)
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
    if (!read_number(words->momentum, 0, 1, &momentum) || momentum == 1) {
        return "--momentum: expected a number from 0 to below 1";
    }
    if (!read_number(words->decay, 0, 1, &decay)) {
        return "--weight-decay: expected a number from 0 to 1";
    }
    if (!read_number(words->smoothing, 0, 1, &smoothing) || smoothing == 1) {
        return "--label-smoothing: expected a number from 0 to below 1";
    }
    if (words->nesterov && (optimizer != RESHIFT_OPTIMIZER_SGD || momentum == 0)) {
        return "--nesterov goes with --optimizer sgd and a momentum above 0";
    }
    const char *wrong = read_augment(words);
    if (wrong) {
        return wrong;
    }
    how->augment = words->how.flip || words->how.crop || words->how.corrupt ? &words->how : NULL;
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
