/*
 * The overlays of the frost corruption. They are made once, in one of two ways, and then only read: opened from the six
 * photographs of the published generator (five of them, for the sixth is never drawn), or drawn by frost_draw.c where
 * there are none. A call carries the opened ones (corruption_call.frost); NULL there means the drawn ones.
 *
 * reshift_frost_open() and reshift_frost_close() of reshift/corruption.h are here.
 */
#ifndef CORRUPTIONS_FROST_H
#define CORRUPTIONS_FROST_H

#include "reshift/corruption.h"

enum { FROST_OVERLAYS = 5, FROST_DRAWN_HEIGHT = 480, FROST_DRAWN_WIDTH = 640, FROST_REDUCTION = 5 };

/* One overlay, R G B: as ImageNet's constants lay it over images, and a fifth of that as CIFAR's do. */
typedef struct frost_overlay {
    reshift_image full, small;
} frost_overlay;

/** The names of their files. */
extern const char *const frost_files[FROST_OVERLAYS];

struct reshift_frost {
    frost_overlay overlays[FROST_OVERLAYS];
};

/**
 * The overlays drawn procedurally, made at the first call in the process (some 0.1 s) and shared by all threads; never
 * freed. Same pixels on every machine. NULL: out of memory.
 */
const reshift_frost *frost_drawn(void);

/** Draws overlay `number` (0..FROST_OVERLAYS-1), FROST_DRAWN_HEIGHT x FROST_DRAWN_WIDTH. Errors: MEMORY. */
reshift_status frost_draw(int number, reshift_image *overlay, reshift_error *error);

/**
 * `small` from `full`: OpenCV's bilinear resize to a fifth, whose sample points fall exactly on every fifth pixel,
 * beginning with the third. Errors: UNSUPPORTED (smaller than 5x5), MEMORY. Source: OpenCV 4.6, resize.cpp
 */
reshift_status frost_overlay_reduce(frost_overlay *overlay, const char *name, reshift_error *error);

#endif
