/* The parts of an HTML page: head with style, text, tables, pictures as data: addresses. All text is escaped. */
#ifndef REPORTING_PAGE_HTML_H
#define REPORTING_PAGE_HTML_H

#include "reporting/observations/observations.h"

void html_begin(text_buffer *page, const char *title);
void html_end(text_buffer *page, const char *foot);

/** Escapes `words`; the space in " %" becomes non-breaking and a hyphen before a digit becomes a minus sign. */
void html_words(text_buffer *page, const char *words);
void html_paragraph(text_buffer *page, const char *class_name, const char *words);
/** Opens a section with a heading; html_section_end() closes it. */
void html_section(text_buffer *page, const char *id, const char *heading);
void html_section_end(text_buffer *page);
/** Writes the observations as a list, each with its tone. Takes ownership of the texts and empties the list. */
void html_observations(text_buffer *page, observations *list);

/**
 * A figure with an embedded picture; class "wide" (full page width) or "medium" (text width). `path` NULL: nothing.
 * Errors: NOT_FOUND or IO (naming the picture), FORMAT (neither PNG nor SVG).
 */
reshift_status html_figure(text_buffer *page, const char *class_name, const char *path, const char *alternative,
                           const char *caption, reshift_error *error);

#endif
