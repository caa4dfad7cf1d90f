/*
 * The public files that reshift can download: address, hash, and place in the data folder. Archives of data sets are
 * not unpacked (the data sets read them directly). Weights keep torchvision's file names, whose eight hex digits are
 * the start of the sha256.
 */
#include "reshift/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "datasets/fetch/download.h"
#include "reshift/dataset.h"

#define PYTORCH "https://download.pytorch.org/models/"
#define TORONTO "https://www.cs.toronto.edu/~kriz/"
#define FROST                                                                                                          \
    "https://raw.githubusercontent.com/hendrycks/robustness/8190fe329f5f072a06e3a2aea02bb5dda69aed9f/ImageNet-C/"      \
    "create_c/"

#define LARGEST_ARCHIVE ((int64_t)1 << 30)
#define LARGEST_WEIGHTS ((int64_t)1 << 30)
#define LARGEST_OVERLAY ((int64_t)1 << 26)

enum { N_ITEMS = 12 };

static const reshift_fetch_item items[N_ITEMS] = {
    {"cifar10", "CIFAR-10, binary layout", 170052171},
    {"cifar10-py", "CIFAR-10, Python layout", 170498071},
    {"cifar10-c", "CIFAR-10-C, 19 corruptions of the test images", 2918471680},
    {"resnet18@v1", "ResNet-18 for ImageNet, 69.76 % top-1", 0},
    {"resnet34@v1", "ResNet-34 for ImageNet, 73.31 % top-1", 0},
    {"resnet50@v1", "ResNet-50 for ImageNet, 76.13 % top-1", 0},
    {"resnet50@v2", "ResNet-50 for ImageNet, 80.86 % top-1", 0},
    {"resnet101@v1", "ResNet-101 for ImageNet, 77.37 % top-1", 0},
    {"resnet101@v2", "ResNet-101 for ImageNet, 81.89 % top-1", 0},
    {"resnet152@v1", "ResNet-152 for ImageNet, 78.31 % top-1", 0},
    {"resnet152@v2", "ResNet-152 for ImageNet, 82.28 % top-1", 0},
    {"frost", "the six overlays of the frost corruption", 0},
};

/* The files of an item, by its name. */
static const struct {
    const char *item;
    const char *folder; /* in the data folder; "": the data folder itself */
    const char *address;
    digest_kind kind;
    const char *hash;
    int64_t limit_bytes;
} files[] = {
    {"cifar10", "", TORONTO "cifar-10-binary.tar.gz", DIGEST_MD5, "c32a1d4ab5d03f1284b67883e8d87530", LARGEST_ARCHIVE},
    {"cifar10-py", "", TORONTO "cifar-10-python.tar.gz", DIGEST_MD5, "c58f30108f718f92721af3b95e74349a",
     LARGEST_ARCHIVE},
    {"cifar10-c", "", "https://zenodo.org/records/2535967/files/CIFAR-10-C.tar", DIGEST_MD5,
     "56bf5dcef84df0e2308c6dcbcbbd8499", 2918471680},
    {"resnet18@v1", "weights", PYTORCH "resnet18-f37072fd.pth", DIGEST_SHA256, "f37072fd", LARGEST_WEIGHTS},
    {"resnet34@v1", "weights", PYTORCH "resnet34-b627a593.pth", DIGEST_SHA256, "b627a593", LARGEST_WEIGHTS},
    {"resnet50@v1", "weights", PYTORCH "resnet50-0676ba61.pth", DIGEST_SHA256, "0676ba61", LARGEST_WEIGHTS},
    {"resnet50@v2", "weights", PYTORCH "resnet50-11ad3fa6.pth", DIGEST_SHA256, "11ad3fa6", LARGEST_WEIGHTS},
    {"resnet101@v1", "weights", PYTORCH "resnet101-63fe2227.pth", DIGEST_SHA256, "63fe2227", LARGEST_WEIGHTS},
    {"resnet101@v2", "weights", PYTORCH "resnet101-cd907fc2.pth", DIGEST_SHA256, "cd907fc2", LARGEST_WEIGHTS},
    {"resnet152@v1", "weights", PYTORCH "resnet152-394f9c45.pth", DIGEST_SHA256, "394f9c45", LARGEST_WEIGHTS},
    {"resnet152@v2", "weights", PYTORCH "resnet152-f82ba261.pth", DIGEST_SHA256, "f82ba261", LARGEST_WEIGHTS},
    {"frost", "frost", FROST "frost1.png", DIGEST_SHA256,
     "ff9f907860bd7a835d459e32f9d588062b7f61ee267343cc7222b56753a14755", LARGEST_OVERLAY},
    {"frost", "frost", FROST "frost2.png", DIGEST_SHA256,
     "fe211a89b336999c207a852ce05818d4545d0b57c5beadd824b4cc9d9a9b6137", LARGEST_OVERLAY},
    {"frost", "frost", FROST "frost3.png", DIGEST_SHA256,
     "2d0d50b4a9bb213f38b024ef7768731bb83cc08d2f26b5766bbc167cdfa0e504", LARGEST_OVERLAY},
    {"frost", "frost", FROST "frost4.jpg", DIGEST_SHA256,
     "3f8b91ca1a9fa7167b09e773da53f5ae60d0a1fd88f02a783f6e328a72887f6e", LARGEST_OVERLAY},
    {"frost", "frost", FROST "frost5.jpg", DIGEST_SHA256,
     "5fc6a19df4a429ba68abdcc8f8a4278d4c9f81c9ccafd2c92ab0c8cf8992ebd2", LARGEST_OVERLAY},
    {"frost", "frost", FROST "frost6.jpg", DIGEST_SHA256,
     "1f92b2f48408748085b68dd81d816ef239f42cef3029c25d041fcb6760fb4f25", LARGEST_OVERLAY},
};

