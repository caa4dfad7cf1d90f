/*
 * Which tensors a training moved, and by how much: the network before and after, tensor by tensor. What batch norm
 * gathers (running mean and variance) is in the list, since it moves without being trained.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "models/model.h"
#include "reshift/learning.h"
#include "reshift/words.h"

static const char header[] = "tensor,block,values,changed,distance,norm,relative,most\n";

reshift_status reshift_moved_between(const reshift_model *before, const reshift_model *after, reshift_moved **rows,
                                     int *n, reshift_error *error)
{
    const network *a = model_network(before), *b = model_network(after);
    *rows = NULL;
    *n = 0;
    if (a->graph->n_parameters != b->graph->n_parameters) {
        return error_set(error, RESHIFT_ERROR_SHAPE, "two networks: expected %d tensors, found %d",
                         a->graph->n_parameters, b->graph->n_parameters);
    }
    reshift_moved *list = calloc((size_t)a->graph->n_parameters, sizeof *list);
    if (!list) {
        return error_memory(error, (size_t)a->graph->n_parameters * sizeof *list, "a list of tensors");
    }
    for (int p = 0; p < a->graph->n_parameters; p++) {
        const graph_parameter *one = &a->graph->parameters[p], *other = &b->graph->parameters[p];
        if (strcmp(one->name, other->name) != 0 || one->count != other->count) {
            free(list);
            return error_set(error, RESHIFT_ERROR_SHAPE, "two networks: expected '%s' of %zu values, found '%s' of %zu",
                             one->name, one->count, other->name, other->count);
        }
        const float *x = network_parameter(a, p), *y = network_parameter(b, p);
        double squares = 0, norm = 0, most = 0;
        int64_t changed = 0;
        for (size_t i = 0; i < one->count; i++) {
            double d = (double)y[i] - (double)x[i];
            changed += memcmp(&x[i], &y[i], sizeof *x) != 0;
            squares += d * d;
            norm += (double)x[i] * (double)x[i];
            most = fmax(most, fabs(d));
        }
        reshift_moved *row = &list[p];
        snprintf(row->name, sizeof row->name, "%s", one->name);
        snprintf(row->block, sizeof row->block, "%s", a->graph->blocks[one->block]);
        row->count = (int64_t)one->count;
        row->changed = changed;
        row->distance = sqrt(squares);
        row->norm = sqrt(norm);
        row->most = most;
    }
    *rows = list;
    *n = a->graph->n_parameters;
    return RESHIFT_OK;
}

reshift_status reshift_moved_save_csv(const char *path, const reshift_moved *rows, int n, bool overwrite,
                                      reshift_error *error)
{
    file_writer writer = {0};
    reshift_status status = file_writer_open(path, overwrite, &writer, error);
    if (status == RESHIFT_OK) {
        status = file_writer_printf(&writer, error, "%s", header);
    }
    for (int i = 0; i < n && status == RESHIFT_OK; i++) {
        const reshift_moved *r = &rows[i];
        status = file_writer_printf(&writer, error, "%s,%s,%lld,%lld,%.9g,%.9g,", r->name, r->block,
                                    (long long)r->count, (long long)r->changed, r->distance, r->norm);
        if (status == RESHIFT_OK && r->norm > 0) { /* a tensor of zeros has no relative distance */
            status = file_writer_printf(&writer, error, "%.9g", r->distance / r->norm);
        }
        if (status == RESHIFT_OK) {
            status = file_writer_printf(&writer, error, ",%.9g\n", r->most);
        }
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    return status;
}

