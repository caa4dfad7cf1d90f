/*
 * The exported network, read back by the format's description: every operator reads what an earlier one gave, every
 * tensor is the network's own byte for byte, attributes are the graph's, and the metadata say how images are prepared.
 * That other programs compute the same is checked by hand (check_onnx.py).
 */
#include "check.h"

#include <unistd.h>

#include "base/files.h"
#include "models/model.h"
#include "models/onnx.pb-c.h"
#include "reshift/export.h"

static reshift_error error;

static Onnx__ModelProto *write_and_read(const reshift_model *model, int size)
{
    char path[] = "/tmp/reshift-onnx-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    check_error(reshift_model_save_onnx(path, model, size, false, &error), RESHIFT_ERROR_EXISTS, "exists");
    check_ok(reshift_model_save_onnx(path, model, size, true, &error));
    char *bytes;
    size_t count;
    check_ok(file_read_all(path, &bytes, &count, &error));
    Onnx__ModelProto *read = onnx__model_proto__unpack(NULL, count, (const uint8_t *)bytes);
    free(bytes);
    unlink(path);
    assert_non_null(read);
    return read;
}

static bool is_known(const Onnx__GraphProto *g, size_t n_nodes, const char *name)
{
    bool known = strcmp(name, g->input[0]->name) == 0;
    for (size_t i = 0; i < g->n_initializer; i++) {
        known = known || strcmp(name, g->initializer[i]->name) == 0;
    }
    for (size_t i = 0; i < n_nodes; i++) {
        known = known || strcmp(name, g->node[i]->output[0]) == 0;
    }
    return known;
}

static const Onnx__NodeProto *find_node(const Onnx__GraphProto *g, const char *name)
{
    for (size_t i = 0; i < g->n_node; i++) {
        if (strcmp(g->node[i]->name, name) == 0) {
            return g->node[i];
        }
    }
    fail_msg("no node '%s'", name);
    return NULL;
}

static const Onnx__AttributeProto *find_attribute(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (strcmp(node->attribute[i]->name, name) == 0) {
            return node->attribute[i];
        }
    }
    fail_msg("'%s' has no '%s'", node->name, name);
    return NULL;
}

static const char *text_of(const Onnx__ModelProto *m, const char *key)
{
    for (size_t i = 0; i < m->n_metadata_props; i++) {
        if (strcmp(m->metadata_props[i]->key, key) == 0) {
            return m->metadata_props[i]->value;
        }
    }
    return NULL;
}

static void check_graph(const Onnx__ModelProto *m, const reshift_model *model)
{
    const network *net = model_network(model);
    const Onnx__GraphProto *g = m->graph;
    /* the input is no node; the average pool needs a second one */
    assert_int_equal(g->n_node, net->graph->n_nodes);
    for (size_t i = 0; i < g->n_node; i++) {
        assert_int_equal(g->node[i]->n_output, 1);
        assert_false(is_known(g, i, g->node[i]->output[0])); /* every result has a name of its own */
        for (size_t j = 0; j < g->node[i]->n_input; j++) {
            if (!is_known(g, i, g->node[i]->input[j])) {
                fail_msg("node '%s' reads '%s' before it is there", g->node[i]->name, g->node[i]->input[j]);
            }
        }
    }
    assert_string_equal(g->node[g->n_node - 1]->output[0], "logits");
    assert_int_equal(g->n_initializer, net->graph->n_parameters);
    for (int p = 0; p < net->graph->n_parameters; p++) {
        const graph_parameter *expected = &net->graph->parameters[p];
        const Onnx__TensorProto *tensor = g->initializer[p];
        assert_string_equal(tensor->name, expected->name);
        assert_int_equal(tensor->data_type, 1);
        assert_int_equal(tensor->n_dims, expected->n_dims);
        for (int d = 0; d < expected->n_dims; d++) {
            assert_int_equal(tensor->dims[d], expected->shape[d]);
        }
        assert_int_equal(tensor->raw_data.len, expected->count * sizeof(float));
        assert_memory_equal(tensor->raw_data.data, network_parameter(net, p), tensor->raw_data.len);
    }
    assert_int_equal(m->opset_import[0]->version, 11);
    assert_true(g->input[0]->type->tensor_type->shape->dim[0]->dim_param != NULL);
    assert_int_equal(g->output[0]->type->tensor_type->shape->dim[1]->dim_value, reshift_model_n_classes(model));
}

