/* Features, the linear probe, and fine-tuning of chosen blocks. */
#ifndef RESHIFT_LEARNING_H
#define RESHIFT_LEARNING_H

#include "reshift/augment.h"
#include "reshift/dataset.h"
#include "reshift/frozen_cache.h"
#include "reshift/model.h"
#include "reshift/precision.h"
#include "reshift/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- going forward ---- */

#define RESHIFT_CALIBRATION_IMAGES 256

/**
 * Finds how large activations get, which int8 needs to know, on RESHIFT_CALIBRATION_IMAGES images of `dataset` (all,
 * where there are fewer), evenly spread, and keeps it with the model (and its file). `size` of the input; 0: the
 * weights' recipe. Labels are not looked at. A model that goes forward in int8 without is calibrated on the images that
 * it is given: call this with training images where there are some. Errors: those of reading, SHAPE (no images),
 * NUMERIC (activations that are not finite), MEMORY, CANCELLED.
 */
RESHIFT_API reshift_status reshift_calibrate(reshift_model *model, const reshift_dataset *dataset, int size,
                                             const reshift_progress *progress, reshift_error *error);

/**
 * Whether the ranges were measured on images prepared as the model's recipe at `size` (0: its own) prepares them; else
 * `difference` says how they differ, theirs first: "64x64 (resize 73) and 224x224 (resize 256)". True where that is not
 * known: no ranges, or weights of an older version. Functions that go forward in int8 warn by themselves;
 * reshift_predict() cannot.
 */
RESHIFT_API bool reshift_model_calibration_fits(const reshift_model *model, int size, char *difference,
                                                size_t difference_size);

typedef struct reshift_forward_options {
    int size;  /* input size; 0: the weights' recipe */
    int batch; /* rows a pass at most; the engine may use smaller ones; 0: chosen. Results do not depend on it beyond
                  rounding */
    reshift_precision precision; /* where the processor cannot: float32, which goes to progress->message */
    reshift_frozen_cache
        *cache; /* NULL, or what fine-tuning kept for the same lower blocks: only the rest is run then */
} reshift_forward_options;

/** The weights' recipe, float32, no cache. NULL instead of options means the same. */
RESHIFT_API void reshift_forward_options_default(reshift_forward_options *options);

/**
 * Runs every image of `dataset` forward. `features` [N,D] and `logits` [N,K] float32 are created; either may be NULL.
 * Memory: two batches and the network, whatever N. Errors: those of reading, MEMORY, CANCELLED.
 */
RESHIFT_API reshift_status reshift_forward(const reshift_model *model, const reshift_dataset *dataset,
                                           const reshift_forward_options *options, reshift_array *features,
                                           reshift_array *logits, const reshift_progress *progress,
                                           reshift_error *error);
/** The same, features streamed to a .npy file (atomic) and labels (int64 [N]) to another; labels_path may be NULL. */
RESHIFT_API reshift_status reshift_extract(const reshift_model *model, const reshift_dataset *dataset,
                                           const reshift_forward_options *options, const char *features_path,
                                           const char *labels_path, bool overwrite, const reshift_progress *progress,
                                           reshift_error *error);
/** Logits [N,K] of features [N,D] through the model's last layer; the caller destroys *logits. Errors: SHAPE, MEMORY.
 */
RESHIFT_API reshift_status reshift_head_logits(const reshift_model *model, const reshift_array *features,
                                               reshift_array *logits, reshift_error *error);
/** One image through the model by the weights' recipe: probabilities [K] (caller's memory). Errors: SHAPE (a network
 * without a last layer), NOT_FOUND (int8 of a network that is not calibrated), NUMERIC, MEMORY. */
RESHIFT_API reshift_status reshift_predict(const reshift_model *model, const reshift_image *image,
                                           reshift_precision precision, float *probabilities, reshift_error *error);

/* ---- what training leaves ---- */

/** One epoch. Training figures are sample-weighted and gathered while training; NAN where not measured. */
typedef struct reshift_epoch {
    int epoch;                         /* from 1 */
    double train_loss, train_accuracy; /* accuracies are fractions 0..1 */
    double test_loss, test_accuracy;
    double seconds;
    double validation_loss, validation_accuracy; /* of rows held out of training; NAN without */
} reshift_epoch;

/** What automatic rates made of one block in one epoch. */
typedef struct reshift_chosen_rate {
    char block[32];
    double ratio;         /* length of the gradient over that of the weights; infinite where these are all zero */
    double learning_rate; /* before the schedule */
} reshift_chosen_rate;

