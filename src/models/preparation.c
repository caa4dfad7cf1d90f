/* The description of features, FEATURES.json, and the same facts in a head's metadata. */
#include "reshift/preparation.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file_writer.h"
#include "base/files.h"
#include "base/json_build.h"
#include "datasets/dataset.h"
#include "models/metadata.h"
#include "models/recipe.h"
#include "reshift/words.h"

static char *description_path(const char *features)
{
    char *path = NULL;
    return asprintf(&path, "%s.json", features) < 0 ? NULL : path;
}

reshift_status reshift_preparation_save(const char *path, const char *features, const reshift_preparation *p,
                                        bool overwrite, reshift_error *error)
{
    const reshift_recipe *r = &p->recipe;
    char hex[DIGEST_HEX_BYTES], *text = NULL;
    json_t *object = NULL;
    reshift_status status = digest_file(DIGEST_SHA256, features, hex, error);
    if (status == RESHIFT_OK) {
        object = json_pack("{s:o, s:o, s:i, s:i, s:s, s:[f, f, f], s:[f, f, f], s:s}", "arch", json_words(p->arch),
                           "data", json_words(p->data), "input_size", r->size, "resize", r->resize, "interpolation",
                           "bilinear", "mean", (double)r->mean[0], (double)r->mean[1], (double)r->mean[2], "std",
                           (double)r->std[0], (double)r->std[1], (double)r->std[2], "features_sha256", hex);
        text = object ? json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
        if (text) {
            reshift_json_shorten(text);
        }
        status = text ? file_write_all(path, text, strlen(text), overwrite, error)
                      : error_memory(error, 1024, "the description of features");
    }
    free(text);
    json_decref(object);
    return status;
}

static bool read_triple(const json_t *list, float values[3])
{
    for (size_t c = 0; c < 3; c++) {
        const json_t *value = json_array_get(list, c);
        if (!json_is_number(value)) {
            return false;
        }
        values[c] = (float)json_number_value(value);
    }
    return json_array_size(list) == 3;
}

static bool read_description(const json_t *object, reshift_preparation *p, const char **hex)
{
    const char *arch = json_string_value(json_object_get(object, "arch"));
    const char *data = json_string_value(json_object_get(object, "data"));
    const char *interpolation = json_string_value(json_object_get(object, "interpolation"));
    const json_int_t size = json_integer_value(json_object_get(object, "input_size"));
    const json_int_t resize = json_integer_value(json_object_get(object, "resize"));
    *hex = json_string_value(json_object_get(object, "features_sha256"));
    if (!arch || !data || !interpolation || strcmp(interpolation, "bilinear") != 0 || !*hex ||
        size < RESHIFT_SIZE_SMALLEST || size > RESHIFT_SIZE_LARGEST || resize < size ||
        resize > RESHIFT_RESIZE_MOST * size || !read_triple(json_object_get(object, "mean"), p->recipe.mean) ||
        !read_triple(json_object_get(object, "std"), p->recipe.std)) {
        return false;
    }
    p->recipe.size = (int)size;
    p->recipe.resize = (int)resize;
    p->recipe.stored = true;
    snprintf(p->arch, sizeof p->arch, "%s", arch);
    snprintf(p->data, sizeof p->data, "%s", data);
    return true;
}

reshift_status reshift_preparation_load(const char *features, reshift_preparation *p, bool *known, reshift_error *error)
{
    char hex[DIGEST_HEX_BYTES], *path = description_path(features);
    const char *expected = NULL;
    json_t *object = NULL;
    bool there = false;
    *known = false;
    *p = (reshift_preparation){0};
    reshift_status status = path ? path_is_file(path, &there, error) : error_memory(error, 64, "a path");
    if (status == RESHIFT_OK && there) {
        object = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
        if (!read_description(object, p, &expected)) {
            status =
                error_set(error, RESHIFT_ERROR_FORMAT,
                          "cannot read '%s': expected the description of features that 'reshift extract' writes", path);
        }
    }
    if (status == RESHIFT_OK && there) {
        status = digest_file(DIGEST_SHA256, features, hex, error);
        *known = status == RESHIFT_OK && strcmp(hex, expected) == 0;
    }
    json_decref(object);
    free(path);
    return status;
}

