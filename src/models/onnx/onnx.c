/*
 * A network as ONNX. The graph's nodes are ONNX's operators almost one to one, so this is a translation of names and
 * attributes; protobuf-c, from the format's own description (onnx.proto), writes the bytes. Tensors point at the
 * network's values, and what is packed goes through a small buffer into the file: memory does not grow with the
 * weights.
 */
#include "reshift/export.h"
#include "reshift/version.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_build.h"
#include "models/model.h"
#include "models/onnx.pb-c.h"
#include "network/ops.h"
#include "models/recipe.h"

#define OPERATOR_SET 11
#define REPRESENTATION 6 /* of the file: the one that came with operator set 11 */
#define FLOAT32 1
#define MOST_BYTES ((size_t)2147483647) /* of one protobuf message */
#define INPUTS 5
#define ATTRIBUTES 5 /* kernel, strides, pads, dilations, group */
#define TEXTS 6

/* One operator with everything it points to. */
typedef struct onnx_node {
    Onnx__NodeProto node;
    char *inputs[INPUTS], *output;
    Onnx__AttributeProto attributes[ATTRIBUTES], *list[ATTRIBUTES];
    int64_t numbers[ATTRIBUTES][4];
} onnx_node;

typedef struct onnx_tensor {
    Onnx__TensorProto tensor;
    int64_t dims[4];
} onnx_tensor;

/* A named value with its shape: the input or the output. */
typedef struct onnx_value {
    Onnx__ValueInfoProto info;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dims[4], *list[4];
} onnx_value;

typedef struct onnx_file {
    const network *net;
    onnx_node *nodes;
    Onnx__NodeProto **node_list;
    size_t n_nodes;
    onnx_tensor *tensors;
    Onnx__TensorProto **tensor_list;
    onnx_value input, output;
    Onnx__ValueInfoProto *input_list, *output_list;
    Onnx__OperatorSetIdProto operators, *operators_list;
    Onnx__StringStringEntryProto texts[TEXTS], *text_list[TEXTS];
    char values[TEXTS][96];
    char *class_names;
    size_t n_texts;
    Onnx__GraphProto graph;
    Onnx__ModelProto model;
} onnx_file;

/* protobuf-c does not write through its pointers to text. */
static char *text(const char *words) { return (char *)(uintptr_t)words; }

/* ---- nodes ---- */

static onnx_node *add_node(onnx_file *f, const char *op, const char *name)
{
    onnx_node *n = &f->nodes[f->n_nodes];
    f->node_list[f->n_nodes++] = &n->node;
    onnx__node_proto__init(&n->node);
    n->node.op_type = text(op);
    n->node.name = n->output = text(name);
    n->node.input = n->inputs;
    n->node.output = &n->output;
    n->node.n_output = 1;
    n->node.attribute = n->list;
    return n;
}

static void add_input(onnx_node *n, const char *name)
{
    assert(n->node.n_input < INPUTS);
    n->inputs[n->node.n_input++] = text(name);
}

static Onnx__AttributeProto *add_attribute(onnx_node *n, const char *name, Onnx__AttributeProto__AttributeType type)
{
    assert(n->node.n_attribute < ATTRIBUTES);
    Onnx__AttributeProto *a = &n->attributes[n->node.n_attribute];
    n->list[n->node.n_attribute++] = a;
    onnx__attribute_proto__init(a);
    a->name = text(name);
    a->has_type = 1;
    a->type = type;
    return a;
}

static void add_numbers(onnx_node *n, const char *name, const int *values, int count)
{
    int64_t *numbers = n->numbers[n->node.n_attribute];
    Onnx__AttributeProto *a = add_attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    for (int i = 0; i < count; i++) {
        numbers[i] = values[i];
    }
    a->ints = numbers;
    a->n_ints = (size_t)count;
}

