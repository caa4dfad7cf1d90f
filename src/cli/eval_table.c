/*
 * The robustness table as text: one line per corruption, one column per severity, followed by the means and their
 * explanation.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/eval.h"
#include "cli/show.h"
#include "reshift/words.h"

static void percent(int width, int digits, double fraction)
{
    print_number(width, digits, reshift_percent(fraction, digits));
}

static void signed_percent(int width, int digits, double fraction)
{
    if (isnan(fraction)) {
        printf("%*s", width, "");
    } else {
        printf("%+*.*f", width, digits, reshift_percent(fraction, digits));
    }
}

static const char *plural(int64_t n, const char *one, const char *more) { return n == 1 ? one : more; }

static bool has_lost(const eval_result *r) { return r->table.has_clean && r->table.n_corruptions > 0; }

static void print_heading(const eval_result *r, const char *what)
{
    printf("%-17s %6s   95 %% range  ", what, "mean");
    for (int s = r->table.severity_first; r->table.n_corruptions > 0 && s <= r->table.severity_last; s++) {
        printf("  sev %d", s);
    }
    printf("%s%s    nll brier   ece\n", has_lost(r) ? "  lost" : "", r->has_baseline ? "    ce" : "");
}

static void print_line(const eval_result *r, const char *name, const reshift_robust_mean *mean,
                       const reshift_corruption *corruption, bool unseen)
{
    printf("%-17s ", name);
    percent(6, 2, mean->accuracy.value);
    printf("  %5.1f - %5.1f", 100 * mean->accuracy.low, 100 * mean->accuracy.high);
    for (int s = r->table.severity_first; r->table.n_corruptions > 0 && s <= r->table.severity_last; s++) {
        const reshift_cell *cell = corruption ? reshift_robustness_cell(&r->table, corruption, s) : NULL;
        double accuracy = !cell ? NAN : unseen ? cell->unseen.accuracy.accuracy : cell->all.accuracy.accuracy;
        percent(7, 1, accuracy);
    }
    if (has_lost(r)) {
        percent(6, 1, mean->lost.value);
    }
    if (r->has_baseline) {
        percent(6, 1, mean->relative.value);
    }
    print_number(7, 3, mean->nll);
    print_number(6, 3, mean->brier);
    percent(6, 1, mean->ece);
    printf("\n");
}

static void print_lines(const eval_result *r, const reshift_robust_summary *s, bool unseen)
{
    char name[64];
    if (r->table.has_clean) {
        print_line(r, "clean", &s->clean, NULL, unseen);
    }
    for (int c = 0; c < r->table.n_corruptions; c++) {
        print_line(r, r->table.corruptions[c]->name, &s->corruption[c], r->table.corruptions[c], unseen);
    }
    if (s->leaderboard.n_corruptions > 0) {
        print_line(r, "mean of 15", &s->leaderboard, NULL, unseen);
    }
    if (s->all.n_corruptions > 1 && s->all.n_corruptions != s->leaderboard.n_corruptions) {
        snprintf(name, sizeof name, "mean of %d", s->all.n_corruptions);
        print_line(r, name, &s->all, NULL, unseen);
    }
}

/* Explains the mean errors and their reference. */
static void print_errors(const eval_result *r)
{
    const reshift_robust_mean *mean = &r->all.leaderboard;
    if (mean->n_corruptions == 0) {
        return;
    }
    printf("\nmean corruption error of the 15: %.2f %%", 100 * (1 - mean->accuracy.value));
    if (!isnan(mean->relative.value)) {
        printf("; against %s (100): mCE %.1f (%.1f - %.1f)", r->baseline.name, 100 * mean->relative.value,
               100 * mean->relative.low, 100 * mean->relative.high);
        if (!isnan(r->all.relative_mce.value)) {
            printf(",\nrelative mCE %.1f (%.1f - %.1f)", 100 * r->all.relative_mce.value, 100 * r->all.relative_mce.low,
                   100 * r->all.relative_mce.high);
        }
    } else {
        printf(", the plain mean: AlexNet, which mCE is\n"
               "measured against, has errors for ImageNet-C only; name another network with --baseline");
    }
    printf("\n");
}

/* Two values next to each other: over all images, and over those not seen in training. */
static void print_leak_line(const char *name, const reshift_robust_mean *all, const reshift_robust_mean *unseen)
{
    printf("%-17s %10.2f  %5.1f - %5.1f %10.2f  %5.1f - %5.1f\n", name, 100 * all->accuracy.value,
           100 * all->accuracy.low, 100 * all->accuracy.high, 100 * unseen->accuracy.value, 100 * unseen->accuracy.low,
           100 * unseen->accuracy.high);
}

