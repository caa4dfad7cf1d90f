/* Two streams of lines: the facts that count, and the usual values that were left out, which only explanations need. */
#include "base/facts.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct fact_list {
    FILE *out, *usual_out;
    char *text, *usual;
    size_t n_text, n_usual;
    bool failed;
};

fact_list *facts_create(void)
{
    fact_list *f = calloc(1, sizeof *f);
    if (f) {
        f->out = open_memstream(&f->text, &f->n_text);
        f->usual_out = open_memstream(&f->usual, &f->n_usual);
        if (!f->out || !f->usual_out) {
            facts_destroy(&f);
        }
    }
    return f;
}

static bool close_stream(FILE **stream)
{
    const bool good = !*stream || (!ferror(*stream) && fclose(*stream) == 0);
    *stream = NULL;
    return good;
}

void facts_destroy(fact_list **pointer)
{
    fact_list *f = pointer ? *pointer : NULL;
    if (f) {
        close_stream(&f->out);
        close_stream(&f->usual_out);
        free(f->text);
        free(f->usual);
        free(f);
        *pointer = NULL;
    }
}

void facts_fail(fact_list *f) { f->failed = true; }

/* A line holds no other tab or newline. */
static void put(FILE *out, const char *text, char end)
{
    for (const char *c = text; *c; c++) {
        putc(*c == '\n' || *c == '\t' ? ' ' : *c, out);
    }
    putc(end, out);
}

static void add_line(FILE *out, const char *name, const char *value)
{
    put(out, name, '\t');
    put(out, value, '\n');
}

void facts_add(fact_list *f, const char *name, const char *format, ...)
{
    char *value = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&value, format, arguments);
    va_end(arguments);
    if (length < 0) {
        facts_fail(f);
        return;
    }
    add_line(f->out, name, value);
    free(value);
}

void facts_add_unusual(fact_list *f, const char *name, const char *value, const char *usual)
{
    add_line(strcmp(value, usual) == 0 ? f->usual_out : f->out, name, value);
}

void facts_add_number(fact_list *f, const char *name, double value)
{
    char text[40];
    text_shortest(value, text);
    add_line(f->out, name, text);
}

void facts_add_bytes(fact_list *f, const char *name, const void *bytes, size_t count)
{
    char hex[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_SHA256, bytes, count, hex);
    add_line(f->out, name, hex);
}

void facts_add_all(fact_list *f, const fact_list *others)
{
    fputs(others->text, f->out);
    fputs(others->usual, f->usual_out);
}

reshift_status facts_finish(fact_list *f, char key[DIGEST_HEX_BYTES], reshift_error *error)
{
    const bool good = close_stream(&f->out), usual_good = close_stream(&f->usual_out);
    if (f->failed || !good || !usual_good) {
        return error_memory(error, f->n_text, "what a result depends on");
    }
    digest_bytes(DIGEST_SHA256, f->text, f->n_text, key);
    return RESHIFT_OK;
}

const char *facts_text(const fact_list *f) { return f->text; }

/* ---- differences ---- */

int facts_find(const char *lines, const char *name, size_t name_length, const char **value)
{
    for (const char *line = lines; *line; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL)) {
        if (strncmp(line, name, name_length) == 0 && line[name_length] == '\t') {
            *value = line + name_length + 1;
            return (int)strcspn(*value, "\n");
        }
    }
    return -1;
}

typedef struct fact_value {
    const char *text;
    int length;
} fact_value;

/* In the lines, or the usual value where they leave it out. */
static fact_value value_in(const char *lines, const char *usual, const char *name, size_t name_length)
{
    fact_value found;
    found.length = facts_find(lines, name, name_length, &found.text);
    if (found.length < 0) {
        found.length = facts_find(usual, name, name_length, &found.text);
    }
    return found.length < 0 ? (fact_value){"none", 4} : found;
}

/* Digests are cut: whole ones say no more to people. */
static int shown_length(const fact_value *v) { return v->length < 32 ? v->length : v->length == 64 ? 12 : 32; }

bool facts_difference(const fact_list *now, const char *before, char *text, size_t size)
{
    const char *const lists[] = {now->text, before};
    for (int i = 0; i < 2; i++) { /* then what the record has no longer */
        for (const char *line = lists[i]; *line; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL)) {
            const size_t n_name = strcspn(line, "\t\n");
            const fact_value was = value_in(before, now->usual, line, n_name),
                             is = value_in(now->text, now->usual, line, n_name);
            if (was.length != is.length || strncmp(was.text, is.text, (size_t)is.length) != 0) {
                snprintf(text, size, "'%.*s' was %.*s and is %.*s", (int)n_name, line, shown_length(&was), was.text,
                         shown_length(&is), is.text);
                return true;
            }
        }
    }
    return false;
}

/* ---- structs of options ---- */

static void print_field(const fact_field *field, const void *options, char *text, size_t size)
{
    const char *at = (const char *)options + field->offset;
    const bool wide = field->size == 8;
    int64_t number = wide ? *(const int64_t *)(const void *)at : 0;
    if (field->size == 4) {
        number = *(const int32_t *)(const void *)at;
    }
    switch (field->kind) {
    case FACT_INT: snprintf(text, size, "%lld", (long long)number); break;
    case FACT_UINT:
        snprintf(text, size, "%llu", wide ? (unsigned long long)number : (unsigned long long)(uint32_t)number);
        break;
    case FACT_NUMBER:
        text_shortest(wide ? *(const double *)(const void *)at : (double)*(const float *)(const void *)at, text);
        break;
    case FACT_BOOL: snprintf(text, size, "%s", *(const bool *)(const void *)at ? "true" : "false"); break;
    case FACT_CHOICE: snprintf(text, size, "%s", field->words[number]); break;
    case FACT_RECORD:
    case FACT_ELSEWHERE:
    case FACT_NEVER: break;
    }
}

void facts_add_table(fact_list *f, const fact_table *table, const void *options, const void *usual)
{
    for (int i = 0; i < table->n_fields; i++) {
        const fact_field *field = &table->fields[i];
        if (field->kind == FACT_ELSEWHERE || field->kind == FACT_NEVER || (field->counts && !field->counts(options))) {
            continue;
        }
        if (field->kind == FACT_RECORD) {
            facts_add_table(f, field->record, (const char *)options + field->offset,
                            usual ? (const char *)usual + field->offset : NULL);
            continue;
        }
        char value[256], at_default[256];
        print_field(field, options, value, sizeof value);
        if (usual) {
            print_field(field, usual, at_default, sizeof at_default);
            facts_add_unusual(f, field->name, value, at_default);
        } else {
            add_line(f->out, field->name, value);
        }
    }
}
