/* The sum of two results of one shape: the end of a residual block. */
#include "network/ops.h"

const operation op_add = {.name = "add", .onnx = "Add", .n_inputs = 2, .result = OPS_SAME, .elementwise = true};