static void print_leaks(const eval_result *r)
{
    const reshift_robustness *t = &r->table;
    if (t->n_left_out > 0) {
        printf("\nleft out: %lld %s seen in training; measured: %lld of the remaining %lld\n", (long long)t->n_left_out,
               reshift_noun_for(t->n_left_out, "image", "images"), (long long)t->n_images, (long long)t->n_available);
    }
    if (t->n_seen == 0) {
        return;
    }
    printf("\nleak: the network was trained on %lld of %lld %s (%.1f %%)\n", (long long)t->n_seen,
           (long long)t->n_images, reshift_noun_for(t->n_images, "image", "images"),
           100 * (double)t->n_seen / (double)t->n_images);
    if (!r->has_unseen) {
        printf("none is left to measure it honestly\n");
        return;
    }
    printf("%-17s %10s  %13s %10s  %13s\n", "accuracy %", "all images", "95 % range", "never seen", "95 % range");
    if (t->has_clean) {
        print_leak_line("clean", &r->all.clean, &r->unseen.clean);
    }
    for (int c = 0; c < t->n_corruptions; c++) {
        print_leak_line(t->corruptions[c]->name, &r->all.corruption[c], &r->unseen.corruption[c]);
    }
    if (r->all.leaderboard.n_corruptions > 0) {
        print_leak_line("mean of 15", &r->all.leaderboard, &r->unseen.leaderboard);
    }
    if (t->n_corruptions > 1) {
        print_leak_line("mean of all", &r->all.all, &r->unseen.all);
    }
}

static const reshift_difference *cell_difference(const eval_result *r, const reshift_corruption *corruption,
                                                 int severity)
{
    const reshift_cell *cell = reshift_robustness_cell(&r->table, corruption, severity);
    return cell ? &r->difference.cells[cell - r->table.cells] : NULL;
}

static void print_difference_line(const eval_result *r, const char *name, const reshift_difference *d,
                                  const reshift_corruption *corruption)
{
    printf("%-17s %+6.2f  %+5.1f to %+5.1f", name, 100 * d->accuracy.value, 100 * d->accuracy.low,
           100 * d->accuracy.high);
    for (int s = r->table.severity_first; corruption && s <= r->table.severity_last; s++) {
        signed_percent(7, 1, cell_difference(r, corruption, s)->accuracy.value);
    }
    if (!isnan(d->p)) {
        printf("   only this right: %lld, only other: %lld, McNemar p = %.2g", (long long)d->only_a,
               (long long)d->only_b, d->p);
    }
    printf("\n");
}

static void print_differences(const eval_result *r)
{
    const reshift_robustness *t = &r->table;
    if (!r->against) {
        return;
    }
    printf("\n%s minus %s, points of accuracy, on the same images%s\n", shown(r->weights), shown(r->against),
           r->difference_unseen ? " that neither was trained on" : "");
    printf("%-17s %6s   95 %% range   ", "", "mean");
    for (int s = t->severity_first; t->n_corruptions > 0 && s <= t->severity_last; s++) {
        printf("  sev %d", s);
    }
    printf("\n");
    if (t->has_clean) {
        print_difference_line(r, "clean", &r->difference.cells[0], NULL);
    }
    for (int c = 0; c < t->n_corruptions; c++) {
        print_difference_line(r, t->corruptions[c]->name, &r->difference.corruption[c], t->corruptions[c]);
    }
    if (r->difference.leaderboard.n > 0) {
        print_difference_line(r, "mean of 15", &r->difference.leaderboard, NULL);
    }
    if (t->n_corruptions > 1) {
        print_difference_line(r, "mean of all", &r->difference.all, NULL);
    }
}

/*
 * The uncertainty caused by sampling, in points: half the width of the widest interval, and its value with all images.
 */
static void print_sample(const eval_result *r)
{
    const reshift_robustness *t = &r->table;
    const reshift_robust_mean *mean = t->n_corruptions > 0 ? &r->all.all : &r->all.clean;
    double half = 50 * (mean->accuracy.high - mean->accuracy.low);
    double share = sqrt((double)t->n_images / (double)t->n_available), widest = 0;
    if (t->n_images == t->n_available) {
        return;
    }
    for (int i = 0; i < t->n_cells; i++) {
        double width = 50 * (t->cells[i].all.accuracy.high - t->cells[i].all.accuracy.low);
        widest = width > widest ? width : widest;
    }
    printf("\na sample of %lld of %lld images, by class, the same in every cell: the mean is known to %.1f points and "
           "a cell\n"
           "to %.1f; all images would give about %.1f and %.1f\n",
           (long long)t->n_images, (long long)t->n_available, half, widest, half * share, widest * share);
}

