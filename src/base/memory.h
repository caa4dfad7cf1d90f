/* Aligned memory, overflow-checked products, used and free memory. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_ALIGNMENT 64

/**
 * 64-byte aligned, zeroed memory. Blocks of 2 MiB and more are mapped on huge pages if the system provides them.
 * Returns NULL when out of memory; bytes == 0 gives a valid pointer. Free with memory_free() only.
 */
void *memory_allocate(size_t bytes);
void memory_free(void *block);

/** Computes a * b * ...; returns false on overflow. */
bool memory_product(size_t a, size_t b, size_t *product);

/** Rounds up to a multiple of MEMORY_ALIGNMENT. */
size_t memory_align(size_t bytes);

/** Peak resident size of this process in bytes, since its start or since memory_forget_peak(). */
size_t memory_peak_bytes(void);
/** Resets the peak to the current resident size. Returns false if the kernel does not support it. */
bool memory_forget_peak(void);

#endif
