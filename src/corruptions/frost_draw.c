/*
 * Procedural frost, used when the photographs have not been downloaded: a layer of fractal noise with feathers of ice
 * on top, each a stem with barbs on both sides at the 60 degrees of the crystal, lit from the upper left. Five settings
 * correspond to the five photographs, with similar brightness and contrast. Only sums, products and square roots in a
 * fixed order are used, so that every machine draws the same pixels. The random draws are keyed by the overlay alone.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "corruptions/frost.h"

enum { H = FROST_DRAWN_HEIGHT, W = FROST_DRAWN_WIDTH, OCTAVES = 6, COARSEST_CELL_PX = 192 };

typedef struct frost_style {
    int feathers;
    float shortest_px, longest_px; /* of a stem */
    float veil, ice, relief;       /* weights of the three parts of the tone, 0..1 */
    float tilt, roughness;   /* of the noise layer: stretch along a diagonal, amplitude ratio of successive octaves */
    float dark[3], light[3]; /* colours of tone 0 and 1 */
} frost_style;

static const frost_style styles[FROST_OVERLAYS] = {
    {700, 12, 60, 0.68f, 0.12f, 0.30f, 3, 0.85f, {8, 96, 118}, {190, 226, 232}},
    {700, 30, 130, 0.50f, 0.52f, 0.55f, 1, 0.7f, {140, 144, 152}, {252, 254, 255}},
    {900, 20, 100, 0.55f, 0.50f, 0.55f, 2, 0.7f, {142, 145, 152}, {252, 254, 255}},
    {1000, 10, 60, 0.50f, 0.45f, 0.70f, 1, 0.75f, {62, 78, 92}, {232, 246, 255}},
    {800, 14, 80, 0.45f, 0.70f, 0.80f, 1, 0.65f, {18, 32, 48}, {238, 246, 255}},
};

static float draw_between(random_stream *stream, float low, float high)
{
    return low + (high - low) * (float)random_uniform(stream);
}

/* Noise of one octave: random values on a lattice with smoothstep interpolation. */
static void add_octave(random_stream *stream, float cell_px, float amplitude, float tilt, float *tone)
{
    /* (u, v) are (x, y) rotated by 45 degrees and compressed along v, then shifted to be positive */
    enum { SIDE = 512, MASK = SIDE - 1 };
    uint32_t salt = random_u32(stream);
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            float u = (float)(x - y + H) / cell_px, v = (float)(x + y) / (cell_px * tilt);
            int iu = (int)u, iv = (int)v;
            float fu = u - (float)iu, fv = v - (float)iv;
            float corner[4];
            for (int k = 0; k < 4; k++) {
                uint32_t hash = salt ^ ((uint32_t)((iu + (k & 1)) & MASK) * SIDE + (uint32_t)((iv + (k >> 1)) & MASK));
                hash = (hash ^ hash >> 15) * 0x2c1b3c6du;
                hash = (hash ^ hash >> 12) * 0x297a2d39u;
                corner[k] = (float)(hash >> 16) * 0x1p-16f;
            }
            float su = fu * fu * (3 - 2 * fu), sv = fv * fv * (3 - 2 * fv);
            float upper = corner[0] + su * (corner[1] - corner[0]), lower = corner[2] + su * (corner[3] - corner[2]);
            tone[y * W + x] += amplitude * (upper + sv * (lower - upper));
        }
    }
}

/*
 * A straight needle that gets thinner and darker by `fading` towards its tip. Where needles cross, the brighter one
 * wins.
 */
static void draw_needle(float *ice, float x, float y, float dx, float dy, float length_px, float width_px,
                        float brightness, float fading)
{
    for (float along = 0; along < length_px; along += 0.75f, x += 0.75f * dx, y += 0.75f * dy) {
        float left = 1 - fading * (along / length_px), radius = 0.5f + width_px * left;
        for (int py = (int)(y - radius); py <= (int)(y + radius) + 1; py++) {
            for (int px = (int)(x - radius); px <= (int)(x + radius) + 1; px++) {
                if (py < 0 || py >= H || px < 0 || px >= W) {
                    continue;
                }
                float away =
                    (((float)px - x) * ((float)px - x) + ((float)py - y) * ((float)py - y)) / (radius * radius);
                float value = brightness * (0.35f + 0.65f * left) * (1 - away);
                float *pixel = &ice[py * W + px];
                *pixel = value > *pixel ? value : *pixel;
            }
        }
    }
}

