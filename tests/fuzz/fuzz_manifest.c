/* manifest.json: whatever was read answers which stages are done, and none is without its files. */
#include "fuzz.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiment/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const stages[] = {"pretrain", "features", "probe",    "shift", "finetune",
                                         "measure",  "adapt",    "analysis", "report"};
    char folder[64], path[96], named[256];
    snprintf(folder, sizeof folder, "/dev/shm/fuzz-manifest-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    mkdir(folder, 0777);
    FILE *file = fopen(path, "wb");
    must(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    reshift_error error;
    json_t *manifest = NULL;
    reshift_status status = manifest_load(folder, &manifest, &error);
    must_explain(status, &error);
    must((status == RESHIFT_OK) == (manifest != NULL));
    for (size_t i = 0; manifest && i < sizeof stages / sizeof *stages; i++) {
        (void)manifest_stage_state(manifest, folder, stages[i], "key", true, named);
        must(memchr(named, 0, sizeof named) != NULL);
        manifest_stage_forget(manifest, stages[i]);
    }
    if (manifest) {
        status = manifest_check_layout(manifest, folder, &error);
        must_explain(status, &error);
    }
    json_decref(manifest);
    unlink(path);
    rmdir(folder);
    return 0;
}