const reshift_fetch_item *reshift_fetch_table(int *count)
{
    *count = N_ITEMS;
    return items;
}

/* "resnet50" means the V1 weights, as everywhere. */
static const reshift_fetch_item *find_item(const char *name)
{
    char versioned[64];
    snprintf(versioned, sizeof versioned, "%s@v1", name);
    for (int i = 0; i < N_ITEMS; i++) {
        if (strcmp(items[i].name, name) == 0 || strcmp(items[i].name, versioned) == 0) {
            return &items[i];
        }
    }
    return NULL;
}

static reshift_status no_such_item(const char *name, reshift_error *error)
{
    char names[400] = "";
    size_t used = 0;
    for (int i = 0; i < N_ITEMS && used < sizeof names; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", items[i].name);
    }
    error_set(error, RESHIFT_ERROR_ARGUMENT, "there is nothing called '%.100s' to fetch", name);
    error_hint(error, "known are %s", names);
    return RESHIFT_ERROR_ARGUMENT;
}

/*
 * The official address, or the same file below the mirror. A mirror may be an absolute path. The caller frees the
 * result.
 */
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

static reshift_status fetch_file(size_t f, const char *data_folder, const char *mirror,
                                 const reshift_progress *progress, reshift_error *error)
{
    char *address = NULL, *path = NULL, *folder = path_join(data_folder, files[f].folder);
    reshift_status status = folder ? make_address(files[f].address, mirror, &address, error)
                                   : error_memory(error, strlen(data_folder), "a path");
    if (status == RESHIFT_OK) {
        status = folder_create(folder, error);
    }
    if (status == RESHIFT_OK && !(path = path_join(folder, strrchr(files[f].address, '/') + 1))) {
        status = error_memory(error, strlen(folder), "a path");
    }
    if (status == RESHIFT_OK) {
        download what = {address, path, files[f].kind, files[f].hash, files[f].limit_bytes};
        status = download_file(&what, progress, error);
    }
    free(address);
    free(folder);
    free(path);
    return status;
}

reshift_status reshift_fetch(const char *name, const char *data_dir, const char *mirror,
                             const reshift_progress *progress, reshift_error *error)
{
    const reshift_fetch_item *item = find_item(name);
    if (!item) {
        return no_such_item(name, error);
    }
    if (!mirror) {
        mirror = getenv("RESHIFT_MIRROR");
    }
    char data_folder[4096];
    reshift_status status = reshift_data_folder_find(data_dir, data_folder, sizeof data_folder, error);
    for (size_t f = 0; status == RESHIFT_OK && f < sizeof files / sizeof files[0]; f++) {
        if (strcmp(files[f].item, item->name) == 0) {
            status = fetch_file(f, data_folder, mirror, progress, error);
        }
    }
    return status;
}
