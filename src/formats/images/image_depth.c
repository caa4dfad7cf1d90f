/*
 * Detects 16-bit greyscale PNGs: Pillow's convert("RGB"), and therefore ours, turns every value above 255 into white.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "reshift/image.h"

enum { DEPTH_AT = 24, COLOUR_AT = 25, HEAD_BYTES = 26, GREY = 0 };

reshift_status reshift_image_is_deep_grey(const char *path, bool *is, reshift_error *error)
{
    unsigned char head[HEAD_BYTES] = {0};
    int descriptor;
    *is = false;
    reshift_status status = file_open(path, &descriptor, NULL, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    ssize_t n = read(descriptor, head, sizeof head);
    if (n < 0) {
        status = error_from_errno(error, errno, "cannot read '%s'", path);
    } else {
        *is = n == HEAD_BYTES && memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0 && head[DEPTH_AT] == 16 &&
              head[COLOUR_AT] == GREY;
    }
    close(descriptor);
    return status;
}
