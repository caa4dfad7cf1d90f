/* Fingerprints in metadata: those of what was read ascend, no two are equal, and written they read the same again. */
#include "fuzz.h"

#include "models/trained_on.h"
#include "reshift/model.h"

static void check(const reshift_fingerprints *prints)
{
    reshift_error error;
    reshift_fingerprints again;
    bool known = false;
    for (int64_t i = 1; i < prints->n; i++) {
        must(prints->values[i - 1] < prints->values[i]);
    }
    reshift_tensors *t = reshift_tensors_create();
    must(reshift_tensors_set_trained_on(t, prints, &error) == RESHIFT_OK);
    must(trained_on_read(t, &again, &known, NULL, &error) == RESHIFT_OK && known && again.n == prints->n);
    must(prints->n == 0 || memcmp(again.values, prints->values, (size_t)prints->n * sizeof *again.values) == 0);
    reshift_fingerprints_destroy(&again);
    reshift_tensors_destroy(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reshift_error error;
    reshift_fingerprints prints;
    bool known = false;
    char *text = strndup((const char *)bytes, size);
    reshift_tensors *t = reshift_tensors_create();
    must(text && reshift_tensors_set_text(t, "reshift.trained_on", text, &error) == RESHIFT_OK);
    reshift_status status = trained_on_read(t, &prints, &known, NULL, &error);
    must_explain(status, &error);
    must(known && (status == RESHIFT_OK || prints.n == 0));
    must(prints.n >= 0 && (size_t)prints.n * 8 <= strlen(text) / 4 * 3);
    if (status == RESHIFT_OK) {
        check(&prints);
    }
    reshift_fingerprints_destroy(&prints);
    reshift_tensors_destroy(&t);
    free(text);
    return 0;
}
