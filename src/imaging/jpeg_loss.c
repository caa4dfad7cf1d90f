/*
 * A JPEG round trip in integers, identical to libjpeg-turbo. Planes of luma and half-sized chroma, padded to whole
 * blocks, are transformed in place, LANES blocks at a time, so that every step of the transform is one vector
 * operation. The constants are those of the definition times 2^13 (transforms) or 2^16 (colours), rounded.
 */
#include "imaging/jpeg_loss.h"

#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "imaging/vector.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

enum { LANES = 8, PIECE = 256, BLOCK = 64, STACK_BYTES = 16 * 1024 };

/* The quantisation tables of T.81, annex K, for quality 50. */
static const uint8_t luma_steps[BLOCK] = {
    16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55, /**/
    14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62, /**/
    18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92, /**/
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
};
static const uint8_t chroma_steps[BLOCK] = {
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, /**/
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99, /**/
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, /**/
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
};

/* A coefficient, scaled by 8 after the transform, is divided by 8 step and rounded: (|c| + added) factor >> shift. */
typedef struct quantiser {
    int32_t step[BLOCK];
    uint32_t added[BLOCK], factor[BLOCK], shift[BLOCK];
} quantiser;

/* Division by multiplication as in jcdctmgr.c (compute_reciprocal), exact for all results of the transform. */
static void quantiser_fill(const uint8_t *steps, int quality, quantiser *q)
{
    int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int i = 0; i < BLOCK; i++) {
        int step = (steps[i] * scale + 50) / 100;
        step = step < 1 ? 1 : step > 255 ? 255 : step;
        uint32_t divisor = (uint32_t)step * 8, shift = 16;
        while (divisor >> (shift - 15)) {
            shift++;
        }
        uint32_t factor = (1u << shift) / divisor, rest = (1u << shift) % divisor, added = divisor / 2;
        if (rest == 0) {
            factor >>= 1;
            shift--;
        } else if (rest <= divisor / 2) {
            added++;
        } else {
            factor++;
        }
        q->step[i] = step;
        q->added[i] = added;
        q->factor[i] = factor;
        q->shift[i] = shift;
    }
}

/* (x + 2^(bits-1)) >> bits */
#define ROUNDED(x, bits) (((x) + (1 << ((bits)-1))) >> (bits))

/*
 * Forward transform of Loeffler, Ligtenberg & Moschytz as in jfdctint.c, of eight values `stride` apart, in every lane.
 * `bits` is the rounding of the odd outputs, `even_up` and `even_down` that of the sum and the difference.
 */
#define FORWARD(x, stride, bits, EVEN)                                                                                 \
    for (int lane = 0; lane < LANES; lane++) {                                                                         \
        int32_t *v = (x) + lane;                                                                                       \
        int32_t s0 = v[0] + v[7 * (stride)], t7 = v[0] - v[7 * (stride)];                                              \
        int32_t s1 = v[stride] + v[6 * (stride)], t6 = v[stride] - v[6 * (stride)];                                    \
        int32_t s2 = v[2 * (stride)] + v[5 * (stride)], t5 = v[2 * (stride)] - v[5 * (stride)];                        \
        int32_t s3 = v[3 * (stride)] + v[4 * (stride)], t4 = v[3 * (stride)] - v[4 * (stride)];                        \
        int32_t e0 = s0 + s3, e3 = s0 - s3, e1 = s1 + s2, e2 = s1 - s2, z = (e2 + e3) * 4433;                          \
        v[0] = EVEN(e0 + e1);                                                                                          \
        v[4 * (stride)] = EVEN(e0 - e1);                                                                               \
        v[2 * (stride)] = ROUNDED(z + e3 * 6270, bits);                                                                \
        v[6 * (stride)] = ROUNDED(z - e2 * 15137, bits);                                                               \
        int32_t z5 = (t4 + t6 + t5 + t7) * 9633;                                                                       \
        int32_t z1 = (t4 + t7) * -7373, z2 = (t5 + t6) * -20995;                                                       \
        int32_t z3 = (t4 + t6) * -16069 + z5, z4 = (t5 + t7) * -3196 + z5;                                             \
        v[7 * (stride)] = ROUNDED(t4 * 2446 + z1 + z3, bits);                                                          \
        v[5 * (stride)] = ROUNDED(t5 * 16819 + z2 + z4, bits);                                                         \
        v[3 * (stride)] = ROUNDED(t6 * 25172 + z2 + z3, bits);                                                         \
        v[stride] = ROUNDED(t7 * 12299 + z1 + z4, bits);                                                               \
    }

