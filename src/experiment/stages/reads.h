/*
 * Which settings, inputs and files of earlier stages are read while a stage is worked on or an input is opened, held
 * against what is declared: the settings table for settings, the table of stages for the rest. A read that was not
 * declared is noted and fails the stage, because its key would not change when the value does.
 *
 * A stage may read what the stages that it builds on declare, since its key contains theirs. A setting that cannot
 * change a result (FEEDS_NONE) may be read anywhere.
 */
#ifndef EXPERIMENT_STAGES_READS_H
#define EXPERIMENT_STAGES_READS_H

#include <stdbool.h>
#include <stddef.h>

#include "experiment/config/settings.h"
#include "experiment/config/stage_names.h"
#include "reshift/status.h"

struct run;

typedef struct run_reads {
    const char *reader; /* name of the stage or input; NULL: outside of them, where everything may be read */
    feeds_mask allowed; /* the reader itself, and what it and the stages that it builds on declare */
    bool every_setting;
    char undeclared[96]; /* the first read that was not declared: "setting 'shift.constants'" */
} run_reads;

/** The value of a setting. The comma notes the read; the result is an lvalue of the field's type. */
#define SETTING(r, field)                                                                                              \
    (*(reads_setting((r)->reads, offsetof(struct reshift_experiment, field)), &(r)->all_settings->field))

/** From here on reads are those of this stage or input, until reads_end(). */
void reads_begin_stage(const struct run *r, stage_name stage);
void reads_begin_input(const struct run *r, run_input input);
/** Errors: INTERNAL when something was read that was not declared. */
reshift_status reads_end(const struct run *r, reshift_error *error);

/** Note a read: of the setting that `offset` in reshift_experiment is part of, of an input, of a file of the folder. */
void reads_setting(run_reads *reads, size_t offset);
void reads_input(run_reads *reads, run_input input);
void reads_file(const struct run *r, const char *name);

/** Between the two nothing is noted: for what decides where values are kept, not what they are. */
const char *reads_pause(const struct run *r);
void reads_resume(const struct run *r, const char *reader);

#endif
