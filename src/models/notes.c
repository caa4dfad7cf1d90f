/* A growing list of short texts. */
#include "models/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

reshift_status notes_add(notes *list, reshift_log_level level, reshift_error *error, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    note *items = realloc(list->items, (size_t)(list->n + 1) * sizeof *items);
    char *copy = items ? strdup(reshift_text_clean(text)) : NULL;
    list->items = items ? items : list->items;
    if (!copy) {
        return error_memory(error, sizeof *items, "a remark on a checkpoint");
    }
    list->items[list->n++] = (note){copy, level};
    return RESHIFT_OK;
}

void notes_clear(notes *list)
{
    for (int i = 0; i < list->n; i++) {
        free(list->items[i].text);
    }
    free(list->items);
    *list = (notes){0};
}
