/* Parses options by their table, prints --help from it, and suggests the closest word for an unknown one. */
#include "cli/options.h"
#include "cli/show.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reshift/words.h"

const char *nearest_word(const char *word, const char *const *list)
{
    const char *nearest = NULL;
    int letters = (int)strlen(word), least = letters / 3 + 2;
    for (int i = 0; list[i]; i++) {
        int one = reshift_word_distance(word, list[i]);
        if (one < least && one < letters) {
            least = one;
            nearest = list[i];
        }
    }
    return nearest;
}

bool read_whole_number(const char *text, double low, double high, int64_t *value)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (!*digits || digits[strspn(digits, "0123456789")]) {
        return false;
    }
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno || (double)number < low || (double)number > high) {
        return false;
    }
    *value = number;
    return true;
}

/* Converts the whole text to a finite number. */
static bool to_number(const char *text, double *value)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")]) { /* no hexadecimal, no "nan" */
        return false;
    }
    double number = strtod(text, &end);
    if (*end || end == text || !isfinite(number)) {
        return false;
    }
    *value = number + 0.0; /* -0 is 0 */
    return true;
}

bool read_number(const char *text, double low, double high, double *value)
{
    double number;
    if (!to_number(text, &number) || number < low || number > high) {
        return false;
    }
    *value = number;
    return true;
}

bool read_number_above(const char *text, double low, double high, double *value)
{
    double number;
    if (!to_number(text, &number) || number <= low || number > high) {
        return false;
    }
    *value = number;
    return true;
}

bool read_bytes(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    char digits[24];
    size_t length = strspn(text, "0123456789");
    int64_t number;
    if (strcmp(text, "auto") == 0) {
        *bytes = UINT64_MAX;
        return true;
    }
    if (length == 0 || length >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, length);
    digits[length] = '\0';
    const char *unit = text + length, *found = *unit ? strchr(units, *unit & ~0x20) : NULL;
    if ((*unit && (!found || (unit[1] && strcmp(unit + 1, "B") != 0 && strcmp(unit + 1, "iB") != 0))) ||
        !read_whole_number(digits, 0, 1e6, &number)) {
        return false;
    }
    *bytes = (uint64_t)number << (found ? 10 * (found - units + 1) : 0);
    return true;
}

static bool read_range(const char *text, double low, double high, option_range *range)
{
    char first[16];
    const char *dash = strchr(text, '-');
    size_t length = dash ? (size_t)(dash - text) : strlen(text);
    if (length == 0 || length >= sizeof first) {
        return false;
    }
    memcpy(first, text, length);
    first[length] = '\0';
    return read_whole_number(first, low, high, &range->first) &&
           read_whole_number(dash ? dash + 1 : first, (double)range->first, high, &range->last);
}

bool split_words(const char *text, char *memory, option_words *words)
{
    strcpy(memory, text);
    words->n = 0;
    char *word;
    while ((word = strsep(&memory, ",")) != NULL) {
        if (!*word || words->n == OPTION_WORDS_MOST) {
            return false;
        }
        words->items[words->n++] = word;
    }
    return true;
}

int usage_error(const usage *u, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "reshift: %s: %s\nhint: 'reshift %s --help' shows how it is used\n", u->command, shown(text),
            u->command);
    return 2;
}

/* ---- help ---- */

enum { HELP_COLUMNS = 80 };

/*
 * Prints `text` from column `indent` on, wrapped at the usual terminal width. `column` is the current column of the
 * first line.
 */
static void print_wrapped(const char *text, int indent, int column)
{
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (column > indent && column + (int)length + 1 > HELP_COLUMNS) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)length, text);
        column += (int)length;
        text += length;
        text += strspn(text, " \n");
    }
    putchar('\n');
}

static bool is_option(const char *word) { return word[0] == '-' && word[1] == '-'; }

