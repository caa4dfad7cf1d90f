/*
 * The kernels of linear.h for one instruction set; included by linear_kernels.c once for each, with these defined:
 *   KERNEL(name)     name with the set's ending         TARGET   the set's function attribute
 *   VECTOR           a vector of WIDTH floats, which may lie anywhere
 *   MULTIPLY_ADD(a, b, c)  a b + c                      SQUARE_ROOT(a)        BROADCAST(s)
 *   KEEP(a)          holds a vector in a register, where the compiler would load it anew for each use
 *   FOLD(sums, out)  sums [10][16] -> out [16]: lanes l and l+8, then l+4, l+2, l+1 added; zeros behind the ten
 *   ROWS, GROUPS     rows (forward) and groups of columns (backward) that are summed at once
 * Where a vector is narrower than the 16 lanes, the lanes are gone through in `WIDTH`s, so the sums are the same ones.
 */
#define INLINE static inline __attribute__((always_inline))

/* The columns of the last, smaller group, padded with zeros. */
TARGET INLINE void KERNEL(pad)(const float *row, const linear_rows *r, float padded[LINEAR_LANES])
{
    int64_t full = r->n_features / LINEAR_LANES * LINEAR_LANES;
    for (int64_t j = 0; j < LINEAR_LANES; j++) {
        padded[j] = full + j < r->n_features ? row[full + j] : 0;
    }
}

TARGET INLINE void KERNEL(forward_rows)(const linear_rows *r, int b, const float *weight, float *out, const int tile)
{
    float sums[ROWS][LINEAR_CLASSES][LINEAR_LANES] __attribute__((aligned(64)));
    float padded[ROWS][LINEAR_LANES];
    const int64_t begin = r->end ? r->begin : r->first, end = r->end ? r->end : r->last;
    const float *rows[ROWS],
        *next[ROWS]; /* and those that come after these, so far before their start as they are read */
    for (int i = 0; i < tile; i++) {
        rows[i] = r->rows[b + i];
        next[i] = b + tile + i < r->n + r->more ? r->rows[b + tile + i] - (end - begin) * LINEAR_LANES : rows[i];
    }
    const int64_t turning = end - AHEAD;
    int64_t full = r->n_features / LINEAR_LANES;
    full = full < r->last ? full : r->last;
    if (full < r->last) {
        for (int i = 0; i < tile; i++) {
            KERNEL(pad)(rows[i], r, padded[i]);
        }
    }
#pragma GCC unroll 4
    for (int lane = 0; lane < LINEAR_LANES; lane += WIDTH) {
        VECTOR sum[ROWS][LINEAR_CLASSES] = {0};
        const float *w = weight + lane;
        for (int64_t group = r->first; group < full; group++, w += LINEAR_GROUP) {
            VECTOR x[ROWS] = {0};
#pragma GCC unroll 2
            for (int i = 0; i < tile; i++) {
                x[i] = *(const VECTOR *)(rows[i] + group * LINEAR_LANES + lane);
            }
            if (lane == 0) {
#pragma GCC unroll 2
                for (int i = 0; i < tile; i++) {
                    __builtin_prefetch((group < turning ? rows : next)[i] + (group + AHEAD) * LINEAR_LANES, 0, 3);
                }
            }
#pragma GCC unroll 10
            for (int c = 0; c < LINEAR_CLASSES; c++) {
                VECTOR one = *(const VECTOR *)(w + c * LINEAR_LANES);
                KEEP(one);
#pragma GCC unroll 2
                for (int i = 0; i < tile; i++) {
                    sum[i][c] = MULTIPLY_ADD(x[i], one, sum[i][c]);
                }
            }
        }
        if (full < r->last) {
#pragma GCC unroll 10
            for (int c = 0; c < LINEAR_CLASSES; c++) {
#pragma GCC unroll 2
                for (int i = 0; i < tile; i++) {
                    sum[i][c] = MULTIPLY_ADD(*(const VECTOR *)(padded[i] + lane),
                                             *(const VECTOR *)(w + c * LINEAR_LANES), sum[i][c]);
                }
            }
        }
#pragma GCC unroll 10
        for (int c = 0; c < LINEAR_CLASSES; c++) {
#pragma GCC unroll 2
            for (int i = 0; i < tile; i++) {
                *(VECTOR *)(sums[i][c] + lane) = sum[i][c];
            }
        }
    }
    for (int i = 0; i < tile; i++) {
        FOLD(sums[i], out + (int64_t)(b + i) * LINEAR_LANES);
    }
}

TARGET static void KERNEL(forward)(const linear_rows *r, const float *weight, float *out)
{
    int b = 0;
    for (; b + ROWS <= r->n; b += ROWS) {
        KERNEL(forward_rows)(r, b, weight, out, ROWS);
    }
    for (; b < r->n; b++) {
        KERNEL(forward_rows)(r, b, weight, out, 1);
    }
}

/* What becomes of a gradient: stored, or a step of Adam in the order of operations of adam_update(). */
typedef struct KERNEL(goal) {
    float *gradient;
    const adam_step *step; /* NULL: store */
    float *weight, *m, *v;
} KERNEL(goal);

TARGET INLINE void KERNEL(finish)(const KERNEL(goal) * goal, int64_t at, VECTOR g)
{
    const adam_step *s = goal->step;
    if (!s) {
        *(VECTOR *)(goal->gradient + at) = g;
        return;
    }
    VECTOR *w = (VECTOR *)(goal->weight + at), *m = (VECTOR *)(goal->m + at), *v = (VECTOR *)(goal->v + at);
    VECTOR first = BROADCAST(s->beta1) * *m + BROADCAST(s->one_minus_beta1) * g;
    VECTOR second = BROADCAST(s->beta2) * *v + BROADCAST(s->one_minus_beta2) * (g * g);
    *m = first;
    *v = second;
    *w -= BROADCAST(s->step_size) *
          (first / (SQUARE_ROOT(second) * BROADCAST(s->inverse_root_correction) + BROADCAST(s->epsilon)));
}

