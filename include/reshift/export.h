/* Networks, features and predictions for other programs. safetensors for torchvision is reshift_model_save() of
 * reshift/model.h. */
#ifndef RESHIFT_EXPORT_H
#define RESHIFT_EXPORT_H

#include "reshift/array.h"
#include "reshift/dataset.h"
#include "reshift/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Writes the network as ONNX (operator set 11, intermediate representation 6), float32, one file. Input "input"
 * [N,3,size,size], already normalised: (x / 255 - mean) / std, R G B; N is free. Output "logits" [N,K]; the value
 * "features" [N,D] is what fc reads. Nodes and tensors have torchvision's names, batch norm stays a node of its own.
 * The metadata hold arch, input_size, resize, mean and std as in reshift's own files, and class_names (a JSON list)
 * where the model has them. `size` 0: the recipe's. The file appears whole or not at all; values go from the network
 * straight into it. Errors: ARGUMENT (a size below 32), EXISTS, NOT_FOUND or IO (writing), MEMORY; UNSUPPORTED for a
 * network of 2 GiB and more, which the format cannot hold.
 */
RESHIFT_API reshift_status reshift_model_save_onnx(const char *path, const reshift_model *model, int size,
                                                   bool overwrite, reshift_error *error);

/* ---- tables: CSV by RFC 4180 with a header line; float32 values read back to the same ---- */

/**
 * Features [N,D] float32 of the N images of `dataset`: columns image (reshift_dataset_row_name), severity, label, class
 * (its name, or empty), f0 to f(D-1). Errors: SHAPE, EXISTS, NOT_FOUND, IO.
 */
RESHIFT_API reshift_status reshift_features_save_csv(const char *path, const reshift_array *features,
                                                     const reshift_dataset *dataset, bool overwrite,
                                                     reshift_error *error);
/**
 * Probabilities [N,K] float32: columns image, severity, label, class (the set's), then label_I, class_I and
 * probability_I of the `top` likeliest classes by the model's names, or all K where there are fewer. Errors: SHAPE,
 * EXISTS, NOT_FOUND, IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_predictions_save_csv(const char *path, const reshift_model *model,
                                                        const reshift_array *probabilities,
                                                        const reshift_dataset *dataset, int top, bool overwrite,
                                                        reshift_error *error);
/** Softmax of n logits, summed in float64; the two may be the same memory. */
RESHIFT_API void reshift_probabilities(const float *logits, int n, float *probabilities);
/** The `top` (at most n) likeliest classes, by falling probability, equals by their number. */
RESHIFT_API void reshift_top_classes(const float *probabilities, int n, int *order, int top);

#ifdef __cplusplus
}
#endif
#endif
