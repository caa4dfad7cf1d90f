/*
 * Classes of a set and outputs of a network, brought together by their names. Names are compared in a common form
 * (lower case, '_' and '-' as blanks); a form that stands for two outputs is no answer unless one of them is spelled
 * exactly so.
 */
#include "reshift/class_map.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/classes/class_map_file.h"
#include "models/classes/imagenet_classes.h"
#include "reshift/words.h"

const char *reshift_class_match_name(reshift_class_match match)
{
    return match == RESHIFT_CLASSES_BY_NUMBER ? "number" : match == RESHIFT_CLASSES_BY_NAME ? "name" : "file";
}

static bool is_imagenet(const reshift_model *model)
{
    return !reshift_model_class_name(model, 0) && reshift_model_n_classes(model) == IMAGENET_CLASSES;
}

const char *reshift_model_output_name(const reshift_model *model, int k)
{
    const bool inside = k >= 0 && k < reshift_model_n_classes(model);
    return inside && is_imagenet(model) ? imagenet_classes[k].name : reshift_model_class_name(model, k);
}

/* ---- outputs by name ---- */

typedef struct named_output {
    char *form; /* of the name; in fresh memory */
    const char *name;
    int output;
} named_output;

struct output_names {
    named_output *items; /* [n] ascending by form */
    int n;
};

static char *form_of(const char *name)
{
    char *form = strdup(name);
    for (char *c = form; c && *c; c++) {
        *c = *c == '_' || *c == '-' ? ' ' : (char)tolower((unsigned char)*c);
    }
    return form;
}

static int by_form(const void *a, const void *b)
{
    const named_output *x = a, *y = b;
    const int order = strcmp(x->form, y->form);
    return order ? order : x->output - y->output;
}

void output_names_destroy(output_names **names)
{
    if (*names) {
        for (int i = 0; i < (*names)->n; i++) {
            free((*names)->items[i].form);
        }
        free((*names)->items);
        free(*names);
        *names = NULL;
    }
}

reshift_status output_names_create(const reshift_model *model, output_names **names, reshift_error *error)
{
    const int k = reshift_model_n_classes(model), most = is_imagenet(model) ? 2 * k : k;
    output_names *list = calloc(1, sizeof *list);
    named_output *items = calloc((size_t)most + 1, sizeof *items);
    *names = list;
    if (!list || !items) {
        free(items);
        return error_memory(error, (size_t)most * sizeof *items, "names of outputs");
    }
    list->items = items;
    for (int i = 0; i < k; i++) {
        const char *both[2] = {reshift_model_output_name(model, i),
                               is_imagenet(model) ? imagenet_classes[i].wnid : NULL};
        for (int j = 0; j < 2; j++) {
            if (both[j]) {
                items[list->n] = (named_output){form_of(both[j]), both[j], i};
                if (!items[list->n++].form) {
                    return error_memory(error, strlen(both[j]), "a name");
                }
            }
        }
    }
    qsort(items, (size_t)list->n, sizeof *items, by_form);
    return RESHIFT_OK;
}

