/* Words for oneDNN's failures, the instruction sets it may use, and the layouts of the engine. */
#include "engine/onednn/onednn.h"

#include "base/cpu.h"
#include "engine/plan.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define ONEDNN_NAME "oneDNN " TEXT(DNNL_VERSION_MAJOR) "." TEXT(DNNL_VERSION_MINOR) "." TEXT(DNNL_VERSION_PATCH)

reshift_status onednn_failed(reshift_error *error, dnnl_status_t status, const char *what)
{
    static const char *const words[] = {
        [dnnl_out_of_memory] = "out of memory",   [dnnl_invalid_arguments] = "invalid arguments",
        [dnnl_unimplemented] = "no such kernel",  [dnnl_iterator_ends] = "iterator ended",
        [dnnl_runtime_error] = "runtime failure", [dnnl_not_required] = "not required",
    };
    const char *word = (size_t)status < sizeof words / sizeof *words && words[status] ? words[status] : "failure";
    return error_set(error, status == dnnl_out_of_memory ? RESHIFT_ERROR_MEMORY : RESHIFT_ERROR_INTERNAL,
                     "%s: oneDNN says %s", what, word);
}

/*
 * oneDNN fixes its instruction set when it is first used, so RESHIFT_ISA must reach it before. The limit is set in any
 * case: otherwise oneDNN would read a variable of its own, and kernels and oneDNN could follow different limits.
 */
__attribute__((constructor)) static void limit_by_environment(void)
{
    cpu_form form = CPU_FORM_AMX;
    cpu_form_limit(&form);
    static const dnnl_cpu_isa_t isas[] = {
        [CPU_FORM_SSE41] = dnnl_cpu_isa_sse41,
        [CPU_FORM_AVX2] = dnnl_cpu_isa_avx2,
        [CPU_FORM_AVX2_VNNI] = dnnl_cpu_isa_avx2_vnni,
        [CPU_FORM_AVX512] = dnnl_cpu_isa_avx512_core,
        [CPU_FORM_AVX512_VNNI] = dnnl_cpu_isa_avx512_core_vnni,
        [CPU_FORM_AVX512_BF16] = dnnl_cpu_isa_avx512_core_bf16,
        [CPU_FORM_AMX] = dnnl_cpu_isa_all,
    };
    dnnl_set_max_cpu_isa(isas[form]); /* fails if a program that holds this library has used oneDNN before */
}

bool onednn_has(dnnl_cpu_isa_t isa) { return ((unsigned)dnnl_get_effective_cpu_isa() & isa) == (unsigned)isa; }

const char *onednn_description(void)
{
    switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return ONEDNN_NAME " (sse41)";
    case dnnl_cpu_isa_avx: return ONEDNN_NAME " (avx)";
    case dnnl_cpu_isa_avx2: return ONEDNN_NAME " (avx2)";
    case dnnl_cpu_isa_avx2_vnni: return ONEDNN_NAME " (avx2_vnni)";
    case dnnl_cpu_isa_avx512_core: return ONEDNN_NAME " (avx512_core)";
    case dnnl_cpu_isa_avx512_core_vnni: return ONEDNN_NAME " (avx512_core_vnni)";
    case dnnl_cpu_isa_avx512_core_bf16: return ONEDNN_NAME " (avx512_core_bf16)";
    case dnnl_cpu_isa_avx512_core_amx: return ONEDNN_NAME " (avx512_core_amx)";
    default: return ONEDNN_NAME;
    }
}

reshift_status onednn_activation(dnnl_memory_desc_t *md, dnnl_data_type_t type, bool training, int n, int c, int h,
                                 int w, reshift_error *error)
{
    /* few channels (an image's three) are not worth a block; every convolution reads them plane by plane */
    dnnl_dims_t dims = {n, c, h, w};
    dnnl_format_tag_t block = onednn_has(dnnl_cpu_isa_avx512_core) ? dnnl_nChw16c : dnnl_nChw8c;
    bool plain = c < 8 || (training && !onednn_has(dnnl_cpu_isa_avx2));
    dnnl_format_tag_t tag = type != dnnl_f32 ? dnnl_nhwc : plain ? dnnl_nchw : block;
    ONEDNN(dnnl_memory_desc_init_by_tag(md, 4, dims, type, tag), "laying out an activation");
    return RESHIFT_OK;
}

reshift_status onednn_dense(dnnl_memory_desc_t *md, int n, int c, int h, int w, reshift_error *error)
{
    dnnl_dims_t dims = {n, c, h, w};
    ONEDNN(dnnl_memory_desc_init_by_tag(md, 4, dims, dnnl_f32, dnnl_nhwc), "laying out a dense tensor");
    return RESHIFT_OK;
}

onednn_window onednn_window_of(const graph_window *window)
{
    onednn_window w = {{0}, {0}, {0}, {0}};
    for (int i = 0; i < 2; i++) {
        w.stride[i] = window->stride[i];
        w.dilation[i] = window->dilation[i] - 1;
        w.before[i] = window->padding[i];
        w.after[i] = window->padding[2 + i];
    }
    return w;
}

reshift_status onednn_matrix(dnnl_memory_desc_t *md, int64_t rows, int64_t columns, int64_t row_stride,
                             int64_t column_stride, reshift_error *error)
{
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    ONEDNN(dnnl_memory_desc_init_by_strides(md, 2, dims, dnnl_f32, strides), "laying out a matrix");
    return RESHIFT_OK;
}
