/* The record of a training as a CSV file: one line an epoch, an empty field where nothing was measured. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "reshift/learning.h"
#include "reshift/words.h"

/* The second where a validation set was measured. */
static const char *const headers[2] = {
    "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds\n",
    "epoch,train_loss,train_accuracy,test_loss,test_accuracy,validation_loss,validation_accuracy,seconds\n"};
enum { MOST_VALUES = 7 };

static bool validated(const reshift_history *history)
{
    bool any = false;
    for (int i = 0; i < history->n_epochs; i++) {
        any = any || !isnan(history->epochs[i].validation_accuracy);
    }
    return any;
}

void reshift_history_destroy(reshift_history *history)
{
    if (history) {
        free(history->epochs);
        free(history->rates);
        memset(history, 0, sizeof *history);
    }
}

int reshift_history_best(const reshift_history *history)
{
    const reshift_epoch *best = NULL;
    for (int i = 0; i < history->n_epochs; i++) {
        const reshift_epoch *epoch = &history->epochs[i];
        if (!isnan(epoch->validation_accuracy) && (!best || epoch->validation_accuracy > best->validation_accuracy)) {
            best = epoch;
        }
    }
    return best ? best->epoch : 0;
}

reshift_status reshift_history_save_csv(const char *path, const reshift_history *history, bool overwrite,
                                        reshift_error *error)
{
    file_writer writer;
    const bool more = validated(history);
    reshift_status status = file_writer_open(path, overwrite, &writer, error);
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "%.*s", (int)strlen(headers[more]) - 1, headers[more]);
    }
    for (int b = 0; status == RESHIFT_OK && b < history->n_rated && history->n_epochs > 0; b++) {
        status =
            file_writer_printf(&writer, error, ",ratio_%s,lr_%s", history->rates[b].block, history->rates[b].block);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "\n");
    }
    for (int i = 0; status == RESHIFT_OK && i < history->n_epochs; i++) {
        const reshift_epoch *e = &history->epochs[i];
        const double values[MOST_VALUES] = {e->train_loss,
                                            e->train_accuracy,
                                            e->test_loss,
                                            e->test_accuracy,
                                            more ? e->validation_loss : e->seconds,
                                            e->validation_accuracy,
                                            e->seconds};
        status = file_writer_printf(&writer, error, "%d", e->epoch);
        for (int v = 0; status == RESHIFT_OK && v < (more ? 7 : 5); v++) {
            char text[40];
            status =
                file_writer_printf(&writer, error, ",%s", isnan(values[v]) ? "" : reshift_number_text(values[v], text));
        }
        for (int b = 0; status == RESHIFT_OK && b < history->n_rated; b++) {
            const reshift_chosen_rate *r = &history->rates[i * history->n_rated + b];
            char ratio[40], rate[40];
            status = file_writer_printf(&writer, error, ",%s,%s", reshift_number_text(r->ratio, ratio),
                                        reshift_number_text(r->learning_rate, rate));
        }
        if (status == RESHIFT_OK) {
            status = file_writer_printf(&writer, error, "\n");
        }
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    return status;
}

/* A header's beginning, up to where its line would end. */
static bool starts_with(const char *text, const char *header) { return strncmp(text, header, strlen(header) - 1) == 0; }

/* ",ratio_BLOCK,lr_BLOCK" for each block up to the line's end: their number, and their names where there is room. */
static bool read_rated(const char *text, int *n, reshift_chosen_rate *rates)
{
    *n = 0;
    while (*text == ',') {
        char block[sizeof rates->block], pair[2 * sizeof block + 16];
        const size_t length = strncmp(text, ",ratio_", 7) == 0 ? strcspn(text + 7, ",\n") : 0;
        if (length == 0 || length >= sizeof block) {
            return false;
        }
        memcpy(block, text + 7, length);
        block[length] = '\0';
        const size_t whole = (size_t)snprintf(pair, sizeof pair, ",ratio_%s,lr_%s", block, block);
        if (strncmp(text, pair, whole) != 0 || *n == 1000) {
            return false;
        }
        if (rates) {
            memcpy(rates[*n].block, block, length + 1);
        }
        text += whole;
        (*n)++;
    }
    return *text == '\n' || *text == '\0';
}

