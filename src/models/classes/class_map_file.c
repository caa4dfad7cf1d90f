/* The file of --class-map: CSV, a row a class of the set, "class,output". See reshift/class_map.h. */
#include "models/classes/class_map_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/files.h"

typedef struct reader {
    const char *path;
    const reshift_dataset *set;
    const output_names *names;
    reshift_class_map *map;
    bool *known; /* [n] classes that had a row */
    int64_t line;
} reader;

/* Without blanks around it and without a pair of quotes, in place. */
static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = '\0';
    }
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text[length - 1] = '\0';
        text++;
    }
    return text;
}

static int class_called(const reader *r, const char *name)
{
    for (int k = 0; k < r->map->n; k++) {
        if (strcmp(reshift_dataset_class_name(r->set, k), name) == 0) {
            return k;
        }
    }
    return -1;
}

static reshift_status read_output(const reader *r, const char *text, int *output, reshift_error *error)
{
    char *end;
    const long number = strtol(text, &end, 10);
    if (isdigit((unsigned char)text[0]) && *end == '\0') {
        *output = (int)number;
        return number >= 0 && number < r->map->n_outputs
                   ? RESHIFT_OK
                   : error_in_line(error, "class map", r->path, r->line, "output %.40s: expected 0 to %d", text,
                                   r->map->n_outputs - 1);
    }
    *output = output_names_find(r->names, text);
    return *output >= 0 ? RESHIFT_OK
           : *output == OUTPUT_AMBIGUOUS
               ? error_in_line(error, "class map", r->path, r->line,
                               "'%.200s' is the name of more than one output: give its number", text)
               : error_in_line(error, "class map", r->path, r->line,
                               "'%.200s' is none of the network's %d classes, and no number", text, r->map->n_outputs);
}

/* One row. The output follows the last comma: names may hold commas. */
static reshift_status read_row(reader *r, char *line, reshift_error *error)
{
    char *comma = strrchr(line, ',');
    if (!comma) {
        return error_in_line(error, "class map", r->path, r->line, "expected 'class,output', found '%.200s'", line);
    }
    *comma = '\0';
    const char *name = trim(line), *output = trim(comma + 1);
    const int k = class_called(r, name);
    if (k < 0 && r->line == 1 && strcasecmp(name, "class") == 0 && strcasecmp(output, "output") == 0) {
        return RESHIFT_OK;
    }
    if (k < 0) {
        return error_in_line(error, "class map", r->path, r->line, "'%.200s' is no class of the set", name);
    }
    if (r->known[k]) {
        return error_in_line(error, "class map", r->path, r->line, "class '%.200s' has a row already", name);
    }
    r->known[k] = true;
    return read_output(r, output, &r->map->outputs[k], error);
}

reshift_status class_map_file_read(const char *path, const reshift_dataset *set, const output_names *names,
                                   reshift_class_map *map, reshift_error *error)
{
    char *text = NULL, *rest = NULL;
    size_t size = 0;
    reader r = {path, set, names, map, calloc((size_t)map->n + 1, sizeof *r.known), 0};
    reshift_status status =
        r.known ? file_read_all(path, &text, &size, error) : error_memory(error, (size_t)map->n, "classes");
    if (status == RESHIFT_OK && memchr(text, '\0', size)) {
        r.line = 1;
        status = error_in_line(error, "class map", r.path, r.line, "this is no text");
    }
    char *next = status == RESHIFT_OK ? text : NULL;
    if (next && size >= 3 && memcmp(next, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark, as spreadsheets write it */
        next += 3;
    }
    while (status == RESHIFT_OK && next && *next) {
        rest = strchr(next, '\n');
        if (rest) {
            *rest++ = '\0';
        }
        r.line++;
        if (next[strspn(next, " \t\r")]) {
            status = read_row(&r, next, error);
        }
        next = rest;
    }
    for (int k = 0; status == RESHIFT_OK && k < map->n; k++) {
        if (!r.known[k]) {
            status = error_set(error, RESHIFT_ERROR_FORMAT, "class map '%s': class '%s' of the set has no row", path,
                               reshift_dataset_class_name(set, k));
            error_at_offset(error, status, path, -1);
        }
    }
    free(text);
    free(r.known);
    return status;
}
