/*
 * The overlays of the frost corruption. They are created once and then only read. They are either loaded from the
 * photographs of the published generator (five of the six, because the generator never selects the sixth), or drawn by
 * frost_draw.c if there are none. A call refers to the loaded ones (corruption_call.frost); NULL means the drawn ones.
 *
 * frost.c also implements reshift_frost_open() and reshift_frost_close() of reshift/corruption.h.
 */
#ifndef CORRUPTIONS_FROST_H
#define CORRUPTIONS_FROST_H

#include "reshift/corruption.h"

enum { FROST_OVERLAYS = 5, FROST_DRAWN_HEIGHT = 480, FROST_DRAWN_WIDTH = 640, FROST_REDUCTION = 5 };

/* One overlay in RGB: at full size for ImageNet's constants, and at a fifth of it for CIFAR's. */
typedef struct frost_overlay {
    reshift_image full, small;
} frost_overlay;

/** The names of the photographs' files. */
extern const char *const frost_files[FROST_OVERLAYS];

struct reshift_frost {
    frost_overlay overlays[FROST_OVERLAYS];
};

/**
 * The procedurally drawn overlays, created by the first call in the process (some 0.1 s) and shared by all threads;
 * never freed. Same pixels on every machine. NULL: out of memory.
 */
const reshift_frost *frost_drawn(void);

/** Draws overlay `number` (0..FROST_OVERLAYS-1), FROST_DRAWN_HEIGHT x FROST_DRAWN_WIDTH. Errors: MEMORY. */
reshift_status frost_draw(int number, reshift_image *overlay, reshift_error *error);

/**
 * Computes `small` from `full`: OpenCV's bilinear resize to a fifth, whose sample points are exactly every fifth pixel,
 * starting with the third. Errors: UNSUPPORTED (smaller than 5x5), MEMORY. Source: OpenCV 4.6, resize.cpp
 */
reshift_status frost_overlay_reduce(frost_overlay *overlay, const char *name, reshift_error *error);

#endif
