/*
 * Plain loops, which any compiler and processor can run, and the same with AVX-512's compress and expand, some ten
 * times as fast; both give the same bytes.
 */
#include "inference/row_packing.h"

#include <stdbool.h>
#include <string.h>

#include "base/cpu.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define GROUP 32 /* values that share a word of marks */

size_t packing_most_bytes(int64_t count, int width)
{
    size_t groups = ((size_t)count + GROUP - 1) / GROUP;
    return ((size_t)count * (size_t)width + groups * sizeof(uint32_t) + 3) / 4 * 4;
}

/* ---- plain ---- */

static char *pack_group(const char *values, int n, int width, char *to)
{
    uint32_t marks = 0;
    char *at = to + sizeof marks;
    for (int i = 0; i < n; i++) {
        uint32_t bits = 0;
        memcpy(&bits, values + i * width, (size_t)width);
        memcpy(at, &bits, (size_t)width);
        uint32_t there = bits != 0;
        marks |= there << i;
        at += there * (uint32_t)width;
    }
    memcpy(to, &marks, sizeof marks);
    return at;
}

static const char *unpack_group(const char *from, int n, int width, char *values)
{
    uint32_t marks;
    memcpy(&marks, from, sizeof marks);
    from += sizeof marks;
    for (int i = 0; i < n; i++) {
        uint32_t bits = 0, there = marks >> i & 1;
        memcpy(&bits, from, (size_t)width);
        bits &= 0u - there;
        memcpy(values + i * width, &bits, (size_t)width);
        from += there * (uint32_t)width;
    }
    return from;
}

/* ---- AVX-512 ---- */

#ifdef __x86_64__
static bool has_compress(void) { return cpu_has(CPU_AVX512 | CPU_VBMI2); }

__attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt"))) static char *
pack_groups(const char *values, int64_t groups, int width, char *to)
{
    for (int64_t g = 0; g < groups; g++, values += GROUP * width) {
        char *at = to + sizeof(uint32_t);
        uint32_t marks;
        if (width == 2) {
            __m512i v = _mm512_loadu_si512(values);
            marks = _mm512_test_epi16_mask(v, v);
            _mm512_storeu_si512(at, _mm512_maskz_compress_epi16(marks, v));
        } else {
            __m512i low = _mm512_loadu_si512(values), high = _mm512_loadu_si512(values + 64);
            __mmask16 a = _mm512_test_epi32_mask(low, low), b = _mm512_test_epi32_mask(high, high);
            marks = (uint32_t)a | (uint32_t)b << 16;
            _mm512_storeu_si512(at, _mm512_maskz_compress_epi32(a, low));
            _mm512_storeu_si512(at + 4 * __builtin_popcount(a), _mm512_maskz_compress_epi32(b, high));
        }
        memcpy(to, &marks, sizeof marks);
        to = at + __builtin_popcount(marks) * width;
    }
    return to;
}

__attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt"))) static const char *
unpack_groups(const char *from, int64_t groups, int width, char *values)
{
    for (int64_t g = 0; g < groups; g++, values += GROUP * width) {
        uint32_t marks;
        memcpy(&marks, from, sizeof marks);
        from += sizeof marks;
        if (width == 2) {
            _mm512_storeu_si512(values, _mm512_maskz_expand_epi16(marks, _mm512_loadu_si512(from)));
        } else {
            __mmask16 a = (__mmask16)marks, b = (__mmask16)(marks >> 16);
            const char *second = from + 4 * __builtin_popcount(a);
            _mm512_storeu_si512(values, _mm512_maskz_expand_epi32(a, _mm512_loadu_si512(from)));
            _mm512_storeu_si512(values + 64, _mm512_maskz_expand_epi32(b, _mm512_loadu_si512(second)));
        }
        from += __builtin_popcount(marks) * width;
    }
    return from;
}
#endif

/* ---- a row ---- */

size_t packing_pack(const void *values, int64_t count, int width, void *bytes)
{
    const char *from = values;
    char *to = bytes;
    int64_t done = 0;
#ifdef __x86_64__
    if (has_compress()) {
        to = pack_groups(from, count / GROUP, width, to);
        done = count / GROUP * GROUP;
    }
#endif
    for (; done < count; done += GROUP) {
        to = pack_group(from + done * width, count - done < GROUP ? (int)(count - done) : GROUP, width, to);
    }
    size_t used = (size_t)(to - (char *)bytes);
    memset(to, 0, 3);
    return (used + 3) / 4 * 4;
}

void packing_unpack(const void *bytes, int64_t count, int width, void *values)
{
    const char *from = bytes;
    char *to = values;
    int64_t done = 0;
#ifdef __x86_64__
    if (has_compress()) {
        from = unpack_groups(from, count / GROUP, width, to);
        done = count / GROUP * GROUP;
    }
#endif
    for (; done < count; done += GROUP) {
        from = unpack_group(from, count - done < GROUP ? (int)(count - done) : GROUP, width, to + done * width);
    }
}
