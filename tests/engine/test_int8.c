/* int8 with the best instructions that the processor has. */
#include "int8_cases.h"

int main(void)
{
    if (reshift_precision_here(RESHIFT_PRECISION_INT8, false) != RESHIFT_PRECISION_INT8) {
        print_message("1..0 # skipped: the processor has no int8 instructions\n");
        return 0;
    }
    return run_int8_cases("int8");
}
