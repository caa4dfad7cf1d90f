/* Reads while a stage is worked on. */
#include "experiment/stages/reads.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "experiment/run.h"

#define STAGES (FEEDS_STAGE(STAGE_COUNT) - 1) /* bits of stages, without those of inputs */

static void note(run_reads *reads, const char *kind, const char *name)
{
    if (!reads->undeclared[0]) {
        snprintf(reads->undeclared, sizeof reads->undeclared, "%s '%s'", kind, name);
    }
}

/* The stage, what it declares, and what the stages that take part in its key declare. */
static feeds_mask closure(const run *r, stage_name s)
{
    feeds_mask allowed = FEEDS_STAGE(s) | run_stages()[s].reads;
    for (int below = (int)s - 1; below >= 0; below--) {
        if ((allowed & FEEDS_STAGE(below)) && run_applies(r, (stage_name)below)) {
            allowed |= run_stages()[below].reads;
        }
    }
    return allowed;
}

void reads_begin_stage(const run *r, stage_name s)
{
    const stage *one = &run_stages()[s];
    if (r->reads) {
        *r->reads = (run_reads){.reader = one->name, .allowed = closure(r, s), .every_setting = one->every_setting};
    }
}

void reads_begin_input(const run *r, run_input input)
{
    if (r->reads) {
        *r->reads = (run_reads){.reader = run_input_name(input), .allowed = FEEDS_INPUT(input)};
    }
}

reshift_status reads_end(const run *r, reshift_error *error)
{
    if (!r->reads) {
        return RESHIFT_OK;
    }
    const run_reads reads = *r->reads;
    *r->reads = (run_reads){0};
    return !reads.undeclared[0]
               ? RESHIFT_OK
               : error_set(error, RESHIFT_ERROR_INTERNAL,
                           "'%s' read the %s, which it does not declare: its result could become stale", reads.reader,
                           reads.undeclared);
}

/* The row whose field holds the byte: fields of the experiment and rows are one to one. */
static const setting *row_at(size_t offset)
{
    const setting *found = NULL;
    for (const setting *row = settings_table(); row->path; row++) {
        if (row->offset <= offset && (!found || row->offset > found->offset)) {
            found = row;
        }
    }
    return found;
}

void reads_setting(run_reads *reads, size_t offset)
{
    if (!reads || !reads->reader || reads->every_setting) {
        return;
    }
    /* an input counts by its content: a stage that reads a setting for itself has to be named in the row */
    const setting *row = row_at(offset);
    const feeds_mask by = (reads->allowed & STAGES) ? reads->allowed & STAGES : reads->allowed;
    if (row->feeds != FEEDS_NONE && !(row->feeds & by)) {
        note(reads, "setting", row->path);
    }
}

void reads_input(run_reads *reads, run_input input)
{
    if (reads && reads->reader && !(reads->allowed & FEEDS_INPUT(input))) {
        note(reads, "input", run_input_name(input));
    }
}

/* Chunks and checkpoints below .reshift-parts/ are named after the stage's key; folders are not read. */
static bool is_a_stages_own(const char *name) { return strncmp(name, RUN_PARTS, strlen(RUN_PARTS)) == 0; }

void reads_file(const run *r, const char *name)
{
    if (!r->reads || !r->reads->reader || is_a_stages_own(name)) {
        return;
    }
    for (int s = 0; s < STAGE_COUNT; s++) {
        const char *outputs[RUN_OUTPUTS_MOST + 1];
        const stage *one = &run_stages()[s];
        int n = 0;
        run_outputs(r, one, outputs);
        while (outputs[n]) {
            n++;
        }
        outputs[n++] = one->validation ? one->validation : "";
        for (int i = 0; i < n; i++) {
            if (strcmp(outputs[i], name) == 0 && (r->reads->allowed & FEEDS_STAGE(s))) {
                return;
            }
        }
    }
    note(r->reads, "file", name);
}

const char *reads_pause(const run *r)
{
    const char *reader = r->reads ? r->reads->reader : NULL;
    if (r->reads) {
        r->reads->reader = NULL;
    }
    return reader;
}

void reads_resume(const run *r, const char *reader)
{
    if (r->reads) {
        r->reads->reader = reader;
    }
}
