/* defocus_blur: correlation with the antialiased disk of imaging/disk.h. */
#include "corruptions/family.h"
#include "imaging/disk.h"

reshift_status corruption_defocus_blur(const corruption_call *call, reshift_error *error)
{
    double radius = call->constants[0], alias_sigma = call->constants[1];
    disk_kernel kernel;
    reshift_status status = disk_kernel_create(radius, alias_sigma, &kernel, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    return disk_filter_u8(call->input->pixels, call->input->height, call->input->width, &kernel, call->output->pixels,
                          error);
}
