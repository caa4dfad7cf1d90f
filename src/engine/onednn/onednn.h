/*
 * What this folder's files share about oneDNN 2.x: messages of its failures, which instruction sets it may use, and
 * descriptors of the layouts. Nothing outside this folder includes oneDNN or calls it.
 */
#ifndef ENGINE_ONEDNN_ONEDNN_H
#define ENGINE_ONEDNN_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

#include "base/error.h"
#include "network/graph.h"
#include "reshift/precision.h"

/** INTERNAL (or MEMORY) with the library's word for what happened while doing `what`. */
reshift_status onednn_failed(reshift_error *error, dnnl_status_t status, const char *what);

/** True if the processor has these instructions and oneDNN may use them. */
bool onednn_has(dnnl_cpu_isa_t isa);

/** "oneDNN 2.6.3 (avx512_core)". Static. */
const char *onednn_description(void);
/** As engine_measure_arithmetic(). */
reshift_status onednn_measure_arithmetic(reshift_precision precision, double *operations, reshift_error *error);

/** Returns from the calling function when `call` fails. `error` must be in scope. */
#define ONEDNN(call, what)                                                                                             \
    do {                                                                                                               \
        dnnl_status_t onednn_status = (call);                                                                          \
        if (onednn_status != dnnl_success) {                                                                           \
            return onednn_failed(error, onednn_status, what);                                                          \
        }                                                                                                              \
    } while (0)

/**
 * Activations [N,C,H,W] in the one layout that all of a plan's tensors of a type have. float32: blocks of 16 channels
 * (8 without AVX-512). Without AVX2 a plan that trains has plain NCHW: in blocks, oneDNN has nothing but the reference
 * kernels to go backward there, 80 times slower than by matrix products.
 *
 * Measured with oneDNN 2.6.3 on two quiet AVX-512 cores (dnnl_sgemm: 350 GFLOP/s), ResNet-50 at 224 in float32, blocked
 * / channels last:
 *
 *     all convolutions forward, fused   39.1 / 36.7 images/s at batch 16, 39.8 / 37.7 at 32, 39.3 / 37.4 at 64
 *     layer4's weight gradients         293 / 258 GFLOP/s at batch 16, 273 / 264 at 64
 *     layer4's input gradients          329 / 269 GFLOP/s at batch 16, 304 / 286 at 64
 *
 * bfloat16 and int8 are channels last: AMX has kernels for nothing else. ResNet-50's convolutions at 224, one thread of
 * a processor with AMX, blocked / channels last: bfloat16 7.7 / 129 images/s, int8 (channels last) 245, at batch 8; 136
 * and 255 at batch 4, 130 and 244 at 16, 111 and 229 at 32. Without AMX the two layouts are equally fast in bfloat16.
 *
 * In float32 the stem reads its three channels as plain NCHW; from NHWC into blocks only the reference kernel exists,
 * 450 times slower.
 */
reshift_status onednn_activation(dnnl_memory_desc_t *md, dnnl_data_type_t type, bool training, int n, int c, int h,
                                 int w, reshift_error *error);
/** The same shape, channels last and dense: what callers write and read. */
reshift_status onednn_dense(dnnl_memory_desc_t *md, int n, int c, int h, int w, reshift_error *error);
/** A window in the library's terms: dilation 0 is none. */
typedef struct onednn_window {
    dnnl_dims_t stride, dilation, before, after;
} onednn_window;
onednn_window onednn_window_of(const graph_window *window);
/** [rows, columns] with any strides. */
reshift_status onednn_matrix(dnnl_memory_desc_t *md, int64_t rows, int64_t columns, int64_t row_stride,
                             int64_t column_stride, reshift_error *error);

#endif
