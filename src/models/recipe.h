/* What goes with the weights beside tensors: the preprocessing recipe and the names of the classes, in the file's
 * metadata. */
#ifndef MODELS_RECIPE_H
#define MODELS_RECIPE_H

#include "models/architectures/architecture.h"
#include "models/notes.h"
#include "reshift/model.h"

/** ImageNet's mean and deviation, the architecture's own size and resize for weights of this version. Not `stored`. */
void recipe_default(const architecture *arch, int version, reshift_recipe *recipe);

/** Errors: ARGUMENT where a network's input size is not RESHIFT_SIZE_SMALLEST to RESHIFT_SIZE_LARGEST. */
reshift_status recipe_check_size(int size, reshift_error *error);

/**
 * Takes what the metadata says (input_size, resize, mean, std; docs/formats.md) over into `recipe`, which holds the
 * defaults; a PyTorch file's metadata are its training script's own and are not read. Values of other programs under
 * the plain names are ignored with a warning in `list` where they cannot be read. Errors: FORMAT (a value that cannot
 * be), UNSUPPORTED (an interpolation that is not bilinear), MEMORY.
 */
reshift_status recipe_from_tensors(const reshift_tensors *tensors, reshift_recipe *recipe, notes *list,
                                   reshift_error *error);
reshift_status recipe_to_tensors(const reshift_recipe *recipe, reshift_tensors *tensors, reshift_error *error);

/**
 * class_names, a JSON list of one string a class. *names [n_classes] is NULL where there is none; one block each, freed
 * with recipe_class_names_destroy. Errors: FORMAT (not a list, or of another length), MEMORY.
 */
reshift_status recipe_class_names_from_tensors(const reshift_tensors *tensors, int n_classes, char ***names,
                                               notes *list, reshift_error *error);
/** Bytes that are not UTF-8 become '?': a file's metadata are text. */
reshift_status recipe_class_names_to_tensors(char *const *names, int n_classes, reshift_tensors *tensors,
                                             reshift_error *error);
void recipe_class_names_destroy(char ***names, int n_classes);

#endif
