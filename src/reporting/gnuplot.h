/*
 * Drawing with the program `gnuplot`. A figure consists of a script and its data, written next to the pictures, so that
 * users can restyle and redraw it: `cd plots; gnuplot probe-loss.gp`. The variables `png` and `svg` override the output
 * names. reshift lets gnuplot, which does not notice a full disk, draw into memory and writes the pictures itself.
 */
#ifndef REPORTING_GNUPLOT_H
#define REPORTING_GNUPLOT_H

#include "reporting/text.h"

/** A figure: FOLDER/<name>.gp, its data, its pictures. Strings are owned by the caller. */
typedef struct gnuplot_figure {
    const char *folder, *name; /* name without '/' */
    bool overwrite;
} gnuplot_figure;

/**
 * Refuses an invalid file name, and existing pictures or scripts (without overwrite). Creates the folder. `endings`
 * lists the endings of all files the figure will write: ".gp", ".csv", "-loss.png"; NULL-terminated.
 */
reshift_status gnuplot_begin(const gnuplot_figure *figure, const char *const *endings, reshift_error *error);
/** Writes FOLDER/<name><ending>. */
reshift_status gnuplot_write(const gnuplot_figure *figure, const char *ending, const text_buffer *text,
                             reshift_error *error);
/**
 * Runs FOLDER/<name><ending> with FOLDER as working folder, without a shell or the user's start-up files. Then writes
 * the pictures FOLDER/<name><picture>, one .png, one .svg, or both: `endings`, NULL-terminated. Errors: NOT_FOUND
 * (gnuplot is not installed), IO (gnuplot failed, with its output in the message; a full disk), CANCELLED
 * (interrupted).
 */
reshift_status gnuplot_run(const gnuplot_figure *figure, const char *ending, const char *const *endings,
                           reshift_error *error);

/** The start of every script: a comment with its purpose and how to run it, number format, encoding, grid and frame. */
void gnuplot_head(text_buffer *script, const char *name, const char *script_ending, const char *data_ending);
/** "set output ..." for the picture <name><ending>, "....png" or "....svg". */
void gnuplot_output(text_buffer *script, const char *name, const char *ending);
/** "set terminal ...; set output ..." for a PNG of twice the size (in px) of the SVG, or for the SVG itself. */
void gnuplot_terminal_png(text_buffer *script, int width, int height, const char *name, const char *ending);
void gnuplot_terminal_svg(text_buffer *script, int width, int height, const char *name, const char *ending);

#endif
