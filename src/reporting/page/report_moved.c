/* The table of changed tensors, one line per block. The page names the file with all tensors. */
#include <math.h>

#include "reporting/page/html.h"
#include "reporting/observations/observations.h"
#include "reporting/page/report_tables.h"

static void add_of(text_buffer *page, int64_t part, int64_t whole, bool edge)
{
    text_add(page, edge ? "<td class=\"edge\">" : "<td>");
    if (whole == 0) {
        text_add(page, "\xe2\x80\x93</td>");
        return;
    }
    text_add_count(page, part);
    text_add(page, "<small>of ");
    text_add_count(page, whole);
    text_add(page, "</small></td>");
}

static void add_cells(text_buffer *page, const report_moved *moved)
{
    add_of(page, moved->moved, moved->tensors, true);
    add_of(page, moved->changed, moved->values, false);
    if (moved->moved == 0 || !(moved->norm > 0)) { /* the relative distance of a zero tensor is undefined */
        text_add(page, "<td>\xe2\x80\x93</td>");
    } else {
        const double share = 100 * moved->distance / moved->norm;
        text_printf(page,
                    share >= 99999.5 ? "<td>%.3g&nbsp;%%</td>"
                    : share >= 9.95  ? "<td>%.0f&nbsp;%%</td>"
                                     : "<td>%#.2g&nbsp;%%</td>",
                    share);
    }
}

void table_of_moved(text_buffer *page, const report_content *content)
{
    if (content->n_blocks < 1) {
        return;
    }
    text_add(page, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"tensors changed\">"
                   "<table class=\"dense\">\n"
                   "<colgroup></colgroup><colgroup span=\"3\"></colgroup><colgroup span=\"3\"></colgroup>\n<thead>\n"
                   "<tr><td></td><th class=\"group edge\" scope=\"colgroup\" colspan=\"3\">weights</th>"
                   "<th class=\"group edge\" scope=\"colgroup\" colspan=\"3\">batch norm's statistics</th></tr>\n<tr>"
                   "<th scope=\"col\">block</th>");
    for (int i = 0; i < 2; i++) {
        text_add(page, "<th scope=\"col\" class=\"edge\">tensors</th><th scope=\"col\">values</th>"
                       "<th scope=\"col\">change</th>");
    }
    text_add(page, "</tr>\n</thead>\n<tbody>\n");
    for (int i = 0; i < content->n_blocks; i++) {
        const report_block *block = &content->blocks[i];
        const bool changed = block_changed(content, block);
        text_printf(page, "<tr%s><th scope=\"row\">", changed ? " class=\"sum\"" : "");
        html_words(page, block->name);
        text_add(page, !changed ? "</th>" : only_recalibrated(content) ? ", recalibrated</th>" : ", trained</th>");
        add_cells(page, &block->weights);
        add_cells(page, &block->statistics);
        text_add(page, "</tr>\n");
    }
    text_add(page, "</tbody></table></div>\n");
    text_add(page,
             "<p>Tensors, values: how many of them changed, in any bit. Change: ||after \xe2\x88\x92 before|| / "
             "||before||, over "
             "all tensors of the block together. Statistics: running means and variances. Every tensor by itself: "
             "<a href=\"weights/moved.csv\">weights/moved.csv</a>.</p>\n");
}
