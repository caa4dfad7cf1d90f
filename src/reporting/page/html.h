/* The parts of an HTML page: head with its style, words, tables, pictures as data: addresses. All words are escaped. */
#ifndef REPORTING_PAGE_HTML_H
#define REPORTING_PAGE_HTML_H

#include "reporting/observations/observations.h"

void html_begin(text_buffer *page, const char *title);
void html_end(text_buffer *page, const char *foot);

/** Escaped; " %" keeps with its number and a minus before a digit becomes a real one. */
void html_words(text_buffer *page, const char *words);
void html_paragraph(text_buffer *page, const char *class_name, const char *words);
/** A heading with its section; html_section_end closes it. */
void html_section(text_buffer *page, const char *id, const char *heading);
void html_section_end(text_buffer *page);
/** The observations as a list, each with its tone; takes the words over and empties the list. */
void html_observations(text_buffer *page, observations *list);

/**
 * A figure with its picture inside the page; class "wide" (all of the page) or "medium" (as wide as text). `path` NULL:
 * nothing. Errors: NOT_FOUND or IO (naming the picture), FORMAT (neither PNG nor SVG).
 */
reshift_status html_figure(text_buffer *page, const char *class_name, const char *path, const char *alternative,
                           const char *caption, reshift_error *error);

#endif
