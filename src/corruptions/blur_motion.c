/* motion_blur: ImageMagick's motion blur (imaging/motion.h) at an angle drawn from U(-45, 45) degrees. */
#include "corruptions/blur.h"
#include "corruptions/family.h"
#include "imaging/motion.h"

reshift_status blur_motion_with(const reshift_image *input, double radius, double sigma, double angle_degrees,
                                reshift_image *output, reshift_error *error)
{
    motion_kernel kernel;
    reshift_status status = motion_kernel_create(radius, sigma, angle_degrees, &kernel, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    return motion_blur_u8(input->pixels, input->height, input->width, 3, &kernel, output->pixels, error);
}

reshift_status corruption_motion_blur(const corruption_call *call, reshift_error *error)
{
    random_stream stream = corruption_stream(call);
    double angle = 90 * random_uniform(&stream) - 45;
    return blur_motion_with(call->input, call->constants[0], call->constants[1], angle, call->output, error);
}
