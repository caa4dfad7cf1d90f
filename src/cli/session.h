/*
 * Common to all commands: shared options, progress on stderr, Ctrl-C, and the end of a command. Results go to stdout,
 * everything else to stderr. This state belongs to the program; the library keeps none.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/options.h"
#include "reshift/dataset.h"
#include "reshift/model.h"
#include "reshift/precision.h"
#include "reshift/progress.h"

/** Values of options shared by commands; each command offers those that apply to it. */
typedef struct common {
    bool quiet, json, force, no_jpeg, skip_bad;
    int64_t threads, seed, limit, size, batch;
    const char *data_dir, *precision;   /* precision NULL: not given */
    const char *constants, *corrupt_at; /* of corruptions computed here */
} common;

#define COMMON_DEFAULTS                                                                                                \
    {                                                                                                                  \
        .precision = "f32", .constants = "auto", .corrupt_at = "crop"                                                  \
    }

#define COUNT_MOST 1e15

/* Rows for a command's option table; `c` is its `common`. */
#define OPTION_QUIET(c) FLAG("--quiet", &(c).quiet, "no progress, only warnings and errors")
#define OPTION_JSON(c) FLAG("--json", &(c).json, "print the result as JSON")
#define OPTION_FORCE(c) FLAG("--force", &(c).force, "replace existing files")
#define OPTION_THREADS(c)                                                                                              \
    COUNT("--threads", &(c).threads, "N", 0, 4096, "threads to work with",                                             \
          "OMP_NUM_THREADS, else the CPUs this process may use")
#define OPTION_SEED(c) COUNT("--seed", &(c).seed, "N", 0, SEED_MOST, "seed of all random draws", "0")
#define OPTION_LIMIT(c)                                                                                                \
    COUNT("--limit", &(c).limit, "N", 0, COUNT_MOST,                                                                   \
          "only the first N images; for folders N images, the same number from every class", "all")
#define OPTION_SIZE(c)                                                                                                 \
    COUNT("--size", &(c).size, "N", RESHIFT_SIZE_SMALLEST, RESHIFT_SIZE_LARGEST, "images enter the network as N x N",  \
          "the weights' recipe")
#define OPTION_BATCH(c) COUNT("--batch", &(c).batch, "N", 1, 4096, "images per pass", "64")
#define OPTION_CONSTANTS(c)                                                                                            \
    TEXT("--constants", &(c).constants, "auto|cifar|imagenet",                                                         \
         "strengths of corruptions made here, one set for all images: for 32x32 or 224x224; auto: the nearer", "auto")
#define OPTION_CORRUPT_AT(c)                                                                                           \
    TEXT(                                                                                                              \
        "--corrupt-at", &(c).corrupt_at, "crop|native",                                                                \
        "where photographs are corrupted here: crop: after resize and crop, as ImageNet-C was made; native: at their " \
        "own size, before them",                                                                                       \
        "crop")
#define OPTION_SKIP_BAD(c)                                                                                             \
    FLAG("--skip-bad", &(c).skip_bad,                                                                                  \
         "folders: leave out images that cannot be read, and list them (every image is decoded at the start)")
#define OPTION_NO_JPEG(c)                                                                                              \
    FLAG("--no-jpeg", &(c).no_jpeg,                                                                                    \
         "with ImageNet's constants: leave out the last step, JPEG of quality 85, with which ImageNet-C was stored")
#define OPTION_DATA_DIR(c)                                                                                             \
    TEXT("--data-dir", &(c).data_dir, "DIR", "where data sets and weights are looked up",                              \
         "$RESHIFT_DATA, else $XDG_CACHE_HOME/reshift, else ~/.cache/reshift")
#define OPTION_CACHE_BUDGET(text)                                                                                      \
    TEXT("--cache-budget", &(text), "SIZE",                                                                            \
         "for what the frozen blocks give, computed once: 4G, 512M, 0: nothing; auto: half of what is free", "auto")
#define OPTION_PRECISION(c)                                                                                            \
    TEXT("--precision", &(c).precision, "f32|bf16|int8|auto",                                                          \
         "arithmetic of the network; auto: the fastest that keeps its accuracy; training knows f32 and bf16", "f32")

/** Sets threads, Ctrl-C and the progress display. Returns -1 to continue, else the exit status. */
int session_begin(const usage *u, const common *c);
/** The value of --precision, checked by session_begin(). */
reshift_precision session_precision(const common *c);
/** The value of --no-jpeg. */
reshift_jpeg_step session_jpeg(const common *c);
/**
 * Call before `model` runs forward on `spec`. If it runs in int8 and the weights contain no activation ranges, they are
 * calibrated on the training split of the same images, if there is one. Otherwise the library uses the images
 * themselves.
 */
reshift_status session_calibrate(const common *c, reshift_model *model, const char *spec, reshift_error *error);
/** The progress callbacks to pass to the library. */
const reshift_progress *session_progress(void);
/** Prints a message on stderr, between two states of the progress bar; silent with --quiet. */
void session_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Prints the error as "reshift: ..." and "hint: ..." on stderr; returns the exit status of its code. */
int session_fail(const reshift_error *error);
/**
 * The exit status of a successful command: 1 with a message if stdout could not be written or memory ran out on the way
 * (session_out_of_memory()), so that an incomplete result never ends with 0.
 */
int session_end(void);
/** Prints the text and ends the command; NULL means out of memory. */
int session_print(const char *text);
/** Records for session_end() that a part of the result is missing. */
void session_out_of_memory(void);
/**
 * jansson's allocator: malloc() that on failure ends the program with "out of memory" and status 1, so that callers
 * need not check every value.
 */
void *session_allocate(size_t bytes);

/** The value of --constants and --corrupt-at, checked by session_begin(). */
reshift_constants session_constants(const common *c);
bool session_corrupts_native(const common *c);

/**
 * Opens `spec` with the common options; `corruption` may be NULL. `model` NULL: no network reads the set. Otherwise
 * photographs are corrupted after resize and crop by the model's recipe at --size, unless --corrupt-at is native.
 */
reshift_status open_data(const common *c, const char *spec, const char *split, const char *corruption,
                         const option_range *severity, const reshift_model *model, reshift_dataset **dataset,
                         reshift_error *error);

/** Checks whether `spec` is valid before weights are read, without reading files. Errors: ARGUMENT. */
reshift_status check_data(const char *spec, const char *split, reshift_error *error);

/**
 * Loads --weights and, unless NULL, --head, and prints the notes of reshift_model_note(). The caller destroys *model.
 */
reshift_status open_model(const common *c, const char *weights, const char *head, reshift_model **model,
                          reshift_error *error);

/**
 * Checks before the work whether the file may be written: its folder is writable, and the file does not exist or
 * --force is given. NULL means no file. Errors: EXISTS, NOT_FOUND, IO.
 */
reshift_status check_target(const common *c, const char *path, reshift_error *error);
/** Sets `error` (the library's own functions do this themselves). Returns the code. */
reshift_status fail_with(reshift_error *error, reshift_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Puts "PREFIX: " before the message. Returns the code. */
reshift_status fail_in(reshift_error *error, reshift_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
