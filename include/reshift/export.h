/* Networks for other programs. safetensors for torchvision is reshift_model_save() of reshift/model.h. */
#ifndef RESHIFT_EXPORT_H
#define RESHIFT_EXPORT_H

#include "reshift/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Writes the network as ONNX (operator set 11, intermediate representation 6), float32, one file. Input "input"
 * [N,3,size,size], already normalised: (x / 255 - mean) / std, R G B; N is free. Output "logits" [N,K]; the value
 * "features" [N,D] is what fc reads. Nodes and tensors have torchvision's names, batch norm stays a node of its own. The
 * metadata hold arch, input_size, resize, mean and std as in reshift's own files, and class_names (a JSON list) where
 * the model has them. `size` 0: the recipe's. The file appears whole or not at all; values go from the network straight
 * into it. Errors: ARGUMENT (a size below 32), EXISTS, NOT_FOUND or IO (writing), MEMORY; UNSUPPORTED for a network
 * of 2 GiB and more, which the format cannot hold.
 */
RESHIFT_API reshift_status reshift_model_save_onnx(const char *path, const reshift_model *model, int size,
                                                   bool overwrite, reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
