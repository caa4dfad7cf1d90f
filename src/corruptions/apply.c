/*
 * Corrupts one image: the checks common to all corruptions, the constants for the image's size, and the random stream
 * of the image.
 */
#include <stdlib.h>

#include "base/error.h"
#include "corruptions/family.h"

reshift_constants reshift_corruption_constants(reshift_constants asked, int height, int width)
{
    int shorter = height < width ? height : width;
    return asked != RESHIFT_CONSTANTS_AUTO           ? asked
           : abs(shorter - 32) <= abs(shorter - 224) ? RESHIFT_CONSTANTS_CIFAR
                                                     : RESHIFT_CONSTANTS_IMAGENET;
}

bool reshift_corruption_has_jpeg(reshift_jpeg_step requested, reshift_constants requested_constants, int height,
                                 int width)
{
    return requested == RESHIFT_JPEG_AUTO
               ? reshift_corruption_constants(requested_constants, height, width) == RESHIFT_CONSTANTS_IMAGENET
               : requested == RESHIFT_JPEG_ON;
}

random_stream corruption_stream(const corruption_call *call)
{
    return random_open(call->seed, call->corruption->name, (uint64_t)call->severity, (uint64_t)call->image_index);
}

reshift_status reshift_corruption_apply(const reshift_corruption *corruption, int severity, reshift_constants constants,
                                        uint64_t seed, int64_t image_index, const reshift_frost *frost,
                                        const reshift_image *input, reshift_image *output, reshift_error *error)
{
    corruption_function make = corruption_maker(corruption);
    if (!make) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "the corruption asked for is no row of the table");
    }
    if (severity < 1 || severity > 5) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: severity is 1 to 5, found %d", corruption->name, severity);
    }
    if (constants != RESHIFT_CONSTANTS_AUTO && constants != RESHIFT_CONSTANTS_CIFAR &&
        constants != RESHIFT_CONSTANTS_IMAGENET) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: constants number %d do not exist", corruption->name,
                         (int)constants);
    }
    if (!input->pixels || input->height < 1 || input->width < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: the image is empty", corruption->name);
    }
    if (output == input) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "%s: output must be another image than input",
                         corruption->name);
    }
    reshift_status status = reshift_image_resize(output, input->height, input->width, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    corruption_call call = {.corruption = corruption,
                            .severity = severity,
                            .set = reshift_corruption_constants(constants, input->height, input->width),
                            .seed = seed,
                            .image_index = image_index,
                            .frost = frost,
                            .input = input,
                            .output = output};
    call.constants = (call.set == RESHIFT_CONSTANTS_IMAGENET ? corruption->imagenet : corruption->cifar)[severity - 1];
    return make(&call, error);
}
