/*
 * What each stage's result depends on, as a key. A stage's key is the sha256 of a text: the layout's number, the
 * settings whose row in the table names the stage, the identities of the inputs it reads and the keys of the stages
 * it reads. Equal keys mean equal results, so a stage whose key is recorded is not done again.
 *
 * A setting is hashed only if it differs from its default, so that keys stay the same when a setting is added later.
 * A default that changes therefore needs a new MANIFEST_LAYOUT.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/plan.h"
#include "experiment/manifest.h"
#include "experiment/run.h"

static void add_line(digest *d, const char *name, const char *value)
{
    digest_add(d, name, strlen(name));
    digest_add(d, " = ", 3);
    digest_add(d, value, strlen(value));
    digest_add(d, "\n", 1);
}

/* The precision counts as the arithmetic that it stands for, which has a version of its own. */
static const char *hashed_value(const reshift_experiment *experiment, const setting *row, const char *text)
{
    const bool precision = row->offset == offsetof(reshift_experiment, input.precision);
    return precision ? engine_arithmetic((reshift_precision)experiment->input.precision) : text;
}

static reshift_status add_setting(digest *d, const run *r, const setting *row, reshift_error *error)
{
    char *value = setting_value_text(r->all_settings, row), *usual = setting_default_text(row);
    reshift_status status = value && usual ? RESHIFT_OK : error_memory(error, 0, "a stage's key");
    if (status == RESHIFT_OK && strcmp(hashed_value(r->all_settings, row, value), usual) != 0) {
        add_line(d, row->path, hashed_value(r->all_settings, row, value));
    }
    free(value);
    free(usual);
    return status;
}

static reshift_status make_key(run *r, int s, reshift_error *error)
{
    const stage *one = &run_stages()[s];
    char layout[16];
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        return error_memory(error, 0, "a digest");
    }
    snprintf(layout, sizeof layout, "%d", MANIFEST_LAYOUT);
    add_line(d, "layout", layout);
    add_line(d, "stage", one->name);
    reshift_status status = RESHIFT_OK;
    for (const setting *row = settings_table(); row->path && status == RESHIFT_OK; row++) {
        if (one->every_setting || (row->feeds & FEEDS_STAGE(s))) {
            status = add_setting(d, r, row, error);
        }
    }
    for (int i = 0; i < INPUT_COUNT; i++) {
        if ((one->reads & FEEDS_INPUT(i)) && r->identities[i][0]) {
            add_line(d, run_input_name((run_input)i), r->identities[i]);
        }
    }
    for (int below = 0; below < s; below++) {
        if ((one->reads & FEEDS_STAGE(below)) && run_applies(r, (stage_name)below)) {
            add_line(d, run_stages()[below].name, r->keys[below]);
        }
    }
    digest_finish(d, r->keys[s]);
    digest_destroy(&d);
    return status;
}

reshift_status run_make_keys(run *r, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (int s = 0; s < STAGE_COUNT && status == RESHIFT_OK; s++) {
        status = make_key(r, s, error);
    }
    return status;
}