static void print_adaptation(const char *weights, const reshift_adapt_options *a)
{
    if (a->kind == RESHIFT_ADAPT_NONE) {
        return;
    }
    printf("%s adapts (%s) in batches of %d %s, %s", shown(weights), reshift_adapt_name(a->kind), a->batch,
           reshift_noun_for(a->batch, "image", "images"), a->shuffled ? "shuffled" : "in the set's order");
    if (a->kind == RESHIFT_ADAPT_TENT) {
        printf(", %s %g", a->sgd ? "SGD" : "Adam", a->learning_rate);
    } else if (a->source_images > 0) {
        printf(", source as %g %s", a->source_images, reshift_noun_for((int64_t)a->source_images, "image", "images"));
    }
    printf("; afresh in every cell\n");
}

static void print_classes(const eval_result *r, const char *weights, const reshift_robustness *t)
{
    printf("classes of %s: the set's %d are ", shown(weights), t->n_data_classes);
    if (t->classes_differ) {
        printf("among the network's %d %s", t->n_classes, reshift_noun_for(t->n_classes, "output", "outputs"));
    } else {
        printf("the network's");
    }
    printf(", matched by %s%s%s", reshift_class_match_name(t->class_match),
           t->class_match == RESHIFT_CLASSES_BY_FILE ? " " : "",
           t->class_match == RESHIFT_CLASSES_BY_FILE ? shown(r->class_map) : "");
    printf(!t->classes_differ ? "\n"
           : t->restricted    ? "; only these outputs count (--restrict-classes)\n"
                              : "; all outputs count\n");
}

static void print_preparation(const char *weights, const reshift_robustness *t)
{
    char text[160];
    printf("%s: images as %s\n", shown(weights), reshift_image_facts_input(&t->prepared, text, sizeof text));
}

/* How corrupted images were computed, separately for each network if its input size matters. */
static void print_made(const eval_result *r)
{
    char text[2][256];
    reshift_image_facts_corruption(&r->table.prepared, text[0], sizeof text[0]);
    reshift_image_facts_corruption(&r->other.prepared, text[1], sizeof text[1]);
    if (r->against && strcmp(text[0], text[1]) != 0) {
        printf("%s: corrupted images: %s\n", shown(r->weights), text[0]);
        printf("%s: corrupted images: %s\n", shown(r->against), text[1]);
    } else if (text[0][0]) {
        printf("corrupted images: %s\n", text[0]);
    }
}

static void print_balanced_line(const char *name, const reshift_robust_mean *mean)
{
    if (mean->n_corruptions > 0) {
        printf("%s: balanced accuracy %.2f %%", name, reshift_percent(mean->balanced, 2));
        printf(isnan(mean->top5) ? "\n" : ", top-5 accuracy %.2f %%\n", reshift_percent(mean->top5, 2));
    }
}

/* The mean over classes with equal weight, and top-5 accuracy. */
static void print_by_class(const eval_result *r)
{
    printf("\n");
    print_balanced_line("clean", &r->all.clean);
    print_balanced_line(r->table.n_corruptions > 1 ? "mean of all" : "corrupted", &r->all.all);
}

static void print_published(const eval_result *r)
{
    int n = 0, published = 0;
    for (int i = 0; i < r->table.n_cells; i++) {
        n += r->table.cells[i].corruption != NULL;
        published += r->table.cells[i].published;
    }
    if (published > 0 && published == n) {
        printf("the corrupted images are the published files (md5)\n");
    }
}

void eval_print(const eval_result *r)
{
    printf("%s on %s: %lld %s a cell, %s\n", shown(r->weights), shown(r->data), (long long)r->table.n_images,
           plural(r->table.n_images, "image", "images"), reshift_precision_name(r->table.precision));
    print_preparation(r->weights, &r->table);
    if (r->against) {
        print_preparation(r->against, &r->other);
    }
    print_made(r);
    print_adaptation(r->weights, &r->table.adapt);
    if (r->against) {
        print_adaptation(r->against, &r->other.adapt);
    }
    print_classes(r, r->weights, &r->table);
    if (r->against) {
        print_classes(r, r->against, &r->other);
    }
    print_published(r);
    print_heading(r, "accuracy %");
    print_lines(r, &r->all, false);
    print_by_class(r);
    print_errors(r);
    print_leaks(r);
    print_differences(r);
    print_sample(r);
}
