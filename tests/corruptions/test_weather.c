/*
 * Snow, frost, fog and spatter: with the reference draws equal to the reference images, with our own draws the same
 * distribution; frost's overlays, loaded and drawn.
 */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernels/random_fill.h"
#include "corruptions/weather.h"
#include "formats/images/image_file.h"
#include "imaging/plasma.h"
#include "reshift/corruption.h"

#include "corruptions/draws.h"
#include "corruptions/find.h"
#include "corruptions/golden/weather.h"
#include "imaging/pattern.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const weather_snow_constants snow[2][5] = {
    {{.1, .2, 1, .6, 8, 3, .95},
     {.1, .2, 1, .5, 10, 4, .9},
     {.15, .3, 1.75, .55, 10, 4, .9},
     {.25, .3, 2.25, .6, 12, 6, .85},
     {.3, .3, 1.25, .65, 14, 12, .8}},
    {{.1, .3, 3, .5, 10, 4, .8},
     {.2, .3, 2, .5, 12, 4, .7},
     {.55, .3, 4, .9, 12, 8, .7},
     {.55, .3, 4.5, .85, 12, 8, .65},
     {.55, .3, 2.5, .85, 12, 12, .55}},
};
static const double frost[2][5][2] = {{{1, .2}, {1, .3}, {.9, .4}, {.85, .4}, {.75, .45}},
                                      {{1, .4}, {.8, .6}, {.7, .7}, {.65, .7}, {.6, .75}}};
static const double fog[2][5][2] = {{{.2, 3}, {.5, 3}, {.75, 2.5}, {1, 2}, {1.5, 1.75}},
                                    {{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}}};
static const weather_spatter_constants spatter[2][5] = {
    {{.62, .1, .7, .7, .5, 0},
     {.65, .1, .8, .7, .5, 0},
     {.65, .3, 1, .69, .5, 0},
     {.65, .1, .7, .69, .6, 1},
     {.65, .1, .5, .68, .6, 1}},
    {{.65, .3, 4, .69, .6, 0},
     {.65, .3, 3, .68, .6, 0},
     {.65, .3, 2, .68, .5, 0},
     {.65, .3, 1, .65, 1.5, 1},
     {.67, .4, 1, .65, 1.5, 1}},
};

static float *draw_normals(size_t n, uint32_t seed)
{
    float *normals = malloc(n * sizeof *normals);
    assert_non_null(normals);
    for (size_t i = 0; i < n; i++) {
        normals[i] = (float)draw_normal((uint32_t)i, seed);
    }
    return normals;
}

/* Chooses the crop like frost_draws() of make_weather.py. */
static void apply_frost(const reshift_image *image, int set, int severity, uint32_t seed, const frost_overlay *overlays,
                        reshift_image *output)
{
    const frost_overlay *overlay = &overlays[draw_word(0, seed) % 5];
    const reshift_image *whole = set ? &overlay->full : &overlay->small;
    size_t top = draw_word(1, seed) % (uint32_t)(whole->height - image->height);
    size_t left = draw_word(2, seed) % (uint32_t)(whole->width - image->width);
    weather_frost_with(image, frost[set][severity - 1][0], frost[set][severity - 1][1],
                       whole->pixels + 3 * (top * (size_t)whole->width + left), whole->width, output);
}

static void apply_drawn(const char *name, const reshift_image *image, int set, int severity, uint32_t seed,
                        const frost_overlay *overlays, reshift_image *output)
{
    reshift_error error;
    size_t pixels = (size_t)image->height * (size_t)image->width;
    check_ok(reshift_image_resize(output, image->height, image->width, &error));
    if (strcmp(name, "frost") == 0) {
        apply_frost(image, set, severity, seed, overlays, output);
    } else if (strcmp(name, "fog") == 0) {
        size_t n = PLASMA_DRAWS(weather_fog_side(image->height, image->width));
        double *uniforms = malloc(n * sizeof *uniforms);
        assert_non_null(uniforms);
        for (size_t i = 0; i < n; i++) {
            uniforms[i] = draw_uniform((uint32_t)i, seed);
        }
        check_ok(
            weather_fog_with(image, fog[set][severity - 1][0], fog[set][severity - 1][1], uniforms, output, &error));
        free(uniforms);
    } else if (strcmp(name, "spatter") == 0) {
        float *normals = draw_normals(pixels, seed);
        check_ok(weather_spatter_with(image, &spatter[set][severity - 1], normals, output, &error));
        free(normals);
    } else {
        float *normals = draw_normals(pixels, seed);
        double angle = -135 + 90 * draw_uniform(0, seed + 1000);
        check_ok(weather_snow_with(image, &snow[set][severity - 1], normals, angle, output, &error));
        free(normals);
    }
}