/* Command lines, one per line of `text`, wrapped with a backslash as in a shell. */
static void print_example(const char *text)
{
    printf("\nexample:\n");
    while (*text) {
        text += strspn(text, " ");
        int column = printf("  ");
        bool first = true;
        for (; *text && *text != '\n'; first = false) {
            int length = (int)strcspn(text, " \n");
            while (is_option(text) && text[length] == ' ' && !is_option(text + length + 1)) { /* with its values */
                length += 1 + (int)strcspn(text + length + 1, " \n");
            }
            if (!first && column + length + 3 > HELP_COLUMNS) { /* a blank, the word and " \" */
                printf(" \\\n");
                column = printf("      %.*s", length, text);
            } else {
                column += printf("%s%.*s", first ? "" : " ", length, text);
            }
            text += length;
            text += strspn(text, " ");
        }
        putchar('\n');
        text += *text == '\n';
    }
}

static void print_help(const usage *u)
{
    enum { COLUMN = 26 };
    print_wrapped(u->about, 0, 0);
    const char *usage_word = "usage:";
    putchar('\n');
    for (const char *form = u->synopsis; *form; usage_word = "      ") { /* one synopsis per line */
        char line[256];
        const size_t length = strcspn(form, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, form);
        const int column = printf("%s reshift %s ", usage_word, u->command);
        print_wrapped(line, column, column);
        form += length + (form[length] == '\n');
    }
    printf("\noptions:\n");
    for (const option *o = u->options; o->kind != OPTION_END; o++) {
        int width = printf("  %s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        if (width > COLUMN - 2) {
            printf("\n%*s", COLUMN, "");
        } else {
            printf("%*s", COLUMN - width, "");
        }
        char about[512];
        snprintf(about, sizeof about, o->fallback ? "%s (default: %s)" : "%s", o->about, o->fallback);
        print_wrapped(about, COLUMN, COLUMN);
    }
    printf("%-*sthis text\n", COLUMN, "  --help");
    if (u->example) {
        print_example(u->example);
    }
}

/* ---- reading ---- */

static const option *find_option(const usage *u, const char *name, size_t length)
{
    for (const option *o = u->options; o->kind != OPTION_END; o++) {
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) {
            return o;
        }
    }
    return NULL;
}

static int unknown_option(const usage *u, const char *word)
{
    const char *names[64] = {"--help"};
    int n = 1;
    for (const option *o = u->options; o->kind != OPTION_END && n < 63; o++) {
        names[n++] = o->name;
    }
    names[n] = NULL;
    const char *nearest = nearest_word(word, names);
    fprintf(stderr, "reshift: %s: unknown option '%s'\n", u->command, shown(word));
    if (nearest) {
        fprintf(stderr, "hint: did you mean '%s'?\n", nearest);
    } else {
        fprintf(stderr, "hint: 'reshift %s --help' lists its options\n", u->command);
    }
    return 2;
}

static int wrong_value(const usage *u, const option *o, const char *text)
{
    switch (o->kind) {
    case OPTION_COUNT:
        if (o->high >= SEED_MOST) {
            return usage_error(u, "%s: expected a whole number from %.0f to %lld, found '%s'", o->name, o->low,
                               (long long)INT64_MAX, text);
        }
        return usage_error(u, "%s: expected a whole number from %.0f to %.0f, found '%s'", o->name, o->low, o->high,
                           text);
    case OPTION_NUMBER:
        return usage_error(u, "%s: expected a number above %g, at most %g, found '%s'", o->name, o->low, o->high, text);
    case OPTION_NUMBER_FROM:
        return usage_error(u, "%s: expected a number from %g to %g, found '%s'", o->name, o->low, o->high, text);
    case OPTION_RANGE:
        return usage_error(u, "%s: expected a number from %.0f to %.0f or a range such as %.0f-%.0f, found '%s'",
                           o->name, o->low, o->high, o->low, o->high, text);
    case OPTION_OUTPUT:
        return usage_error(u, "%s '%s': what is written is %s: choose a name that does not say otherwise", o->name,
                           text, strchr(o->argument, '.') ? strchr(o->argument, '.') : o->argument);
    default: return usage_error(u, "%s: too many values", o->name);
    }
}

/*
 * If an output is standard output itself (/dev/stdout, another name of the same file), the command's messages go to
 * standard error, so that they do not mix with the data.
 */
static void keep_apart_from_stdout(const char *path)
{
    struct stat output, printed;
    if (stat(path, &output) == 0 && fstat(STDOUT_FILENO, &printed) == 0 && output.st_dev == printed.st_dev &&
        output.st_ino == printed.st_ino && !isatty(STDOUT_FILENO)) {
        stdout = stderr;
    }
}

