/*
 * The table of an experiment's keys, and what follows from it: defaults, checks over several keys, the resolved file
 * and the reference page. A new key is one row here and one field in settings.h.
 */
#include "experiment/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "reshift/adaptation.h"
#include "reshift/corruption.h"
#include "reshift/split.h"

#define AT(field) offsetof(struct reshift_experiment, field)
#define MOST 1e15 /* whole numbers up to here are exact in a double */

static const char *const precisions[] = {[RESHIFT_PRECISION_F32] = "f32",
                                         [RESHIFT_PRECISION_BF16] = "bf16",
                                         [RESHIFT_PRECISION_INT8] = "int8",
                                         [RESHIFT_PRECISION_AUTO] = "auto",
                                         NULL};
static const char *const optimizers[] = {
    [RESHIFT_OPTIMIZER_ADAM] = "adam", [RESHIFT_OPTIMIZER_ADAMW] = "adamw", [RESHIFT_OPTIMIZER_SGD] = "sgd", NULL};
static const char *const schedules[] = {[RESHIFT_SCHEDULE_CONSTANT] = "constant",
                                        [RESHIFT_SCHEDULE_STEP] = "step",
                                        [RESHIFT_SCHEDULE_COSINE] = "cosine",
                                        NULL};
static const char *const schedule_units[] = {"epoch", "step", NULL};
static const char *const probe_optimizers[] = {[SETTINGS_PROBE_ADAM] = "adam", [SETTINGS_PROBE_LBFGS] = "lbfgs", NULL};
static const char *const adapt_methods[] = {
    [RESHIFT_ADAPT_NONE] = "none", [RESHIFT_ADAPT_BN] = "bn", [RESHIFT_ADAPT_TENT] = "tent", NULL};
static const char *const adapt_optimizers[] = {[SETTINGS_ADAPT_ADAM] = "adam", [SETTINGS_ADAPT_SGD] = "sgd", NULL};
static const char *const splits[] = {[RESHIFT_SPLIT_BY_IMAGE] = "by-image", [RESHIFT_SPLIT_BY_ROW] = "by-row", NULL};
static const char *const constants[] = {[RESHIFT_CONSTANTS_AUTO] = "auto",
                                        [RESHIFT_CONSTANTS_CIFAR] = "cifar",
                                        [RESHIFT_CONSTANTS_IMAGENET] = "imagenet",
                                        NULL};
static const char *const batchnorms[] = {[RESHIFT_BATCHNORM_FROZEN] = "frozen",
                                         [RESHIFT_BATCHNORM_TRAIN] = "train",
                                         [RESHIFT_BATCHNORM_TRAIN_ALL] = "train-all",
                                         [RESHIFT_BATCHNORM_RECALIBRATE] = "recalibrate",
                                         NULL};

static const char *const keeps[] = {[RESHIFT_KEEP_LAST] = "last", [RESHIFT_KEEP_BEST] = "best", NULL};
static const char *const row_sources[] = {[SETTINGS_ROWS_SHIFTED] = "shifted", [SETTINGS_ROWS_TRAIN] = "train", NULL};
static const char *const cache_places[] = {
    [RESHIFT_CACHE_AUTO] = "auto", [RESHIFT_CACHE_MEMORY] = "memory", [RESHIFT_CACHE_DISK] = "disk", NULL};