/* ",0.5": the comma and a number behind it. */
static bool parse_field(char **end, double *value)
{
    char *start = *end + 1;
    if (**end != ',') {
        return false;
    }
    *value = strtod(start, end);
    return *end != start;
}

static reshift_status malformed(const char *path, int64_t line, const char *what, reshift_error *error)
{
    return error_in_line(error, "cannot read history", path, line, "%s", what);
}

/*
 * "7,0.5,,0.1,..." up to the newline; false where the line is not a whole number, `n` numbers or empty fields, and two
 * numbers a block.
 */
static bool parse_line(const char *line, int n, reshift_epoch *epoch, reshift_chosen_rate *rates, int n_rated)
{
    char *end;
    errno = 0;
    long number = strtol(line, &end, 10);
    if (end == line || errno || number < 1 || number > 1000000000 || *end != ',') {
        return false;
    }
    double values[MOST_VALUES];
    for (int v = 0; v < n; v++) {
        const char *start = end + 1;
        if (*start == ',' || *start == '\n' || *start == '\0') {
            values[v] = NAN;
            end = (char *)start;
        } else {
            values[v] = strtod(start, &end);
            if (end == start) {
                return false;
            }
        }
        if (v < n - 1 || n_rated > 0 ? *end != ',' : (*end != '\n' && *end != '\0')) {
            return false;
        }
    }
    for (int b = 0; b < n_rated; b++) {
        if (!parse_field(&end, &rates[b].ratio) || !parse_field(&end, &rates[b].learning_rate)) {
            return false;
        }
    }
    if (*end != '\n' && *end != '\0') {
        return false;
    }
    *epoch = (reshift_epoch){.epoch = (int)number,
                             .train_loss = values[0],
                             .train_accuracy = values[1],
                             .test_loss = values[2],
                             .test_accuracy = values[3],
                             .validation_loss = n == 7 ? values[4] : NAN,
                             .validation_accuracy = n == 7 ? values[5] : NAN,
                             .seconds = values[n - 1]};
    return true;
}

reshift_status reshift_history_load_csv(const char *path, reshift_history *history, reshift_error *error)
{
    memset(history, 0, sizeof *history);
    char *text;
    size_t size;
    reshift_status status = file_read_all(path, &text, &size, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    size_t lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
    }
    history->epochs = calloc(lines + 1, sizeof *history->epochs);
    if (!history->epochs) {
        free(text);
        return error_memory(error, (lines + 1) * sizeof *history->epochs, "a history");
    }
    const char *line = text;
    const bool more = starts_with(line, headers[1]);
    const int n_values = more ? 7 : 5;
    if (!(more || starts_with(line, headers[0])) ||
        !read_rated(line + strlen(headers[more]) - 1, &history->n_rated, NULL)) {
        status = malformed(path, 1, "expected the header 'epoch,train_loss,...,seconds'", error);
    } else if (history->n_rated > 0 &&
               !(history->rates = calloc((lines + 1) * (size_t)history->n_rated, sizeof *history->rates))) {
        status = error_memory(error, (lines + 1) * (size_t)history->n_rated * sizeof *history->rates, "a history");
    } else {
        const char *rated = line + strlen(headers[more]) - 1;
        for (size_t i = 0; i <= lines && history->n_rated > 0; i++) {
            read_rated(rated, &history->n_rated, history->rates + i * (size_t)history->n_rated);
        }
        line = strchr(rated, '\n') ? strchr(rated, '\n') + 1 : rated + strlen(rated);
    }
    for (int64_t number = 2; status == RESHIFT_OK && *line; number++) {
        if (!parse_line(line, n_values, &history->epochs[history->n_epochs],
                        history->rates ? history->rates + history->n_epochs * history->n_rated : NULL,
                        history->n_rated)) {
            status = malformed(path, number,
                               more ? "expected an epoch and seven numbers or empty fields"
                                    : "expected an epoch and five numbers or empty fields",
                               error);
            break;
        }
        history->n_epochs++;
        const char *newline = strchr(line, '\n');
        line = newline ? newline + 1 : line + strlen(line);
    }
    free(text);
    if (status != RESHIFT_OK) {
        reshift_history_destroy(history);
    }
    return status;
}
