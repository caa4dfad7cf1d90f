/*
 * Recipe and class names <-> metadata. Numbers are written with as few digits as read back to the same float, and in
 * the C locale whatever the program's is.
 */
#include "models/recipe.h"

#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_build.h"
#include "models/metadata.h"

static const reshift_recipe imagenet = {
    .resize = 256, .size = 224, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}};

void recipe_default(const architecture *arch, int version, reshift_recipe *recipe)
{
    *recipe = imagenet;
    recipe->size = arch->size;
    recipe->resize = arch->resize[version - 1];
}

reshift_recipe reshift_recipe_at(const reshift_recipe *recipe, int size)
{
    reshift_recipe scaled = recipe ? *recipe : imagenet;
    if (size != 0 && size != scaled.size) {
        scaled.resize = (int)((int64_t)size * scaled.resize / scaled.size);
        scaled.size = size;
    }
    return scaled;
}

reshift_status recipe_check_size(int size, reshift_error *error)
{
    if (size < RESHIFT_SIZE_SMALLEST || size > RESHIFT_SIZE_LARGEST) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "input size: expected %d to %d, found %d",
                         RESHIFT_SIZE_SMALLEST, RESHIFT_SIZE_LARGEST, size);
    }
    return RESHIFT_OK;
}

static reshift_status bad_value(const metadata *m, const char *expected, reshift_error *error)
{
    return error_set(error, RESHIFT_ERROR_FORMAT, "metadata '%s': expected %s, found '%.100s'", m->key, expected,
                     m->text);
}

/* Up to `most` numbers with anything of " ,;()[]" around and between them; -1 where something else is among them. */
static int read_numbers(const char *text, int most, double *numbers)
{
    int n = 0;
    for (const char *at = text + strspn(text, " ,;()[]"); *at; at += strspn(at, " ,;()[]")) {
        char *end;
        double number = strtod(at, &end);
        if (end == at || n == most || (*end && !strchr(" ,;()[]", *end))) {
            return -1;
        }
        numbers[n++] = number;
        at = end;
    }
    return n;
}

/* A number of pixels; under the plain name also "[3, 224, 224]" or "224 x 224" as other programs write it. */
static reshift_status read_size(const reshift_tensors *tensors, const char *name, int largest, int *size, bool *found,
                                notes *list, reshift_error *error)
{
    metadata m = metadata_find(tensors, name);
    if (!m.text) {
        return RESHIFT_OK;
    }
    double numbers[4];
    int n = read_numbers(m.text, m.own ? 1 : 3, numbers);
    double value = n > 0 ? numbers[n - 1] : 0;
    bool square = n == 1 || (n >= 2 && numbers[n - 2] == value && (n == 2 || numbers[0] == 3));
    if (!square || !(value >= RESHIFT_SIZE_SMALLEST && value <= largest) || value != (int)value) {
        char expected[64];
        snprintf(expected, sizeof expected, "a whole number from %d to %d", RESHIFT_SIZE_SMALLEST, largest);
        return metadata_tolerate(&m, bad_value(&m, expected, error), list, NULL, error);
    }
    *size = (int)value;
    *found = true;
    return RESHIFT_OK;
}

static reshift_status read_triple(const reshift_tensors *tensors, const char *name, bool positive, float values[3],
                                  bool *found, notes *list, reshift_error *error)
{
    metadata m = metadata_find(tensors, name);
    if (!m.text) {
        return RESHIFT_OK;
    }
    double numbers[3];
    bool good = read_numbers(m.text, 3, numbers) == 3;
    for (int c = 0; good && c < 3; c++) {
        good = isfinite((float)numbers[c]) && (!positive || (float)numbers[c] > 0);
    }
    if (!good) {
        const char *expected = positive ? "three positive numbers" : "three numbers";
        return metadata_tolerate(&m, bad_value(&m, expected, error), list, NULL, error);
    }
    for (int c = 0; c < 3; c++) {
        values[c] = (float)numbers[c];
    }
    *found = true;
    return RESHIFT_OK;
}

static reshift_status read_recipe(const reshift_tensors *tensors, reshift_recipe *recipe, notes *list,
                                  reshift_error *error)
{
    bool has_size = false, has_resize = false, has_numbers = false;
    const metadata interpolation = metadata_find(tensors, "interpolation"), resize = metadata_find(tensors, "resize");
    const reshift_recipe usual = *recipe;
    reshift_status status =
        read_size(tensors, "input_size", RESHIFT_SIZE_LARGEST, &recipe->size, &has_size, list, error);
    if (status == RESHIFT_OK) {
        status = read_size(tensors, "resize", RESHIFT_RESIZE_MOST * RESHIFT_SIZE_LARGEST, &recipe->resize, &has_resize,
                           list, error);
    }
    if (status == RESHIFT_OK) {
        status = read_triple(tensors, "mean", false, recipe->mean, &has_numbers, list, error);
    }
    if (status == RESHIFT_OK) {
        status = read_triple(tensors, "std", true, recipe->std, &has_numbers, list, error);
    }
    if (status == RESHIFT_OK && interpolation.text && strcmp(interpolation.text, "bilinear") != 0) {
        status = error_set(error, RESHIFT_ERROR_UNSUPPORTED, "metadata '%s': expected bilinear, found '%.100s'",
                           interpolation.key, interpolation.text);
        status = metadata_tolerate(&interpolation, status, list, NULL, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    const int scaled = reshift_recipe_at(&usual, recipe->size).resize;
    if (!has_resize) {
        recipe->resize = scaled;
    }
    if (recipe->resize < recipe->size || recipe->resize > RESHIFT_RESIZE_MOST * recipe->size) {
        status = error_set(error, RESHIFT_ERROR_FORMAT,
                           "metadata '%s': expected at least input_size %d and at most %d times that, found %d",
                           resize.key, recipe->size, RESHIFT_RESIZE_MOST, recipe->resize);
        status = metadata_tolerate(&resize, status, list, NULL, error);
        recipe->resize = scaled;
        has_resize = false;
    }
    recipe->stored = has_size || has_resize || has_numbers;
    return status;
}

/* The C locale for this thread; (locale_t)0: out of memory. Undone by leave_c_locale. */
static locale_t enter_c_locale(locale_t *before)
{
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c) {
        *before = uselocale(c);
    }
    return c;
}

static void leave_c_locale(locale_t c, locale_t before)
{
    uselocale(before);
    freelocale(c);
}

reshift_status recipe_from_tensors(const reshift_tensors *tensors, reshift_recipe *recipe, notes *list,
                                   reshift_error *error)
{
    locale_t before, c = enter_c_locale(&before);
    if (!c) {
        return error_set(error, RESHIFT_ERROR_MEMORY, "out of memory for a locale");
    }
    reshift_status status = read_recipe(tensors, recipe, list, error);
    leave_c_locale(c, before);
    return status;
}

/* As few digits as give the same float again. */
static void print_float(float value, char *text, size_t size)
{
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, size, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) {
            return;
        }
    }
}