/* clang-format off: one row a key reads best as a table */
static const setting table[] = {
    {"name", SETTING_NAME, AT(name), 0, 0, NULL, "study", "the run folder is runs/NAME"},
    {"seed", SETTING_COUNT, AT(seed), 0, MOST, NULL, "0",
     "of every random draw: initial weights, shuffles, the split, noise"},

    {"model.arch", SETTING_TEXT, AT(model.arch), 0, 0, NULL, "any",
     "only checked against the weights; any: not checked"},
    {"model.weights", SETTING_TEXT, AT(model.weights), 0, 0, NULL, "resnet50",
     "a file, or a name looked up in the data folder; demo: a small network pretrained here"},

    {"input.size", SETTING_COUNT, AT(input.size), 8, 2048, NULL, "224", "images enter the network as size x size"},
    {"input.batch", SETTING_COUNT, AT(input.batch), 1, 4096, NULL, "64", "images a pass when features are extracted"},
    {"input.precision", SETTING_CHOICE, AT(input.precision), 0, 0, precisions, "f32",
     "of the network's arithmetic; training knows f32 and bf16; auto: the fastest that keeps its accuracy"},

    {"source.data", SETTING_TEXT, AT(source.data), 0, 0, NULL, "cifar10",
     "the clean set, with a training and a test part"},
    {"source.limit_train", SETTING_COUNT, AT(source.limit_train), 0, MOST, NULL, "0",
     "the first N training images; 0: all"},
    {"source.limit_test", SETTING_COUNT, AT(source.limit_test), 0, MOST, NULL, "0",
     "the first N test images, of every severity too; 0: all"},
    {"source.test_fraction", SETTING_SHARE, AT(source.test_fraction), 0, 1, NULL, "0.2",
     "of a set without a training and a test part of its own: the share of every class that is tested on"},

    {"probe.epochs", SETTING_COUNT, AT(probe.epochs), 1, 100000, NULL, "30", "adam: passes over the training features"},
    {"probe.batch", SETTING_COUNT, AT(probe.batch), 1, 1000000, NULL, "64", "adam: rows a step"},
    {"probe.optimizer", SETTING_CHOICE, AT(probe.optimizer), 0, 0, probe_optimizers, "adam",
     "adam (beta 0.9 and 0.999, eps 1e-8), or lbfgs to the minimum of the penalised loss"},
    {"probe.lr", SETTING_NUMBER, AT(probe.learning_rate), 0, 10, NULL, "0.001", "adam: learning rate"},
    {"probe.l2", SETTING_AUTO, AT(probe.l2), 0, 1e6, NULL, "auto",
     "lbfgs: penalty l2/2 |W|^2; auto: the best on training rows held out"},
    {"probe.held_out", SETTING_NUMBER, AT(probe.held_out), 0, 0.9, NULL, "0.1",
     "lbfgs: share of the training rows held out to choose l2"},

    {"shift.data", SETTING_TEXT, AT(shift.data), 0, 0, NULL, "cifar10-c", "the shifted set"},
    {"shift.corruption", SETTING_TEXT, AT(shift.corruption), 0, 0, NULL, "gaussian_blur",
     "one of the 19; none: the set is shifted by itself"},
    {"shift.severity", SETTING_SEVERITIES, AT(shift.severity), 1, 5, NULL, "1-5",
     "one severity, or the first and the last"},
    {"shift.generate", SETTING_FLAG, AT(shift.generate), 0, 0, NULL, "true",
     "make the corrupted images where no file holds them"},
    {"shift.constants", SETTING_CHOICE, AT(shift.constants), 0, 0, constants, "auto",
     "strengths of what is made: for 32x32, for 224x224, or the nearer of them to the images"},

    {"finetune.train", SETTING_BLOCKS, AT(finetune.train), 0, 0, NULL, "[layer4, fc]",
     "the blocks that are trained; all: every block"},
    {"finetune.lr", SETTING_RATES, AT(finetune.rates), 0, 10, NULL, "{layer4: 0.0001, fc: 0.001}",
     "learning rate of each trained block, or one for all; auto, or {auto: 0.001} with its largest: chosen before every "
     "epoch from gradients over weights"},
    {"finetune.optimizer", SETTING_CHOICE, AT(finetune.optimizer), 0, 0, optimizers, "adam",
     "as PyTorch's; adam and adamw: beta 0.9 and 0.999, eps 1e-8"},
    {"finetune.momentum", SETTING_SHARE, AT(finetune.momentum), 0, 1, NULL, "0.9", "of sgd"},
    {"finetune.nesterov", SETTING_FLAG, AT(finetune.nesterov), 0, 0, NULL, "false", "sgd: Nesterov's momentum"},
    {"finetune.weight_decay", SETTING_SHARE, AT(finetune.weight_decay), 0, 1, NULL, "0",
     "of the trained parameters; adamw: apart from the gradient"},
    {"finetune.label_smoothing", SETTING_SHARE, AT(finetune.label_smoothing), 0, 1, NULL, "0", "of the training loss"},
    {"finetune.schedule", SETTING_CHOICE, AT(finetune.schedule), 0, 0, schedules, "constant",
     "of the learning rates; cosine: down to 0 at the end"},
    {"finetune.schedule_unit", SETTING_CHOICE, AT(finetune.schedule_unit), 0, 0, schedule_units, "epoch",
     "what the schedule counts"},
    {"finetune.warmup", SETTING_COUNT, AT(finetune.warmup), 0, MOST, NULL, "0", "units of a linear rise before it"},
    {"finetune.step_size", SETTING_COUNT, AT(finetune.step_size), 1, MOST, NULL, "1", "step: units between two falls"},
    {"finetune.gamma", SETTING_NUMBER, AT(finetune.gamma), 0, 1, NULL, "0.1", "step: factor of a fall"},
    {"finetune.epochs", SETTING_COUNT, AT(finetune.epochs), 0, 100000, NULL, "10",
     "passes over the training rows; 0: none, with batchnorm: recalibrate"},
    {"finetune.batch", SETTING_COUNT, AT(finetune.batch), 1, 4096, NULL, "64", "rows a step"},
    {"finetune.samples", SETTING_COUNT, AT(finetune.samples), 1, MOST, NULL, "20000",
     "shifted images to train on, each severity of an image counted by itself"},
    {"finetune.rows", SETTING_CHOICE, AT(finetune.rows), 0, 0, row_sources, "shifted",
     "shifted: a part of the shifted test set; train: training images shifted alike, all test images stay unseen"},
    {"finetune.validation", SETTING_SHARE, AT(finetune.validation), 0, 1, NULL, "0",
     "share of these rows held out, whole images and alike of every class, and measured after every epoch"},
    {"finetune.keep", SETTING_CHOICE, AT(finetune.keep), 0, 0, keeps, "last",
     "the epoch that is stored and measured: the last, or the best by validation accuracy (of equals the earlier)"},
    {"finetune.augment", SETTING_BLOCKS, AT(finetune.augment), 0, 0, NULL, "none",
     "what is done to these rows by chance, anew in every epoch: a list of flip, crop and corrupt; none"},
    {"finetune.crop_padding", SETTING_NUMBER, AT(finetune.crop_padding), 0, 1, NULL, "0.125",
     "crop: black margin on every side, as a share of the shorter one; 0.125: 4 pixels of 32"},
    {"finetune.augment_corruptions", SETTING_BLOCKS, AT(finetune.augment_corruptions), 0, 0, NULL, "none",
     "corrupt: the corruptions, each as likely, as in [gaussian_noise, fog]"},
    {"finetune.augment_severity", SETTING_SEVERITIES, AT(finetune.augment_severity), 1, 5, NULL, "1-5",
     "corrupt: severities, each as likely"},
    {"finetune.split", SETTING_CHOICE, AT(finetune.split), 0, 0, splits, "by-image",
     "by-image: no image in training and testing; by-row: the published protocol, which leaks (not with rows: train)"},
    {"finetune.batchnorm", SETTING_CHOICE, AT(finetune.batchnorm), 0, 0, batchnorms, "frozen",
     "batch statistics: frozen, of the trained blocks only, or of all blocks; recalibrate: those of the trained blocks "
     "computed anew from the training rows before the first epoch, then frozen"},
    {"finetune.cache_budget", SETTING_BYTES, AT(finetune.cache_budget_bytes), 0, MOST, NULL, "auto",
     "for what the frozen blocks give, kept for all epochs and for measuring; auto: half of what is free; 0: nothing"},
    {"finetune.cache", SETTING_CHOICE, AT(finetune.cache_place), 0, 0, cache_places, "auto",
     "where it is kept; auto: in the run folder, unless memory has more room"},
    {"finetune.monitor", SETTING_COUNT, AT(finetune.monitor), 0, MOST, NULL, "1000",
     "test rows measured after every epoch, for the curve alone: they choose nothing; 0: none"},

    {"adapt.method", SETTING_CHOICE, AT(adapt.method), 0, 0, adapt_methods, "none",
     "both networks measured again adapting to the test images: batch norm by the test batch's statistics; tent: and "
     "entropy lowered by its scales and shifts; `adapt: bn` for short"},
    {"adapt.batch", SETTING_COUNT, AT(adapt.batch), 2, 4096, NULL, "64", "images whose statistics are taken together"},
    {"adapt.source", SETTING_COUNT, AT(adapt.source), 0, MOST, NULL, "0",
     "bn: the training statistics count as so many images beside the batch's"},
    {"adapt.shuffle", SETTING_FLAG, AT(adapt.shuffle), 0, 0, NULL, "true",
     "batches of images in an order drawn from the seed; false: as the set has them"},
    {"adapt.optimizer", SETTING_CHOICE, AT(adapt.optimizer), 0, 0, adapt_optimizers, "adam",
     "tent: adam, or sgd with momentum 0.9"},
    {"adapt.lr", SETTING_NUMBER, AT(adapt.learning_rate), 0, 10, NULL, "0.001", "tent: learning rate"},

    {"analysis.pca", SETTING_COUNT, AT(analysis.components), 2, 64, NULL, "2",
     "principal components; the figure shows two"},
    {"analysis.shared_basis", SETTING_FLAG, AT(analysis.shared_basis), 0, 0, NULL, "false",
     "one basis, of the original network's clean features, for all four panels"},

    {"pretrain.epochs", SETTING_COUNT, AT(pretrain.epochs), 1, 10000, NULL, "4",
     "of the demo's own network (weights: demo)"},
    {"pretrain.batch", SETTING_COUNT, AT(pretrain.batch), 2, 4096, NULL, "64", "rows a step of pretraining"},
    {"pretrain.lr", SETTING_NUMBER, AT(pretrain.learning_rate), 0, 10, NULL, "0.003", "learning rate of pretraining"},
    {"pretrain.limit", SETTING_COUNT, AT(pretrain.limit), 0, MOST, NULL, "0",
     "the first N images of the demo's source set; 0: all"},
    {NULL, SETTING_TEXT, 0, 0, 0, NULL, NULL, NULL},
};
/* clang-format on */

