/* A baseline's CSV: errors of what was read are fractions, for all corruptions that leaderboards average. */
#include "fuzz.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "reshift/evaluation.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/fuzz-baseline-%d.csv", (int)getpid());
    FILE *file = fopen(path, "wb");
    must(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    reshift_error error;
    reshift_baseline baseline;
    reshift_status status = reshift_baseline_find(path, &baseline, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        must(memchr(baseline.name, '\0', sizeof baseline.name) != NULL);
        must(baseline.mean_error >= 0 && baseline.mean_error <= 1);
        for (int c = 0; c < 19; c++) {
            for (int s = 0; s < 6; s++) {
                double e = baseline.error[c][s];
                must(c >= 15 ? isnan(e) || (e >= 0 && e <= 1) : e >= 0 && e <= 1);
            }
        }
    }
    unlink(path);
    return 0;
}
