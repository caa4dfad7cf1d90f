/* The public view of an experiment: its name, the resolved file, and the reference page of all keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiment/config/settings.h"

void reshift_experiment_destroy(reshift_experiment **experiment)
{
    if (experiment) {
        free(*experiment);
        *experiment = NULL;
    }
}

const char *reshift_experiment_name(const reshift_experiment *experiment) { return experiment->name; }

char *reshift_experiment_yaml(const reshift_experiment *experiment)
{
    char *text = NULL, section[32] = "";
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    bool good = true;
    for (const setting *row = settings_table(); row->path && good; row++) {
        char *value = setting_value_text(experiment, row);
        const char *dot = strchr(row->path, '.');
        good = value != NULL;
        if (good && dot) {
            if (strncmp(section, row->path, (size_t)(dot - row->path)) != 0 || section[dot - row->path] != '\0') {
                snprintf(section, sizeof section, "%.*s", (int)(dot - row->path), row->path);
                fprintf(out, "%s:\n", section);
            }
            fprintf(out, "  %s: %s\n", dot + 1, value);
        } else if (good) {
            fprintf(out, "%s: %s\n", row->path, value);
        }
        free(value);
    }
    if (fclose(out) != 0 || !good) {
        free(text);
        return NULL;
    }
    return text;
}

char *reshift_experiment_keys(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    fprintf(out, "| key | default | a value is | what it does |\n|---|---|---|---|\n");
    for (const setting *row = settings_table(); row->path; row++) {
        char expectation[256];
        setting_expectation(row, expectation, sizeof expectation);
        fprintf(out, "| `%s` | `%s` | %s | %s |\n", row->path, row->fallback, expectation, row->about);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
