/*
 * Recipe and class names <-> metadata. Numbers are written with as few digits as read back to the same float, and in
 * the C locale whatever the program's is.
 */
#include "models/recipe.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const reshift_recipe imagenet = {
    .resize = 256, .size = 224, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}};

void recipe_default(const resnet_arch *arch, bool v2, reshift_recipe *recipe)
{
    *recipe = imagenet;
    recipe->size = arch->input_size;
    recipe->resize = arch->input_size == 224 ? (v2 ? 232 : 256) : arch->input_size;
}

reshift_recipe reshift_recipe_at(const reshift_recipe *recipe, int size)
{
    reshift_recipe scaled = recipe ? *recipe : imagenet;
    if (size > 0 && size != scaled.size) {
        scaled.resize = (int)((int64_t)size * scaled.resize / scaled.size);
        scaled.size = size;
    }
    return scaled;
}

static reshift_status bad_value(const char *key, const char *value, const char *expected, reshift_error *error)
{
    return error_set(error, RESHIFT_ERROR_FORMAT, "metadata '%s': expected %s, found '%.100s'", key, expected, value);
}

static reshift_status read_size(const reshift_tensors *tensors, const char *key, int largest, int *size, bool *found,
                                reshift_error *error)
{
    const char *text = reshift_tensors_text(tensors, key);
    if (!text) {
        return RESHIFT_OK;
    }
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < RESHIFT_SIZE_SMALLEST || value > largest) {
        char expected[64];
        snprintf(expected, sizeof expected, "a whole number from %d to %d", RESHIFT_SIZE_SMALLEST, largest);
        return bad_value(key, text, expected, error);
    }
    *size = (int)value;
    *found = true;
    return RESHIFT_OK;
}

static reshift_status read_triple(const reshift_tensors *tensors, const char *key, bool positive, float values[3],
                                  bool *found, reshift_error *error)
{
    const char *text = reshift_tensors_text(tensors, key), *place = text;
    const char *expected = positive ? "three positive numbers" : "three numbers";
    if (!text) {
        return RESHIFT_OK;
    }
    for (int c = 0; c < 3; c++) {
        char *end;
        values[c] = strtof(place, &end);
        if (end == place || !isfinite(values[c]) || (positive && values[c] <= 0)) {
            return bad_value(key, text, expected, error);
        }
        place = end;
    }
    if (place[strspn(place, " ")]) {
        return bad_value(key, text, expected, error);
    }
    *found = true;
    return RESHIFT_OK;
}

static reshift_status read_recipe(const reshift_tensors *tensors, reshift_recipe *recipe, reshift_error *error)
{
    bool has_size = false, has_resize = false, has_numbers = false;
    const char *interpolation = reshift_tensors_text(tensors, "interpolation");
    const reshift_recipe usual = *recipe;
    reshift_status status = read_size(tensors, "input_size", RESHIFT_SIZE_LARGEST, &recipe->size, &has_size, error);
    if (status == RESHIFT_OK) {
        status = read_size(tensors, "resize", RESHIFT_RESIZE_MOST * RESHIFT_SIZE_LARGEST, &recipe->resize, &has_resize,
                           error);
    }
    if (status == RESHIFT_OK) {
        status = read_triple(tensors, "mean", false, recipe->mean, &has_numbers, error);
    }
    if (status == RESHIFT_OK) {
        status = read_triple(tensors, "std", true, recipe->std, &has_numbers, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    if (interpolation && strcmp(interpolation, "bilinear") != 0) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED,
                         "metadata 'interpolation': expected bilinear, found '%.100s'", interpolation);
    }
    if (!has_resize) {
        recipe->resize = reshift_recipe_at(&usual, recipe->size).resize;
    }
    if (recipe->resize < recipe->size || recipe->resize > RESHIFT_RESIZE_MOST * recipe->size) {
        return error_set(error, RESHIFT_ERROR_FORMAT,
                         "metadata 'resize': expected at least input_size %d and at most %d times that, found %d",
                         recipe->size, RESHIFT_RESIZE_MOST, recipe->resize);
    }
    recipe->stored = has_size || has_resize || has_numbers;
    return RESHIFT_OK;
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

reshift_status recipe_from_tensors(const reshift_tensors *tensors, reshift_recipe *recipe, reshift_error *error)
{
    reshift_container container = reshift_tensors_container(tensors);
    if (container == RESHIFT_CONTAINER_TORCH_ZIP || container == RESHIFT_CONTAINER_TORCH_LEGACY) {
        return RESHIFT_OK;
    }
    locale_t before, c = enter_c_locale(&before);
    if (!c) {
        return error_set(error, RESHIFT_ERROR_MEMORY, "out of memory for a locale");
    }
    reshift_status status = read_recipe(tensors, recipe, error);
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
    return reshift_tensors_set_text(tensors, key, text, error);
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
    reshift_status status = reshift_tensors_set_text(tensors, "input_size", size, error);
    if (status == RESHIFT_OK) {
        status = reshift_tensors_set_text(tensors, "resize", resize, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_set_text(tensors, "interpolation", "bilinear", error);
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

reshift_status recipe_class_names_from_tensors(const reshift_tensors *tensors, int n_classes, char ***names,
                                               reshift_error *error)
{
    *names = NULL;
    const char *text = reshift_tensors_text(tensors, "class_names");
    reshift_container container = reshift_tensors_container(tensors);
    if (!text || container == RESHIFT_CONTAINER_TORCH_ZIP || container == RESHIFT_CONTAINER_TORCH_LEGACY) {
        return RESHIFT_OK;
    }
    reshift_status status = RESHIFT_OK;
    json_t *list = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_array(list) || json_array_size(list) != (size_t)n_classes) {
        status = error_set(error, RESHIFT_ERROR_FORMAT,
                           "metadata 'class_names': expected a list of %d strings, found '%.100s'", n_classes, text);
        goto done;
    }
    *names = calloc((size_t)n_classes, sizeof **names);
    if (!*names) {
        status = error_memory(error, (size_t)n_classes * sizeof **names, "the names of the classes");
        goto done;
    }
    for (int k = 0; k < n_classes; k++) {
        const char *name = json_string_value(json_array_get(list, (size_t)k));
        if (!name) {
            status = error_set(error, RESHIFT_ERROR_FORMAT, "metadata 'class_names': entry %d is not a string", k);
            goto done;
        }
        if (!((*names)[k] = strdup(name))) {
            status = error_memory(error, strlen(name) + 1, "the name of a class");
            goto done;
        }
    }
done:
    json_decref(list);
    if (status != RESHIFT_OK) {
        recipe_class_names_destroy(names, n_classes);
    }
    return status;
}

static json_t *json_of_name(const char *name)
{
    json_t *string = json_string(name);
    if (string) {
        return string;
    }
    char *plain = strdup(name);
    for (char *c = plain; c && *c; c++) {
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    }
    string = plain ? json_string(plain) : NULL;
    free(plain);
    return string;
}

reshift_status recipe_class_names_to_tensors(char *const *names, int n_classes, reshift_tensors *tensors,
                                             reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    char *text = NULL;
    json_t *list = json_array();
    for (int k = 0; k < n_classes && list; k++) {
        if (json_array_append_new(list, json_of_name(names[k])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    status = text ? reshift_tensors_set_text(tensors, "class_names", text, error)
                  : error_set(error, RESHIFT_ERROR_MEMORY, "out of memory for the names of the classes");
    free(text);
    json_decref(list);
    return status;
}
