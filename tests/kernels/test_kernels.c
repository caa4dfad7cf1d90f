/*
 * Every vector kernel in every form that this machine has, against a plain loop written here: random and hostile
 * values, lengths 0 to 70 and a long one, pointers that are aligned to nothing. A row of the table without a check
 * fails.
 */
#include "kernel_inputs.h"

#include "base/memory.h"
#include "kernels/average.h"
#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/magnitude.h"
#include "kernels/optimiser.h"
#include "kernels/products_f64.h"
#include "kernels/quantise.h"
#include "kernels/random_fill.h"
#include "kernels/softmax.h"
#include "linear_checks.h"
#include "products_checks.h"
#include "stream_checks.h"

/* ---- value by value ---- */

/* A kernel (a, n), in place. `i` is the index in the expression. */
#define CHECK_ONE(NAME, A, EXPRESSION)                                                                                 \
    static void check_##NAME(const kernel *k, const kernel_form *form)                                                 \
    {                                                                                                                  \
        static A found[LONG + SPARE + OFFSETS], expected[LONG + SPARE];                                                \
        FOR_LENGTHS(n, offset)                                                                                         \
        {                                                                                                              \
            A *a = found + offset;                                                                                     \
            fill_##A(a, n + SPARE);                                                                                    \
            for (int64_t i = 0; i < n + SPARE; i++) {                                                                  \
                expected[i] = (A)(i < n ? (EXPRESSION) : a[i]);                                                        \
            }                                                                                                          \
            ((void (*)(A *, int64_t))form->run)(a, n);                                                                 \
            same_##A(k, form, n, expected, a, n + SPARE);                                                              \
        }                                                                                                              \
    }

/* A kernel (a, b, n), which writes a. */
#define CHECK_TWO(NAME, A, B, EXPRESSION)                                                                              \
    static void check_##NAME(const kernel *k, const kernel_form *form)                                                 \
    {                                                                                                                  \
        static A found[LONG + SPARE + OFFSETS], expected[LONG + SPARE];                                                \
        static B second[LONG + OFFSETS];                                                                               \
        FOR_LENGTHS(n, offset)                                                                                         \
        {                                                                                                              \
            A *a = found + offset;                                                                                     \
            B *b = second + (offset + 1) % OFFSETS;                                                                    \
            fill_##A(a, n + SPARE);                                                                                    \
            fill_##B(b, n);                                                                                            \
            for (int64_t i = 0; i < n + SPARE; i++) {                                                                  \
                expected[i] = (A)(i < n ? (EXPRESSION) : a[i]);                                                        \
            }                                                                                                          \
            ((void (*)(A *restrict, const B *restrict, int64_t))form->run)(a, b, n);                                   \
            same_##A(k, form, n, expected, a, n + SPARE);                                                              \
        }                                                                                                              \
    }

/* A kernel (a, b, n, unit), which writes a. */
#define CHECK_UNIT(NAME, A, B, EXPRESSION)                                                                             \
    static void check_##NAME(const kernel *k, const kernel_form *form)                                                 \
    {                                                                                                                  \
        static A found[LONG + SPARE + OFFSETS], expected[LONG + SPARE];                                                \
        static B second[LONG + OFFSETS];                                                                               \
        static float third[LONG + OFFSETS];                                                                            \
        FOR_LENGTHS(n, offset)                                                                                         \
        {                                                                                                              \
            A *a = found + offset;                                                                                     \
            B *b = second + (offset + 1) % OFFSETS;                                                                    \
            float *unit = third + (offset + 3) % OFFSETS;                                                              \
            fill_##A(a, n + SPARE);                                                                                    \
            fill_##B(b, n);                                                                                            \
            fill_float(unit, n);                                                                                       \
            for (int64_t i = 0; i < n + SPARE; i++) {                                                                  \
                expected[i] = (A)(i < n ? (EXPRESSION) : a[i]);                                                        \
            }                                                                                                          \
            ((void (*)(A *restrict, const B *restrict, int64_t, const float *restrict))form->run)(a, b, n, unit);      \
            same_##A(k, form, n, expected, a, n + SPARE);                                                              \
        }                                                                                                              \
    }

CHECK_ONE(relu_f32, float, a[i] < 0 ? 0.0f : a[i])
CHECK_ONE(relu_bf16, bf16, isnan(widened(a[i])) ? a[i] : widened(a[i]) > 0 ? a[i] : 0)
CHECK_TWO(add_f32, float, float, a[i] + b[i])
CHECK_TWO(add_bf16, bf16, bf16, narrowed(widened(a[i]) + widened(b[i])))
CHECK_TWO(relu_backward_f32, float, float, b[i] > 0 ? a[i] : 0.0f)
CHECK_TWO(relu_backward_bf16, bf16, bf16, widened(b[i]) > 0 ? a[i] : 0)
CHECK_TWO(add_row_bf16, float, bf16, a[i] + widened(b[i]))
CHECK_TWO(add_row_u8, s32, u8, a[i] + b[i])
CHECK_TWO(add_row_s8, s32, s8, a[i] + b[i])
CHECK_TWO(add_f32_to_f64, double, float, a[i] + (double)b[i])
CHECK_UNIT(dequantise_u8_f32, float, u8, (float)b[i] * unit[i])
CHECK_UNIT(dequantise_s8_f32, float, s8, (float)b[i] * unit[i])
CHECK_UNIT(dequantise_u8_bf16, bf16, u8, narrowed((float)b[i] * unit[i]))
CHECK_UNIT(dequantise_s8_bf16, bf16, s8, narrowed((float)b[i] * unit[i]))