/* The inverse, as in jidctint.c. */
#define INVERSE(x, stride, bits)                                                                                       \
    for (int lane = 0; lane < LANES; lane++) {                                                                         \
        int32_t *v = (x) + lane;                                                                                       \
        int32_t z = (v[2 * (stride)] + v[6 * (stride)]) * 4433;                                                        \
        int32_t e2 = z - v[6 * (stride)] * 15137, e3 = z + v[2 * (stride)] * 6270;                                     \
        int32_t e0 = (v[0] + v[4 * (stride)]) * 8192, e1 = (v[0] - v[4 * (stride)]) * 8192;                            \
        int32_t s0 = e0 + e3, s3 = e0 - e3, s1 = e1 + e2, s2 = e1 - e2;                                                \
        int32_t t0 = v[7 * (stride)], t1 = v[5 * (stride)], t2 = v[3 * (stride)], t3 = v[stride];                      \
        int32_t z5 = (t0 + t2 + t1 + t3) * 9633;                                                                       \
        int32_t z1 = (t0 + t3) * -7373, z2 = (t1 + t2) * -20995;                                                       \
        int32_t z3 = (t0 + t2) * -16069 + z5, z4 = (t1 + t3) * -3196 + z5;                                             \
        t0 = t0 * 2446 + z1 + z3;                                                                                      \
        t1 = t1 * 16819 + z2 + z4;                                                                                     \
        t2 = t2 * 25172 + z2 + z3;                                                                                     \
        t3 = t3 * 12299 + z1 + z4;                                                                                     \
        v[0] = ROUNDED(s0 + t3, bits);                                                                                 \
        v[7 * (stride)] = ROUNDED(s0 - t3, bits);                                                                      \
        v[stride] = ROUNDED(s1 + t2, bits);                                                                            \
        v[6 * (stride)] = ROUNDED(s1 - t2, bits);                                                                      \
        v[2 * (stride)] = ROUNDED(s2 + t1, bits);                                                                      \
        v[5 * (stride)] = ROUNDED(s2 - t1, bits);                                                                      \
        v[3 * (stride)] = ROUNDED(s3 + t0, bits);                                                                      \
        v[4 * (stride)] = ROUNDED(s3 - t0, bits);                                                                      \
    }

#define TIMES_4(x) ((x)*4)
#define ROUNDED_2(x) ROUNDED(x, 2)

/* bytes [8,8,LANES]: rows, columns, blocks. Transforms, quantises and transforms back in place. */
static RESHIFT_VECTOR(void, lose_blocks, (uint8_t *restrict bytes, const quantiser *restrict q), (bytes, q))
{
    _Alignas(MEMORY_ALIGNMENT) int32_t samples[BLOCK * LANES];
    for (int i = 0; i < BLOCK * LANES; i++) {
        samples[i] = bytes[i] - 128;
    }
    for (int y = 0; y < 8; y++) {
        FORWARD(samples + y * 8 * LANES, LANES, 11, TIMES_4)
    }
    for (int x = 0; x < 8; x++) {
        FORWARD(samples + x * LANES, 8 * LANES, 15, ROUNDED_2)
    }
    for (int i = 0; i < BLOCK; i++) {
        uint32_t added = q->added[i], factor = q->factor[i], shift = q->shift[i];
        int32_t step = q->step[i], *v = samples + i * LANES;
        for (int lane = 0; lane < LANES; lane++) {
            int32_t sign = v[lane] >> 31;
            uint32_t size = (uint32_t)((v[lane] ^ sign) - sign);
            v[lane] = (((int32_t)((size + added) * factor >> shift) ^ sign) - sign) * step;
        }
    }
    for (int x = 0; x < 8; x++) {
        INVERSE(samples + x * LANES, 8 * LANES, 11)
    }
    for (int y = 0; y < 8; y++) {
        INVERSE(samples + y * 8 * LANES, LANES, 18)
    }
    for (int i = 0; i < BLOCK * LANES; i++) {
        int32_t value = samples[i] + 128;
        value = value < 0 ? 0 : value;
        bytes[i] = (uint8_t)(value > 255 ? 255 : value);
    }
}

