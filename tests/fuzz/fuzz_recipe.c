/*
 * The metadata of weights as reshift reads it: lines "KEY=VALUE" under our names or the plain ones. A recipe that was
 * read can be used, class names are all there, and both read the same again after writing.
 */
#include "fuzz.h"

#include <math.h>
#include <stdio.h>

#include "models/recipe.h"

#define CLASSES 3

static void check_recipe(const reshift_recipe *recipe)
{
    reshift_error error;
    reshift_recipe again = *recipe;
    must(recipe->size >= 8 && recipe->size <= 4096 && recipe->resize >= recipe->size);
    for (int c = 0; c < 3; c++) {
        must(isfinite(recipe->mean[c]) && isfinite(recipe->std[c]) && recipe->std[c] > 0);
    }
    reshift_tensors *t = reshift_tensors_create();
    must(t && recipe_to_tensors(recipe, t, &error) == RESHIFT_OK);
    must(recipe_from_tensors(t, &again, NULL, &error) == RESHIFT_OK);
    must(again.size == recipe->size && again.resize == recipe->resize &&
         memcmp(again.mean, recipe->mean, sizeof again.mean) == 0 &&
         memcmp(again.std, recipe->std, sizeof again.std) == 0);
    reshift_tensors_destroy(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    const architecture *arch;
    reshift_recipe recipe;
    notes list = {0};
    char **names = NULL, *text = strndup((const char *)bytes, size), *rest = text, *line;
    reshift_tensors *t = reshift_tensors_create();
    must(text && t && architecture_find("resnet50", &arch, &error) == RESHIFT_OK);
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *value = strchr(line, '=');
        if (value) {
            *value++ = '\0';
            must(reshift_tensors_set_text(t, line, value, &error) == RESHIFT_OK);
        }
    }
    recipe_default(arch, 1, &recipe);
    reshift_status status = recipe_from_tensors(t, &recipe, &list, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        check_recipe(&recipe);
    }
    status = recipe_class_names_from_tensors(t, CLASSES, &names, &list, &error);
    must_explain(status, &error);
    must(status == RESHIFT_OK || !names);
    for (int k = 0; names && k < CLASSES; k++) {
        must(names[k] != NULL);
        touch(names[k], strlen(names[k]) + 1);
    }
    recipe_class_names_destroy(&names, CLASSES);
    for (int i = 0; i < list.n; i++) {
        must(strchr(list.items[i].text, '\n') == NULL);
    }
    notes_clear(&list);
    reshift_tensors_destroy(&t);
    free(text);
    return 0;
}
