/*
 * The table of an experiment's keys. One row names a key with its kind, field, range, default, what its value goes into
 * and its meaning; reading, checking, --set, the resolved file, the reference page and the keys of the stages all walk
 * this table, so that a new setting is one row here and one field in settings.h.
 *
 * "What it goes into" are the stages that read the setting and the inputs that are opened with it (stages.h). It
 * decides what is done again when the setting changes. FEEDS_NONE means that no result can depend on it, and has to be
 * written. The report is not named: it shows every setting.
 */
#include "experiment/config/settings.h"

#include <stdio.h>
#include <string.h>

#include "reshift/adaptation.h"
#include "reshift/corruption.h"
#include "reshift/model.h"
#include "reshift/split.h"

#define MOST SETTINGS_COUNT_MOST

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
static const char *const corrupted_at[] = {"crop", "native", NULL};
static const char *const jpeg_steps[] = {
    [RESHIFT_JPEG_AUTO] = "auto", [RESHIFT_JPEG_ON] = "on", [RESHIFT_JPEG_OFF] = "off", NULL};
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
#define STAGE(name) FEEDS_STAGE(STAGE_##name)
#define INPUT(name) FEEDS_INPUT(INPUT_##name)
#define EXTRACTION                                                                                                     \
    (STAGE(FEATURES) | STAGE(SHIFT) | STAGE(FINETUNE) | STAGE(MEASURE) | STAGE(ADAPT)) /* runs a network */
/* a macro, because a row without one of its parts does not compile */
#define ROW(path, kind, field, low, high, choices, fallback, feeds, about)                                             \
    {                                                                                                                  \
        path, SETTING_##kind, offsetof(struct reshift_experiment, field), low, high, choices, fallback, feeds, about   \
    }

