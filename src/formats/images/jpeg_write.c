/*
 * JPEG files through libjpeg-turbo with the settings that Pillow's save(quality=..., optimize=True) has: baseline,
 * chroma 4:2:0, the accurate integer transform, optimised Huffman tables. The published ImageNet-C images were saved
 * with these settings.
 */
#include <stdio.h>

#include <jpeglib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "formats/images/image_file.h"
#include "reshift/image.h"

/*
 * State that must survive a longjmp(). The error manager is the first member, because libjpeg passes its address back.
 */
typedef struct jpeg_writer {
    struct jpeg_error_mgr manager;
    struct jpeg_compress_struct encoder;
    jmp_buf escape;
    char words[JMSG_LENGTH_MAX];
} jpeg_writer;

static void leave(j_common_ptr encoder)
{
    jpeg_writer *w = (jpeg_writer *)(void *)encoder->err;
    w->manager.format_message(encoder, w->words);
    longjmp(w->escape, 1);
}

static void keep_quiet(j_common_ptr encoder) { (void)encoder; }

static void encode(jpeg_writer *w, FILE *stream, const reshift_image *image, int quality)
{
    struct jpeg_compress_struct *encoder = &w->encoder;
    jpeg_create_compress(encoder);
    jpeg_stdio_dest(encoder, stream);
    encoder->image_width = (JDIMENSION)image->width;
    encoder->image_height = (JDIMENSION)image->height;
    encoder->input_components = 3;
    encoder->in_color_space = JCS_RGB;
    jpeg_set_defaults(encoder);
    jpeg_set_quality(encoder, quality, TRUE);
    encoder->optimize_coding = TRUE;
    jpeg_start_compress(encoder, TRUE);
    while (encoder->next_scanline < encoder->image_height) {
        JSAMPROW row = image->pixels + (size_t)encoder->next_scanline * (size_t)image->width * 3;
        jpeg_write_scanlines(encoder, &row, 1);
    }
    jpeg_finish_compress(encoder);
}

static reshift_status write_jpeg(jpeg_writer *w, file_writer *writer, const reshift_image *image, int quality,
                                 reshift_error *error)
{
    w->encoder.err = jpeg_std_error(&w->manager);
    w->manager.error_exit = leave;
    w->manager.output_message = keep_quiet;
    if (setjmp(w->escape) == 0) {
        encode(w, writer->stream, image, quality);
        return RESHIFT_OK;
    }
    return error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': JPEG: %s", file_writer_path(writer), w->words);
}

static reshift_status check(const char *path, const reshift_image *image, int quality, reshift_error *error)
{
    if (quality < 1 || quality > 100) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot write '%s': JPEG quality %d: expected 1 to 100", path,
                         quality);
    }
    if (!image->pixels || image->height < 1 || image->width < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot write '%s': the image is empty", path);
    }
    if (image->height > JPEG_MAX_DIMENSION || image->width > JPEG_MAX_DIMENSION) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED,
                         "cannot write '%s': a JPEG has at most %ld pixels a side, not %dx%d", path, JPEG_MAX_DIMENSION,
                         image->width, image->height);
    }
    return RESHIFT_OK;
}

reshift_status jpeg_save(const char *path, const reshift_image *image, int quality, bool overwrite, bool sync,
                         reshift_error *error)
{
    file_writer writer;
    reshift_status status = check(path, image, quality, error);
    if (status == RESHIFT_OK) {
        status = file_writer_open(path, overwrite, &writer, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    writer.no_sync = !sync;
    jpeg_writer *w = calloc(1, sizeof *w);
    status = w ? write_jpeg(w, &writer, image, quality, error) : error_memory(error, sizeof *w, "a JPEG writer");
    if (w) {
        jpeg_destroy_compress(&w->encoder);
        free(w);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    return status;
}

reshift_status reshift_image_save_jpeg(const char *path, const reshift_image *image, int quality, bool overwrite,
                                       reshift_error *error)
{
    return jpeg_save(path, image, quality, overwrite, true, error);
}