/* Transposes an 8x8 block of bytes. */
static void transpose(const uint8_t *const from[8], uint8_t *const to[8])
{
#if defined(__x86_64__)
    __m128i pairs[4], low[2], high[2], columns[4];
    for (int i = 0; i < 4; i++) {
        pairs[i] = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(const void *)from[2 * i]),
                                     _mm_loadl_epi64((const __m128i *)(const void *)from[2 * i + 1]));
    }
    for (int i = 0; i < 2; i++) {
        low[i] = _mm_unpacklo_epi16(pairs[2 * i], pairs[2 * i + 1]);
        high[i] = _mm_unpackhi_epi16(pairs[2 * i], pairs[2 * i + 1]);
    }
    columns[0] = _mm_unpacklo_epi32(low[0], low[1]);
    columns[1] = _mm_unpackhi_epi32(low[0], low[1]);
    columns[2] = _mm_unpacklo_epi32(high[0], high[1]);
    columns[3] = _mm_unpackhi_epi32(high[0], high[1]);
    for (int i = 0; i < 4; i++) {
        _mm_storel_epi64((__m128i *)(void *)to[2 * i], columns[i]);
        _mm_storel_epi64((__m128i *)(void *)to[2 * i + 1], _mm_unpackhi_epi64(columns[i], columns[i]));
    }
#else
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) {
            to[j][i] = from[i][j];
        }
    }
#endif
}

/* Processes all blocks of a plane [height,width], both multiples of 8, in place. */
static void lose_plane(uint8_t *plane, size_t height, size_t width, const quantiser *q)
{
    size_t across = width / 8, blocks = across * (height / 8);
    _Alignas(MEMORY_ALIGNMENT) uint8_t bytes[BLOCK * LANES];
    for (size_t first = 0; first < blocks; first += LANES) {
        uint8_t *rows[LANES], *columns[8]; /* lanes beyond the last block repeat its work */
        for (size_t lane = 0; lane < LANES; lane++) {
            size_t block = first + lane < blocks ? first + lane : blocks - 1;
            rows[lane] = plane + block / across * 8 * width + block % across * 8;
        }
        for (size_t y = 0; y < 8; y++) {
            const uint8_t *from[LANES];
            for (size_t i = 0; i < 8; i++) {
                from[i] = rows[i] + y * width;
                columns[i] = bytes + (y * 8 + i) * LANES;
            }
            transpose(from, columns);
        }
        lose_blocks(bytes, q);
        for (size_t y = 0; y < 8; y++) {
            const uint8_t *from[LANES];
            uint8_t *to[LANES];
            for (size_t i = 0; i < 8; i++) {
                from[i] = bytes + (y * 8 + i) * LANES;
                to[i] = rows[i] + y * width;
            }
            transpose(from, to);
        }
    }
}

/* Expands pixels to words, red in the lowest byte: three-byte pixels are slow to process. */
static void unpack_pixels(const uint8_t *rgb, size_t n, uint32_t *words)
{
    for (size_t i = 0; i < n; i++) {
        words[i] = (uint32_t)rgb[3 * i] | (uint32_t)rgb[3 * i + 1] << 8 | (uint32_t)rgb[3 * i + 2] << 16;
    }
}

static void pack_pixels(const uint32_t *words, size_t n, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++) {
        rgb[3 * i] = (uint8_t)words[i];
        rgb[3 * i + 1] = (uint8_t)(words[i] >> 8);
        rgb[3 * i + 2] = (uint8_t)(words[i] >> 16);
    }
}

static RESHIFT_VECTOR(void, to_ycc,
                      (const uint32_t *restrict words, size_t n, uint8_t *restrict y, uint8_t *restrict cb,
                       uint8_t *restrict cr),
                      (words, n, y, cb, cr))
{
    for (size_t i = 0; i < n; i++) {
        int32_t r = words[i] & 255, g = words[i] >> 8 & 255, b = (int32_t)(words[i] >> 16);
        y[i] = (uint8_t)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
        cb[i] = (uint8_t)((-11059 * r - 21709 * g + 32768 * b + (128 << 16) + 32767) >> 16);
        cr[i] = (uint8_t)((32768 * r - 27439 * g - 5329 * b + (128 << 16) + 32767) >> 16);
    }
}

