/* Checks of random fields, of softmax_rows() and of the optimiser's steps. Part of test_kernels.c. */
#ifndef TESTS_KERNELS_STREAM_CHECKS_H
#define TESTS_KERNELS_STREAM_CHECKS_H

#include "kernel_inputs.h"

#include "kernels/optimiser.h"
#include "kernels/random_fill.h"
#include "kernels/softmax.h"

enum { GROUPS_MOST = 33, BLOCKS = 16 };

/* Where word j of block b of a group is. */
static int place_of_word(int b, int j) { return BLOCKS * j + 2 * (b % 8) + b / 8; }

/* Philox 4x32-10 as Salmon et al. 2011 write it down. */
static void one_block(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k[2] = {key[0], key[1]}, c[4];
    memcpy(c, counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
        const uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c[3] ^ k[1],
                                  (uint32_t)p0};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

/* The block number runs over the end of its word inside the field. */
static void check_philox_words(const kernel *k, const kernel_form *form)
{
    static const uint32_t key[2] = {0xdeadbeef, 7}, counter[4] = {0xffffff80u, 1, 0xfffffffeu, 3};
    static uint32_t expected[GROUPS_MOST * RANDOM_GROUP], found[GROUPS_MOST * RANDOM_GROUP + OFFSETS + 1];
    for (int b = 0; b < GROUPS_MOST * BLOCKS; b++) {
        uint32_t at[4] = {counter[0] + (uint32_t)b, counter[1], counter[2], counter[3]}, words[4];
        one_block(key, at, words);
        for (int j = 0; j < 4; j++) {
            expected[b / BLOCKS * RANDOM_GROUP + place_of_word(b % BLOCKS, j)] = words[j];
        }
    }
    for (size_t groups = 0; groups <= GROUPS_MOST; groups++) {
        uint32_t *to = found + groups % OFFSETS;
        to[groups * RANDOM_GROUP] = 0x5a5a5a5a;
        ((void (*)(const uint32_t[2], const uint32_t[4], size_t, uint32_t *))form->run)(key, counter, groups, to);
        if (memcmp(to, expected, groups * RANDOM_GROUP * sizeof *to) != 0 || to[groups * RANDOM_GROUP] != 0x5a5a5a5a) {
            fail_msg("%s, form %s: %zu groups: wrong words", k->name, form->name, groups);
        }
    }
}

static void fill_words(uint32_t *words, size_t n)
{
    static const uint32_t special[] = {0, ~0u, 1, 0x7fffffff, 0x80000000, 0xffff, 0xffff0000, 0x3fffffff, 0xc0000000};
    for (size_t i = 0; i < n; i++) {
        const uint32_t any = random_u32(&inputs);
        words[i] = any % 4 ? random_u32(&inputs) : special[any / 4 % (sizeof special / sizeof *special)];
    }
}

/* The first of a block's two values is of its words 0 and 1, the second of 2 and 3. */
static void check_words_to_uniform(const kernel *k, const kernel_form *form)
{
    static uint32_t words[GROUPS_MOST * RANDOM_GROUP + OFFSETS];
    static double expected[GROUPS_MOST * RANDOM_GROUP / 2 + 1], found[GROUPS_MOST * RANDOM_GROUP / 2 + OFFSETS + 1];
    for (int groups = 0; groups <= GROUPS_MOST; groups++) {
        uint32_t *from = words + groups % OFFSETS;
        double *to = found + (groups + 1) % OFFSETS;
        const int n = groups * RANDOM_GROUP / 2;
        fill_words(from, (size_t)n * 2);
        to[n] = expected[n] = -1;
        for (int i = 0; i < n; i++) {
            const int group = i / 32, half = i / 16 % 2, place = i % 16;
            const uint32_t high = from[group * 64 + half * 32 + place], low = from[group * 64 + half * 32 + 16 + place];
            expected[i] = (double)high * 0x1p-32 + (double)(low >> 11) * 0x1p-53;
        }
        ((void (*)(const uint32_t *restrict, size_t, double *restrict))form->run)(from, (size_t)groups, to);
        same_double(k, form, groups, expected, to, n + 1);
    }
}

/*
 * Against Box-Muller in float64 from the same rounded uniform and angle. Logarithm, root, polynomial and product round
 * some ten times together; the root halves what the logarithm contributes. All forms give the bits of the first.
 */
static void check_words_to_gaussian(const kernel *k, const kernel_form *form)
{
    static uint32_t words[GROUPS_MOST * RANDOM_GROUP + OFFSETS];
    static float first[GROUPS_MOST * RANDOM_GROUP + 1], found[GROUPS_MOST * RANDOM_GROUP + OFFSETS + 1];
    typedef void (*function)(const uint32_t *restrict, size_t, float *restrict);
    for (int groups = 0; groups <= GROUPS_MOST; groups++) {
        uint32_t *from = words + groups % OFFSETS;
        float *to = found + (groups + 1) % OFFSETS;
        const int n = groups * RANDOM_GROUP;
        fill_words(from, (size_t)n);
        to[n] = first[n] = -1;
        ((function)k->forms[0].run)(from, (size_t)groups, first);
        ((function)form->run)(from, (size_t)groups, to);
        same_float(k, form, groups, first, to, n + 1);
        for (int i = 0; i < n; i++) {
            const int pair = i / 32 * 32 + i % 16;
            const uint32_t u = from[pair], a = from[pair + 16];
            const double uniform = (double)(float)(((double)u + 0.5) * 0x1p-32), radius = sqrt(-2 * log(uniform));
            const double angle = (double)(int32_t)(a << 2) * 3.6572899e-10; /* see random_fill.c */
            const double cosine = radius * (a & 0x80000000u ? -cos(angle) : cos(angle)), sine = radius * sin(angle);
            const bool across = i / 16 % 2, turned = a & 0x40000000u;
            const double expected = across == turned ? cosine : sine;
            if (!(fabs((double)to[i] - expected) <= 12 * 0x1p-24 * radius)) {
                fail_msg("%s, form %s: words %08x %08x: expected %.9g, found %.9g", k->name, form->name, u, a, expected,
                         (double)to[i]);
            }
        }
    }
}

/* ---- softmax ---- */

typedef void (*rows_function)(const softmax_pieces *, int, int, const int *, float, const float *, float *, float *,
                              float *, uint8_t *);

/*
 * Logits are multiples of 1/8 below 64, so that parts add up exactly. exp() is right to one unit in the last place (2
 * 2^-24), the sum of K terms rounds K - 1 times, then come a quotient, a product and a difference. With hostile logits
 * all forms give the first one's bits.
 */
static void check_softmax_case(const kernel *k, const kernel_form *form, int n_classes, int n, int parts, bool evil)
{
    enum { CLASSES = 23, BATCH = 16, BLOCKS_MOST = 3, PARTS = 3 };
    static float partial[PARTS * BLOCKS_MOST * BATCH * LINEAR_LANES + OFFSETS], bias[BLOCKS_MOST * LINEAR_LANES];
    static float scratch[CLASSES * 16], delta[2][BATCH * BLOCKS_MOST * LINEAR_LANES], loss[2][BATCH];
    float weights[CLASSES];
    uint8_t correct[2][BATCH];
    int labels[BATCH];
    const int blocks = (n_classes + LINEAR_CLASSES - 1) / LINEAR_CLASSES, padded = blocks * LINEAR_LANES;
    float *pieces_at = partial + n % OFFSETS;
    softmax_pieces pieces = {pieces_at, bias, parts, blocks, n_classes, BATCH};
    for (int i = 0; i < parts * blocks * BATCH * LINEAR_LANES; i++) {
        const uint32_t any = random_u32(&inputs);
        pieces_at[i] = evil      ? hostile()
                       : n % 4   ? (float)(int)(any % 257 - 128) / 8
                       : any % 3 ? 0
                                 : 1; /* or many equal ones */
    }
    for (int i = 0; i < padded; i++) {
        bias[i] = n % 4 ? (float)(int)(random_u32(&inputs) % 65 - 32) / 8 : 0;
    }
    for (int c = 0; c < n_classes; c++) {
        weights[c] = 0.5f + (float)random_uniform(&inputs);
    }
    for (int b = 0; b < BATCH; b++) {
        labels[b] = (int)(random_u32(&inputs) % (unsigned)n_classes);
    }
    memset(delta, 0, sizeof delta);
    memset(loss, 0, sizeof loss);
    memset(correct, 0, sizeof correct);
    for (int way = 0; way < 2; way++) {
        ((rows_function)(way ? form : k->forms)->run)(&pieces, 16 - n, n, labels, 0.25f, weights, scratch, delta[way],
                                                      loss[way], correct[way]);
    }
    same_float(k, form, n_classes, delta[0], delta[1], BATCH * padded);
    same_float(k, form, n_classes, loss[0], loss[1], BATCH);
    same_u8(k, form, n_classes, correct[0], correct[1], BATCH);
    for (int b = 0; b < BATCH && !evil; b++) {
        double z[CLASSES], largest = -INFINITY, sum = 0;
        int best = 0;
        for (int c = 0; c < n_classes && b >= 16 - n; c++) {
            const int block = c / LINEAR_CLASSES, lane = c % LINEAR_CLASSES;
            z[c] = (double)bias[block * LINEAR_LANES + lane];
            for (int p = 0; p < parts; p++) {
                z[c] += (double)pieces_at[((p * blocks + block) * BATCH + b) * LINEAR_LANES + lane];
            }
            best = z[c] > largest ? c : best;
            largest = fmax(largest, z[c]);
        }
        for (int c = 0; c < n_classes && b >= 16 - n; c++) {
            sum += exp(z[c] - largest);
        }
        for (int c = 0; c < n_classes; c++) {
            const double scale = 0.25 * (double)weights[labels[b]];
            const double p = b >= 16 - n ? exp(z[c] - largest) / sum : 0;
            const double expected = b >= 16 - n ? scale * (p - (c == labels[b])) : 0;
            const double found = (double)delta[1][b * padded + c / LINEAR_CLASSES * LINEAR_LANES + c % LINEAR_CLASSES];
            if (!(fabs(found - expected) <= scale * ((n_classes + 8) * p + (c == labels[b]) * 2) * 0x1p-24 + 1e-37)) {
                fail_msg("%s, form %s: class %d of %d: expected %.9g, found %.9g", k->name, form->name, c, n_classes,
                         expected, found);
            }
        }
        if (b >= 16 - n) {
            const double expected = log(sum) - (z[labels[b]] - largest);
            assert_true(fabs((double)loss[1][b] - expected) <= (n_classes + 4 + 2 * expected) * 0x1p-24);
            assert_int_equal(correct[1][b], best == labels[b]);
        }
    }
}

static void check_softmax_rows(const kernel *k, const kernel_form *form)
{
    for (int n_classes = 1; n_classes <= 23; n_classes++) {
        for (int n = 0; n <= 16; n++) {
            check_softmax_case(k, form, n_classes, n, 1 + n % 3, false);
            check_softmax_case(k, form, n_classes, n, 1 + n % 3, true);
        }
    }
}

/* ---- optimisers ---- */

/* The formulas of optimiser.h, in their order of operations, each rounded to float32. */
static void check_optimiser_update(const kernel *k, const kernel_form *form)
{
    static float arrays[2][4][LONG + SPARE + OFFSETS];
    typedef void (*function)(const optimiser_step *, const float *, float *, float *, float *, size_t);
    FOR_LENGTHS(n, offset)
    {
        for (int way = 0; way < 6; way++) { /* Adam, with decay, SGD, with decay, with momentum, with Nesterov's */
            const bool adam = way < 2, momentum = way >= 4;
            const optimiser_step at = {.adam = adam_step_at(1 + n % 5, 0.01),
                                       .coupled = way == 1 || way == 3 || way == 5 ? 0.02f : 0,
                                       .shrink = way == 1 ? 0.999f : 1,
                                       .rate = 0.1f,
                                       .momentum = momentum ? 0.9f : 0,
                                       .nesterov = way == 5};
            float *e[4], *f[4];
            for (int i = 0; i < 4; i++) {
                e[i] = arrays[0][i] + offset;
                f[i] = arrays[1][i] + (offset + i) % OFFSETS;
                fill_float(f[i], n + SPARE);
                memcpy(e[i], f[i], (size_t)(n + SPARE) * sizeof(float));
            }
            for (int64_t i = 0; i < n; i++) {
                float g = e[0][i], x = e[1][i];
                g = way == 0 ? g : g + at.coupled * x;
                if (adam) {
                    const adam_step s = at.adam;
                    x = way == 1 ? x * at.shrink : x;
                    e[2][i] = s.beta1 * e[2][i] + s.one_minus_beta1 * g;
                    e[3][i] = s.beta2 * e[3][i] + s.one_minus_beta2 * (g * g);
                    e[1][i] = x - s.step_size * (e[2][i] / (sqrtf(e[3][i]) * s.inverse_root_correction + s.epsilon));
                } else {
                    if (momentum) {
                        e[2][i] = at.momentum * e[2][i] + g;
                        g = at.nesterov ? g + at.momentum * e[2][i] : e[2][i];
                    }
                    e[1][i] = x - at.rate * g;
                }
            }
            ((function)form->run)(&at, f[0], f[1], adam || momentum ? f[2] : NULL, adam ? f[3] : NULL, (size_t)n);
            for (int i = 0; i < 4; i++) {
                same_float(k, form, n, e[i], f[i], n + SPARE);
            }
        }
    }
}

#endif
