/* The tables of the report page. */
#ifndef REPORTING_PAGE_REPORT_TABLES_H
#define REPORTING_PAGE_REPORT_TABLES_H

#include "reporting/content.h"
#include "reporting/text.h"

/**
 * Every epoch, collapsed, including validation values and the kept epoch if there are any; nothing without a history.
 */
void table_of_history(text_buffer *page, const report_training *training);
/** Tensors changed by fine-tuning, one line per block, and the file that lists all of them; nothing if unknown. */
void table_of_moved(text_buffer *page, const report_content *content);
/** The original network on clean and shifted images, all rows, and the difference to clean. */
void table_of_drop(text_buffer *page, const report_content *content);
/** Before and after by severity: unseen images and all rows in adjacent columns, with intervals. */
void table_of_comparison(text_buffer *page, const report_content *content);
/** Accuracies without and with adaptation, in adjacent columns for both networks, for one kind of rows. */
void table_of_adaptation(text_buffer *page, const report_content *content, report_subset subset);
/** Separation of the classes, one line per panel. */
void table_of_panels(text_buffer *page, const report_content *content);

#endif
