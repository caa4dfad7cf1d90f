/* Finds corruptions by name: the table's names, names used by other tools, and the closest name to an unknown one. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "reshift/corruption.h"
#include "reshift/words.h"

/* Aliases: method names of the generator and folder names of ImageNet-C. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"frosted_glass_blur", "glass_blur"},
    {"elastic", "elastic_transform"},
    {"jpeg", "jpeg_compression"},
};

/* The name or alias closest to `name`, or NULL if more than a third of it would have to change. */
static const char *nearest_name(const char *name)
{
    size_t length = strlen(name);
    if (length > RESHIFT_WORD_FAR) {
        return NULL;
    }
    const char *nearest = NULL;
    int fewest = (int)length / 3 + 2, count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    for (int i = 0; i < count; i++) {
        int distance = reshift_word_distance(name, table[i].name);
        if (distance < fewest) {
            fewest = distance;
            nearest = table[i].name;
        }
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        int distance = reshift_word_distance(name, aliases[i].alias);
        if (distance < fewest) {
            fewest = distance;
            nearest = aliases[i].name;
        }
    }
    return nearest;
}

static void hint_names(reshift_error *error)
{
    char names[512];
    size_t used = 0;
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    for (int i = 0; i < count && used < sizeof names; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", table[i].name);
    }
    error_hint(error, "the corruptions are %s", names);
}

reshift_status reshift_corruption_find(const char *name, const reshift_corruption **corruption, reshift_error *error)
{
    *corruption = NULL;
    const char *wanted = name;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        wanted = strcmp(name, aliases[i].alias) == 0 ? aliases[i].name : wanted;
    }
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    for (int i = 0; i < count; i++) {
        if (strcmp(wanted, table[i].name) == 0) {
            *corruption = &table[i];
            return RESHIFT_OK;
        }
    }
    error_set(error, RESHIFT_ERROR_ARGUMENT, "there is no corruption '%.100s'", name);
    const char *nearest = nearest_name(name);
    if (nearest) {
        error_hint(error, "did you mean '%s'?", nearest);
    } else {
        hint_names(error);
    }
    return RESHIFT_ERROR_ARGUMENT;
}
