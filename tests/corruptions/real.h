/* The md5 of a CIFAR-10-C file: a corruption of the 10,000 real CIFAR-10 test images at five severities. */
#ifndef TESTS_CORRUPTIONS_REAL_H
#define TESTS_CORRUPTIONS_REAL_H

#include "check.h"

#include "base/digest.h"
#include "base/files.h"
#include "reshift/corruption.h"

#include "corruptions/find.h"

/** The md5 includes .npy's header of 128 bytes before the images. Skips the test without the real data. */
static inline void real_md5(const char *name, char hex[DIGEST_HEX_BYTES])
{
    check_need_data();
    reshift_error error;
    char *path = path_join(check_data(), "cifar-10-batches-bin/test_batch.bin");
    if (!file_exists(path)) {
        print_message("# skipped: %s is not there\n", path);
        free(path);
        skip();
    }
    file_map map;
    check_ok(file_map_open(path, &map, &error));
    free(path);
    assert_int_equal(map.size, 10000 * 3073);
    char header[129];
    snprintf(header, sizeof header, "\x93NUMPY\x01%c\x76%c%-117s\n", 0, 0,
             "{'descr': '|u1', 'fortran_order': False, 'shape': (50000, 32, 32, 3), }");
    digest *whole = digest_create(DIGEST_MD5);
    digest_add(whole, header, 128);
    const reshift_corruption *corruption = find(name);
    reshift_image image = {0}, output = {0};
    check_ok(reshift_image_resize(&image, 32, 32, &error));
    for (int severity = 1; severity <= 5; severity++) {
        for (size_t n = 0; n < 10000; n++) {
            const uint8_t *planes = map.data + n * 3073 + 1;
            for (size_t i = 0; i < 3072; i++) {
                image.pixels[i] = planes[i % 3 * 1024 + i / 3];
            }
            check_ok(reshift_corruption_apply(corruption, severity, RESHIFT_CONSTANTS_AUTO, 0, (int64_t)n, NULL, &image,
                                              &output, &error));
            digest_add(whole, output.pixels, 3072);
        }
    }
    digest_finish(whole, hex);
    digest_destroy(&whole);
    reshift_image_destroy(&image);
    reshift_image_destroy(&output);
    file_map_close(&map);
}

#endif
