/*
 * Branches by their first tensor: every name that ends in a family's ("layer1.0.conv1.weight") shows one. Of several
 * the order is: an architecture of the table before none; the plain network before a student, before averages (EMA),
 * before the second network of a contrastive pair; fewer wrappers before more; the words of state dicts in their order;
 * the file's order.
 */
#include "models/weights/branches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* What a component of a prefix means for the rank. DINO is evaluated with its teacher, MoCo with encoder_q. */
static const struct {
    const char *word;
    int rank;
} ranks[] = {
    {"student", 1},
    {"state_dict_ema", 2},
    {"model_ema", 2},
    {"ema", 2},
    {"ema_state_dict", 2},
    {"ema_model", 2},
    {"model_ema_state_dict", 2},
    {"ema_model_state_dict", 2},
    {"averaged_model", 2},
    {"swa_model", 2},
    {"swa_state_dict", 2},
    {"encoder_k", 3},
    {"momentum_encoder", 3},
    {"key_encoder", 3},
    {"target_network", 3},
    {"target_encoder", 3},
    {"target", 3},
    {"attacker", 3},
};

/* The usual words in the order in which one is preferred to the other. */
static const char *const words[] = {"state_dict", "model",    "model_state_dict", "net",       "network", "weights",
                                    "params",     "backbone", "encoder",          "encoder_q", "teacher"};
#define N_WORDS ((int)(sizeof words / sizeof *words))

static bool component_is(const char *at, size_t length, const char *word)
{
    return strlen(word) == length && strncmp(at, word, length) == 0;
}

/* Rank, number of components and first known word of a prefix. Wrappers for devices and compilers do not count. */
static void judge(branch *b)
{
    b->word = N_WORDS;
    for (const char *at = b->prefix; *at;) {
        size_t length = strcspn(at, ".");
        if (!component_is(at, length, "module") && !component_is(at, length, "_orig_mod")) {
            b->components++;
        }
        for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
            if (component_is(at, length, ranks[i].word) && ranks[i].rank > b->rank) {
                b->rank = ranks[i].rank;
            }
        }
        for (int i = 0; i < N_WORDS && b->word == N_WORDS; i++) {
            b->word = component_is(at, length, words[i]) ? i : N_WORDS;
        }
        at += length + (at[length] == '.');
    }
}

static int compare(const void *a, const void *b)
{
    const branch *x = a, *y = b;
    const int keys[][2] = {{!x->arch, !y->arch},
                           {x->rank, y->rank},
                           {x->components, y->components},
                           {x->word, y->word},
                           {x->order, y->order}};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        if (keys[k][0] != keys[k][1]) {
            return keys[k][0] < keys[k][1] ? -1 : 1;
        }
    }
    return 0;
}

/* The family whose first tensor has this name behind a prefix of `prefix` characters, or NULL. */
static const architecture_family *family_beginning_at(const char *name, size_t *prefix)
{
    const architecture_family *family;
    for (int f = 0; (family = architecture_family_at(f)) != NULL; f++) {
        const size_t length = strlen(name), end = strlen(family->first_tensor);
        if (length >= end && strcmp(name + length - end, family->first_tensor) == 0 &&
            (length == end || name[length - end - 1] == '.')) {
            *prefix = length - end;
            return family;
        }
    }
    return NULL;
}

void branches_find(const reshift_tensors *tensors, branches *found)
{
    found->n = 0;
    for (int64_t t = 0; t < reshift_tensors_count(tensors) && found->n < BRANCHES_MAX; t++) {
        const char *name = reshift_tensors_name(tensors, t);
        size_t prefix;
        const architecture_family *family = family_beginning_at(name, &prefix);
        if (!family || prefix >= BRANCH_PREFIX_BYTES) {
            continue;
        }
        branch *b = &found->items[found->n];
        *b = (branch){.family = family, .order = found->n++};
        memcpy(b->prefix, name, prefix);
        b->arch = family->detect(tensors, b->prefix);
        judge(b);
    }
    qsort(found->items, (size_t)found->n, sizeof *found->items, compare);
}

void branch_name(const branch *b, char *name, size_t size)
{
    size_t length = strlen(b->prefix);
    snprintf(name, size, "%.*s", (int)(length ? length - 1 : 0), b->prefix);
}

static bool has_component(const char *prefix, const char *wanted)
{
    for (const char *at = prefix; *at;) {
        size_t length = strcspn(at, ".");
        if (component_is(at, length, wanted)) {
            return true;
        }
        at += length + (at[length] == '.');
    }
    return false;
}

reshift_status branches_choose(const branches *found, const char *wanted, int *index, reshift_error *error)
{
    size_t length = strlen(wanted);
    for (int way = 0; way < 2; way++) {
        for (int i = 0; i < found->n; i++) {
            const char *prefix = found->items[i].prefix;
            bool below = strncmp(prefix, wanted, length) == 0 && prefix[length] == '.';
            if (way == 0 ? below : has_component(prefix, wanted)) {
                *index = i;
                return RESHIFT_OK;
            }
        }
    }
    char list[512] = "";
    for (int i = 0; i < found->n; i++) {
        char name[BRANCH_PREFIX_BYTES];
        size_t end = strlen(list);
        branch_name(&found->items[i], name, sizeof name);
        snprintf(list + end, sizeof list - end, "%s%s%.100s%s", i ? ", " : "", *name ? "'" : "",
                 *name ? name : "the top level", *name ? "'" : "");
    }
    return error_set(error, RESHIFT_ERROR_NOT_FOUND, "there is no network below '%.100s'; there is one at: %s", wanted,
                     found->n ? list : "no place");
}

static bool begins_with(const char *name, const char *prefix) { return strncmp(name, prefix, strlen(prefix)) == 0; }

bool branches_own_other(const branches *found, int own, const char *name)
{
    const char *chosen = found->items[own].prefix;
    for (int i = 0; i < found->n; i++) {
        const char *prefix = found->items[i].prefix;
        bool above = begins_with(chosen, prefix); /* then it does not own what is below the chosen one */
        if (i != own && *prefix && begins_with(name, prefix) && !(above && begins_with(name, chosen))) {
            return true;
        }
    }
    return false;
}