static reshift_status set_triple(reshift_tensors *tensors, const char *key, const float values[3], reshift_error *error)
{
    char numbers[3][32], text[128];
    for (int c = 0; c < 3; c++) {
        print_float(values[c], numbers[c], sizeof numbers[c]);
    }
    snprintf(text, sizeof text, "%s %s %s", numbers[0], numbers[1], numbers[2]);
    return metadata_set(tensors, key, text, error);
}

reshift_status recipe_to_tensors(const reshift_recipe *recipe, reshift_tensors *tensors, reshift_error *error)
{
    locale_t before, c = enter_c_locale(&before);
    if (!c) {
        return error_set(error, RESHIFT_ERROR_MEMORY, "out of memory for a locale");
    }
    char size[16], resize[16];
    snprintf(size, sizeof size, "%d", recipe->size);
    snprintf(resize, sizeof resize, "%d", recipe->resize);
    reshift_status status = metadata_set(tensors, "input_size", size, error);
    if (status == RESHIFT_OK) {
        status = metadata_set(tensors, "resize", resize, error);
    }
    if (status == RESHIFT_OK) {
        status = metadata_set(tensors, "interpolation", "bilinear", error);
    }
    if (status == RESHIFT_OK) {
        status = set_triple(tensors, "mean", recipe->mean, error);
    }
    if (status == RESHIFT_OK) {
        status = set_triple(tensors, "std", recipe->std, error);
    }
    leave_c_locale(c, before);
    return status;
}

/* ---- names of the classes ---- */

void recipe_class_names_destroy(char ***names, int n_classes)
{
    if (*names) {
        for (int k = 0; k < n_classes; k++) {
            free((*names)[k]);
        }
        free(*names);
        *names = NULL;
    }
}

/* One name a class out of a JSON list of strings, or (the plain key of another program) of words between commas. */
static reshift_status names_of_list(const metadata *m, json_t *list, int n_classes, char **names, reshift_error *error)
{
    if (!json_is_array(list) || json_array_size(list) != (size_t)n_classes) {
        return error_set(error, RESHIFT_ERROR_FORMAT, "metadata '%s': expected a list of %d strings, found '%.100s'",
                         m->key, n_classes, m->text);
    }
    for (int k = 0; k < n_classes; k++) {
        const char *name = json_string_value(json_array_get(list, (size_t)k));
        if (!name) {
            return error_set(error, RESHIFT_ERROR_FORMAT, "metadata '%s': entry %d is not a string", m->key, k);
        }
        if (!(names[k] = strdup(name))) {
            return error_memory(error, strlen(name) + 1, "the name of a class");
        }
    }
    return RESHIFT_OK;
}

static json_t *list_of_words(const char *text)
{
    json_t *list = json_array();
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ","), blank = strspn(at, " ");
        blank = blank < length ? blank : length;
        json_add(&list, json_stringn(at + blank, length - blank));
        at += length;
        if (!*at) {
            return list;
        }
    }
}

reshift_status recipe_class_names_from_tensors(const reshift_tensors *tensors, int n_classes, char ***names,
                                               notes *list, reshift_error *error)
{
    *names = NULL;
    const metadata m = metadata_find(tensors, "class_names");
    if (!m.text) {
        return RESHIFT_OK;
    }
    *names = calloc((size_t)n_classes, sizeof **names);
    if (!*names) {
        return error_memory(error, (size_t)n_classes * sizeof **names, "the names of the classes");
    }
    json_t *parsed = json_loads(m.text, JSON_REJECT_DUPLICATES, NULL);
    if (!parsed && !m.own) {
        parsed = list_of_words(m.text);
    }
    bool ignored = false;
    reshift_status status = names_of_list(&m, parsed, n_classes, *names, error);
    status = metadata_tolerate(&m, status, list, &ignored, error);
    json_decref(parsed);
    if (status != RESHIFT_OK || ignored) {
        recipe_class_names_destroy(names, n_classes);
    }
    return status;
}

reshift_status recipe_class_names_to_tensors(char *const *names, int n_classes, reshift_tensors *tensors,
                                             reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    char *text = NULL;
    json_t *list = json_array();
    for (int k = 0; k < n_classes && list; k++) {
        json_add(&list, json_words(names[k]));
    }
    text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    status = text ? metadata_set(tensors, "class_names", text, error)
                  : error_set(error, RESHIFT_ERROR_MEMORY, "out of memory for the names of the classes");
    free(text);
    json_decref(list);
    return status;
}