/* The first item whose form is not below. */
static int lower_bound(const output_names *names, const char *form)
{
    int low = 0, high = names->n;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (strcmp(names->items[middle].form, form) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int output_names_find(const output_names *names, const char *name)
{
    char *form = form_of(name);
    int found = OUTPUT_NONE;
    for (int i = form ? lower_bound(names, form) : names->n; i < names->n && strcmp(names->items[i].form, form) == 0;
         i++) {
        const named_output *one = &names->items[i];
        if (strcmp(one->name, name) == 0) {
            found = one->output;
            break;
        }
        found = found == OUTPUT_NONE || found == one->output ? one->output : OUTPUT_AMBIGUOUS;
    }
    free(form);
    return found;
}

/* The other name of an ImageNet class, where `name` is its identifier or, exactly, its name. */
static const char *other_name(const char *name)
{
    for (int i = 0; i < IMAGENET_CLASSES; i++) {
        if (strcmp(imagenet_classes[i].wnid, name) == 0) {
            return imagenet_classes[i].name;
        }
        if (strcmp(imagenet_classes[i].name, name) == 0) {
            return imagenet_classes[i].wnid;
        }
    }
    return NULL;
}

/* "07-cat", as `corrupt --format folder` names folders to keep the order of the classes: "cat". NULL: no such prefix.
 */
static const char *without_number(const char *name)
{
    const size_t digits = strspn(name, "0123456789");
    return digits > 0 && name[digits] == '-' && name[digits + 1] ? name + digits + 1 : NULL;
}

static int find_class(const output_names *names, const char *class_name)
{
    int found = output_names_find(names, class_name);
    const char *other = found == OUTPUT_NONE ? other_name(class_name) : NULL;
    found = other ? output_names_find(names, other) : found;
    const char *plain = found == OUTPUT_NONE ? without_number(class_name) : NULL;
    return plain ? output_names_find(names, plain) : found;
}

/* ---- the ways to map ---- */

/* The number that a name is, 0..n-1, written as people write it; -1: it is none. */
static int number_of(const char *name, int n)
{
    char *end;
    const long value = strtol(name, &end, 10);
    return isdigit((unsigned char)name[0]) && *end == '\0' && value >= 0 && value < n ? (int)value : -1;
}

static bool set_is_numbered(const reshift_dataset *set, int n_outputs)
{
    for (int k = 0; k < reshift_dataset_n_classes(set); k++) {
        if (number_of(reshift_dataset_class_name(set, k), n_outputs) < 0) {
            return false;
        }
    }
    return true;
}

static bool network_is_numbered(const reshift_model *model)
{
    const int n = reshift_model_n_classes(model);
    for (int k = 0; k < n; k++) {
        const char *name = reshift_model_class_name(model, k);
        if (name && number_of(name, INT32_MAX) < 0) {
            return false;
        }
    }
    return true;
}

/* Every class by its name. *missing is the first that has none; OUTPUT_AMBIGUOUS in its place where it has two. */
static bool map_by_name(const output_names *names, const reshift_dataset *set, reshift_class_map *map, int *missing,
                        int *n_found)
{
    *missing = -1;
    *n_found = 0;
    for (int k = 0; k < map->n; k++) {
        map->outputs[k] = find_class(names, reshift_dataset_class_name(set, k));
        *n_found += map->outputs[k] >= 0;
        if (map->outputs[k] < 0 && *missing < 0) {
            *missing = k;
        }
    }
    for (int k = 0; *missing < 0 && k < map->n; k++) { /* two classes of a set are not one output */
        for (int j = 0; j < k && map->n <= 2 * IMAGENET_CLASSES; j++) {
            *missing = map->outputs[j] == map->outputs[k] ? k : *missing;
        }
    }
    map->match = RESHIFT_CLASSES_BY_NAME;
    return *missing < 0;
}

static bool map_by_number(const reshift_model *model, const reshift_dataset *set, bool has_names,
                          reshift_class_map *map)
{
    const bool set_numbered = set_is_numbered(set, map->n_outputs), same = map->n == map->n_outputs;
    const bool by_place = same && (!has_names || set_numbered || network_is_numbered(model));
    if (!by_place && !set_numbered) {
        return false;
    }
    for (int k = 0; k < map->n; k++) {
        map->outputs[k] = by_place ? k : number_of(reshift_dataset_class_name(set, k), map->n_outputs);
    }
    map->match = RESHIFT_CLASSES_BY_NUMBER;
    return true;
}

static reshift_status refuse_map(const reshift_dataset *set, const reshift_class_map *map, bool has_names, int missing,
                                 int n_found, reshift_error *error)
{
    const char *name = reshift_dataset_class_name(set, missing < 0 ? 0 : missing);
    if (!has_names) {
        error_set(error, RESHIFT_ERROR_SHAPE,
                  "the network has %d %s without names, the set %d %s ('%s', ...): which output is which class "
                  "is not known",
                  map->n_outputs, reshift_noun_for(map->n_outputs, "output", "outputs"), map->n,
                  reshift_noun_for(map->n, "class", "classes"), name);
    } else if (missing >= 0 && map->outputs[missing] == OUTPUT_AMBIGUOUS) {
        error_set(error, RESHIFT_ERROR_SHAPE,
                  "class '%s' of the set is the name of more than one of the network's %d outputs", name,
                  map->n_outputs);
    } else {
        error_set(error, RESHIFT_ERROR_SHAPE,
                  "class '%s' of the set is none of the network's %d %s (%d of the set's %d are)", name, map->n_outputs,
                  reshift_noun_for(map->n_outputs, "class", "classes"), n_found, map->n);
    }
    error_hint(error, "give a network with a last layer for these classes (--head), or say which output each class is: "
                      "--class-map FILE.csv with rows 'class,number or name of the output'");
    return RESHIFT_ERROR_SHAPE;
}

static reshift_status map_classes(const reshift_model *model, const reshift_dataset *set, const char *file,
                                  reshift_class_map *map, reshift_error *error)
{
    output_names *names = NULL;
    int missing = -1, n_found = 0;
    const bool has_names = reshift_model_output_name(model, 0) != NULL;
    reshift_status status = output_names_create(model, &names, error);
    if (status == RESHIFT_OK && file) {
        map->match = RESHIFT_CLASSES_BY_FILE;
        status = class_map_file_read(file, set, names, map, error);
    } else if (status == RESHIFT_OK && map->n > map->n_outputs) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "the network has %d %s, the data has %d", map->n_outputs,
                           reshift_noun_for(map->n_outputs, "class", "classes"), map->n);
        error_hint(error, "give the layer trained on these classes with --head");
    } else if (status == RESHIFT_OK && !(has_names && map_by_name(names, set, map, &missing, &n_found)) &&
               !map_by_number(model, set, has_names && !(is_imagenet(model) && n_found == 0), map)) {
        status = refuse_map(set, map, has_names, missing, n_found, error);
    }
    output_names_destroy(&names);
    return status;
}

