/* Prints text from files or the command line such that it cannot control the terminal. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <jansson.h>
#include <stdio.h>

/**
 * `text` cleaned by reshift_text_clean(), as an argument of printf(). The copy is valid for eight more calls; NULL is
 * "".
 */
const char *shown(const char *text);

/** A JSON string of arbitrary bytes: invalid UTF-8 bytes become '?'. NULL only when out of memory. */
json_t *json_text(const char *text);

/** "%6.1f", or blanks if there is no number; a number too long for its column gets fewer digits, then an exponent. */
void print_number(int width, int digits, double value);

/**
 * Prints `json` and a newline to stdout. DEL, C1 and similar characters are written as \uXXXX, numbers as by
 * reshift_number_text(). NULL prints `otherwise`.
 */
void print_json(const json_t *json, size_t flags, const char *otherwise);

#endif
