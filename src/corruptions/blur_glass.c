/*
 * glass_blur: a Gaussian blur, replacement of pixels by neighbours, the same blur again. The published loop intends to
 * swap two pixels, x[a], x[b] = x[b], x[a], but both sides are views of one array: when x[b] is written, x[a] has
 * already been replaced by x[b]. So each pixel takes its neighbour's value, and the neighbour keeps its own.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "corruptions/blur.h"
#include "corruptions/family.h"
#include "kernels/random_fill.h"

/* Offsets up to this size are on the stack: a 32x32 image needs 3.6 KB. */
enum { STACK_OFFSETS = 4096, CHUNK = 1024 };

/* Offsets per round: one per pixel farther than `reach` from the border. */
static size_t offsets_a_round(int height, int width, int reach)
{
    return height > 2 * reach && width > 2 * reach ? (size_t)(height - 2 * reach) * (size_t)(width - 2 * reach) : 0;
}

glass_constants glass_constants_of(const double *constants)
{
    return (glass_constants){constants[0], (int)constants[1], (int)constants[2]};
}

size_t glass_offset_count(int height, int width, const glass_constants *constants)
{
    return (size_t)constants->rounds * offsets_a_round(height, width, constants->reach);
}

/* The published loop runs over rows and columns in descending order, from extent - reach to reach + 1. */
static void take_neighbours(uint8_t *pixels, int height, int width, int reach, const glass_offset *offsets)
{
    for (int y = height - reach; y > reach; y--) {
        for (int x = width - reach; x > reach; x--, offsets++) {
            uint8_t *pixel = pixels + 3 * ((ptrdiff_t)y * width + x);
            const uint8_t *neighbour = pixel + 3 * ((ptrdiff_t)offsets->dy * width + offsets->dx);
            uint8_t r = neighbour[0], g = neighbour[1], b = neighbour[2];
            pixel[0] = r;
            pixel[1] = g;
            pixel[2] = b;
        }
    }
}

reshift_status blur_glass_with(const reshift_image *input, const glass_constants *constants,
                               const glass_offset *offsets, reshift_image *output, reshift_error *error)
{
    int height = input->height, width = input->width;
    gaussian_kernel kernel;
    reshift_status status = blur_kernel(constants->sigma, &kernel, error);
    if (status == RESHIFT_OK) {
        status = blur_gaussian_bytes(input->pixels, height, width, &kernel, output->pixels, error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t count = offsets_a_round(height, width, constants->reach);
    for (int round = 0; round < constants->rounds; round++) {
        take_neighbours(output->pixels, height, width, constants->reach, offsets + (size_t)round * count);
    }
    return blur_gaussian_bytes(output->pixels, height, width, &kernel, output->pixels, error);
}

/* One word selects one of all (2 reach)^2 pairs; they are as uniform as 2^32 allows. */
static void draw_offsets(random_stream *stream, size_t count, int reach, glass_offset *offsets)
{
    uint32_t words[CHUNK], side = 2 * (uint32_t)reach;
    for (size_t done = 0; done < count; done += CHUNK) {
        size_t n = count - done < CHUNK ? count - done : CHUNK;
        random_fill_u32(stream, words, n);
        for (size_t i = 0; i < n; i++) {
            uint32_t pair = (uint32_t)((uint64_t)words[i] * (side * side) >> 32);
            offsets[done + i].dx = (int8_t)((int)(pair % side) - reach);
            offsets[done + i].dy = (int8_t)((int)(pair / side) - reach);
        }
    }
}

reshift_status corruption_glass_blur(const corruption_call *call, reshift_error *error)
{
    glass_constants constants = glass_constants_of(call->constants);
    size_t count = glass_offset_count(call->input->height, call->input->width, &constants);
    glass_offset stack[STACK_OFFSETS];
    glass_offset *offsets = count <= STACK_OFFSETS ? stack : memory_allocate(count * sizeof *offsets);
    if (!offsets) {
        return error_memory(error, count * sizeof *offsets, "glass_blur's offsets");
    }
    random_stream stream = corruption_stream(call);
    draw_offsets(&stream, count, constants.reach, offsets);
    reshift_status status = blur_glass_with(call->input, &constants, offsets, call->output, error);
    if (offsets != stack) {
        memory_free(offsets);
    }
    return status;
}
