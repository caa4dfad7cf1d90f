/*
 * OpenCV's operations on greyscale images. Each function first copies its input with a border, so that the row loops
 * have no special cases at edges and vectorise. Rounding happens at the same steps as in OpenCV.
 */
#include "imaging/grey.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/vector.h"

/* Chamfer steps of 1, 1.4 and 2.1969 pixels in 16-bit fixed point, and the value for "no feature found yet". */
enum { FIXED_BITS = 16, STRAIGHT = 65536, DIAGONAL = 91750, KNIGHT = 143976, UNREACHED = 1 << 28, MARGIN = 2 };

/* Planes extend the image by at most this border; rows are padded to whole vectors. */
static size_t bordered_row(int width) { return memory_align((size_t)width + 2 * MARGIN); }

static size_t bordered_pixels(int height, int width) { return bordered_row(width) * ((size_t)height + 2 * MARGIN); }

size_t grey_work_bytes(int height, int width)
{
    /* Canny needs the most: dx, dy and magnitude in 16 bits, a map in 8, a list of positions in 32 */
    return memory_align(bordered_pixels(height, width) * (4 * sizeof(int16_t) + sizeof(int32_t)));
}

/* Copies the image with a border of one row and one pixel, mirrored with `reflect` (101) or with the edge repeated. */
static void lay_out(const uint8_t *input, int height, int width, int reflect, uint8_t *bordered)
{
    size_t row = bordered_row(width);
    for (int y = -1; y <= height; y++) {
        int from = y;
        if (y < 0 || y == height) {
            int edge = y < 0 ? 0 : height - 1, inner = y < 0 ? 1 : height - 2;
            from = reflect && height > 1 ? inner : edge;
        }
        uint8_t *line = bordered + (size_t)(y + 1) * row;
        memcpy(line + 1, input + (size_t)from * (size_t)width, (size_t)width);
        int step = reflect && width > 1;
        line[0] = line[1 + step];
        line[width + 1] = line[width - step];
    }
}

static RESHIFT_VECTOR(void, sobel_row,
                      (const uint8_t *restrict above, const uint8_t *restrict here, const uint8_t *restrict below,
                       int width, int16_t *restrict dx, int16_t *restrict dy, int16_t *restrict magnitude),
                      (above, here, below, width, dx, dy, magnitude))
{
    for (int x = 0; x < width; x++) {
        int16_t right = (int16_t)(above[x + 2] + 2 * here[x + 2] + below[x + 2]);
        int16_t left = (int16_t)(above[x] + 2 * here[x] + below[x]);
        int16_t lower = (int16_t)(below[x] + 2 * below[x + 1] + below[x + 2]);
        int16_t upper = (int16_t)(above[x] + 2 * above[x + 1] + above[x + 2]);
        int16_t across = (int16_t)(right - left), down = (int16_t)(lower - upper);
        dx[x] = across;
        dy[x] = down;
        magnitude[x] = (int16_t)((across < 0 ? -across : across) + (down < 0 ? -down : down));
    }
}

/*
 * One row of the map: 2 if the magnitude is above `high`, 1 if above `low`, provided it is the maximum across the edge;
 * else 0.
 */
static RESHIFT_VECTOR(void, thin_row,
                      (const int16_t *restrict dx, const int16_t *restrict dy, const int16_t *restrict above,
                       const int16_t *restrict here, const int16_t *restrict below, int width, int low, int high,
                       uint8_t *restrict map),
                      (dx, dy, above, here, below, width, low, high, map))
{
    for (int x = 0; x < width; x++) {
        int m = here[x], across = dx[x] < 0 ? -dx[x] : dx[x], steep = (dy[x] < 0 ? -dy[x] : dy[x]) << 15;
        int tangent_22 = across * 13573, tangent_67 = tangent_22 + (across << 16);
        int level = steep<tangent_22, upright = steep> tangent_67, falls = (dx[x] ^ dy[x]) < 0;
        /* loads all neighbours and then selects, so that the loop vectorises */
        int left = here[x - 1], right = here[x + 1], up = above[x], down = below[x];
        int up_left = above[x - 1], up_right = above[x + 1], down_left = below[x - 1], down_right = below[x + 1];
        int a = falls ? up_right : up_left, b = (falls ? down_left : down_right) + 1; /* strictly larger */
        a = upright ? up : a;
        b = upright ? down : b;
        a = level ? left : a;
        b = level ? right : b;
        int kept = (m > low) & (m > a) & (m >= b);
        map[x] = (uint8_t)(kept + (kept & (m > high)));
    }
}