static void draw_feather(random_stream *stream, const frost_style *style, float *ice)
{
    const float cosine = 0.5f, sine = 0.8660254f; /* 60 degrees */
    float x = draw_between(stream, -20, W + 20), y = draw_between(stream, -20, H + 20);
    float dx, dy, square; /* a random direction: a point of the disk, normalised */
    do {
        dx = draw_between(stream, -1, 1);
        dy = draw_between(stream, -1, 1);
        square = dx * dx + dy * dy;
    } while (square > 1 || square < 0.01f);
    dx /= sqrtf(square);
    dy /= sqrtf(square);
    float share = draw_between(stream, 0, 1);
    float length = style->shortest_px + (style->longest_px - style->shortest_px) * share * share;
    float brightness = draw_between(stream, 0.45f, 1), barb = draw_between(stream, 0.25f, 0.5f);
    float bend = draw_between(stream, -0.012f, 0.012f);
    for (float along = 0, step; along < length; along += step) {
        step = draw_between(stream, 2.5f, 6);
        float left = 1 - along / length, reach = barb * length * left, side = 0.7f + 0.5f * left;
        draw_needle(ice, x, y, dx, dy, step + 1, 0.3f + 1.3f * left, brightness * (0.5f + 0.5f * left), 0);
        for (int hand = -1; hand <= 1; hand += 2) {
            float across = (float)hand * sine, here = reach * draw_between(stream, 0.35f, 1);
            float bx = dx * cosine - dy * across, by = dx * across + dy * cosine;
            float lit = brightness * (hand < 0 ? 0.65f : 0.9f) * draw_between(stream, 0.7f, 1);
            draw_needle(ice, x, y, bx, by, here, side, lit, 1);
            if (here > 14) { /* a long barb is a feather itself, with needles parallel to the stem */
                for (float at = 5; at < here - 4; at += 5) {
                    draw_needle(ice, x + at * bx, y + at * by, dx, dy, 0.4f * (here - at), 0.5f, 0.8f * lit, 1);
                }
            }
        }
        x += step * dx;
        y += step * dy;
        float turned = dx - step * bend * dy;
        dy += step * bend * dx;
        dx = turned;
    }
}

reshift_status frost_draw(int number, reshift_image *overlay, reshift_error *error)
{
    const frost_style *style = &styles[number];
    reshift_status status = reshift_image_resize(overlay, H, W, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t bytes = 2 * (size_t)H * W * sizeof(float);
    float *tone = memory_allocate(bytes);
    if (!tone) {
        return error_memory(error, bytes, "a drawn frost overlay");
    }
    float *ice = tone + (size_t)H * W;
    random_stream stream = random_open(0, "frost_overlay", (uint64_t)number, 0);
    float cell_px = COARSEST_CELL_PX, amplitude = 1 - style->roughness * 0.8f;
    for (int octave = 0; octave < OCTAVES; octave++, cell_px *= 0.5f, amplitude *= style->roughness) {
        add_octave(&stream, cell_px, amplitude, style->tilt, tone);
    }
    for (int i = 0; i < style->feathers; i++) {
        draw_feather(&stream, style, ice);
    }
    for (int y = 0; y < H; y++) {
        int above = y > 0 ? y - 1 : 0, below = y < H - 1 ? y + 1 : y;
        for (int x = 0; x < W; x++) {
            int before = x > 0 ? x - 1 : 0, after = x < W - 1 ? x + 1 : x;
            float light = ice[below * W + after] - ice[above * W + before];
            float value = style->veil * tone[y * W + x] + style->ice * ice[y * W + x] + style->relief * 0.5f * light;
            value = value < 0 ? 0 : value > 1 ? 1 : value;
            uint8_t *pixel = overlay->pixels + 3 * ((size_t)y * W + (size_t)x);
            for (int c = 0; c < 3; c++) {
                pixel[c] = (uint8_t)(style->dark[c] + (style->light[c] - style->dark[c]) * value + 0.5f);
            }
        }
    }
    memory_free(tone);
    return RESHIFT_OK;
}