/*
 * Gradients that are summed and have not met their goal yet. They do so one by one between the rows of the next sums:
 * roots and quotients have a unit of their own, slow and, where processors share it, slower still.
 */
typedef struct KERNEL(waiting) {
    VECTOR sums[GROUPS * LINEAR_CLASSES]; /* of a group's classes, then of the next group's */
    int64_t at;                           /* of the first */
    int next, count;
} KERNEL(waiting);

TARGET INLINE void KERNEL(finish_next)(const KERNEL(goal) * goal, KERNEL(waiting) * w)
{
    KERNEL(finish)(goal, w->at + w->next * LINEAR_LANES, w->sums[w->next]);
    w->next++;
}

TARGET INLINE void KERNEL(finish_all)(const KERNEL(goal) * goal, KERNEL(waiting) * w)
{
    while (w->next < w->count) {
        KERNEL(finish_next)(goal, w);
    }
}

TARGET INLINE void KERNEL(add_row)(const linear_rows *r, int b, int64_t group, int lane, const float *d, const int tile,
                                   const bool whole, const bool asking, VECTOR sum[GROUPS][LINEAR_CLASSES])
{
    VECTOR x[GROUPS] = {0};
    if (whole) {
#pragma GCC unroll 2
        for (int i = 0; i < tile; i++) {
            x[i] = *(const VECTOR *)(r->rows[b] + (group + i) * LINEAR_LANES + lane);
        }
    } else {
        float padded[LINEAR_LANES];
        KERNEL(pad)(r->rows[b], r, padded);
        x[0] = *(const VECTOR *)(padded + lane);
    }
    if (lane == 0 && asking) {
#pragma GCC unroll 2
        for (int i = 0; i < tile; i++) {
            __builtin_prefetch(r->coming[b] + (group + i) * LINEAR_LANES, 0, 2);
        }
    }
#pragma GCC unroll 10
    for (int c = 0; c < LINEAR_CLASSES; c++) {
        VECTOR error = BROADCAST(d[c]);
#pragma GCC unroll 2
        for (int i = 0; i < tile; i++) {
            sum[i][c] = MULTIPLY_ADD(x[i], error, sum[i][c]);
        }
    }
}

TARGET INLINE void KERNEL(gradient_groups)(const linear_rows *r, int64_t group, const float *delta, int64_t stride,
                                           const KERNEL(goal) * goal, KERNEL(waiting) * w, const int tile,
                                           const bool whole, const bool asking)
{
#pragma GCC unroll 4
    for (int lane = 0; lane < LINEAR_LANES; lane += WIDTH) {
        VECTOR sum[GROUPS][LINEAR_CLASSES] = {0};
        int b = 0;
        for (; b < r->n && w->next < w->count; b++) {
            KERNEL(finish_next)(goal, w);
            KERNEL(add_row)(r, b, group, lane, delta + b * stride, tile, whole, asking, sum);
        }
        for (; b < r->n; b++) {
            KERNEL(add_row)(r, b, group, lane, delta + b * stride, tile, whole, asking, sum);
        }
        KERNEL(finish_all)(goal, w);
#pragma GCC unroll 2
        for (int i = 0; i < tile; i++) {
#pragma GCC unroll 10
            for (int c = 0; c < LINEAR_CLASSES; c++) {
                w->sums[i * LINEAR_CLASSES + c] = sum[i][c];
            }
        }
        w->at = (group - r->first) * LINEAR_GROUP + lane;
        w->next = 0;
        w->count = tile * LINEAR_CLASSES;
    }
}

TARGET INLINE void KERNEL(all_groups)(const linear_rows *r, const float *delta, int64_t stride,
                                      const KERNEL(goal) * goal)
{
    int64_t full = r->n_features / LINEAR_LANES, group = r->first;
    KERNEL(waiting) w = {.count = 0};
    full = full < r->last ? full : r->last;
    if (r->coming) {
        for (; group + GROUPS <= full; group += GROUPS) {
            KERNEL(gradient_groups)(r, group, delta, stride, goal, &w, GROUPS, true, true);
        }
    }
    for (; group + GROUPS <= full; group += GROUPS) {
        KERNEL(gradient_groups)(r, group, delta, stride, goal, &w, GROUPS, true, false);
    }
    for (; group < full; group++) {
        KERNEL(gradient_groups)(r, group, delta, stride, goal, &w, 1, true, false);
    }
    if (full < r->last) {
        KERNEL(gradient_groups)(r, full, delta, stride, goal, &w, 1, false, false);
    }
    KERNEL(finish_all)(goal, &w);
}

TARGET static void KERNEL(gradient)(const linear_rows *r, const float *delta, int64_t stride, float *gradient)
{
    const KERNEL(goal) goal = {.gradient = gradient};
    KERNEL(all_groups)(r, delta, stride, &goal);
}

TARGET static void KERNEL(descend)(const linear_rows *r, const float *delta, int64_t stride, const adam_step *step,
                                   float *weight, float *m, float *v)
{
    const adam_step s = *step; /* a copy that no store can change */
    const KERNEL(goal) goal = {.step = &s, .weight = weight, .m = m, .v = v};
    KERNEL(all_groups)(r, delta, stride, &goal);
}

#undef INLINE
