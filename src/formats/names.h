/* An index from names to numbers, so that files with a million names are read in linear time. */
#ifndef FORMATS_NAMES_H
#define FORMATS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A zeroed struct is the empty index. The names themselves belong to the caller and outlive it. */
typedef struct names {
    struct names_slot *slots;
    size_t n, capacity;
} names;

/** The number of a name, or -1. */
int64_t names_find(const names *index, const char *name);
/** Adds a name that is not there yet. False when out of memory. */
bool names_add(names *index, const char *name, int64_t number);
/** Leaves the empty index. */
void names_clear(names *index);

#endif
