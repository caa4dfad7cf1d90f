/*
 * The noises: with the reference draws equal to the reference images, with our own draws the distributions of the
 * definition.
 */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "corruptions/noise.h"
#include "reshift/corruption.h"

#include "corruptions/draws.h"
#include "corruptions/find.h"
#include "corruptions/golden/noise.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* The constants of the definition, for CIFAR and ImageNet. */
static const double gaussian_sd[2][5] = {{.04, .06, .08, .09, .10}, {.08, .12, .18, .26, .38}};
static const double speckle_sd[2][5] = {{.06, .1, .12, .16, .2}, {.15, .2, .35, .45, .6}};
static const double impulse_chance[2][5] = {{.01, .02, .03, .05, .07}, {.03, .06, .09, .17, .27}};
static const int shot_photons[2][5] = {{500, 250, 100, 75, 50}, {60, 25, 12, 5, 3}};

static const golden_noise *next_golden(const char *name, const golden_noise *from)
{
    for (from = from ? from + 1 : golden_noises; from < golden_noises + COUNT(golden_noises); from++) {
        if (strstr(from->name, name)) {
            return from;
        }
    }
    return NULL;
}

static void check_md5(const uint8_t *bytes, size_t n, const golden_noise *golden, int severity)
{
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_MD5, bytes, n, hex);
    if (strcmp(hex, golden->md5[severity - 1]) != 0) {
        fail_msg("%s %d of %dx%d: expected %s, found %s", golden->name, severity, golden->width, golden->height,
                 golden->md5[severity - 1], hex);
    }
}

/* The formula in float64 has the reference md5; ours, in float, may differ by one in one byte of a thousand. */
static void test_gaussian_and_speckle(void **state)
{
    (void)state;
    for (int speckle = 0; speckle < 2; speckle++) {
        const char *name = speckle ? "speckle_noise" : "gaussian_noise";
        int seen = 0;
        for (const golden_noise *golden = next_golden(name, NULL); golden; golden = next_golden(name, golden)) {
            reshift_image image = pattern_image(golden->height, golden->width, golden->seed);
            size_t n = image.capacity, different = 0;
            uint8_t *expected = malloc(n), *found = malloc(n);
            float *normals = malloc(n * sizeof *normals);
            assert_true(expected && found && normals);
            int set = golden->constants == RESHIFT_CONSTANTS_IMAGENET;
            for (int severity = 1; severity <= 5; severity++) {
                double sd = (speckle ? speckle_sd : gaussian_sd)[set][severity - 1];
                for (size_t i = 0; i < n; i++) {
                    double normal = draw_normal((uint32_t)i, (uint32_t)severity), x = image.pixels[i] / 255.0;
                    normals[i] = (float)normal;
                    assert_true((double)normals[i] == normal);
                    double y = speckle ? x + x * (normal * sd) : x + normal * sd;
                    expected[i] = (uint8_t)(fmin(fmax(y, 0), 1) * 255);
                }
                check_md5(expected, n, golden, severity);
                (speckle ? noise_speckle_with : noise_gaussian_with)(image.pixels, n, sd, normals, found);
                for (size_t i = 0; i < n; i++) {
                    different += found[i] != expected[i];
                    assert_in_range(found[i] + 1, expected[i], expected[i] + 2);
                }
                seen++;
            }
            assert_true(different <= 5 * n / 1000);
            free(expected);
            free(found);
            free(normals);
            free(image.pixels);
        }
        assert_int_equal(seen, 20);
    }
}

static void test_impulse_and_shot(void **state)
{
    (void)state;
    poisson_table *table = malloc(sizeof *table);
    assert_non_null(table);
    for (int shot = 0; shot < 2; shot++) {
        const char *name = shot ? "shot_noise" : "impulse_noise";
        int seen = 0;
        for (const golden_noise *golden = next_golden(name, NULL); golden; golden = next_golden(name, golden)) {
            reshift_image image = pattern_image(golden->height, golden->width, golden->seed);
            size_t n = image.capacity;
            uint8_t *found = malloc(n);
            uint32_t *words = malloc(n * sizeof *words);
            assert_true(found && words);
            int set = golden->constants == RESHIFT_CONSTANTS_IMAGENET;
            for (int severity = 1; severity <= 5; severity++) {
                for (size_t i = 0; i < n; i++) {
                    words[i] = draw_word((uint32_t)i, (uint32_t)severity);
                }
                if (shot) {
                    poisson_table_fill(table, shot_photons[set][severity - 1]);
                    noise_shot_with(image.pixels, n, table, words, found);
                } else {
                    noise_impulse_with(image.pixels, n, impulse_chance[set][severity - 1], words, found);
                }
                check_md5(found, n, golden, severity);
                seen++;
            }
            free(found);
            free(words);
            free(image.pixels);
        }
        assert_int_equal(seen, 20);
    }
    free(table);
}

