/*
 * Aligned blocks. Large blocks are mapped with a request for huge pages: the first access to 4 KiB pages costs five
 * times more.
 */
#include "base/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* Stored in one alignment unit before every block: how the block was allocated. */
typedef struct block_header {
    void *base;
    size_t mapped_bytes; /* 0: allocated by aligned_alloc */
} block_header;

size_t memory_align(size_t bytes) { return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT; }

bool memory_product(size_t a, size_t b, size_t *product) { return !__builtin_mul_overflow(a, b, product); }

static void *allocate_mapped(size_t total)
{
    size_t mapped = (total + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE + HUGE_PAGE;
    if (mapped < total) {
        return NULL;
    }
    uint8_t *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    madvise(base, mapped, MADV_HUGEPAGE); /* a hint: if it is refused, the block is only slower */
    block_header header = {base, mapped};
    memcpy(base, &header, sizeof header);
    return base + MEMORY_ALIGNMENT;
}

void *memory_allocate(size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    size_t total = memory_align(bytes) + MEMORY_ALIGNMENT;
    if (total >= HUGE_PAGE) {
        return allocate_mapped(total);
    }
    uint8_t *base = aligned_alloc(MEMORY_ALIGNMENT, total);
    if (!base) {
        return NULL;
    }
    memset(base, 0, total);
    block_header header = {base, 0};
    memcpy(base, &header, sizeof header);
    return base + MEMORY_ALIGNMENT;
}

void memory_free(void *block)
{
    if (!block) {
        return;
    }
    block_header header;
    memcpy(&header, (uint8_t *)block - MEMORY_ALIGNMENT, sizeof header);
    if (header.mapped_bytes) {
        munmap(header.base, header.mapped_bytes);
    } else {
        free(header.base);
    }
}

size_t memory_peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

/* Writing 5 to clear_refs resets the high-water mark (proc(5), since Linux 4.0). */
bool memory_forget_peak(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    bool done = file >= 0 && write(file, "5", 1) == 1;
    if (file >= 0) {
        close(file);
    }
    return done;
}