static const setting table[] = {
    ROW("name", NAME, name, 0, 0, NULL, "study", FEEDS_NONE, "the run folder is runs/NAME"),
    ROW("seed", COUNT, seed, 0, MOST, NULL, "0",
        INPUT(PRETRAIN) | INPUT(TRAIN) | INPUT(TEST) | INPUT(SHIFT) | INPUT(ROWS) | INPUT(SPLIT) | STAGE(PRETRAIN) |
            STAGE(PROBE) | STAGE(FINETUNE) | STAGE(ADAPT),
        "of every random draw: initial weights, shuffles, the split, noise"),

    ROW("model.arch", TEXT, model.arch, 0, 0, NULL, "any", FEEDS_NONE,
        "only checked against the weights; any: not checked"),
    ROW("model.weights", TEXT, model.weights, 0, 0, NULL, "resnet50", INPUT(WEIGHTS),
        "a file, or a name looked up in the data folder; demo: a small network pretrained here"),

    ROW("input.size", COUNT, input.size, RESHIFT_SIZE_SMALLEST, RESHIFT_SIZE_LARGEST, NULL, "224",
        STAGE(PRETRAIN) | EXTRACTION | INPUT(SHIFT) | INPUT(ROWS), "images enter the network as size x size"),
    ROW("input.batch", COUNT, input.batch, 1, 4096, NULL, "64", EXTRACTION,
        "images a pass when features are extracted"),
    ROW("input.precision", CHOICE, input.precision, 0, 0, precisions, "f32", STAGE(PRETRAIN) | EXTRACTION,
        "of the network's arithmetic; training knows f32 and bf16; auto: the fastest that keeps its accuracy"),

    ROW("source.data", TEXT, source.data, 0, 0, NULL, "cifar10", INPUT(TRAIN) | INPUT(TEST) | INPUT(ROWS),
        "the clean set, with a training and a test part"),
    ROW("source.limit_train", COUNT, source.limit_train, 0, MOST, NULL, "0", INPUT(TRAIN) | INPUT(ROWS),
        "the first N training images, of a folder as many of every class; 0: all"),
    ROW("source.limit_test", COUNT, source.limit_test, 0, MOST, NULL, "0", INPUT(TEST) | INPUT(SHIFT) | STAGE(ADAPT),
        "the first N test images, of a folder as many of every class, of every severity too; 0: all"),
    ROW("source.test_fraction", SHARE, source.test_fraction, 0, 1, NULL, "0.2",
        INPUT(TRAIN) | INPUT(TEST) | INPUT(SHIFT) | INPUT(ROWS) | STAGE(ADAPT),
        "of a set without a training and a test part of its own: the share of every class that is tested on"),
    ROW("source.skip_bad", FLAG, source.skip_bad, 0, 0, NULL, "false",
        INPUT(TRAIN) | INPUT(TEST) | INPUT(SHIFT) | INPUT(ROWS) | STAGE(ADAPT),
        "folders, the shifted one too: leave out images that cannot be read, and list them"),

    ROW("probe.epochs", COUNT, probe.epochs, 1, 100000, NULL, "30", STAGE(PROBE),
        "adam: passes over the training features"),
    ROW("probe.batch", COUNT, probe.batch, 1, 1000000, NULL, "64", STAGE(PROBE), "adam: rows a step"),
    ROW("probe.optimizer", CHOICE, probe.optimizer, 0, 0, probe_optimizers, "adam", STAGE(PROBE),
        "adam (beta 0.9 and 0.999, eps 1e-8), or lbfgs to the minimum of the penalised loss"),
    ROW("probe.lr", NUMBER, probe.learning_rate, 0, 10, NULL, "0.001", STAGE(PROBE), "adam: learning rate"),
    ROW("probe.l2", AUTO, probe.l2, 0, 1e6, NULL, "auto", STAGE(PROBE),
        "lbfgs: penalty l2/2 |W|^2; auto: the best on training rows held out"),
    ROW("probe.held_out", NUMBER, probe.held_out, 0, 0.9, NULL, "0.1", STAGE(PROBE),
        "lbfgs: share of the training rows held out to choose l2"),

    ROW("shift.data", TEXT, shift.data, 0, 0, NULL, "cifar10-c", INPUT(SHIFT) | INPUT(ROWS), "the shifted set"),
    ROW("shift.corruption", TEXT, shift.corruption, 0, 0, NULL, "gaussian_blur",
        INPUT(SHIFT) | INPUT(ROWS) | STAGE(ADAPT), "one of the 19; none: the set is shifted by itself"),
    ROW("shift.severity", SEVERITIES, shift.severity, 1, 5, NULL, "1-5", INPUT(SHIFT) | INPUT(ROWS) | STAGE(ADAPT),
        "one severity, or the first and the last"),
    ROW("shift.generate", FLAG, shift.generate, 0, 0, NULL, "true", INPUT(SHIFT) | STAGE(ADAPT),
        "make the corrupted images where no file holds them"),
    ROW("shift.constants", CHOICE, shift.constants, 0, 0, constants, "auto",
        INPUT(SHIFT) | INPUT(ROWS) | STAGE(FINETUNE) | STAGE(ADAPT),
        "strengths of what is made, one set for all images: for 32x32, for 224x224, or the nearer of them"),
    ROW("shift.corrupt_at", CHOICE, shift.corrupt_at, 0, 0, corrupted_at, "crop",
        INPUT(SHIFT) | INPUT(ROWS) | STAGE(FINETUNE) | STAGE(ADAPT),
        "where photographs are corrupted here: after resize and crop, as ImageNet-C was made, or at their own size"),
    ROW("shift.jpeg", CHOICE, shift.jpeg, 0, 0, jpeg_steps, "auto",
        INPUT(SHIFT) | INPUT(ROWS) | STAGE(FINETUNE) | STAGE(ADAPT),
        "last step of what is made, JPEG of quality 85; auto: with ImageNet's constants, as ImageNet-C was stored"),

    ROW("finetune.train", BLOCKS, finetune.train, 0, 0, NULL, "[layer4, fc]", STAGE(FINETUNE),
        "the blocks that are trained; all: every block"),
    ROW("finetune.lr", RATES, finetune.rates, 0, 10, NULL, "{layer4: 0.0001, fc: 0.001}", STAGE(FINETUNE),
        "learning rate of each trained block, or one for all; auto, or {auto: 0.001} with its largest: chosen before "
        "every "
        "epoch from gradients over weights"),
    ROW("finetune.optimizer", CHOICE, finetune.optimizer, 0, 0, optimizers, "adam", STAGE(FINETUNE),
        "as PyTorch's; adam and adamw: beta 0.9 and 0.999, eps 1e-8"),
    ROW("finetune.momentum", SHARE, finetune.momentum, 0, 1, NULL, "0.9", STAGE(FINETUNE), "of sgd"),
    ROW("finetune.nesterov", FLAG, finetune.nesterov, 0, 0, NULL, "false", STAGE(FINETUNE), "sgd: Nesterov's momentum"),
    ROW("finetune.weight_decay", SHARE, finetune.weight_decay, 0, 1, NULL, "0", STAGE(FINETUNE),
        "of the trained parameters; adamw: apart from the gradient"),
    ROW("finetune.label_smoothing", SHARE, finetune.label_smoothing, 0, 1, NULL, "0", STAGE(FINETUNE),
        "of the training loss"),
    ROW("finetune.schedule", CHOICE, finetune.schedule, 0, 0, schedules, "constant", STAGE(FINETUNE),
        "of the learning rates; cosine: down to 0 at the end"),
    ROW("finetune.schedule_unit", CHOICE, finetune.schedule_unit, 0, 0, schedule_units, "epoch", STAGE(FINETUNE),
        "what the schedule counts"),
    ROW("finetune.warmup", COUNT, finetune.warmup, 0, MOST, NULL, "0", STAGE(FINETUNE),
        "units of a linear rise before it"),
    ROW("finetune.step_size", COUNT, finetune.step_size, 1, MOST, NULL, "1", STAGE(FINETUNE),
        "step: units between two falls"),
    ROW("finetune.gamma", NUMBER, finetune.gamma, 0, 1, NULL, "0.1", STAGE(FINETUNE), "step: factor of a fall"),
    ROW("finetune.epochs", COUNT, finetune.epochs, 0, 100000, NULL, "10", STAGE(FINETUNE),
        "passes over the training rows; 0: none, with batchnorm: recalibrate"),
    ROW("finetune.batch", COUNT, finetune.batch, 1, 4096, NULL, "64", STAGE(FINETUNE), "rows a step"),
    ROW("finetune.samples", COUNT, finetune.samples, 1, MOST, NULL, "20000", INPUT(SPLIT),
        "shifted images to train on, each severity of an image counted by itself"),
    ROW("finetune.rows", CHOICE, finetune.rows, 0, 0, row_sources, "shifted", INPUT(ROWS),
        "shifted: a part of the shifted test set; train: training images shifted alike, all test images stay unseen"),
    ROW("finetune.validation", SHARE, finetune.validation, 0, 1, NULL, "0", INPUT(SPLIT),
        "share of these rows held out, whole images and alike of every class, and measured after every epoch"),
    ROW("finetune.keep", CHOICE, finetune.keep, 0, 0, keeps, "last", STAGE(FINETUNE),
        "the epoch that is stored and measured: the last, or the best by validation accuracy (of equals the earlier)"),
    ROW("finetune.augment", BLOCKS, finetune.augment, 0, 0, NULL, "none", STAGE(FINETUNE),
        "what is done to these rows by chance, anew in every epoch: a list of flip, crop and corrupt; none"),
    ROW("finetune.crop_padding", NUMBER, finetune.crop_padding, 0, 1, NULL, "0.125", STAGE(FINETUNE),
        "crop: black margin on every side, as a share of the shorter one; 0.125: 4 pixels of 32"),
    ROW("finetune.augment_corruptions", BLOCKS, finetune.augment_corruptions, 0, 0, NULL, "none", STAGE(FINETUNE),
        "corrupt: the corruptions, each as likely, as in [gaussian_noise, fog]"),
    ROW("finetune.augment_severity", SEVERITIES, finetune.augment_severity, 1, 5, NULL, "1-5", STAGE(FINETUNE),
        "corrupt: severities, each as likely"),
    ROW("finetune.split", CHOICE, finetune.split, 0, 0, splits, "by-image", INPUT(SPLIT),
        "by-image: no image in training and testing; by-row: the published protocol, which leaks (not with rows: "
        "train)"),
    ROW("finetune.batchnorm", CHOICE, finetune.batchnorm, 0, 0, batchnorms, "frozen", STAGE(FINETUNE),
        "batch statistics: frozen, of the trained blocks only, or of all blocks; recalibrate: those of the trained "
        "blocks "
        "computed anew from the training rows before the first epoch, then frozen"),
    ROW("finetune.cache_budget", BYTES, finetune.cache_budget_bytes, 0, MOST, NULL, "auto", FEEDS_NONE,
        "for what the frozen blocks give, kept for all epochs and for measuring; auto: half of what is free; 0: "
        "nothing"),
    ROW("finetune.cache", CHOICE, finetune.cache_place, 0, 0, cache_places, "auto", FEEDS_NONE,
        "where it is kept; auto: in the run folder, unless memory has more room"),
    ROW("finetune.monitor", COUNT, finetune.monitor, 0, MOST, NULL, "1000", STAGE(FINETUNE),
        "test rows measured after every epoch, for the curve alone: they choose nothing; 0: none"),

    ROW("adapt.method", CHOICE, adapt.method, 0, 0, adapt_methods, "none", STAGE(ADAPT),
        "both networks measured again adapting to the test images: batch norm by the test batch's statistics; tent: "
        "and "
        "entropy lowered by its scales and shifts; `adapt: bn` for short"),
    ROW("adapt.batch", COUNT, adapt.batch, 2, 4096, NULL, "64", STAGE(ADAPT),
        "images whose statistics are taken together"),
    ROW("adapt.source", COUNT, adapt.source, 0, MOST, NULL, "0", STAGE(ADAPT),
        "bn: the training statistics count as so many images beside the batch's"),
    ROW("adapt.shuffle", FLAG, adapt.shuffle, 0, 0, NULL, "true", STAGE(ADAPT),
        "batches of images in an order drawn from the seed; false: as the set has them"),
    ROW("adapt.optimizer", CHOICE, adapt.optimizer, 0, 0, adapt_optimizers, "adam", STAGE(ADAPT),
        "tent: adam, or sgd with momentum 0.9"),
    ROW("adapt.lr", NUMBER, adapt.learning_rate, 0, 10, NULL, "0.001", STAGE(ADAPT), "tent: learning rate"),

    ROW("analysis.pca", COUNT, analysis.components, 2, 64, NULL, "2", STAGE(ANALYSIS),
        "principal components; the figure shows two"),
    ROW("analysis.shared_basis", FLAG, analysis.shared_basis, 0, 0, NULL, "false", STAGE(ANALYSIS),
        "one basis, of the original network's clean features, for all four panels"),

    ROW("pretrain.epochs", COUNT, pretrain.epochs, 1, 10000, NULL, "4", STAGE(PRETRAIN),
        "of the demo's own network (weights: demo)"),
    ROW("pretrain.batch", COUNT, pretrain.batch, 2, 4096, NULL, "64", STAGE(PRETRAIN), "rows a step of pretraining"),
    ROW("pretrain.lr", NUMBER, pretrain.learning_rate, 0, 10, NULL, "0.003", STAGE(PRETRAIN),
        "learning rate of pretraining"),
    ROW("pretrain.limit", COUNT, pretrain.limit, 0, MOST, NULL, "0", INPUT(PRETRAIN),
        "the first N images of the demo's source set; 0: all"),
    {NULL, SETTING_TEXT, 0, 0, 0, NULL, NULL, FEEDS_NONE, NULL},
};
/* clang-format on */

const setting *settings_table(void) { return table; }

void *setting_place(reshift_experiment *experiment, const setting *row) { return (char *)experiment + row->offset; }

/* Defaults are read as a file would be, so that the table cannot hold one that a file could not. */
reshift_status settings_default(reshift_experiment *experiment, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    memset(experiment, 0, sizeof *experiment);
    for (const setting *row = table; row->path && status == RESHIFT_OK; row++) {
        char text[SETTINGS_TEXT_BYTES];
        snprintf(text, sizeof text, "%s=%s", row->path, row->fallback);
        status = settings_apply_override(experiment, text, error);
    }
    return status;
}
