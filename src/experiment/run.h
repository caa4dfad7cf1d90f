/*
 * A run in progress: what is open, where it goes, and the table of stages. run.c walks the table, stage_*.c do the
 * work, stages.c says what each of them reads and writes, keys.c makes its key. A stage reads only inputs and files of
 * earlier stages, so that it does not matter whether those were done just now or a week ago.
 */
#ifndef EXPERIMENT_RUN_H
#define EXPERIMENT_RUN_H

#include <jansson.h>

#include "base/facts.h"
#include "experiment/stages/reads.h"
#include "experiment/config/settings.h"
#include "experiment/config/stage_names.h"
#include "reshift/adaptation.h"
#include "reshift/dataset.h"
#include "reshift/evaluation.h"
#include "reshift/frozen_cache.h"
#include "reshift/model.h"
#include "reshift/preparation.h"
#include "reshift/split.h"

/* Where stages keep what is unfinished, below the run folder. */
#define RUN_PARTS ".reshift-parts"

/** What run_open() opens. */
typedef struct run_opened {
    bool pretrained_here;    /* weights: demo */
    bool paired;             /* rows of the shifted set are versions of the clean test images */
    reshift_dataset *source; /* what the demo's network is pretrained on; NULL otherwise */
    reshift_dataset *train, *test, *shift;
    reshift_dataset *shifted_train; /* NULL unless fine-tuning's rows come from it */
    reshift_model *original;        /* NULL until the demo's network is there */
    reshift_recipe recipe;          /* of the weights, at their own size */
    reshift_split split;
    uint8_t *held_out; /* [split.n_train] 1: of the training rows, one held out for validation; NULL: none is */
    int64_t n_held_out;
} run_opened;

typedef struct run {
    const reshift_experiment *all_settings; /* stages read it through SETTING() */
    const char *folder, *data_dir;
    const reshift_progress *progress;
    run_opened opened;                              /* stages read it through run_train_set() and its like */
    char weights_path[512];                         /* "" for the demo */
    char identities[INPUT_COUNT][DIGEST_HEX_BYTES]; /* "" where there is no such input */
    char keys[STAGE_COUNT][DIGEST_HEX_BYTES];
    fact_list *depends_on[STAGE_COUNT]; /* what the keys are of */
    run_reads *reads;                   /* NULL: nothing is checked */
    json_t *manifest;
    reshift_frozen_cache *cache; /* NULL until run_frozen_cache() */
    int cut;                     /* the first block that fine-tuning trains */
    const char *const *siblings; /* run folders to borrow finished stages from */
    int n_siblings;
} run;

typedef struct stage {
    const char *name;
    const char *about;          /* for the line that announces it */
    feeds_mask reads;           /* inputs and earlier stages; its settings are in the settings table */
    bool every_setting;         /* depends on all settings, not only on those whose row names it */
    const char *const *outputs; /* in the run folder; end with NULL */
    const char *folder;         /* everything in this folder is its output too; NULL: nothing */
    const char *validation;     /* one more, where rows are held out for validation; NULL: none */
    reshift_status (*work)(run *r, reshift_error *error);
} stage;

#define RUN_OUTPUTS_MOST 24

/** The table, in order, STAGE_COUNT rows. */
const stage *run_stages(void);
/** The files that the stage leaves in this run, ending with NULL; n_held_out counts by then. */
void run_outputs(const run *r, const stage *one, const char *outputs[RUN_OUTPUTS_MOST]);

/** The folder of a run while the program works in it. */
typedef struct run_hold {
    int lock;  /* descriptor of the folder; -1: not locked */
    bool made; /* by this program: removed again if nothing was written */
} run_hold;

/**
 * Locks the folder, making it where it is not there, then loads the manifest and refuses what belongs to something
 * else. Close it in the success and in the error case. Errors: EXISTS (a file; foreign files, another experiment or
 * another layout without `force`), IO (another program works there), FORMAT (a manifest of something else), MEMORY.
 */
reshift_status run_folder_open(run *r, bool force, run_hold *f, reshift_error *error);
void run_folder_close(const char *folder, run_hold *f);
/** The folders below it. */
reshift_status run_make_folders(const run *r, reshift_error *error);
/** Writes all of the manifest but its stages, which stay. Errors: IO, MEMORY. */
reshift_status run_begin_manifest(run *r, reshift_error *error);

/** False for a stage that this study leaves out. */
bool run_applies(const run *r, stage_name s);

