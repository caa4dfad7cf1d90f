/*
 * The demo's shapes and textures as functions of a point. A shape returns a signed distance in pixels (negative
 * inside), a texture a value from 0 to 1. Both are anti-aliased, so one sample per pixel is enough.
 */
#ifndef DATASETS_DEMO_DEMO_SHAPES_H
#define DATASETS_DEMO_DEMO_SHAPES_H

typedef enum demo_shape {
    SHAPE_DISC,
    SHAPE_RING,
    SHAPE_SQUARE,
    SHAPE_TRIANGLE,
    SHAPE_STAR,
    SHAPE_CROSS,
    SHAPE_HEXAGON,
    SHAPE_CRESCENT,
    SHAPE_ARROW,
    SHAPE_STROKES,
    SHAPE_SPIRAL
} demo_shape;

typedef enum demo_texture {
    TEXTURE_NONE,
    TEXTURE_STRIPES,
    TEXTURE_CHECKS,
    TEXTURE_DOTS,
    TEXTURE_WAVES,
    TEXTURE_GRID,
    TEXTURE_DIAMONDS,
    TEXTURE_ZIGZAG,
    TEXTURE_BRICKS,
    TEXTURE_BLOBS
} demo_texture;

enum { MAX_STROKES = 4 };

typedef struct shape_pose {
    demo_shape shape;
    double radius, width;           /* pixels; `width` is that of lines */
    double strokes[MAX_STROKES][4]; /* x0 y0 x1 y1 in units of the radius */
} shape_pose;

typedef struct texture_pose {
    demo_texture texture;
    double period; /* pixels */
    double duty;   /* fraction of the period that is covered */
    double phase_x, phase_y;
    double waves[3][3]; /* blobs: direction and phase of three waves */
} texture_pose;

double shape_distance(const shape_pose *pose, double x, double y);
double texture_value(const texture_pose *pose, double x, double y);

/** Converts a signed distance to the covered fraction of a pixel. */
double coverage(double distance);

/** Sine and cosine of an angle in turns (1 is the full circle), and the angle of (x, y) in turns, 0 to 1. */
double turn_sin(double turns);
double turn_cos(double turns);
double turn_angle(double x, double y);

#endif
