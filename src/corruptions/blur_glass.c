/*
 * glass_blur: a Gaussian blur, pixels taken from their neighbours, the same blur again. The published loop means to
 * swap two pixels, x[a], x[b] = x[b], x[a], but both sides are views of one array: by the time that x[b] is written,
 * x[a] is x[b] already. So each pixel takes its neighbour's value, and the neighbour keeps it.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "corruptions/blur.h"
#include "corruptions/family.h"

/* Offsets up to this size stand on the stack: a 32x32 image needs 3.6 KB. */
enum { STACK_OFFSETS = 4096, CHUNK = 1024 };

static const struct {
    blur_sigma blur;
    int delta, times;
} glasses[2][5] = {
    {{{.05, 0, 0}, 1, 1}, {{.25, 0, 0x2}, 1, 1}, {{.4, 0, 0}, 1, 1}, {{.25, 0, 0x2}, 1, 2}, {{.4, 0, 0}, 1, 2}},
    {{{.7, 0x2, 0x8}, 1, 2},
     {{.9, 0, 0x4}, 2, 1},
     {{1, 0x8, 0x14}, 2, 3},
     {{1.1, 0, 0}, 3, 2},
     {{1.5, 0x10, 0x48}, 4, 2}},
};

int glass_reach(int severity, reshift_constants constants)
{
    return glasses[constants == RESHIFT_CONSTANTS_IMAGENET][severity - 1].delta;
}

size_t glass_offset_count(int height, int width, int severity, reshift_constants constants)
{
    int delta = glass_reach(severity, constants);
    if (height <= 2 * delta || width <= 2 * delta) {
        return 0;
    }
    return (size_t)glasses[constants == RESHIFT_CONSTANTS_IMAGENET][severity - 1].times * (size_t)(height - 2 * delta) *
           (size_t)(width - 2 * delta);
}

/* Rows and columns run downwards in the published loop, from extent - delta to delta + 1. */
static void take_neighbours(uint8_t *pixels, int height, int width, int delta, const glass_offset *offsets)
{
    for (int y = height - delta; y > delta; y--) {
        for (int x = width - delta; x > delta; x--, offsets++) {
            uint8_t *pixel = pixels + 3 * ((ptrdiff_t)y * width + x);
            const uint8_t *neighbour = pixel + 3 * ((ptrdiff_t)offsets->dy * width + offsets->dx);
            uint8_t r = neighbour[0], g = neighbour[1], b = neighbour[2];
            pixel[0] = r;
            pixel[1] = g;
            pixel[2] = b;
        }
    }
}

reshift_status blur_glass_with(const reshift_image *input, int severity, reshift_constants constants,
                               const glass_offset *offsets, reshift_image *output, reshift_error *error)
{
    int set = constants == RESHIFT_CONSTANTS_IMAGENET, delta = glasses[set][severity - 1].delta;
    int height = input->height, width = input->width;
    gaussian_kernel kernel;
    reshift_status status = blur_kernel(&glasses[set][severity - 1].blur, &kernel, error);
    if (status == RESHIFT_OK) {
        status = blur_gaussian_bytes(input->pixels, height, width, &kernel, output->pixels, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t count = glass_offset_count(height, width, severity, constants);
    int times = glasses[set][severity - 1].times;
    for (int i = 0; i < times && count; i++) {
        take_neighbours(output->pixels, height, width, delta, offsets + (size_t)i * (count / (size_t)times));
    }
    return blur_gaussian_bytes(output->pixels, height, width, &kernel, output->pixels, error);
}

/* A word chooses among all (2 delta)^2 pairs at once; they are as even as 2^32 allows. */
static void draw_offsets(random_stream *stream, size_t count, int delta, glass_offset *offsets)
{
    uint32_t words[CHUNK], side = 2 * (uint32_t)delta;
    for (size_t done = 0; done < count; done += CHUNK) {
        size_t n = count - done < CHUNK ? count - done : CHUNK;
        random_fill_u32(stream, words, n);
        for (size_t i = 0; i < n; i++) {
            uint32_t pair = (uint32_t)((uint64_t)words[i] * (side * side) >> 32);
            offsets[done + i].dx = (int8_t)((int)(pair % side) - delta);
            offsets[done + i].dy = (int8_t)((int)(pair / side) - delta);
        }
    }
}

reshift_status corruption_glass_blur(const corruption_call *call, reshift_error *error)
{
    size_t count = glass_offset_count(call->input->height, call->input->width, call->severity, call->constants);
    glass_offset stack[STACK_OFFSETS];
    glass_offset *offsets = count <= STACK_OFFSETS ? stack : memory_allocate(count * sizeof *offsets);
    if (!offsets) {
        return error_memory(error, count * sizeof *offsets, "glass_blur's offsets");
    }
    random_stream stream =
        random_open(call->seed, call->corruption->name, (uint64_t)call->severity, (uint64_t)call->image_index);
    draw_offsets(&stream, count, glass_reach(call->severity, call->constants), offsets);
    reshift_status status = blur_glass_with(call->input, call->severity, call->constants, offsets, call->output, error);
    if (offsets != stack) {
        memory_free(offsets);
    }
    return status;
}