static void add_number(onnx_node *n, const char *name, int value)
{
    Onnx__AttributeProto *a = add_attribute(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
}

/* Kernel, stride and padding of a convolution or a pool. */
static void add_window(onnx_node *n, const graph_node *node)
{
    add_numbers(n, "kernel_shape", node->window.kernel, 2);
    add_numbers(n, "strides", node->window.stride, 2);
    add_numbers(n, "pads", node->window.padding, 4);
    if (node->window.dilation[0] > 1 || node->window.dilation[1] > 1) {
        add_numbers(n, "dilations", node->window.dilation, 2);
    }
    if (node->window.groups > 1) {
        add_number(n, "group", node->window.groups);
    }
}

/* Name of a node's result in the file. */
static const char *result_of(const graph *g, int node)
{
    return g->nodes[node].op == GRAPH_INPUT ? "input"
           : node == g->features            ? "features"
           : node == g->head                ? "logits"
                                            : g->nodes[node].name;
}

static void translate(onnx_file *f, const graph_node *node)
{
    const graph *g = f->net->graph;
    onnx_node *n = add_node(f, op_of(node->op)->onnx, node->name);
    add_input(n, result_of(g, node->inputs[0]));
    for (int p = node->parameter; p >= 0 && p < g->n_parameters && &g->nodes[g->parameters[p].node] == node; p++) {
        add_input(n, g->parameters[p].name); /* in ONNX's order: weight, bias; scale, bias, mean, variance */
    }
    switch (node->op) {
    case GRAPH_CONV:
    case GRAPH_MAXPOOL: add_window(n, node); break;
    case GRAPH_BATCHNORM: {
        Onnx__AttributeProto *a = add_attribute(n, "epsilon", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
        a->has_f = 1;
        a->f = node->epsilon;
        break;
    }
    case GRAPH_ADD: add_input(n, result_of(g, node->inputs[1])); break;
    case GRAPH_GLOBAL_AVGPOOL: /* ONNX gives [N,C,1,1], the graph [N,C] */
        n = add_node(f, "Flatten", "flatten");
        add_input(n, node->name);
        add_number(n, "axis", 1);
        break;
    case GRAPH_LINEAR: add_number(n, "transB", 1); break;
    default: break;
    }
    n->output = text(result_of(g, (int)(node - g->nodes)));
}

/* ---- what lies around them ---- */

static void describe_tensor(onnx_tensor *t, const network *net, int parameter)
{
    const graph_parameter *p = &net->graph->parameters[parameter];
    onnx__tensor_proto__init(&t->tensor);
    memcpy(t->dims, p->shape, sizeof t->dims);
    t->tensor.dims = t->dims;
    t->tensor.n_dims = (size_t)p->n_dims;
    t->tensor.has_data_type = 1;
    t->tensor.data_type = FLOAT32;
    t->tensor.name = text(p->name);
    t->tensor.has_raw_data = 1;
    t->tensor.raw_data.data = (uint8_t *)network_parameter(net, parameter);
    t->tensor.raw_data.len = p->count * sizeof(float);
}

/* The first extent, the batch, is free. */
static void describe_value(onnx_value *v, const char *name, const int64_t *rest, int n_rest)
{
    onnx__value_info_proto__init(&v->info);
    onnx__type_proto__init(&v->type);
    onnx__type_proto__tensor__init(&v->tensor);
    onnx__tensor_shape_proto__init(&v->shape);
    v->info.name = text(name);
    v->info.type = &v->type;
    v->type.tensor_type = &v->tensor;
    v->tensor.has_elem_type = 1;
    v->tensor.elem_type = FLOAT32;
    v->tensor.shape = &v->shape;
    v->shape.dim = v->list;
    v->shape.n_dim = (size_t)(1 + n_rest);
    for (int d = 0; d <= n_rest; d++) {
        onnx__tensor_shape_proto__dimension__init(&v->dims[d]);
        v->list[d] = &v->dims[d];
        if (d == 0) {
            v->dims[d].dim_param = text("N");
        } else {
            v->dims[d].has_dim_value = 1;
            v->dims[d].dim_value = rest[d - 1];
        }
    }
}

static void add_text(onnx_file *f, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry = &f->texts[f->n_texts];
    onnx__string_string_entry_proto__init(entry);
    entry->key = text(key);
    entry->value = text(value);
    f->text_list[f->n_texts++] = entry;
}

/* The shortest decimals that read back to the same floats. */
static void three_numbers(const float v[3], char *out, size_t size)
{
    size_t length = 0;
    for (int i = 0; i < 3; i++) {
        char number[32];
        for (int digits = 1; digits <= 9; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, (double)v[i]);
            if (strtof(number, NULL) == v[i]) {
                break;
            }
        }
        length += (size_t)snprintf(out + length, size - length, "%s%s", i ? " " : "", number);
    }
}

static reshift_status add_texts(onnx_file *f, const reshift_model *model, int size, reshift_error *error)
{
    const reshift_recipe recipe = reshift_recipe_at(reshift_model_recipe(model), size);
    const int n_classes = reshift_model_n_classes(model);
    add_text(f, "arch", reshift_model_arch(model));
    for (int i = 0; i < 4; i++) {
        static const char *const keys[] = {"input_size", "resize", "mean", "std"};
        char *value = f->values[f->n_texts];
        if (i < 2) {
            snprintf(value, sizeof f->values[0], "%d", i == 0 ? recipe.size : recipe.resize);
        } else {
            three_numbers(i == 2 ? recipe.mean : recipe.std, value, sizeof f->values[0]);
        }
        add_text(f, keys[i], value);
    }
    if (!reshift_model_class_name(model, 0)) {
        return RESHIFT_OK;
    }
    json_t *names = json_array();
    for (int k = 0; k < n_classes; k++) {
        const char *name = reshift_model_class_name(model, k);
        json_add(&names, name ? json_words(name) : json_null());
    }
    f->class_names = names ? json_dumps(names, JSON_COMPACT) : NULL;
    bool good = f->class_names != NULL;
    json_decref(names);
    if (!good) {
        return error_memory(error, (size_t)n_classes, "class names");
    }
    add_text(f, "class_names", f->class_names);
    return RESHIFT_OK;
}

static reshift_status build(onnx_file *f, const reshift_model *model, int size, reshift_error *error)
{
    const graph *g = f->net->graph;
    const size_t n_parameters = (size_t)g->n_parameters, room = (size_t)g->n_nodes + 1; /* one more: flatten */
    f->nodes = calloc(room, sizeof *f->nodes);
    f->node_list = calloc(room, sizeof(Onnx__NodeProto *));
    f->tensors = calloc(n_parameters, sizeof *f->tensors);
    f->tensor_list = calloc(n_parameters, sizeof(Onnx__TensorProto *));
    if (!f->nodes || !f->node_list || !f->tensors || !f->tensor_list) {
        return error_memory(error, room * sizeof *f->nodes, "the graph's description");
    }
    for (int i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].op != GRAPH_INPUT) {
            translate(f, &g->nodes[i]);
        }
    }
    for (size_t p = 0; p < n_parameters; p++) {
        describe_tensor(&f->tensors[p], f->net, (int)p);
        f->tensor_list[p] = &f->tensors[p].tensor;
    }
    const int64_t image[3] = {3, size, size}, classes = reshift_model_n_classes(model);
    describe_value(&f->input, "input", image, 3);
    describe_value(&f->output, "logits", &classes, 1);
    f->input_list = &f->input.info;
    f->output_list = &f->output.info;
    onnx__graph_proto__init(&f->graph);
    f->graph.name = text(reshift_model_arch(model));
    f->graph.node = f->node_list;
    f->graph.n_node = f->n_nodes;
    f->graph.initializer = f->tensor_list;
    f->graph.n_initializer = n_parameters;
    f->graph.input = &f->input_list;
    f->graph.output = &f->output_list;
    f->graph.n_input = f->graph.n_output = 1;
    onnx__operator_set_id_proto__init(&f->operators);
    f->operators.domain = text("");
    f->operators.has_version = 1;
    f->operators.version = OPERATOR_SET;
    f->operators_list = &f->operators;
    onnx__model_proto__init(&f->model);
    f->model.has_ir_version = 1;
    f->model.ir_version = REPRESENTATION;
    f->model.producer_name = text("reshift");
    f->model.producer_version = text(RESHIFT_VERSION_TEXT);
    f->model.graph = &f->graph;
    f->model.opset_import = &f->operators_list;
    f->model.n_opset_import = 1;
    reshift_status status = add_texts(f, model, size, error);
    f->model.metadata_props = f->text_list;
    f->model.n_metadata_props = f->n_texts;
    return status;
}

