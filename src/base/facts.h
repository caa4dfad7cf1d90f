/*
 * What a kept result depends on, as a record of named facts: lines of "name<tab>value". The record's sha256 is the key
 * of the result, and its text can be kept with the result, so that a key that does not fit is explained in words:
 * "'batch' was 64 and is 16". models/identity.h has the functions that add networks, recipes and data.
 *
 * A fact that has its usual value is left out: an option that is added later changes no key while it has its default. A
 * default that changes therefore needs a new version of whatever is kept.
 *
 * Structs of options are added by a table with one row a field (FACTS_TABLE). A field without a row does not compile,
 * and each row says that the field counts, or which other fact has it, or why it cannot change a result.
 */
#ifndef BASE_FACTS_H
#define BASE_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"

typedef struct fact_list fact_list;

__attribute__((warn_unused_result)) fact_list *facts_create(void); /* NULL: out of memory */
void facts_destroy(fact_list **f);

/** Adds a fact. A failed allocation is reported by facts_finish(). No name twice. */
void facts_add(fact_list *f, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** A number as the shortest decimal that reads back to the same value. */
void facts_add_number(fact_list *f, const char *name, double value);
/** The sha256 of the bytes. */
void facts_add_bytes(fact_list *f, const char *name, const void *bytes, size_t count);
/** A value that is left out where it is the usual one. */
void facts_add_unusual(fact_list *f, const char *name, const char *value, const char *usual);
/** All facts of a finished record. */
void facts_add_all(fact_list *f, const fact_list *others);
/** What could not be added for lack of memory: facts_finish() fails then. */
void facts_fail(fact_list *f);

/** Ends the record: its key. Nothing is added afterwards. Errors: MEMORY. */
reshift_status facts_finish(fact_list *f, char key[DIGEST_HEX_BYTES], reshift_error *error);
/** The lines of a finished record, without those of usual values. */
const char *facts_text(const fact_list *f);

/**
 * The first fact of the finished record `now` whose value in the lines `before` is another: "'lr fc' was 0.001 and is
 * 0.0001" into `text`. False where all are equal.
 */
bool facts_difference(const fact_list *now, const char *before, char *text, size_t size);
/** Length of the value of `name` in lines and *value, which points into them; -1: there is no such line. */
int facts_find(const char *lines, const char *name, size_t name_length, const char **value);

/* ---- structs of options ---- */

typedef enum fact_kind {
    FACT_INT,                              /* a signed integer of any size, or an enumeration */
    FACT_UINT,                             /* an unsigned one */
    FACT_NUMBER,                           /* a float or double */
    FACT_BOOL,                             /* a bool */
    FACT_CHOICE,                           /* an enumeration by its words */
    FACT_RECORD,                           /* a struct with a table of its own */
    FACT_ELSEWHERE,                        /* another fact has it: the row says which */
    FACT_ELSEWHERE_GROUP = FACT_ELSEWHERE, /* the same of a struct or an array */
    FACT_NEVER,                            /* cannot change the result: the row says why */
    FACT_NEVER_GROUP = FACT_NEVER
} fact_kind;

typedef struct fact_table fact_table;

typedef struct fact_field {
    const char *field;
    fact_kind kind;
    size_t offset, size;
    const char *name;                    /* of the fact; of ELSEWHERE and NEVER: which other fact has it, or why */
    const char *const *words;            /* CHOICE: [enumerator], ends with NULL */
    const fact_table *record;            /* RECORD */
    bool (*counts)(const void *options); /* NULL: always; else whether it counts among these options */
} fact_field;

struct fact_table {
    const char *type;
    size_t size;
    const fact_field *fields;
    int n_fields;
};

/** Adds the fields that count, those with the value that they have in `usual` (NULL: none) left out. */
void facts_add_table(fact_list *f, const fact_table *table, const void *options, const void *usual);

/**
 * Defines `const fact_table TABLE` of struct TYPE from a list of rows in the order of the struct's fields:
 *
 *   #define ADAPT_FIELDS(ROW, T)                                                  \
 *       ROW(T, CHOICE, kind, "adaptation", .words = names)                        \
 *       ROW(T, NUMBER, learning_rate, "adaptation: learning rate", .counts = is_tent)
 *   FACTS_TABLE(adapt_facts, reshift_adapt_options, ADAPT_FIELDS);
 *
 * The list also makes one value of TYPE without names of fields: where a field has no row, the compiler says "missing
 * initializer for field".
 */
#define FACTS_TABLE(TABLE, TYPE, LIST)                                                                                 \
    __attribute__((unused)) static const TYPE TABLE##_has_a_row_for_every_field = {LIST(FACT_ZERO, TYPE)};             \
    static const fact_field TABLE##_fields[] = {LIST(FACT_ROW, TYPE)};                                                 \
    const fact_table TABLE = {#TYPE, sizeof(TYPE), TABLE##_fields, sizeof TABLE##_fields / sizeof *TABLE##_fields}

#define FACT_ROW(TYPE, KIND, FIELD, ...)                                                                               \
    {.field = #FIELD,                                                                                                  \
     .kind = FACT_##KIND,                                                                                              \
     .offset = offsetof(TYPE, FIELD),                                                                                  \
     .size = sizeof(((TYPE *)0)->FIELD),                                                                               \
     .name = __VA_ARGS__},
#define FACT_ZERO(TYPE, KIND, FIELD, ...) FACT_ZERO_##KIND,
#define FACT_ZERO_INT 0
#define FACT_ZERO_UINT 0
#define FACT_ZERO_NUMBER 0
#define FACT_ZERO_BOOL 0
#define FACT_ZERO_CHOICE 0
#define FACT_ZERO_RECORD                                                                                               \
    {                                                                                                                  \
        0                                                                                                              \
    }
#define FACT_ZERO_ELSEWHERE 0
#define FACT_ZERO_ELSEWHERE_GROUP                                                                                      \
    {                                                                                                                  \
        0                                                                                                              \
    }
#define FACT_ZERO_NEVER 0
#define FACT_ZERO_NEVER_GROUP                                                                                          \
    {                                                                                                                  \
        0                                                                                                              \
    }

#endif
