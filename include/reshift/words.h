/* What was meant: how far apart two words are, for "did you mean ...?". */
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

#ifdef __cplusplus
}
#endif
#endif
