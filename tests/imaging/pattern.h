/*
 * Test images identical to those of the golden scripts (golden/pattern.py): smooth ramps with noise from a small
 * generator.
 */
#ifndef TESTS_IMAGING_PATTERN_H
#define TESTS_IMAGING_PATTERN_H

#include <stdint.h>
#include <stdlib.h>

#include "reshift/image.h"

/* [height,width,3]; the caller frees pixels with free(). `seed` 0: noise only where (x + y) % 5 == 0. */
static inline reshift_image pattern_image(int height, int width, uint32_t seed)
{
    reshift_image image = {height, width, NULL, 3 * (size_t)height * (size_t)width};
    image.pixels = malloc(image.capacity);
    if (!image.pixels) {
        abort();
    }
    uint32_t state = seed * 2654435761u + 12345u;
    uint8_t *pixel = image.pixels;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            for (int c = 0; c < 3; c++) {
                state = state * 1664525u + 1013904223u;
                uint32_t noise = state >> 24, ramp = (uint32_t)(y * 7 + x * (3 + c)) & 255u;
                *pixel++ = (uint8_t)(seed != 0 || (x + y) % 5 == 0 ? noise : ramp);
            }
        }
    }
    return image;
}

#endif