/* "layer4.0.conv1.weight,layer4,9216,9216,0.5,10,0.05,0.01\n"; false where it is no such line. */
static bool parse_line(const char *line, reshift_moved *row)
{
    long long count, changed;
    int end = 0;
    if (sscanf(line, "%63[^,\n],%63[^,\n],%lld,%lld,%n", row->name, row->block, &count, &changed, &end) != 4 || !end ||
        count < 0 || changed < 0 || changed > count) {
        return false;
    }
    row->count = count;
    row->changed = changed;
    double *const values[] = {&row->distance, &row->norm, NULL, &row->most}; /* the third follows from the others */
    const char *field = line + end;
    for (int i = 0; i < 4; i++) {
        char *rest = (char *)field;
        const double value = strtod(field, &rest);
        const bool empty = rest == field;
        if ((empty && values[i]) || *rest != (i < 3 ? ',' : '\n')) {
            return false;
        }
        if (values[i]) {
            *values[i] = value;
        }
        field = rest + 1;
    }
    return true;
}

reshift_status reshift_moved_load_csv(const char *path, reshift_moved **rows, int *n, reshift_error *error)
{
    char *text;
    size_t size, lines = 0;
    *rows = NULL;
    *n = 0;
    reshift_status status = file_read_all(path, &text, &size, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
    }
    reshift_moved *list = calloc(lines + 1, sizeof *list);
    const char *line = text;
    int read = 0;
    if (!list) {
        status = error_memory(error, (lines + 1) * sizeof *list, "a list of tensors");
    } else if (strncmp(line, header, sizeof header - 1) != 0) {
        status = error_set(error, RESHIFT_ERROR_FORMAT, "cannot read '%s' line 1: expected the header '%.*s'", path,
                           (int)sizeof header - 2, header);
    } else {
        line += sizeof header - 1;
    }
    while (status == RESHIFT_OK && *line) {
        if (!parse_line(line, &list[read])) {
            status = error_set(error, RESHIFT_ERROR_FORMAT,
                               "cannot read '%s' line %d: expected a tensor, its block, two counts and four numbers",
                               path, read + 2);
            break;
        }
        read++;
        line = strchr(line, '\n') + 1;
    }
    free(text);
    if (status != RESHIFT_OK) {
        free(list);
        return status;
    }
    *rows = list;
    *n = read;
    return RESHIFT_OK;
}

/* Running means and variances are not trained: the relative change of a block is that of its weights, here and in the
 * report; statistics that changed are counted apart. */
bool reshift_moved_is_statistic(const char *name)
{
    const char *last = strrchr(name, '.');
    return last && strncmp(last, ".running_", 9) == 0;
}

void reshift_moved_tell(const reshift_moved *rows, int n, const reshift_progress *progress)
{
    for (int i = 0; i < n;) {
        int changed[2] = {0, 0}, tensors[2] = {0, 0}, first = i; /* weights, statistics */
        double squares = 0, norm = 0;
        for (; i < n && strcmp(rows[i].block, rows[first].block) == 0; i++) {
            const bool statistic = reshift_moved_is_statistic(rows[i].name);
            tensors[statistic]++;
            changed[statistic] += rows[i].changed > 0;
            if (!statistic) {
                squares += rows[i].distance * rows[i].distance;
                norm += rows[i].norm * rows[i].norm;
            }
        }
        if (progress && progress->message) {
            char text[200], statistics[80] = "";
            if (changed[1] > 0) {
                snprintf(statistics, sizeof statistics, "; %d of %d running %s changed", changed[1], tensors[1],
                         reshift_noun_for(tensors[1], "statistic", "statistics"));
            }
            if (changed[0] == 0) {
                snprintf(text, sizeof text, "%s: none of its %d weight %s changed%s", rows[first].block, tensors[0],
                         reshift_noun_for(tensors[0], "tensor", "tensors"), statistics);
            } else {
                const double percent = norm > 0 ? 100 * sqrt(squares / norm) : 0.0;
                snprintf(text, sizeof text,
                         percent >= 9.95 ? "%s: %d of %d weight tensors changed (relative L2 change %.0f %%)%s"
                                         : "%s: %d of %d weight tensors changed (relative L2 change %#.2g %%)%s",
                         rows[first].block, changed[0], tensors[0], percent, statistics);
            }
            progress->message(progress->context, RESHIFT_LOG_INFO, text);
        }
    }
}