typedef struct reshift_history {
    reshift_epoch *epochs;
    int n_epochs;
    reshift_chosen_rate *rates; /* [n_epochs][n_rated] where learning rates were automatic; else NULL */
    int n_rated;
} reshift_history;

/** Frees what is in it and empties it; NULL and an empty one are accepted. */
RESHIFT_API void reshift_history_destroy(reshift_history *history);
/** The number of the epoch with the highest validation accuracy, the first of equals: what RESHIFT_KEEP_BEST keeps. 0
 *  where none was measured. */
RESHIFT_API int reshift_history_best(const reshift_history *history);
/** epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds, and validation_loss,validation_accuracy before the
 *  seconds where any epoch has them, ratio_BLOCK,lr_BLOCK for each block behind them where rates were automatic;
 * numbers that read back to the same value. */
RESHIFT_API reshift_status reshift_history_save_csv(const char *path, const reshift_history *history, bool overwrite,
                                                    reshift_error *error);
/** What reshift_history_save_csv() wrote; the caller destroys *history. Errors: NOT_FOUND, IO, FORMAT (naming the
 * line), MEMORY. */
RESHIFT_API reshift_status reshift_history_load_csv(const char *path, reshift_history *history, reshift_error *error);

/**
 * Whether a training that ends with this loss (mean cross-entropy) has diverged: the loss is not finite, or more than
 * 100 times that of guessing, ln K. The probe, fine-tuning and adaptation by steps (Tent) then fail with NUMERIC and
 * give no weights, and a study or a sweep's cell has no result.
 */
RESHIFT_API bool reshift_loss_diverged(double loss, int n_classes);

/* ---- the linear probe ---- */

typedef struct reshift_probe_options {
    int epochs, batch;                                           /* 30, 64 */
    double learning_rate;                                        /* 0.001 (Adam, beta .9 .999, eps 1e-8) */
    uint64_t seed;                                               /* initial weights and the order of every epoch */
    void (*on_epoch)(void *context, const reshift_epoch *epoch); /* may be NULL */
    void *context;
    reshift_precision precision; /* F32; BF16: products of rounded features, weights and gradients by the logits, sums,
                                    weights, Adam and losses float32; the features are copied, half as large. What the
                                    processor cannot do falls back to F32 */
    const double
        *class_weights; /* [K] factors of the rows' losses by class, 0 or more; NULL: 1. Losses of a batch are divided
                           by the sum of their rows' weights, as PyTorch's CrossEntropyLoss(weight) does; the history's
                           training loss is the weighted mean of the epoch, test losses are not weighted */
    /* For parity tests: NULL, or initial weight [K,D] and bias [K], and order [epochs][N] of rows. */
    const float *initial_weight, *initial_bias;
    const int64_t *order;
} reshift_probe_options;

/** Fills in the defaults named next to the fields. NULL instead of options means the same. */
RESHIFT_API void reshift_probe_options_default(reshift_probe_options *options);

/**
 * Trains softmax regression on features [N,D] float32 with labels [N] (any integer dtype) and measures it on the test
 * set (test_features may be NULL) after every epoch. Gives weight [K,D], bias [K] and the history. K = largest training
 * label + 1 unless n_classes > 0. Same bytes for the same machine and thread count. Errors: SHAPE (labels out of range,
 * counts or D that differ), ARGUMENT, NUMERIC (a feature that is not finite, naming the row; a training that diverged,
 * see reshift_loss_diverged()), MEMORY, CANCELLED.
 */
RESHIFT_API reshift_status reshift_probe_train(const reshift_array *features, const reshift_array *labels,
                                               const reshift_array *test_features, const reshift_array *test_labels,
                                               int n_classes, const reshift_probe_options *options,
                                               reshift_array *weight, reshift_array *bias, reshift_history *history,
                                               const reshift_progress *progress, reshift_error *error);

/* ---- training of blocks ---- */

typedef enum reshift_batchnorm {
    RESHIFT_BATCHNORM_FROZEN,     /* fixed statistics everywhere */
    RESHIFT_BATCHNORM_TRAIN,      /* batch statistics in the trained blocks only */
    RESHIFT_BATCHNORM_TRAIN_ALL,  /* batch statistics everywhere: PyTorch's bare model.train() */
    RESHIFT_BATCHNORM_RECALIBRATE /* statistics of the trained blocks computed anew from the training rows before the
                                     first epoch, as torch.optim.swa_utils.update_bn does it, and fixed from then on */
} reshift_batchnorm;

