/* Names of a network's outputs to look up, and the file in which people say which class is which output. */
#ifndef MODELS_CLASSES_CLASS_MAP_FILE_H
#define MODELS_CLASSES_CLASS_MAP_FILE_H

#include "reshift/class_map.h"

enum { OUTPUT_NONE = -1, OUTPUT_AMBIGUOUS = -2 };

/** Outputs of a network by name. Errors: MEMORY; what there is must be destroyed then, too. */
typedef struct output_names output_names;
reshift_status output_names_create(const reshift_model *model, output_names **names, reshift_error *error);
void output_names_destroy(output_names **names);
/** The output of this name; OUTPUT_NONE, OUTPUT_AMBIGUOUS. */
int output_names_find(const output_names *names, const char *name);

/** Fills map->outputs from the file, as reshift_class_map_create() says. Errors: FORMAT, NOT_FOUND, IO, MEMORY. */
reshift_status class_map_file_read(const char *path, const reshift_dataset *set, const output_names *names,
                                   reshift_class_map *map, reshift_error *error);

#endif
