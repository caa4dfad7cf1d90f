/* This machine: threads, and the limits that rates are held against. */
#ifndef RESHIFT_MACHINE_H
#define RESHIFT_MACHINE_H

#include <stdbool.h>

#include "reshift/model.h"
#include "reshift/precision.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sets how many threads work uses from now on (0: the CPUs this process may use, or OMP_NUM_THREADS). Of the whole
 * process: not while other threads are in the library. */
RESHIFT_API void reshift_threads_set(int threads);
/** Threads that work uses. */
RESHIFT_API int reshift_threads_count(void);
/**
 * True if there is address space for OpenBLAS' buffers of `threads` more threads, 128 MiB each. OpenBLAS itself asks
 * for them again and again for ever. The only function that may be called before OpenBLAS is loaded.
 */
RESHIFT_API bool reshift_threads_fit(int threads);
/** Whether reshift_threads_set(threads) is possible. Errors: MEMORY, if the address space is limited. */
RESHIFT_API reshift_status reshift_threads_check(int threads, reshift_error *error);
/** "oneDNN 2.6.3 (avx512_core)"; static. */
RESHIFT_API const char *reshift_engine_description(void);
/**
 * The processor's instruction sets that the library's own kernels use: sse41, avx2, avx2_vnni, avx512, avx512_vnni,
 * avx512_bf16 or amx; static. The environment variable RESHIFT_ISA, read when the library is loaded, limits kernels and
 * oneDNN to one of them.
 */
RESHIFT_API const char *reshift_processor_form(void);
/** ARGUMENT if RESHIFT_ISA is set to another word than those: it limits nothing then. */
RESHIFT_API reshift_status reshift_processor_check(reshift_error *error);
/** The kernels that OpenBLAS has chosen ("SkylakeX"); static. */
RESHIFT_API const char *reshift_openblas_kernels(void);
/**
 * The value of OPENBLAS_CORETYPE that OpenBLAS should have been started with, or NULL if its own choice is right;
 * static. Not NULL if RESHIFT_ISA is set, and on a processor that is newer than OpenBLAS: that gets kernels of 2004
 * (Prescott) otherwise. OpenBLAS reads the variable when it is loaded, before reshift: a program has to be started
 * again with it.
 */
RESHIFT_API const char *reshift_openblas_core(void);
/** Peak resident memory, bytes: so far, or since it was forgotten. */
RESHIFT_API size_t reshift_peak_memory_bytes(void);
/** Begins the peak anew with what is in memory now. False where the system cannot: it goes on from the old one then. */
RESHIFT_API bool reshift_peak_memory_forget(void);
/**
 * Measured limit: operations a second (multiply and add are two) of a precision, which is one that
 * reshift_precision_here() gives. Takes about a second. Errors: MEMORY, INTERNAL.
 */
RESHIFT_API reshift_status reshift_arithmetic_measure(reshift_precision precision, double *operations,
                                                      reshift_error *error);
/** Measured limit: bytes a second read from memory. Uses 1 GiB for the time. Errors: MEMORY. */
RESHIFT_API reshift_status reshift_reading_measure(double *bytes_per_second, reshift_error *error);
/** One operation as a real network uses it, and how long it takes. */
typedef struct reshift_operation_time {
    const char *name;            /* "ResNet-50 layer3 3x3/2"; static */
    const char *operation;       /* "conv"; static */
    int channels, height, width; /* of the input */
    double seconds;              /* of a forward pass over the batch */
    double operations;           /* in it; multiply and add are two; 0: it is bound by memory */
    double bytes;                /* of input, result and weights, each read or written once */
} reshift_operation_time;
/** Number of operations that reshift_operation_measure() knows. */
RESHIFT_API int reshift_operation_count(void);
/**
 * Measures operation `index` over `batch` images on the default device: the least of several passes, some tenths of a
 * second. `precision` is one that reshift_precision_here() gives for training. Errors: NOT_FOUND (no such index),
 * UNSUPPORTED (int8: an operation alone has no clipping ranges), MEMORY, INTERNAL.
 */
RESHIFT_API reshift_status reshift_operation_measure(int index, reshift_precision precision, int batch,
                                                     reshift_operation_time *result, reshift_error *error);
/** Multiply-adds of one image of size x size through the network. */
RESHIFT_API double reshift_model_multiply_adds(const reshift_model *model, int size);

#ifdef __cplusplus
}
#endif
#endif
