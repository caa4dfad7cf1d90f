/* The md5 of CIFAR-10-C's published files (Zenodo record 2535967). */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "datasets/cifar/cifar10c_published.h"

static const struct {
    const char *name, *md5;
} published[] = {
    {"brightness", "0a81ef75e0b523c3383219c330a85d48"},
    {"contrast", "3c8262171c51307f916c30a3308235a8"},
    {"defocus_blur", "7d1322666342a0702b1957e92f6254bc"},
    {"elastic_transform", "9421657c6cd452429cf6ce96cc412b5f"},
    {"fog", "7b397314b5670f825465fbcd1f6e9ccd"},
    {"frost", "31f6ab3bce1d9934abfb0cc13656f141"},
    {"gaussian_blur", "c33370155bc9b055fb4a89113d3c559d"},
    {"gaussian_noise", "ecaf8b9a2399ffeda7680934c33405fd"},
    {"glass_blur", "7361fb4019269e02dbf6925f083e8629"},
    {"impulse_noise", "2090e01c83519ec51427e65116af6b1a"},
    {"jpeg_compression", "2b9cc4c864e0193bb64db8d7728f8187"},
    {"motion_blur", "fffa5f852ff7ad299cfe8a7643f090f4"},
    {"pixelate", "0f14f7e2db14288304e1de10df16832f"},
    {"saturate", "1cfae0964219c5102abbb883e538cc56"},
    {"shot_noise", "3a7239bb118894f013d9bf1984be7f11"},
    {"snow", "bb238de8555123da9c282dea23bd6e55"},
    {"spatter", "8a5a3903a7f8f65b59501a6093b4311e"},
    {"speckle_noise", "ef00b87611792b00df09c0b0237a1e30"},
    {"zoom_blur", "6ea8e63f1c5cdee1517533840641641b"},
    {"labels", "c439b113295ed5254878798ffe28fd54"},
};

reshift_status cifar10c_check_published(const char *name, const void *bytes, size_t size, const char *path,
                                        reshift_error *error)
{
    char hex[DIGEST_HEX_BYTES];
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        if (strcmp(published[i].name, name) != 0) {
            continue;
        }
        digest_bytes(DIGEST_MD5, bytes, size, hex);
        if (strcmp(hex, published[i].md5) == 0) {
            return RESHIFT_OK;
        }
        error_set(error, RESHIFT_ERROR_FORMAT, "'%s' is not the published file: expected md5 %s, found %s", path,
                  published[i].md5, hex);
        error_hint(error, "fetch it again with: reshift fetch cifar10-c; or measure without --verify");
        return error_at_offset(error, RESHIFT_ERROR_FORMAT, path, -1);
    }
    error_set(error, RESHIFT_ERROR_UNSUPPORTED, "'%s': CIFAR-10-C was published without '%s'", path, name);
    return error_at_offset(error, RESHIFT_ERROR_UNSUPPORTED, path, -1);
}
