/* A file of class names: any bytes, for as many classes as it has lines or another number. */
#include "fuzz.h"

#include "base/text.h"
#include "models/classes/class_names.h"
#include "models/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += bytes[i] == '\n' || i + 1 == size;
    }
    for (int n = lines; n <= lines + 1; n++) {
        reshift_error error;
        char **names;
        reshift_status status = class_names_parse((const char *)bytes, size, "x", n, &names, &error);
        must_explain(status, &error);
        must((status == RESHIFT_OK) == (names != NULL) && (n == lines || status != RESHIFT_OK));
        for (int k = 0; names && k < n; k++) {
            size_t length = strlen(names[k]);
            must(length > 0 && length <= CLASS_NAME_BYTES_MAX && text_is_utf8((const uint8_t *)names[k], length));
        }
        recipe_class_names_destroy(&names, n);
    }
    return 0;
}
