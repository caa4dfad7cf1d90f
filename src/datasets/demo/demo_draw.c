/*
 * Draws a picture of the demo: a two-colour background with faint clutter, one object (a plain shape, or a patch of
 * some outline filled with a texture), then noise. Some classes deliberately differ only in fine detail, thin lines and
 * stripes of a few pixels: a blur of one pixel removes it, as it removes the fur and feathers of photographs.
 */
#include "datasets/demo/demo_draw.h"

#include <math.h>
#include <stdbool.h>

#include "base/random.h"
#include "datasets/demo/demo_shapes.h"

const char *const demo_class_names[2][DEMO_CLASSES] = {
    {"circle", "ring", "square", "triangle", "star", "cross", "stripes", "checks", "dots", "waves"},
    {"hexagon", "crescent", "arrow", "strokes", "spiral", "grid", "diamonds", "zigzag", "bricks", "blobs"},
};

typedef struct class_rule {
    demo_shape shape;
    demo_texture texture; /* if not NONE, the texture is the class and the outline is arbitrary */
} class_rule;

static const class_rule rules[2][DEMO_CLASSES] = {
    {{SHAPE_DISC, TEXTURE_NONE},
     {SHAPE_RING, TEXTURE_NONE},
     {SHAPE_SQUARE, TEXTURE_NONE},
     {SHAPE_TRIANGLE, TEXTURE_NONE},
     {SHAPE_STAR, TEXTURE_NONE},
     {SHAPE_CROSS, TEXTURE_NONE},
     {SHAPE_DISC, TEXTURE_STRIPES},
     {SHAPE_DISC, TEXTURE_CHECKS},
     {SHAPE_DISC, TEXTURE_DOTS},
     {SHAPE_DISC, TEXTURE_WAVES}},
    {{SHAPE_HEXAGON, TEXTURE_NONE},
     {SHAPE_CRESCENT, TEXTURE_NONE},
     {SHAPE_ARROW, TEXTURE_NONE},
     {SHAPE_STROKES, TEXTURE_NONE},
     {SHAPE_SPIRAL, TEXTURE_NONE},
     {SHAPE_DISC, TEXTURE_GRID},
     {SHAPE_DISC, TEXTURE_DIAMONDS},
     {SHAPE_DISC, TEXTURE_ZIGZAG},
     {SHAPE_DISC, TEXTURE_BRICKS},
     {SHAPE_DISC, TEXTURE_BLOBS}},
};

/* Parameters of the difficulty, in pixels and as fractions of full intensity. */
static const double period_min = 3.4, period_max = 6.5;       /* of textures */
static const double line_min = 1.3, line_max = 2.6;           /* of thin lines */
static const double contrast_min = 0.14, contrast_max = 0.45; /* object against background, in brightness */
static const double noise_min = 0.008, noise_max = 0.03;

enum { MAX_CLUTTER = 6 };

typedef struct colour {
    double rgb[3];
} colour;

typedef struct frame {
    double x, y, cos, sin; /* centre and rotation */
} frame;

typedef struct clutter {
    shape_pose pose;
    frame frame;
    colour ink;
    double strength;
} clutter;

typedef struct scene {
    colour ground[2], figure[2];
    double ground_turn_x, ground_turn_y; /* direction of the background's gradient */
    frame frame, texture_frame;
    shape_pose shape;
    texture_pose texture;
    clutter clutter[MAX_CLUTTER];
    int n_clutter;
    double noise;
} scene;

static double between(random_stream *r, double low, double high) { return low + (high - low) * random_uniform(r); }

static double brightness(const colour *c) { return 0.3 * c->rgb[0] + 0.59 * c->rgb[1] + 0.11 * c->rgb[2]; }

/* A colour of random hue and up to this saturation, adjusted to the wanted brightness. */
static colour draw_colour(random_stream *r, double wanted, double strongest)
{
    double hue = random_uniform(r), strength = between(r, 0.2, 1.0) * strongest;
    colour c;
    for (int i = 0; i < 3; i++) {
        c.rgb[i] = strength * turn_cos(hue + i / 3.0);
    }
    double shift = wanted - brightness(&c);
    for (int i = 0; i < 3; i++) {
        double value = c.rgb[i] + shift;
        c.rgb[i] = value < 0 ? 0 : value > 1 ? 1 : value;
    }
    return c;
}

