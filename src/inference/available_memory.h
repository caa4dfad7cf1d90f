/* How much memory the system can give now. */
#ifndef INFERENCE_AVAILABLE_MEMORY_H
#define INFERENCE_AVAILABLE_MEMORY_H

#include <stdint.h>

/** Without swapping, bytes: the smaller of /proc/meminfo's and the control group's. */
uint64_t memory_available_bytes(void);

#endif