/* Checks the md5 of the images at this severity, with the draws of make_weather.py. */
static void check_images(const golden_weather *golden, const reshift_image *images, size_t n,
                         const frost_overlay *overlays)
{
    reshift_image output = {0};
    for (int severity = 1; severity <= 5; severity++) {
        digest *whole = digest_create(DIGEST_MD5);
        for (size_t i = 0; i < n; i++) {
            uint32_t seed = 10 * (uint32_t)i + (uint32_t)severity;
            apply_drawn(golden->name, &images[i], golden->constants == RESHIFT_CONSTANTS_IMAGENET, severity, seed,
                        overlays, &output);
            digest_add(whole, output.pixels, 3 * (size_t)output.height * (size_t)output.width);
        }
        char hex[DIGEST_HEX_BYTES];
        digest_finish(whole, hex);
        digest_destroy(&whole);
        if (strcmp(hex, golden->md5[severity - 1]) != 0) {
            fail_msg("%s %d of %zu images %dx%d: expected %s, found %s", golden->name, severity, n, golden->width,
                     golden->height, golden->md5[severity - 1], hex);
        }
    }
    reshift_image_destroy(&output);
}

static void test_patterns(void **state)
{
    (void)state;
    frost_overlay overlays[5];
    reshift_image made = pattern_image(260, 270, 9);
    for (int i = 0; i < 5; i++) {
        overlays[i] = (frost_overlay){made, made};
    }
    for (size_t i = 0; i < COUNT(golden_patterns); i++) {
        reshift_image image =
            pattern_image(golden_patterns[i].height, golden_patterns[i].width, golden_patterns[i].seed);
        check_images(&golden_patterns[i], &image, 1, overlays);
        free(image.pixels);
    }
    free(made.pixels);
}

/*
 * OpenCV's grey conversion uses fused multiply-adds if the processor has them, ours never does: at most one byte in a
 * thousand differs, by one.
 */
static void test_snow(void **state)
{
    (void)state;
    reshift_error error;
    file_map map;
    check_ok(file_map_open(TEST_SOURCE_ROOT "/tests/corruptions/golden/snow.bin", &map, &error));
    const uint8_t *expected = map.data;
    reshift_image output = {0};
    for (size_t k = 0; k < COUNT(golden_snow); k++) {
        reshift_image image = pattern_image(golden_snow[k].height, golden_snow[k].width, golden_snow[k].seed);
        for (int severity = 1; severity <= 5; severity++) {
            apply_drawn("snow", &image, golden_snow[k].constants == RESHIFT_CONSTANTS_IMAGENET, severity,
                        (uint32_t)severity, NULL, &output);
            size_t n = 0, different = 0;
            for (size_t i = 0; i < image.capacity; i += (size_t)golden_snow[k].step, n++, expected++) {
                int gap = abs(output.pixels[i] - *expected);
                if (gap > 1) {
                    fail_msg("%dx%d severity %d, byte %zu: expected %d, found %d", image.width, image.height, severity,
                             i, *expected, output.pixels[i]);
                }
                different += gap != 0;
            }
            if (different * 1000 > n) {
                fail_msg("%dx%d severity %d: %zu of %zu bytes differ", image.width, image.height, severity, different,
                         n);
            }
        }
        free(image.pixels);
    }
    assert_int_equal(expected - map.data, map.size);
    file_map_close(&map);
    reshift_image_destroy(&output);
}

