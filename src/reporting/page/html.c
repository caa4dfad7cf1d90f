/*
 * The parts of the page. Pictures are embedded as <img> with a data: address, so that an SVG's styles and ids are
 * isolated. The page loads nothing and runs no script. The style has colours for light and dark mode; pictures are
 * drawn on white and keep a white background in dark mode.
 */
#include "reporting/page/html.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"

static const char style[] =
    ":root{color-scheme:light "
    "dark;--paper:#fbfaf8;--card:#fff;--ink:#1d2126;--soft:#59616b;--line:#e3e0da;--accent:#2f5f8f;"
    "--good:#2c7a4b;--bad:#b0452c;--warn-ink:#6d4a00;--warn:#fdf3d8;--warn-line:#e2b93b}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#15181c;--card:#1d2126;--ink:#e7e9ec;--soft:#a3abb5;--line:#"
    "33393f;"
    "--accent:#8ab4e0;--good:#7cc79a;--bad:#ee9a80;--warn-ink:#f3dfa6;--warn:#332b14;--warn-line:#a98a2c}}\n"
    "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Helvetica Neue\",Arial,\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:64rem;margin:0 auto;padding:3rem 1.5rem 4rem}\n"
    "h1{font-size:2.1rem;line-height:1.2;margin:0 0 "
    ".3rem;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}\n"
    "h2{font-size:1.4rem;line-height:1.3;margin:0 0 .8rem;font-weight:650}\n"
    "h3{font-size:1.05rem;margin:2rem 0 .4rem;font-weight:650}\n"
    "p{margin:.5rem 0;max-width:46rem}.kicker{color:var(--soft);margin:0 0 "
    "1.6rem}.lead{font-size:1.2rem;line-height:1.55}\n"
    "section{margin-top:3.2rem;padding-top:1.8rem;border-top:1px solid var(--line)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1rem;margin:2rem 0 0}\n"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.1rem}\n"
    ".tile b{display:block;font-size:1.9rem;line-height:1.2;font-weight:650;font-variant-numeric:tabular-nums}\n"
    ".tile span{display:block;color:var(--soft);font-size:.86rem;line-height:1.45}.tile "
    ".name{color:var(--ink);font-size:.95rem}\n"
    "ul.said{list-style:none;margin:1rem 0;padding:0;max-width:46rem}\n"
    "ul.said li{margin:.7rem 0;padding-left:1rem;border-left:3px solid var(--line)}\n"
    "ul.said li.good{border-color:var(--good)}ul.said li.bad{border-color:var(--bad)}\n"
    "ul.said li.warning{border-color:var(--warn-line);background:var(--warn);color:var(--warn-ink);padding:.7rem 1rem;"
    "border-radius:0 .4rem .4rem 0}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1.2rem;margin:1.4rem "
    "0}\n"
    "figure{margin:1.4rem 0}.pair figure{margin:0}\n"
    "figure img{display:block;width:100%;height:auto;background:#fff;border:1px solid "
    "var(--line);border-radius:.6rem}\n"
    "figure.medium{max-width:38rem}figcaption{color:var(--soft);font-size:.88rem;margin-top:.5rem;max-width:46rem}\n"
    /* a table wider than the page scrolls, with a shadow at the edge as a hint */
    ".scroll{overflow-x:auto;margin:1.2rem 0;background:linear-gradient(90deg,var(--paper) 40%,transparent) 0 0/2.5rem "
    "100% "
    "no-repeat local,linear-gradient(270deg,var(--paper) 40%,transparent) 100% 0/2.5rem 100% no-repeat local,"
    "linear-gradient(90deg,#8886,transparent) 0 0/.8rem 100% no-repeat "
    "scroll,linear-gradient(270deg,#8886,transparent) "
    "100% 0/.8rem 100% no-repeat scroll}\n"
    "table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;min-width:100%}\n"
    "th,td{padding:.42rem .7rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}\n"
    "th{font-weight:600;color:var(--soft);vertical-align:bottom}th[scope=row],th:first-child,.words{text-align:left}"
    "thead th{white-space:normal}\n"
    "th[scope=row]{color:var(--ink);font-weight:500;vertical-align:middle}th.group{text-align:center;color:var(--ink)}"
    "\n"
    "tr.sum th,tr.sum td{font-weight:650}td small{display:block;color:var(--soft);font-size:.82em;font-weight:400}\n"
    ".up{color:var(--good)!important}.down{color:var(--bad)!important}.edge{border-left:1px solid var(--line)}\n"
    ".dense th,.dense td{padding-left:.45rem;padding-right:.45rem}.dense td.words{white-space:normal}\n"
    "td.value{font-family:ui-monospace,\"SF Mono\",Menlo,Consolas,\"DejaVu Sans Mono\",monospace;text-align:left;"
    "white-space:normal;overflow-wrap:anywhere}\n"
    "a{color:var(--accent)}details "
    "summary{cursor:pointer;color:var(--accent)}dt{font-weight:600;margin-top:.8rem}dd{margin:0;max-width:46rem}\n"
    "footer{margin-top:3rem;color:var(--soft);font-size:.86rem}\n"
    "@media(max-width:36rem){body{font-size:16px}main{padding:1.6rem 1rem "
    "3rem}h1{font-size:1.6rem}.lead{font-size:1.08rem}"
    "th,td{padding:.36rem .4rem}table{font-size:.8rem}th,td small{white-space:normal}.tiles{grid-template-columns:1fr "
    "1fr;gap:.7rem}.tile "
    "b{font-size:1.5rem}.tile{padding:.8rem}}\n"
    "@media print{body{background:#fff}section{break-inside:avoid-page}.scroll{overflow:visible;background:none}"
    "table{font-size:.66rem}th,td{padding:.2rem .3rem}th,td small{white-space:normal}tr{break-inside:avoid}}\n";

