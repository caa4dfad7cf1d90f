/*
 * RESHIFT_VECTOR before a function: it is compiled for several instruction sets and the right one is chosen at load
 * time. Only for loops whose result is the same for any vector width (no sums across lanes); -ffp-contract=off keeps
 * fused multiply-add out of all of them. gcc only: clang builds serve warnings and sanitizers, not speed.
 */
#ifndef BASE_VECTOR_H
#define BASE_VECTOR_H

#if defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && defined(__x86_64__) &&               \
    defined(__GLIBC__)
#define RESHIFT_VECTOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define RESHIFT_VECTOR
#endif

#endif