/* The first images of the test batch; skips the test if missing. */
static reshift_image *real_images(size_t n)
{
    check_need_data();
    reshift_error error;
    char *path = path_join(check_data(), "cifar-10-batches-bin/test_batch.bin");
    if (!file_exists(path)) {
        print_message("# skipped: %s is not there\n", path);
        free(path);
        skip();
    }
    file_map map;
    check_ok(file_map_open(path, &map, &error));
    free(path);
    assert_true(map.size >= n * 3073);
    reshift_image *images = calloc(n, sizeof *images);
    assert_non_null(images);
    for (size_t k = 0; k < n; k++) {
        check_ok(reshift_image_resize(&images[k], 32, 32, &error));
        for (size_t i = 0; i < 3072; i++) {
            images[k].pixels[i] = map.data[k * 3073 + 1 + i % 3 * 1024 + i / 3];
        }
    }
    file_map_close(&map);
    return images;
}

static void free_images(reshift_image *images, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        reshift_image_destroy(&images[i]);
    }
    free(images);
}

/* The real overlays; skips the test if missing. */
static reshift_frost *real_frost(void)
{
    check_need_data();
    char *folder = path_join(check_data(), "frost");
    if (!folder_exists(folder)) {
        print_message("# skipped: %s is not there\n", folder);
        free(folder);
        skip();
    }
    reshift_frost *opened = NULL;
    reshift_error error;
    check_ok(reshift_frost_open(folder, &opened, &error));
    free(folder);
    return opened;
}

static void test_real_images(void **state)
{
    (void)state;
    static const char *const photos[] = {"photos/astronaut.png", "photos/chelsea.png", "photos/rocket.jpg"};
    reshift_frost *overlays = real_frost();
    reshift_error error;
    reshift_image cut[COUNT(photos)] = {{0}}, whole = {0};
    for (size_t i = 0; i < COUNT(photos); i++) {
        char *path = path_join(check_data(), photos[i]);
        check_ok(reshift_image_load(path, &whole, &error));
        free(path);
        check_ok(reshift_image_resize(&cut[i], 224, 224, &error));
        for (size_t y = 0; y < 224; y++) {
            memcpy(cut[i].pixels + y * 672, whole.pixels + y * 3 * (size_t)whole.width, 672);
        }
    }
    for (size_t i = 0; i < COUNT(golden_real); i++) {
        const golden_weather *golden = &golden_real[i];
        if (golden->height == 224) {
            check_images(golden, cut, golden->seed, overlays->overlays);
        } else {
            reshift_image *images = real_images(golden->seed);
            check_images(golden, images, golden->seed, overlays->overlays);
            free_images(images, golden->seed);
        }
    }
    for (size_t i = 0; i < COUNT(photos); i++) {
        reshift_image_destroy(&cut[i]);
    }
    reshift_image_destroy(&whole);
    reshift_frost_close(&overlays);
}

/*
 * With our own draws the mean absolute and the mean squared change equal the reference values. Both are means over
 * 2,000 images of independent draws, ours of one set, the reference's of two: the difference has sqrt(1.5) times the
 * standard error of one set. Forty comparisons at five standard errors: one false alarm in 40,000 sets of draws, and
 * our draws are fixed.
 */
static void test_spread(void **state)
{
    (void)state;
    enum { N = 2000 };
    reshift_frost *overlays = real_frost();
    reshift_image *images = real_images(N), output = {0};
    reshift_error error;
    for (size_t k = 0; k < COUNT(golden_spread); k++) {
        for (int s = 0; s < 5; s++) {
            double absolute = 0, square = 0;
            for (size_t i = 0; i < N; i++) {
                check_ok(reshift_corruption_apply(find(golden_spread[k].name), s + 1, RESHIFT_CONSTANTS_AUTO, 0,
                                                  (int64_t)i, overlays, &images[i], &output, &error));
                int64_t sum = 0, squares = 0;
                for (size_t j = 0; j < 3072; j++) {
                    int change = output.pixels[j] - images[i].pixels[j];
                    sum += abs(change);
                    squares += change * change;
                }
                absolute += (double)sum / 3072 / N;
                square += (double)squares / 3072 / N;
            }
            double away = (absolute - golden_spread[k].absolute[s]) / (sqrt(1.5) * golden_spread[k].absolute_error[s]);
            double away_square = (square - golden_spread[k].square[s]) / (sqrt(1.5) * golden_spread[k].square_error[s]);
            if (fabs(away) > 5 || fabs(away_square) > 5) {
                fail_msg("%s %d: mean change %.4f of %.4f, mean square %.2f of %.2f: %.1f and %.1f standard errors",
                         golden_spread[k].name, s + 1, absolute, golden_spread[k].absolute[s], square,
                         golden_spread[k].square[s], away, away_square);
            }
        }
    }
    free_images(images, N);
    reshift_image_destroy(&output);
    reshift_frost_close(&overlays);
}

