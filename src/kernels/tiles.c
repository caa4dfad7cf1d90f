/*
 * A batch of 64 rows goes through three steps that leave it in the second level of cache: split into halves (the upper
 * 16 bits, and the rest rounded to 16 bits); forward, T = X Q, tiles of 16 rows by 32 columns; backward, X' T. AMX
 * wants pairs of what it sums over side by side in its second operand. Going forward that is the vectors Q, packed
 * once. Going backward it would be pairs of rows; instead the halves stay as they are, pairs of columns, and T enters
 * twice, with zeros in every second place: once for the even columns, once for the odd. That doubles the smaller part
 * of a work that memory bounds anyway, and spares a second copy of the rows.
 */
#include "kernels/tiles.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/kernels.h"
#include "kernels/linear.h"
#include "kernels/products_f64.h"

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ROWS = TILES_ROWS,
    TILE = 16,  /* rows of a tile */
    PAIRS = 32, /* columns of a tile of 16-bit values */
    VECTORS = LINEAR_CLASSES,
    GAP = PAIRS, /* behind a row of halves, so that tiles do not meet in the same sets of the cache */
    TILES = ROWS / TILE,
    AHEAD = 1024, /* bytes */
    KINDS = 4     /* of T's tiles: even or odd columns, upper or lower half */
};

typedef struct desk {
    uint16_t *upper, *lower;           /* [ROWS][d + GAP] */
    float (*t)[TILE];                  /* [ROWS][16] as the tiles leave it */
    float (*turned)[ROWS];             /* [10][ROWS] */
    uint32_t (*pieces)[VECTORS][TILE]; /* [n_blocks][TILES][KINDS] */
    float (*gradient)[VECTORS][TILE];  /* [2] even and odd columns */
} desk;

static int64_t row_halves(int64_t d) { return d + GAP; }

size_t tiles_packed(int64_t d, int n_blocks) { return (size_t)n_blocks * 2 * (size_t)d * TILE; }

size_t tiles_scratch(int64_t d, int n_blocks)
{
    return 2 * ROWS * (size_t)row_halves(d) * sizeof(uint16_t) + ROWS * TILE * sizeof(float) +
           VECTORS * ROWS * sizeof(float) + ((size_t)n_blocks * TILES * KINDS + 2) * VECTORS * TILE * sizeof(float);
}

static desk desk_at(void *scratch, int64_t d, int n_blocks)
{
    desk k;
    k.upper = scratch;
    k.lower = k.upper + ROWS * row_halves(d);
    k.t = (float(*)[TILE])(void *)(k.lower + ROWS * row_halves(d));
    k.turned = (float(*)[ROWS])(void *)(k.t + ROWS);
    k.pieces = (uint32_t(*)[VECTORS][TILE])(void *)(k.turned + VECTORS);
    k.gradient = (float(*)[VECTORS][TILE])(void *)(k.pieces + (size_t)n_blocks * TILES * KINDS);
    return k;
}

static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The halves of a float32, both in the upper 16 bits: value = upper + lower, to 2^-16 of it. */
static inline uint32_t upper_half(float value) { return bits_of(value) & 0xffff0000u; }
static inline uint32_t lower_half(float value)
{
    return (bits_of(value - float_of(upper_half(value))) + 0x8000u) & 0xffff0000u;
}

/* ---- vectors ---- */

/* [2 halves][d/32][16 pairs of columns][16 vectors][2] */
void tiles_pack(const double *block, int64_t d, uint16_t *packed)
{
    memset(packed, 0, tiles_packed(d, 1) * sizeof *packed);
    for (int c = 0; c < VECTORS; c++) {
        for (int64_t j = 0; j < d; j++) {
            float value = (float)block[c * d + j];
            int64_t at = (j / 2 * TILE + c) * 2 + j % 2;
            packed[at] = (uint16_t)(upper_half(value) >> 16);
            packed[d * TILE + at] = (uint16_t)(lower_half(value) >> 16);
        }
    }
}

int64_t tiles_column(int64_t group, int64_t lane) { return group / 2 * PAIRS + 2 * lane + group % 2; }

/* ---- a batch ---- */

#define AMX __attribute__((target("avx512f,avx512bw,amx-tile,amx-bf16")))

