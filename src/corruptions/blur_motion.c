/* motion_blur: ImageMagick's motion blur (imaging/motion.h) at an angle drawn from U(-45, 45) degrees. */
#include "base/random.h"
#include "corruptions/blur.h"
#include "corruptions/family.h"
#include "imaging/motion.h"

static const struct {
    double radius, sigma;
} motions[2][5] = {
    {{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}},
    {{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}},
};

reshift_status blur_motion_with(const reshift_image *input, int severity, reshift_constants constants,
                                double angle_degrees, reshift_image *output, reshift_error *error)
{
    int set = constants == RESHIFT_CONSTANTS_IMAGENET, level = severity - 1;
    motion_kernel kernel;
    reshift_status status =
        motion_kernel_create(motions[set][level].radius, motions[set][level].sigma, angle_degrees, &kernel, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    return motion_blur_u8(input->pixels, input->height, input->width, 3, &kernel, output->pixels, error);
}

reshift_status corruption_motion_blur(const corruption_call *call, reshift_error *error)
{
    random_stream stream =
        random_open(call->seed, call->corruption->name, (uint64_t)call->severity, (uint64_t)call->image_index);
    double angle = 90 * random_uniform(&stream) - 45;
    return blur_motion_with(call->input, call->severity, call->constants, angle, call->output, error);
}
