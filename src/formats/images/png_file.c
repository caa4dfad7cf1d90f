/*
 * PNG reader and writer, using libpng, with Pillow's results: alpha is dropped, not blended; 16-bit samples keep the
 * upper 8 bits, except that 16-bit grey is clipped to 255; grey of 1, 2 and 4 bits is scaled to 0..255. Files are
 * written as 8-bit RGB.
 */
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "formats/blob.h"
#include "formats/images/image_file.h"

/* Largest chunk kept in memory. Only a palette (768 bytes) and transparency are kept; row data is read in pieces. */
#define CHUNK_BYTES_MAX ((png_alloc_size_t)1 << 20)

/* State that must survive a longjmp(). */
typedef struct png_job {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    char words[256];
    const uint8_t *bytes;
    size_t size, at;
    bool damaged;     /* a check sum is wrong */
    uint8_t *samples; /* for 16-bit grey and palette images: [H,W] of 2 or 1 bytes */
    png_bytepp rows;
} png_job;

static void leave(png_structp png, png_const_charp words)
{
    png_job *job = png_get_error_ptr(png);
    strncpy(job->words, words, sizeof job->words - 1);
    longjmp(job->escape, 1);
}

static void heed(png_structp png, png_const_charp words)
{
    png_job *job = png_get_error_ptr(png);
    job->damaged |= strstr(words, "CRC") != NULL;
}

static void supply(png_structp png, png_bytep target, size_t count)
{
    png_job *job = png_get_io_ptr(png);
    const size_t left = job->size - job->at;
    if (count > left && count == 4) { /* a missing checksum is ignored; anything else is followed by more reads */
        memset(target, 0, count);
        memcpy(target, job->bytes + job->at, left);
        job->at = job->size;
        return;
    }
    if (count > left) {
        png_error(png, "the file ends within a chunk");
    }
    memcpy(target, job->bytes + job->at, count);
    job->at += count;
}

/*
 * Chunks that do not affect the pixels. libpng would unpack or keep them, so they are skipped, whatever their length.
 */
static const png_byte unused_chunks[] = "tEXt\0zTXt\0iTXt\0iCCP\0eXIf\0sPLT\0pCAL\0sCAL\0tIME\0hIST\0bKGD\0pHYs\0oFFs";

static const char *colour_of(int type)
{
    switch (type) {
    case PNG_COLOR_TYPE_GRAY: return "grey";
    case PNG_COLOR_TYPE_GRAY_ALPHA: return "grey+alpha";
    case PNG_COLOR_TYPE_PALETTE: return "palette";
    case PNG_COLOR_TYPE_RGB_ALPHA: return "rgb+alpha";
    default: return "rgb";
    }
}

/* 16-bit grey: Pillow reads integers and clips them; it does not scale them. */
static void clip_grey(const uint8_t *samples, size_t count, uint8_t *pixels)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t value = samples[2 * i] ? 255 : samples[2 * i + 1]; /* big-endian */
        memset(pixels + 3 * i, value, 3);
    }
}

/* Indices beyond the palette's end become grey, as in Pillow. */
static void look_up(png_job *job, size_t count, uint8_t *pixels)
{
    png_colorp palette = NULL;
    int n = 0;
    png_get_PLTE(job->png, job->info, &palette, &n);
    for (size_t i = 0; i < count; i++) {
        uint8_t index = job->samples[i];
        png_color colour = index < n ? palette[index] : (png_color){index, index, index};
        pixels[3 * i] = colour.red;
        pixels[3 * i + 1] = colour.green;
        pixels[3 * i + 2] = colour.blue;
    }
}

