/*
 * CIFAR-10-C's archive: the input is CIFAR-10-C.tar (or .tar.gz under that name). Of a set that opens every row has a
 * label of CIFAR-10 and an image.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reshift/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char folder[64], path[96], spec[96];
    snprintf(folder, sizeof folder, "/dev/shm/fuzz-cifar10c-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/CIFAR-10-C.tar", folder);
    snprintf(spec, sizeof spec, "cifar10-c:%s", folder);
    mkdir(folder, 0777);
    FILE *file = fopen(path, "wb");
    must(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    reshift_error error;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.data_dir = folder;
    options.corruption = "fog";
    options.severity_first = size > 0 && bytes[0] % 2 ? 2 : 1;
    reshift_dataset *set = NULL;
    reshift_status status = reshift_dataset_open(spec, &options, &set, &error);
    must_explain(status, &error);
    reshift_image image = {0};
    const int64_t n = status == RESHIFT_OK ? reshift_dataset_count(set) : 0;
    for (int64_t row = 0; row < n; row += 1 + n / 8) {
        must(reshift_dataset_label(set, row) >= 0 && reshift_dataset_label(set, row) < 10);
        must(reshift_dataset_severity(set, row) >= options.severity_first && reshift_dataset_severity(set, row) <= 5);
        must(reshift_dataset_read(set, row, &image, &error) == RESHIFT_OK && image.height == 32 && image.width == 32);
        touch(image.pixels, 32 * 32 * 3);
    }
    reshift_image_destroy(&image);
    reshift_dataset_close(&set);
    unlink(path);
    rmdir(folder);
    return 0;
}
