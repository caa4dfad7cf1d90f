/* The table of families, and questions about architectures that every family answers alike. */
#include "models/architectures/architecture.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "reshift/model.h"

#define IMAGENET_CLASSES 1000

/* A new family is one line here. */
static const architecture_family *const families[] = {&family_resnet, NULL};

const architecture_family *architecture_family_at(int index)
{
    return index >= 0 && index < (int)(sizeof families / sizeof *families) ? families[index] : NULL;
}

const architecture *architecture_at(int index)
{
    for (int f = 0; families[f] && index >= 0; f++) {
        if (index < families[f]->n_rows) {
            return &families[f]->rows[index];
        }
        index -= families[f]->n_rows;
    }
    return NULL;
}

static bool is_listed(const architecture *arch, architecture_listed listed)
{
    switch (listed) {
    case ARCHITECTURE_PUBLISHED: return arch->published[0].accuracy != NULL;
    case ARCHITECTURE_V2: return arch->published[1].accuracy != NULL;
    default: return true;
    }
}

void architecture_names(architecture_listed listed, char *text, size_t size)
{
    const architecture *arch, *last = NULL;
    for (int a = 0; (arch = architecture_at(a)) != NULL; a++) {
        last = is_listed(arch, listed) ? arch : last;
    }
    *text = '\0';
    for (int a = 0; (arch = architecture_at(a)) != NULL; a++) {
        if (is_listed(arch, listed)) {
            const size_t length = strlen(text);
            snprintf(text + length, size - length, "%s%s", !length ? "" : arch == last ? " and " : ", ", arch->name);
        }
    }
}

reshift_status architecture_find(const char *name, const architecture **arch, reshift_error *error)
{
    for (int a = 0; (*arch = architecture_at(a)) != NULL; a++) {
        if (!strcmp((*arch)->name, name)) {
            return RESHIFT_OK;
        }
    }
    char names[400];
    architecture_names(ARCHITECTURE_ALL, names, sizeof names);
    error_set(error, RESHIFT_ERROR_ARGUMENT, "unknown architecture '%s'", name);
    error_hint(error, "known are %s", names);
    return RESHIFT_ERROR_ARGUMENT;
}

reshift_status architecture_graph(const architecture *arch, int n_classes, graph **g, reshift_error *error)
{
    return arch->family->build(arch, n_classes, g, error);
}

int architecture_n_features(const architecture *arch) { return arch->family->n_features(arch); }

/* Classes of a head that reads the network's features; ImageNet's where it does not. */
static int n_classes_of(const reshift_tensors *tensors, const architecture *arch)
{
    char name[64];
    snprintf(name, sizeof name, "%s.weight", arch->family->head);
    const reshift_array *weight = reshift_tensors_find(tensors, name);
    const bool own = weight && weight->n_dims > 1 && weight->shape[1] == architecture_n_features(arch) &&
                     weight->shape[0] > 0 && weight->shape[0] <= INT_MAX;
    return own ? (int)weight->shape[0] : IMAGENET_CLASSES;
}

/* The family whose first tensor is in the checkpoint; else the first family, for its message. */
static const architecture_family *nearest_family(const reshift_tensors *tensors)
{
    for (int f = 0; families[f]; f++) {
        if (reshift_tensors_find(tensors, families[f]->first_tensor)) {
            return families[f];
        }
    }
    return families[0];
}

reshift_status architecture_detect(const reshift_tensors *tensors, const architecture **arch, int *n_classes,
                                   reshift_error *error)
{
    for (int f = 0; families[f]; f++) {
        *arch = families[f]->detect(tensors, "");
        if (*arch) {
            *n_classes = n_classes_of(tensors, *arch);
            return RESHIFT_OK;
        }
    }
    char names[400];
    const reshift_status status = nearest_family(tensors)->refuse(tensors, error);
    architecture_names(ARCHITECTURE_ALL, names, sizeof names);
    error_hint(error, "weights of %s can be read; 'reshift inspect FILE' lists the tensors", names);
    return status;
}

bool architecture_is_trunk(const architecture_family *family, const char *name)
{
    for (const char *const *part = family->trunk; *part; part++) {
        if (strncmp(name, *part, strlen(*part)) == 0) {
            return true;
        }
    }
    return false;
}

bool reshift_architecture_at(int index, reshift_architecture *row)
{
    const architecture *arch = architecture_at(index);
    if (!arch) {
        return false;
    }
    *row = (reshift_architecture){.name = arch->name, .title = arch->title, .blocks = arch->blocks};
    for (int b = 0; arch->blocks[b]; b++) {
        row->last_stage = b > 0 ? arch->blocks[b - 1] : arch->blocks[b];
        row->head = arch->blocks[b];
    }
    return true;
}

static bool is_block_of(const architecture *arch, const char *name)
{
    for (const char *const *block = arch->blocks; *block; block++) {
        if (strcmp(*block, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends the blocks of row `index` that no row before it has. */
static void list_new_blocks(int index, char *list, size_t size)
{
    for (const char *const *block = architecture_at(index)->blocks; *block; block++) {
        bool listed = false;
        for (int before = 0; before < index && !listed; before++) {
            listed = is_block_of(architecture_at(before), *block);
        }
        const size_t length = strlen(list);
        if (!listed) {
            snprintf(list + length, size - length, "%s%s", length ? ", " : "", *block);
        }
    }
}

reshift_status reshift_block_check(const char *name, reshift_error *error)
{
    const architecture *arch;
    char names[512] = "";
    bool found = strcmp(name, "all") == 0;
    for (int a = 0; (arch = architecture_at(a)) != NULL; a++) {
        list_new_blocks(a, names, sizeof names);
        found = found || is_block_of(arch, name);
    }
    return found ? RESHIFT_OK
                 : error_set(error, RESHIFT_ERROR_ARGUMENT, "there is no block '%s', expected some of %s, or all", name,
                             names);
}