/* Contains all code that libpng's errors leave through job->escape. */
static reshift_status decode(png_job *job, const char *name, reshift_image *image, image_facts *facts,
                             reshift_error *error)
{
    png_set_user_limits(job->png, INT32_MAX, INT32_MAX);
    png_set_chunk_malloc_max(job->png, CHUNK_BYTES_MAX);
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, unused_chunks, sizeof unused_chunks / 5);
    png_set_read_fn(job->png, job, supply);
    png_read_info(job->png, job->info);
    size_t height = png_get_image_height(job->png, job->info), width = png_get_image_width(job->png, job->info);
    int type = png_get_color_type(job->png, job->info), bits = png_get_bit_depth(job->png, job->info);
    reshift_status status = image_check_size(height, width, name, error);
    if (status == RESHIFT_OK && facts) {
        *facts = (image_facts){
            .format = "png", .colour = colour_of(type), .height = (int)height, .width = (int)width, .bits = bits};
    }
    if (status != RESHIFT_OK || !image) {
        return status;
    }
    png_set_crc_action(job->png, PNG_CRC_WARN_USE, PNG_CRC_WARN_USE); /* from IDAT on, as Pillow: no checksums */
    size_t sample_bytes = type == PNG_COLOR_TYPE_PALETTE ? 1 : type == PNG_COLOR_TYPE_GRAY && bits == 16 ? 2 : 0;
    if (sample_bytes == 1) {
        png_set_packing(job->png);
    } else if (sample_bytes == 0) {
        png_set_expand_gray_1_2_4_to_8(job->png);
        png_set_strip_16(job->png);
        png_set_strip_alpha(job->png);
        png_set_gray_to_rgb(job->png);
    }
    png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    status = reshift_image_resize(image, (int)height, (int)width, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    job->samples = sample_bytes ? malloc(height * width * sample_bytes) : NULL;
    job->rows = malloc(height * sizeof *job->rows);
    if ((sample_bytes && !job->samples) || !job->rows) {
        return error_memory(error, height * width * sample_bytes, "an image");
    }
    uint8_t *target = sample_bytes ? job->samples : image->pixels;
    size_t row_bytes = width * (sample_bytes ? sample_bytes : 3);
    if (png_get_rowbytes(job->png, job->info) != row_bytes) {
        png_error(job->png, "a row of unexpected length");
    }
    for (size_t y = 0; y < height; y++) {
        job->rows[y] = target + y * row_bytes;
    }
    png_read_image(job->png, job->rows); /* all pixels are read: whether an IEND chunk follows does not matter */
    if (sample_bytes == 2) {
        clip_grey(job->samples, height * width, image->pixels);
    } else if (sample_bytes == 1) {
        look_up(job, height * width, image->pixels);
    }
    return RESHIFT_OK;
}

reshift_status png_read(const uint8_t *bytes, size_t size, const char *name, reshift_image *image, image_facts *facts,
                        reshift_error *error)
{
    png_job *job = calloc(1, sizeof *job);
    if (!job) {
        return error_memory(error, sizeof *job, "a PNG reader");
    }
    job->bytes = bytes;
    job->size = size;
    job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, leave, heed);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    reshift_status status;
    if (!job->info) {
        status = error_memory(error, sizeof *job, "a PNG reader");
    } else if (setjmp(job->escape) == 0) {
        status = decode(job, name, image, facts, error);
        if (facts) {
            facts->damaged = job->damaged;
        }
    } else {
        status = refuse(error, RESHIFT_ERROR_FORMAT, name, (int64_t)job->at, "PNG: %s", job->words);
    }
    png_destroy_read_struct(&job->png, &job->info, NULL);
    free(job->samples);
    free(job->rows);
    free(job);
    return status;
}

static void encode(png_job *job, FILE *stream, const reshift_image *image)
{
    png_init_io(job->png, stream);
    png_set_IHDR(job->png, job->info, (png_uint_32)image->width, (png_uint_32)image->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job->png, job->info);
    for (int y = 0; y < image->height; y++) {
        png_write_row(job->png, image->pixels + (size_t)y * (size_t)image->width * 3);
    }
    png_write_end(job->png, job->info);
}

static reshift_status write_png(png_job *job, file_writer *writer, const reshift_image *image, reshift_error *error)
{
    if (setjmp(job->escape) == 0) {
        encode(job, writer->stream, image);
        return RESHIFT_OK;
    }
    return error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': PNG: %s", file_writer_path(writer), job->words);
}

reshift_status png_save(const char *path, const reshift_image *image, bool overwrite, bool sync, reshift_error *error)
{
    if (image->height < 1 || image->width < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot write '%s': the image is empty", path);
    }
    file_writer writer;
    reshift_status status = file_writer_open(path, overwrite, &writer, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    writer.no_sync = !sync;
    png_job *job = calloc(1, sizeof *job);
    if (job) {
        job->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, job, leave, heed);
        job->info = job->png ? png_create_info_struct(job->png) : NULL;
    }
    status =
        job && job->info ? write_png(job, &writer, image, error) : error_memory(error, sizeof *job, "a PNG writer");
    if (job) {
        png_destroy_write_struct(&job->png, &job->info);
        free(job);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    return status;
}

reshift_status reshift_image_save_png(const char *path, const reshift_image *image, bool overwrite,
                                      reshift_error *error)
{
    return png_save(path, image, overwrite, true, error);
}
