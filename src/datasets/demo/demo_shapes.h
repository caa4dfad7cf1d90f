/*
 * The demo's shapes and textures as functions of a point. A shape gives a signed distance in pixels (negative inside),
 * a texture a value from 0 to 1; both are anti-aliased by what they return, so one sample a pixel is enough.
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
    double radius, width;           /* pixels; width of lines where there are any */
    double strokes[MAX_STROKES][4]; /* x0 y0 x1 y1 in units of the radius */
} shape_pose;

typedef struct texture_pose {
    demo_texture texture;
    double period; /* pixels */
    double duty;   /* share of the period that is ink */
    double phase_x, phase_y;
    double waves[3][3]; /* blobs: direction and phase of three waves */
} texture_pose;

double shape_distance(const shape_pose *pose, double x, double y);
double texture_value(const texture_pose *pose, double x, double y);

/** From a signed distance to the covered share of a pixel. */
double coverage(double distance);

/** Sine and cosine of an angle in turns (1 is the full circle), and the angle of (x, y) in turns, 0 to 1. */
double turn_sin(double turns);
double turn_cos(double turns);
double turn_angle(double x, double y);

#endif
