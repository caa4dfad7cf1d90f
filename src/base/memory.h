/* Aligned memory, products that cannot overflow, and how much memory is used and free. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_ALIGNMENT 64

/**
 * 64-byte aligned, zeroed; blocks of 2 MiB and more come from the system on huge pages where it gives them.
 * NULL when there is no memory; bytes == 0 gives a valid pointer. Freed by memory_free only.
 */
void *memory_allocate(size_t bytes);
void memory_free(void *block);

/** a * b * ... without overflow: false when it does not fit. */
bool memory_product(size_t a, size_t b, size_t *product);

/** Rounds up to a multiple of MEMORY_ALIGNMENT. */
size_t memory_align(size_t bytes);

/** Peak resident memory of this process so far, or since memory_forget_peak(), in bytes. */
size_t memory_peak_bytes(void);
/** Begins the peak anew with what is resident now. False where the kernel does not let it. */
bool memory_forget_peak(void);

#endif
