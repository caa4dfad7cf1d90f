/*
 * The networks that corruption errors are measured against: AlexNet, whose errors on ImageNet-C are built in, and any
 * network of a table in the layout that RobustBench publishes (two header lines of corruptions and severities, a line a
 * network). A table is read with care for its columns, because a column too few would quietly shift a benchmark.
 */
#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "reshift/corruption.h"
#include "reshift/evaluation.h"
#include "reshift/words.h"

enum { N_SEVERITIES = RESHIFT_SEVERITIES, MAX_FIELDS = 256, MAX_LINES = 100000 };

/* Hendrycks & Dietterich 2019, mean errors over five severities in the table's order. */
static const double alexnet[] = {0.886428, 0.894468, 0.922640, 0.819880, 0.826268, 0.785948, 0.798360, 0.866816,
                                 0.826572, 0.819324, 0.564592, 0.853204, 0.646056, 0.717840, 0.606500};

static void baseline_empty(reshift_baseline *b)
{
    memset(b, 0, sizeof *b);
    b->clean_error = NAN;
    for (int c = 0; c < RESHIFT_CORRUPTIONS_MOST; c++) {
        for (int s = 0; s <= N_SEVERITIES; s++) {
            b->error[c][s] = NAN;
        }
    }
}

static void baseline_average(reshift_baseline *b)
{
    int count;
    const reshift_corruption *known = reshift_corruption_table(&count);
    const int n_official = reshift_corruption_official_count();
    b->mean_error = 0;
    for (int c = 0; c < count; c++) {
        if (isnan(b->error[c][0])) {
            b->error[c][0] = 0;
            for (int s = 1; s <= N_SEVERITIES; s++) {
                b->error[c][0] += b->error[c][s] / N_SEVERITIES;
            }
        }
        b->mean_error += known[c].validation ? 0 : b->error[c][0] / n_official;
    }
}

/* AlexNet on the clean validation images, to three digits: torchvision states 56.522 % for the weights that the
 * authors' evaluation loads (alexnet-owt-4df8aa71.pth). */
static const double alexnet_clean = 0.435;

/* ---- lines and fields ---- */

/* A field of a line: a slice of the text, or of a copy where quotes were taken out. */
typedef struct field {
    const char *text;
    size_t length;
} field;

typedef struct table {
    const char *path;
    char *text; /* ends with NUL; quoted fields are unquoted in place */
    char *next;
    int64_t line;
    int columns; /* of the header */
    int corruption[MAX_FIELDS], severity[MAX_FIELDS];
    locale_t plain; /* numbers have points, whatever the locale */
} table;

/* One field from *at, which then stands behind it. False for a quote that never closes. */
static bool read_field(char **at, field *f)
{
    char *from = *at;
    if (*from != '"') {
        f->text = from;
        f->length = strcspn(from, ",");
        *at = from + f->length;
        return true;
    }
    char *to = from;
    f->text = to;
    for (from++; *from; from++) {
        if (*from == '"' && *++from != '"') { /* two quotes are one; one ends the field */
            f->length = (size_t)(to - f->text);
            *at = from;
            return *from == ',' || *from == '\0';
        }
        *to++ = *from;
    }
    return false;
}

/* The next line's fields; *n == 0 at the end. Empty lines are passed over. */
static reshift_status read_line(table *t, field *fields, int *n, reshift_error *error)
{
    *n = 0;
    while (*t->next) {
        char *line = t->next;
        size_t length = strcspn(line, "\n");
        t->next = line + length + (line[length] == '\n');
        t->line++;
        length -= length > 0 && line[length - 1] == '\r';
        line[length] = '\0';
        if (length == 0) {
            continue;
        }
        for (char *at = line;; at++) {
            if (*n == MAX_FIELDS) {
                return error_in_line(error, "cannot read baseline", t->path, t->line, "more than %d fields",
                                     MAX_FIELDS);
            }
            if (!read_field(&at, &fields[(*n)++])) {
                return error_in_line(error, "cannot read baseline", t->path, t->line,
                                     "field %d: a quote is out of place", *n);
            }
            if (*at == '\0') {
                return RESHIFT_OK;
            }
        }
    }
    return RESHIFT_OK;
}

