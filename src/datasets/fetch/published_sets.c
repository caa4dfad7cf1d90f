/*
 * Published data sets: addresses, hashes, places in the data folder. Archives are stored as they are: the data sets
 * read them so.
 */
#include "datasets/fetch/published_sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "datasets/fetch/download.h"

#define TORONTO "https://www.cs.toronto.edu/~kriz/"
#define FROST                                                                                                          \
    "https://raw.githubusercontent.com/hendrycks/robustness/8190fe329f5f072a06e3a2aea02bb5dda69aed9f/ImageNet-C/"      \
    "create_c/"

#define LARGEST_ARCHIVE ((int64_t)1 << 30)
#define LARGEST_OVERLAY ((int64_t)1 << 26)

static const fetch_set sets[] = {
    {{"cifar10", "CIFAR-10, binary layout", 170052171},
     1,
     {{"", TORONTO "cifar-10-binary.tar.gz", DIGEST_MD5, "c32a1d4ab5d03f1284b67883e8d87530", LARGEST_ARCHIVE}}},
    {{"cifar10-py", "CIFAR-10, Python layout", 170498071},
     1,
     {{"", TORONTO "cifar-10-python.tar.gz", DIGEST_MD5, "c58f30108f718f92721af3b95e74349a", LARGEST_ARCHIVE}}},
    {{"cifar10-c", "CIFAR-10-C, 19 corruptions of the test images", 2918471680},
     1,
     {{"", "https://zenodo.org/records/2535967/files/CIFAR-10-C.tar", DIGEST_MD5, "56bf5dcef84df0e2308c6dcbcbbd8499",
       2918471680}}},
    {{"frost", "the six overlays of the frost corruption", 0},
     6,
     {
         {"frost", FROST "frost1.png", DIGEST_SHA256,
          "ff9f907860bd7a835d459e32f9d588062b7f61ee267343cc7222b56753a14755", LARGEST_OVERLAY},
         {"frost", FROST "frost2.png", DIGEST_SHA256,
          "fe211a89b336999c207a852ce05818d4545d0b57c5beadd824b4cc9d9a9b6137", LARGEST_OVERLAY},
         {"frost", FROST "frost3.png", DIGEST_SHA256,
          "2d0d50b4a9bb213f38b024ef7768731bb83cc08d2f26b5766bbc167cdfa0e504", LARGEST_OVERLAY},
         {"frost", FROST "frost4.jpg", DIGEST_SHA256,
          "3f8b91ca1a9fa7167b09e773da53f5ae60d0a1fd88f02a783f6e328a72887f6e", LARGEST_OVERLAY},
         {"frost", FROST "frost5.jpg", DIGEST_SHA256,
          "5fc6a19df4a429ba68abdcc8f8a4278d4c9f81c9ccafd2c92ab0c8cf8992ebd2", LARGEST_OVERLAY},
         {"frost", FROST "frost6.jpg", DIGEST_SHA256,
          "1f92b2f48408748085b68dd81d816ef239f42cef3029c25d041fcb6760fb4f25", LARGEST_OVERLAY},
     }},
};

const fetch_set *fetch_sets(int *count)
{
    *count = (int)(sizeof sets / sizeof *sets);
    return sets;
}

/* The official address, or the same file below the mirror; free() it. A mirror may be a plain absolute path. */
static reshift_status make_address(const char *official, const char *mirror, char **address, reshift_error *error)
{
    *address = NULL;
    if (!mirror || !*mirror) {
        *address = strdup(official);
        return *address ? RESHIFT_OK : error_memory(error, strlen(official), "an address");
    }
    if (*mirror != '/' && strncmp(mirror, "file://", 7) != 0 && strncmp(mirror, "http://", 7) != 0 &&
        strncmp(mirror, "https://", 8) != 0) {
        error_set(error, RESHIFT_ERROR_ARGUMENT, "the mirror '%.200s' is not an address", mirror);
        error_hint(error, "expected https://HOST/FOLDER, http://HOST/FOLDER, file:///FOLDER or a folder's full path");
        return RESHIFT_ERROR_ARGUMENT;
    }
    size_t length = strlen(mirror);
    while (length > 0 && mirror[length - 1] == '/') {
        length--;
    }
    if (asprintf(address, "%s%.*s%s", *mirror == '/' ? "file://" : "", (int)length, mirror, strrchr(official, '/')) <
        0) {
        *address = NULL;
        return error_memory(error, length, "an address");
    }
    return RESHIFT_OK;
}

reshift_status fetch_file_get(const fetch_file *file, const char *data_folder, const char *mirror,
                              const reshift_progress *progress, reshift_error *error)
{
    char *address = NULL, *path = NULL, *folder = path_join(data_folder, file->folder);
    reshift_status status = folder ? make_address(file->address, mirror, &address, error)
                                   : error_memory(error, strlen(data_folder), "a path");
    if (status == RESHIFT_OK) {
        status = folder_create(folder, error);
    }
    if (status == RESHIFT_OK && !(path = path_join(folder, strrchr(file->address, '/') + 1))) {
        status = error_memory(error, strlen(folder), "a path");
    }
    if (status == RESHIFT_OK) {
        download what = {address, path, file->kind, file->hash, file->limit_bytes};
        status = download_file(&what, progress, error);
    }
    free(address);
    free(folder);
    free(path);
    return status;
}
