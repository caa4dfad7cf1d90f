/*
 * The bfloat16 kernels of linear.h, for AVX-512 BF16; part of linear_kernels.c, whose fold and steps of Adam they use.
 */
#define BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define INLINE static inline __attribute__((always_inline))
#define PAIR 2 /* rows (forward) or groups of columns (backward) that are summed at once, and values of a product */

BF16 static void round_row_bf16(const float *row, int64_t n_features, uint16_t *out)
{
    int64_t d = 0;
    for (; d + LINEAR_LANES <= n_features; d += LINEAR_LANES) {
        _mm256_storeu_si256((__m256i *)(out + d), (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(row + d)));
    }
    for (const int64_t end = linear_rounded(n_features); d < end; d += LINEAR_LANES) {
        const int64_t left = n_features - d;
        const __mmask16 some = left > 0 ? (__mmask16)((1u << left) - 1) : 0;
        _mm256_storeu_si256((__m256i *)(out + d), (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(some, row + d)));
    }
}

/* The weights of a pair of groups, [2][10][16], or of the last one that has no other, as [10][32]. */
BF16 INLINE void round_pair_bf16(const float *weight, bool both, uint16_t *out)
{
#pragma GCC unroll 10
    for (int c = 0; c < LINEAR_CLASSES; c++) {
        const __m512 low = _mm512_loadu_ps(weight + c * LINEAR_LANES);
        const __m512 high = both ? _mm512_loadu_ps(weight + LINEAR_GROUP + c * LINEAR_LANES) : _mm512_setzero_ps();
        _mm512_storeu_si512(out + c * PAIR * LINEAR_LANES, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

BF16 static void round_weights_bf16(const linear *l, uint16_t *out)
{
    for (int block = 0; block < l->n_blocks; block++) {
        for (int64_t group = 0; group < l->n_groups; group += PAIR) {
            round_pair_bf16(linear_weight(l, block, group), group + 1 < l->n_groups,
                            out + linear_pair(l, block, group));
        }
    }
}

BF16 static void round_deltas_bf16(const float *delta, int n, int64_t stride, uint32_t *out)
{
    for (int b = 0; b < n; b += PAIR, out += stride) {
        for (int64_t k = 0; k < stride; k += LINEAR_LANES) {
            const float *at = delta + b * stride + k;
            const __m512 second = b + 1 < n ? _mm512_loadu_ps(at + stride) : _mm512_setzero_ps();
            const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(at)));
            const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
            _mm512_storeu_si512(out + k, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
        }
    }
}

BF16 INLINE void forward_rows_bf16(const linear_rows *r, int b, const uint16_t *weight, float *out, const int tile)
{
    float sums[PAIR][LINEAR_CLASSES][LINEAR_LANES] __attribute__((aligned(64)));
    const int64_t begin = r->end ? r->begin : r->first, end = r->end ? r->end : r->last;
    const uint16_t *rows[PAIR], *next[PAIR]; /* next: as of float32 */
    for (int i = 0; i < tile; i++) {
        rows[i] = r->rows_bf16[b + i];
        next[i] = b + tile + i < r->n + r->more ? r->rows_bf16[b + tile + i] - (end - begin) * LINEAR_LANES : rows[i];
    }
    const int64_t ahead = PAIR * AHEAD, turning = end - ahead;
    __m512 sum[PAIR][LINEAR_CLASSES] = {0};
    for (int64_t group = r->first; group < r->last; group += PAIR, weight += PAIR * LINEAR_GROUP) {
        __m512bh x[PAIR] = {0};
#pragma GCC unroll 2
        for (int i = 0; i < tile; i++) {
            x[i] = (__m512bh)_mm512_loadu_si512(rows[i] + group * LINEAR_LANES);
            __builtin_prefetch((group < turning ? rows : next)[i] + (group + ahead) * LINEAR_LANES, 0, 3);
        }
#pragma GCC unroll 10
        for (int c = 0; c < LINEAR_CLASSES; c++) {
            __m512i one = _mm512_loadu_si512(weight + c * PAIR * LINEAR_LANES);
            KEEP(one);
#pragma GCC unroll 2
            for (int i = 0; i < tile; i++) {
                sum[i][c] = _mm512_dpbf16_ps(sum[i][c], x[i], (__m512bh)one);
            }
        }
    }
#pragma GCC unroll 2
    for (int i = 0; i < tile; i++) {
#pragma GCC unroll 10
        for (int c = 0; c < LINEAR_CLASSES; c++) {
            _mm512_store_ps(sums[i][c], sum[i][c]);
        }
        fold_avx512(sums[i], out + (int64_t)(b + i) * LINEAR_LANES);
    }
}

BF16 static void forward_bf16(const linear_rows *r, const uint16_t *weight, float *out)
{
    int b = 0;
    for (; b + PAIR <= r->n; b += PAIR) {
        forward_rows_bf16(r, b, weight, out, PAIR);
    }
    for (; b < r->n; b++) {
        forward_rows_bf16(r, b, weight, out, 1);
    }
}

/* Two rows' values of two groups of columns, side by side for the products: x[0] the first group, x[1] the second. */
BF16 INLINE void side_by_side(__m512i row, __m512i below, __m512bh x[PAIR])
{
    static const uint16_t places[PAIR][2 * LINEAR_LANES]
        __attribute__((aligned(64))) = {{0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                                         8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47},
                                        {16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55,
                                         24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63}};
    x[0] = (__m512bh)_mm512_permutex2var_epi16(row, _mm512_load_si512(places[0]), below);
    x[1] = (__m512bh)_mm512_permutex2var_epi16(row, _mm512_load_si512(places[1]), below);
}

BF16 INLINE void add_pair_of_rows(const linear_rows *r, int b, int64_t group, const uint32_t *delta, const bool asking,
                                  __m512 sum[PAIR][LINEAR_CLASSES])
{
    __m512bh x[PAIR];
    const __m512i row = _mm512_loadu_si512(r->rows_bf16[b] + group * LINEAR_LANES);
    /* zeros beside a last row without a partner: the partner's delta is 0, and infinity times 0 would be not-a-number
     */
    side_by_side(
        row, b + 1 < r->n ? _mm512_loadu_si512(r->rows_bf16[b + 1] + group * LINEAR_LANES) : _mm512_setzero_si512(), x);
    if (asking) {
        __builtin_prefetch(r->coming_bf16[b] + group * LINEAR_LANES, 0, 2);
        __builtin_prefetch(r->coming_bf16[b + 1 < r->n ? b + 1 : b] + group * LINEAR_LANES, 0, 2);
    }
#pragma GCC unroll 10
    for (int c = 0; c < LINEAR_CLASSES; c++) {
        __m512i error = _mm512_set1_epi32((int)delta[c]);
#pragma GCC unroll 2
        for (int i = 0; i < PAIR; i++) {
            sum[i][c] = _mm512_dpbf16_ps(sum[i][c], x[i], (__m512bh)error);
        }
    }
}

/* Those that wait meet Adam, and their weights are rounded. */
BF16 INLINE void finish_pair(const goal_avx512 *goal, waiting_avx512 *w, uint16_t *rounded)
{
    finish_all_avx512(goal, w);
    if (w->count) {
        round_pair_bf16(goal->weight + w->at, w->count > LINEAR_CLASSES, rounded + w->at);
    }
}

BF16 INLINE void descend_groups_bf16(const linear_rows *r, int64_t group, const uint32_t *delta, int64_t stride,
                                     const goal_avx512 *goal, uint16_t *rounded, waiting_avx512 *w, const bool asking)
{
    __m512 sum[PAIR][LINEAR_CLASSES] = {0};
    int b = 0;
    for (; b < r->n && w->next < w->count; b += PAIR, delta += stride) {
        finish_next_avx512(goal, w);
        add_pair_of_rows(r, b, group, delta, asking, sum);
    }
    for (; b < r->n; b += PAIR, delta += stride) {
        add_pair_of_rows(r, b, group, delta, asking, sum);
    }
    finish_pair(goal, w, rounded);
#pragma GCC unroll 2
    for (int i = 0; i < PAIR; i++) {
#pragma GCC unroll 10
        for (int c = 0; c < LINEAR_CLASSES; c++) {
            w->sums[i * LINEAR_CLASSES + c] = (floats_16)sum[i][c];
        }
    }
    w->at = (group - r->first) * LINEAR_GROUP;
    w->next = 0;
    w->count = group + 1 < r->last ? PAIR * LINEAR_CLASSES : LINEAR_CLASSES;
}

BF16 static void descend_bf16(const linear_rows *r, const uint32_t *delta, int64_t stride, const adam_step *step,
                              float *weight, float *m, float *v, uint16_t *rounded)
{
    const adam_step s = *step; /* a copy that no store can change */
    const goal_avx512 goal = {.step = &s, .weight = weight, .m = m, .v = v};
    waiting_avx512 w = {.count = 0};
    for (int64_t group = r->first; group < r->last; group += PAIR) {
        if (r->coming_bf16) {
            descend_groups_bf16(r, group, delta, stride, &goal, rounded, &w, true);
        } else {
            descend_groups_bf16(r, group, delta, stride, &goal, rounded, &w, false);
        }
    }
    finish_pair(&goal, &w, rounded);
}

const linear_bf16 *linear_bf16_here(void)
{
    static const linear_bf16 kernels = {round_row_bf16, round_weights_bf16, round_deltas_bf16, forward_bf16,
                                        descend_bf16};
    return cpu_has(CPU_AVX512 | CPU_BF16) ? &kernels : NULL;
}

#undef INLINE
#undef PAIR
#undef BF16