static void test_overlays(void **state)
{
    (void)state;
    reshift_frost *opened = real_frost();
    for (size_t i = 0; i < COUNT(golden_overlays); i++) {
        const reshift_image *small = &opened->overlays[i].small;
        assert_int_equal(small->height, golden_overlays[i].height);
        assert_int_equal(small->width, golden_overlays[i].width);
        char hex[DIGEST_HEX_BYTES];
        digest_bytes(DIGEST_MD5, small->pixels, 3 * (size_t)small->height * (size_t)small->width, hex);
        assert_string_equal(hex, golden_overlays[i].md5);
    }
    reshift_frost_close(&opened);
    assert_null(opened);
    reshift_frost_close(&opened);
    reshift_frost_close(NULL);
}

static void test_bad_overlays(void **state)
{
    (void)state;
    reshift_error error;
    reshift_frost *opened = NULL;
    check_error(reshift_frost_open("/nowhere/at/all", &opened, &error), RESHIFT_ERROR_NOT_FOUND, "frost1.png");
    assert_non_null(strstr(error.hint, "reshift fetch frost"));
    assert_null(opened);
    char folder[] = "/tmp/reshift-frost-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "frost1.png");
    check_ok(file_write_all(path, "no picture", 10, true, &error));
    check_error(reshift_frost_open(folder, &opened, &error), RESHIFT_ERROR_UNSUPPORTED, "frost1.png");
    reshift_image tiny = pattern_image(4, 9, 1);
    check_ok(reshift_image_save_png(path, &tiny, true, &error));
    check_error(reshift_frost_open(folder, &opened, &error), RESHIFT_ERROR_UNSUPPORTED, "is too small: 9x4");
    assert_null(opened);
    free(tiny.pixels);
    remove(path);
    remove(folder);
    free(path);
}

/* Fixed for good: sets made without the photographs must be reproducible on every processor. */
static void test_drawn_overlays(void **state)
{
    (void)state;
    static const char *const md5[FROST_OVERLAYS] = {
        "3b19585a687338c9c24b69576a770a4e", "2a5702a56498e8b94c6bdc1d5f73e6b1", "60b8d1df7ba56053d4bcb9485d8f2a43",
        "5e55b55d7e9faa3df7eafd59f7609627", "3c874aae2f6c50a5418e194e6420ed13"};
    const reshift_frost *drawn = frost_drawn();
    assert_non_null(drawn);
    assert_ptr_equal(drawn, frost_drawn());
    for (int i = 0; i < FROST_OVERLAYS; i++) {
        const reshift_image *full = &drawn->overlays[i].full;
        assert_int_equal(full->height, FROST_DRAWN_HEIGHT);
        assert_int_equal(full->width, FROST_DRAWN_WIDTH);
        char hex[DIGEST_HEX_BYTES];
        digest_bytes(DIGEST_MD5, full->pixels, 3 * (size_t)full->height * (size_t)full->width, hex);
        assert_string_equal(hex, md5[i]);
    }
}

