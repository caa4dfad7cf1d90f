/*
 * The sweep file: whatever was read has studies whose names are names of folders, no two alike, and values that the
 * experiment accepts.
 */
#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include "experiment/sweep.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/fuzz-sweep-%d.yaml", (int)getpid());
    FILE *file = fopen(path, "wb");
    must(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    reshift_error error;
    reshift_sweep *sweep;
    reshift_status status = reshift_sweep_load(path, NULL, 0, &sweep, &error);
    must_explain(status, &error);
    must((status == RESHIFT_OK) == (sweep != NULL));
    if (sweep) {
        const int n = reshift_sweep_study_count(sweep), n_keys = reshift_sweep_key_count(sweep);
        must(n >= 1 && n <= RESHIFT_SWEEP_STUDIES && n_keys >= 1 && n_keys <= RESHIFT_SWEEP_KEYS);
        for (int i = 0; i < n; i++) {
            char name[128];
            sweep_study_name(sweep, i, name, sizeof name);
            must(atoi(name) == i + 1 && !strchr(name, '/') && strlen(name) < 100);
            for (int k = 0; k < n_keys; k++) {
                touch(reshift_sweep_value(sweep, i, k), strlen(reshift_sweep_value(sweep, i, k)));
            }
        }
    }
    reshift_sweep_destroy(&sweep);
    unlink(path);
    return 0;
}
