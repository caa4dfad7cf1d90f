/*
 * reshift pca: projects features on their principal components, draws a figure, and measures the separation of the
 * classes.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/classifiers.h"
#include "reshift/evaluation.h"
#include "reshift/labels.h"
#include "reshift/reporting.h"
#include "reshift/words.h"

#define SETS_MOST 16

/* One feature file and its results. */
typedef struct pca_set {
    char name[128]; /* of its files in DIR */
    reshift_array features;
    int *labels; /* NULL: no labels */
    reshift_pca_result pca;
    bool foreign; /* projected on the first set's basis */
    reshift_separation separation;
    double ratio[2];
    float *xy;
} pca_set;

/* The file's name without folder and ending; a number is appended to a name already in use. */
static void name_set(pca_set *sets, int place, const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t length = strlen(base);
    length -= length > 4 && strcmp(base + length - 4, ".npy") == 0 ? 4 : 0;
    snprintf(sets[place].name, sizeof sets[place].name, "%.*s", length < 100 ? (int)length : 100, base);
    for (int i = 0; i < place; i++) {
        if (strcmp(sets[i].name, sets[place].name) == 0) {
            snprintf(sets[place].name, sizeof sets[place].name, "%.*s-%d", length < 100 ? (int)length : 100, base,
                     place + 1);
        }
    }
}

static reshift_status read_labels(const char *path, const pca_set *set, int **labels, int *n_classes,
                                  reshift_error *error)
{
    reshift_array array = {0};
    const int64_t n = set->features.shape[0];
    int of_file = 0;
    reshift_status status = reshift_array_load_npy(path, &array, error);
    if (status == RESHIFT_OK && !(*labels = malloc((size_t)n * sizeof **labels + 1))) {
        status = fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory");
    }
    if (status == RESHIFT_OK) {
        status = reshift_labels_read(&array, path, n, 0, *labels, &of_file, error);
    }
    *n_classes = of_file > *n_classes ? of_file : *n_classes;
    reshift_array_destroy(&array);
    return status;
}

/* Fractions of the set's variance along the first two axes, for any basis. */
static void explained(const pca_set *set, double ratio[2])
{
    const int64_t n = set->features.shape[0], d = set->features.shape[1], k = set->pca.coordinates.shape[1];
    if (!set->foreign) {
        ratio[0] = ((const double *)set->pca.ratio.data)[0];
        ratio[1] = k > 1 ? ((const double *)set->pca.ratio.data)[1] : 0;
        return;
    }
    const float *arrays[] = {set->features.data, set->pca.coordinates.data};
    const int64_t widths[] = {d, k};
    double total = 0;
    for (int which = 0; which < 2; which++) {
        for (int64_t j = 0; j < (!which ? d : k < 2 ? k : 2); j++) {
            double sum = 0, squares = 0;
            for (int64_t row = 0; row < n; row++) {
                sum += arrays[which][row * widths[which] + j];
            }
            for (int64_t row = 0; row < n; row++) {
                double difference = arrays[which][row * widths[which] + j] - sum / (double)n;
                squares += difference * difference;
            }
            if (which) {
                ratio[j] = squares / total;
            } else {
                total += squares;
            }
        }
    }
}

/* Everything that does not write files, so that an error leaves none. */
static reshift_status project(pca_set *sets, int place, const char *path, int components, bool shared, int n_classes,
                              reshift_error *error)
{
    pca_set *set = &sets[place];
    reshift_status status;
    set->foreign = shared && place > 0;
    if (set->foreign) {
        status = reshift_pca_project(&sets[0].pca, &set->features, &set->pca.coordinates, error);
    } else {
        status = reshift_pca_fit(&set->features, components, &set->pca, error);
    }
    if (status == RESHIFT_OK) {
        explained(set, set->ratio);
    }
    const reshift_array labels = {
        .dtype = RESHIFT_I32, .n_dims = 1, .shape = {set->features.shape[0]}, .data = set->labels};
    if (status == RESHIFT_OK && set->labels) {
        status = reshift_separation_of(&set->pca.coordinates, &labels, n_classes, &set->separation, error);
    }
    const int64_t n = set->features.shape[0], k = set->pca.coordinates.n_dims == 2 ? set->pca.coordinates.shape[1] : 0;
    if (status == RESHIFT_OK && !(set->xy = malloc((size_t)n * 2 * sizeof(float) + 1))) {
        status = fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory");
    }
    for (int64_t row = 0; status == RESHIFT_OK && row < n; row++) {
        set->xy[2 * row] = ((const float *)set->pca.coordinates.data)[row * k];
        set->xy[2 * row + 1] = k > 1 ? ((const float *)set->pca.coordinates.data)[row * k + 1] : 0;
    }
    return status == RESHIFT_OK ? status : fail_in(error, status, "'%s'", path);
}