AMX static void split(const float *x, int64_t d, uint16_t *upper, uint16_t *lower)
{
    const __m512i mask = _mm512_set1_epi32((int)0xffff0000u), half = _mm512_set1_epi32(0x8000);
    uint16_t order[32];
    for (int i = 0; i < 32; i++) {
        order[i] = (uint16_t)(2 * i + 1); /* the upper words of two vectors */
    }
    const __m512i take = _mm512_loadu_si512(order);
    for (int64_t j = 0; j < d; j += PAIRS) {
        _mm_prefetch((const char *)(x + j) + AHEAD,
                     _MM_HINT_T0); /* a pure read is half as fast again with than without */
        _mm_prefetch((const char *)(x + j) + AHEAD + 64, _MM_HINT_T0);
        __m512i a = _mm512_loadu_si512(x + j), b = _mm512_loadu_si512(x + j + 16);
        __m512 c = _mm512_sub_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(_mm512_and_si512(a, mask)));
        __m512 e = _mm512_sub_ps(_mm512_castsi512_ps(b), _mm512_castsi512_ps(_mm512_and_si512(b, mask)));
        __m512i f = _mm512_add_epi32(_mm512_castps_si512(c), half), g = _mm512_add_epi32(_mm512_castps_si512(e), half);
        _mm512_store_si512(upper + j, _mm512_permutex2var_epi16(a, take, b));
        _mm512_store_si512(lower + j, _mm512_permutex2var_epi16(f, take, g));
    }
}

/* t [ROWS][16] = X Q. Tiles: 0-3 sums, 4 rows, 5 and 6 vectors. */
AMX static void forward(const desk *k, int64_t d, const uint16_t *packed)
{
    const int64_t stride = row_halves(d) * (int64_t)sizeof(uint16_t), tile_row = TILE * 2 * sizeof(uint16_t);
    const int64_t below = TILE * row_halves(d);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t j = 0; j < d; j += PAIRS) {
        const uint16_t *upper = k->upper + j, *lower = k->lower + j;
        _tile_loadd(5, packed + j * TILE, tile_row);
        _tile_loadd(6, packed + (d + j) * TILE, tile_row);
#define ONE(tile)                                                                                                      \
    _tile_loadd(4, upper + (tile)*below, stride);                                                                      \
    _tile_dpbf16ps(tile, 4, 5);                                                                                        \
    _tile_dpbf16ps(tile, 4, 6);                                                                                        \
    _tile_loadd(4, lower + (tile)*below, stride);                                                                      \
    _tile_dpbf16ps(tile, 4, 5)
        ONE(0);
        ONE(1);
        ONE(2);
        ONE(3);
#undef ONE
    }
    _tile_stored(0, k->t, TILE * sizeof(float));
    _tile_stored(1, k->t + TILE, TILE * sizeof(float));
    _tile_stored(2, k->t + 2 * TILE, TILE * sizeof(float));
    _tile_stored(3, k->t + 3 * TILE, TILE * sizeof(float));
}

/* T less its centre, times scale, of the n rows that there are, in pieces for the way back. */
static void turn(const desk *k, int n, const double *centre, double scale, uint32_t (*pieces)[VECTORS][TILE],
                 double *total)
{
    for (int c = 0; c < VECTORS; c++) {
        double sum = 0;
        for (int b = 0; b < ROWS; b++) {
            float value = b < n ? (float)(((double)k->t[b][c] - centre[c]) * scale) : 0;
            k->turned[c][b] = value;
            sum += (double)value;
        }
        total[c] += sum;
        for (int b = 0; b < ROWS; b++) {
            uint32_t upper = upper_half(k->turned[c][b]), lower = lower_half(k->turned[c][b]);
            uint32_t(*to)[VECTORS][TILE] = pieces + b / TILE * KINDS;
            to[0][c][b % TILE] = upper >> 16; /* the first of a pair of columns */
            to[1][c][b % TILE] = upper;
            to[2][c][b % TILE] = lower >> 16;
            to[3][c][b % TILE] = lower;
        }
    }
}