static bool read_fraction(const table *t, field f, double *value)
{
    char text[64], *end;
    if (f.length == 0 || f.length >= sizeof text || strspn(f.text, "0123456789+-.eE") < f.length) {
        return false;
    }
    memcpy(text, f.text, f.length);
    text[f.length] = '\0';
    *value = strtod_l(text, &end, t->plain);
    return *end == '\0' && isfinite(*value);
}

/* ---- the header ---- */

static int find_corruption(field f)
{
    int count;
    const reshift_corruption *known = reshift_corruption_table(&count);
    for (int c = 0; c < count; c++) {
        if (strlen(known[c].name) == f.length && memcmp(known[c].name, f.text, f.length) == 0) {
            return c;
        }
    }
    return -1;
}

static reshift_status read_names(table *t, reshift_error *error)
{
    field fields[MAX_FIELDS];
    reshift_status status = read_line(t, fields, &t->columns, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (t->columns < 2 || fields[0].length != 0) {
        t->line = t->line ? t->line : 1;
        return error_in_line(error, "cannot read baseline", t->path, t->line,
                             "expected an empty field and then names of corruptions, found %s",
                             t->columns == 0  ? "the end of the file"
                             : t->columns < 2 ? "a single field"
                                              : "something in the first field");
    }
    for (int i = 1; i < t->columns; i++) {
        t->corruption[i] = find_corruption(fields[i]);
        if (t->corruption[i] < 0) {
            return error_in_line(error, "cannot read baseline", t->path, t->line,
                                 "field %d: expected the name of a corruption, found '%.*s'", i + 1,
                                 (int)(fields[i].length < 64 ? fields[i].length : 64), fields[i].text);
        }
    }
    return RESHIFT_OK;
}

static reshift_status read_severities(table *t, reshift_error *error)
{
    field fields[MAX_FIELDS];
    int n, count, column[RESHIFT_CORRUPTIONS_MOST][N_SEVERITIES + 1] = {{0}};
    const reshift_corruption *known = reshift_corruption_table(&count);
    reshift_status status = read_line(t, fields, &n, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (n != t->columns || fields[0].length != 0) {
        return error_in_line(error, "cannot read baseline", t->path, t->line,
                             "expected an empty field and %d severities, found %d fields", t->columns - 1, n);
    }
    for (int i = 1; i < n; i++) {
        int severity = fields[i].length == 1 ? fields[i].text[0] - '0' : 0;
        if (severity < 1 || severity > N_SEVERITIES) {
            return error_in_line(error, "cannot read baseline", t->path, t->line,
                                 "field %d: expected a severity from 1 to 5, found '%.*s'", i + 1,
                                 (int)(fields[i].length < 64 ? fields[i].length : 64), fields[i].text);
        }
        t->severity[i] = severity;
        int *place = &column[t->corruption[i]][severity];
        if (*place) {
            return error_in_line(error, "cannot read baseline", t->path, t->line,
                                 "fields %d and %d are both %s at severity %d", *place, i + 1,
                                 known[t->corruption[i]].name, severity);
        }
        *place = i + 1;
    }
    for (int c = 0; c < count; c++) {
        int there = 0, missing = 0;
        for (int s = 1; s <= N_SEVERITIES; s++) {
            there += column[c][s] > 0;
            missing = !missing && column[c][s] == 0 ? s : missing;
        }
        if (there > 0 && there < N_SEVERITIES) {
            return error_in_line(error, "cannot read baseline", t->path, t->line,
                                 "expected %s at severities 1 to 5, found %d of them: severity %d is missing",
                                 known[c].name, there, missing);
        }
        if (there == 0 && !known[c].validation) {
            return error_in_line(error, "cannot read baseline", t->path, t->line,
                                 "expected %s at severities 1 to 5, found none of them", known[c].name);
        }
    }
    return RESHIFT_OK;
}

/* ---- the networks ---- */

typedef struct network_names {
    char (*names)[sizeof((reshift_baseline *)0)->name];
    int64_t *lines;
    int n, room;
} network_names;

static reshift_status remember(table *t, network_names *all, field f, reshift_error *error)
{
    if (f.length == 0 || f.length >= sizeof *all->names) {
        return error_in_line(error, "cannot read baseline", t->path, t->line,
                             "expected a network's name of 1 to %d bytes, found %zu", (int)sizeof *all->names - 1,
                             f.length);
    }
    if (all->n == all->room) {
        int room = all->room ? 2 * all->room : 32;
        void *names = room <= MAX_LINES ? realloc(all->names, (size_t)room * sizeof *all->names) : NULL;
        all->names = names ? names : all->names;
        void *lines = names ? realloc(all->lines, (size_t)room * sizeof *all->lines) : NULL;
        all->lines = lines ? lines : all->lines;
        if (!lines) {
            return error_memory(error, (size_t)room * sizeof *all->names, "names of networks");
        }
        all->room = room;
    }
    char *name = all->names[all->n];
    memcpy(name, f.text, f.length);
    name[f.length] = '\0';
    for (int i = 0; i < all->n; i++) {
        if (strcmp(all->names[i], name) == 0) {
            return error_in_line(error, "cannot read baseline", t->path, t->line,
                                 "network '%s' stands in line %lld already", name, (long long)all->lines[i]);
        }
    }
    all->lines[all->n++] = t->line;
    return RESHIFT_OK;
}

static reshift_status read_values(const table *t, const field *fields, int n, const char *name, reshift_baseline *b,
                                  reshift_error *error)
{
    int count;
    const reshift_corruption *known = reshift_corruption_table(&count);
    if (n != t->columns) {
        return error_in_line(error, "cannot read baseline", t->path, t->line,
                             "network '%s': expected %d accuracies, found %d", name, t->columns - 1, n - 1);
    }
    baseline_empty(b);
    for (int i = 1; i < n; i++) {
        double accuracy = 0;
        bool is_number = read_fraction(t, fields[i], &accuracy);
        if (!is_number || accuracy < 0 || accuracy > 1) {
            error_in_line(error, "cannot read baseline", t->path, t->line,
                          "network '%s', %s at severity %d: expected an accuracy from 0 to 1, found '%.*s'", name,
                          known[t->corruption[i]].name, t->severity[i],
                          (int)(fields[i].length < 64 ? fields[i].length : 64), fields[i].text);
            if (is_number && accuracy > 1 && accuracy <= 100) {
                error_hint(error, "accuracies are fractions, not per cent: %g", accuracy / 100);
            }
            return RESHIFT_ERROR_FORMAT;
        }
        b->error[t->corruption[i]][t->severity[i]] = 1 - accuracy;
    }
    return RESHIFT_OK;
}

static reshift_status not_there(const table *t, const network_names *all, const char *name, reshift_error *error)
{
    if (!name) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND,
                  "baseline '%s' holds %d networks and none is called 'Standard': which one?", t->path, all->n);
        error_hint(error, "name one, as in %s:%s", t->path, all->names[0]);
        return RESHIFT_ERROR_NOT_FOUND;
    }
    int nearest = 0;
    for (int i = 1; i < all->n; i++) {
        if (reshift_word_distance(all->names[i], name) < reshift_word_distance(all->names[nearest], name)) {
            nearest = i;
        }
    }
    error_set(error, RESHIFT_ERROR_NOT_FOUND, "baseline '%s' holds no network '%s', of its %d", t->path, name, all->n);
    error_hint(error, "did you mean '%s'?", all->names[nearest]);
    return RESHIFT_ERROR_NOT_FOUND;
}

