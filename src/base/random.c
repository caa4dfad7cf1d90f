/*
 * Philox 4x32-10, Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011). The seed is the
 * key; the counter is (block number, purpose and epoch folded to 32 bits, item low, item high).
 */
#include "base/random.h"

#include <math.h>

static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

random_stream random_open(uint64_t seed, const char *purpose, uint64_t epoch, uint64_t item)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a over the purpose, then the epoch */
    for (const unsigned char *c = (const unsigned char *)purpose; *c; c++) {
        hash = (hash ^ *c) * 0x100000001b3u;
    }
    for (int byte = 0; byte < 8; byte++) {
        hash = (hash ^ ((epoch >> (8 * byte)) & 0xff)) * 0x100000001b3u;
    }
    random_stream stream = {0};
    stream.key[0] = (uint32_t)seed ^ (uint32_t)(hash >> 32);
    stream.key[1] = (uint32_t)(seed >> 32);
    stream.counter[1] = (uint32_t)hash;
    stream.counter[2] = (uint32_t)item;
    stream.counter[3] = (uint32_t)(item >> 32);
    stream.used = 4;
    return stream;
}

uint32_t random_u32(random_stream *stream)
{
    if (stream->used == 4) {
        philox(stream->counter, stream->key, stream->block);
        stream->counter[0]++;
        stream->used = 0;
    }
    return stream->block[stream->used++];
}

uint64_t random_u64(random_stream *stream)
{
    uint64_t low = random_u32(stream);
    return low | (uint64_t)random_u32(stream) << 32;
}

double random_uniform(random_stream *stream) { return (double)(random_u64(stream) >> 11) * 0x1p-53; }

uint64_t random_below(random_stream *stream, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n; /* values at or above it would bias small results */
    uint64_t draw;
    do {
        draw = random_u64(stream);
    } while (draw >= limit);
    return draw % n;
}

double random_gaussian(random_stream *stream)
{
    if (stream->has_gaussian) {
        stream->has_gaussian = 0;
        return stream->gaussian;
    }
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(stream)));
    double angle = 6.283185307179586476925286766559 * random_uniform(stream);
    stream->gaussian = radius * sin(angle);
    stream->has_gaussian = 1;
    return radius * cos(angle);
}

void random_permutation(random_stream *stream, int64_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)random_below(stream, (uint64_t)i + 1);
        int64_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}
