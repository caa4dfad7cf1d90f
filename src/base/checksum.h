/*
 * A fast 64-bit checksum of kept intermediate results: it finds damage, not attacks. It is XXH64 as published
 * (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), at several GB/s without special instructions.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/** XXH64 of the bytes. `seed` 0, or the checksum of what came before: then that counts too. Cannot fail. */
uint64_t checksum_bytes(const void *bytes, size_t count, uint64_t seed);

#endif
