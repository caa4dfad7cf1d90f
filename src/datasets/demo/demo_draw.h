/*
 * Drawing for the embedded demo: one labelled 32x32 picture from (set, seed, split, index), the same bytes on every
 * machine. Uses only + - * / and sqrt, whose rounding IEEE 754 defines, and random_below/uniform; libm functions are
 * avoided because their last digit differs between systems.
 */
#ifndef DATASETS_DEMO_DEMO_DRAW_H
#define DATASETS_DEMO_DEMO_DRAW_H

#include <stdint.h>

enum { DEMO_SIDE = 32, DEMO_CLASSES = 10 };

typedef enum demo_set { DEMO_TARGET, DEMO_SOURCE } demo_set;

/** The ten classes of a set. */
extern const char *const demo_class_names[2][DEMO_CLASSES];

/** The label of picture `index`: every ten pictures contain each class once, in random order. */
int demo_label(demo_set set, uint64_t seed, int split, int64_t index);

/** Draws picture `index` of the class `label` into rgb [32,32,3]. */
void demo_draw(demo_set set, uint64_t seed, int split, int64_t index, int label, uint8_t *rgb);

#endif