static void clean(onnx_file *f)
{
    free(f->nodes);
    free(f->node_list);
    free(f->tensors);
    free(f->tensor_list);
    free(f->class_names);
}

/* ---- the file ---- */

typedef struct packing {
    ProtobufCBuffer base; /* what protobuf-c appends to */
    file_writer *writer;
    reshift_status status;
    reshift_error *error;
} packing;

static void append(ProtobufCBuffer *buffer, size_t count, const uint8_t *bytes)
{
    packing *p = (packing *)buffer;
    if (p->status == RESHIFT_OK) {
        p->status = file_writer_write(p->writer, bytes, count, p->error);
    }
}

reshift_status reshift_model_save_onnx(const char *path, const reshift_model *model, int size, bool overwrite,
                                       reshift_error *error)
{
    onnx_file f = {.net = model_network(model)};
    file_writer writer = {0};
    size = reshift_recipe_at(reshift_model_recipe(model), size).size;
    reshift_status status = recipe_check_size(size, error);
    if (status == RESHIFT_OK) {
        status = model_need_head(model, error);
    }
    if (status == RESHIFT_OK) {
        status = build(&f, model, size, error);
    }
    if (status == RESHIFT_OK && onnx__model_proto__get_packed_size(&f.model) > MOST_BYTES) {
        status = error_set(error, RESHIFT_ERROR_UNSUPPORTED,
                           "'%s': ONNX holds 2 GiB in one file, this network has more", path);
    }
    if (status == RESHIFT_OK) {
        status = file_writer_open(path, overwrite, &writer, error);
    }
    if (status == RESHIFT_OK) {
        packing p = {.base = {append}, .writer = &writer, .error = error};
        onnx__model_proto__pack_to_buffer(&f.model, &p.base);
        status = p.status;
    }
    if (status == RESHIFT_OK) {
        status = file_writer_commit(&writer, error);
    }
    file_writer_abort(&writer);
    clean(&f);
    return status;
}
