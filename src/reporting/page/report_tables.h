/* The tables of the report page. */
#ifndef REPORTING_PAGE_REPORT_TABLES_H
#define REPORTING_PAGE_REPORT_TABLES_H

#include "reporting/content.h"
#include "reporting/text.h"

/** Every epoch, folded away, validation and the epoch kept among the figures where there are such; nothing where there
 * is no history. */
void table_of_history(text_buffer *page, const report_training *training);
/** Tensors that fine-tuning moved, a line a block, and where each stands by itself; nothing where it is not known. */
void table_of_moved(text_buffer *page, const report_content *content);
/** The original network on clean and shifted images, all rows, and how far below clean. */
void table_of_drop(text_buffer *page, const report_content *content);
/** Before and after by severity: unseen images and all rows side by side, with intervals. */
void table_of_comparison(text_buffer *page, const report_content *content);
/** Accuracies as tested and adapting, side by side for both networks, of one kind of rows. */
void table_of_adaptation(text_buffer *page, const report_content *content, report_subset subset);
/** Separation of the classes, one line a panel. */
void table_of_panels(text_buffer *page, const report_content *content);

#endif