reshift_status reshift_class_map_create(const reshift_model *model, const reshift_dataset *dataset, const char *file,
                                        reshift_class_map *map, reshift_error *error)
{
    *map = (reshift_class_map){.n = reshift_dataset_n_classes(dataset), .n_outputs = reshift_model_n_classes(model)};
    map->outputs = calloc((size_t)map->n + 1, sizeof *map->outputs);
    map->counts = calloc((size_t)map->n_outputs + 1, sizeof *map->counts);
    reshift_status status = map->outputs && map->counts
                                ? map_classes(model, dataset, file, map, error)
                                : error_memory(error, (size_t)map->n * sizeof *map->outputs, "classes");
    for (int k = 0; status == RESHIFT_OK && k < map->n; k++) {
        map->counts[map->outputs[k]] = true;
    }
    if (status != RESHIFT_OK) {
        reshift_class_map_destroy(map);
    }
    return status;
}

void reshift_class_map_destroy(reshift_class_map *map)
{
    if (map) {
        free(map->outputs);
        free(map->counts);
        *map = (reshift_class_map){0};
    }
}

bool reshift_class_map_is_identity(const reshift_class_map *map)
{
    bool identity = map->n == map->n_outputs;
    for (int k = 0; identity && k < map->n; k++) {
        identity = map->outputs[k] == k;
    }
    return identity;
}

void reshift_class_map_restrict(const reshift_class_map *map, float *logits, int64_t n)
{
    for (int64_t row = 0; row < n; row++) {
        float *values = logits + row * map->n_outputs;
        for (int k = 0; k < map->n_outputs; k++) {
            values[k] = map->counts[k] ? values[k] : -HUGE_VALF;
        }
    }
}