/*
 * The distribution of every input against the Poisson formula with the C library's logarithms: the ends of the
 * outcomes, and the results of the words at and around every end.
 */
static void test_poisson_tables(void **state)
{
    (void)state;
    poisson_table *table = malloc(sizeof *table);
    assert_non_null(table);
    for (int set = 0; set < 2; set++) {
        for (int severity = 1; severity <= 5; severity++) {
            int photons = shot_photons[set][severity - 1];
            poisson_table_fill(table, photons);
            for (int x = 0; x < 256; x++) {
                double mean = x / 255.0 * photons, below = 0;
                uint8_t input = (uint8_t)x, byte;
                for (int k = 0; k < photons; k++) {
                    below += mean > 0 ? exp(k * log(mean) - mean - lgamma(k + 1.0)) : k == 0;
                    /* counts below the next byte's first count: not the end of an outcome */
                    if ((int)((double)(k + 1) / photons * 255) == (int)((double)k / photons * 255)) {
                        continue;
                    }
                    /* error of exp's rounded argument, some 3000 at most: 1e-12 of 2^32 */
                    double end = below * 4294967296.0;
                    for (int side = -1; side <= 1; side += 2) {
                        double at = floor(end + side * 1.5);
                        if (at < 0 || at >= 4294967296.0) {
                            continue;
                        }
                        uint32_t word = (uint32_t)at;
                        noise_shot_with(&input, 1, table, &word, &byte);
                        int last_here = (int)((double)k / photons * 255);
                        if (side < 0 ? byte > last_here : byte <= last_here) {
                            fail_msg("%d photons, input %d, count %d: word %u became %d", photons, x, k, word, byte);
                        }
                    }
                }
            }
            uint8_t black = 0, byte = 1;
            uint32_t word = UINT32_MAX;
            noise_shot_with(&black, 1, table, &word, &byte);
            assert_int_equal(byte, 0);
        }
    }
    free(table);
}

/* P(255 clip(x/255 + sd N) truncated >= byte), for 1 <= byte <= 255 */
static double chance_of_byte(double x, double sd, int byte)
{
    return sd > 0 ? 0.5 * erfc((byte - x) / (sd * 255 * sqrt(2.0))) : x >= byte;
}

/* Mean and variance of the output for one input value, from the definition. */
static void moments_of(const char *name, int set, int severity, int x, double *mean, double *variance)
{
    double at_least[256] = {1};
    for (int byte = 1; byte < 256; byte++) {
        if (strcmp(name, "gaussian_noise") == 0) {
            at_least[byte] = chance_of_byte(x, gaussian_sd[set][severity - 1], byte);
        } else if (strcmp(name, "speckle_noise") == 0) {
            at_least[byte] = chance_of_byte(x, speckle_sd[set][severity - 1] * x / 255, byte);
        } else if (strcmp(name, "impulse_noise") == 0) {
            double chance = impulse_chance[set][severity - 1];
            at_least[byte] = chance / 2 + (byte <= x ? 1 - chance : 0);
        } else {
            double photons = shot_photons[set][severity - 1], rate = x / 255.0 * photons;
            double below = rate > 0 ? 0 : 1;
            for (int k = 0; k < photons && rate > 0 && (int)(k / photons * 255) < byte; k++) {
                below += exp(k * log(rate) - rate - lgamma(k + 1.0));
            }
            at_least[byte] = 1 - below;
        }
    }
    double first = 0, second = 0;
    for (int byte = 1; byte < 256; byte++) {
        first += at_least[byte];
        second += (2 * byte - 1) * at_least[byte];
    }
    *mean = first;
    *variance = second - first * first;
}