/* Every line is read and checked, whichever is wanted: a table with an error in it is not trusted elsewhere either. */
static reshift_status read_networks(table *t, const char *name, reshift_baseline *found, reshift_error *error)
{
    network_names all = {0};
    reshift_baseline one;
    bool there = false;
    reshift_status status;
    for (;;) {
        field fields[MAX_FIELDS];
        int n;
        status = read_line(t, fields, &n, error);
        if (status != RESHIFT_OK || n == 0) {
            break;
        }
        if ((status = remember(t, &all, fields[0], error)) != RESHIFT_OK ||
            (status = read_values(t, fields, n, all.names[all.n - 1], &one, error)) != RESHIFT_OK) {
            break;
        }
        memcpy(one.name, all.names[all.n - 1], sizeof one.name);
        if (name ? strcmp(one.name, name) == 0 : strcmp(one.name, "Standard") == 0 || all.n == 1) {
            *found = one;
        }
        there |= strcmp(one.name, name ? name : "Standard") == 0;
    }
    if (status == RESHIFT_OK && all.n == 0) {
        status = error_in_line(error, "cannot read baseline", t->path, t->line,
                               "expected a line a network behind the two of the header, found none");
    } else if (status == RESHIFT_OK && !there && (name || all.n > 1)) {
        status = not_there(t, &all, name, error);
    }
    free(all.names);
    free(all.lines);
    return status;
}

