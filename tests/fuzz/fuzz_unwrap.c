/*
 * Names of tensors as any checkpoint may have them, a line each, of shapes that the line's length chooses: whatever is
 * found and renamed, every name is there once, and the network is loaded or refused in words.
 */
#include "fuzz.h"

#include <stdio.h>

#include "models/weights/unwrap.h"
#include "reshift/model.h"

static void add(reshift_tensors *t, const char *name)
{
    static const int64_t shapes[4][4] = {{3, 128, 1, 1}, {1, 3, 1, 1}, {16, 16, 3, 3}, {10, 1, 1, 1}};
    reshift_error error;
    reshift_array array;
    size_t length = strlen(name);
    must(reshift_array_create(RESHIFT_F32, (int)(length % 5), shapes[length / 5 % 4], &array, &error) == RESHIFT_OK);
    if (reshift_tensors_add(t, name, &array, &error) != RESHIFT_OK) {
        reshift_array_destroy(&array); /* the name is there already */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    reshift_model *model = NULL;
    char *text = strndup((const char *)bytes, size), *rest = text, *line;
    reshift_tensors *t = reshift_tensors_create();
    must(text && t);
    char *wanted = NULL;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (*line == '#') {
            wanted = line + 1;
        } else if (*line) {
            add(t, line);
        }
    }
    unwrapped result;
    notes list = {0};
    reshift_status status = unwrap_checkpoint(t, wanted, &result, &list, &error);
    must_explain(status, &error);
    touch_tensors(t);
    for (int i = 0; i < list.n; i++) {
        touch(list.items[i].text, strlen(list.items[i].text));
    }
    notes_clear(&list);
    if (status == RESHIFT_OK) {
        must_explain(reshift_model_from_tensors(t, &model, &error), &error);
        reshift_model_destroy(&model);
    }
    reshift_tensors_destroy(&t);
    free(text);
    return 0;
}
