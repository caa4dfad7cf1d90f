/*
 * A fast 64-bit checksum for cached intermediate results. It detects corruption, not attacks. The algorithm is XXH64
 * (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md); it reaches several GB/s without special
 * instructions.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/** XXH64 of `bytes`. `seed` is 0, or the checksum of the preceding bytes to chain checksums. Cannot fail. */
uint64_t checksum_bytes(const void *bytes, size_t count, uint64_t seed);

#endif
