/*
 * A row of activations packed without loss. They come from behind a ReLU, where most values are zero: for every 32
 * values a word says which are not zero, then come those. Values are float32 or bfloat16, by their bits: a negative
 * zero counts as a value.
 */
#ifndef INFERENCE_ROW_PACKING_H
#define INFERENCE_ROW_PACKING_H

#include <stddef.h>
#include <stdint.h>

#define PACKING_SLACK 64 /* bytes behind a packed row that packing may write and unpacking may read */

/** Bytes that `count` values of `width` bytes (2 or 4) take at most, the slack not counted. */
size_t packing_most_bytes(int64_t count, int width);

/** Packs; returns the bytes taken, a multiple of 4. `bytes` has room for the most and the slack. */
size_t packing_pack(const void *values, int64_t count, int width, void *bytes);

/** The values again, bit for bit. `bytes` can be read to the slack behind the row. */
void packing_unpack(const void *bytes, int64_t count, int width, void *values);

#endif
