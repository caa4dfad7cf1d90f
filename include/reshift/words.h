/* Words for people: how far apart two are, for "did you mean ...?", and text made fit for a terminal. */
#ifndef RESHIFT_WORDS_H
#define RESHIFT_WORDS_H

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RESHIFT_WORD_FAR 64

/**
 * Insertions, deletions and replacements of bytes that turn a into b (Levenshtein 1966); RESHIFT_WORD_FAR where either
 * word is longer than that.
 */
RESHIFT_API int reshift_word_distance(const char *a, const char *b);

/**
 * Replaces, in place, every byte that is not UTF-8 and every character that controls a terminal or a line (C0 with tab
 * and newline, DEL, C1, line and paragraph separators, changes of writing direction) by '?'. Returns `text`. For
 * whatever comes out of a file (names of tensors, classes and entries, metadata, file names) before it is printed; the
 * library's own errors and messages are clean already.
 */
RESHIFT_API char *reshift_text_clean(char *text);

/** The noun that goes with a count: `one` ("row") for 1, else `more` ("rows"). For every count that is printed. */
RESHIFT_API const char *reshift_noun_for(int64_t count, const char *one, const char *more);

/** The shortest decimal that reads back as `value` ("0.61", "1.0", "1e-07"), written into `text`, which is returned. */
RESHIFT_API const char *reshift_number_text(double value, char text[40]);

/** Replaces, in place, every real number of a JSON text by reshift_number_text()'s form, where that is not longer.
 * Returns `json`. */
RESHIFT_API char *reshift_json_shorten(char *json);

#ifdef __cplusplus
}
#endif
#endif
