/* RESHIFT_VECTOR, under the name that this room's files include. */
#ifndef IMAGING_VECTOR_H
#define IMAGING_VECTOR_H

#include "base/vector.h"

#endif
