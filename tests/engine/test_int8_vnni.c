/* int8 as on a processor that has VNNI but neither AMX nor bfloat16: the first block runs in float32. */
#include "int8_cases.h"

int main(void)
{
    setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_VNNI", 1); /* before the library is asked for anything */
    if (reshift_precision_here(RESHIFT_PRECISION_INT8, false) != RESHIFT_PRECISION_INT8) {
        print_message("1..0 # skipped: the processor has no int8 instructions\n");
        return 0;
    }
    if (reshift_precision_here(RESHIFT_PRECISION_BF16, false) != RESHIFT_PRECISION_F32) {
        print_message("Bail out! the instruction set was not limited\n");
        return 1;
    }
    return run_int8_cases("int8_vnni");
}