/* True if the ending names another format than the one written. No ending, or an unknown one, is accepted. */
static bool contradicts(const char *path, const char *argument)
{
    static const char *const endings[] = {".npy", ".npz", ".csv", ".json", ".txt",  ".safetensors", ".pth",
                                          ".pt",  ".bin", ".pkl", ".ckpt", ".h5",   ".onnx",        ".yaml",
                                          ".png", ".jpg", ".svg", ".pdf",  ".html", ".zip",         ".tar"};
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    const char *written = strchr(argument, '.');
    for (size_t i = 0; dot && written && i < sizeof endings / sizeof *endings; i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return strcasecmp(dot, written) != 0;
        }
    }
    return false;
}

static bool set_value(const option *o, const char *text)
{
    switch (o->kind) {
    case OPTION_TEXT: *(const char **)o->value = text; return true;
    case OPTION_OUTPUT:
        *(const char **)o->value = text;
        keep_apart_from_stdout(text);
        return !contradicts(text, o->argument);
    case OPTION_COUNT: return read_whole_number(text, o->low, o->high, o->value);
    case OPTION_NUMBER: return read_number_above(text, o->low, o->high, o->value);
    case OPTION_NUMBER_FROM: return read_number(text, o->low, o->high, o->value);
    case OPTION_RANGE: return read_range(text, o->low, o->high, o->value);
    case OPTION_WORDS: {
        option_words *list = o->value;
        if (list->n == OPTION_WORDS_MOST) {
            return false;
        }
        list->items[list->n++] = text;
        return true;
    }
    default: return false;
    }
}

/* Reads the option at argv[*place] with its values and advances *place past them. Returns -1 to continue. */
static int read_option(const usage *u, int argc, char **argv, int *place)
{
    const char *word = argv[*place], *equals = strchr(word, '=');
    const option *o = find_option(u, word, equals ? (size_t)(equals - word) : strlen(word));
    if (!o) {
        return unknown_option(u, word);
    }
    (*place)++;
    if (o->kind == OPTION_FLAG) {
        if (equals) {
            return usage_error(u, "%s takes no value", o->name);
        }
        *(bool *)o->value = true;
        return -1;
    }
    if (equals) {
        if (o->kind == OPTION_WORDS && o->words > 1) {
            return usage_error(u, "%s takes %d words: %s", o->name, o->words, o->argument);
        }
        return set_value(o, equals + 1) ? -1 : wrong_value(u, o, equals + 1);
    }
    int wanted = o->kind == OPTION_WORDS ? o->words : 1, taken = 0;
    while (*place < argc && (wanted == 0 || taken < wanted) && !is_option(argv[*place])) {
        if (!set_value(o, argv[*place])) {
            return wrong_value(u, o, argv[*place]);
        }
        (*place)++;
        taken++;
    }
    if (taken == 0 || taken < wanted) {
        return usage_error(u, "%s needs %s", o->name, o->argument);
    }
    return -1;
}

int options_read(const usage *u, int argc, char **argv, option_words *words)
{
    words->n = 0;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            break;
        }
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(u);
            if (fflush(stdout) != 0 || ferror(stdout)) {
                fprintf(stderr, "reshift: cannot write the result: %s\n", strerror(errno ? errno : EIO));
                return 1;
            }
            return 0;
        }
    }
    bool only_words = false;
    for (int place = 0; place < argc;) {
        const char *word = argv[place];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            place++;
        } else if (!only_words && is_option(word)) {
            int status = read_option(u, argc, argv, &place);
            if (status >= 0) {
                return status;
            }
        } else if (!only_words && word[0] == '-' && word[1]) {
            return unknown_option(u, word);
        } else {
            if (!u->argument || words->n == u->at_most || words->n == OPTION_WORDS_MOST) {
                return usage_error(u, "unexpected word '%s'", word);
            }
            words->items[words->n++] = word;
            place++;
        }
    }
    if (words->n < u->at_least) {
        return usage_error(u, "expected %s", u->argument);
    }
    return -1;
}
