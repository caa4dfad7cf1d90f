/* results.json of a run folder: whatever was read has texts that end and counts that can be. */
#include "fuzz.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reshift/experiment.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char folder[64], path[96];
    snprintf(folder, sizeof folder, "/dev/shm/fuzz-results-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/results.json", folder);
    mkdir(folder, 0777);
    FILE *file = fopen(path, "wb");
    must(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    reshift_error error;
    reshift_measurement *rows = NULL;
    int n = 0;
    reshift_status status = reshift_run_results(folder, &rows, &n, &error);
    must_explain(status, &error);
    for (int i = 0; status == RESHIFT_OK && i < n; i++) {
        touch(&rows[i], sizeof rows[i]);
        must(memchr(rows[i].model, 0, sizeof rows[i].model) &&
             memchr(rows[i].corruption, 0, sizeof rows[i].corruption));
    }
    free(status == RESHIFT_OK ? rows : NULL);
    unlink(path);
    rmdir(folder);
    return 0;
}
