/*
 * The settings of an experiment. One table (settings_table.c) names every key with its kind, range, default, what its
 * value goes into and its meaning; reading a file, --set, checking, the resolved experiment, the reference page and the
 * keys of the stages all walk that table. yaml.c reads the notation, this header is what the stages see.
 */
#ifndef EXPERIMENT_CONFIG_SETTINGS_H
#define EXPERIMENT_CONFIG_SETTINGS_H

#include <stddef.h>

#include "experiment/config/stage_names.h"
#include "reshift/experiment.h"
#include "reshift/learning.h"

#define SETTINGS_COUNT_MOST 1e15 /* whole numbers up to here are exact in a double */
#define SETTINGS_TEXT_BYTES 512
#define SETTINGS_BLOCKS 16
#define SETTINGS_BYTES_AUTO (-1)
#define SETTINGS_NUMBER_AUTO (-1.0)

enum { SETTINGS_PROBE_ADAM, SETTINGS_PROBE_LBFGS };
enum { SETTINGS_ADAPT_ADAM, SETTINGS_ADAPT_SGD };

/** Names of blocks: "layer4", "fc". */
typedef struct settings_blocks {
    char names[SETTINGS_BLOCKS][32];
    int n;
} settings_blocks;

/** Learning rates by block; a rate for the block "all" holds for every trained block without one of its own. One for
 *  "auto" stands alone: rates are chosen while training, that one at most. */
typedef struct settings_rates {
    reshift_block_rate rates[SETTINGS_BLOCKS];
    int n;
} settings_rates;

typedef struct settings_severities {
    int64_t first, last;
} settings_severities;

/** Where the rows come from that are fine-tuned on. */
typedef enum settings_rows { SETTINGS_ROWS_SHIFTED, SETTINGS_ROWS_TRAIN } settings_rows;

struct reshift_experiment {
    char name[SETTINGS_TEXT_BYTES];
    int64_t seed;
    struct {
        char arch[SETTINGS_TEXT_BYTES], weights[SETTINGS_TEXT_BYTES];
    } model;
    struct {
        int64_t size, batch;
        int precision; /* a reshift_precision */
    } input;
    struct {
        char data[SETTINGS_TEXT_BYTES];
        int64_t limit_train, limit_test;
        double test_fraction;
        bool skip_bad;
    } source;
    struct {
        int64_t epochs, batch;
        int optimizer;
        double learning_rate;
        double l2; /* SETTINGS_NUMBER_AUTO is one too */
        double held_out;
    } probe;
    struct {
        char data[SETTINGS_TEXT_BYTES], corruption[SETTINGS_TEXT_BYTES];
        settings_severities severity;
        bool generate;
        int constants;  /* a reshift_constants */
        int jpeg;       /* a reshift_jpeg_step */
        int corrupt_at; /* 0: crop, 1: native */
    } shift;
    struct {
        settings_blocks train;
        settings_rates rates;
        int optimizer; /* a reshift_optimizer */
        double momentum, weight_decay, label_smoothing;
        bool nesterov;
        int schedule, schedule_unit; /* a reshift_schedule_kind; 1: steps */
        int64_t warmup, step_size;
        double gamma;
        int64_t epochs, batch, samples;
        int split;                                    /* a reshift_split_kind */
        int batchnorm;                                /* a reshift_batchnorm */
        int rows;                                     /* a settings_rows */
        settings_blocks augment, augment_corruptions; /* "none" alone: nothing */
        settings_severities augment_severity;
        double crop_padding;
        double validation;                   /* share of its rows; 0: none */
        int keep;                            /* a reshift_keep */
        int64_t cache_budget_bytes, monitor; /* bytes: SETTINGS_BYTES_AUTO is one too */
        int cache_place;                     /* a reshift_cache_place */
    } finetune;
    struct {
        int method; /* a reshift_adapt_kind */
        int64_t batch, source;
        bool shuffle;
        int optimizer; /* SETTINGS_ADAPT_... */
        double learning_rate;
    } adapt;
    struct {
        int64_t components;
        bool shared_basis;
    } analysis;
    struct {
        int64_t epochs, batch, limit;
        double learning_rate;
    } pretrain;
};