/** Which epoch's weights a training ends with. */
typedef enum reshift_keep {
    RESHIFT_KEEP_LAST,
    RESHIFT_KEEP_BEST /* of the highest validation accuracy, the earliest of equals; the test set has no say */
} reshift_keep;

/** With betas 0.9 and 0.999, eps 1e-8; all three as torch.optim has them. */
typedef enum reshift_optimizer {
    RESHIFT_OPTIMIZER_ADAM,  /* Kingma & Ba 2015; weight decay is added to the gradient */
    RESHIFT_OPTIMIZER_ADAMW, /* Loshchilov & Hutter 2019: weight decay apart, times the learning rate */
    RESHIFT_OPTIMIZER_SGD    /* with momentum; weight decay is added to the gradient */
} reshift_optimizer;

typedef enum reshift_schedule_kind {
    RESHIFT_SCHEDULE_CONSTANT,
    RESHIFT_SCHEDULE_STEP,  /* times gamma every step_size units, as torch's StepLR */
    RESHIFT_SCHEDULE_COSINE /* half a cosine down to 0 at the end, as torch's CosineAnnealingLR */
} reshift_schedule_kind;

/** How learning rates go over a training, in units: epochs, or steps. The defaults of
 * reshift_finetune_options_default() are a constant rate; a zeroed one is refused, as step_size and gamma are out of
 * range.
 */
typedef struct reshift_schedule {
    reshift_schedule_kind kind;
    bool by_step;      /* the unit is a step, else an epoch */
    int64_t warmup;    /* units of a linear rise before; the schedule begins behind them */
    int64_t step_size; /* of STEP: units, 1 or more */
    double gamma;      /* of STEP: above 0, at most 1 */
} reshift_schedule;

/**
 * What the learning rates are multiplied with in unit t of n, from 0, with w units of warm-up:
 *
 *   t < w      (t + 1) / (w + 1)                   torch's LinearLR(1 / (w + 1), total_iters=w)
 *   constant   1
 *   step       gamma^floor((t - w) / step_size)
 *   cosine     (1 + cos(pi (t - w) / (n - w))) / 2
 *
 * Source: Loshchilov & Hutter 2017 (cosine), Goyal et al. 2017 (warm-up).
 */
RESHIFT_API double reshift_schedule_factor(const reshift_schedule *schedule, int64_t t, int64_t n);

typedef struct reshift_block_rate {
    char block[32]; /* "layer4" */
    double learning_rate;
} reshift_block_rate;

/** What fine-tuning does with a checkpoint that does not fit, has more epochs than are wanted, or is damaged. */
typedef enum reshift_checkpoint_mismatch {
    RESHIFT_CHECKPOINT_REFUSE,  /* an error that names the first option that differs; the file stays as it is */
    RESHIFT_CHECKPOINT_REPLACE, /* a checkpoint of fine-tuning is replaced, with a warning; any other file is refused */
    RESHIFT_CHECKPOINT_OWN      /* the path is the caller's alone: whatever is there is replaced, with a warning */
} reshift_checkpoint_mismatch;

typedef struct reshift_finetune_options {
    const reshift_block_rate *blocks; /* what is trained, each with its learning rate */
    int n_blocks;
    double auto_rate;        /* 0; above 0: rates are chosen anew before every epoch, at most this one, and those of
                                the blocks are 0: see reshift_finetune() */
    int epochs, batch, size; /* 10, 64, 0: the weights' recipe */
    reshift_batchnorm batchnorm;
    reshift_precision precision; /* of the frozen blocks; the trained ones' is reshift_precision_here(precision, true).
                                    Weights, statistics, losses and gradients of weights are float32 all the same */
    reshift_optimizer optimizer;
    double momentum;             /* of SGD: from 0, below 1 */
    bool nesterov;               /* of SGD, with momentum */
    double weight_decay;         /* of every trained parameter; others are never touched */
    double label_smoothing;      /* of the training loss, 0 to 1; test losses are without */
    reshift_schedule schedule;   /* of the learning rates */
    uint64_t seed;               /* order of the rows of every epoch */
    reshift_frozen_cache *cache; /* for the output of the frozen blocks, shared with other calls; NULL: of this call's
                                    own, within the budget */
    int forward_batch;           /* rows a pass of the frozen blocks at most; 0: chosen. Calls that share a cache find
                                    each other's rows where their passes are alike */
    uint64_t cache_budget_bytes; /* in memory or in a file; 0: no cache. Not for a shared one */
    const char *cache_folder;    /* where a cache that memory cannot hold goes (an unlinked file); NULL: memory only */
    const char *checkpoint;      /* written after every epoch, taken up when it is there and fits; NULL: none. It fits
                                    the same images, initial weights and options; epochs may be more than it holds */
    reshift_checkpoint_mismatch checkpoint_mismatch; /* what is done with a file there that cannot be taken up */
    const reshift_dataset *test; /* measured after every epoch for the curve, chooses nothing; NULL: not measured */
    const reshift_dataset *validation; /* measured after every epoch too; NULL: not */
    const reshift_augment *augment;    /* NULL, or what is done to training images by chance, keyed by (seed, epoch,
                                          image);    the frozen blocks then run anew for them in every epoch */
    reshift_keep keep;                 /* BEST needs a validation set */
    void (*on_epoch)(void *context, const reshift_epoch *epoch);
    void *context;
    void (*on_step)(void *context, int64_t step, double loss); /* steps from 1, over all epochs; may be NULL */
    const int64_t *order; /* for parity tests: NULL, or [epochs][N] rows instead of our order */
} reshift_finetune_options;

