/* Printing text that came out of a file or from the command line: nothing in it may control the terminal. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <jansson.h>
#include <stdio.h>

/**
 * `text` cleaned by reshift_text_clean(), for an argument of printf. The copy lives until eight more calls; NULL is "".
 */
const char *shown(const char *text);

/** A JSON string of any bytes: those that are not UTF-8 become '?'. NULL only when out of memory. */
json_t *json_text(const char *text);

/** "%6.1f", or blanks where there is no number; one too long for its column has fewer digits, then an exponent. */
void print_number(int width, int digits, double value);

/**
 * Prints `json` and a newline to stdout, with DEL, C1 and the like written as \uXXXX and numbers as reshift_number_text()
 * does. NULL prints `otherwise`.
 */
void print_json(const json_t *json, size_t flags, const char *otherwise);

#endif