typedef enum setting_kind {
    SETTING_TEXT,       /* char[SETTINGS_TEXT_BYTES], not empty */
    SETTING_NAME,       /* the same, usable as the name of a folder */
    SETTING_COUNT,      /* int64_t from low to high */
    SETTING_NUMBER,     /* double above low, up to high */
    SETTING_AUTO,       /* double from low to high, or SETTINGS_NUMBER_AUTO */
    SETTING_SHARE,      /* double from low, below high */
    SETTING_FLAG,       /* bool */
    SETTING_CHOICE,     /* int: the place of the word in `choices` */
    SETTING_BYTES,      /* int64_t from low to high, "4G", or SETTINGS_BYTES_AUTO */
    SETTING_SEVERITIES, /* settings_severities, "1-5" or 3 */
    SETTING_BLOCKS,     /* settings_blocks, [layer4, fc] */
    SETTING_RATES       /* settings_rates, {layer4: 0.0001, fc: 0.001} or one number */
} setting_kind;

/** One row of the table: path is "section.key" or "key". */
typedef struct setting {
    const char *path;
    setting_kind kind;
    size_t offset; /* in reshift_experiment */
    double low, high;
    const char *const *choices; /* ends with NULL */
    const char *fallback;       /* the default, as it would be written in a file */
    feeds_mask feeds;           /* the stages and inputs that read it; FEEDS_NONE: it cannot change a result */
    const char *about;
} setting;

/** The table, in the order of the resolved experiment; ends with a row whose path is NULL. */
const setting *settings_table(void);

/** What a value of this setting may be, for people: "a whole number from 1 to 10000". */
void setting_expectation(const setting *row, char *text, size_t size);

/** The place of the value in an experiment. */
void *setting_place(reshift_experiment *experiment, const setting *row);

/** The value as it stands in an experiment file. NULL when out of memory; free() it. */
char *setting_value_text(const reshift_experiment *experiment, const setting *row);

/** The default in the same form. NULL when out of memory; free() it. */
char *setting_default_text(const setting *row);

/** The learning rate of a trained block, at most where rates are automatic; -1 if none is given. */
double settings_rate(const settings_rates *rates, const char *block);

/** The largest of automatic learning rates; 0 where rates are given. */
double settings_auto_rate(const settings_rates *rates);
/** The first other block where "auto" does not stand alone, else NULL; and the message for it. */
const char *settings_auto_and(const settings_rates *rates);
#define SETTINGS_AUTO_MIXED "auto chooses the rates of all blocks and stands alone, found a rate for '%s' beside it"

/** Kinds of augmentation and their corruptions from finetune.augment and finetune.augment_corruptions; the other fields
 * stay as they are. Errors: ARGUMENT. */
reshift_status settings_augment(const settings_blocks *wanted, const settings_blocks *corruptions,
                                reshift_augment *augment, reshift_error *error);

/** Every key at its default. Errors: MEMORY. */
reshift_status settings_default(reshift_experiment *experiment, reshift_error *error);

/** Checks that reach over several keys. Errors: ARGUMENT. */
reshift_status settings_check(const reshift_experiment *experiment, reshift_error *error);

/* ---- values.c: one value from text; what it may be is setting_expectation() ---- */

/** Sets a value of any kind from its words; false when they are not such a value. */
bool setting_read(reshift_experiment *experiment, const setting *row, const char *text);
/** Adds to or replaces in the list or the rates; false when full or not a name or rate. */
bool setting_add_block(settings_blocks *blocks, const char *name);
bool setting_add_rate(settings_rates *rates, const char *block, const char *text);

/* ---- yaml.c ---- */

/** Applies the keys of an experiment file's text. `place` names the file in messages. Errors: ARGUMENT with the line.
 */
reshift_status settings_apply_yaml(reshift_experiment *experiment, const char *text, size_t size, const char *place,
                                   reshift_error *error);
/** Applies one "path=value". Errors: ARGUMENT naming the override. */
reshift_status settings_apply_override(reshift_experiment *experiment, const char *text, reshift_error *error);

#endif
