/*
 * JPEG reader, using libjpeg-turbo with its default, accurate transform, like Pillow. CMYK files are assumed to be
 * inverted as Adobe writes them, and are converted to RGB with Pillow's formula. As in Pillow, a file that ends before
 * its last row is complete is an error. Other damage that libjpeg only warns about yields the pixels that libjpeg
 * produces. This includes files without an end marker after the last row and files that continue with zeros, which are
 * decoded like any other data.
 */
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "formats/blob.h"
#include "formats/images/image_file.h"

#define SCANS_MAX 500 /* limit: a progressive file with many scans takes long to decode */

/*
 * State that must survive a longjmp(). The error manager is the first member, because libjpeg passes its address back.
 */
typedef struct jpeg_reader {
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct decoder;
    jmp_buf escape;
    char words[JMSG_LENGTH_MAX];
    uint8_t *row; /* of a CMYK image */
    bool damaged; /* corrupt data, from which libjpeg recovered */
} jpeg_reader;

static void leave(j_common_ptr decoder)
{
    jpeg_reader *r = (jpeg_reader *)(void *)decoder->err;
    r->manager.format_message(decoder, r->words);
    longjmp(r->escape, 1);
}

/* Handles warnings. At the end of the data libjpeg fills up with grey; Pillow fails unless all rows are complete. */
static void heed(j_common_ptr decoder, int level)
{
    jpeg_reader *r = (jpeg_reader *)(void *)decoder->err;
    const int code = decoder->err->msg_code;
    const bool complete = r->decoder.output_height > 0 && r->decoder.output_scanline == r->decoder.output_height;
    if (level < 0 && (code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC ||
                      code == JWRN_EXTRANEOUS_DATA || code == JWRN_JPEG_EOF)) {
        r->damaged = true;
    }
    if (level >= 0 || code != JWRN_JPEG_EOF || complete) {
        return;
    }
    if (r->decoder.image_height == 0) {
        snprintf(r->words, sizeof r->words, "the file ends within the header");
    } else {
        snprintf(r->words, sizeof r->words, "the file ends within row %u of %u", r->decoder.output_scanline,
                 r->decoder.image_height);
    }
    longjmp(r->escape, 1);
}

static void keep_quiet(j_common_ptr decoder) { (void)decoder; }

static void count_scans(j_common_ptr decoder)
{
    jpeg_reader *r = (jpeg_reader *)(void *)decoder->err;
    if (r->decoder.input_scan_number > SCANS_MAX) {
        snprintf(r->words, sizeof r->words, "more than %d scans", SCANS_MAX);
        longjmp(r->escape, 1);
    }
}

static void spread_grey(uint8_t *row, const uint8_t *grey, int width)
{
    for (int x = 0; x < width; x++) { /* grey and RGB rows end at the same address: writes never overtake reads */
        uint8_t value = grey[x];
        row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = value;
    }
}

/* a * b / 255, rounded (Pillow, ImagingUtils.h: MULDIV255) */
static int multiply_255(int a, int b)
{
    int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

/* Pillow's cmyk2rgb (Convert.c), after the inversion of CMYK. */
static void convert_cmyk(uint8_t *row, const uint8_t *cmyk, int width)
{
    for (int x = 0; x < width; x++) {
        int white = cmyk[4 * x + 3];
        for (int c = 0; c < 3; c++) {
            int value = white - multiply_255(255 - cmyk[4 * x + c], white);
            row[3 * x + c] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

static const char *colour_of(const struct jpeg_decompress_struct *decoder)
{
    return decoder->num_components == 1 ? "grey" : decoder->num_components == 4 ? "cmyk" : "rgb";
}

/* Contains all code that libjpeg's errors leave through r->escape. */
static reshift_status decode(jpeg_reader *r, const uint8_t *bytes, size_t size, const char *name, reshift_image *image,
                             image_facts *facts, reshift_error *error)
{
    struct jpeg_decompress_struct *decoder = &r->decoder;
    jpeg_create_decompress(decoder);
    r->progress.progress_monitor = count_scans;
    decoder->progress = &r->progress;
    jpeg_mem_src(decoder, bytes, (unsigned long)size);
    jpeg_read_header(decoder, TRUE);
    int components = decoder->num_components, width = (int)decoder->image_width;
    reshift_status status = image_check_size(decoder->image_height, decoder->image_width, name, error);
    if (status == RESHIFT_OK && components != 1 && components != 3 && components != 4) {
        status = refuse(error, RESHIFT_ERROR_UNSUPPORTED, name, -1, "a JPEG of %d components", components);
    }
    if (status == RESHIFT_OK && facts) {
        *facts = (image_facts){.format = "jpeg",
                               .colour = colour_of(decoder),
                               .height = (int)decoder->image_height,
                               .width = width,
                               .bits = decoder->data_precision};
    }
    if (status != RESHIFT_OK || !image) {
        return status;
    }
    status = reshift_image_resize(image, (int)decoder->image_height, width, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (components == 4 && !(r->row = malloc((size_t)width * 4))) {
        return error_memory(error, (size_t)width * 4, "a row of an image");
    }
    decoder->out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_start_decompress(decoder);
    while (decoder->output_scanline < decoder->output_height) {
        uint8_t *row = image->pixels + (size_t)decoder->output_scanline * (size_t)width * 3;
        JSAMPROW target = components == 1 ? row + 2 * (size_t)width : components == 3 ? row : r->row;
        jpeg_read_scanlines(decoder, &target, 1);
        if (components == 1) {
            spread_grey(row, target, width);
        } else if (components == 4) {
            convert_cmyk(row, target, width);
        }
    }
    jpeg_finish_decompress(decoder);
    return RESHIFT_OK;
}

reshift_status jpeg_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                         reshift_error *error)
{
    jpeg_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return error_memory(error, sizeof *r, "a JPEG reader");
    }
    r->decoder.err = jpeg_std_error(&r->manager);
    r->manager.error_exit = leave;
    r->manager.emit_message = heed;
    r->manager.output_message = keep_quiet;
    reshift_status status;
    if (setjmp(r->escape) == 0) {
        status = decode(r, bytes, size, name, image, facts, error);
        if (facts) {
            facts->damaged = r->damaged;
        }
    } else {
        status = refuse(error, RESHIFT_ERROR_FORMAT, name, -1, "JPEG: %s", r->words);
    }
    jpeg_destroy_decompress(&r->decoder);
    free(r->row);
    free(r);
    return status;
}
