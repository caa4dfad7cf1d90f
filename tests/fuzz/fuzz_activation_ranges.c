/* Ranges of activations in metadata: those of what was read are positive and finite, and written they read the same. */
#include "fuzz.h"

#include <math.h>

#include "models/ranges.h"
#include "models/architectures/architecture.h"

static network *make_network(void)
{
    reshift_error error;
    const architecture *arch = NULL;
    graph *g = NULL;
    must(architecture_find("resnet-demo", &arch, &error) == RESHIFT_OK &&
         architecture_graph(arch, 10, &g, &error) == RESHIFT_OK);
    network *n = network_create(g);
    must(n != NULL);
    return n;
}

static void check(network *n, network *other)
{
    reshift_error error;
    reshift_tensors *t = reshift_tensors_create();
    must(ranges_to_tensors(n, t, &error) == RESHIFT_OK && ranges_from_tensors(t, other, NULL, &error) == RESHIFT_OK);
    network_has_ranges(n, 0, n->graph->n_blocks - 1);
    for (int i = 0; i < n->graph->n_nodes; i++) {
        must((n->range[i] != NULL) == (other->range[i] != NULL));
        for (int c = 0; n->range[i] && c < n->graph->nodes[i].channels_out; c++) {
            must(isfinite(n->range[i][c]) && n->range[i][c] > 0 && n->range[i][c] == other->range[i][c]);
        }
    }
    reshift_tensors_destroy(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static network *n, *other;
    n = n ? n : make_network();
    other = other ? other : make_network();
    network_forget_ranges(n, 0);
    network_forget_ranges(other, 0);
    reshift_error error;
    char *text = strndup((const char *)bytes, size);
    reshift_tensors *t = reshift_tensors_create();
    must(text && reshift_tensors_set_text(t, "reshift.activation_ranges", text, &error) == RESHIFT_OK);
    reshift_status status = ranges_from_tensors(t, n, NULL, &error);
    must_explain(status, &error);
    if (status == RESHIFT_OK) {
        check(n, other);
    }
    reshift_tensors_destroy(&t);
    free(text);
    return 0;
}