const setting *settings_table(void) { return table; }

void *setting_place(reshift_experiment *experiment, const setting *row) { return (char *)experiment + row->offset; }

void setting_expectation(const setting *row, char *text, size_t size)
{
    switch (row->kind) {
    case SETTING_TEXT: snprintf(text, size, "printable text, at most %d bytes", SETTINGS_TEXT_BYTES - 1); return;
    case SETTING_NAME: snprintf(text, size, "a name of letters, digits, '.', '_' and '-'"); return;
    case SETTING_COUNT:
        if (row->high >= MOST) {
            snprintf(text, size, "a whole number, at least %.0f", row->low);
        } else {
            snprintf(text, size, "a whole number from %.0f to %.0f", row->low, row->high);
        }
        return;
    case SETTING_NUMBER: snprintf(text, size, "a number above %g, at most %g", row->low, row->high); return;
    case SETTING_AUTO: snprintf(text, size, "a number from %g to %g, or auto", row->low, row->high); return;
    case SETTING_SHARE: snprintf(text, size, "a number from %g to below %g", row->low, row->high); return;
    case SETTING_FLAG: snprintf(text, size, "true or false"); return;
    case SETTING_CHOICE: {
        size_t length = 0;
        text[0] = '\0';
        for (int i = 0; row->choices[i] && length < size; i++) {
            const char *comma = i == 0 ? "" : row->choices[i + 1] ? ", " : " or ";
            length += (size_t)snprintf(text + length, size - length, "%s%s", comma, row->choices[i]);
        }
        return;
    }
    case SETTING_BYTES: snprintf(text, size, "a size such as 4G, 512M or 0, or auto"); return;
    case SETTING_SEVERITIES: snprintf(text, size, "a severity from 1 to 5, or a range such as 1-5"); return;
    case SETTING_BLOCKS:
        snprintf(text, size, "a list of %s",
                 strcmp(row->path, "finetune.train") == 0 ? "blocks such as [layer4, fc]" : "names, or none");
        return;
    case SETTING_RATES:
        snprintf(text, size,
                 "a learning rate above 0, at most %g, or one a block such as {layer4: 0.0001, fc: 0.001}, or auto",
                 row->high);
        return;
    }
}

