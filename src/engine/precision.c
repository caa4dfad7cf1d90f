/* Names of precisions; which one a machine is given is the back end's to say. */
#include "reshift/precision.h"

#include <string.h>

#include "engine/backend.h"

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
    return backend_at(0)->precision(wanted, training);
}

const char *engine_description(void) { return backend_at(0)->description(); }
