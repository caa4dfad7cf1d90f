/*
 * Names of the stages of a study and of what they read from outside the run folder. The settings table uses them to say
 * what a setting goes into (settings_table.c), the table of stages to say what a stage reads (stages.c).
 */
#ifndef EXPERIMENT_CONFIG_STAGE_NAMES_H
#define EXPERIMENT_CONFIG_STAGE_NAMES_H

#include <stdint.h>

typedef enum stage_name {
    STAGE_PRETRAIN,
    STAGE_FEATURES,
    STAGE_PROBE,
    STAGE_SHIFT,
    STAGE_FINETUNE,
    STAGE_MEASURE,
    STAGE_ADAPT,
    STAGE_ANALYSIS,
    STAGE_REPORT,
    STAGE_COUNT
} stage_name;

/** Inputs that come from outside the run folder; each has an identity, a digest of its content. */
typedef enum run_input {
    INPUT_PRETRAIN,
    INPUT_WEIGHTS,
    INPUT_TRAIN,
    INPUT_CALIBRATION, /* the training images, where int8 finds its clipping ranges on them */
    INPUT_TEST,
    INPUT_SHIFT,
    INPUT_ROWS,  /* the shifted training images, where fine-tuning's rows come from them */
    INPUT_SPLIT, /* the rows that fine-tuning trains on, holds out and leaves for testing */
    INPUT_COUNT
} run_input;

/** A set of stages and inputs. A setting that feeds an input counts through the input's identity. */
typedef uint32_t feeds_mask;
#define FEEDS_STAGE(stage) ((feeds_mask)1 << (stage))
#define FEEDS_INPUT(input) ((feeds_mask)1 << (STAGE_COUNT + (input)))
#define FEEDS_NONE ((feeds_mask)0)

#endif
