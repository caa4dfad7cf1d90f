/*
 * Each tensor gets its new name or none; then all are renamed at once. Below the chosen prefix names of the trunk stay
 * as they are, and so do names that nothing explains: weights.h refuses those. Projection heads and what training adds
 * beside a network are known by their first word and dropped.
 */
#include "models/weights/unwrap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "formats/checkpoint.h"
#include "models/weights/branches.h"
#include "models/weights/normalisation.h"

#define GROUPS_SHOWN 6
#define GROUPS_MAX 64
#define GROUP_BYTES 160

/* Last layers by the words that people give them. */
static const char *const head_words[] = {
    "fc",          "linear", "classifier", "head", "heads", "last_linear", "linear_classifier",
    "linear_head", "logits", "output",     "out"};

/* What stands beside a trunk and is no part of it: projections of self-supervised training, queues, counters,
 * optimisers. */
static const char *const companions[] = {
    "fc",
    "linear",
    "classifier",
    "head",
    "heads",
    "last_linear",
    "linear_classifier",
    "linear_head",
    "projector",
    "projection",
    "projection_head",
    "proj",
    "proj_head",
    "mlp_head",
    "predictor",
    "prediction_head",
    "prototypes",
    "queue",
    "queue_ptr",
    "queue_labels",
    "n_averaged",
    "criterion",
    "loss",
    "loss_fn",
    "center",
    "temperature",
    "logit_scale",
    "optimizer",
    "optim",
    "optimizers",
    "scheduler",
    "lr_scheduler",
    "scaler",
    "amp",
};

typedef struct work {
    const reshift_tensors *tensors;
    const branches *all;
    int own;
    const char *prefix;
    size_t length;                  /* of the prefix */
    const char **new_names;         /* [count]; NULL: dropped */
    bool *used;                     /* [count]: normalisation, which is dropped but not lost */
    char head[2][GRAPH_NAME_BYTES]; /* names of the last layer's weight and bias in this family's networks */
} work;

static bool is_one_of(const char *name, const char *const *words, size_t n)
{
    size_t length = strcspn(name, ".");
    for (size_t i = 0; i < n; i++) {
        if (strlen(words[i]) == length && strncmp(words[i], name, length) == 0) {
            return true;
        }
    }
    return false;
}

#define IS_ONE_OF(name, words) is_one_of(name, words, sizeof words / sizeof *words)

/* ---- the last layer ---- */

static bool is_linear(const reshift_array *array, int n_features)
{
    return array->n_dims == 2 && array->shape[0] >= 1 && array->shape[1] == n_features;
}

static const char *is_weight(const char *name)
{
    size_t length = strlen(name);
    return length > 7 && strcmp(name + length - 7, ".weight") == 0 ? name + length - 7 : NULL;
}

/* How many matrices are called SCOPE + first word of `rest` + anything: a projection of several layers has several. */
static int matrices_of(const work *w, size_t scope, const char *name)
{
    size_t length = scope + strcspn(name + scope, ".");
    int count = 0;
    for (int64_t t = 0; t < reshift_tensors_count(w->tensors); t++) {
        const char *other = reshift_tensors_name(w->tensors, t);
        count += strncmp(other, name, length) == 0 && other[length] == '.' && is_weight(other) &&
                 reshift_tensors_at(w->tensors, t)->n_dims >= 2 && !branches_own_other(w->all, w->own, other);
    }
    return count;
}

/* The bias of the layer whose weight is tensor `t`, or -1. */
static int64_t bias_of(const work *w, int64_t t)
{
    char bias[1024];
    const char *name = reshift_tensors_name(w->tensors, t);
    int length = (int)(is_weight(name) - name);
    if ((size_t)snprintf(bias, sizeof bias, "%.*s.bias", length, name) >= sizeof bias) {
        return -1;
    }
    const reshift_array *array = reshift_tensors_find(w->tensors, bias);
    if (!array || array->n_dims != 1 || array->shape[0] != reshift_tensors_at(w->tensors, t)->shape[0]) {
        return -1;
    }
    int64_t b = 0;
    while (reshift_tensors_at(w->tensors, b) != array) {
        b++;
    }
    return b;
}