/* Flat images: the mean is within five standard errors of the exact one, the variance within five of its own. */
static void test_distributions(void **state)
{
    (void)state;
    enum { side = 96 };
    static const char *const names[] = {"gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"};
    static const int values[] = {0, 1, 40, 128, 200, 254, 255};
    reshift_error error;
    reshift_image input = {0}, output = {0};
    check_ok(reshift_image_resize(&input, side, side, &error));
    for (size_t which = 0; which < COUNT(names); which++) {
        for (int set = 0; set < 2; set++) {
            for (int severity = 1; severity <= 5; severity++) {
                for (size_t v = 0; v < COUNT(values); v++) {
                    memset(input.pixels, values[v], input.capacity);
                    check_ok(reshift_corruption_apply(find(names[which]), severity,
                                                      set ? RESHIFT_CONSTANTS_IMAGENET : RESHIFT_CONSTANTS_CIFAR, 5,
                                                      (int64_t)v, NULL, &input, &output, &error));
                    double n = 3 * side * side, mean, variance, sum = 0, squares = 0, fourth = 0;
                    moments_of(names[which], set, severity, values[v], &mean, &variance);
                    for (size_t i = 0; i < 3 * side * side; i++) {
                        double gap = output.pixels[i] - mean;
                        sum += gap;
                        squares += gap * gap;
                        fourth += gap * gap * gap * gap;
                    }
                    double spread = sqrt(fmax(fourth / n - squares / n * (squares / n), 0) / n);
                    /* a rare byte may not occur in an image at all: allows for one of them */
                    double one = 255.0 * 255 / n;
                    if (fabs(sum / n) > 5 * sqrt(variance / n) + 255 / n ||
                        fabs(squares / n - variance) > 5 * spread + one) {
                        fail_msg("%s %d, set %d, value %d: mean %.3f of %.3f, variance %.3f of %.3f", names[which],
                                 severity, set, values[v], mean + sum / n, mean, squares / n, variance);
                    }
                }
            }
        }
    }
    reshift_image_destroy(&input);
    reshift_image_destroy(&output);
}

/*
 * Draws depend on seed, corruption, severity and image; the first rows of an image do not depend on the number of rows.
 */
static void test_draws_are_keyed(void **state)
{
    (void)state;
    static const char *const names[] = {"gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"};
    reshift_error error;
    reshift_image image = pattern_image(64, 64, 0), first = {0}, other = {0}, half = image;
    half.height = 31;
    for (size_t which = 0; which < COUNT(names); which++) {
        const reshift_corruption *noise = find(names[which]);
        reshift_constants cifar = RESHIFT_CONSTANTS_CIFAR;
        check_ok(reshift_corruption_apply(noise, 5, cifar, 1, 2, NULL, &image, &first, &error));
        check_ok(reshift_corruption_apply(noise, 5, cifar, 1, 2, NULL, &image, &other, &error));
        assert_memory_equal(first.pixels, other.pixels, 3 * 64 * 64);
        check_ok(reshift_corruption_apply(noise, 5, cifar, 1, 3, NULL, &image, &other, &error));
        assert_memory_not_equal(first.pixels, other.pixels, 3 * 64 * 64);
        check_ok(reshift_corruption_apply(noise, 5, cifar, 2, 2, NULL, &image, &other, &error));
        assert_memory_not_equal(first.pixels, other.pixels, 3 * 64 * 64);
        check_ok(reshift_corruption_apply(noise, 4, cifar, 1, 2, NULL, &image, &other, &error));
        assert_memory_not_equal(first.pixels, other.pixels, 3 * 64 * 64);
        check_ok(reshift_corruption_apply(noise, 5, cifar, 1, 2, NULL, &half, &other, &error));
        assert_memory_equal(first.pixels, other.pixels, 3 * 64 * 31);
    }
    free(image.pixels);
    reshift_image_destroy(&first);
    reshift_image_destroy(&other);
}

/* Fixed for good: sets made by earlier versions must be reproducible on every processor. */
static void test_own_draws_golden(void **state)
{
    (void)state;
    static const struct {
        const char *name, *md5;
    } expected[] = {
        {"gaussian_noise", "eb8068749574f46053babe8a512fcb85"},
        {"shot_noise", "761723d7fa9d4b56831b3783301535f0"},
        {"impulse_noise", "1a532c9dad5b7a6984d54b7de4fe4b84"},
        {"speckle_noise", "98e5921a8ccc57aabb34d601fc0b56be"},
    };
    reshift_error error;
    reshift_image image = pattern_image(32, 32, 0), output = {0};
    for (size_t i = 0; i < COUNT(expected); i++) {
        check_ok(reshift_corruption_apply(find(expected[i].name), 5, RESHIFT_CONSTANTS_AUTO, 2019, 7, NULL, &image,
                                          &output, &error));
        char hex[DIGEST_HEX_BYTES];
        digest_bytes(DIGEST_MD5, output.pixels, 3072, hex);
        assert_string_equal(hex, expected[i].md5);
    }
    free(image.pixels);
    reshift_image_destroy(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaussian_and_speckle), cmocka_unit_test(test_impulse_and_shot),
        cmocka_unit_test(test_poisson_tables),       cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_draws_are_keyed),      cmocka_unit_test(test_own_draws_golden),
    };
    return cmocka_run_group_tests_name("noise", tests, NULL, NULL);
}
