/* int8 as on a processor that has VNNI but neither AMX nor bfloat16: the first block runs in float32. */
#include "int8_cases.h"
#include "limit.h"

int main(int argc, char **argv)
{
    (void)argc;
    limit_to(CPU_FORM_AVX512_VNNI, argv);
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