/* A linear layer of the network's features in the dict or module that the first `scope` characters of the prefix name.
 */
static int64_t find_head_in(const work *w, size_t scope)
{
    const branch *own = &w->all->items[w->own];
    int n_features = architecture_n_features(own->arch), n_any = 0;
    int64_t any = -1;
    for (int64_t t = 0; t < reshift_tensors_count(w->tensors); t++) {
        const char *name = reshift_tensors_name(w->tensors, t);
        if (strncmp(name, w->prefix, scope) != 0 || !is_weight(name) || branches_own_other(w->all, w->own, name) ||
            (strncmp(name, w->prefix, w->length) == 0 && architecture_is_trunk(own->family, name + w->length))) {
            continue;
        }
        const reshift_array *array = reshift_tensors_at(w->tensors, t);
        bool fits = is_linear(array, n_features) && bias_of(w, t) >= 0;
        if (fits && IS_ONE_OF(name + scope, head_words) && matrices_of(w, scope, name) == 1) {
            return t;
        }
        if (array->n_dims >= 2 && scope == w->length) { /* under any word, where it is the only one below the prefix */
            n_any++;
            any = fits ? t : any;
        }
    }
    return n_any == 1 ? any : -1;
}

/* Below the prefix first, then in each dict or module around it. */
static int64_t find_head(const work *w)
{
    int64_t head = -1;
    size_t scope = w->length;
    for (;;) {
        head = find_head_in(w, scope);
        if (head >= 0 || scope == 0) {
            return head;
        }
        scope--; /* over the dot, then to the one before */
        while (scope > 0 && w->prefix[scope - 1] != '.') {
            scope--;
        }
    }
}

/* ---- what is left ---- */

/* The part of a dropped tensor's name that stands for it: one step below what it has in common with the prefix. */
static void group_of(const work *w, const char *name, char group[GROUP_BYTES])
{
    size_t common = 0, last = 0;
    while (name[common] && name[common] == w->prefix[common]) {
        common++;
        last = name[common - 1] == '.' ? common : last;
    }
    size_t length = last + strcspn(name + last, ".");
    snprintf(group, GROUP_BYTES, "%.*s", (int)length, name);
}

static reshift_status note_dropped(const work *w, notes *list, reshift_error *error)
{
    char groups[GROUPS_MAX][GROUP_BYTES], text[900] = "";
    int counts[GROUPS_MAX] = {0}, n = 0, others = 0;
    for (int64_t t = 0; t < reshift_tensors_count(w->tensors); t++) {
        const char *name = reshift_tensors_name(w->tensors, t);
        if (w->new_names[t] || w->used[t] || branches_own_other(w->all, w->own, name)) {
            continue;
        }
        char group[GROUP_BYTES];
        int g = 0;
        group_of(w, name, group);
        while (g < n && strcmp(groups[g], group) != 0) {
            g++;
        }
        if (g == n && n < GROUPS_MAX) {
            memcpy(groups[n++], group, sizeof group);
        }
        counts[g < n ? g : 0] += g < n;
        others += g == n;
    }
    for (int g = 0; g < n && g < GROUPS_SHOWN; g++) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s'%.100s'", g ? ", " : "", groups[g]);
        length = strlen(text);
        if (counts[g] > 1) {
            snprintf(text + length, sizeof text - length, " (%d tensors)", counts[g]);
        }
    }
    if (n > GROUPS_SHOWN || others) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, " and more");
    }
    return n == 0 ? RESHIFT_OK : notes_add(list, RESHIFT_LOG_INFO, error, "in the checkpoint and not used: %s", text);
}

