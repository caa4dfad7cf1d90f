/* Finds the quality of a JPEG from its luma quantisation table. */
#include <stdio.h>

#include <jpeglib.h>
#include <setjmp.h>
#include <string.h>

#include "formats/images/image_file.h"

typedef struct quiet_errors {
    struct jpeg_error_mgr manager;
    jmp_buf escape;
} quiet_errors;

static void leave(j_common_ptr codec)
{
    quiet_errors *e = (quiet_errors *)(void *)codec->err;
    longjmp(e->escape, 1);
}

static void keep_quiet(j_common_ptr codec) { (void)codec; }

/* Contains all code that libjpeg's errors leave by longjmp(). */
static int find_quality(struct jpeg_decompress_struct *file, struct jpeg_compress_struct *standard,
                        const uint8_t *bytes, size_t size)
{
    jpeg_create_decompress(file);
    jpeg_create_compress(standard);
    jpeg_mem_src(file, bytes, (unsigned long)size);
    jpeg_read_header(file, TRUE);
    standard->input_components = 3;
    standard->in_color_space = JCS_RGB;
    jpeg_set_defaults(standard);
    const JQUANT_TBL *found = file->quant_tbl_ptrs[0];
    for (int quality = 1; found && quality <= 100; quality++) {
        jpeg_set_quality(standard, quality, TRUE);
        if (memcmp(found->quantval, standard->quant_tbl_ptrs[0]->quantval, sizeof found->quantval) == 0) {
            return quality;
        }
    }
    return 0;
}

int jpeg_quality(const uint8_t *bytes, size_t size)
{
    struct jpeg_decompress_struct file;
    struct jpeg_compress_struct standard;
    quiet_errors errors;
    memset(&file, 0, sizeof file);
    memset(&standard, 0, sizeof standard);
    file.err = standard.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = leave;
    errors.manager.output_message = keep_quiet;
    volatile int quality = 0;
    if (setjmp(errors.escape) == 0) {
        quality = find_quality(&file, &standard, bytes, size);
    }
    jpeg_destroy_decompress(&file);
    jpeg_destroy_compress(&standard);
    return quality;
}
