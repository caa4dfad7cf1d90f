/* The opaque model's fields, for the files of this folder that build and change one. */
#ifndef MODELS_MODEL_INSIDE_H
#define MODELS_MODEL_INSIDE_H

#include "models/architectures/architecture.h"
#include "models/model.h"
#include "models/notes.h"
#include "reshift/fingerprints.h"

struct reshift_model {
    const architecture *arch;
    network *net;
    int n_classes;
    reshift_recipe recipe;
    char **class_names; /* [n_classes] or NULL */
    reshift_fingerprints trained_on;
    bool training_known;
    bool headless; /* the head is not filled, n_classes is 0 */
    notes notes;
    int head_size; /* input size of the images that a head from a file was trained on; 0: not known */
};

/** A network of this architecture, values zero. Errors: MEMORY. */
reshift_status model_make_network(const architecture *arch, int n_classes, network **net, reshift_error *error);

/** Puts "cannot read WHAT 'PATH': " before the message, once. Returns `status`. */
reshift_status model_name_file(reshift_error *error, reshift_status status, const char *what, const char *path);

#endif