static u8 quantised(float steps, float least, float most)
{
    if (isnan(steps) || steps <= least) {
        return (u8)(int)least;
    }
    if (steps >= most) {
        return (u8)(int)most;
    }
    const double below = floor((double)steps), rest = (double)steps - below;
    return (u8)(int)(rest > 0.5 || (rest == 0.5 && fmod(below, 2) != 0) ? below + 1 : below);
}

#define CHECK_QUANTISE(NAME, B, VALUE)                                                                                 \
    static void check_##NAME(const kernel *k, const kernel_form *form)                                                 \
    {                                                                                                                  \
        static u8 found[LONG + SPARE + OFFSETS], expected[LONG + SPARE];                                               \
        static B second[LONG + OFFSETS];                                                                               \
        static float third[LONG + OFFSETS];                                                                            \
        FOR_LENGTHS(n, offset)                                                                                         \
        {                                                                                                              \
            u8 *a = found + offset;                                                                                    \
            B *b = second + (offset + 1) % OFFSETS;                                                                    \
            float *per_unit = third + (offset + 3) % OFFSETS;                                                          \
            for (int to_signed = 0; to_signed < 2; to_signed++) {                                                      \
                const float least = to_signed ? -127 : 0, most = to_signed ? 127 : 255;                                \
                fill_u8(a, n + SPARE);                                                                                 \
                fill_##B(b, n);                                                                                        \
                fill_float(per_unit, n);                                                                               \
                for (int64_t i = 0; i < n + SPARE; i++) {                                                              \
                    per_unit[i < n ? i : 0] = i < n && i % 3 ? 1.0f : per_unit[i < n ? i : 0];                         \
                    expected[i] = i < n ? quantised((VALUE)*per_unit[i], least, most) : a[i];                          \
                }                                                                                                      \
                ((void (*)(u8 *restrict, const B *restrict, int64_t, const float *restrict, float, float))form->run)(  \
                    a, b, n, per_unit, least, most);                                                                   \
                same_u8(k, form, n, expected, a, n + SPARE);                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }
CHECK_QUANTISE(quantise_f32, float, b[i])
CHECK_QUANTISE(quantise_bf16, bf16, widened(b[i]))

/* A bound of the largest value, wherever that is, and infinity for one that is not finite, wherever it is. */
#define CHECK_LARGEST(NAME, A, FROM_FLOAT, TO_FLOAT)                                                                   \
    static void check_##NAME(const kernel *k, const kernel_form *form)                                                 \
    {                                                                                                                  \
        static A values[LONG + OFFSETS];                                                                               \
        static const float large[] = {0x1p96f, -0x1p96f, INFINITY, -INFINITY, NAN, -NAN, 7e4f};                        \
        float (*largest)(const A *, int64_t) = (float (*)(const A *, int64_t))form->run;                               \
        FOR_LENGTHS(n, offset)                                                                                         \
        {                                                                                                              \
            A *a = values + offset;                                                                                    \
            double most = 0;                                                                                           \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                a[i] = FROM_FLOAT(i % 3 ? (float)random_gaussian(&inputs) : 1e-45f);                                   \
                most = fmax(most, fabs((double)TO_FLOAT(a[i])));                                                       \
            }                                                                                                          \
            double found = (double)largest(a, n);                                                                      \
            bool right = found >= most && found <= 1.01 * most + 1e-37;                                                \
            for (int64_t i = n > 70 ? n - 70 : 0; i < n; i++) {                                                        \
                const A before = a[i];                                                                                 \
                a[i] = FROM_FLOAT(large[i % 7]);                                                                       \
                const double value = fabs((double)TO_FLOAT(a[i]));                                                     \
                found = (double)largest(a, n);                                                                         \
                right = right && (isfinite(value) ? found >= value && found <= 1.01 * value : isinf(found));           \
                right = right && (double)largest(a, i) <= 1.01 * most + 1e-37;                                         \
                a[i] = before;                                                                                         \
            }                                                                                                          \
            if (!right) {                                                                                              \
                fail_msg("%s, form %s, length %lld: wrong", k->name, form->name, (long long)n);                        \
            }                                                                                                          \
        }                                                                                                              \
    }
#define AS_IT_IS(x) (x)
CHECK_LARGEST(largest_magnitude_f32, float, AS_IT_IS, AS_IT_IS)
CHECK_LARGEST(largest_magnitude_bf16, bf16, narrowed, widened)

/* Quarters add up exactly; NaN anywhere makes both sums NaN. */
static void check_sums_by_sign(const kernel *k, const kernel_form *form)
{
    static float values[LONG + OFFSETS];
    void (*sum)(const float *, int64_t, float *) = (void (*)(const float *, int64_t, float *))form->run;
    FOR_LENGTHS(n, offset)
    {
        float *a = values + offset, sums[2];
        double expected[2] = {0, 0};
        for (int64_t i = 0; i < n; i++) {
            a[i] = (i % 3 ? 0.25f : -0.25f) * (float)(i % 31 + 1);
            expected[i % 3 == 0] += fabs((double)a[i]);
        }
        sum(a, n, sums);
        bool right = (double)sums[0] == expected[0] && (double)sums[1] == expected[1];
        for (int64_t i = n > 70 ? n - 70 : 0; i < n; i++) {
            const float before = a[i];
            a[i] = NAN;
            sum(a, n, sums);
            right = right && isnan(sums[0]) && isnan(sums[1]);
            a[i] = before;
        }
        if (!right) {
            fail_msg("%s, form %s, length %lld: wrong", k->name, form->name, (long long)n);
        }
    }
}

/* ---- the table ---- */

#define CHECK(NAME)                                                                                                    \
    {                                                                                                                  \
#NAME, check_##NAME                                                                                            \
    }
static const struct {
    const char *name;
    void (*run)(const kernel *k, const kernel_form *form);
} checks[] = {
    CHECK(relu_f32),
    CHECK(add_f32),
    CHECK(relu_backward_f32),
    CHECK(relu_bf16),
    CHECK(add_bf16),
    CHECK(relu_backward_bf16),
    CHECK(largest_magnitude_f32),
    CHECK(largest_magnitude_bf16),
    CHECK(sums_by_sign),
    CHECK(quantise_f32),
    CHECK(quantise_bf16),
    CHECK(dequantise_u8_f32),
    CHECK(dequantise_s8_f32),
    CHECK(dequantise_u8_bf16),
    CHECK(dequantise_s8_bf16),
    CHECK(add_row_bf16),
    CHECK(add_row_u8),
    CHECK(add_row_s8),
    CHECK(philox_words),
    CHECK(words_to_uniform),
    CHECK(words_to_gaussian),
    CHECK(add_f32_to_f64),
    CHECK(subtract_scaled_f64),
    CHECK(dot_f64),
    CHECK(columns_f64),
    CHECK(centred_dots),
    CHECK(centred_products),
    CHECK(softmax_rows),
    CHECK(optimiser_update),
    CHECK(linear_forward),
    CHECK(linear_gradient),
    CHECK(linear_descend),
    CHECK(linear_bf16_round_row),
    CHECK(linear_bf16_round_weights),
    CHECK(linear_bf16_round_deltas),
    CHECK(linear_bf16_forward),
    CHECK(linear_bf16_descend),
    CHECK(tiles_add),
};
enum { CHECKS = sizeof checks / sizeof *checks };

static void test_every_kernel_in_every_form(void **state)
{
    (void)state;
    int n = 0, forms = 0;
    for (const kernel *k; (k = kernel_at(n)); n++) {
        int c = 0;
        while (c < CHECKS && strcmp(checks[c].name, k->name) != 0) {
            c++;
        }
        if (c == CHECKS) {
            fail_msg("%s has no check", k->name);
        }
        char done[128] = "";
        for (const kernel_form *form = k->forms; form->name; form++) {
            if (cpu_has(form->needs)) {
                checks[c].run(k, form);
                strcat(strcat(done, " "), form->name);
                forms++;
            }
        }
        print_message("# %s:%s\n", k->name, *done ? done : " no form on this machine");
    }
    assert_int_equal(n, CHECKS);
    assert_true(forms >= 29); /* the plain ones at least */
}

/* Every kernel of the sources has a row: RESHIFT_KERNEL and tables written out. */
static void test_no_kernel_is_left_out(void **state)
{
    (void)state;
    static const char *const files[] = {"average.c",   "elementwise.c",  "linear_kernels.c", "magnitude.c",
                                        "optimiser.c", "products_f64.c", "quantise.c",       "random_fill.c",
                                        "softmax.c",   "tiles.c"};
    int found = 0, rows = 0;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        char path[512], line[512], name[128];
        snprintf(path, sizeof path, "%s/src/kernels/%s", TEST_SOURCE_ROOT, files[f]);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        while (fgets(line, sizeof line, file)) {
            found += sscanf(line, "RESHIFT_KERNEL(%*[^,], %127[a-z0-9_]", name) == 1 ||
                     sscanf(line, "FORMS(%127[a-z0-9_],", name) == 1 ||
                     sscanf(line, "FORM_BF16(%127[a-z0-9_],", name) == 1;
            if (strstr(line, "static RESHIFT_VECTOR(") || strstr(line, "RESHIFT_VECTOR(void")) {
                fail_msg("%s: a kernel that no test reaches: %s", files[f], line);
            }
        }
        fclose(file);
    }
    while (kernel_at(rows)) {
        rows++;
    }
    assert_int_equal(found + 2, rows); /* philox_words and tiles_add are written out */
}

int main(void)
{
    inputs = random_open(17, "kernels", 0, 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_kernel_in_every_form),
                                       cmocka_unit_test(test_no_kernel_is_left_out)};
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
