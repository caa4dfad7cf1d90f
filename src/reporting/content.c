/* Looks up measurements of a page's content. */
#include "reporting/content.h"

static const report_measurement *find_measurement(const report_content *content, report_model model, report_data data,
                                                  int severity, report_subset subset)
{
    for (int i = 0; i < content->n_measurements; i++) {
        const report_measurement *m = &content->measurements[i];
        if (m->model == model && m->data == data && m->severity == severity && m->subset == subset) {
            return m;
        }
    }
    return NULL;
}

const reshift_accuracy *report_find(const report_content *content, report_model model, report_data data, int severity,
                                    report_subset subset)
{
    const report_measurement *m = find_measurement(content, model, data, severity, subset);
    return m ? &m->accuracy : NULL;
}

const reshift_difference *report_find_change(const report_content *content, report_model model, report_data data,
                                             int severity, report_subset subset)
{
    const report_measurement *m = find_measurement(content, model, data, severity, subset);
    return m && m->change.n > 0 ? &m->change : NULL;
}
