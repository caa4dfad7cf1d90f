/*
 * Shapes by signed distance (the star's formula after Inigo Quilez, "2D distance functions"), textures by the distance
 * to the nearest edge of their pattern. Trigonometric functions are our own polynomials; demo_draw.h explains why.
 */
#include "datasets/demo/demo_shapes.h"

#include <math.h>

static double minimum(double a, double b) { return a < b ? a : b; }
static double maximum(double a, double b) { return a > b ? a : b; }
static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }
static double absolute(double x) { return x < 0 ? -x : x; }
static double length(double x, double y) { return sqrt(x * x + y * y); }
static double fraction(double x) { return x - floor(x); }

double coverage(double distance) { return clamp(0.5 - distance, 0.0, 1.0); }

/* Taylor series on a quarter turn, where its error is below 1e-9. */
double turn_sin(double turns)
{
    double t = fraction(turns), sign = 1.0;
    if (t >= 0.5) {
        t -= 0.5;
        sign = -1.0;
    }
    if (t > 0.25) {
        t = 0.5 - t;
    }
    double x = t * 6.283185307179586, x2 = x * x;
    double series = x * (1 - x2 / 6 * (1 - x2 / 20 * (1 - x2 / 42 * (1 - x2 / 72 * (1 - x2 / 110)))));
    return sign * series;
}

double turn_cos(double turns) { return turn_sin(turns + 0.25); }

/* atan(q) for 0 <= q <= 1 within 1e-5 turns (Abramowitz & Stegun 4.4.49), extended to the full circle. */
double turn_angle(double x, double y)
{
    double ax = absolute(x), ay = absolute(y);
    double large = maximum(ax, ay), small = minimum(ax, ay);
    double q = large > 0 ? small / large : 0, q2 = q * q;
    double turns =
        q * (0.9998660 + q2 * (-0.3302995 + q2 * (0.1801410 + q2 * (-0.0851330 + q2 * 0.0208351)))) / 6.283185307179586;
    turns = ay > ax ? 0.25 - turns : turns;
    turns = x < 0 ? 0.5 - turns : turns;
    return y < 0 ? 1.0 - turns : turns;
}

static double box(double x, double y, double a, double b) { return maximum(absolute(x) - a, absolute(y) - b); }

/* A regular polygon of n sides with this inner radius. */
static double polygon(double x, double y, int n, double inner_radius)
{
    double distance = -1e9;
    for (int i = 0; i < n; i++) {
        double turns = (double)i / n + 0.25;
        distance = maximum(distance, x * turn_cos(turns) + y * turn_sin(turns) - inner_radius);
    }
    return distance;
}

static double star(double x, double y, double radius, double depth)
{
    const double kx = 0.809016994375, ky = -0.587785252292;
    x = absolute(x);
    double fold = 2.0 * maximum(kx * x + ky * y, 0.0);
    x -= fold * kx;
    y -= fold * ky;
    fold = 2.0 * maximum(-kx * x + ky * y, 0.0);
    x -= fold * -kx;
    y -= fold * ky;
    x = absolute(x);
    y -= radius;
    double bx = depth * -ky, by = depth * kx - 1.0;
    double h = clamp((x * bx + y * by) / (bx * bx + by * by), 0.0, radius);
    double away = length(x - bx * h, y - by * h);
    return y * bx - x * by < 0 ? -away : away;
}

static double segment(double x, double y, const double ends[4], double scale)
{
    double x0 = ends[0] * scale, y0 = ends[1] * scale, dx = ends[2] * scale - x0, dy = ends[3] * scale - y0;
    double h = clamp(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0.0, 1.0);
    return length(x - x0 - h * dx, y - y0 - h * dy);
}

static double strokes(const shape_pose *pose, double x, double y)
{
    double distance = 1e9;
    for (int i = 0; i < MAX_STROKES; i++) {
        distance = minimum(distance, segment(x, y, pose->strokes[i], pose->radius));
    }
    return distance - pose->width / 2;
}

/* A little more than two turns of an Archimedean spiral: the radial distance to the nearest arm. */
static double spiral(const shape_pose *pose, double x, double y)
{
    double pitch = pose->radius / 2.2, from_centre = length(x, y);
    double arm = fraction(from_centre / pitch - turn_angle(x, y)) - 0.5;
    return maximum(absolute(arm) * pitch - pose->width / 2, from_centre - pose->radius);
}

