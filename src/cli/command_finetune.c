/* reshift finetune: trains selected blocks of a network on an image set and writes the whole network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/blocks.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/training.h"
#include "cli/tuning.h"
#include "reshift/split.h"
#include "reshift/outputs.h"
#include "reshift/words.h"

static int read_batchnorm(const usage *u, const char *text, reshift_batchnorm *batchnorm)
{
    static const char *const names[] = {"frozen", "train", "train-all", "recalibrate"}; /* in the order of the enum */
    for (int i = 0; i < 4; i++) {
        if (strcmp(names[i], text) == 0) {
            *batchnorm = (reshift_batchnorm)i;
            return -1;
        }
    }
    return usage_error(u, "--batchnorm: expected frozen, train, train-all or recalibrate, found '%s'", text);
}

/* The rows for training and for measuring: a split of one set, or one whole set and optionally another. */
static reshift_status choose_rows(const common *c, int64_t samples, const char *protocol, reshift_dataset *all,
                                  reshift_dataset **train, reshift_dataset **test, reshift_error *error)
{
    reshift_split split = {0};
    reshift_split_kind kind = strcmp(protocol, "by-row") == 0 ? RESHIFT_SPLIT_BY_ROW : RESHIFT_SPLIT_BY_IMAGE;
    reshift_status status = reshift_split_draw(all, kind, samples, (uint64_t)c->seed, &split, error);
    if (status == RESHIFT_OK) {
        status = reshift_dataset_subset(all, split.train_rows, split.n_train, train, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_dataset_subset(all, split.test_rows, split.n_test, test, error);
    }
    if (status == RESHIFT_OK) {
        session_say("training on %lld %s, measured on %lld%s", (long long)split.n_train,
                    reshift_noun_for(split.n_train, "row", "rows"), (long long)split.n_test,
                    kind == RESHIFT_SPLIT_BY_ROW ? ", most of whose images are in training too" : " of other images");
    }
    reshift_split_destroy(&split);
    return status;
}

/* Moves a share of the training rows from *train to *validation. */
static reshift_status hold_out(const common *c, double share, reshift_dataset *all, reshift_dataset **train,
                               reshift_dataset **validation, reshift_error *error)
{
    reshift_dataset *whole = *train ? *train : all, *rest = NULL;
    const int64_t count = reshift_dataset_count(whole);
    int64_t *rows = malloc((size_t)count * sizeof *rows + 1), *chosen = malloc((size_t)count * sizeof *chosen + 1);
    uint8_t *held = malloc((size_t)count + 1);
    int64_t n_held;
    reshift_status status =
        rows && chosen && held ? RESHIFT_OK : fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory for rows");
    for (int64_t row = 0; status == RESHIFT_OK && row < count; row++) {
        rows[row] = row;
    }
    if (status == RESHIFT_OK) {
        status = reshift_split_hold_out(whole, rows, count, share, (uint64_t)c->seed, held, &n_held, error);
    }
    for (int part = 0; part < 2 && status == RESHIFT_OK; part++) {
        int64_t n = 0;
        for (int64_t row = 0; row < count; row++) {
            if (held[row] == part) {
                chosen[n++] = row;
            }
        }
        status = reshift_dataset_subset(whole, chosen, n, part ? validation : &rest, error);
    }
    if (status == RESHIFT_OK) {
        reshift_dataset_close(train);
        *train = rest;
        session_say("%lld %s held out for validation, %lld trained on", (long long)n_held,
                    reshift_noun_for(n_held, "row", "rows"), (long long)(count - n_held));
    }
    free(rows);
    free(chosen);
    free(held);
    return status;
}

/* Replaces the head if the network has none, or has one for another number of classes. */
static reshift_status fit_head(const common *c, const reshift_dataset *data, reshift_model *model, reshift_error *error)
{
    const int own = reshift_model_n_classes(model), n = reshift_dataset_n_classes(data);
    const char *head = reshift_model_default_block(model, 1);
    if (own == n) {
        return RESHIFT_OK;
    }
    if (own == 0) {
        session_say("the checkpoint has no last layer: %s is drawn at random for the data's %d %s", head, n,
                    reshift_noun_for(n, "class", "classes"));
    } else {
        session_say("the checkpoint has %d %s, the data %d: %s is drawn at random", own,
                    reshift_noun_for(own, "class", "classes"), n, head);
    }
    return reshift_model_reset_head(model, n, (uint64_t)c->seed, error);
}

static reshift_status name_classes(reshift_model *model, const reshift_dataset *data, reshift_error *error)
{
    int n = reshift_dataset_n_classes(data);
    const char **names = calloc((size_t)n, sizeof *names);
    bool all = names != NULL && n == reshift_model_n_classes(model);
    for (int i = 0; all && i < n; i++) {
        all = (names[i] = reshift_dataset_class_name(data, i)) != NULL;
    }
    reshift_status status = all ? reshift_model_set_class_names(model, names, n, error) : RESHIFT_OK;
    free(names);
    return status;
}

static reshift_status tell_moved(const common *c, const char *path, const reshift_model *before,
                                 const reshift_model *after, reshift_error *error)
{
    reshift_moved *rows;
    int n;
    reshift_status status = reshift_moved_between(before, after, &rows, &n, error);
    if (status == RESHIFT_OK) {
        status = reshift_moved_save_csv(path, rows, n, c->force, error);
        reshift_moved_tell(rows, n, session_progress());
    }
    free(rows);
    return status;
}

int command_finetune(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    option_range severity = {1, 5};
    int64_t epochs = 10, samples = 0;
    double validation_share = 0;
    tuning how_words = TUNING_DEFAULTS;
    const char *validation_text = NULL, *keep = "last";
    const char *weights = NULL, *head = NULL, *data = NULL, *test_data = NULL, *split = NULL, *corruption = NULL;
    const char *protocol = "by-image", *batchnorm = "frozen";
    blocks_options blocks = {NULL, NULL};
    const char *out = NULL, *plots = NULL, *history_out = NULL, *checkpoint = NULL;
    const char *cache_folder = NULL, *cache_budget = "auto", *moved_out = NULL;
    c.batch = 64;
    const option options[] = {
        TEXT("--weights", &weights, "W",
             "a checkpoint (FILE#BRANCH: one of several networks in it), or a name such as resnet50", NULL),
        TEXT("--head", &head, "FILE", "fc to start from, from 'reshift probe'", NULL),
        TEXT("--data", &data, "DATA",
             "cifar10[:DIR], cifar10-c[:DIR], imagenet-c[:DIR], folder:DIR, npy:IMAGES.npy,LABELS.npy, npy:BOTH.npz or "
             "demo",
             NULL),
        TEXT("--split", &split, "train|test", "part of the set to train on",
             "train; test for cifar10-c and imagenet-c, which have no other"),
        TEXT("--corruption", &corruption, "NAME", "corrupted versions of the images", "none"),
        RANGE("--severity", &severity, "N[-M]", 1, 5, "of the corruption", "1-5"),
        OPTION_CONSTANTS(c),
        OPTION_CORRUPT_AT(c),
        OPTION_NO_JPEG(c),
        OPTION_SKIP_BAD(c),
        TEXT("--train", &blocks.train, "BLOCK[,BLOCK]", "blocks to train, or all",
             "the last stage and the head; of a ResNet layer4,fc"),
        TEXT("--lr", &blocks.lr, "RATES",
             "learning rate of each block, or one for all; auto, or auto=1e-3 with its largest: chosen before every "
             "epoch from "
             "gradients over weights",
             "1e-4 for the last stage, 1e-3 for the head; of a ResNet layer4=1e-4,fc=1e-3"),
        TEXT("--optimizer", &how_words.optimizer, "adam|adamw|sgd", "optimiser, as in PyTorch", "adam"),
        TEXT("--momentum", &how_words.momentum, "X", "of sgd", "0.9"),
        FLAG("--nesterov", &how_words.nesterov, "sgd: Nesterov's momentum"),
        TEXT("--weight-decay", &how_words.decay, "X", "of the trained parameters; adamw: decoupled from the gradient",
             "0"),
        TEXT("--label-smoothing", &how_words.smoothing, "X", "of the training loss", "0"),
        TEXT("--schedule", &how_words.schedule, "constant|step|cosine",
             "of the learning rates; cosine: down to 0 at the end", "constant"),
        TEXT("--schedule-unit", &how_words.unit, "epoch|step", "what the schedule counts", "epoch"),
        COUNT("--warmup", &how_words.warmup, "N", 0, COUNT_MOST, "units of linear warm-up", "0"),
        COUNT("--step-size", &how_words.step_size, "N", 1, COUNT_MOST, "step: units between two reductions", "1"),
        NUMBER("--gamma", &how_words.gamma, "X", 0, 1, "step: factor of a reduction", "0.1"),
        TEXT("--augment", &how_words.augment, "WORD[,WORD]",
             "flip, crop, corrupt: random changes of the images in every epoch; the frozen blocks then run in every "
             "epoch",
             "nothing"),
        NUMBER("--crop-padding", &how_words.crop_padding, "SHARE", 0, 1,
               "crop: black margin on every side, of the shorter one", "0.125"),
        TEXT("--augment-corruptions", &how_words.corruptions, "NAME[,NAME]", "corrupt: all equally likely", NULL),
        RANGE("--augment-severity", &how_words.severity, "N[-M]", 1, 5, "corrupt: all equally likely", "1-5"),
        COUNT("--epochs", &epochs, "N", 0, 100000, "passes over the rows; 0: none, with --batchnorm recalibrate", "10"),
        COUNT("--batch", &c.batch, "N", 1, 4096, "rows per step", "64"),
        COUNT("--samples", &samples, "N", 1, COUNT_MOST, "train on N rows drawn from the set and test on the others",
              "all, nothing held back"),
        TEXT("--protocol", &protocol, "by-image|by-row",
             "how --samples are drawn: by-image keeps all versions of an image together", "by-image"),
        TEXT("--test-data", &test_data, "DATA", "measure on the test part of this set after every epoch", NULL),
        TEXT("--validation", &validation_text, "SHARE",
             "hold out this share of the rows, whole images and stratified by class, and measure it after every epoch",
             "0"),
        TEXT("--keep", &keep, "last|best", "the epoch to write: the last, or the best by validation accuracy", "last"),
        TEXT("--batchnorm", &batchnorm, "frozen|train|train-all|recalibrate",
             "batch statistics: fixed, of the trained blocks, of all blocks; recalibrate: recompute those of the "
             "trained blocks before the first epoch, then fixed",
             "frozen"),
        OPTION_CACHE_BUDGET(cache_budget),
        TEXT("--cache", &cache_folder, "DIR",
             "activation cache, for later trainings with the same images and for 'reshift extract --cache'",
             "in memory, for this training alone"),
        TEXT("--checkpoint", &checkpoint, "FILE", "written after every epoch, and resumed from if it exists", NULL),
        OUTPUT("--out", &out, "FILE.safetensors", "the whole network, with torchvision's names", NULL),
        OUTPUT("--history", &history_out, "FILE.csv", "loss and accuracy of every epoch", NULL),
        OUTPUT("--moved", &moved_out, "FILE.csv", "for every tensor: how many values changed, and by how much", NULL),
        TEXT("--plots", &plots, "DIR", "loss curve and accuracy curve, PNG and SVG", NULL),
        OPTION_SIZE(c),
        OPTION_LIMIT(c),
        OPTION_SEED(c),
        OPTION_PRECISION(c),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "finetune",
        .about = "Trains selected blocks of a network by cross-entropy; the others stay unchanged bit for bit.",
        .synopsis = "--weights W --data DATA --out FILE.safetensors [options]",
        .example =
            "  reshift finetune --weights resnet50 --head fc.safetensors --data cifar10-c --corruption gaussian_blur "
            "--samples 20000 --train layer4,fc --lr layer4=1e-4,fc=1e-3 --out model.safetensors",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (!weights || !data || !out) {
        return usage_error(&u, "expected --weights, --data and --out");
    }
    if (strcmp(protocol, "by-image") != 0 && strcmp(protocol, "by-row") != 0) {
        return usage_error(&u, "--protocol: expected by-image or by-row, found '%s'", protocol);
    }
    if (samples && test_data) {
        return usage_error(&u,
                           "--samples measures on the rows it leaves, --test-data on another set: give one of them");
    }
    if (validation_text && strcmp(validation_text, "0") != 0 &&
        (!read_number_above(validation_text, 0, 1, &validation_share) || validation_share == 1)) {
        return usage_error(&u, "--validation: expected a share from 0 to below 1, found '%s'", validation_text);
    }
    if (strcmp(keep, "last") != 0 && strcmp(keep, "best") != 0) {
        return usage_error(&u, "--keep: expected last or best, found '%s'", keep);
    }
    if (strcmp(keep, "best") == 0 && validation_share == 0) {
        return usage_error(&u, "--keep best goes by validation accuracy: hold rows out with --validation 0.1");
    }
    reshift_block_rate rates[BLOCKS_MOST];
    reshift_finetune_options how;
    reshift_finetune_options_default(&how);
    if ((status = blocks_check(&u, &blocks)) >= 0 || (status = read_batchnorm(&u, batchnorm, &how.batchnorm)) >= 0) {
        return status;
    }
    if (epochs == 0 && how.batchnorm != RESHIFT_BATCHNORM_RECALIBRATE) {
        return usage_error(&u, "--epochs 0 changes nothing: it goes with --batchnorm recalibrate");
    }
    if (epochs == 0 && (strcmp(keep, "best") == 0 || plots)) {
        return usage_error(&u, "--epochs 0 leaves no epoch for %s", plots ? "--plots" : "--keep best");
    }
    how_words.jpeg = session_jpeg(&c);
    how_words.constants = session_constants(&c);
    how_words.corrupt_native = session_corrupts_native(&c);
    const char *wrong = tuning_read(&how_words, &how);
    if (wrong) {
        return usage_error(&u, "%s", wrong);
    }
    reshift_frozen_cache_options keeping;
    reshift_frozen_cache_options_default(&keeping);
    if (!read_bytes(cache_budget, &keeping.budget_bytes)) {
        return usage_error(&u, "--cache-budget: expected a size such as 4G, 512M or 0, or auto, found '%s'",
                           cache_budget);
    }
    reshift_error error;
    reshift_frozen_cache *cache = NULL;
    reshift_model *model = NULL, *before = NULL;
    reshift_dataset *all = NULL, *rows = NULL, *test = NULL, *validation = NULL;
    reshift_history history = {0};
    bool shifted = reshift_dataset_is_shifted(data);
    reshift_outputs *outputs = NULL;
    reshift_status done = check_data(data, split, &error);
    if (done == RESHIFT_OK && test_data) {
        done = check_data(test_data, NULL, &error);
    }
    if (done == RESHIFT_OK) {
        done = check_target(&c, out, &error);
    }
    if (done == RESHIFT_OK) {
        done = check_target(&c, history_out, &error);
    }
    if (done == RESHIFT_OK) {
        done = check_target(&c, moved_out, &error);
    }
    if (done == RESHIFT_OK) {
        done = training_check_plots(&c, plots, "finetune", &error);
    }
    if (done == RESHIFT_OK) { /* resumes from an existing checkpoint, which is replaced after every epoch */
        done = check_target(&(common){.force = true}, checkpoint, &error);
    }
    if (done == RESHIFT_OK) {
        done = open_model(&c, weights, head, &model, &error);
    }
    if (done == RESHIFT_OK) {
        done = blocks_choose(&blocks, model, rates, &how, &error);
    }
    if (done == RESHIFT_OK) {
        done = open_data(&c, data,
                         split     ? split
                         : shifted ? "test"
                                   : "train",
                         corruption, &severity, model, &all, &error);
    }
    if (done == RESHIFT_OK && samples) {
        done = choose_rows(&c, samples, protocol, all, &rows, &test, &error);
    } else if (done == RESHIFT_OK && test_data) {
        done = open_data(&c, test_data, "test", corruption, &severity, model, &test, &error);
    }
    if (done == RESHIFT_OK && validation_share > 0) {
        done = hold_out(&c, validation_share, all, &rows, &validation, &error);
    }
    if (done == RESHIFT_OK && !head) {
        done = fit_head(&c, all, model, &error);
    }
    if (done == RESHIFT_OK) {
        done = session_calibrate(&c, model, data, &error);
    }
    if (done == RESHIFT_OK) {
        how.epochs = (int)epochs;
        how.batch = (int)c.batch;
        how.size = (int)c.size;
        how.precision = session_precision(&c);
        how.seed = (uint64_t)c.seed;
        how.cache_budget_bytes = keeping.budget_bytes;
        how.checkpoint = checkpoint;
        how.checkpoint_mismatch = c.force ? RESHIFT_CHECKPOINT_REPLACE : RESHIFT_CHECKPOINT_REFUSE;
        how.test = test;
        how.validation = validation;
        how.keep = strcmp(keep, "best") == 0 ? RESHIFT_KEEP_BEST : RESHIFT_KEEP_LAST;
        how.on_epoch = training_print_epoch;
        how.context = &c;
    }
    if (done == RESHIFT_OK && cache_folder) {
        keeping.folder = cache_folder;
        keeping.place = RESHIFT_CACHE_DISK;
        done = reshift_frozen_cache_open(&keeping, &cache, &error);
        how.cache = cache;
    }
    if (done == RESHIFT_OK && moved_out) {
        done = reshift_model_clone(model, &before, &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_finetune(model, rows ? rows : all, &how, &history, session_progress(), &error);
    }
    if (done == RESHIFT_OK) {
        done = name_classes(model, all, &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_outputs_create(&outputs, &error);
    }
    const char *const paths[] = {out, history_out, moved_out};
    const char *parts[3] = {NULL};
    for (int i = 0; i < 3 && done == RESHIFT_OK; i++) {
        done = reshift_outputs_add(outputs, paths[i], c.force, &parts[i], &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_model_save(parts[0], model, c.force, &error);
    }
    if (done == RESHIFT_OK && history_out) {
        done = reshift_history_save_csv(parts[1], &history, c.force, &error);
    }
    if (done == RESHIFT_OK && moved_out) {
        done = tell_moved(&c, parts[2], before, model, &error);
    }
    if (done == RESHIFT_OK && plots) {
        done = training_plot(&c, plots, "finetune", "Fine-tuning", &history,
                             how.keep == RESHIFT_KEEP_BEST ? reshift_history_best(&history) : 0, &error);
    }
    if (done == RESHIFT_OK) {
        done = reshift_outputs_commit(outputs, &error);
    }
    reshift_outputs_destroy(&outputs);
    if (done == RESHIFT_OK) {
        training_print_result(&c, &history, NULL);
        status = session_end();
    } else {
        status = session_fail(&error);
    }
    reshift_frozen_cache_close(&cache);
    reshift_history_destroy(&history);
    reshift_dataset_close(&test);
    reshift_dataset_close(&validation);
    reshift_dataset_close(&rows);
    reshift_dataset_close(&all);
    reshift_model_destroy(&before);
    reshift_model_destroy(&model);
    return status;
}