void grey_canny_inverse(const uint8_t *input, int height, int width, int low, int high, void *work, uint8_t *edges)
{
    size_t row = bordered_row(width), plane = bordered_pixels(height, width);
    int16_t *dx = work, *dy = dx + plane, *magnitude = dy + plane;
    uint8_t *bordered = (uint8_t *)(magnitude + plane), *map = bordered + plane;
    int32_t *places = (int32_t *)(void *)(map + plane);
    lay_out(input, height, width, 0, bordered);
    /* magnitudes and the map have a border of zeros: row y is at y + 1, pixel x at x + 2 */
    memset(magnitude, 0, row * sizeof *magnitude);
    memset(magnitude + (size_t)(height + 1) * row, 0, row * sizeof *magnitude);
    memset(map, 0, row);
    memset(map + (size_t)(height + 1) * row, 0, row);
    for (int y = 0; y < height; y++) {
        size_t at = (size_t)(y + 1) * row + MARGIN;
        const uint8_t *lines = bordered + (size_t)y * row;
        sobel_row(lines, lines + row, lines + 2 * row, width, dx + at, dy + at, magnitude + at);
        magnitude[at - 1] = 0;
        magnitude[at + (size_t)width] = 0;
    }
    size_t n_places = 0;
    for (int y = 0; y < height; y++) {
        size_t at = (size_t)(y + 1) * row + MARGIN;
        thin_row(dx + at, dy + at, magnitude + at - row, magnitude + at, magnitude + at + row, width, low, high,
                 map + at);
        map[at - 1] = 0;
        map[at + (size_t)width] = 0;
        for (size_t x = at; x < at + (size_t)width; x++) {
            places[n_places] = (int32_t)x;
            n_places += map[x] == 2;
        }
    }
    const ptrdiff_t around[8] = {-(ptrdiff_t)row - 1, -(ptrdiff_t)row, -(ptrdiff_t)row + 1, -1, 1,
                                 (ptrdiff_t)row - 1,  (ptrdiff_t)row,  (ptrdiff_t)row + 1};
    while (n_places > 0) {
        ptrdiff_t at = places[--n_places];
        for (int k = 0; k < 8; k++) {
            ptrdiff_t next = at + around[k];
            if (map[next] == 1) {
                map[next] = 2;
                places[n_places++] = (int32_t)next;
            }
        }
    }
    for (int y = 0; y < height; y++) {
        const uint8_t *line = map + (size_t)(y + 1) * row + MARGIN;
        for (int x = 0; x < width; x++) {
            edges[(size_t)y * (size_t)width + (size_t)x] = line[x] == 2 ? 0 : 255;
        }
    }
}

static inline int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

/*
 * Shortest distance to row `here` from the two previous rows, or 0 on a feature. The features in `here` are set before.
 */
static RESHIFT_VECTOR(void, chamfer_rows,
                      (const int32_t *restrict second, const int32_t *restrict first, int width,
                       int32_t *restrict here),
                      (second, first, width, here))
{
    for (int x = 0; x < width; x++) {
        int32_t knight = least(least(second[x - 1], second[x + 1]), least(first[x - 2], first[x + 2])) + KNIGHT;
        int32_t diagonal = least(first[x - 1], first[x + 1]) + DIAGONAL;
        here[x] = least(here[x], least(least(knight, diagonal), first[x] + STRAIGHT));
    }
}

static RESHIFT_VECTOR(void, features_row, (const uint8_t *restrict input, int width, int32_t *restrict row),
                      (input, width, row))
{
    for (int x = 0; x < width; x++) {
        row[x] = input[x] ? UNREACHED : 0;
    }
}

/* The mean of 3x3 distances computed like OpenCV: an exact sum times the float64 nearest to 1/9, in float32. */
static RESHIFT_VECTOR(void, mean_row,
                      (const int32_t *restrict above, const int32_t *restrict here, const int32_t *restrict below,
                       int width, int32_t *restrict columns, uint8_t *restrict means),
                      (above, here, below, width, columns, means))
{
    for (int x = -1; x <= width; x++) {
        columns[x] = above[x] + here[x] + below[x];
    }
    for (int x = 0; x < width; x++) {
        double sum = (double)(columns[x - 1] + columns[x] + columns[x + 1]) * 0x1p-16;
        means[x] = (uint8_t)(int)(float)(sum * (1.0 / 9));
    }
}

static RESHIFT_VECTOR(void, cut_row, (int32_t * row, int width, int32_t farthest), (row, width, farthest))
{
    for (int x = 0; x < width; x++) {
        row[x] = least(row[x], farthest);
    }
}