double shape_distance(const shape_pose *pose, double x, double y)
{
    double r = pose->radius, w = pose->width;
    switch (pose->shape) {
    case SHAPE_DISC: return length(x, y) - r;
    case SHAPE_RING: return absolute(length(x, y) - r + w / 2) - w / 2;
    case SHAPE_SQUARE: return box(x, y, 0.84 * r, 0.84 * r);
    case SHAPE_TRIANGLE: return polygon(x, y, 3, 0.58 * r);
    case SHAPE_STAR: return star(x, y, 1.15 * r, 0.45);
    case SHAPE_CROSS: return minimum(box(x, y, r, 0.32 * r), box(x, y, 0.32 * r, r));
    case SHAPE_HEXAGON: return polygon(x, y, 6, 0.9 * r);
    case SHAPE_CRESCENT: return maximum(length(x, y) - r, 0.85 * r - length(x - 0.5 * r, y));
    case SHAPE_ARROW: return minimum(polygon(x, y + 0.35 * r, 3, 0.36 * r), box(x, y - 0.5 * r, 0.2 * r, 0.6 * r));
    case SHAPE_STROKES: return strokes(pose, x, y);
    case SHAPE_SPIRAL: return spiral(pose, x, y);
    }
    return 1e9;
}

/* Signed distance to the edge of the nearest stripe of a pattern with this period; negative inside stripes. */
static double ruling(double x, double period, double duty)
{
    double t = absolute(fraction(x / period) - 0.5);
    return (t - duty / 2) * period;
}

static double checks(double x, double y, double period)
{
    double a = clamp(2 * ruling(x, period, 0.5), -1, 1), b = clamp(2 * ruling(y, period, 0.5), -1, 1);
    return 0.5 + 0.5 * a * b;
}

static double dots(double x, double y, double period, double duty)
{
    double row = floor(y / period);
    double shift = fraction(row / 2) * period; /* every other row is shifted by half a cell */
    double u = (fraction((x + shift) / period) - 0.5) * period, v = (fraction(y / period) - 0.5) * period;
    return coverage(length(u, v) - duty * period / 2 - 0.1 * period);
}

static double diamonds(double x, double y, double period)
{
    double u = absolute(fraction(x / (0.8 * period)) - 0.5) * 0.8 * period;
    double v = absolute(fraction(y / (1.5 * period)) - 0.5) * 1.5 * period;
    return coverage((u / 0.8 + v / 1.5 - period / 2) * 0.7);
}

static double bricks(double x, double y, double period, double line)
{
    double row = floor(y / period);
    double shift = fraction(row / 2) * 2 * period; /* half a brick, which is two rows long */
    double across = absolute(fraction(y / period) - 0.5) * period;
    double along = absolute(fraction((x + shift) / (2 * period)) - 0.5) * 2 * period;
    double to_joint = minimum(period / 2 - across, period - along);
    return coverage(to_joint - line / 2);
}

static double blobs(const texture_pose *pose, double x, double y)
{
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        const double *w = pose->waves[i];
        sum += turn_sin((x * w[0] + y * w[1]) / (1.6 * pose->period) + w[2]);
    }
    return clamp(0.5 + 0.6 * sum, 0, 1);
}

double texture_value(const texture_pose *pose, double x, double y)
{
    double p = pose->period, duty = pose->duty;
    x += pose->phase_x;
    y += pose->phase_y;
    switch (pose->texture) {
    case TEXTURE_NONE: return 0;
    case TEXTURE_STRIPES: return coverage(ruling(x, p, duty));
    case TEXTURE_CHECKS: return checks(x, y, 1.3 * p);
    case TEXTURE_DOTS: return dots(x, y, p, duty);
    case TEXTURE_WAVES: return coverage(ruling(x + 0.45 * p * turn_sin(y / (2.4 * p)), p, duty));
    case TEXTURE_GRID: return coverage(minimum(ruling(x, 1.3 * p, 0.3), ruling(y, 1.3 * p, 0.3)));
    case TEXTURE_DIAMONDS: return diamonds(x, y, p);
    case TEXTURE_ZIGZAG: return coverage(0.75 * ruling(x + 2.0 * p * absolute(fraction(y / (2.4 * p)) - 0.5), p, duty));
    case TEXTURE_BRICKS: return bricks(x, y, p, 0.3 * p);
    case TEXTURE_BLOBS: return blobs(pose, x, y);
    }
    return 0;
}
