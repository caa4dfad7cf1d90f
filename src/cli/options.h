/*
 * Options of a command, declared as a table that parses the command line and prints --help. The table is created inside
 * the command's function and points to its variables, which are initialised with the defaults.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_END,
    OPTION_FLAG,        /* bool */
    OPTION_TEXT,        /* const char * */
    OPTION_OUTPUT,      /* const char *, an output file; `argument` gives its ending: "FILE.npy" */
    OPTION_COUNT,       /* int64_t from low to high */
    OPTION_NUMBER,      /* double above low, up to high */
    OPTION_NUMBER_FROM, /* double from low to high, both included */
    OPTION_RANGE,       /* option_range: "1-5" or "3", within low to high */
    OPTION_WORDS        /* option_words: `words` words per use; 0: all up to the next option */
} option_kind;

#define OPTION_WORDS_MOST 256

typedef struct option_words {
    const char *items[OPTION_WORDS_MOST];
    int n;
} option_words;

typedef struct option_range {
    int64_t first, last;
} option_range;

typedef struct option {
    option_kind kind;
    const char *name; /* "--out" */
    void *value;
    const char *argument; /* "FILE" */
    const char *about;
    const char *fallback; /* the default as text, or NULL */
    double low, high;
    int words;
} option;

/* Rows of a table: name, variable, placeholder for the value in --help, limits, meaning, default as text or NULL. */
#define FLAG(name_, value_, about_)                                                                                    \
    {                                                                                                                  \
        .kind = OPTION_FLAG, .name = name_, .value = value_, .about = about_                                           \
    }
#define TEXT(name_, value_, argument_, about_, fallback_)                                                              \
    {                                                                                                                  \
        .kind = OPTION_TEXT, .name = name_, .value = value_, .argument = argument_, .about = about_,                   \
        .fallback = fallback_                                                                                          \
    }
#define OUTPUT(name_, value_, argument_, about_, fallback_)                                                            \
    {                                                                                                                  \
        .kind = OPTION_OUTPUT, .name = name_, .value = value_, .argument = argument_, .about = about_,                 \
        .fallback = fallback_                                                                                          \
    }
#define LIMITED(kind_, name_, value_, argument_, low_, high_, about_, fallback_)                                       \
    {                                                                                                                  \
        .kind = kind_, .name = name_, .value = value_, .argument = argument_, .about = about_, .fallback = fallback_,  \
        .low = low_, .high = high_                                                                                     \
    }
#define COUNT(...) LIMITED(OPTION_COUNT, __VA_ARGS__)
#define NUMBER(...) LIMITED(OPTION_NUMBER, __VA_ARGS__)
#define NUMBER_FROM(...) LIMITED(OPTION_NUMBER_FROM, __VA_ARGS__)
#define SEED_MOST 9223372036854775807.0 /* rounds to 2^63, one above INT64_MAX: strtoll() refuses that itself */
#define RANGE(...) LIMITED(OPTION_RANGE, __VA_ARGS__)
#define WORDS(name_, value_, argument_, words_, about_)                                                                \
    {                                                                                                                  \
        .kind = OPTION_WORDS, .name = name_, .value = value_, .argument = argument_, .about = about_, .words = words_  \
    }
#define OPTIONS_END                                                                                                    \
    {                                                                                                                  \
        .kind = OPTION_END                                                                                             \
    }

/** The part of --help above the options. */
typedef struct usage {
    const char *command;   /* "probe" */
    const char *about;     /* one or more lines that describe the command */
    const char *synopsis;  /* "--train FEATURES LABELS [options]" */
    const char *argument;  /* name of positional arguments: "FILE"; NULL: none */
    int at_least, at_most; /* of them */
    const char *example;
    const option *options; /* ends with OPTION_END */
} usage;

/**
 * Parses argv[0..argc), the words after the command's name. Positional arguments go to `words`. Returns -1 to continue,
 * else the exit status: 0 after --help, 2 after a message about wrong usage.
 */
int options_read(const usage *u, int argc, char **argv, option_words *words);

/** Prints "reshift: CONTEXT" about wrong usage with a reference to --help on stderr; returns 2. */
int usage_error(const usage *u, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The word of `list` closest to `word`, or NULL if none is close. `list` is NULL-terminated. */
const char *nearest_word(const char *word, const char *const *list);

/** Strict parsers: the whole text is the value, within low..high inclusive; "0.0", "-0" and "0" are all 0. */
bool read_whole_number(const char *text, double low, double high, int64_t *value);
bool read_number(const char *text, double low, double high, double *value);
/** The same, excluding `low` itself. */
bool read_number_above(const char *text, double low, double high, double *value);
/** Bytes: "4G", "512M", "0"; "auto" is UINT64_MAX. */
bool read_bytes(const char *text, uint64_t *bytes);

/**
 * Splits "a,b,c" into words stored in `memory` (as long as the text, including its NUL). Returns false for empty or too
 * many words.
 */
bool split_words(const char *text, char *memory, option_words *words);

#endif
