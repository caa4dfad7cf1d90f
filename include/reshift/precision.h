/* The arithmetic a network runs in. float32 unless asked; what the processor has no instructions for is never used. */
#ifndef RESHIFT_PRECISION_H
#define RESHIFT_PRECISION_H

#include <stdbool.h>

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum reshift_precision {
    RESHIFT_PRECISION_F32,
    RESHIFT_PRECISION_BF16, /* weights and activations in bfloat16, sums in float32; features, logits, losses float32 */
    RESHIFT_PRECISION_INT8, /* 8-bit weights and activations, sums in 32 bits; features and logits float32 */
    RESHIFT_PRECISION_AUTO  /* the fastest whose accuracy was shown to stay within 0.2 points of float32's: bf16, where
                               the processor has it (int8 stays within 0.5) */
} reshift_precision;

/** "f32", "bf16", "int8", "auto"; static. */
RESHIFT_API const char *reshift_precision_name(reshift_precision precision);
/** False where `name` is none of these. */
RESHIFT_API bool reshift_precision_read(const char *name, reshift_precision *precision);
/**
 * What is computed in on this processor when `wanted` is asked for: never AUTO. Training knows f32 and bf16: int8 there
 * means bf16. Where the instructions are missing it is the next wider one.
 */
RESHIFT_API reshift_precision reshift_precision_here(reshift_precision wanted, bool training);

#ifdef __cplusplus
}
#endif
#endif
