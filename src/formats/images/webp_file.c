/* WebP reader, using libwebp: lossy and lossless still images; alpha is dropped, as in Pillow's convert("RGB"). */
#include <webp/decode.h>

#include "formats/blob.h"
#include "formats/images/image_file.h"

reshift_status webp_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                         reshift_error *error)
{
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(bytes, size, &features);
    if (code != VP8_STATUS_OK) {
        return refuse(error, RESHIFT_ERROR_FORMAT, name, -1, "WebP: %s",
                      code == VP8_STATUS_NOT_ENOUGH_DATA ? "the file ends within the header" : "a damaged header");
    }
    if (features.has_animation) {
        return refuse(error, RESHIFT_ERROR_UNSUPPORTED, name, -1, "expected a still image, found an animated WebP");
    }
    if (facts) {
        *facts = (image_facts){.format = "webp",
                               .colour = features.has_alpha ? "rgb+alpha" : "rgb",
                               .height = features.height,
                               .width = features.width,
                               .bits = 8};
    }
    reshift_status status = image_check_size((uint64_t)features.height, (uint64_t)features.width, name, error);
    if (status != RESHIFT_OK || !image) {
        return status;
    }
    status = reshift_image_resize(image, features.height, features.width, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    const size_t row_bytes = (size_t)features.width * 3;
    if (!WebPDecodeRGBInto(bytes, size, image->pixels, row_bytes * (size_t)features.height, (int)row_bytes)) {
        return refuse(error, RESHIFT_ERROR_FORMAT, name, -1, "WebP: the file is cut short or damaged");
    }
    return RESHIFT_OK;
}
