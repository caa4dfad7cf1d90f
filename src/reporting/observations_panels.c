/* The sentences about scatter panels: how well classes are separated, and whether fine-tuning changed that. */
#include "reporting/observations.h"

#include <math.h>

/* Fewer points of a class than these: each is a large part of its own class's centre. */
#define FEW_OF_A_CLASS 5

static const char *overlap_words(double overlap)
{
    return overlap < 0.1   ? "the classes are well separated"
           : overlap < 0.3 ? "the classes overlap at their edges"
           : overlap < 0.6 ? "the classes overlap widely"
                           : "the classes largely coincide";
}

/* "cat and dog" */
static void add_pair(text_buffer *text, const report_content *content, const reshift_separation *s)
{
    text_add_class(text, content, s->nearest_a);
    text_add(text, " and ");
    text_add_class(text, content, s->nearest_b);
}

void observe_panel(const report_content *content, const report_panel *panel, observations *list)
{
    const reshift_separation *s = &panel->separation;
    text_buffer *text = observations_add(list, OBSERVATION_PLAIN);
    text_printf(text, "%s network on ", panel->model == REPORT_ORIGINAL ? "Original" : "Fine-tuned");
    data_words(content, panel->data, text);
    text_add(text, ": ");
    if (panel->n < 1) {
        text_add(text, "there are no points to judge.");
        return;
    }
    if (s->n_classes == 1 || !isfinite(s->overlap)) {
        text_add(text, s->n_classes == 1 ? "all points are of one class, so nothing can be said about separation."
                                         : "separation could not be measured.");
        text_add(text, " The two axes hold ");
        text_add_percent(text, panel->ratio[0] + panel->ratio[1], 1);
        text_add(text, " of the variance.");
        return;
    }
    const bool few = panel->n < (int64_t)FEW_OF_A_CLASS * s->n_classes;
    if (few) {
        text_add_plural(text, panel->n, "point", "points");
        text_add(text, " of ");
        text_add_count(text, s->n_classes);
        text_add(text,
                 " classes are too few to judge separation: each point is a large part of its own class's centre.");
    } else {
        text_printf(text, "%s: ", overlap_words(s->overlap));
        text_add_percent(text, s->overlap, 1);
        text_add(text, " of the points are at least as near to another class's centre as to their own");
        if (isfinite(s->silhouette)) {
            text_printf(text, " (silhouette %.2f)", s->silhouette);
        }
        text_add(text, ".");
    }
    if (isfinite(s->spread) && !few) {
        text_add(text, " Points spread ");
        text_add_spread(text, s->spread);
        text_add(text, " around their class's centre");
        if (s->widest >= 0 && isfinite(s->widest_spread)) {
            text_add(text, ", most in ");
            text_add_class(text, content, s->widest);
            text_add(text, " (");
            text_add_spread(text, s->widest_spread);
            text_add(text, ")");
        }
        text_add(text, ".");
    }
    if (s->nearest_a >= 0 && s->nearest_b >= 0 && !few) {
        text_add(text, " The closest classes are ");
        add_pair(text, content, s);
        if (isfinite(s->nearest_distance)) {
            text_printf(text, " (distance of their centres %.2f spreads)", s->nearest_distance);
        }
        text_add(text, ".");
    }
    text_add(text, " The two axes hold ");
    text_add_percent(text, panel->ratio[0] + panel->ratio[1], 1);
    text_add(text, " of the variance.");
}

static const report_panel *find_panel(const report_content *content, report_model model, report_data data)
{
    for (int i = 0; i < content->n_panels; i++) {
        if (content->panels[i].model == model && content->panels[i].data == data) {
            return &content->panels[i];
        }
    }
    return NULL;
}

/* 1: the interval excludes no change in the direction of better separation, -1: of worse, 0: it does not. */
static int direction(const reshift_interval *change, bool smaller_is_better)
{
    const int sign = !isfinite(change->value) ? 0 : change->low > 0 ? 1 : change->high < 0 ? -1 : 0;
    return smaller_is_better ? -sign : sign;
}

/* Without a sign where it prints as 0. */
static double rounded(double value, int digits)
{
    const double scale = pow(10, digits), steps = round(value * scale);
    return steps == 0 ? 0 : steps / scale;
}

