/* What a sweep file says: the experiment, what is set for every study, and the values of every key of the grid. */
#ifndef EXPERIMENT_SWEEP_H
#define EXPERIMENT_SWEEP_H

#include "experiment/config/settings.h"
#include "reshift/sweep.h"

/** Texts on the heap. */
typedef struct sweep_texts {
    char **items;
    int n;
} sweep_texts;

typedef struct sweep_axis {
    char *key;
    sweep_texts values; /* as they stand after KEY= in a --set */
} sweep_axis;

struct reshift_sweep {
    char name[SETTINGS_TEXT_BYTES];
    char *experiment; /* a path; NULL: the demo */
    sweep_texts set;  /* "key=value" */
    sweep_axis axes[RESHIFT_SWEEP_KEYS];
    int n_axes, n_studies;
};

/** "01-layer4-fc_fog": the study's folder, and its name as an experiment. */
void sweep_study_name(const reshift_sweep *sweep, int index, char *name, size_t size);
/** The study's experiment. Errors: ARGUMENT, naming the combination. */
reshift_status sweep_study(const reshift_sweep *sweep, int index, reshift_experiment **experiment,
                           reshift_error *error);

#endif
