/* This machine, for callers of the library: threads of both pools that work in it, the engine's name, limits, memory.
 */
#include "reshift/machine.h"

#include <cblas.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/memory.h"
#include "engine/limits.h"
#include "engine/plan.h"
#include "engine/shape_time.h"
#include "models/model.h"
#include "network/ops.h"

#ifdef _OPENMP
/* OMP_NUM_THREADS where it is a plain positive number, else the CPUs this process may run on. */
static int usual_threads(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    char *end = NULL;
    long wanted = text ? strtol(text, &end, 10) : 0;
    if (text && end != text && (!*end || *end == ',') && wanted > 0 && wanted <= 4096) {
        return (int)wanted;
    }
    return omp_get_num_procs();
}
#endif

bool reshift_threads_fit(int threads)
{
    enum { BUFFER_BYTES = 128 << 20, THREADS_MOST = 128 }; /* OpenBLAS (common_x86_64.h, Debian's MAX_CPU_NUMBER) */
    void *buffers[THREADS_MOST];
    int n = 0, wanted = threads < THREADS_MOST ? threads : THREADS_MOST;
    while (n < wanted) {
        buffers[n] = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (buffers[n] == MAP_FAILED) {
            break;
        }
        n++;
    }
    for (int i = 0; i < n; i++) {
        munmap(buffers[i], BUFFER_BYTES);
    }
    return n >= wanted;
}

reshift_status reshift_threads_check(int threads, reshift_error *error)
{
    int used = threads, there = openblas_get_num_threads();
#ifdef _OPENMP
    used = threads > 0 ? threads : usual_threads();
#endif
    if (reshift_threads_fit(used - there)) {
        return RESHIFT_OK;
    }
    error_set(error, RESHIFT_ERROR_MEMORY, "no address space for %d threads: OpenBLAS takes 128 MiB for each", used);
    error_hint(error, "take fewer threads (--threads, OMP_NUM_THREADS), or raise the limit (ulimit -v)");
    return RESHIFT_ERROR_MEMORY;
}

void reshift_threads_set(int threads)
{
#ifdef _OPENMP
    int used = threads > 0 ? threads : usual_threads();
    omp_set_num_threads(used);
    openblas_set_num_threads(used);
#else
    (void)threads; /* a build without OpenMP works in one thread */
    openblas_set_num_threads(1);
#endif
}

int reshift_threads_count(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

const char *reshift_engine_description(void) { return engine_description(); }

const char *reshift_processor_form(void) { return cpu_form_name(cpu_form_here()); }

reshift_status reshift_processor_check(reshift_error *error) { return cpu_check_limit(error); }

const char *reshift_openblas_kernels(void) { return openblas_get_corename(); }

const char *reshift_openblas_core(void)
{
    cpu_form limit;
    if (cpu_form_limit(&limit)) {
        return limit == CPU_FORM_AMX ? NULL : cpu_openblas_core(limit);
    }
    /* "Prescott" is what OpenBLAS takes for a processor that it does not know */
    const bool unknown = strcmp(openblas_get_corename(), "Prescott") == 0;
    return unknown && cpu_form_here() != CPU_FORM_SSE41 ? cpu_openblas_core(cpu_form_here()) : NULL;
}

size_t reshift_peak_memory_bytes(void) { return memory_peak_bytes(); }

bool reshift_peak_memory_forget(void) { return memory_forget_peak(); }

reshift_status reshift_arithmetic_measure(reshift_precision precision, double *operations, reshift_error *error)
{
    return engine_measure_arithmetic(precision, operations, error);
}

reshift_status reshift_reading_measure(double *bytes_per_second, reshift_error *error)
{
    return engine_measure_reading(bytes_per_second, error);
}

int reshift_operation_count(void)
{
    int count = 0;
    while (engine_shape_at(count)) {
        count++;
    }
    return count;
}

reshift_status reshift_operation_measure(int index, reshift_precision precision, int batch,
                                         reshift_operation_time *result, reshift_error *error)
{
    const engine_shape *s = engine_shape_at(index);
    if (!s) {
        return error_set(error, RESHIFT_ERROR_NOT_FOUND, "operation %d: expected a number below %d", index,
                         reshift_operation_count());
    }
    if (precision == RESHIFT_PRECISION_INT8) {
        return error_set(error, RESHIFT_ERROR_UNSUPPORTED, "'%s' alone has no clipping ranges for int8", s->name);
    }
    const graph_extent out = engine_shape_result(s);
    const double width = precision == RESHIFT_PRECISION_BF16 ? 2 : 4, multiply_adds = engine_shape_multiply_adds(s);
    const double inputs = op_of(s->op)->n_inputs;
    const double weights = multiply_adds > 0 ? multiply_adds / ((double)out.h * out.w) : 0;
    *result = (reshift_operation_time){.name = s->name,
                                       .operation = op_of(s->op)->name,
                                       .channels = s->channels_in,
                                       .height = s->h,
                                       .width = s->w,
                                       .operations = 2 * multiply_adds * batch,
                                       .bytes = width * (weights + batch * (inputs * s->channels_in * s->h * s->w +
                                                                            (double)s->channels_out * out.h * out.w))};
    return engine_time_shape(s, NULL, precision, batch, &result->seconds, error);
}

double reshift_model_multiply_adds(const reshift_model *model, int size)
{
    const graph *g = model_network(model)->graph;
    graph_extent *extents = malloc((size_t)g->n_nodes * sizeof *extents);
    double total = 0;
    if (extents) {
        extents[0] = (graph_extent){size, size};
        if (graph_extents(g, 0, g->n_nodes - 1, extents, NULL) == RESHIFT_OK) {
            for (int n = 0; n < g->n_nodes; n++) {
                const operation *row = op_of(g->nodes[n].op);
                total += row->multiply_adds
                             ? row->multiply_adds(&g->nodes[n], extents[g->nodes[n].inputs[0]], extents[n])
                             : 0;
            }
        }
    }
    free(extents);
    return total;
}