/* Which network was taken, where there was a choice, and how to take another. */
static reshift_status note_choice(const work *w, notes *list, reshift_error *error)
{
    char others[600] = "", own[BRANCH_PREFIX_BYTES], first[BRANCH_PREFIX_BYTES] = "";
    for (int i = 0; i < w->all->n; i++) {
        char name[BRANCH_PREFIX_BYTES];
        if (i == w->own || !w->all->items[i].arch) {
            continue;
        }
        branch_name(&w->all->items[i], name, sizeof name);
        size_t length = strlen(others);
        if (length < 400) {
            snprintf(others + length, sizeof others - length, "%s%s%.150s%s", length ? ", " : "", *name ? "'" : "",
                     *name ? name : "the top level", *name ? "'" : "");
        }
        if (!*first) {
            memcpy(first, name, sizeof first);
        }
    }
    if (!*others) {
        return RESHIFT_OK;
    }
    branch_name(&w->all->items[w->own], own, sizeof own);
    return notes_add(list, RESHIFT_LOG_INFO, error,
                     "the checkpoint holds several networks: read is %s%.150s%s, not %s (FILE#%.150s reads another)",
                     *own ? "'" : "", *own ? own : "the top level", *own ? "'" : "", others, *first ? first : "BRANCH");
}

/* A head of more than one matrix ("fc.0.weight", "fc.2.weight"): its name, `length` characters, or NULL. */
static const char *find_deep_head(const work *w, int *length)
{
    for (int64_t t = 0; t < reshift_tensors_count(w->tensors); t++) {
        const char *name = reshift_tensors_name(w->tensors, t);
        const size_t scopes[2] = {w->length, 0};
        for (int s = 0; s < 2; s++) {
            if (is_weight(name) && strncmp(name, w->prefix, scopes[s]) == 0 &&
                IS_ONE_OF(name + scopes[s], head_words) && !branches_own_other(w->all, w->own, name) &&
                matrices_of(w, scopes[s], name) > 1) {
                *length = (int)(scopes[s] + strcspn(name + scopes[s], "."));
                return name;
            }
        }
    }
    return NULL;
}

/* New names for all tensors: the trunk, the last layer, names that nothing explains. */
static void name_tensors(work *w, int64_t head, bool has_own_head)
{
    const branch *own = &w->all->items[w->own];
    for (int64_t t = 0; t < reshift_tensors_count(w->tensors); t++) {
        const char *name = reshift_tensors_name(w->tensors, t), *rest = name + w->length;
        bool below = strncmp(name, w->prefix, w->length) == 0 && !branches_own_other(w->all, w->own, name);
        bool is_head = below && has_own_head && (strcmp(rest, w->head[0]) == 0 || strcmp(rest, w->head[1]) == 0);
        bool fits = own->arch != NULL; /* else all names are for the message */
        bool kept =
            below && (!fits || architecture_is_trunk(own->family, rest) || is_head || !IS_ONE_OF(rest, companions));
        w->new_names[t] = kept && !w->used[t] ? rest : NULL;
    }
    if (head >= 0) {
        w->new_names[head] = w->head[0];
        w->new_names[bias_of(w, head)] = w->head[1];
    }
}