bool reshift_preparation_same(const reshift_preparation *a, const reshift_preparation *b, char *difference, size_t size)
{
    const reshift_recipe *x = &a->recipe, *y = &b->recipe;
    if (x->size != y->size || x->resize != y->resize) {
        snprintf(difference, size, "%dx%d (resize %d) and %dx%d (resize %d)", x->size, x->size, x->resize, y->size,
                 y->size, y->resize);
        return false;
    }
    if (memcmp(x->mean, y->mean, sizeof x->mean) != 0 || memcmp(x->std, y->std, sizeof x->std) != 0) {
        snprintf(difference, size, "mean %g %g %g, std %g %g %g and mean %g %g %g, std %g %g %g", (double)x->mean[0],
                 (double)x->mean[1], (double)x->mean[2], (double)x->std[0], (double)x->std[1], (double)x->std[2],
                 (double)y->mean[0], (double)y->mean[1], (double)y->mean[2], (double)y->std[0], (double)y->std[1],
                 (double)y->std[2]);
        return false;
    }
    if (a->arch[0] && b->arch[0] && strcmp(a->arch, b->arch) != 0) {
        snprintf(difference, size, "features of %s and of %s", a->arch, b->arch);
        return false;
    }
    return true;
}

reshift_status reshift_tensors_set_preparation(reshift_tensors *tensors, const reshift_preparation *p,
                                               reshift_error *error)
{
    reshift_status status = recipe_to_tensors(&p->recipe, tensors, error);
    if (status == RESHIFT_OK && p->arch[0]) {
        status = metadata_set(tensors, "arch", p->arch, error);
    }
    if (status == RESHIFT_OK && p->data[0]) {
        status = metadata_set(tensors, "data", p->data, error);
    }
    return status;
}

reshift_status reshift_preparation_add_class_names(const char *path, const reshift_dataset *dataset,
                                                   reshift_error *error)
{
    json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, NULL), *names = json_array();
    if (!json_is_object(object)) {
        json_decref(names);
        json_decref(object);
        return error_set(error, RESHIFT_ERROR_FORMAT, "cannot read '%s': expected a description of features", path);
    }
    for (int k = 0; k < dataset->n_classes && names; k++) {
        json_add(&names, json_words(dataset->class_names[k]));
    }
    char *text = NULL;
    if (names && json_object_set_new(object, "class_names", names) == 0) {
        text = json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    }
    if (text) {
        reshift_json_shorten(text);
    }
    const reshift_status status = text ? file_write_all(path, text, strlen(text), true, error)
                                       : error_memory(error, 1024, "the description of features");
    free(text);
    json_decref(object);
    return status;
}

reshift_status reshift_tensors_set_class_names_of(reshift_tensors *tensors, const char *features, int n_classes,
                                                  reshift_error *error)
{
    reshift_preparation ignored;
    bool known = false;
    reshift_status status = reshift_preparation_load(features, &ignored, &known, error);
    char *path = status == RESHIFT_OK && known ? description_path(features) : NULL, *text = NULL;
    json_t *object = path ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *names = json_object_get(object, "class_names");
    bool strings = json_is_array(names) && json_array_size(names) == (size_t)n_classes;
    for (size_t k = 0; strings && k < (size_t)n_classes; k++) {
        strings = json_is_string(json_array_get(names, k));
    }
    if (strings) {
        text = json_dumps(names, JSON_COMPACT);
        status = text ? metadata_set(tensors, "class_names", text, error)
                      : error_memory(error, 1024, "the names of the classes");
    }
    free(text);
    json_decref(object);
    free(path);
    return status;
}

reshift_image_facts reshift_image_facts_of(const reshift_dataset *set, const reshift_recipe *recipe, int size)
{
    const reshift_recipe used = reshift_recipe_at(recipe, size);
    reshift_image_facts f = {.input_size = used.size, .resize = set->fixed_size ? 0 : used.resize};
    if (set->crop_size == used.size) { /* that crop is the network's input */
        f.resize = set->crop_resize;
    }
    f.corrupted = set->corruption || set->constants != RESHIFT_CONSTANTS_AUTO;
    f.constants = (int)set->constants;
    f.crop_resize = set->crop_size > 0 ? set->crop_resize : 0;
    f.crop = set->crop_size;
    f.jpeg = set->jpeg;
    return f;
}