/* Defaults are read as a file would be, so that the table cannot hold one that a file could not. */
void settings_default(reshift_experiment *experiment)
{
    memset(experiment, 0, sizeof *experiment);
    for (const setting *row = table; row->path; row++) {
        reshift_error error;
        char text[SETTINGS_TEXT_BYTES];
        snprintf(text, sizeof text, "%s=%s", row->path, row->fallback);
        settings_apply_override(experiment, text, &error);
    }
}

double settings_rate(const reshift_experiment *experiment, const char *block)
{
    double general = 0;
    const settings_rates *rates = &experiment->finetune.rates;
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

double settings_auto_rate(const reshift_experiment *experiment)
{
    const settings_rates *rates = &experiment->finetune.rates;
    return rates->n == 1 && strcmp(rates->rates[0].block, "auto") == 0 ? rates->rates[0].learning_rate : 0;
}

static bool is_none(const settings_blocks *list) { return list->n == 1 && strcmp(list->names[0], "none") == 0; }

reshift_status settings_augment(const reshift_experiment *experiment, reshift_augment *augment, reshift_error *error)
{
    const settings_blocks *wanted = &experiment->finetune.augment;
    const settings_blocks *corruptions = &experiment->finetune.augment_corruptions;
    *augment = (reshift_augment){.crop_padding = experiment->finetune.crop_padding,
                                 .severity_first = (int)experiment->finetune.augment_severity.first,
                                 .severity_last = (int)experiment->finetune.augment_severity.last,
                                 .constants = (reshift_constants)experiment->shift.constants};
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
        if (settings_rate(experiment, block) == 0) {
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
    reshift_augment augment;
    reshift_status augmenting = settings_augment(experiment, &augment, error);
    if (augmenting != RESHIFT_OK) {
        return augmenting;
    }
    if (experiment->finetune.keep == RESHIFT_KEEP_BEST && experiment->finetune.validation == 0) {
        error_set(error, RESHIFT_ERROR_ARGUMENT,
                  "'finetune.keep': best by validation accuracy, and nothing is held out");
        error_hint(error, "hold rows out, as in --set finetune.validation=0.1; the test set chooses nothing");
        return RESHIFT_ERROR_ARGUMENT;
    }
    const reshift_corruption *corruption;
    if (strcmp(experiment->shift.corruption, "none") == 0) {
        return RESHIFT_OK;
    }
    reshift_status status = reshift_corruption_find(experiment->shift.corruption, &corruption, error);
    return status == RESHIFT_OK ? status : error_prefix(error, RESHIFT_ERROR_ARGUMENT, "'shift.corruption'");
}

/* The shortest decimal that reads back to the same value. */
static void number_text(double value, char *text, size_t size)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    if (strchr(text, 'e')) { /* 0.0001 reads better than 1e-04, and YAML wants a dot to see a number */
        char plain[64];
        snprintf(plain, sizeof plain, "%.12f", value);
        size_t length = strlen(plain);
        while (length > 0 && plain[length - 1] == '0') {
            plain[--length] = '\0';
        }
        if (strtod(plain, NULL) == value) {
            snprintf(text, size, "%s", plain);
        }
    }
}

static void bytes_text(int64_t bytes, char *text, size_t size)
{
    static const char units[] = {'K', 'M', 'G', 'T'};
    int unit = -1;
    if (bytes == SETTINGS_BYTES_AUTO) {
        snprintf(text, size, "auto");
        return;
    }
    while (unit < 3 && bytes > 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, size, unit < 0 ? "%lld" : "%lld%c", (long long)bytes, unit < 0 ? ' ' : units[unit]);
}

/* Text that YAML would read as something else, or not at all, is put into single quotes. */
static void quoted_text(const char *value, char *text, size_t size)
{
    bool plain = strchr("-?:,[]{}#&*!|>'\"%@` ", value[0]) == NULL && strstr(value, ": ") == NULL &&
                 strstr(value, " #") == NULL && value[strlen(value) - 1] != ':' && value[strlen(value) - 1] != ' ';
    if (plain) {
        snprintf(text, size, "%s", value);
        return;
    }
    size_t length = 0;
    text[length++] = '\'';
    for (const char *c = value; *c && length + 4 < size; c++) {
        text[length++] = *c;
        if (*c == '\'') {
            text[length++] = '\'';
        }
    }
    text[length++] = '\'';
    text[length] = '\0';
}

char *setting_value_text(const reshift_experiment *experiment, const setting *row)
{
    const void *place = (const char *)experiment + row->offset;
    char text[2 * SETTINGS_TEXT_BYTES + 64], one[64];
    size_t length = 0;
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_NAME: quoted_text(place, text, sizeof text); break;
    case SETTING_COUNT: snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)place); break;
    case SETTING_SHARE:
    case SETTING_NUMBER: number_text(*(const double *)place, text, sizeof text); break;
    case SETTING_AUTO:
        if (*(const double *)place == SETTINGS_NUMBER_AUTO) {
            snprintf(text, sizeof text, "auto");
        } else {
            number_text(*(const double *)place, text, sizeof text);
        }
        break;
    case SETTING_FLAG: snprintf(text, sizeof text, "%s", *(const bool *)place ? "true" : "false"); break;
    case SETTING_CHOICE: snprintf(text, sizeof text, "%s", row->choices[*(const int *)place]); break;
    case SETTING_BYTES: bytes_text(*(const int64_t *)place, text, sizeof text); break;
    case SETTING_SEVERITIES: {
        const settings_severities *range = place;
        snprintf(text, sizeof text, range->first == range->last ? "%lld" : "%lld-%lld", (long long)range->first,
                 (long long)range->last);
        break;
    }
    case SETTING_BLOCKS: {
        const settings_blocks *blocks = place;
        text[length++] = '[';
        for (int i = 0; i < blocks->n; i++) {
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i ? ", " : "", blocks->names[i]);
        }
        snprintf(text + length, sizeof text - length, "]");
        break;
    }
    case SETTING_RATES: {
        const settings_rates *rates = place;
        if (settings_auto_rate(experiment) == RESHIFT_AUTO_RATE) {
            snprintf(text, sizeof text, "auto");
            break;
        }
        if (rates->n == 1 && strcmp(rates->rates[0].block, "all") == 0) {
            number_text(rates->rates[0].learning_rate, text, sizeof text);
            break;
        }
        text[length++] = '{';
        for (int i = 0; i < rates->n; i++) {
            number_text(rates->rates[i].learning_rate, one, sizeof one);
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s: %s", i ? ", " : "",
                                       rates->rates[i].block, one);
        }
        snprintf(text + length, sizeof text - length, "}");
        break;
    }
    }
    return strdup(text);
}