/* "; silhouette 0.00 before, 0.12 after (change +0.11 to +0.13)" */
static void add_measure(text_buffer *text, const char *name, double before, double after,
                        const reshift_interval *change, int digits, const char *unit)
{
    if (!isfinite(before) || !isfinite(after)) {
        return;
    }
    text_printf(text, "%s %.*f%s before, %.*f%s after", name, digits, rounded(before, digits), unit, digits,
                rounded(after, digits), unit);
    if (isfinite(change->value)) {
        text_printf(text, " (change %+.*f to %+.*f)", digits, rounded(change->low, digits), digits,
                    rounded(change->high, digits));
    }
}

/* Overlap in per cent. */
static reshift_interval in_percent(const reshift_interval *i)
{
    return (reshift_interval){reshift_percent(i->value, 1), reshift_percent(i->low, 1), reshift_percent(i->high, 1)};
}

static void add_nearest(text_buffer *text, const report_content *content, const reshift_separation *b,
                        const reshift_separation *a)
{
    if (b->nearest_a < 0 || a->nearest_a < 0 || !isfinite(b->nearest_distance) || !isfinite(a->nearest_distance)) {
        return;
    }
    const bool same = b->nearest_a == a->nearest_a && b->nearest_b == a->nearest_b;
    text_add(text, same ? " The closest classes are " : " The closest classes were ");
    add_pair(text, content, b);
    if (same) {
        text_printf(text, " before and after (distance of their centres %.2f, then %.2f spreads).", b->nearest_distance,
                    a->nearest_distance);
    } else {
        text_printf(text, " (distance of their centres %.2f spreads) and are now ", b->nearest_distance);
        add_pair(text, content, a);
        text_printf(text, " (%.2f).", a->nearest_distance);
    }
}

void observe_change(const report_content *content, report_data data, observations *list)
{
    const report_panel *before = find_panel(content, REPORT_ORIGINAL, data),
                       *after = find_panel(content, REPORT_FINETUNED, data);
    if (!before || !after || !isfinite(before->separation.overlap) || !isfinite(after->separation.overlap)) {
        return;
    }
    const reshift_separation *b = &before->separation, *a = &after->separation;
    const reshift_separation_change *change = &after->change;
    const int signs[3] = {direction(&change->overlap, true), direction(&change->silhouette, false),
                          direction(&change->fisher, false)};
    const bool few = change->n_images < FEW_IMAGES || after->n < (int64_t)FEW_OF_A_CLASS * a->n_classes;
    int n_better = 0, n_worse = 0;
    for (int i = 0; i < 3 && !few; i++) {
        n_better += signs[i] > 0;
        n_worse += signs[i] < 0;
    }
    /* one measure alone is no verdict */
    const bool better = n_better > 1 && n_worse == 0, worse = n_worse > 1 && n_better == 0;
    text_buffer *text = observations_add(list, better ? OBSERVATION_GOOD : worse ? OBSERVATION_BAD : OBSERVATION_PLAIN);
    text_add(text, "Separation of the classes of ");
    data_words(content, data, text);
    text_add(text, " in two dimensions: ");
    text_add(text, n_better > 0 && n_worse > 0     ? "the measures disagree. "
                   : better                        ? "better after than before. "
                   : worse                         ? "worse after than before. "
                   : n_better + n_worse > 0        ? "only one measure changed clearly. "
                   : !few                          ? "no clear change. "
                   : change->n_images < FEW_IMAGES ? "too few images to tell. "
                                                   : "too few points of each class to tell. ");
    const reshift_interval overlap = in_percent(&change->overlap), none = {NAN, NAN, NAN};
    add_measure(text, "Overlap", reshift_percent(b->overlap, 1), reshift_percent(a->overlap, 1), few ? &none : &overlap,
                1, " %");
    add_measure(text, "; silhouette", b->silhouette, a->silhouette, few ? &none : &change->silhouette, 2, "");
    add_measure(text, "; scatter between classes over scatter within", b->fisher, a->fisher,
                few ? &none : &change->fisher, 2, "");
    text_add(text, ".");
    if (!few) {
        text_add(text, " The changes are 95 % intervals by image");
        if (after->n_seen > 0) {
            text_add(text, ", of ");
            text_add_plural(text, change->n_images, "image", "images");
            text_add(text, " never seen in fine-tuning");
        }
        text_add(text, ".");
    }
    if (!few) {
        add_nearest(text, content, b, a);
    }
    if (after->n_seen > 0) {
        text_add(text, " ");
        text_add_count(text, after->n_seen);
        text_add(text, " of the ");
        text_add_count(text, after->n);
        text_add(text, " points show images seen in fine-tuning, which may flatter the picture after it.");
    }
}
