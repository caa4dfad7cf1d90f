/*
 * The recipes of torchvision's V1 and V2 weights on files of odd sizes and colour types: byte for byte what Pillow and
 * torchvision's folder loader make of them, and bit for bit what the network then reads.
 */
#include "check.h"

#include <math.h>

#include "base/digest.h"
#include "formats/images/image_file.h"
#include "imaging/preprocess.h"
#include "models/recipe.h"

#include "models/golden/photos.h"

enum { SIZE = 224, VALUES = 3 * SIZE * SIZE };

static reshift_recipe recipe_of(bool v2)
{
    reshift_error error;
    const architecture *arch;
    reshift_recipe recipe;
    check_ok(architecture_find("resnet50", &arch, &error));
    recipe_default(arch, v2 ? 2 : 1, &recipe);
    return recipe;
}

static void prepare(const reshift_image *image, const reshift_recipe *recipe, float *input)
{
    reshift_error error;
    assert_int_equal(recipe->size, SIZE);
    check_ok(preprocess_photo(image, recipe->resize, recipe->size, recipe->mean, recipe->std, input, &error));
}

/* The byte behind each value: half a byte is many roundings of a float. */
static void undo_normalisation(const float *input, const reshift_recipe *recipe, uint8_t *pixels)
{
    for (int i = 0; i < VALUES; i++) {
        pixels[i] = (uint8_t)lround(((double)input[i] * recipe->std[i % 3] + recipe->mean[i % 3]) * 255);
    }
}

static void expect(const char *name, const char *what, const void *bytes, size_t size, const char *expected)
{
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_MD5, bytes, size, hex);
    if (strcmp(hex, expected) != 0) {
        fail_msg("%s: %s: expected %s, found %s", name, what, expected, hex);
    }
}

static void load(const char *name, reshift_image *image)
{
    reshift_error error;
    char path[512];
    snprintf(path, sizeof path, "%s/tests/models/golden/photos/%s", TEST_SOURCE_ROOT, name);
    check_ok(reshift_image_load(path, image, &error));
}

static void check_all(bool v2)
{
    const reshift_recipe recipe = recipe_of(v2);
    float *input = malloc(VALUES * sizeof *input);
    uint8_t *pixels = malloc(VALUES);
    reshift_image image = {0};
    assert_int_equal(recipe.resize, v2 ? 232 : 256);
    for (size_t i = 0; i < sizeof golden_photos / sizeof *golden_photos; i++) {
        const golden_photo *g = &golden_photos[i];
        const golden_recipe *expected = v2 ? &g->v2 : &g->v1;
        load(g->name, &image);
        prepare(&image, &recipe, input);
        undo_normalisation(input, &recipe, pixels);
        expect(g->name, "pixels of the crop", pixels, VALUES, expected->pixels);
        expect(g->name, "the network's input", input, VALUES * sizeof *input, expected->input);
    }
    reshift_image_destroy(&image);
    free(input);
    free(pixels);
}

static void test_v1(void **state)
{
    (void)state;
    check_all(false);
}

static void test_v2(void **state)
{
    (void)state;
    check_all(true);
}

/* A camera's word that a picture wants turning is not heeded, as torchvision's loader does not heed it. */
static void test_turned_photo_stays_as_stored(void **state)
{
    (void)state;
    reshift_image image = {0};
    load("turned_211x145.jpg", &image);
    assert_int_equal(image.width, 211);
    assert_int_equal(image.height, 145);
    reshift_image_destroy(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1),
        cmocka_unit_test(test_v2),
        cmocka_unit_test(test_turned_photo_stays_as_stored),
    };
    return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}