static void test_bottlenecks(void **state)
{
    (void)state;
    reshift_model *model;
    check_ok(reshift_model_create("resnet50", 7, 1, &model, &error));
    Onnx__ModelProto *m = write_and_read(model, 0);
    check_graph(m, model);
    const Onnx__NodeProto *conv = find_node(m->graph, "layer2.0.conv2");
    assert_string_equal(conv->op_type, "Conv");
    assert_string_equal(conv->input[1], "layer2.0.conv2.weight");
    assert_int_equal(find_attribute(conv, "strides")->ints[1], 2);
    assert_int_equal(find_attribute(conv, "kernel_shape")->ints[0], 3);
    assert_int_equal(find_attribute(conv, "pads")->n_ints, 4);
    assert_int_equal(find_attribute(conv, "pads")->ints[3], 1);
    const Onnx__NodeProto *norm = find_node(m->graph, "layer2.0.bn2");
    assert_string_equal(norm->input[3], "layer2.0.bn2.running_mean");
    assert_string_equal(norm->input[4], "layer2.0.bn2.running_var");
    assert_true(find_attribute(norm, "epsilon")->f == 1e-5f);
    const Onnx__NodeProto *sum = find_node(m->graph, "layer2.0.add");
    assert_string_equal(sum->input[0], "layer2.0.bn3");
    assert_string_equal(sum->input[1], "layer2.0.downsample.1");
    assert_int_equal(find_attribute(find_node(m->graph, "fc"), "transB")->i, 1);
    assert_string_equal(text_of(m, "arch"), "resnet50");
    assert_string_equal(text_of(m, "input_size"), "224");
    assert_string_equal(text_of(m, "mean"), "0.485 0.456 0.406");
    assert_null(text_of(m, "class_names"));
    onnx__model_proto__free_unpacked(m, NULL);
    reshift_model_destroy(&model);
}

/* Grouped convolutions have one attribute more than others; those without groups have none. */
static void test_groups(void **state)
{
    (void)state;
    reshift_model *model;
    check_ok(reshift_model_create("resnext50_32x4d", 7, 1, &model, &error));
    Onnx__ModelProto *m = write_and_read(model, 64);
    check_graph(m, model);
    const Onnx__NodeProto *grouped = find_node(m->graph, "layer2.0.conv2"),
                          *plain = find_node(m->graph, "layer2.0.conv1");
    assert_int_equal(find_attribute(grouped, "group")->i, 32);
    assert_int_equal(grouped->n_attribute, 4);
    assert_int_equal(plain->n_attribute, 3);
    assert_string_equal(text_of(m, "arch"), "resnext50_32x4d");
    onnx__model_proto__free_unpacked(m, NULL);
    reshift_model_destroy(&model);
}

static void test_small_one(void **state)
{
    (void)state;
    static const char *const names[] = {"a \"quoted\" one", "zw\xc3\xb6lf"};
    reshift_model *model;
    check_ok(reshift_model_create("resnet-demo", 2, 1, &model, &error));
    check_ok(reshift_model_set_class_names(model, names, 2, &error));
    Onnx__ModelProto *m = write_and_read(model, 48);
    check_graph(m, model);
    assert_int_equal(m->graph->input[0]->type->tensor_type->shape->dim[3]->dim_value, 48);
    assert_string_equal(text_of(m, "class_names"), "[\"a \\\"quoted\\\" one\",\"zw\xc3\xb6lf\"]");
    onnx__model_proto__free_unpacked(m, NULL);
    check_error(reshift_model_save_onnx("/tmp/no.onnx", model, 7, true, &error), RESHIFT_ERROR_ARGUMENT,
                "expected 8 to 4096");
    check_error(reshift_model_save_onnx("/tmp/no.onnx", model, -1, true, &error), RESHIFT_ERROR_ARGUMENT, "found -1");
    check_error(reshift_model_save_onnx("/nowhere/at/all.onnx", model, 0, true, &error), RESHIFT_ERROR_NOT_FOUND,
                "nowhere");
    reshift_model_destroy(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bottlenecks), cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_small_one)};
    return cmocka_run_group_tests_name("onnx", tests, NULL, NULL);
}
