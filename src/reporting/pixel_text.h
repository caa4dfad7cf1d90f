/* Pixel text for pictures that need no plotting program. */
#ifndef REPORTING_PIXEL_TEXT_H
#define REPORTING_PIXEL_TEXT_H

#include "reshift/image.h"

/** Rows of a line of text at scale 1, above the baseline and below it. */
#define PIXEL_TEXT_ASCENT 7
#define PIXEL_TEXT_HEIGHT 9

/** Width of `text` in pixels; each pixel of a letter is scale x scale. */
int pixel_text_width(const char *text, int scale);
/** Draws `text` (letters, digits, spaces) with its upper left corner at (left, top), clipped to the image. */
void pixel_text_draw(reshift_image *image, int left, int top, const char *text, int scale, const uint8_t colour[3]);

#endif
