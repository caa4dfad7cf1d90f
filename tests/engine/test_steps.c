/*
 * What steps promise beside being right: the same bytes from run to run and from plan to plan, the whole network equal
 * to its parts, errors that leave nothing behind, and no large allocation while stepping, counted by wrapping the
 * allocator.
 */
#include "check.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/nets.h"
#include "engine/plan.h"
#include "plan_values.h"

#if defined(__SANITIZE_ADDRESS__)
#define COUNTING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define COUNTING 0
#else
#define COUNTING 1
#endif
#else
#define COUNTING 1
#endif

#if COUNTING
/* oneDNN makes some mallocs of under 1 KB a call; nothing of ours and nothing larger may be among them. */
#define LARGE 4096
static atomic_int n_large;
static atomic_bool counting;

static void count(size_t bytes)
{
    if (counting && bytes >= LARGE) {
        n_large++;
    }
}

/* glibc's own entry points, so that the wrappers need no allocation to find them */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
    count(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    count(n * bytes);
    return __libc_calloc(n, bytes);
}

void *realloc(void *block, size_t bytes)
{
    count(bytes);
    return __libc_realloc(block, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    count(bytes);
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    count(bytes);
    *block = __libc_memalign(alignment, bytes);
    return *block ? 0 : 12;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
    count(bytes);
    return (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
}
#endif

static const net_shape shape = {{16, 32, 64}, 10, true, true};
enum { BATCH = 8, SIDE = 32, FLOATS = BATCH * SIDE * SIDE * 3 };
static const int labels[BATCH] = {0, 1, 2, 3, 4, 9, 8, 7};
static const bool none[4] = {false}, all[4] = {true, true, true, true};

static plan *make(network *n, int first, int last, int side, const bool *train, const bool *batch)
{
    reshift_error error;
    plan_options options = {.batch = BATCH,
                            .height = side,
                            .width = side,
                            .first_block = first,
                            .last_block = last,
                            .train_block = train,
                            .batchnorm_batch = batch};
    plan *p;
    check_ok(plan_create(n, &options, &p, &error));
    return p;
}

static void step(plan *p, bool backward)
{
    reshift_error error;
    double loss;
    int correct;
    net_fill(input_of(p), FLOATS, 3);
    check_ok(plan_forward(p, &error));
    if (backward) {
        check_ok(plan_loss(p, labels, &loss, &correct, &error));
        check_ok(plan_backward(p, &error));
    }
}

static void test_same_bytes(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        network *n = net_create(&shape, 1), *same = net_create(&shape, 1);
        plan *a = make(n, 0, 3, SIDE, all, mode ? all : none), *b = make(same, 0, 3, SIDE, all, mode ? all : none);
        for (int run = 0; run < 3; run++) {
            step(a, true);
            step(b, true);
            assert_memory_equal(output_of(a), output_of(b), BATCH * 10 * sizeof(float));
            for (int p = 0; p < n->graph->n_parameters; p++) {
                size_t bytes = n->graph->parameters[p].count * sizeof(float);
                assert_memory_equal(network_parameter(n, p), network_parameter(same, p), bytes);
                if (gradient_of(a, p)) {
                    assert_memory_equal(gradient_of(a, p), gradient_of(b, p), bytes);
                }
            }
        }
        plan_destroy(&a);
        plan_destroy(&b);
        network_destroy(&n);
        network_destroy(&same);
    }
}

/* Cutting between blocks changes neither operations nor layouts of what lies inside, so the bytes are the same. */
static void test_parts_are_the_whole(void **state)
{
    (void)state;
    reshift_error error;
    network *n = net_create(&shape, 2);
    plan *whole = make(n, 0, 3, SIDE, NULL, NULL), *prefix = make(n, 0, 1, SIDE, NULL, NULL);
    int n_dims;
    int64_t extent[4];
    plan_output_shape(prefix, &n_dims, extent);
    assert_int_equal(n_dims, 4);
    plan *tail = make(n, 2, 3, (int)extent[1], NULL, NULL);
    step(whole, false);
    step(prefix, false);
    memcpy(input_of(tail), output_of(prefix), (size_t)(BATCH * extent[1] * extent[2] * extent[3]) * sizeof(float));
    check_ok(plan_forward(tail, &error));
    assert_memory_equal(output_of(tail), output_of(whole), BATCH * 10 * sizeof(float));
    assert_memory_equal(features_of(tail), features_of(whole), BATCH * 128 * sizeof(float));
    plan_destroy(&whole);
    plan_destroy(&prefix);
    plan_destroy(&tail);
    network_destroy(&n);
}

/* Every parameter is touched before each step, as an optimiser does: refreshing weights must not allocate either. */
static void test_no_large_allocation(void **state)
{
    (void)state;
#if COUNTING
    network *n = net_create(&shape, 4);
    static const bool tail_blocks[4] = {false, false, true, true};
    const bool *train[4] = {none, tail_blocks, all, all}, *batch[4] = {none, none, none, all};
    for (int i = 0; i < 4; i++) {
        plan *p = make(n, 0, 3, SIDE, train[i], batch[i]);
        step(p, i > 0);
        n_large = 0;
        counting = true;
        for (int run = 0; run < 2; run++) {
            for (int q = 0; q < n->graph->n_parameters; q++) {
                network_touch(n, q);
            }
            step(p, i > 0);
        }
        counting = false;
        assert_int_equal(n_large, 0);
        plan_destroy(&p);
    }
    counting = true; /* the wrappers do count: making a plan allocates much */
    plan *p = make(n, 0, 3, SIDE, NULL, NULL);
    counting = false;
    assert_true(n_large > 0);
    plan_destroy(&p);
    network_destroy(&n);
#else
    print_message("# skipped: a sanitizer owns the allocator\n");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_parts_are_the_whole),
        cmocka_unit_test(test_no_large_allocation),
    };
    return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
