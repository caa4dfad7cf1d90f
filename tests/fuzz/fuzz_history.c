/* A history in CSV: what was read has as many epochs as it says, and is read again from what is written of it. */
#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include "reshift/learning.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/fuzz-history-%d.csv", (int)getpid());
    FILE *file = fopen(path, "wb");
    must(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    reshift_error error;
    reshift_history history = {0}, again = {0};
    reshift_status status = reshift_history_load_csv(path, &history, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        touch(history.epochs, (size_t)history.n_epochs * sizeof *history.epochs);
        must(reshift_history_save_csv(path, &history, true, &error) == RESHIFT_OK);
        must(reshift_history_load_csv(path, &again, &error) == RESHIFT_OK && again.n_epochs == history.n_epochs);
    }
    reshift_history_destroy(&history);
    reshift_history_destroy(&again);
    unlink(path);
    return 0;
}
