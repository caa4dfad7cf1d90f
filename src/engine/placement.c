#include "engine/placement.h"

#include <stdlib.h>

#include "base/error.h"

void placement_use(placement *p, int step)
{
    if (p->first < 0) {
        p->first = step;
    }
    p->last = step;
}

static bool together(const placement *a, const placement *b) { return a->first <= b->last && b->first <= a->last; }

/* An item with its number, so that the order of equal ones does not depend on addresses. */
typedef struct numbered {
    placement *item;
    int number;
} numbered;

static int larger_first(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    const size_t one = x->item->bytes, other = y->item->bytes;
    return one != other ? (one < other) - (one > other) : (x->number > y->number) - (x->number < y->number);
}

static int lower_first(const void *a, const void *b)
{
    const placement *x = *(placement *const *)a, *y = *(placement *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

reshift_status placement_choose(placement *const *items, int n, size_t *bytes, reshift_error *error)
{
    numbered *by_size = calloc((size_t)n + 1, sizeof *by_size);
    placement **alive = calloc((size_t)n + 1, sizeof *alive);
    *bytes = 0;
    if (!by_size || !alive) {
        free(by_size);
        free(alive);
        return error_memory(error, (size_t)n * sizeof *by_size, "a plan");
    }
    for (int i = 0; i < n; i++) {
        by_size[i] = (numbered){items[i], i};
    }
    qsort(by_size, (size_t)n, sizeof *by_size, larger_first);
    for (int i = 0; i < n; i++) {
        placement *own = by_size[i].item;
        int n_alive = 0;
        for (int j = 0; j < i; j++) {
            if (together(own, by_size[j].item)) {
                alive[n_alive++] = by_size[j].item;
            }
        }
        qsort(alive, (size_t)n_alive, sizeof *alive, lower_first);
        size_t offset = 0;
        for (int j = 0; j < n_alive && alive[j]->offset < offset + own->bytes; j++) {
            size_t end = alive[j]->offset + alive[j]->bytes;
            if (end > offset) {
                offset = end;
            }
        }
        own->offset = offset;
        if (offset + own->bytes > *bytes) {
            *bytes = offset + own->bytes;
        }
    }
    free(by_size);
    free(alive);
    return RESHIFT_OK;
}

bool placement_is_sound(placement *const *items, int n)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            const placement *a = items[i], *b = items[j];
            if (a->bytes && b->bytes && together(a, b) && a->offset < b->offset + b->bytes &&
                b->offset < a->offset + a->bytes) {
                return false;
            }
        }
    }
    return true;
}
