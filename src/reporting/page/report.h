/* report.html: one self-contained page about a run, made from a report_content. */
#ifndef REPORTING_PAGE_REPORT_H
#define REPORTING_PAGE_REPORT_H

#include "reporting/content.h"

/**
 * Writes the page to `path`: one self-contained file with embedded pictures and escaped text. The same content gives
 * the same bytes. Errors: EXISTS (without overwrite), NOT_FOUND or IO (a picture cannot be read), FORMAT (a picture is
 * neither PNG nor SVG), MEMORY.
 */
reshift_status report_write(const report_content *content, const char *path, bool overwrite, reshift_error *error);

#endif
