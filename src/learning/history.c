/* The record of a training as a CSV file: one line an epoch, an empty field where nothing was measured. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "reshift/learning.h"

static const char header[] = "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds\n";

void reshift_history_destroy(reshift_history *history)
{
    if (history) {
        free(history->epochs);
        memset(history, 0, sizeof *history);
    }
}

reshift_status reshift_history_save_csv(const char *path, const reshift_history *history, bool overwrite,
                                        reshift_error *error)
{
    file_writer writer;
    reshift_status status = file_writer_open(path, overwrite, &writer, error);
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "%s", header);
    }
    for (int i = 0; status == RESHIFT_OK && i < history->n_epochs; i++) {
        const reshift_epoch *e = &history->epochs[i];
        const double values[5] = {e->train_loss, e->train_accuracy, e->test_loss, e->test_accuracy, e->seconds};
        status = file_writer_printf(&writer, error, "%d", e->epoch);
        for (int v = 0; status == RESHIFT_OK && v < 5; v++) {
            status = isnan(values[v]) ? file_writer_printf(&writer, error, ",")
                                      : file_writer_printf(&writer, error, ",%.17g", values[v]);
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

static reshift_status malformed(const char *path, int64_t line, const char *what, reshift_error *error)
{
    error_set(error, RESHIFT_ERROR_FORMAT, "cannot read history '%s': line %lld: %s", path, (long long)line, what);
    return error_at_line(error, RESHIFT_ERROR_FORMAT, path, line);
}

/* "7,0.5,,0.1,..." up to the newline; false where the line is not six fields of numbers. */
static bool parse_line(const char *line, reshift_epoch *epoch)
{
    char *end;
    errno = 0;
    long number = strtol(line, &end, 10);
    if (end == line || errno || number < 1 || number > 1000000000 || *end != ',') {
        return false;
    }
    double values[5];
    for (int v = 0; v < 5; v++) {
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
        if (v < 4 ? *end != ',' : (*end != '\n' && *end != '\0')) {
            return false;
        }
    }
    *epoch = (reshift_epoch){(int)number, values[0], values[1], values[2], values[3], values[4]};
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
    if (strncmp(line, header, sizeof header - 1) != 0) {
        status = malformed(path, 1, "expected the header 'epoch,train_loss,...,seconds'", error);
    } else {
        line += sizeof header - 1;
    }
    for (int64_t number = 2; status == RESHIFT_OK && *line; number++) {
        if (!parse_line(line, &history->epochs[history->n_epochs])) {
            status = malformed(path, number, "expected an epoch and five numbers or empty fields", error);
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