/* Every image size works; frost enlarges an overlay that would not cover the image. */
static void test_sizes(void **state)
{
    (void)state;
    static const char *const names[] = {"snow", "frost", "fog", "spatter"};
    static const int sizes[][2] = {{1, 1}, {1, 7}, {9, 1}, {2, 2}, {3, 130}, {97, 5}, {300, 200}, {500, 30}, {20, 700}};
    reshift_error error;
    reshift_image output = {0};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        reshift_image image = pattern_image(sizes[i][0], sizes[i][1], 1);
        for (size_t k = 0; k < COUNT(names); k++) {
            for (int severity = 1; severity <= 5; severity++) {
                for (int set = 0; set < 2; set++) {
                    check_ok(reshift_corruption_apply(find(names[k]), severity,
                                                      set ? RESHIFT_CONSTANTS_IMAGENET : RESHIFT_CONSTANTS_CIFAR, 0, 0,
                                                      NULL, &image, &output, &error));
                    assert_int_equal(output.height, image.height);
                    assert_int_equal(output.width, image.width);
                }
            }
        }
        free(image.pixels);
    }
    reshift_image strip = pattern_image(1, 8193, 1);
    check_error(reshift_corruption_apply(find("fog"), 1, RESHIFT_CONSTANTS_AUTO, 0, 0, NULL, &strip, &output, &error),
                RESHIFT_ERROR_UNSUPPORTED, "up to 8192 pixels a side, found 8193x1");
    free(strip.pixels);
    reshift_image_destroy(&output);
}

/* An image without drops is unchanged: the published code would divide by 0. */
static void test_no_drops(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image image = pattern_image(8, 8, 1), output = {0};
    float normals[64] = {0};
    for (int severity = 1; severity <= 5; severity++) {
        check_ok(reshift_image_resize(&output, 8, 8, &error));
        memset(output.pixels, 77, 192);
        check_ok(weather_spatter_with(&image, &spatter[0][severity - 1], normals, &output, &error));
        assert_memory_equal(output.pixels, image.pixels, 192);
    }
    free(image.pixels);
    reshift_image_destroy(&output);
}

/* Draws depend on seed, corruption, severity and image, and never change. */
static void test_own_draws(void **state)
{
    (void)state;
    static const struct {
        const char *name, *md5;
    } expected[] = {{"snow", "b301d035850c6d65b1ff041c64fa096b"},
                    {"frost", "f4d68d6e971b7db7f302c40b87f7b322"},
                    {"fog", "fd109d0f7fff9eaefc7a6e49559defcc"},
                    {"spatter", "224228e1b9f8c7e41f5fbb7927dcfb5f"}};
    reshift_error error;
    reshift_image image = pattern_image(32, 32, 0), output = {0}, other = {0};
    for (size_t i = 0; i < COUNT(expected); i++) {
        const reshift_corruption *corruption = find(expected[i].name);
        const reshift_constants size = RESHIFT_CONSTANTS_AUTO;
        check_ok(reshift_corruption_apply(corruption, 5, size, 2019, 7, NULL, &image, &output, &error));
        char hex[DIGEST_HEX_BYTES];
        digest_bytes(DIGEST_MD5, output.pixels, 3072, hex);
        assert_string_equal(hex, expected[i].md5);
        check_ok(reshift_corruption_apply(corruption, 5, size, 2019, 7, NULL, &image, &other, &error));
        assert_memory_equal(output.pixels, other.pixels, 3072);
        check_ok(reshift_corruption_apply(corruption, 5, size, 2019, 8, NULL, &image, &other, &error));
        assert_memory_not_equal(output.pixels, other.pixels, 3072);
        check_ok(reshift_corruption_apply(corruption, 5, size, 2020, 7, NULL, &image, &other, &error));
        assert_memory_not_equal(output.pixels, other.pixels, 3072);
    }
    free(image.pixels);
    reshift_image_destroy(&output);
    reshift_image_destroy(&other);
}

/*
 * The table's corruptions are the functions above with the stream (seed, name, severity, image) and both sets of
 * constants: which draws they make, in which order, and which constants they use.
 */
