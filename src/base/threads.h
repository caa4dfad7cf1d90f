/*
 * Wrappers of OpenMP's queries that also work in builds without OpenMP (clang with sanitizers or fuzzing), where there
 * is one thread.
 */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#ifdef _OPENMP
#include <omp.h>
#endif

/** Number of threads available to the next parallel region of this thread. */
static inline int threads_most(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

/** This thread's index within its region, and the number of threads in it. */
static inline int threads_index(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

static inline int threads_count(void)
{
#ifdef _OPENMP
    return omp_get_num_threads();
#else
    return 1;
#endif
}

/** Sets the number of threads for the next regions of this thread. */
static inline void threads_set(int n)
{
#ifdef _OPENMP
    omp_set_num_threads(n);
#else
    (void)n;
#endif
}

#endif
