/*
 * Tensors are handed to the file as views; only the history and the counters are copied. The metadata holds the options
 * of the training, so that a mismatch can be named, and a checksum, so that a damaged file is not taken up.
 */
#include "training/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "reshift/tensors.h"
#include "reshift/words.h"

static const char kind_key[] = "reshift.kind", kind[] = "finetune-checkpoint-3", kind_start[] = "finetune-checkpoint-",
                  training_key[] = "reshift.training", options_key[] = "reshift.options",
                  checksum_key[] = "reshift.checksum";
static const char rates_name[] = "learning_rates"; /* ratio and rate of each block in each epoch */
enum { MOST_COLUMNS = 8 };

static int history_columns(const checkpoint_state *s) { return s->validated ? MOST_COLUMNS : MOST_COLUMNS - 2; }

/* Where a state's pieces are, and under which names they stand in the file. */
typedef struct piece {
    char name[GRAPH_NAME_BYTES + 16];
    float *values;
    int64_t count;
} piece;

static optimiser *host_of(const checkpoint_state *s) { return plan_optimiser_host(s->optimiser); }

static int64_t count_pieces(const checkpoint_state *s)
{
    return s->n_changed + optimiser_states(host_of(s)) * (int64_t)s->n_trained + (s->best ? s->n_changed : 0);
}

/* Of the epoch that is kept: the parameters that training changes, behind one another. */
static void best_piece_at(const checkpoint_state *s, int64_t index, piece *p)
{
    p->values = s->best;
    for (int64_t i = 0; i < index; i++) {
        p->values += s->net->graph->parameters[s->changed[i]].count;
    }
    const graph_parameter *g = &s->net->graph->parameters[s->changed[index]];
    p->count = (int64_t)g->count;
    snprintf(p->name, sizeof p->name, "best.%s", g->name);
}

static void piece_at(const checkpoint_state *s, int64_t index, piece *p)
{
    int64_t beyond = index - s->n_changed;
    int states = optimiser_states(host_of(s)), span = states ? (int)(beyond / states) : 0;
    if (beyond >= states * (int64_t)s->n_trained) {
        best_piece_at(s, beyond - states * (int64_t)s->n_trained, p);
        return;
    }
    int parameter = index < s->n_changed ? s->changed[index] : s->trained[span];
    const graph_parameter *g = &s->net->graph->parameters[parameter];
    p->count = (int64_t)g->count;
    if (index < s->n_changed) {
        snprintf(p->name, sizeof p->name, "%s", g->name);
        p->values = network_parameter(s->net, parameter);
    } else {
        int which = (int)(beyond % states);
        snprintf(p->name, sizeof p->name, "%s.%s", optimiser_state_name(host_of(s), which), g->name);
        p->values = optimiser_state(host_of(s), which, span);
    }
}

static reshift_status add_view(reshift_tensors *tensors, const char *name, reshift_dtype dtype, int n_dims,
                               const int64_t *shape, void *data, reshift_error *error)
{
    reshift_array view = {.dtype = dtype, .n_dims = n_dims, .data = data, .read_only = true};
    memcpy(view.shape, shape, (size_t)n_dims * sizeof *shape);
    return reshift_tensors_add(tensors, name, &view, error);
}

/* Of all tensors, with their names, in any order, and of the texts. */
static void checksum_text(const reshift_tensors *tensors, const char *options, char text[24])
{
    uint64_t sum = checksum_bytes(options, strlen(options), 0);
    for (int64_t i = 0; i < reshift_tensors_count(tensors); i++) {
        const char *name = reshift_tensors_name(tensors, i);
        const reshift_array *array = reshift_tensors_at(tensors, i);
        sum += checksum_bytes(array->data, reshift_array_bytes(array), checksum_bytes(name, strlen(name), 0));
    }
    snprintf(text, 24, "%016llx", (unsigned long long)sum);
}

