/* Remarks on how a checkpoint was read, kept with the model for whoever loaded it. */
#ifndef MODELS_NOTES_H
#define MODELS_NOTES_H

#include "reshift/progress.h"
#include "reshift/status.h"

typedef struct note {
    char *text;
    reshift_log_level level;
} note;

/** A zeroed struct is empty. */
typedef struct notes {
    note *items;
    int n;
} notes;

/** Adds a remark. Errors: MEMORY. */
reshift_status notes_add(notes *list, reshift_log_level level, reshift_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Leaves the empty list. */
void notes_clear(notes *list);

#endif