/* ---- what the public header gives ---- */

void reshift_experiment_destroy(reshift_experiment **experiment)
{
    if (experiment) {
        free(*experiment);
        *experiment = NULL;
    }
}

const char *reshift_experiment_name(const reshift_experiment *experiment) { return experiment->name; }

char *reshift_experiment_yaml(const reshift_experiment *experiment)
{
    char *text = NULL, section[32] = "";
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    bool good = true;
    for (const setting *row = table; row->path && good; row++) {
        char *value = setting_value_text(experiment, row);
        const char *dot = strchr(row->path, '.');
        good = value != NULL;
        if (good && dot) {
            if (strncmp(section, row->path, (size_t)(dot - row->path)) != 0 || section[dot - row->path] != '\0') {
                snprintf(section, sizeof section, "%.*s", (int)(dot - row->path), row->path);
                fprintf(out, "%s:\n", section);
            }
            fprintf(out, "  %s: %s\n", dot + 1, value);
        } else if (good) {
            fprintf(out, "%s: %s\n", row->path, value);
        }
        free(value);
    }
    if (fclose(out) != 0 || !good) {
        free(text);
        return NULL;
    }
    return text;
}

char *reshift_experiment_keys(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    fprintf(out, "| key | default | a value is | what it does |\n|---|---|---|---|\n");
    for (const setting *row = table; row->path; row++) {
        char expectation[256];
        setting_expectation(row, expectation, sizeof expectation);
        fprintf(out, "| `%s` | `%s` | %s | %s |\n", row->path, row->fallback, expectation, row->about);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