static colour mix(const colour *a, const colour *b, double share)
{
    colour c;
    for (int i = 0; i < 3; i++) {
        c.rgb[i] = a->rgb[i] + share * (b->rgb[i] - a->rgb[i]);
    }
    return c;
}

static frame draw_frame(random_stream *r, double jitter, double max_turn)
{
    double turn = between(r, -max_turn, max_turn);
    frame f;
    f.x = DEMO_SIDE / 2.0 + between(r, -jitter, jitter);
    f.y = DEMO_SIDE / 2.0 + between(r, -jitter, jitter);
    f.cos = turn_cos(turn);
    f.sin = turn_sin(turn);
    return f;
}

static void draw_strokes(random_stream *r, shape_pose *pose)
{
    double x = between(r, -1, 1), y = between(r, -1, 1);
    for (int i = 0; i < MAX_STROKES; i++) {
        double turn = random_uniform(r), reach = between(r, 0.7, 1.3);
        double nx = x + reach * turn_cos(turn), ny = y + reach * turn_sin(turn);
        nx = nx > 1 ? 1 : nx < -1 ? -1 : nx;
        ny = ny > 1 ? 1 : ny < -1 ? -1 : ny;
        if (fabs(nx - x) + fabs(ny - y) < 0.4) { /* reached the border: turn back towards the centre */
            nx = -0.7 * x;
            ny = -0.7 * y + 0.3;
        }
        pose->strokes[i][0] = x;
        pose->strokes[i][1] = y;
        pose->strokes[i][2] = x = nx;
        pose->strokes[i][3] = y = ny;
    }
}

/* A random outline: it gives no information about the class of a texture. */
static demo_shape draw_outline(random_stream *r)
{
    static const demo_shape outlines[] = {SHAPE_DISC,     SHAPE_SQUARE, SHAPE_HEXAGON,
                                          SHAPE_TRIANGLE, SHAPE_DISC,   SHAPE_SQUARE};
    return outlines[random_below(r, sizeof outlines / sizeof *outlines)];
}

static void draw_texture(random_stream *r, texture_pose *t)
{
    t->period = between(r, period_min, period_max);
    t->duty = between(r, 0.38, 0.58);
    t->phase_x = between(r, 0, 40);
    t->phase_y = between(r, 0, 40);
    double turn = random_uniform(r);
    for (int i = 0; i < 3; i++) {
        double direction = turn + i / 3.0 + between(r, -0.08, 0.08);
        t->waves[i][0] = turn_cos(direction);
        t->waves[i][1] = turn_sin(direction);
        t->waves[i][2] = random_uniform(r);
    }
}

static void draw_clutter(random_stream *r, scene *s, double ground_brightness)
{
    static const demo_shape kinds[] = {SHAPE_DISC, SHAPE_SQUARE, SHAPE_STROKES, SHAPE_TRIANGLE, SHAPE_RING};
    s->n_clutter = 2 + (int)random_below(r, MAX_CLUTTER - 1);
    for (int i = 0; i < s->n_clutter; i++) {
        clutter *c = &s->clutter[i];
        c->pose.shape = kinds[random_below(r, sizeof kinds / sizeof *kinds)];
        c->pose.radius = between(r, 2, 9);
        c->pose.width = between(r, 1, 2.5);
        draw_strokes(r, &c->pose);
        c->frame = draw_frame(r, 16, 0.5);
        double wanted = ground_brightness + between(r, -0.2, 0.2);
        c->ink = draw_colour(r, wanted, 0.4);
        c->strength = between(r, 0.2, 0.6);
    }
}

