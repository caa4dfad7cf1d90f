/* XXH64, implemented from its specification. Words are read as little-endian; big-endian machines swap the bytes. */
#include "base/checksum.h"

#include <endian.h>
#include <string.h>

static const uint64_t p1 = 0x9E3779B185EBCA87u, p2 = 0xC2B2AE3D27D4EB4Fu, p3 = 0x165667B19E3779F9u,
                      p4 = 0x85EBCA77C2B2AE63u, p5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

static uint64_t word(const unsigned char *at)
{
    uint64_t x;
    memcpy(&x, at, sizeof x);
    return le64toh(x);
}

static uint64_t half_word(const unsigned char *at)
{
    uint32_t x;
    memcpy(&x, at, sizeof x);
    return le32toh(x);
}

static uint64_t round_of(uint64_t lane, uint64_t x) { return rotate(lane + x * p2, 31) * p1; }

static uint64_t merge(uint64_t sum, uint64_t lane) { return (sum ^ round_of(0, lane)) * p1 + p4; }

uint64_t checksum_bytes(const void *bytes, size_t count, uint64_t seed)
{
    const unsigned char *at = bytes, *end = at + count;
    uint64_t sum = seed + p5;
    if (count >= 32) {
        uint64_t a = seed + p1 + p2, b = seed + p2, c = seed, d = seed - p1;
        for (; end - at >= 32; at += 32) { /* four lanes, so that multiplications overlap */
            a = round_of(a, word(at));
            b = round_of(b, word(at + 8));
            c = round_of(c, word(at + 16));
            d = round_of(d, word(at + 24));
        }
        sum = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        sum = merge(merge(merge(merge(sum, a), b), c), d);
    }
    sum += count;
    for (; end - at >= 8; at += 8) {
        sum = rotate(sum ^ round_of(0, word(at)), 27) * p1 + p4;
    }
    for (; end - at >= 4; at += 4) {
        sum = rotate(sum ^ (half_word(at) * p1), 23) * p2 + p3;
    }
    for (; at < end; at++) {
        sum = rotate(sum ^ (*at * p5), 11) * p1;
    }
    sum = (sum ^ (sum >> 33)) * p2;
    sum = (sum ^ (sum >> 29)) * p3;
    return sum ^ (sum >> 32);
}