static RESHIFT_VECTOR(void, to_rgb,
                      (const uint8_t *restrict y, const uint8_t *restrict cb, const uint8_t *restrict cr, size_t n,
                       uint32_t *restrict words),
                      (y, cb, cr, n, words))
{
    for (size_t i = 0; i < n; i++) {
        int32_t luma = y[i], blue = cb[i] - 128, red = cr[i] - 128;
        int32_t r = luma + ((91881 * red + 32768) >> 16);
        int32_t g = luma + ((-22554 * blue - 46802 * red + 32768) >> 16);
        int32_t b = luma + ((116130 * blue + 32768) >> 16);
        r = r < 0 ? 0 : r;
        g = g < 0 ? 0 : g;
        b = b < 0 ? 0 : b;
        r = r > 255 ? 255 : r;
        g = g > 255 ? 255 : g;
        b = b > 255 ? 255 : b;
        words[i] = (uint32_t)(r | g << 8 | b << 16);
    }
}

/* Means of 2x2; halves are rounded down and up alternately. Rows of 2 n. */
static RESHIFT_VECTOR(void, halve,
                      (const uint8_t *restrict above, const uint8_t *restrict below, size_t n,
                       uint8_t *restrict output),
                      (above, below, n, output))
{
    for (size_t i = 0; i < n; i++) {
        uint32_t sum = (uint32_t)above[2 * i] + above[2 * i + 1] + below[2 * i] + below[2 * i + 1];
        output[i] = (uint8_t)((sum + 1 + (i & 1)) >> 2);
    }
}

/* sums[i] = 3 near + far */
static RESHIFT_VECTOR(void, add_rows,
                      (const uint8_t *restrict near, const uint8_t *restrict far, size_t n, int32_t *restrict sums),
                      (near, far, n, sums))
{
    for (size_t i = 0; i < n; i++) {
        sums[i] = 3 * near[i] + far[i];
    }
}

/*
 * Doubles a row of n samples: each output is 3/4 of the nearer and 1/4 of the farther sample; sums[-1] and sums[n]
 * repeat the ends.
 */
static RESHIFT_VECTOR(void, double_row, (const int32_t *sums, size_t n, uint8_t *restrict output), (sums, n, output))
{
    for (size_t i = 0; i < n; i++) {
        output[2 * i] = (uint8_t)((3 * sums[i] + sums[(ptrdiff_t)i - 1] + 8) >> 4);
        output[2 * i + 1] = (uint8_t)((3 * sums[i] + sums[i + 1] + 7) >> 4);
    }
}

/*
 * The planes of an image, and work rows. Sizes are in samples. `rows` and `across` count real samples, the rest of a
 * plane is padding.
 */
typedef struct planes {
    size_t height, width;              /* of the luma plane, multiples of 16 */
    size_t chroma_rows, chroma_across; /* of half the image, rounded up */
    uint8_t *luma, *chroma[2];         /* chroma [height/2,width/2], the second after the first */
    uint8_t *full[2][2];               /* two rows of each chroma plane at the luma's width */
    int32_t *sums;                     /* [1 + width/2 + 1] */
} planes;

static void repeat_last_row(uint8_t *plane, size_t rows, size_t height, size_t width)
{
    for (size_t y = rows; y < height; y++) {
        memcpy(plane + y * width, plane + (rows - 1) * width, width);
    }
}

static void repeat_last_sample(uint8_t *row, size_t n, size_t width) { memset(row + n, row[n - 1], width - n); }