void grey_distance_blurred(const uint8_t *input, int height, int width, int farthest, void *work, uint8_t *distance)
{
    /* row y is at y + 2, pixel x at x + 2; one more row for column sums */
    size_t row = bordered_row(width);
    int32_t *ways = work, *first = ways + MARGIN * row + MARGIN;
    for (size_t i = 0; i < MARGIN * row; i++) {
        ways[i] = UNREACHED;
        ways[((size_t)height + MARGIN) * row + i] = UNREACHED;
    }
    for (int y = 0; y < height; y++) {
        int32_t *here = first + (size_t)y * row;
        here[-2] = here[-1] = here[width] = here[width + 1] = UNREACHED;
        features_row(input + (size_t)y * (size_t)width, width, here);
        chamfer_rows(here - 2 * row, here - row, width, here);
        for (int x = 0; x < width; x++) {
            here[x] = least(here[x], here[x - 1] + STRAIGHT);
        }
    }
    for (int y = height - 1; y >= 0; y--) {
        int32_t *here = first + (size_t)y * row;
        chamfer_rows(here + 2 * row, here + row, width, here);
        for (int x = width - 1; x >= 0; x--) {
            here[x] = least(here[x], here[x + 1] + STRAIGHT);
        }
    }
    for (int y = 0; y < height; y++) {
        int32_t *here = first + (size_t)y * row;
        int step = width > 1;
        cut_row(here, width, farthest << FIXED_BITS);
        here[-1] = here[step];
        here[width] = here[width - 1 - step];
    }
    int32_t *columns = ways + MARGIN; /* reuses the border above the image */
    for (int y = 0; y < height; y++) {
        int above = y > 0 ? y - 1 : height > 1 ? 1 : 0, below = y < height - 1 ? y + 1 : height > 1 ? height - 2 : 0;
        mean_row(first + (size_t)above * row, first + (size_t)y * row, first + (size_t)below * row, width, columns,
                 distance + (size_t)y * (size_t)width);
    }
}

void grey_equalise(uint8_t *pixels, size_t n)
{
    uint32_t counts[4][256] = {{0}}; /* four histograms, so that equal neighbours do not wait for each other */
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (int k = 0; k < 4; k++) {
            counts[k][pixels[i + (size_t)k]]++;
        }
    }
    for (; i < n; i++) {
        counts[0][pixels[i]]++;
    }
    int first = 256, last = 0;
    for (int value = 0; value < 256; value++) {
        counts[0][value] += counts[1][value] + counts[2][value] + counts[3][value];
        if (counts[0][value]) {
            first = first < value ? first : value;
            last = value;
        }
    }
    if (first >= last) {
        return; /* one value only */
    }
    float scale = (256 - 1.f) / (float)(n - counts[0][first]);
    uint8_t table[256] = {0};
    size_t sum = 0;
    for (int value = first + 1; value <= last; value++) {
        sum += counts[0][value];
        float level = rintf((float)sum * scale);
        table[value] = (uint8_t)(level > 255 ? 255 : level);
    }
    for (i = 0; i < n; i++) {
        pixels[i] = table[pixels[i]];
    }
}

static RESHIFT_VECTOR(void, filter_row,
                      (const uint8_t *restrict above, const uint8_t *restrict here, const uint8_t *restrict below,
                       const int *kernel, int width, uint8_t *restrict output),
                      (above, here, below, kernel, width, output))
{
    int16_t k[9];
    for (int i = 0; i < 9; i++) {
        k[i] = (int16_t)kernel[i];
    }
    for (int x = 0; x < width; x++) {
        int16_t sum = (int16_t)(k[0] * above[x] + k[1] * above[x + 1] + k[2] * above[x + 2] + k[3] * here[x] +
                                k[4] * here[x + 1] + k[5] * here[x + 2] + k[6] * below[x] + k[7] * below[x + 1] +
                                k[8] * below[x + 2]);
        output[x] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

void grey_filter3(const uint8_t *input, int height, int width, const int kernel[9], void *work, uint8_t *output)
{
    size_t row = bordered_row(width);
    lay_out(input, height, width, 1, work);
    for (int y = 0; y < height; y++) {
        const uint8_t *lines = (const uint8_t *)work + (size_t)y * row;
        filter_row(lines, lines + row, lines + 2 * row, kernel, width, output + (size_t)y * (size_t)width);
    }
}

/* Division by nine in 16-bit fixed point, as in OpenCV's column sum. */
static RESHIFT_VECTOR(void, blur_row,
                      (const uint8_t *restrict above, const uint8_t *restrict here, const uint8_t *restrict below,
                       int width, uint8_t *restrict output),
                      (above, here, below, width, output))
{
    for (int x = 0; x < width; x++) {
        int sum = above[x] + above[x + 1] + above[x + 2] + here[x] + here[x + 1] + here[x + 2] + below[x] +
                  below[x + 1] + below[x + 2];
        output[x] = (uint8_t)((sum + 4) * 7282 >> 16);
    }
}

void grey_blur3(const uint8_t *input, int height, int width, void *work, uint8_t *output)
{
    size_t row = bordered_row(width);
    lay_out(input, height, width, 1, work);
    for (int y = 0; y < height; y++) {
        const uint8_t *lines = (const uint8_t *)work + (size_t)y * row;
        blur_row(lines, lines + row, lines + 2 * row, width, output + (size_t)y * (size_t)width);
    }
}
