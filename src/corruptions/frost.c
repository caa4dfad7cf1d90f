/* Frost overlays: loaded from the published photographs, or drawn once. See frost.h. */
#include "corruptions/frost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "base/error.h"
#include "base/files.h"
#include "formats/images/image_file.h"

const char *const frost_files[FROST_OVERLAYS] = {"frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"};

reshift_status frost_overlay_reduce(frost_overlay *overlay, const char *name, reshift_error *error)
{
    const reshift_image *full = &overlay->full;
    if (full->height < FROST_REDUCTION || full->width < FROST_REDUCTION) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED,
                         "frost overlay '%s' is too small: %dx%d, expected %dx%d or more", name, full->width,
                         full->height, FROST_REDUCTION, FROST_REDUCTION);
    }
    /* the nearest integer to a fifth: its last sample point is inside */
    int height = (full->height + 2) / FROST_REDUCTION, width = (full->width + 2) / FROST_REDUCTION;
    reshift_status status = reshift_image_resize(&overlay->small, height, width, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    uint8_t *to = overlay->small.pixels;
    for (int y = 0; y < height; y++) {
        const uint8_t *row = full->pixels + 3 * (size_t)(FROST_REDUCTION * y + 2) * (size_t)full->width;
        for (int x = 0; x < width; x++, to += 3) {
            memcpy(to, row + 3 * (size_t)(FROST_REDUCTION * x + 2), 3);
        }
    }
    return RESHIFT_OK;
}

static reshift_status open_overlay(const char *folder, const char *name, frost_overlay *overlay, reshift_error *error)
{
    char *path = path_join(folder, name);
    if (!path) {
        return error_memory(error, strlen(folder), "the name of a frost overlay");
    }
    file_map map = {0};
    reshift_status status = file_map_open(path, &map, error);
    if (status == RESHIFT_OK) {
        status = image_decode(map.data, map.size, path, &overlay->full, error);
        file_map_close(&map);
    }
    if (status == RESHIFT_OK) {
        status = frost_overlay_reduce(overlay, path, error);
    }
    if (status == RESHIFT_ERROR_NOT_FOUND) {
        error_hint(error, "reshift fetch frost");
    }
    free(path);
    return status;
}

reshift_status reshift_frost_open(const char *folder, reshift_frost **frost, reshift_error *error)
{
    *frost = NULL;
    reshift_frost *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return error_memory(error, sizeof *opened, "the frost overlays");
    }
    for (int i = 0; i < FROST_OVERLAYS; i++) {
        reshift_status status = open_overlay(folder, frost_files[i], &opened->overlays[i], error);
        if (status != RESHIFT_OK) {
            reshift_frost_close(&opened);
            return status;
        }
    }
    *frost = opened;
    return RESHIFT_OK;
}

void reshift_frost_close(reshift_frost **frost)
{
    if (!frost || !*frost) {
        return;
    }
    for (int i = 0; i < FROST_OVERLAYS; i++) {
        reshift_image_destroy(&(*frost)->overlays[i].full);
        reshift_image_destroy(&(*frost)->overlays[i].small);
    }
    free(*frost);
    *frost = NULL;
}

/* Written only by the first call, under call_once(). */
static once_flag draw_once = ONCE_FLAG_INIT;
static reshift_frost *drawn;

static void draw_all(void)
{
    reshift_frost *made = calloc(1, sizeof *made);
    for (int i = 0; made && i < FROST_OVERLAYS; i++) {
        frost_overlay *overlay = &made->overlays[i];
        if (frost_draw(i, &overlay->full, NULL) != RESHIFT_OK ||
            frost_overlay_reduce(overlay, "drawn", NULL) != RESHIFT_OK) {
            reshift_frost_close(&made);
        }
    }
    drawn = made;
}

const reshift_frost *frost_drawn(void)
{
    call_once(&draw_once, draw_all);
    return drawn;
}
