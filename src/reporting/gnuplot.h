/*
 * Drawing through the program `gnuplot`. A figure is a script and its data, written beside the pictures, so that anyone
 * can restyle and draw again: `cd plots; gnuplot probe-loss.gp`. The variables `png` and `svg` name other outputs: reshift
 * lets gnuplot, which does not notice a full disk, draw into memory and writes the pictures itself.
 */
#ifndef REPORTING_GNUPLOT_H
#define REPORTING_GNUPLOT_H

#include "reporting/text.h"

/** One figure being made: FOLDER/<name>.gp, its data, its pictures. Strings are the caller's. */
typedef struct gnuplot_figure {
    const char *folder, *name; /* name without '/' */
    bool overwrite;
} gnuplot_figure;

/** Refuses a name that is no file name, and pictures or scripts that are there (without overwrite); makes the folder.
 *  `endings` are those of all files the figure will write: ".gp", ".csv", "-loss.png"; NULL at the end. */
reshift_status gnuplot_begin(const gnuplot_figure *figure, const char *const *endings, reshift_error *error);
/** Writes FOLDER/<name><ending>. */
reshift_status gnuplot_write(const gnuplot_figure *figure, const char *ending, const text_buffer *text,
                             reshift_error *error);
/**
 * Runs FOLDER/<name><ending> with FOLDER as its working folder, no shell, no start-up file of the user's; then writes
 * the pictures FOLDER/<name><picture>, one .png, one .svg, or both: `endings`, NULL at the end. Errors: NOT_FOUND (gnuplot
 * is not installed), IO (it failed; its own words are in the message; a full disk), CANCELLED (it was interrupted).
 */
reshift_status gnuplot_run(const gnuplot_figure *figure, const char *ending, const char *const *endings,
                           reshift_error *error);

/** The head of every script: what it draws and how to run it, number format, encoding, grid and frame. */
void gnuplot_head(text_buffer *script, const char *name, const char *script_ending, const char *data_ending);
/** "set output ..." for the picture <name><ending>, "....png" or "....svg". */
void gnuplot_output(text_buffer *script, const char *name, const char *ending);
/** "set terminal ...; set output ..." for a PNG of twice the size (in px) of the SVG, or for the SVG itself. */
void gnuplot_terminal_png(text_buffer *script, int width, int height, const char *name, const char *ending);
void gnuplot_terminal_svg(text_buffer *script, int width, int height, const char *name, const char *ending);

#endif
