/* max(x, 0). */
#include "network/ops.h"

static bool nonnegative(bool input)
{
    (void)input;
    return true;
}

const operation op_relu = {
    .name = "relu", .onnx = "Relu", .n_inputs = 1, .result = OPS_SAME, .nonnegative = nonnegative, .elementwise = true};
