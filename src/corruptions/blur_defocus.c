/* defocus_blur: the correlation with an antialiased disk that stands in imaging/disk.h. */
#include "corruptions/family.h"
#include "imaging/disk.h"

/* The disk's radius and the deviation that antialiases its rim. */
static const struct {
    double radius, alias;
} constants[2][5] = {
    {{.3, .4}, {.4, .5}, {.5, .6}, {1, .2}, {1.5, .1}},
    {{3, .1}, {4, .5}, {6, .5}, {8, .5}, {10, .5}},
};

reshift_status corruption_defocus_blur(const corruption_call *call, reshift_error *error)
{
    int set = call->constants == RESHIFT_CONSTANTS_IMAGENET, level = call->severity - 1;
    disk_kernel kernel;
    reshift_status status =
        disk_kernel_create(constants[set][level].radius, constants[set][level].alias, &kernel, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    return disk_filter_u8(call->input->pixels, call->input->height, call->input->width, &kernel, call->output->pixels,
                          error);
}