static void draw_scene(random_stream *r, const class_rule *rule, scene *s)
{
    double contrast = between(r, contrast_min, contrast_max);
    double ground = between(r, 0.15, 0.85);
    double figure = random_uniform(r) < 0.5 ? ground - contrast : ground + contrast;
    figure = figure < 0.05 ? ground + contrast : figure > 0.95 ? ground - contrast : figure;
    s->ground[0] = draw_colour(r, ground + between(r, -0.08, 0.08), 0.22);
    s->ground[1] = draw_colour(r, ground + between(r, -0.08, 0.08), 0.22);
    s->figure[0] = draw_colour(r, figure, 0.45);
    s->figure[1] = draw_colour(r, figure, 0.45);
    s->figure[1] = mix(&s->figure[0], &s->figure[1], 0.5);
    double turn = random_uniform(r);
    s->ground_turn_x = turn_cos(turn);
    s->ground_turn_y = turn_sin(turn);

    s->shape.shape = rule->texture == TEXTURE_NONE ? rule->shape : draw_outline(r);
    s->shape.radius = rule->texture == TEXTURE_NONE ? between(r, 6.0, 12.5) : between(r, 8.0, 15.0);
    s->shape.width = between(r, line_min, line_max);
    draw_strokes(r, &s->shape);
    s->frame = draw_frame(r, 4.5, 0.5);
    s->texture.texture = rule->texture;
    draw_texture(r, &s->texture);
    s->texture_frame = draw_frame(r, 2, 0.5);
    draw_clutter(r, s, ground);
    s->noise = between(r, noise_min, noise_max);
}

static double distance_at(const shape_pose *pose, const frame *f, double x, double y)
{
    double dx = x - f->x, dy = y - f->y;
    return shape_distance(pose, dx * f->cos + dy * f->sin, dy * f->cos - dx * f->sin);
}

static colour colour_at(const scene *s, double x, double y)
{
    double along = ((x - 16) * s->ground_turn_x + (y - 16) * s->ground_turn_y) / 40 + 0.5;
    colour c = mix(&s->ground[0], &s->ground[1], along);
    for (int i = 0; i < s->n_clutter; i++) {
        const clutter *k = &s->clutter[i];
        c = mix(&c, &k->ink, k->strength * coverage(distance_at(&k->pose, &k->frame, x, y)));
    }
    double ink = coverage(distance_at(&s->shape, &s->frame, x, y));
    if (ink > 0) {
        colour figure = mix(&s->figure[0], &s->figure[1], along);
        if (s->texture.texture != TEXTURE_NONE) {
            double dx = x - s->texture_frame.x, dy = y - s->texture_frame.y;
            double value = texture_value(&s->texture, dx * s->texture_frame.cos + dy * s->texture_frame.sin,
                                         dy * s->texture_frame.cos - dx * s->texture_frame.sin);
            figure = mix(&c, &figure, value);
        }
        c = mix(&c, &figure, ink);
    }
    return c;
}

/* Approximately normal: sum of four bytes, with mean 510 and standard deviation sqrt(4 (256^2 - 1) / 12). */
static double noise(random_stream *r)
{
    uint32_t draw = random_u32(r);
    double sum = (double)((draw & 255) + (draw >> 8 & 255) + (draw >> 16 & 255) + (draw >> 24));
    return (sum - 510.0) / 147.80053;
}

static uint8_t quantise(double value)
{
    double level = floor(value * 255.0 + 0.5);
    return level < 0 ? 0 : level > 255 ? 255 : (uint8_t)level;
}

static const char *const purposes[2] = {"demo-target", "demo-source"};
static const char *const label_purposes[2] = {"demo-target-labels", "demo-source-labels"};

int demo_label(demo_set set, uint64_t seed, int split, int64_t index)
{
    int64_t order[DEMO_CLASSES];
    random_stream r = random_open(seed, label_purposes[set], (uint64_t)split, (uint64_t)(index / DEMO_CLASSES));
    random_permutation(&r, order, DEMO_CLASSES);
    return (int)order[index % DEMO_CLASSES];
}

void demo_draw(demo_set set, uint64_t seed, int split, int64_t index, int label, uint8_t *rgb)
{
    scene s = {0};
    random_stream r = random_open(seed, purposes[set], (uint64_t)split, (uint64_t)index);
    draw_scene(&r, &rules[set][label], &s);
    for (int y = 0; y < DEMO_SIDE; y++) {
        for (int x = 0; x < DEMO_SIDE; x++) {
            colour c = colour_at(&s, x + 0.5, y + 0.5);
            for (int i = 0; i < 3; i++) {
                *rgb++ = quantise(c.rgb[i] + s.noise * noise(&r));
            }
        }
    }
}
