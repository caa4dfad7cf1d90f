/*
 * What each stage's result depends on, as facts: the layout, the settings whose row in the table names the stage, the
 * identities of the inputs it reads and the keys of the stages it builds on. Their sha256 is the stage's key: equal
 * keys mean equal results, so a stage whose key is recorded is not done again. The facts are recorded too, so that a
 * stage that is done again says why.
 *
 * A setting at its default is no fact, so that keys stay the same when a setting is added later. A default that changes
 * therefore needs a new MANIFEST_LAYOUT.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/plan.h"
#include "experiment/manifest.h"
#include "experiment/run.h"

/* The precision counts as the arithmetic that it stands for, which has a version of its own. */
static const char *counted_value(const reshift_experiment *experiment, const setting *row, const char *text)
{
    const bool precision = row->offset == offsetof(reshift_experiment, input.precision);
    return precision ? engine_arithmetic((reshift_precision)experiment->input.precision) : text;
}

static void add_setting(fact_list *f, const run *r, const setting *row)
{
    char *value = setting_value_text(r->all_settings, row), *usual = setting_default_text(row);
    if (value && usual) {
        facts_add_unusual(f, row->path, counted_value(r->all_settings, row, value), usual);
    } else {
        facts_fail(f);
    }
    free(value);
    free(usual);
}

static reshift_status make_key(run *r, int s, reshift_error *error)
{
    const stage *one = &run_stages()[s];
    facts_destroy(&r->depends_on[s]);
    fact_list *f = r->depends_on[s] = facts_create();
    if (!f) {
        return error_memory(error, 0, "a stage's key");
    }
    facts_add(f, "layout of run folders", "%d", MANIFEST_LAYOUT);
    facts_add(f, "stage", "%s", one->name);
    for (const setting *row = settings_table(); row->path; row++) {
        if (one->every_setting || (row->feeds & FEEDS_STAGE(s))) {
            add_setting(f, r, row);
        }
    }
    for (int i = 0; i < INPUT_COUNT; i++) {
        if ((one->reads & FEEDS_INPUT(i)) && r->identities[i][0]) {
            facts_add(f, run_input_name((run_input)i), "%s", r->identities[i]);
        }
    }
    for (int below = 0; below < s; below++) {
        if ((one->reads & FEEDS_STAGE(below)) && run_applies(r, (stage_name)below)) {
            char name[64];
            snprintf(name, sizeof name, "key of %s", run_stages()[below].name);
            facts_add(f, name, "%s", r->keys[below]);
        }
    }
    return facts_finish(f, r->keys[s], error);
}

reshift_status run_make_keys(run *r, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (int s = 0; s < STAGE_COUNT && status == RESHIFT_OK; s++) {
        status = make_key(r, s, error);
    }
    return status;
}

void run_forget_keys(run *r)
{
    for (int s = 0; s < STAGE_COUNT; s++) {
        facts_destroy(&r->depends_on[s]);
    }
}
