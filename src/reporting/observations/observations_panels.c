/* The sentences about scatter panels: how well classes are separated, and whether fine-tuning changed that. */
#include "reporting/observations/observations.h"

#include <math.h>

/* With fewer images of a class than this, each image has a large effect on its class centre. */
#define FEW_OF_A_CLASS 5

/* Number of images shown by the points of a panel: versions of one image are not independent evidence. */
static int64_t images_of_panel(const report_content *content, const report_panel *panel)
{
    const reshift_accuracy *all = report_find(content, panel->model, panel->data, 0, REPORT_ALL);
    return all && all->n > 0 && all->n_images < panel->n ? all->n_images : panel->n;
}

static bool few_of_a_class(const report_content *content, const report_panel *panel)
{
    return images_of_panel(content, panel) < (int64_t)FEW_OF_A_CLASS * panel->separation.n_classes;
}

bool panel_too_small(const report_content *content, const report_panel *panel)
{
    return images_of_panel(content, panel) < FEW_IMAGES || few_of_a_class(content, panel);
}

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
    text_printf(text, "%s network on ",
                panel->model == REPORT_ORIGINAL ? "Original"
                : only_recalibrated(content)    ? "Recalibrated"
                                                : "Fine-tuned");
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
    const bool few = panel_too_small(content, panel);
    if (few) {
        const int64_t n_images = images_of_panel(content, panel);
        if (n_images < panel->n) {
            text_add_plural(text, panel->n, "point", "points");
            text_add(text, " of ");
        }
        text_add_plural(text, n_images, "image", "images");
        text_add(text, " in ");
        text_add_plural(text, s->n_classes, "class", "classes");
        text_add(text, n_images == 1 ? " is too few to judge separation" : " are too few to judge separation");
        text_add(text,
                 few_of_a_class(content, panel) ? ": each image is a large part of its own class's centre." : ".");
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

/* Rounds, without a sign if the result prints as 0. */
static double rounded(double value, int digits)
{
    const double scale = pow(10, digits), steps = round(value * scale);
    return steps == 0 ? 0 : steps / scale;
}

/*
 * 1 if the interval, as printed, excludes 0 in the direction of better separation, -1 for worse, else 0. A change that
 * is not visible in the printed digits gives no verdict.
 */
static int direction(const reshift_interval *change, int digits, bool smaller_is_better)
{
    const int sign = !isfinite(change->value)            ? 0
                     : rounded(change->low, digits) > 0  ? 1
                     : rounded(change->high, digits) < 0 ? -1
                                                         : 0;
    return smaller_is_better ? -sign : sign;
}

/* "; silhouette 0.00 before, 0.12 after (change +0.11 to +0.13)"; the interval is rounded as in direction() */
static void add_measure(text_buffer *text, const char *name, double before, double after,
                        const reshift_interval *change, int digits, const char *unit)
{
    if (!isfinite(before) || !isfinite(after)) {
        return;
    }
    text_printf(text, "%s %.*f%s before, %.*f%s after", name, digits, rounded(before, digits), unit, digits,
                rounded(after, digits), unit);
    if (isfinite(change->value)) {
        text_add(text, " (change ");
        text_add_signed(text, change->low, digits);
        text_add(text, " to ");
        text_add_signed(text, change->high, digits);
        text_add(text, ")");
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
    const reshift_interval overlap = in_percent(&change->overlap);
    const int signs[3] = {direction(&overlap, 1, true), direction(&change->silhouette, 2, false),
                          direction(&change->fisher, 2, false)};
    const bool few = change->n_images < FEW_IMAGES || panel_too_small(content, after);
    int n_better = 0, n_worse = 0;
    for (int i = 0; i < 3 && !few; i++) {
        n_better += signs[i] > 0;
        n_worse += signs[i] < 0;
    }
    /* one measure alone is not a verdict */
    const bool better = n_better > 1 && n_worse == 0, worse = n_worse > 1 && n_better == 0;
    text_buffer *text = observations_add(list, better ? OBSERVATION_GOOD : worse ? OBSERVATION_BAD : OBSERVATION_PLAIN);
    text_add(text, "Separation of the classes of ");
    data_words(content, data, text);
    text_add(text, " in two dimensions: ");
    if (few) { /* measures of it are artefacts of single points then */
        text_add(text, after->n_seen == after->n       ? "no unseen image is left to tell by."
                       : change->n_images == 0         ? "no interval of the change is known, so it is not judged."
                       : change->n_images < FEW_IMAGES ? "too few images to tell."
                                                       : "too few images of each class to tell.");
        return;
    }
    text_add(text, n_better > 0 && n_worse > 0 ? "the measures disagree. "
                   : better                    ? "better after than before. "
                   : worse                     ? "worse after than before. "
                   : n_better + n_worse > 0    ? "only one measure changed clearly. "
                                               : "no clear change. ");
    add_measure(text, "Overlap", reshift_percent(b->overlap, 1), reshift_percent(a->overlap, 1), &overlap, 1, " %");
    add_measure(text, "; silhouette", b->silhouette, a->silhouette, &change->silhouette, 2, "");
    add_measure(text, "; scatter between classes over scatter within", b->fisher, a->fisher, &change->fisher, 2, "");
    text_add(text, ".");
    if (after->n_seen > 0) {
        text_add(text, " The values before and after are those of all ");
        text_add_plural(text, after->n, "point", "points");
        text_add(text, "; ");
        text_add_count(text, after->n_seen);
        text_printf(text, after->n_seen == 1 ? " shows an image seen in %s" : " show images seen in %s",
                    deed_word(content));
        text_add(text, ", which may flatter those after. The changes are 95 % intervals by image, of the ");
        text_add_plural(text, change->n_images, "image", "images");
        text_add(text, " never seen.");
    } else {
        text_add(text, " The changes are 95 % intervals by image.");
    }
    add_nearest(text, content, b, a);
}
