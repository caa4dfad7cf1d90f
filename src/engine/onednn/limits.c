/*
 * Arithmetic, measured by the library's matrix product with operands laid out as it likes them: what convolutions are
 * made of, without their borders, strides and changes of shape.
 */
#include <math.h>

#include "base/memory.h"
#include "base/progress.h"
#include "engine/onednn/onednn.h"

typedef struct product {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[3];
    void *data[3];
} product;

static void product_destroy(product *p)
{
    for (int i = 0; i < 3; i++) {
        dnnl_memory_destroy(p->memory[i]);
        memory_free(p->data[i]);
    }
    dnnl_primitive_destroy(p->primitive);
    dnnl_primitive_desc_destroy(p->descriptor);
    if (p->stream) {
        dnnl_stream_destroy(p->stream);
    }
    if (p->engine) {
        dnnl_engine_destroy(p->engine);
    }
}

/* c [side,side] = a b: float32; bfloat16 to bfloat16; u8 x s8 to u8. */
static reshift_status product_create(product *p, reshift_precision precision, int side, reshift_error *error)
{
    bool bf16 = precision == RESHIFT_PRECISION_BF16, bytes = precision == RESHIFT_PRECISION_INT8;
    dnnl_data_type_t types[3] = {bytes  ? dnnl_u8
                                 : bf16 ? dnnl_bf16
                                        : dnnl_f32,
                                 bytes  ? dnnl_s8
                                 : bf16 ? dnnl_bf16
                                        : dnnl_f32,
                                 bytes  ? dnnl_u8
                                 : bf16 ? dnnl_bf16
                                        : dnnl_f32};
    dnnl_dims_t dims = {side, side};
    dnnl_memory_desc_t md[3];
    ONEDNN(dnnl_engine_create(&p->engine, dnnl_cpu, 0), "starting oneDNN");
    ONEDNN(dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags), "starting oneDNN");
    for (int i = 0; i < 3; i++) {
        ONEDNN(dnnl_memory_desc_init_by_tag(&md[i], 2, dims, types[i], i == 1 ? dnnl_format_tag_any : dnnl_ab),
               "laying out a matrix");
    }
    dnnl_matmul_desc_t d;
    ONEDNN(dnnl_matmul_desc_init(&d, &md[0], &md[1], NULL, &md[2]), "planning a matrix product");
    ONEDNN(dnnl_primitive_desc_create(&p->descriptor, &d, NULL, p->engine, NULL), "planning a matrix product");
    ONEDNN(dnnl_primitive_create(&p->primitive, p->descriptor), "planning a matrix product");
    md[1] = *dnnl_primitive_desc_query_md(p->descriptor, dnnl_query_weights_md, 0);
    for (int i = 0; i < 3; i++) {
        size_t size = dnnl_memory_desc_get_size(&md[i]);
        p->data[i] = memory_allocate(size); /* zeros: arithmetic takes as long as with other numbers */
        if (!p->data[i]) {
            return error_memory(error, size, "measuring");
        }
        ONEDNN(dnnl_memory_create(&p->memory[i], &md[i], p->engine, p->data[i]), "laying out a matrix");
    }
    return RESHIFT_OK;
}

static reshift_status product_time(product *p, double seconds_to_spend, double *least, reshift_error *error)
{
    dnnl_exec_arg_t arguments[3] = {
        {DNNL_ARG_SRC, p->memory[0]}, {DNNL_ARG_WEIGHTS, p->memory[1]}, {DNNL_ARG_DST, p->memory[2]}};
    double end = clock_seconds() + seconds_to_spend;
    *least = 1e9;
    for (int run = 0; run < 10 || clock_seconds() < end; run++) {
        double start = clock_seconds();
        ONEDNN(dnnl_primitive_execute(p->primitive, p->stream, 3, arguments), "measuring arithmetic");
        ONEDNN(dnnl_stream_wait(p->stream), "measuring arithmetic");
        double seconds = clock_seconds() - start;
        *least = seconds < *least ? seconds : *least;
    }
    return RESHIFT_OK;
}

reshift_status onednn_measure_arithmetic(reshift_precision precision, double *operations, reshift_error *error)
{
    static const int sides[] = {512, 768, 1024, 1536};
    *operations = 0;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        product p = {0};
        double least = INFINITY, n = sides[i];
        reshift_status status = product_create(&p, precision, sides[i], error);
        if (status == RESHIFT_OK) {
            status = product_time(&p, 0.25, &least, error);
        }
        product_destroy(&p);
        if (status != RESHIFT_OK) {
            return status;
        }
        *operations = 2 * n * n * n / least > *operations ? 2 * n * n * n / least : *operations;
    }
    return RESHIFT_OK;
}