#define RESHIFT_AUTO_ROWS 1024
/** A base rate that serves where none is given. */
#define RESHIFT_AUTO_RATE 0.001

/** Fills in the defaults named next to the fields; Adam, constant rates, a cache of at most 4 GiB.
 *  `blocks` has to be named: NULL does not serve as options. */
RESHIFT_API void reshift_finetune_options_default(reshift_finetune_options *options);

/**
 * Trains the named blocks of `model` in place on `dataset` by softmax cross-entropy. What lies below the first
 * trained block is run once and reused across epochs within the budget (which choice was made goes to
 * progress->message). Blocks that are not trained do not change by a bit. With no epochs only batch norm is
 * recalibrated, where that is asked.
 *
 * Automatic rates: before an epoch the gradient g of the mean training loss over the epoch's first RESHIFT_AUTO_ROWS
 * rows (whole batches; all where there are fewer), as the epoch will see them, is taken and nothing moved. A block's
 * rate is auto_rate r / max r with r = |g| / |w| over the block's trained parameters w. Source: Lee et al. 2023
 * ("Surgical fine-tuning", Auto-RGN). Errors: ARGUMENT (no such block, naming those there are), SHAPE (labels against
 * fc), NUMERIC, those of reading, MEMORY, CANCELLED (the last checkpoint stays).
 */
RESHIFT_API reshift_status reshift_finetune(reshift_model *model, const reshift_dataset *dataset,
                                            const reshift_finetune_options *options, reshift_history *history,
                                            const reshift_progress *progress, reshift_error *error);

/** What a training did to one tensor, running statistics of batch norm among them. */
typedef struct reshift_moved {
    char name[64], block[64]; /* "layer4.0.conv1.weight", "layer4" */
    int64_t count, changed;   /* values; those that differ in any bit */
    double distance, norm;    /* Euclidean: of the difference, of the tensor before */
    double most;              /* the largest difference of a value */
} reshift_moved;

/** All tensors of two networks of one kind, in their order; free() *rows. Errors: SHAPE (they differ), MEMORY. */
RESHIFT_API reshift_status reshift_moved_between(const reshift_model *before, const reshift_model *after,
                                                 reshift_moved **rows, int *n, reshift_error *error);
/** Running means and variances of batch norm, which are gathered and not trained; by the tensor's name. */
RESHIFT_API bool reshift_moved_is_statistic(const char *name);
/** Columns tensor, block, values, changed, distance, norm, relative (distance / norm; empty for a tensor of zeros),
 * most. Errors: EXISTS, NOT_FOUND, IO. */
RESHIFT_API reshift_status reshift_moved_save_csv(const char *path, const reshift_moved *rows, int n, bool overwrite,
                                                  reshift_error *error);
/** What that wrote; free() *rows. Errors: NOT_FOUND, IO, FORMAT (naming the line), MEMORY. */
RESHIFT_API reshift_status reshift_moved_load_csv(const char *path, reshift_moved **rows, int *n, reshift_error *error);
/** A line a block to progress->message. */
RESHIFT_API void reshift_moved_tell(const reshift_moved *rows, int n, const reshift_progress *progress);

#ifdef __cplusplus
}
#endif
#endif
