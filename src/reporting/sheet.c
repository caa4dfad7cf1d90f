/*
 * The contact sheet: one image under all corruptions, one row per corruption, the clean image and then severities 1 to
 * 5 from left to right. Small images are enlarged by an integer factor, so that pixels stay sharp. Large images are
 * corrupted at their own size and then shrunk.
 */
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "imaging/resize.h"
#include "reporting/pixel_text.h"
#include "reshift/reporting.h"

enum { LEAST = 96, MOST = 160, GAP = 6, BREAK = 18, MARGIN = 16, SCALE = 2, COLUMNS = 6, NAME_BYTES = 64 };
#define LINE (PIXEL_TEXT_HEIGHT * SCALE + GAP)

typedef struct sheet {
    reshift_image page, made, shown; /* the sheet, a corrupted image, and the same at a cell's size */
    int cell_height, cell_width;
    int left, top; /* of the first cell */
} sheet;

static const uint8_t ink[3] = {40, 40, 40};

/* Chooses the size of a cell: the image enlarged by an integer factor, or shrunk to fit. */
static reshift_status choose_cell(const reshift_image *image, sheet *s, reshift_error *error)
{
    int shorter = image->height < image->width ? image->height : image->width;
    int longer = image->height < image->width ? image->width : image->height;
    if (longer > MOST) {
        double share = (double)MOST / longer;
        s->cell_height = (int)(image->height * share + 0.5);
        s->cell_width = (int)(image->width * share + 0.5);
        s->cell_height = s->cell_height < 1 ? 1 : s->cell_height;
        s->cell_width = s->cell_width < 1 ? 1 : s->cell_width;
        return RESHIFT_OK;
    }
    if (shorter < 1) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "the image for the sheet is empty");
    }
    int times = LEAST / shorter, fitting = MOST / longer;
    times = times > fitting ? fitting : times;
    times = times < 1 ? 1 : times;
    s->cell_height = image->height * times;
    s->cell_width = image->width * times;
    return RESHIFT_OK;
}

/* The four corruptions of the validation set are set apart. */
static int row_top(const sheet *s, const reshift_corruption *table, int row)
{
    return s->top + row * (s->cell_height + GAP) + (table[row].validation ? BREAK : 0);
}

static int column_left(const sheet *s, int column)
{
    return s->left + column * (s->cell_width + GAP) + (column > 0 ? BREAK - GAP : 0);
}

static void write_centred(sheet *s, int left, int right, int top, const char *text)
{
    int width = pixel_text_width(text, SCALE) - SCALE;
    pixel_text_draw(&s->page, left + (right - left - width) / 2, top, text, SCALE, ink);
}

static reshift_status show(sheet *s, const reshift_image *image, int top, int column, reshift_error *error)
{
    reshift_status status = reshift_image_resize(&s->shown, s->cell_height, s->cell_width, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (image->height > s->cell_height || image->width > s->cell_width) {
        status = resize_u8(image, s->cell_height, s->cell_width, RESIZE_BOX, s->shown.pixels, error);
    } else {
        int times = s->cell_height / image->height;
        uint8_t *pixel = s->shown.pixels;
        for (int y = 0; y < s->cell_height; y++) {
            for (int x = 0; x < s->cell_width; x++, pixel += 3) {
                memcpy(pixel, image->pixels + 3 * ((size_t)(y / times) * (size_t)image->width + (size_t)(x / times)),
                       3);
            }
        }
    }
    int left = column_left(s, column);
    for (int y = 0; status == RESHIFT_OK && y < s->cell_height; y++) {
        memcpy(s->page.pixels + 3 * ((size_t)(top + y) * (size_t)s->page.width + (size_t)left),
               s->shown.pixels + 3 * (size_t)y * (size_t)s->cell_width, 3 * (size_t)s->cell_width);
    }
    return status;
}

/* "gaussian_noise" as words. */
static void spell(const char *name, char words[NAME_BYTES])
{
    size_t i = 0;
    for (; name[i] && i + 1 < NAME_BYTES; i++) {
        words[i] = name[i];
        if (name[i] == '_') {
            words[i] = ' ';
        }
    }
    words[i] = '\0';
}

static reshift_status begin_page(sheet *s, const reshift_corruption *table, int count, reshift_error *error)
{
    int widest = 0;
    char words[NAME_BYTES];
    for (int i = 0; i < count; i++) {
        spell(table[i].name, words);
        int width = pixel_text_width(words, SCALE);
        widest = width > widest ? width : widest;
    }
    s->left = MARGIN + widest + 2 * GAP;
    s->top = MARGIN + 2 * LINE;
    int width = s->left + COLUMNS * (s->cell_width + GAP) - GAP + BREAK - GAP + MARGIN;
    int height = row_top(s, table, count - 1) + s->cell_height + MARGIN;
    reshift_status status = reshift_image_resize(&s->page, height, width, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    memset(s->page.pixels, 255, 3 * (size_t)height * (size_t)width);
    const char *const titles[COLUMNS] = {"clean", "1", "2", "3", "4", "5"};
    for (int column = 0; column < COLUMNS; column++) {
        write_centred(s, column_left(s, column), column_left(s, column) + s->cell_width, s->top - LINE, titles[column]);
    }
    write_centred(s, column_left(s, 1), column_left(s, COLUMNS - 1) + s->cell_width, MARGIN, "severity");
    return RESHIFT_OK;
}

static reshift_status draw_row(sheet *s, const reshift_corruption *row, int top, const reshift_image *image,
                               int64_t image_index, const reshift_corrupt_options *options, reshift_error *error)
{
    char words[NAME_BYTES];
    spell(row->name, words);
    int middle = top + (s->cell_height - PIXEL_TEXT_ASCENT * SCALE) / 2;
    pixel_text_draw(&s->page, s->left - 2 * GAP - pixel_text_width(words, SCALE) + SCALE, middle, words, SCALE, ink);
    reshift_status status = show(s, image, top, 0, error);
    for (int severity = 1; status == RESHIFT_OK && severity <= 5; severity++) {
        status = reshift_corruption_apply(row, severity, options->constants, options->seed, image_index, options->frost,
                                          image, &s->made, error);
        if (status == RESHIFT_OK &&
            reshift_corruption_has_jpeg(options->jpeg, options->constants, image->height, image->width)) {
            status = reshift_image_compress(&s->made, RESHIFT_JPEG_QUALITY, error);
        }
        if (status == RESHIFT_OK) {
            status = show(s, &s->made, top, severity, error);
        }
    }
    return status;
}

reshift_status reshift_corruption_sheet_draw(const char *path, const reshift_image *image, int64_t image_index,
                                             const reshift_corrupt_options *options, const reshift_progress *progress,
                                             reshift_error *error)
{
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    sheet s = {0};
    reshift_status status = choose_cell(image, &s, error);
    if (status == RESHIFT_OK) {
        status = begin_page(&s, table, count, error);
    }
    progress_update(progress, "drawing the sheet", 0, count, "corruptions");
    for (int i = 0; status == RESHIFT_OK && i < count; i++) {
        status = progress_check(progress, error);
        if (status == RESHIFT_OK) {
            status = draw_row(&s, &table[i], row_top(&s, table, i), image, image_index, options, error);
        }
        if (status == RESHIFT_OK) {
            progress_update(progress, "drawing the sheet", i + 1, count, "corruptions");
        }
    }
    if (status == RESHIFT_OK) {
        status = reshift_image_save_png(path, &s.page, options->overwrite, error);
    }
    reshift_image_destroy(&s.page);
    reshift_image_destroy(&s.made);
    reshift_image_destroy(&s.shown);
    return status;
}