static reshift_status unwrap_branch(work *w, reshift_tensors *tensors, unwrapped *result, notes *list,
                                    reshift_error *error)
{
    normalisation norm;
    reshift_status status = normalisation_find(tensors, w->all, w->own, &norm, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    const branch *own = &w->all->items[w->own];
    bool has_own_head = false;
    for (int i = 0; i < 2; i++) {
        char name[BRANCH_PREFIX_BYTES + sizeof w->head[0]];
        snprintf(w->head[i], sizeof w->head[i], "%s.%s", own->family->head, i ? "bias" : "weight");
        snprintf(name, sizeof name, "%s%s", w->prefix, w->head[i]);
        has_own_head = has_own_head || reshift_tensors_find(tensors, name);
    }
    int64_t head = has_own_head || !own->arch ? -1 : find_head(w);
    result->has_head = has_own_head || head >= 0 || !own->arch;
    if (norm.found) {
        const char *mean = reshift_tensors_name(tensors, norm.mean_index);
        w->used[norm.mean_index] = w->used[norm.std_index] = true;
        result->has_normalisation = true;
        memcpy(result->mean, norm.mean, sizeof result->mean);
        memcpy(result->std, norm.std, sizeof result->std);
        status = notes_add(
            list, RESHIFT_LOG_INFO, error,
            "input normalisation of the checkpoint ('%.150s', '%.150s'): mean %.4g %.4g %.4g, deviation %.4g %.4g %.4g",
            mean, reshift_tensors_name(tensors, norm.std_index), (double)norm.mean[0], (double)norm.mean[1],
            (double)norm.mean[2], (double)norm.std[0], (double)norm.std[1], (double)norm.std[2]);
    }
    name_tensors(w, head, has_own_head);
    int several_length = 0;
    if (status == RESHIFT_OK) {
        status = note_choice(w, list, error);
    }
    if (status == RESHIFT_OK && head >= 0) {
        const char *name = reshift_tensors_name(tensors, head);
        status =
            notes_add(list, RESHIFT_LOG_INFO, error, "the last layer is '%.*s'", (int)(is_weight(name) - name), name);
    }
    const char *several = status == RESHIFT_OK && !result->has_head ? find_deep_head(w, &several_length) : NULL;
    if (several) {
        status =
            notes_add(list, RESHIFT_LOG_INFO, error,
                      "'%.*s' is a head of several layers; only one linear layer can be read, so the network gives "
                      "features, not classes",
                      several_length, several);
    } else if (status == RESHIFT_OK && !result->has_head) {
        status = notes_add(list, RESHIFT_LOG_INFO, error,
                           "the checkpoint has no last layer: it gives features, not classes");
    }
    if (status == RESHIFT_OK) {
        status = note_dropped(w, list, error);
    }
    const reshift_status renamed = status == RESHIFT_OK ? tensors_rename(tensors, w->new_names) : RESHIFT_OK;
    if (renamed == RESHIFT_ERROR_MEMORY) {
        status = error_memory(error, 0, "names of tensors");
    } else if (renamed != RESHIFT_OK) {
        status = error_set(error, RESHIFT_ERROR_SHAPE, "two tensors of the checkpoint have one name below '%.100s'",
                           w->prefix);
    }
    return status;
}

reshift_status unwrap_checkpoint(reshift_tensors *tensors, const char *wanted, unwrapped *result, notes *list,
                                 reshift_error *error)
{
    *result = (unwrapped){.has_head = true};
    size_t count = (size_t)reshift_tensors_count(tensors) + 1;
    branches *all = malloc(sizeof *all);
    work w = {.tensors = tensors, .all = all};
    w.new_names = calloc(count, sizeof *w.new_names);
    w.used = calloc(count, sizeof *w.used);
    reshift_status status = all && w.new_names && w.used ? RESHIFT_OK : error_memory(error, count, "names of tensors");
    for (int64_t i = 0; status == RESHIFT_OK && reshift_tensors_remark(tensors, i); i++) {
        status = notes_add(list, RESHIFT_LOG_WARNING, error, "%s", reshift_tensors_remark(tensors, i));
    }
    if (status == RESHIFT_OK) {
        branches_find(tensors, all);
        status = wanted ? branches_choose(all, wanted, &w.own, error) : RESHIFT_OK;
    }
    if (status == RESHIFT_OK && all->n > 0) {
        w.prefix = all->items[w.own].prefix;
        w.length = strlen(w.prefix);
        branch_name(&all->items[w.own], result->branch, sizeof result->branch);
        status = unwrap_branch(&w, tensors, result, list, error);
    } else if (status == RESHIFT_OK) {
        reshift_tensors_unwrap(tensors); /* no network: the usual wrappers go, and the names say what is there */
    }
    free(w.used);
    free(w.new_names);
    free(all);
    return status;
}
