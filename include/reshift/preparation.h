/* How the images of features were prepared: written to a file next to them, carried into the head trained on them. */
#ifndef RESHIFT_PREPARATION_H
#define RESHIFT_PREPARATION_H

#include "reshift/image_facts.h"
#include "reshift/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reshift_preparation {
    reshift_recipe recipe; /* at the size that was used; interpolation is bilinear */
    char arch[32];         /* of the network that gave the features */
    char data[512];        /* the set, in words */
} reshift_preparation;

/**
 * Writes `path`, which is FEATURES.json, about the finished file `features`: input size, resize, mean, standard
 * deviation, interpolation, architecture, data, and the sha256 of the features, so that a description left behind by
 * another file is recognised. Errors: EXISTS (without overwrite), IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_preparation_save(const char *path, const char *features,
                                                    const reshift_preparation *preparation, bool overwrite,
                                                    reshift_error *error);
/**
 * Reads it. *known is false, without an error, where there is no such file or it describes other features.
 * Errors: FORMAT (it is no such description), IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_preparation_load(const char *features, reshift_preparation *preparation, bool *known,
                                                    reshift_error *error);
/** Whether images prepared by both are the same; else `difference` says how, naming both ("64x64 (resize 73) and ...").
 */
RESHIFT_API bool reshift_preparation_same(const reshift_preparation *a, const reshift_preparation *b, char *difference,
                                          size_t size);
/** Into the metadata of a head: reshift_model_load_head() reads it. Errors: MEMORY. */
RESHIFT_API reshift_status reshift_tensors_set_preparation(reshift_tensors *tensors,
                                                           const reshift_preparation *preparation,
                                                           reshift_error *error);

/**
 * The names of the classes of `dataset` into the description `path` that reshift_preparation_save() wrote. Errors:
 * FORMAT, IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_preparation_add_class_names(const char *path, const reshift_dataset *dataset,
                                                               reshift_error *error);
/**
 * The class names that the description of `features` holds, into the metadata of a head of `n_classes` that was trained
 * on them. Nothing is done if they are not known, of other features, or of another number. Errors: FORMAT, IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_tensors_set_class_names_of(reshift_tensors *tensors, const char *features,
                                                              int n_classes, reshift_error *error);

/** Of a set whose images a network of this recipe measures at `size` (0: the recipe's own). */
RESHIFT_API reshift_image_facts reshift_image_facts_of(const reshift_dataset *dataset, const reshift_recipe *recipe,
                                                       int size);

#ifdef __cplusplus
}
#endif
#endif