/* sums [d/32][even, odd][10][16] += X' T. Tiles: 0 and 1 sums, 2 rows, 4-7 T's pieces. */
AMX static void backward(const desk *k, int64_t d, uint32_t (*pieces)[VECTORS][TILE], double *sums)
{
    const int64_t stride = row_halves(d) * (int64_t)sizeof(uint16_t), row = TILE * sizeof(uint32_t);
    for (int64_t j = 0; j < d; j += PAIRS) {
        _tile_zero(0);
        _tile_zero(1);
        for (int tile = 0; tile < TILES; tile++) {
            uint32_t(*t)[VECTORS][TILE] = pieces + tile * KINDS;
            _tile_loadd(4, t[0], row);
            _tile_loadd(5, t[1], row);
            _tile_loadd(6, t[2], row);
            _tile_loadd(7, t[3], row);
            _tile_loadd(2, k->upper + tile * TILE * row_halves(d) + j, stride);
            _tile_loadd(3, k->lower + tile * TILE * row_halves(d) + j, stride);
            _tile_dpbf16ps(0, 4, 2);
            _tile_dpbf16ps(1, 5, 2);
            _tile_dpbf16ps(0, 6, 2);
            _tile_dpbf16ps(1, 7, 2);
            _tile_dpbf16ps(0, 4, 3);
            _tile_dpbf16ps(1, 5, 3);
        }
        _tile_stored(0, k->gradient[0], row);
        _tile_stored(1, k->gradient[1], row);
        add_f32_to_f64(sums + j * VECTORS, k->gradient[0][0], 2 * VECTORS * TILE);
    }
}

/* How the tiles lie going forward (all 16 rows) or backward (sums and T's pieces have ten). */
AMX static void configure(bool back)
{
    struct {
        uint8_t palette, start, none[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } c;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int tile = 0; tile < 8; tile++) {
        c.row_bytes[tile] = 64;
        c.rows[tile] = back && tile != 2 && tile != 3 ? VECTORS : TILE;
    }
    _tile_loadconfig(&c);
}

AMX void tiles_add(const float *x, int64_t d, int64_t first, int64_t last, int64_t stride, const uint16_t *packed,
                   int n_blocks, const double *centre, double scale, void *scratch, double *sums, double *total)
{
    const desk k = desk_at(scratch, d, n_blocks);
    for (int64_t start = first; start < last; start += ROWS) {
        const int n = last - start < ROWS ? (int)(last - start) : ROWS;
        for (int b = 0; b < n; b++) {
            split(x + (start + b) * stride * d, d, k.upper + b * row_halves(d), k.lower + b * row_halves(d));
        }
        configure(false);
        for (int block = 0; block < n_blocks; block++) {
            forward(&k, d, packed + tiles_packed(d, block));
            turn(&k, n, centre + block * VECTORS, scale, k.pieces + block * TILES * KINDS, total + block * VECTORS);
        }
        configure(true);
        for (int block = 0; block < n_blocks; block++) {
            backward(&k, d, k.pieces + block * TILES * KINDS, sums + block * d * VECTORS);
        }
    }
    _tile_release();
}

/* The system gives the tiles' registers to a process that asks (Documentation/arch/x86/xstate.rst of Linux). */
bool tiles_suit(int64_t d)
{
    enum { REQUEST = 0x1023, TILE_DATA = 18 };
    return d % PAIRS == 0 && cpu_has(CPU_AVX512 | CPU_AMX) && syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}

const kernel_form tiles_add_forms[] = {KERNEL_FORM("amx", CPU_AVX512 | CPU_AMX, tiles_add), {NULL, 0, NULL}};

#else

const kernel_form tiles_add_forms[] = {{NULL, 0, NULL}};

bool tiles_suit(int64_t d)
{
    (void)d;
    return false;
}

size_t tiles_packed(int64_t d, int n_blocks) { return (size_t)n_blocks * (size_t)d; }
size_t tiles_scratch(int64_t d, int n_blocks) { return (size_t)n_blocks * (size_t)d; }

void tiles_pack(const double *block, int64_t d, uint16_t *packed)
{
    (void)block;
    (void)d;
    (void)packed;
}

int64_t tiles_column(int64_t group, int64_t lane) { return group + lane; }

void tiles_add(const float *x, int64_t d, int64_t first, int64_t last, int64_t stride, const uint16_t *packed,
               int n_blocks, const double *centre, double scale, void *scratch, double *sums, double *total)
{
    (void)x;
    (void)d;
    (void)first;
    (void)last;
    (void)stride;
    (void)packed;
    (void)n_blocks;
    (void)centre;
    (void)scale;
    (void)scratch;
    (void)sums;
    (void)total;
}

#endif