static reshift_status load(const char *path, const char *name, reshift_baseline *baseline, reshift_error *error)
{
    size_t size;
    table *t = calloc(1, sizeof *t);
    if (!t || !(t->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0))) {
        free(t);
        return error_memory(error, sizeof *t, "a baseline");
    }
    t->path = path;
    reshift_status status = file_read_all(path, &t->text, &size, error);
    if (status != RESHIFT_OK) {
        status = error_prefix(error, status, "cannot read baseline '%s'", path);
    } else {
        t->next = t->text;
        if (memchr(t->text, '\0', size)) {
            t->line = 1;
            status = error_in_line(error, "cannot read baseline", t->path, t->line, "this is no text");
        }
    }
    status = status != RESHIFT_OK ? status : read_names(t, error);
    status = status != RESHIFT_OK ? status : read_severities(t, error);
    status = status != RESHIFT_OK ? status : read_networks(t, name, baseline, error);
    freelocale(t->plain);
    free(t->text);
    free(t);
    return status;
}

reshift_status reshift_baseline_find(const char *spec, reshift_baseline *baseline, reshift_error *error)
{
    baseline_empty(baseline);
    if (strcmp(spec, "alexnet") == 0) {
        strcpy(baseline->name, "AlexNet");
        baseline->clean_error = alexnet_clean;
        baseline->jpeg_quality = RESHIFT_JPEG_QUALITY; /* measured on the published files */
        int count, next = 0;
        const reshift_corruption *known = reshift_corruption_table(&count);
        for (int c = 0; c < count; c++) {
            if (!known[c].validation) {
                assert(next < (int)(sizeof alexnet / sizeof *alexnet));
                baseline->error[c][0] = alexnet[next++];
            }
        }
        baseline_average(baseline);
        return RESHIFT_OK;
    }
    const char *colon = strrchr(spec, ':');
    bool whole; /* a path that holds a colon itself */
    reshift_status status = path_is_file(spec, &whole, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (whole || !colon) {
        colon = spec + strlen(spec);
    }
    char *path = strndup(spec, (size_t)(colon - spec));
    if (!path) {
        return error_memory(error, strlen(spec), "a path");
    }
    status = load(path, *colon ? colon + 1 : NULL, baseline, error);
    free(path);
    if (status == RESHIFT_OK) {
        baseline_average(baseline);
    } else {
        baseline_empty(baseline);
    }
    return status;
}
