/* Hash index from names to numbers, so that files with a million names are read in linear time. */
#ifndef FORMATS_NAMES_H
#define FORMATS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A zeroed struct is an empty index. The names are owned by the caller and must outlive it. */
typedef struct names {
    struct names_slot *slots;
    size_t n, capacity;
} names;

/** The number of a name, or -1. */
int64_t names_find(const names *index, const char *name);
/** Adds a name that is not in the index. Returns false when out of memory. */
bool names_add(names *index, const char *name, int64_t number);
/** Empties the index. */
void names_clear(names *index);

#endif