void html_begin(text_buffer *page, const char *title)
{
    text_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    text_add_markup(page, title);
    text_add(page, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n");
    text_add(page, style);
    text_add(page, "</style>\n</head>\n<body>\n<main>\n");
}

void html_end(text_buffer *page, const char *foot)
{
    text_add(page, "<footer>");
    html_words(page, foot);
    text_add(page, "</footer>\n</main>\n</body>\n</html>\n");
}

void html_words(text_buffer *page, const char *words)
{
    text_buffer typeset = {0};
    for (const char *c = words; *c; c++) {
        bool starts = c == words || c[-1] == ' ' || c[-1] == '(';
        if (c[0] == ' ' && c[1] == '%') {
            text_add(&typeset, "\xc2\xa0");
        } else if (starts && c[0] == '-' && c[1] >= '0' && c[1] <= '9') {
            text_add(&typeset, "\xe2\x88\x92");
        } else {
            text_add_bytes(&typeset, c, 1);
        }
    }
    text_add_markup(page, typeset.bytes ? typeset.bytes : "");
    page->failed |= typeset.failed;
    text_destroy(&typeset);
}

void html_paragraph(text_buffer *page, const char *class_name, const char *words)
{
    text_add(page, "<p");
    if (class_name) {
        text_printf(page, " class=\"%s\"", class_name);
    }
    text_add(page, ">");
    html_words(page, words);
    text_add(page, "</p>\n");
}

void html_section(text_buffer *page, const char *id, const char *heading)
{
    text_printf(page, "<section id=\"%s\">\n<h2>", id);
    html_words(page, heading);
    text_add(page, "</h2>\n");
}

void html_section_end(text_buffer *page) { text_add(page, "</section>\n"); }

void html_observations(text_buffer *page, observations *list)
{
    static const char *const classes[] = {"plain", "good", "bad", "warning"};
    text_add(page, list->n ? "<ul class=\"said\">\n" : "");
    for (int i = 0; i < list->n; i++) {
        text_printf(page, "<li class=\"%s\">", classes[list->items[i].tone]);
        html_words(page, list->items[i].words.bytes ? list->items[i].words.bytes : "");
        text_add(page, "</li>\n");
        page->failed |= list->items[i].words.failed;
    }
    text_add(page, list->n ? "</ul>\n" : "");
    observations_destroy(list);
}

/* "image/png" or "image/svg+xml", detected from the first bytes; NULL for anything else. */
static const char *picture_type(const char *bytes, size_t size)
{
    if (size > 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0) {
        return "image/png";
    }
    size_t start = 0;
    while (start < size && strchr(" \t\r\n", bytes[start])) {
        start++;
    }
    bool prolog = size - start > 5 && memcmp(bytes + start, "<?xml", 5) == 0;
    const char *svg = strstr(bytes + start, "<svg");
    return svg && (prolog || svg == bytes + start) ? "image/svg+xml" : NULL;
}

reshift_status html_figure(text_buffer *page, const char *class_name, const char *path, const char *alternative,
                           const char *caption, reshift_error *error)
{
    if (!path) {
        return RESHIFT_OK;
    }
    char *bytes = NULL;
    size_t size = 0;
    reshift_status status = file_read_all(path, &bytes, &size, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    const char *type = picture_type(bytes, size);
    if (!type) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "picture '%s': expected PNG or SVG, found neither", path);
    } else {
        text_printf(page, "<figure class=\"%s\"><img src=\"data:%s;base64,", class_name, type);
        text_add_base64(page, bytes, size);
        text_add(page, "\" alt=\"");
        text_add_markup(page, alternative);
        text_add(page, "\">");
        if (caption) {
            text_add(page, "<figcaption>");
            html_words(page, caption);
            text_add(page, "</figcaption>");
        }
        text_add(page, "</figure>\n");
    }
    free(bytes);
    return status;
}
