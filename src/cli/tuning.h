/* The options of reshift finetune that control its steps: optimiser, schedule, smoothing. */
#ifndef CLI_TUNING_H
#define CLI_TUNING_H

#include "cli/options.h"
#include "reshift/learning.h"

typedef struct tuning {
    const char *optimizer, *schedule, *unit, *decay, *smoothing, *momentum;
    bool nesterov;
    int64_t warmup, step_size;
    double gamma;
    const char *augment, *corruptions; /* NULL: none */
    option_range severity;
    double crop_padding;
    reshift_jpeg_step jpeg;
    reshift_constants constants;
    bool corrupt_native;
    reshift_augment how; /* what they come to */
    char names[RESHIFT_CORRUPTIONS_MOST][32];
} tuning;

#define TUNING_DEFAULTS                                                                                                \
    {                                                                                                                  \
        .optimizer = "adam", .schedule = "constant", .unit = "epoch", .decay = "0", .smoothing = "0",                  \
        .momentum = "0.9", .step_size = 1, .gamma = 0.1, .severity = {1, 5}, .crop_padding = 0.125                     \
    }

/** NULL, or an error message that names the option. *how points into *words. */
const char *tuning_read(tuning *words, reshift_finetune_options *how);

#endif
