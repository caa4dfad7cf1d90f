/*
 * Which arithmetic this processor is given. bfloat16 wants AVX-512 BF16 or AMX, int8 VNNI or AMX: without them oneDNN
 * still computes, by emulation, in bfloat16 slower than in float32 and in int8 with sums that may saturate.
 */
#include "reshift/precision.h"

#include <string.h>

#include "engine/onednn.h"
#include "engine/plan.h"

static const char *const names[] = {"f32", "bf16", "int8", "auto"}; /* the enum's order */

const char *reshift_precision_name(reshift_precision precision) { return names[precision]; }

const char *engine_arithmetic(reshift_precision precision)
{
    /* int8 2: layer1's sums and what reads the first block stay in bfloat16 */
    return precision == RESHIFT_PRECISION_INT8 ? "int8 2" : names[precision];
}

bool reshift_precision_read(const char *name, reshift_precision *precision)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *precision = (reshift_precision)i;
            return true;
        }
    }
    return false;
}

reshift_precision reshift_precision_here(reshift_precision wanted, bool training)
{
    bool bf16 = onednn_has(dnnl_cpu_isa_avx512_core_bf16);
    bool int8 = onednn_has(dnnl_cpu_isa_avx512_core_vnni) || onednn_has(dnnl_cpu_isa_avx2_vnni);
    switch (wanted) {
    case RESHIFT_PRECISION_INT8:
        if (int8 && !training) {
            return RESHIFT_PRECISION_INT8;
        }
        return bf16 ? RESHIFT_PRECISION_BF16 : RESHIFT_PRECISION_F32;
    case RESHIFT_PRECISION_BF16:
    case RESHIFT_PRECISION_AUTO: return bf16 ? RESHIFT_PRECISION_BF16 : RESHIFT_PRECISION_F32;
    case RESHIFT_PRECISION_F32: break;
    }
    return RESHIFT_PRECISION_F32;
}
