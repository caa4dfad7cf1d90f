/* The sentences about scatter panels: how classes lie in each, and what fine-tuning changed. */
#include "reporting/observations.h"

#include <math.h>

static const char *overlap_words(double overlap)
{
    return overlap < 0.1   ? "the classes stand well apart"
           : overlap < 0.3 ? "the classes overlap at their edges"
           : overlap < 0.6 ? "the classes overlap widely"
                           : "the classes lie largely on top of one another";
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
    if (panel->n < 1 || !isfinite(s->overlap)) {
        text_add(text, "there are no points to judge.");
        return;
    }
    text_printf(text, "%s: %.1f %% of the points lie nearer to another class's centre than to their own",
                overlap_words(s->overlap), 100 * s->overlap);
    if (isfinite(s->silhouette)) {
        text_printf(text, " (silhouette %.2f)", s->silhouette);
    }
    text_add(text, ".");
    if (isfinite(s->spread)) {
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
    if (s->nearest_a >= 0 && s->nearest_b >= 0) {
        text_add(text, " Nearest to each other are ");
        add_pair(text, content, s);
        if (isfinite(s->nearest_distance)) {
            text_printf(text, ", %.2f spreads apart", s->nearest_distance);
        }
        text_add(text, ".");
    }
    text_printf(text, " The two axes hold %.1f %% of the variance.", 100 * (panel->ratio[0] + panel->ratio[1]));
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

/* Sign of a change that two printed decimals show: 1 up, -1 down, 0 neither. */
static int direction(double before, double after, double visible)
{
    return after - before >= visible ? 1 : before - after >= visible ? -1 : 0;
}

void observe_change(const report_content *content, report_data data, observations *list)
{
    const report_panel *before = find_panel(content, REPORT_ORIGINAL, data),
                       *after = find_panel(content, REPORT_FINETUNED, data);
    if (!before || !after || !isfinite(before->separation.overlap) || !isfinite(after->separation.overlap)) {
        return;
    }
    const reshift_separation *b = &before->separation, *a = &after->separation;
    bool silhouettes = isfinite(b->silhouette) && isfinite(a->silhouette);
    /* less overlap and a larger silhouette are both "apart" */
    int overlap = -direction(b->overlap, a->overlap, 0.0005),
        silhouette = silhouettes ? direction(b->silhouette, a->silhouette, 0.005) : 0;
    bool apart = overlap >= 0 && silhouette >= 0 && overlap + silhouette > 0;
    bool together = overlap <= 0 && silhouette <= 0 && overlap + silhouette < 0;
    text_buffer *text = observations_add(list, apart      ? OBSERVATION_GOOD
                                               : together ? OBSERVATION_BAD
                                                          : OBSERVATION_PLAIN);
    text_add(text, "Fine-tuning, seen on ");
    data_words(content, data, text);
    text_add(text, apart                             ? ", moves the classes apart: "
                   : together                        ? ", moves the classes together: "
                   : overlap == 0 && silhouette == 0 ? ", leaves the classes as they lay: "
                                                     : " in two dimensions, says nothing clear: ");
    text_printf(text, "overlap %.1f %% before, %.1f %% after", 100 * b->overlap, 100 * a->overlap);
    if (silhouettes) {
        text_printf(text, "; silhouette %.2f, then %.2f", b->silhouette, a->silhouette);
    }
    if (isfinite(b->fisher) && isfinite(a->fisher)) {
        text_printf(text, "; scatter between classes over scatter within %.2f, then %.2f", b->fisher, a->fisher);
    }
    text_add(text, ".");
    if (b->nearest_a >= 0 && a->nearest_a >= 0 && isfinite(b->nearest_distance) && isfinite(a->nearest_distance)) {
        bool same = b->nearest_a == a->nearest_a && b->nearest_b == a->nearest_b;
        text_add(text, " Nearest to each other ");
        if (same) {
            text_add(text, "are ");
            add_pair(text, content, b);
            text_printf(text, " both times, %.2f and then %.2f spreads apart.", b->nearest_distance,
                        a->nearest_distance);
        } else {
            text_add(text, "were ");
            add_pair(text, content, b);
            text_printf(text, " (%.2f spreads), and are now ", b->nearest_distance);
            add_pair(text, content, a);
            text_printf(text, " (%.2f).", a->nearest_distance);
        }
    }
    if (after->n_seen > 0) {
        text_add(text, " ");
        text_add_count(text, after->n_seen);
        text_add(text, " of the ");
        text_add_count(text, after->n);
        text_add(text, " points show images seen in fine-tuning, which flatters the picture after it.");
    }
}
