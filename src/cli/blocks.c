/* One function parses both options, for a loaded network or for a row of the table of architectures. */
#include "cli/blocks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/session.h"

/* What the options are read for, and the result. */
typedef struct reading {
    const reshift_model *model;    /* NULL: only an architecture is known */
    const char *last_stage, *head; /* blocks of the defaults */
    reshift_block_rate *rates;     /* [BLOCKS_MOST] */
    int n;
    double auto_rate; /* 0: rates are given */
    char *message;    /* of reshift_error's size */
} reading;

static bool wrong(const reading *r, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->message, sizeof((reshift_error *)NULL)->message, format, arguments);
    va_end(arguments);
    return false;
}

/* "auto" or "auto=1e-3": sets the largest of automatic rates, 0 where rates are given. */
static bool read_auto(reading *r, const option_words *given)
{
    r->auto_rate = 0;
    for (int i = 0; i < given->n; i++) {
        const char *item = given->items[i];
        if (strncmp(item, "auto", 4) != 0 || (item[4] != '\0' && item[4] != '=')) {
            continue;
        }
        if (given->n > 1) {
            return wrong(r, "--lr: auto chooses the rates of all blocks and stands alone, found '%s' beside it",
                         given->items[i == 0]);
        }
        r->auto_rate = RESHIFT_AUTO_RATE;
        if (item[4] == '=' && !read_number_above(item + 5, 0, 10, &r->auto_rate)) {
            return wrong(r, "--lr: expected a number above 0, at most 10, found '%s'", item);
        }
    }
    return true;
}

static bool check_block(const reading *r, const char *name)
{
    reshift_error unknown;
    if (!r->model) {
        return reshift_block_check(name, &unknown) == RESHIFT_OK || wrong(r, "--train: %s", unknown.message);
    }
    char names[512] = "";
    const char *block;
    bool found = strcmp(name, "all") == 0;
    for (int b = 0; (block = reshift_model_block(r->model, b)) != NULL; b++) {
        const size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", b ? ", " : "", block);
        found = found || strcmp(block, name) == 0;
    }
    return found || wrong(r, "--train: there is no block '%s', expected some of %s, or all", name, names);
}

/* Whether "BLOCK=RATE" is of this block. */
static bool is_of(const char *item, const char *block)
{
    const size_t length = strlen(block);
    return strncmp(item, block, length) == 0 && item[length] == '=';
}

static bool read_block(reading *r, const char *block, const option_words *given)
{
    const bool single = given->n == 1 && !strchr(given->items[0], '=');
    reshift_block_rate *rate = &r->rates[r->n++];
    if (!check_block(r, block)) {
        return false;
    }
    snprintf(rate->block, sizeof rate->block, "%s", block);
    rate->learning_rate = r->auto_rate > 0 ? 0 : -1;
    for (int j = 0; j < given->n && r->auto_rate == 0; j++) {
        const char *item = given->items[j], *equals = strchr(item, '=');
        if ((single || is_of(item, block)) && !read_number(single ? item : equals + 1, 0, 10, &rate->learning_rate)) {
            return wrong(r, "--lr: expected a number from 0 to 10, found '%s'", item);
        }
        if (!single && !equals) {
            return wrong(r, "--lr: expected BLOCK=RATE, found '%s'", item);
        }
    }
    return rate->learning_rate >= 0 || wrong(r, "--lr: no learning rate for block '%s'", block);
}

/* Rates that were given for blocks that are not trained. */
static bool check_unused(const reading *r, const option_words *given, const char *train)
{
    for (int j = 0; j < given->n && r->auto_rate == 0; j++) {
        bool used = !strchr(given->items[j], '=');
        for (int i = 0; i < r->n && !used; i++) {
            used = is_of(given->items[j], r->rates[i].block);
        }
        if (!used) {
            return wrong(r, "--lr: '%s' is a rate of a block that is not trained: --train %s", given->items[j], train);
        }
    }
    return true;
}

static bool read_options(reading *r, const blocks_options *options)
{
    char default_train[128], default_lr[128];
    snprintf(default_train, sizeof default_train, "%s,%s", r->last_stage, r->head);
    snprintf(default_lr, sizeof default_lr, "%s=1e-4,%s=1e-3", r->last_stage, r->head);
    const char *train = options->train ? options->train : default_train, *lr = options->lr ? options->lr : default_lr;
    char *memory = malloc(strlen(train) + strlen(lr) + 2);
    option_words blocks, given;
    if (!memory) {
        return wrong(r, "out of memory");
    }
    r->n = 0;
    bool good = split_words(train, memory, &blocks) && blocks.n <= BLOCKS_MOST
                    ? true
                    : wrong(r, "--train: expected blocks with commas between them, found '%s'", train);
    if (good && !split_words(lr, memory + strlen(train) + 1, &given)) {
        good = wrong(r, "--lr: expected a learning rate or BLOCK=RATE,..., found '%s'", lr);
    }
    good = good && read_auto(r, &given);
    for (int i = 0; good && i < blocks.n; i++) {
        good = read_block(r, blocks.items[i], &given);
    }
    good = good && (!options->lr || check_unused(r, &given, train));
    free(memory);
    return good;
}

int blocks_check(const usage *u, const blocks_options *options)
{
    reshift_architecture row;
    reshift_block_rate rates[BLOCKS_MOST];
    char first[sizeof((reshift_error *)NULL)->message], message[sizeof first];
    for (int a = 0; reshift_architecture_at(a, &row); a++) {
        reading r = {.last_stage = row.last_stage, .head = row.head, .rates = rates, .message = a ? message : first};
        if (read_options(&r, options)) {
            return -1;
        }
    }
    return usage_error(u, "%s", first);
}

reshift_status blocks_choose(const blocks_options *options, const reshift_model *model, reshift_block_rate *rates,
                             reshift_finetune_options *how, reshift_error *error)
{
    char message[sizeof error->message];
    reading r = {.model = model,
                 .last_stage = reshift_model_default_block(model, 0),
                 .head = reshift_model_default_block(model, 1),
                 .rates = rates,
                 .message = message};
    if (!read_options(&r, options)) {
        return fail_with(error, RESHIFT_ERROR_NOT_FOUND, "%s", message);
    }
    const char *block;
    if (r.n == 1 && strcmp(rates[0].block, "all") == 0) { /* every block of the network, at its rate */
        for (r.n = 0; r.n < BLOCKS_MOST && (block = reshift_model_block(model, r.n)) != NULL; r.n++) {
            rates[r.n].learning_rate = rates[0].learning_rate;
            snprintf(rates[r.n].block, sizeof rates[r.n].block, "%s", block);
        }
    }
    how->blocks = rates;
    how->n_blocks = r.n;
    how->auto_rate = r.auto_rate;
    return RESHIFT_OK;
}
