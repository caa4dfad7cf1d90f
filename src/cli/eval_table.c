/* The robustness table as text: a line a corruption, one column a severity, means and what they mean below. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/eval.h"
#include "cli/show.h"

/* "%6.1f", or blanks where there is no number; one that is too long for its column has fewer digits, then an exponent. */
static void number(int width, int digits, double value)
{
    char text[400];
    if (isnan(value)) {
        printf("%*s", width, "");
        return;
    }
    snprintf(text, sizeof text, "%.*f", digits, value);
    for (int less = digits - 1; (int)strlen(text) >= width && less >= 0; less--) {
        snprintf(text, sizeof text, "%.*f", less, value);
    }
    for (int less = 1; (int)strlen(text) >= width && less >= 0; less--) {
        snprintf(text, sizeof text, "%.*e", less, value);
    }
    printf("%*s", width, text);
}

static void percent(int width, int digits, double fraction) { number(width, digits, reshift_percent(fraction, digits)); }

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
    number(7, 3, mean->nll);
    number(6, 3, mean->brier);
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

/* What the mean errors are, against whom. */
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

/* Two figures side by side: over all images, and over those never seen in training. */
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
        printf("\nleft out: %lld images seen in training; measured: %lld of the remaining %lld\n",
               (long long)t->n_left_out, (long long)t->n_images, (long long)t->n_available);
    }
    if (t->n_seen == 0) {
        return;
    }
    printf("\nleak: the network was trained on %lld of these %lld images (%.1f %%)\n", (long long)t->n_seen,
           (long long)t->n_images, 100 * (double)t->n_seen / (double)t->n_images);
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
        printf("   only this right: %lld, only other: %lld, McNemar p = %.2g", (long long)d->only_a, (long long)d->only_b, d->p);
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

/* What a sample costs, in points: half the width of the widest interval, and what all images would give. */
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
    printf("%s adapts (%s) in batches of %d images, %s", shown(weights), reshift_adapt_name(a->kind), a->batch,
           a->shuffled ? "shuffled" : "in the set's order");
    if (a->kind == RESHIFT_ADAPT_TENT) {
        printf(", %s %g", a->sgd ? "SGD" : "Adam", a->learning_rate);
    } else if (a->source_images > 0) {
        printf(", source as %g images", a->source_images);
    }
    printf("; afresh in every cell\n");
}

static void print_classes(const eval_result *r, const char *weights, const reshift_robustness *t)
{
    if (t->classes_differ) {
        printf("classes of %s: the set's %d are among the network's %d outputs, matched by %s%s%s; %s\n", shown(weights),
               t->n_data_classes, t->n_classes, reshift_class_match_name(t->class_match),
               t->class_match == RESHIFT_CLASSES_BY_FILE ? " " : "",
               t->class_match == RESHIFT_CLASSES_BY_FILE ? shown(r->class_map) : "",
               t->restricted ? "only these outputs count (--restrict-classes)" : "all outputs count");
    }
}

static void print_jpeg(const eval_result *r)
{
    const int quality = eval_jpeg(&r->table);
    if (quality == RESHIFT_JPEG_MIXED) {
        printf("images of some corruptions went through JPEG, quality %d\n", RESHIFT_JPEG_QUALITY);
    } else if (quality > 0) {
        printf("corrupted images went through JPEG, quality %d, as ImageNet-C was stored\n", quality);
    }
}

static void print_preparation(const char *weights, const reshift_robustness *t)
{
    printf("%s: images as %dx%d", shown(weights), t->recipe.size, t->recipe.size);
    printf(t->photographs ? " (resize %d, centre crop)\n" : "\n", t->recipe.resize);
}

/* How the images that were corrupted here were made; those of files say nothing of it. */
static void print_made(const reshift_robustness *t)
{
    const reshift_cell *made = NULL;
    for (int i = 0; i < t->n_cells && !made; i++) {
        made = t->cells[i].constants != RESHIFT_CONSTANTS_AUTO ? &t->cells[i] : NULL;
    }
    if (!made) {
        return;
    }
    printf("corrupted here with the constants of %s",
           made->constants == RESHIFT_CONSTANTS_CIFAR ? "CIFAR-10-C (32x32)" : "ImageNet-C (224x224)");
    if (made->crop_size > 0) {
        printf(", after resize %d and crop %d\n", made->crop_resize, made->crop_size);
    } else {
        printf(t->photographs ? ", at the photographs' own size\n" : "\n");
    }
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
    print_made(&r->table);
    print_adaptation(r->weights, &r->table.adapt);
    if (r->against) {
        print_adaptation(r->against, &r->other.adapt);
    }
    print_classes(r, r->weights, &r->table);
    if (r->against) {
        print_classes(r, r->against, &r->other);
    }
    print_jpeg(r);
    print_published(r);
    print_heading(r, "accuracy %");
    print_lines(r, &r->all, false);
    print_errors(r);
    print_leaks(r);
    print_differences(r);
    print_sample(r);
}
