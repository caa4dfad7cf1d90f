#include "datasets/preparation_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"

enum { BYTES_MOST = 1 << 16 };

/* Excludes network input sizes, which are unknown here. */
static bool is_of_files(const reshift_image_fact *fact)
{
    return strcmp(fact->name, "input_size") != 0 && strcmp(fact->name, "resize") != 0;
}

reshift_status preparation_file_write(const char *folder, const char *corruption, int severity, uint64_t seed,
                                      const reshift_image_facts *facts, reshift_error *error)
{
    reshift_image_fact list[RESHIFT_IMAGE_FACTS];
    char *path = path_join(folder, PREPARATION_FILE), *text = NULL;
    json_t *object =
        json_pack("{s:s, s:i, s:I}", "corruption", corruption, "severity", severity, "seed", (json_int_t)seed);
    reshift_image_facts_list(facts, list);
    for (int i = 0; object && i < RESHIFT_IMAGE_FACTS; i++) {
        if (is_of_files(&list[i])) {
            json_object_set_new(object, list[i].name,
                                list[i].word          ? json_string(list[i].word)
                                : list[i].number >= 0 ? json_integer(list[i].number)
                                                      : json_null());
        }
    }
    char *json = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
    text = json && asprintf(&text, "%s\n", json) >= 0 ? text : NULL;
    free(json);
    reshift_status status = path && text ? file_write_all(path, text, strlen(text), true, error)
                                         : error_memory(error, 512, "a preparation");
    free(text);
    free(path);
    json_decref(object);
    return status;
}

static bool read_facts(const json_t *object, reshift_image_facts *facts)
{
    reshift_image_fact list[RESHIFT_IMAGE_FACTS];
    reshift_image_facts_list(facts, list); /* for the names */
    bool good = json_is_string(json_object_get(object, "corruption"));
    for (int i = 0; i < RESHIFT_IMAGE_FACTS && good; i++) {
        const json_t *value = json_object_get(object, list[i].name);
        if (is_of_files(&list[i])) {
            good = json_is_null(value) ||
                   ((json_is_string(value) || json_is_integer(value)) &&
                    reshift_image_facts_set(facts, list[i].name, json_string_value(value), json_integer_value(value)));
        }
    }
    return good && facts->corrupted && facts->constants > RESHIFT_CONSTANTS_AUTO && facts->crop_resize >= facts->crop &&
           facts->jpeg >= 0 && facts->crop >= 0;
}

reshift_status preparation_file_read(const char *folder, reshift_image_facts *facts, bool *known, reshift_error *error)
{
    char *path = path_join(folder, PREPARATION_FILE), *bytes = NULL;
    size_t size = 0;
    json_t *object = NULL;
    *known = false;
    *facts = (reshift_image_facts){0};
    reshift_status status = path ? path_is_file(path, known, error) : error_memory(error, strlen(folder), "a path");
    if (status == RESHIFT_OK && *known) {
        status = file_read_all(path, &bytes, &size, error);
    }
    if (status == RESHIFT_OK && *known) {
        object = size <= BYTES_MOST ? json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (!read_facts(object, facts)) {
            status = error_set(
                error, RESHIFT_ERROR_FORMAT,
                "cannot read '%s': expected how the images of its folder were corrupted, as 'reshift corrupt' "
                "writes it",
                path);
            error_hint(error, "rename it if it is about something else");
        }
    }
    json_decref(object);
    free(bytes);
    free(path);
    return status;
}