/* Writes the arrays of every set. All targets are checked first, so that none is written if another is refused. */
static reshift_status save(const common *c, const char *folder, const pca_set *sets, int n, reshift_error *error)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return fail_with(error, RESHIFT_ERROR_IO, "cannot make folder '%s': %s", folder, strerror(errno));
    }
    reshift_status status = RESHIFT_OK;
    for (int write = 0; write < 2; write++) {
        for (int i = 0; i < n; i++) {
            const struct {
                const char *part;
                const reshift_array *array;
            } parts[] = {{"", &sets[i].pca.coordinates},
                         {"-components", &sets[i].pca.components},
                         {"-mean", &sets[i].pca.mean},
                         {"-variance", &sets[i].pca.variance}};
            for (size_t p = 0; status == RESHIFT_OK && p < sizeof parts / sizeof *parts; p++) {
                char path[4096];
                snprintf(path, sizeof path, "%s/%s%s.npy", folder, sets[i].name, parts[p].part);
                if (parts[p].array->data) { /* a set projected on another's basis has coordinates only */
                    status = write ? reshift_array_save_npy(path, parts[p].array, c->force, error)
                                   : check_target(c, path, error);
                }
            }
        }
    }
    return status;
}

static reshift_status draw(const common *c, const pca_set *sets, int n, int n_classes, const char *folder,
                           reshift_error *error)
{
    reshift_panel panels[SETS_MOST];
    char(*names)[24] = calloc((size_t)n_classes, sizeof *names);
    const char **list = calloc((size_t)n_classes, sizeof *list);
    if (!names || !list) {
        free(names);
        free(list);
        return fail_with(error, RESHIFT_ERROR_MEMORY, "out of memory");
    }
    for (int label = 0; label < n_classes; label++) {
        snprintf(names[label], sizeof names[label], "class %d", label);
        list[label] = names[label];
    }
    for (int i = 0; i < n; i++) {
        panels[i] = (reshift_panel){.title = sets[i].name,
                                    .coordinates = sets[i].xy,
                                    .labels = sets[i].labels,
                                    .n = sets[i].features.shape[0],
                                    .ratio = {sets[i].ratio[0], sets[i].ratio[1]}};
    }
    reshift_status status = reshift_panels_plot(folder, "pca", "Features in two principal components", panels, n,
                                                n > 1 ? 2 : 1, list, n_classes, c->force, error);
    free(names);
    free(list);
    return status;
}

static void print_sets(const common *c, const pca_set *sets, int n, bool labelled)
{
    json_t *all = json_array();
    if (!c->json) {
        printf("%-20s %8s %10s %10s", "features", "rows", "explained", "");
        printf(labelled ? " %10s %8s %9s\n" : "\n", "silhouette", "fisher", "overlap");
    }
    for (int i = 0; i < n; i++) {
        const pca_set *s = &sets[i];
        if (c->json) {
            json_t *object = json_pack("{s:o, s:I, s:[f,f]}", "features", json_text(s->name), "rows",
                                       (json_int_t)s->features.shape[0], "explained", s->ratio[0], s->ratio[1]);
            if (labelled) {
                const struct {
                    const char *key;
                    double value;
                } figures[] = {{"silhouette", s->separation.silhouette},
                               {"fisher", s->separation.fisher},
                               {"overlap", s->separation.overlap},
                               {"spread", s->separation.spread}};
                for (int f = 0; f < 4; f++) {
                    json_object_set_new(object, figures[f].key,
                                        isfinite(figures[f].value) ? json_real(figures[f].value) : json_null());
                }
            }
            json_array_append_new(all, object);
        } else {
            printf("%-20s %8lld %8.2f %% %8.2f %%", s->name, (long long)s->features.shape[0], 100 * s->ratio[0],
                   100 * s->ratio[1]);
            if (labelled) {
                printf(" %10.3f %8.3f %7.1f %%", s->separation.silhouette, s->separation.fisher,
                       100 * s->separation.overlap);
            }
            printf("\n");
        }
    }
    if (c->json) {
        print_json(all, JSON_INDENT(1) | JSON_REAL_PRECISION(17), "[]");
    }
    json_decref(all);
}

