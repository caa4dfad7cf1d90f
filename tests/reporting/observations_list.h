/* Checks a list of sentences, word for word, and their tones. */
#ifndef TESTS_REPORTING_OBSERVATIONS_LIST_H
#define TESTS_REPORTING_OBSERVATIONS_LIST_H

#include "check.h"

#include <math.h>

#include "reporting/observations/observations.h"

/* Checks that the list has these sentences (NULL-terminated) and tones, and empties it. */
static inline void check_list(observations *list, const char *tones, ...)
{
    va_list expected;
    va_start(expected, tones);
    if (list->n != (int)strlen(tones)) {
        for (int i = 0; i < list->n; i++) {
            print_message("# %s\n", list->items[i].words.bytes);
        }
    }
    assert_int_equal(list->n, strlen(tones));
    for (int i = 0; i < list->n; i++) {
        assert_false(list->items[i].words.failed);
        assert_string_equal(list->items[i].words.bytes, va_arg(expected, const char *));
        assert_int_equal("pgbw"[list->items[i].tone], tones[i]); /* plain, good, bad, warning */
    }
    va_end(expected);
    observations_destroy(list);
}

#endif
