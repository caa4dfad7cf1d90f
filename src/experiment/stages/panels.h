/* The four feature sets of the analysis, by the names of their files. */
#ifndef EXPERIMENT_STAGES_PANELS_H
#define EXPERIMENT_STAGES_PANELS_H

#include "reporting/content.h"

#define PANEL_COUNT 4

typedef struct panel_name {
    const char *name;
    report_model model;
    report_data data;
} panel_name;

/** The first one's basis is the shared one, where a shared basis is asked for. */
extern const panel_name run_panels[PANEL_COUNT];

#endif