static void encode(const reshift_image *input, const planes *p)
{
    size_t height = (size_t)input->height, width = (size_t)input->width;
    uint32_t words[PIECE];
    for (size_t y = 0; y < height; y++) {
        uint8_t *luma = p->luma + y * p->width, *cb = p->full[0][y & 1], *cr = p->full[1][y & 1];
        for (size_t x = 0; x < width; x += PIECE) {
            size_t n = width - x < PIECE ? width - x : PIECE;
            unpack_pixels(input->pixels + 3 * (y * width + x), n, words);
            to_ycc(words, n, luma + x, cb + x, cr + x);
        }
        repeat_last_sample(luma, width, p->width);
        repeat_last_sample(cb, width, p->width);
        repeat_last_sample(cr, width, p->width);
        if ((y & 1) || y + 1 == height) { /* an odd last row is paired with itself */
            for (int c = 0; c < 2; c++) {
                halve(p->full[c][0], p->full[c][y & 1], p->width / 2, p->chroma[c] + y / 2 * (p->width / 2));
            }
        }
    }
    repeat_last_row(p->luma, height, p->height, p->width);
    for (int c = 0; c < 2; c++) {
        repeat_last_row(p->chroma[c], p->chroma_rows, p->height / 2, p->width / 2);
    }
}

/*
 * Row y of a chroma plane at the luma's width, with triangular interpolation; images up to 4 pixels wide repeat their
 * samples.
 */
static void double_chroma(const planes *p, int c, size_t y, uint8_t *output)
{
    size_t n = p->chroma_across, last = p->chroma_rows - 1, near = y / 2;
    const uint8_t *row = p->chroma[c] + near * (p->width / 2);
    if (n <= 2) {
        for (size_t i = 0; i < 2 * n; i++) {
            output[i] = row[i / 2];
        }
        return;
    }
    size_t far = y & 1 ? (near < last ? near + 1 : last) : (near > 0 ? near - 1 : 0);
    int32_t *sums = p->sums + 1;
    add_rows(row, p->chroma[c] + far * (p->width / 2), n, sums);
    sums[-1] = sums[0];
    sums[n] = sums[n - 1];
    double_row(sums, n, output);
}

static void decode(const planes *p, size_t height, size_t width, uint8_t *output)
{
    uint32_t words[PIECE];
    for (size_t y = 0; y < height; y++) {
        double_chroma(p, 0, y, p->full[0][0]);
        double_chroma(p, 1, y, p->full[1][0]);
        for (size_t x = 0; x < width; x += PIECE) {
            size_t n = width - x < PIECE ? width - x : PIECE;
            to_rgb(p->luma + y * p->width + x, p->full[0][0] + x, p->full[1][0] + x, n, words);
            pack_pixels(words, n, output + 3 * (y * width + x));
        }
    }
}

reshift_status jpeg_loss(const reshift_image *input, int quality, uint8_t *output, reshift_error *error)
{
    if (input->height > JPEG_EXTENT_MAX || input->width > JPEG_EXTENT_MAX) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "a JPEG has at most %d pixels a side, not %dx%d",
                         JPEG_EXTENT_MAX, input->width, input->height);
    }
    planes p = {.height = ((size_t)input->height + 15) / 16 * 16, .width = ((size_t)input->width + 15) / 16 * 16};
    p.chroma_rows = ((size_t)input->height + 1) / 2;
    p.chroma_across = ((size_t)input->width + 1) / 2;
    size_t luma = p.height * p.width, sums = memory_align((p.width / 2 + 2) * sizeof *p.sums);
    size_t bytes = sums + luma + luma / 2 + 4 * p.width;
    _Alignas(MEMORY_ALIGNMENT) uint8_t stack[STACK_BYTES];
    uint8_t *memory = bytes <= sizeof stack ? stack : memory_allocate(bytes);
    if (!memory) {
        return error_memory(error, bytes, "the planes of a JPEG");
    }
    p.sums = (int32_t *)(void *)memory;
    p.luma = memory + sums;
    p.chroma[0] = p.luma + luma;
    p.chroma[1] = p.chroma[0] + luma / 4;
    for (size_t i = 0; i < 4; i++) {
        p.full[i / 2][i % 2] = p.chroma[1] + luma / 4 + i * p.width;
    }
    quantiser q;
    encode(input, &p);
    quantiser_fill(luma_steps, quality, &q);
    lose_plane(p.luma, p.height, p.width, &q);
    quantiser_fill(chroma_steps, quality, &q);
    lose_plane(p.chroma[0], p.height, p.width / 2, &q); /* both planes in one call: they are contiguous */
    decode(&p, (size_t)input->height, (size_t)input->width, output);
    if (memory != stack) {
        memory_free(memory);
    }
    return RESHIFT_OK;
}