int command_pca(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words, features = {.n = 0}, labels = {.n = 0};
    const char *out = NULL;
    int64_t components = 2;
    bool shared = false, flat = false; /* flat: fewer than two components */
    const option options[] = {
        WORDS("--features", &features, "FILE.npy...", 0, "float32 [N,D], up to 16 files"),
        WORDS("--labels", &labels, "FILE.npy...", 0,
              "classes [N], one file for each, or one for all; without labels there is no figure"),
        TEXT("--out", &out, "DIR",
             "output folder: coordinates NAME.npy, NAME-components.npy, NAME-mean.npy, NAME-variance.npy and the "
             "figure pca.png and .svg",
             NULL),
        COUNT("--components", &components, "N", 1, 64, "number of axes", "2"),
        FLAG("--shared", &shared, "project all files on the components of the first"),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTION_JSON(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "pca",
        .about = "Projects feature vectors on their principal components, draws them, and measures the separation of "
                 "the classes.",
        .synopsis = "--features FILE.npy... --labels FILE.npy... --out DIR [options]",
        .example = "  reshift pca --features a.npy b.npy --labels la.npy lb.npy --out pca/",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (features.n < 1 || features.n > SETS_MOST || !out) {
        return usage_error(&u, "expected --features with 1 to %d files, and --out", SETS_MOST);
    }
    if (labels.n > 1 && labels.n != features.n) {
        return usage_error(&u, "--labels: expected one file, or %d, found %d", features.n, labels.n);
    }
    reshift_error error;
    reshift_status done = RESHIFT_OK;
    pca_set *sets = calloc((size_t)features.n, sizeof *sets);
    int n_classes = 0;
    if (!sets) {
        done = fail_with(&error, RESHIFT_ERROR_MEMORY, "out of memory");
    }
    for (int i = 0; i < features.n && done == RESHIFT_OK; i++) {
        name_set(sets, i, features.items[i]);
        done = reshift_features_load_npy(features.items[i], &sets[i].features, &error);
        if (done == RESHIFT_OK && labels.n) {
            done = read_labels(labels.items[labels.n > 1 ? i : 0], &sets[i], &sets[i].labels, &n_classes, &error);
        }
    }
    for (int i = 0; i < features.n && done == RESHIFT_OK; i++) {
        const int64_t columns = sets[i].features.shape[1];
        if (components > columns) {
            session_say("'%s' has %lld %s, so it has %lld %s", features.items[i], (long long)columns,
                        reshift_noun_for(columns, "column", "columns"), (long long)columns,
                        reshift_noun_for(columns, "component", "components"));
        }
        flat = flat || components < 2 || columns < 2;
        done = project(sets, i, features.items[i], (int)(components < columns ? components : columns), shared,
                       n_classes, &error);
    }
    if (done == RESHIFT_OK) {
        done = save(&c, out, sets, features.n, &error);
    }
    if (done == RESHIFT_OK && labels.n && flat) {
        session_say("no figure: it needs two components");
    } else if (done == RESHIFT_OK && labels.n) {
        done = draw(&c, sets, features.n, n_classes, out, &error);
    }
    if (done == RESHIFT_OK) {
        print_sets(&c, sets, features.n, labels.n > 0);
        status = session_end();
    } else {
        status = session_fail(&error);
    }
    for (int i = 0; sets && i < features.n; i++) {
        reshift_array_destroy(&sets[i].features);
        reshift_pca_destroy(&sets[i].pca);
        free(sets[i].labels);
        free(sets[i].xy);
    }
    free(sets);
    return status;
}
