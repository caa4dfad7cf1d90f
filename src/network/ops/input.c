/* The images: normalised pixels, channels last. */
#include "network/ops.h"

const operation op_input = {.name = "input", .result = OPS_MAP};
