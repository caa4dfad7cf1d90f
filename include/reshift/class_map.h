/* Which outputs of a network the classes of an image set are: by name, by number, or as a file says. */
#ifndef RESHIFT_CLASS_MAP_H
#define RESHIFT_CLASS_MAP_H

#include "reshift/dataset.h"
#include "reshift/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum reshift_class_match {
    RESHIFT_CLASSES_BY_NUMBER, /* class k is output k, or the output whose number its name is */
    RESHIFT_CLASSES_BY_NAME,
    RESHIFT_CLASSES_BY_FILE
} reshift_class_match;

typedef struct reshift_class_map {
    int n;         /* classes of the set */
    int n_outputs; /* of the network */
    int *outputs;  /* [n] */
    bool *counts;  /* [n_outputs] true: stands for a class of the set */
    reshift_class_match match;
} reshift_class_map;

/** The most bytes of a row of a class map file. */
#define RESHIFT_CLASS_MAP_LINE 1024

/**
 * Maps the classes of `dataset` onto the outputs of `model`. The caller destroys *map.
 *
 * file NULL   by name where the network has names: those of its metadata, or for a network of 1,000 outputs without any
 *             ImageNet's WordNet identifiers (n01440764) and names (tench). Case and '_', '-' or ' ' do not matter, and
 * an identifier and its name stand for each other. By number where the set's classes are called by numbers (each is the
 * output of that number), and where set and network have the same number of classes and one of them has no names (class
 * k is output k). file        CSV with a row "class of the set,number or name of the output" for each class; several
 * classes may share an output. A first row "class,output" is a heading.
 *
 * Errors: SHAPE (no way to map, with a hint that names --class-map; a name that stands for two outputs; more classes
 * than outputs), FORMAT (file and line), NOT_FOUND, IO, MEMORY; *map is empty then.
 */
RESHIFT_API reshift_status reshift_class_map_create(const reshift_model *model, const reshift_dataset *dataset,
                                                    const char *file, reshift_class_map *map, reshift_error *error);
/** Frees what is in it and empties it; NULL and an empty map are accepted. */
RESHIFT_API void reshift_class_map_destroy(reshift_class_map *map);

/** True where class k is output k and there are no other outputs: nothing needs to be said. */
RESHIFT_API bool reshift_class_map_is_identity(const reshift_class_map *map);

/**
 * Rules out the outputs that stand for no class of the set: their logits become -infinity, so that only the set's
 * classes count. logits [N,n_outputs] float32, read and written.
 */
RESHIFT_API void reshift_class_map_restrict(const reshift_class_map *map, float *logits, int64_t n);

/** "number", "name" or "file". */
RESHIFT_API const char *reshift_class_match_name(reshift_class_match match);

/** What output k stands for: the name in the network's metadata; without names, ImageNet's for a network of 1,000
 * outputs; else NULL. */
RESHIFT_API const char *reshift_model_output_name(const reshift_model *model, int k);

#ifdef __cplusplus
}
#endif
#endif
