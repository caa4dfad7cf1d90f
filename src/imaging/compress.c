/* The public function of the JPEG round trip: argument checks, then jpeg_loss() in place. */
#include "base/error.h"
#include "imaging/jpeg_loss.h"

reshift_status reshift_image_compress(reshift_image *image, int quality, reshift_error *error)
{
    if (quality < 1 || quality > 100) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "JPEG quality %d: expected 1 to 100", quality);
    }
    if (!image->pixels || image->height < 1 || image->width < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "an empty image cannot be a JPEG");
    }
    return jpeg_loss(image, quality, image->pixels, error);
}
