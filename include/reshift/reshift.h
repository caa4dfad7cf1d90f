/*
 * reshift: how a pretrained image network holds up when its images shift, and how little fine-tuning repairs it. This
 * header includes all others; docs/architecture.md has the map, examples/ has programs.
 *
 *     cc program.c $(pkg-config --cflags --libs reshift)
 *
 * What holds for every function, unless its own comment says otherwise:
 *
 * Errors     A function that can fail returns a reshift_status and takes a reshift_error last, the caller's memory:
 * code, words, hint, file and place. The library never prints, exits or aborts. Ownership  What a function creates in
 * *out is the caller's to destroy (X_create, X_open, X_load -> X_destroy, X_close). After a failure *out is NULL or
 * empty: destroying it is allowed and not needed. Inputs stay the caller's; they are read during the call and not kept.
 * A `const char *` that is returned is static or belongs to the object that it was asked of, and is valid as long as
 * the object. A view of a data set keeps its base open by itself. NULL       A NULL reshift_error, reshift_progress or
 * options struct is accepted (options: its _default() values; where something has to be named, the _default() function
 * says so). So is NULL for destroy and close. No other pointer may be NULL unless the comment gives it a meaning.
 * Options    X_default() fills an options struct with its defaults; change what you need. Call it always: fields are
 * added at the end of a struct, and a zeroed field is not every field's default. Threads    Objects that are only read
 * (const) may be used by any number of threads at once. An object that a function changes, and a reshift_frozen_cache,
 * belong to one thread at a time. Work is spread over OpenMP threads by the library (reshift_threads_set()); callbacks
 * are called by the thread that called the library. Labels     Arrays of labels have any integer type and shape [N] or
 * [N,1]; classes count from 0 (labels.h). Files      Output files appear whole or not at all; EXISTS without
 * `overwrite` where there is one. Paths are used as they are.
 */
#ifndef RESHIFT_RESHIFT_H
#define RESHIFT_RESHIFT_H

#include "reshift/version.h"
#include "reshift/adaptation.h"
#include "reshift/array.h"
#include "reshift/augment.h"
#include "reshift/class_map.h"
#include "reshift/classifiers.h"
#include "reshift/corruption.h"
#include "reshift/dataset.h"
#include "reshift/evaluation.h"
#include "reshift/experiment.h"
#include "reshift/export.h"
#include "reshift/fetch.h"
#include "reshift/fingerprints.h"
#include "reshift/frozen_cache.h"
#include "reshift/image.h"
#include "reshift/image_facts.h"
#include "reshift/inspect.h"
#include "reshift/labels.h"
#include "reshift/learning.h"
#include "reshift/machine.h"
#include "reshift/model.h"
#include "reshift/outputs.h"
#include "reshift/precision.h"
#include "reshift/preparation.h"
#include "reshift/progress.h"
#include "reshift/reporting.h"
#include "reshift/robustness.h"
#include "reshift/split.h"
#include "reshift/status.h"
#include "reshift/sweep.h"
#include "reshift/tensors.h"
#include "reshift/words.h"

#endif
