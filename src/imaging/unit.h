/*
 * Bytes as numbers in 0..1: x / 255, correctly rounded, without a division. 1/255 is split into a number whose product
 * with a byte is exact and a remainder. The sum of both products is correct for all 256 bytes (tested).
 */
#ifndef IMAGING_UNIT_H
#define IMAGING_UNIT_H

#include <stdint.h>

static inline double unit_double(uint8_t x) { return x * 0x1.01010101010p-8 + x * 0x1.010101010101p-56; }

static inline float unit_float(uint8_t x) { return x * 0x1.01p-8f + x * 0x1.010102p-24f; }

#endif
