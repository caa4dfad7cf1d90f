/*
 * What every command shares: the common options, progress on stderr, Ctrl-C, and how a command ends. Results go to
 * stdout, everything else to stderr. This is the program's own state; the library keeps none.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/options.h"
#include "reshift/dataset.h"
#include "reshift/model.h"
#include "reshift/progress.h"

/** Values of the options that commands have in common; each command offers those that mean something to it. */
typedef struct common {
    bool quiet, json, force;
    int64_t threads, seed, limit, size, batch;
    const char *data_dir, *precision;
} common;

#define COMMON_DEFAULTS                                                                                                \
    {                                                                                                                  \
        .precision = "f32"                                                                                             \
    }

#define COUNT_MOST 1e15

/* Rows for a command's table; `c` is its `common`. */
#define OPTION_QUIET(c)                                                                                                \
    {                                                                                                                  \
        .kind = OPTION_FLAG, .name = "--quiet", .value = &(c).quiet, .about = "no progress, only warnings and errors"  \
    }
#define OPTION_JSON(c)                                                                                                 \
    {                                                                                                                  \
        .kind = OPTION_FLAG, .name = "--json", .value = &(c).json, .about = "print the result as JSON"                 \
    }
#define OPTION_FORCE(c)                                                                                                \
    {                                                                                                                  \
        .kind = OPTION_FLAG, .name = "--force", .value = &(c).force, .about = "replace files that are there already"   \
    }
#define OPTION_THREADS(c)                                                                                              \
    {                                                                                                                  \
        .kind = OPTION_COUNT, .name = "--threads", .value = &(c).threads, .argument = "N", .high = 4096,               \
        .about = "threads to work with", .fallback = "OMP_NUM_THREADS, else the CPUs this process may use"             \
    }
#define OPTION_SEED(c)                                                                                                 \
    {                                                                                                                  \
        .kind = OPTION_COUNT, .name = "--seed", .value = &(c).seed, .argument = "N", .high = COUNT_MOST,               \
        .about = "of every random draw", .fallback = "0"                                                               \
    }
#define OPTION_LIMIT(c)                                                                                                \
    {                                                                                                                  \
        .kind = OPTION_COUNT, .name = "--limit", .value = &(c).limit, .argument = "N", .high = COUNT_MOST,             \
        .about = "only the first N images", .fallback = "all"                                                          \
    }
#define OPTION_SIZE(c)                                                                                                 \
    {                                                                                                                  \
        .kind = OPTION_COUNT, .name = "--size", .value = &(c).size, .argument = "N", .low = 8, .high = 2048,           \
        .about = "images enter the network as N x N", .fallback = "the weights' recipe"                                \
    }
#define OPTION_BATCH(c)                                                                                                \
    {                                                                                                                  \
        .kind = OPTION_COUNT, .name = "--batch", .value = &(c).batch, .argument = "N", .low = 1, .high = 4096,         \
        .about = "images a pass", .fallback = "64"                                                                     \
    }
#define OPTION_DATA_DIR(c)                                                                                             \
    {                                                                                                                  \
        .kind = OPTION_TEXT, .name = "--data-dir", .value = &(c).data_dir, .argument = "DIR",                          \
        .about = "where data sets and weights are looked up",                                                          \
        .fallback = "$RESHIFT_DATA, else $XDG_CACHE_HOME/reshift, else ~/.cache/reshift"                               \
    }
#define OPTION_PRECISION(c)                                                                                            \
    {                                                                                                                  \
        .kind = OPTION_TEXT, .name = "--precision", .value = &(c).precision, .argument = "f32",                        \
        .about = "arithmetic of the network", .fallback = "f32"                                                        \
    }

/** Sets threads, Ctrl-C and the progress display. Returns -1 to go on, else the exit status. */
int session_begin(const usage *u, const common *c);
/** The progress to hand to the library. */
const reshift_progress *session_progress(void);
/** A line for people on stderr, between two states of the progress bar; silent with --quiet. */
void session_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Tells the error as "reshift: ..." and "hint: ..." on stderr; returns the exit status of its code. */
int session_fail(const reshift_error *error);
/** The exit status of a command that went well: 1 with a message when stdout could not be written. */
int session_end(void);

/** Opens `spec` with the common options; `corruption` may be NULL. */
reshift_status open_data(const common *c, const char *spec, const char *split, const char *corruption,
                         const option_range *severity, bool generate, reshift_dataset **dataset, reshift_error *error);

/** True where PATH may be written: it is not there, or --force; otherwise `error` says that it exists. */
reshift_status check_target(const common *c, const char *path, reshift_error *error);

#endif
