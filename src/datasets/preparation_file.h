/*
 * preparation.json describes how the images of a folder were created. `corrupt --format folder` writes it into the
 * folder of each severity, and it is read when such a folder is opened as a set.
 */
#ifndef DATASETS_PREPARATION_FILE_H
#define DATASETS_PREPARATION_FILE_H

#include "reshift/image_facts.h"

#define PREPARATION_FILE "preparation.json"

/** Writes FOLDER/preparation.json and replaces an existing one. Errors: IO, MEMORY. */
reshift_status preparation_file_write(const char *folder, const char *corruption, int severity, uint64_t seed,
                                      const reshift_image_facts *facts, reshift_error *error);
/** *known is false, without an error, if the file does not exist. Errors: FORMAT (naming it), IO, MEMORY. */
reshift_status preparation_file_read(const char *folder, reshift_image_facts *facts, bool *known, reshift_error *error);

#endif
