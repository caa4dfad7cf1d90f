/* This machine: threads, and the limits that rates are held against. */
#ifndef RESHIFT_MACHINE_H
#define RESHIFT_MACHINE_H

#include "reshift/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Threads that work uses from now on (0: the CPUs this process may use, or OMP_NUM_THREADS). */
RESHIFT_API void reshift_set_threads(int threads);
RESHIFT_API int reshift_threads(void);
/** "oneDNN 2.6.3 (avx512_core)"; static. */
RESHIFT_API const char *reshift_engine_description(void);
/** Peak resident memory so far, bytes. */
RESHIFT_API size_t reshift_peak_memory_bytes(void);
/** Measured limits: float32 operations a second (multiply and add are two) and bytes a second read from memory. */
RESHIFT_API reshift_status reshift_measure_limits(double *f32_flops, double *read_bytes, reshift_error *error);
/** Multiply-adds of one image of size x size through the network. */
RESHIFT_API double reshift_model_multiply_adds(const reshift_model *model, int size);

#ifdef __cplusplus
}
#endif
#endif
