/* Hash table with open addressing and FNV-1a, at most half full. */
#include "formats/names.h"

#include <stdlib.h>
#include <string.h>

struct names_slot {
    const char *name; /* NULL: free */
    uint64_t hash;
    int64_t number;
};

static uint64_t hash_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        hash = (hash ^ *c) * 0x100000001b3u;
    }
    return hash ^ hash >> 32;
}

static struct names_slot *slot_of(struct names_slot *slots, size_t capacity, const char *name, uint64_t hash)
{
    size_t i = hash & (capacity - 1);
    while (slots[i].name && (slots[i].hash != hash || strcmp(slots[i].name, name) != 0)) {
        i = (i + 1) & (capacity - 1);
    }
    return &slots[i];
}

int64_t names_find(const names *index, const char *name)
{
    if (index->n == 0) {
        return -1;
    }
    const struct names_slot *slot = slot_of(index->slots, index->capacity, name, hash_of(name));
    return slot->name ? slot->number : -1;
}

bool names_add(names *index, const char *name, int64_t number)
{
    if (2 * (index->n + 1) > index->capacity) {
        size_t capacity = index->capacity ? 2 * index->capacity : 64;
        struct names_slot *slots = calloc(capacity, sizeof *slots);
        if (!slots) {
            return false;
        }
        for (size_t i = 0; i < index->capacity; i++) {
            if (index->slots[i].name) {
                *slot_of(slots, capacity, index->slots[i].name, index->slots[i].hash) = index->slots[i];
            }
        }
        free(index->slots);
        index->slots = slots;
        index->capacity = capacity;
    }
    uint64_t hash = hash_of(name);
    *slot_of(index->slots, index->capacity, name, hash) = (struct names_slot){name, hash, number};
    index->n++;
    return true;
}

void names_clear(names *index)
{
    free(index->slots);
    memset(index, 0, sizeof *index);
}