static void test_streams(void **state)
{
    (void)state;
    static const char *const names[] = {"snow", "frost", "fog", "spatter"};
    reshift_error error;
    reshift_image image = pattern_image(40, 48, 5), expected = {0}, output = {0};
    size_t n = 40 * 48, draws = PLASMA_DRAWS(64);
    float *normals = malloc(n * sizeof *normals);
    double *uniforms = malloc(draws * sizeof *uniforms);
    assert_true(normals && uniforms);
    check_ok(reshift_image_resize(&expected, 40, 48, &error));
    for (int set = 0; set < 2; set++) {
        for (int s = 0; s < 5; s++) {
            for (int which = 0; which < 4; which++) {
                random_stream stream = random_open(3, names[which], (uint64_t)s + 1, 11);
                if (which == 0) {
                    double angle = -135 + 90 * random_uniform(&stream);
                    random_fill_gaussian(&stream, normals, n);
                    check_ok(weather_snow_with(&image, &snow[set][s], normals, angle, &expected, &error));
                } else if (which == 1) {
                    const frost_overlay *overlay = &frost_drawn()->overlays[random_below(&stream, 5)];
                    const reshift_image *whole = set ? &overlay->full : &overlay->small;
                    size_t top = random_below(&stream, (uint64_t)(whole->height - 40));
                    size_t left = random_below(&stream, (uint64_t)(whole->width - 48));
                    weather_frost_with(&image, frost[set][s][0], frost[set][s][1],
                                       whole->pixels + 3 * (top * (size_t)whole->width + left), whole->width,
                                       &expected);
                } else if (which == 2) {
                    random_fill_uniform(&stream, uniforms, draws);
                    check_ok(weather_fog_with(&image, fog[set][s][0], fog[set][s][1], uniforms, &expected, &error));
                } else {
                    random_fill_gaussian(&stream, normals, n);
                    check_ok(weather_spatter_with(&image, &spatter[set][s], normals, &expected, &error));
                }
                check_ok(reshift_corruption_apply(find(names[which]), s + 1,
                                                  set ? RESHIFT_CONSTANTS_IMAGENET : RESHIFT_CONSTANTS_CIFAR, 3, 11,
                                                  NULL, &image, &output, &error));
                if (memcmp(output.pixels, expected.pixels, 3 * n) != 0) {
                    fail_msg("%s %d, set %d: other draws or other constants", names[which], s + 1, set);
                }
            }
        }
    }
    free(normals);
    free(uniforms);
    free(image.pixels);
    reshift_image_destroy(&expected);
    reshift_image_destroy(&output);
}

/*
 * The map covers the image if that takes at most 8 points per pixel, which holds up to twice as long as wide; for
 * longer images a smaller map is repeated.
 */
static void test_fog_of_long_images(void **state)
{
    (void)state;
    reshift_error error;
    static const int exact[][3] = {{32, 32, 32},       {224, 224, 256},    {375, 500, 512}, {513, 1026, 2048},
                                   {1000, 4000, 4096}, {8192, 8192, 8192}, {1, 1, 2}};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
        assert_int_equal(weather_fog_side(exact[i][0], exact[i][1]), exact[i][2]);
        assert_int_equal(weather_fog_side(exact[i][1], exact[i][0]), exact[i][2]);
    }
    enum { HEIGHT = 4, WIDTH = 8192, SIDE = 512 };
    assert_int_equal(weather_fog_side(HEIGHT, WIDTH), SIDE);
    reshift_image image = {0}, output = {0};
    check_ok(reshift_image_resize(&image, HEIGHT, WIDTH, &error));
    memset(image.pixels, 100, 3 * HEIGHT * WIDTH);
    check_ok(reshift_corruption_apply(find("fog"), 3, RESHIFT_CONSTANTS_CIFAR, 1, 0, NULL, &image, &output, &error));
    bool flat = true;
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        const int x = i % WIDTH, first = i - x + x % SIDE;
        assert_int_equal(output.pixels[3 * i], output.pixels[3 * first]);
        flat = flat && output.pixels[3 * i] == output.pixels[0];
    }
    assert_false(flat);
    reshift_image_destroy(&image);
    reshift_image_destroy(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),       cmocka_unit_test(test_snow),
        cmocka_unit_test(test_real_images),    cmocka_unit_test(test_spread),
        cmocka_unit_test(test_overlays),       cmocka_unit_test(test_bad_overlays),
        cmocka_unit_test(test_drawn_overlays), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_no_drops),       cmocka_unit_test(test_own_draws),
        cmocka_unit_test(test_streams),        cmocka_unit_test(test_fog_of_long_images),
    };
    return cmocka_run_group_tests_name("weather", tests, NULL, NULL);
}