/** Fills r->keys from settings, identities and the keys below. Errors: MEMORY. */
reshift_status run_make_keys(run *r, reshift_error *error);
/** Frees what the keys are of; run_close() does it too. */
void run_forget_keys(run *r);

/** Opens data sets and weights, draws the split and checks that they fit each other, before any long work. */
reshift_status run_open(run *r, reshift_error *error);
void run_close(run *r);

/** "training set": for messages and keys. */
const char *run_input_name(run_input input);

/* What a stage reads goes through these, which hold it against what the stage declares (reads.h). */
reshift_dataset *run_pretraining_set(const run *r);
reshift_dataset *run_train_set(const run *r);
reshift_dataset *run_test_set(const run *r);
reshift_dataset *run_shift_set(const run *r);
bool run_paired(const run *r);
/** How the images of a set are prepared for the networks of this run. Reads input.size. */
reshift_image_facts run_image_facts(const run *r, const reshift_dataset *dataset);
/** The text that the test or the shifted set was opened from. */
const char *run_data(const run *r, run_input input);
/** The set whose rows split->train_rows are: the shifted set, or the shifted training images. */
reshift_dataset *run_tuning_set(const run *r);
const reshift_split *run_split(const run *r);
const uint8_t *run_held_out(const run *r);
int64_t run_n_held_out(const run *r);

/** The network the study starts from, loading the demo's pretrained one when it is there by now. */
reshift_status run_original(run *r, reshift_error *error);
/** Where the run goes forward in int8 and the model is not calibrated: calibrates it on the training images. */
reshift_status run_calibrate(const run *r, reshift_model *model, reshift_error *error);
/** A copy of it with the trained probe as its fc. */
reshift_status run_original_with_probe(run *r, reshift_model **model, reshift_error *error);

/** "FOLDER/name" in fresh memory; reports being out of memory. */
reshift_status run_path(const run *r, const char *name, char **path, reshift_error *error);

reshift_status stage_pretrain(run *r, reshift_error *error);
reshift_status stage_features(run *r, reshift_error *error);
reshift_status stage_probe(run *r, reshift_error *error);
reshift_status stage_shift(run *r, reshift_error *error);
reshift_status stage_finetune(run *r, reshift_error *error);
reshift_status stage_measure(run *r, reshift_error *error);
reshift_status stage_adapt(run *r, reshift_error *error);
reshift_status stage_analysis(run *r, reshift_error *error);
reshift_status stage_report(run *r, reshift_error *error);

/**
 * What the blocks below fine-tuning's give, in r->cache: NULL, without an error, where nothing lies below or nothing is
 * to be kept. It is below .reshift-parts/ or in memory and goes with the run. Rows that fine-tuning reads go before
 * others.
 */
reshift_status run_frozen_cache(run *r, reshift_error *error);
/** Rows of all sets whose activations the cache may hold. */
int64_t run_rows_to_keep(const run *r);
/** The rows of the shifted set that are measured after every epoch, ascending, in fresh memory. Errors: MEMORY. */
reshift_status run_monitored_rows(const run *r, int64_t **rows, int64_t *n, reshift_error *error);

/** How features are extracted: in one piece; cut where fine-tuning cuts, the lower part's output kept, or only used. */
typedef enum extract_way { EXTRACT_WHOLE, EXTRACT_AND_KEEP, EXTRACT_FROM_KEPT } extract_way;

/**
 * Features of `dataset` to FOLDER/features/<name>.npy and, when `labels_name` is given, labels to that file. Done in
 * chunks that are kept until the file is whole, so that a run that is stopped loses minutes, not hours.
 */
reshift_status run_extract(run *r, stage_name owner, const reshift_model *model, const reshift_dataset *dataset,
                           extract_way way, const char *name, const char *labels_name, reshift_error *error);

/** What a probe is trained and measured on: features float32 [N,D], labels int64 [N]. */
typedef struct probe_rows {
    const reshift_array *train, *train_labels, *test, *test_labels;
} probe_rows;
/** The probe at the minimum of its penalised loss; *l2 is the penalty it has, given or chosen. The history is one line.
 * Errors: those of reshift_logistic_path() and reshift_logistic_train(). */
reshift_status run_probe_lbfgs(const run *r, const probe_rows *rows, int n_classes, reshift_array *weight,
                               reshift_array *bias, double *l2, reshift_history *history, reshift_error *error);

/** The demo's network and whatever else is trained tell each epoch in one line. */
typedef struct epoch_teller {
    const reshift_progress *progress;
    const char *what;
    int epochs;
} epoch_teller;
void tell_epoch(void *teller, const reshift_epoch *epoch);

#endif
