/*
 * Files of a finished stage are never written again, only replaced under their name, so two folders can share them. The
 * key of a stage names everything its files depend on.
 */
#include "experiment/stages/borrow.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/files.h"
#include "experiment/manifest.h"

static bool link_file(const char *from_folder, const char *to_folder, const char *name)
{
    char *from = path_join(from_folder, name), *to = path_join(to_folder, name);
    bool good = from && to;
    if (good) {
        unlink(to);
        good = link(from, to) == 0;
    }
    free(from);
    free(to);
    return good;
}

bool run_borrow(const run *r, const stage *one, const char *key, const char *const *folders, int n_folders)
{
    const char *outputs[RUN_OUTPUTS_MOST];
    run_outputs(r, one, outputs);
    for (int i = 0; i < n_folders; i++) {
        json_t *manifest = NULL;
        char file[256];
        bool good = manifest_load(folders[i], &manifest, NULL) == RESHIFT_OK && manifest &&
                    manifest_stage_state(manifest, folders[i], one->name, key, true, file) == STAGE_DONE;
        json_decref(manifest);
        for (int j = 0; good && outputs[j]; j++) {
            good = link_file(folders[i], r->folder, outputs[j]);
        }
        if (good) {
            return true;
        }
    }
    return false;
}