reshift_status checkpoint_save(const char *path, const checkpoint_state *s, reshift_error *error)
{
    const reshift_history *history = s->history;
    int64_t steps = optimiser_steps(host_of(s));
    reshift_tensors *tensors = reshift_tensors_create();
    const int columns = history_columns(s);
    int64_t best_epoch = s->best_epoch;
    const int64_t n_rates = (int64_t)history->n_epochs * history->n_rated;
    double *rows = calloc((size_t)history->n_epochs * MOST_COLUMNS + 1, sizeof *rows);
    double *rates = calloc(2 * (size_t)n_rates + 1, sizeof *rates);
    reshift_status status = plan_optimiser_read(s->optimiser, error);
    if (status == RESHIFT_OK && (!tensors || !rows || !rates)) {
        status = error_memory(error, sizeof *rows, "a checkpoint");
    }
    if (status != RESHIFT_OK) {
        goto end;
    }
    for (int64_t i = 0; status == RESHIFT_OK && i < count_pieces(s); i++) {
        piece p;
        piece_at(s, i, &p);
        status = add_view(tensors, p.name, RESHIFT_F32, 1, &p.count, p.values, error);
    }
    for (int e = 0; e < history->n_epochs; e++) {
        const reshift_epoch *from = &history->epochs[e];
        const double row[MOST_COLUMNS] = {from->epoch,           from->train_loss,         from->train_accuracy,
                                          from->test_loss,       from->test_accuracy,      from->seconds,
                                          from->validation_loss, from->validation_accuracy};
        memcpy(rows + e * columns, row, (size_t)columns * sizeof *row);
    }
    if (status == RESHIFT_OK) {
        status = add_view(tensors, "history", RESHIFT_F64, 2, (int64_t[]){history->n_epochs, columns}, rows, error);
    }
    for (int64_t i = 0; i < n_rates; i++) {
        rates[2 * i] = history->rates[i].ratio;
        rates[2 * i + 1] = history->rates[i].learning_rate;
    }
    if (status == RESHIFT_OK && n_rates > 0) {
        status = add_view(tensors, rates_name, RESHIFT_F64, 1, (int64_t[]){2 * n_rates}, rates, error);
    }
    if (status == RESHIFT_OK && s->best) {
        status = add_view(tensors, "best.epoch", RESHIFT_I64, 1, (int64_t[]){1}, &best_epoch, error);
    }
    if (status == RESHIFT_OK && s->best) {
        status = add_view(tensors, "best.batches_tracked", RESHIFT_I64, 1, (int64_t[]){s->net->graph->n_nodes},
                          s->best_tracked, error);
    }
    if (status == RESHIFT_OK) {
        status = add_view(tensors, "adam.steps", RESHIFT_I64, 1, (int64_t[]){1}, &steps, error);
    }
    if (status == RESHIFT_OK) {
        status = add_view(tensors, "batches_tracked", RESHIFT_I64, 1, (int64_t[]){s->net->graph->n_nodes},
                          s->net->batches_tracked, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_set_text(tensors, kind_key, kind, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_set_text(tensors, training_key, s->key, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_set_text(tensors, options_key, facts_text(s->depends_on), error);
    }
    if (status == RESHIFT_OK) {
        char sum[24];
        checksum_text(tensors, facts_text(s->depends_on), sum);
        status = reshift_tensors_set_text(tensors, checksum_key, sum, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_tensors_save(path, tensors, true, error);
    }
end:
    reshift_tensors_destroy(&tensors);
    free(rows);
    free(rates);
    return status;
}

/* A tensor of this type and count, or NULL with the error said. */
static const void *find(const reshift_tensors *tensors, const char *path, const char *name, reshift_dtype dtype,
                        int64_t count, reshift_error *error)
{
    const reshift_array *array = reshift_tensors_find(tensors, name);
    if (!array) {
        error_set(error, RESHIFT_ERROR_SHAPE, "checkpoint '%s': tensor '%s' is missing", path, name);
        return NULL;
    }
    if (array->dtype != dtype || reshift_array_count(array) != count) {
        error_set(error, RESHIFT_ERROR_SHAPE, "checkpoint '%s': tensor '%s': expected %lld of %s, found %lld of %s",
                  path, name, (long long)count, reshift_dtype_name(dtype), (long long)reshift_array_count(array),
                  reshift_dtype_name(array->dtype));
        return NULL;
    }
    return array->data;
}

/* Checks all (`take` false), then takes all. */
static reshift_status walk(const reshift_tensors *tensors, const char *path, checkpoint_state *s, bool take,
                           reshift_error *error)
{
    for (int64_t i = 0; i < count_pieces(s); i++) {
        piece p;
        piece_at(s, i, &p);
        const void *data = find(tensors, path, p.name, RESHIFT_F32, p.count, error);
        if (!data) {
            return RESHIFT_ERROR_SHAPE;
        }
        if (take) {
            memcpy(p.values, data, (size_t)p.count * sizeof(float));
        }
    }
    const int64_t *steps = find(tensors, path, "adam.steps", RESHIFT_I64, 1, error);
    const int64_t *tracked =
        steps ? find(tensors, path, "batches_tracked", RESHIFT_I64, s->net->graph->n_nodes, error) : NULL;
    const int64_t *epoch = NULL, *best_tracked = NULL;
    if (tracked && s->best) {
        epoch = find(tensors, path, "best.epoch", RESHIFT_I64, 1, error);
        best_tracked =
            epoch ? find(tensors, path, "best.batches_tracked", RESHIFT_I64, s->net->graph->n_nodes, error) : NULL;
        if (epoch && (*epoch < 1 || *epoch > reshift_tensors_find(tensors, "history")->shape[0])) {
            return error_set(error, RESHIFT_ERROR_SHAPE, "checkpoint '%s': best epoch %lld is not in its history", path,
                             (long long)*epoch);
        }
    }
    if (!tracked || (s->best && !best_tracked)) {
        return RESHIFT_ERROR_SHAPE;
    }
    const int64_t n_rates = reshift_tensors_find(tensors, "history")->shape[0] * s->history->n_rated;
    const double *rates = n_rates ? find(tensors, path, rates_name, RESHIFT_F64, 2 * n_rates, error) : NULL;
    if (n_rates && !rates) {
        return RESHIFT_ERROR_SHAPE;
    }
    for (int64_t i = 0; i < n_rates && take; i++) {
        s->history->rates[i].ratio = rates[2 * i];
        s->history->rates[i].learning_rate = rates[2 * i + 1];
    }
    if (take && s->best) {
        s->best_epoch = (int)*epoch;
        memcpy(s->best_tracked, best_tracked, (size_t)s->net->graph->n_nodes * sizeof *best_tracked);
    }
    if (take) {
        optimiser_set_steps(host_of(s), *steps);
        memcpy(s->net->batches_tracked, tracked, (size_t)s->net->graph->n_nodes * sizeof *tracked);
        for (int i = 0; i < s->n_changed; i++) {
            network_touch(s->net, s->changed[i]);
        }
    }
    return RESHIFT_OK;
}

static void take_history(const reshift_array *rows, reshift_history *history)
{
    history->n_epochs = (int)rows->shape[0];
    for (int e = 0; e < history->n_epochs; e++) {
        const int64_t columns = rows->shape[1];
        const double *row = (const double *)rows->data + e * columns;
        const bool more = columns == MOST_COLUMNS;
        history->epochs[e] = (reshift_epoch){
            (int)row[0], row[1], row[2], row[3], row[4], row[5], more ? row[6] : NAN, more ? row[7] : NAN};
    }
}

/* ---- what does not fit ---- */

/* "an older" or "a newer": kinds are numbered. */
static const char *age_of(const char *found_kind)
{
    return atoi(found_kind + sizeof kind_start - 1) < atoi(kind + sizeof kind_start - 1) ? "an older" : "a newer";
}

/* Why the file cannot be taken up, in words; false where it can. */
static bool find_mismatch(const reshift_tensors *tensors, const checkpoint_state *s, reshift_status *code, char *why,
                          size_t size)
{
    const char *found_kind = reshift_tensors_text(tensors, kind_key),
               *key = reshift_tensors_text(tensors, training_key);
    const char *options = reshift_tensors_text(tensors, options_key),
               *sum = reshift_tensors_text(tensors, checksum_key);
    const reshift_array *rows = reshift_tensors_find(tensors, "history");
    char expected[24], difference[256];
    *code = RESHIFT_ERROR_EXISTS;
    if (strcmp(found_kind, kind) != 0) {
        snprintf(why, size, "was written by %s version of reshift (%s, this one writes %s)", age_of(found_kind),
                 found_kind, kind);
        return true;
    }
    if (!key || !options || !sum) {
        *code = RESHIFT_ERROR_FORMAT;
        snprintf(why, size, "is damaged: its options or its checksum are missing");
        return true;
    }
    checksum_text(tensors, options, expected);
    if (strcmp(sum, expected) != 0) {
        *code = RESHIFT_ERROR_FORMAT;
        snprintf(why, size, "is damaged: its checksum is %s, its content's is %s", sum, expected);
        return true;
    }
    if (strcmp(key, s->key) != 0) {
        const bool found = facts_difference(s->depends_on, options, difference, sizeof difference);
        snprintf(why, size, "belongs to another training: %s", found ? difference : "its key is another");
        return true;
    }
    if (!rows || rows->dtype != RESHIFT_F64 || rows->n_dims != 2 || rows->shape[1] != history_columns(s)) {
        *code = RESHIFT_ERROR_SHAPE;
        snprintf(why, size, "is damaged: tensor 'history' is missing or of a wrong shape");
        return true;
    }
    if (rows->shape[0] > s->epochs) {
        snprintf(why, size, "holds %lld %s, requested: %d", (long long)rows->shape[0],
                 reshift_noun_for(rows->shape[0], "epoch", "epochs"), s->epochs);
        return true;
    }
    return false;
}

/* An error, or a warning that the file will be replaced. */
static reshift_status answer_mismatch(const char *path, const checkpoint_state *s, reshift_status code, const char *why,
                                      const reshift_progress *progress, reshift_error *error)
{
    if (s->mismatch != RESHIFT_CHECKPOINT_REFUSE) {
        progress_message(progress, RESHIFT_LOG_WARNING, "checkpoint '%s' %s; training starts from the beginning", path,
                         why);
        return RESHIFT_OK;
    }
    error_set(error, code, "checkpoint '%s' %s", path, why);
    if (strncmp(why, "is damaged", 10) == 0) {
        error_hint(error, "use --force to start again from the first epoch and replace it, or name another file");
    } else {
        error_hint(error, "repeat the options it was made with, name another file, or use --force to replace it");
    }
    return code;
}

static reshift_status take_up(const reshift_tensors *tensors, const char *path, checkpoint_state *s, bool *taken,
                              const reshift_progress *progress, reshift_error *error)
{
    reshift_status status = walk(tensors, path, s, false, error);
    if (status == RESHIFT_OK) {
        walk(tensors, path, s, true, error);
        take_history(reshift_tensors_find(tensors, "history"), s->history);
        *taken = true;
        progress_message(progress, RESHIFT_LOG_INFO, "going on after epoch %d of %d", s->history->n_epochs, s->epochs);
    }
    return status;
}

reshift_status checkpoint_load(const char *path, checkpoint_state *s, bool *taken, const reshift_progress *progress,
                               reshift_error *error)
{
    *taken = false;
    bool there;
    reshift_status status = path_is_file(path, &there, error);
    if (status != RESHIFT_OK || !there) {
        return status;
    }
    reshift_tensors *tensors;
    reshift_error own;
    char why[600];
    status = reshift_tensors_load(path, &tensors, &own);
    const bool unreadable = status == RESHIFT_ERROR_FORMAT || status == RESHIFT_ERROR_UNSUPPORTED ||
                            status == RESHIFT_ERROR_SHAPE || status == RESHIFT_ERROR_ARGUMENT;
    if (unreadable && s->mismatch == RESHIFT_CHECKPOINT_OWN) {
        snprintf(why, sizeof why, "is damaged: %.500s", own.message);
        return answer_mismatch(path, s, status, why, progress, error);
    }
    if (status != RESHIFT_OK) {
        if (error) {
            *error = own;
        }
        error_prefix(error, status, "checkpoint of fine-tuning");
        if (unreadable) {
            error_hint(error, "use --force to start again from the first epoch and replace it, or name another file");
        }
        return status;
    }
    const char *found_kind = reshift_tensors_text(tensors, kind_key);
    const bool ours = found_kind && strncmp(found_kind, kind_start, sizeof kind_start - 1) == 0;
    reshift_status code;
    if (!ours && s->mismatch != RESHIFT_CHECKPOINT_OWN) {
        status = error_set(error, RESHIFT_ERROR_EXISTS, "'%s' is there and is no checkpoint of fine-tuning", path);
        error_hint(error, "choose another name for the checkpoint");
    } else if (!ours) {
        status = answer_mismatch(path, s, RESHIFT_ERROR_EXISTS, "is no checkpoint of fine-tuning", progress, error);
    } else if (find_mismatch(tensors, s, &code, why, sizeof why)) {
        status = answer_mismatch(path, s, code, why, progress, error);
    } else {
        status = take_up(tensors, path, s, taken, progress, error);
        if (status == RESHIFT_OK && *taken) {
            status = plan_optimiser_write(s->optimiser, error);
        }
    }
    reshift_tensors_destroy(&tensors);
    return status;
}
