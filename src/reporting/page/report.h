/* report.html: one self-contained page about a run, made of a report_content. */
#ifndef REPORTING_PAGE_REPORT_H
#define REPORTING_PAGE_REPORT_H

#include "reporting/content.h"

/**
 * Writes the page to `path`: one file that fetches nothing, pictures embedded, every text escaped. The same bytes for
 * the same content. Errors: EXISTS (without overwrite), NOT_FOUND or IO (a picture that cannot be read), FORMAT (a
 * picture that is neither PNG nor SVG), MEMORY.
 */
reshift_status report_write(const report_content *content, const char *path, bool overwrite, reshift_error *error);

#endif
