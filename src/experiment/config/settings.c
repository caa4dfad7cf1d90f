/* What several settings say together: learning rates by block, augmentation, and checks that reach over several keys.
 */
#include "experiment/config/settings.h"

#include <string.h>

#include "base/error.h"
#include "experiment/config/yaml_source.h"
#include "reshift/adaptation.h"
#include "reshift/corruption.h"
#include "reshift/dataset.h"
#include "reshift/split.h"

double settings_rate(const settings_rates *rates, const char *block)
{
    double general = -1;
    for (int i = 0; i < rates->n; i++) {
        if (strcmp(rates->rates[i].block, block) == 0) {
            return rates->rates[i].learning_rate;
        }
        if (strcmp(rates->rates[i].block, "all") == 0 || strcmp(rates->rates[i].block, "auto") == 0) {
            general = rates->rates[i].learning_rate;
        }
    }
    return general;
}

const char *settings_auto_and(const settings_rates *rates)
{
    const char *other = NULL;
    bool automatic = false;
    for (int i = 0; i < rates->n; i++) {
        const bool is_auto = strcmp(rates->rates[i].block, "auto") == 0;
        automatic = automatic || is_auto;
        other = is_auto || other ? other : rates->rates[i].block;
    }
    return automatic ? other : NULL;
}

double settings_auto_rate(const settings_rates *rates)
{
    return rates->n == 1 && strcmp(rates->rates[0].block, "auto") == 0 ? rates->rates[0].learning_rate : 0;
}

static bool is_none(const settings_blocks *list) { return list->n == 1 && strcmp(list->names[0], "none") == 0; }

reshift_status settings_augment(const settings_blocks *wanted, const settings_blocks *corruptions,
                                reshift_augment *augment, reshift_error *error)
{
    for (int i = 0; i < wanted->n && !is_none(wanted); i++) {
        const char *name = wanted->names[i];
        augment->flip = augment->flip || strcmp(name, "flip") == 0;
        augment->crop = augment->crop || strcmp(name, "crop") == 0;
        augment->corrupt = augment->corrupt || strcmp(name, "corrupt") == 0;
        if (strcmp(name, "flip") != 0 && strcmp(name, "crop") != 0 && strcmp(name, "corrupt") != 0) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT,
                             "'finetune.augment': expected flip, crop, corrupt or none, found '%s'", name);
        }
    }
    for (int i = 0; i < corruptions->n && !is_none(corruptions); i++) {
        const reshift_corruption *found;
        reshift_status status = reshift_corruption_find(corruptions->names[i], &found, error);
        if (status != RESHIFT_OK) {
            return error_prefix(error, RESHIFT_ERROR_ARGUMENT, "'finetune.augment_corruptions'");
        }
        augment->corruptions[augment->n_corruptions++] = found->name;
    }
    if (augment->corrupt != (augment->n_corruptions > 0)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "'finetune.augment%s",
                         augment->corrupt ? "_corruptions': corrupt needs a list of them"
                                          : "_corruptions': finetune.augment does not name corrupt");
    }
    return RESHIFT_OK;
}

reshift_status settings_check(const reshift_experiment *experiment, reshift_error *error)
{
    const char *other = settings_auto_and(&experiment->finetune.rates);
    if (other) {
        error_set(error, RESHIFT_ERROR_ARGUMENT, "'finetune.lr': " SETTINGS_AUTO_MIXED, other);
        error_hint(error, "--set finetune.lr=auto, or finetune.lr=auto=0.001 with its largest rate");
        return RESHIFT_ERROR_ARGUMENT;
    }
    if (experiment->finetune.epochs == 0 && experiment->finetune.batchnorm != RESHIFT_BATCHNORM_RECALIBRATE) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "'finetune.epochs': 0 changes nothing unless finetune.batchnorm is recalibrate");
    }
    if (experiment->finetune.epochs == 0 && experiment->finetune.keep == RESHIFT_KEEP_BEST) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "'finetune.keep': of 0 epochs none is the best");
    }
    for (int i = 0; i < experiment->finetune.train.n; i++) {
        const char *block = experiment->finetune.train.names[i];
        if (settings_rate(&experiment->finetune.rates, block) < 0) {
            error_set(error, RESHIFT_ERROR_ARGUMENT, "'finetune.lr': no learning rate for the trained block '%s'",
                      block);
            error_hint(error, "add it, as in --set finetune.lr.%s=0.0001", block);
            return RESHIFT_ERROR_ARGUMENT;
        }
    }
    if (experiment->finetune.nesterov &&
        (experiment->finetune.optimizer != RESHIFT_OPTIMIZER_SGD || experiment->finetune.momentum == 0)) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "'finetune.nesterov': needs sgd and a momentum above 0");
    }
    if (experiment->adapt.source > 0 && experiment->adapt.method == RESHIFT_ADAPT_TENT) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT,
                         "'adapt.source': tent learns from the batch's statistics alone, found %lld (0, or method: bn)",
                         (long long)experiment->adapt.source);
    }
    reshift_augment augment = {0};
    reshift_status augmenting =
        settings_augment(&experiment->finetune.augment, &experiment->finetune.augment_corruptions, &augment, error);
    if (augmenting != RESHIFT_OK) {
        return augmenting;
    }
    if (experiment->finetune.keep == RESHIFT_KEEP_BEST && experiment->finetune.validation == 0) {
        error_set(error, RESHIFT_ERROR_ARGUMENT,
                  "'finetune.keep': best by validation accuracy, and nothing is held out");
        error_hint(error, "hold rows out, as in --set finetune.validation=0.1; the test set chooses nothing");
        return RESHIFT_ERROR_ARGUMENT;
    }
    const struct {
        const char *key, *spec;
    } sets[2] = {{"source.data", experiment->source.data}, {"shift.data", experiment->shift.data}};
    for (int i = 0; i < 2; i++) {
        if (reshift_dataset_check(sets[i].spec, NULL, error) != RESHIFT_OK) {
            if (strncmp(sets[i].spec, "npy:", 4) == 0 && !strchr(sets[i].spec, ',')) {
                error_hint(error, YAML_COMMA_HINT);
            }
            return error_prefix(error, RESHIFT_ERROR_ARGUMENT, "'%s'", sets[i].key);
        }
    }
    const reshift_corruption *corruption;
    if (strcmp(experiment->shift.corruption, "none") == 0) {
        return RESHIFT_OK;
    }
    reshift_status status = reshift_corruption_find(experiment->shift.corruption, &corruption, error);
    return status == RESHIFT_OK ? status : error_prefix(error, RESHIFT_ERROR_ARGUMENT, "'shift.corruption'");
}
