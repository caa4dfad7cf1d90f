/* Parsing, and messages that name the place. */
#include "experiment/config/yaml_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define DEPTH_MOST 8     /* an experiment needs three; libyaml's time grows with the square of the depth */
#define NODES_MOST 10000 /* after aliases are expanded; a sweep of all its 10 keys has some hundreds */

reshift_status yaml_fail(const yaml_source *s, const yaml_mark_t *mark, const char *format, ...)
{
    char words[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    if (s->override_text) {
        return error_set(s->error, RESHIFT_ERROR_ARGUMENT, "--set %s: %s", s->override_text, words);
    }
    error_set(s->error, RESHIFT_ERROR_ARGUMENT, "%s '%s' line %zu: %s", s->what, s->file, mark->line + 1, words);
    return error_at_line(s->error, RESHIFT_ERROR_ARGUMENT, s->file, (int64_t)mark->line + 1);
}

/* What libyaml says is wrong with the notation itself. */
static reshift_status fail_notation(const yaml_source *s, const yaml_parser_t *parser, const char *text, size_t size)
{
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_MEMORY_ERROR) {
        return error_memory(s->error, size, "a document");
    }
    if (parser->error == YAML_READER_ERROR) { /* bytes that are no UTF-8: there is an offset, but no mark */
        mark.line = 0;
        for (size_t i = 0; i < parser->problem_offset && i < size; i++) {
            mark.line += text[i] == '\n';
        }
    }
    yaml_fail(s, &mark, "not YAML: %s", parser->problem ? parser->problem : "cannot be read");
    size_t line = 0, at = 0;
    while (at < size && line < mark.line) {
        line += text[at++] == '\n';
    }
    at += at < size ? strspn(text + at, " ") : 0;
    if (at < size && text[at] == '\t') {
        yaml_fail(s, &mark, "the line is indented with a tab");
        error_hint(s->error, "YAML is indented with spaces only");
    }
    return RESHIFT_ERROR_ARGUMENT;
}

/* Stops at the first collection that lies too deep, before libyaml has to build what lies in it. What is wrong with the
 * notation is left to yaml_open(). */
static reshift_status check_depth(const yaml_source *s, const char *text, size_t size)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return error_memory(s->error, size, "a document");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    reshift_status status = RESHIFT_OK;
    int depth = 0;
    yaml_event_t event;
    bool more = true;
    while (more && status == RESHIFT_OK && yaml_parser_parse(&parser, &event)) {
        depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        more = event.type != YAML_STREAM_END_EVENT;
        if (depth > DEPTH_MOST) {
            status = yaml_fail(s, &event.start_mark, "lists and maps nested deeper than %d levels", DEPTH_MOST);
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}

/*
 * Walks the tree as its readers do, aliases expanded. An alias inside the node that it names never ends, and a few
 * aliases of aliases become millions of nodes: both are refused here, so that readers may follow every node.
 */
static reshift_status check_expansion(const yaml_source *s, const yaml_node_t *node, int depth, int *n_nodes)
{
    if (++*n_nodes > NODES_MOST) {
        return yaml_fail(s, &node->start_mark, "more than %d values once aliases are expanded", NODES_MOST);
    }
    if (node->type == YAML_SCALAR_NODE) {
        return RESHIFT_OK;
    }
    if (depth == DEPTH_MOST) {
        return yaml_fail(s, &node->start_mark, "lists and maps nested deeper than %d levels once aliases are expanded",
                         DEPTH_MOST);
    }
    const yaml_node_item_t *item = node->data.sequence.items.start;
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    const bool list = node->type == YAML_SEQUENCE_NODE;
    const ptrdiff_t n = list ? node->data.sequence.items.top - item : 2 * (node->data.mapping.pairs.top - pair);
    reshift_status status = RESHIFT_OK;
    for (ptrdiff_t i = 0; i < n && status == RESHIFT_OK; i++) {
        const int below = list ? item[i] : i % 2 ? pair[i / 2].value : pair[i / 2].key;
        status = check_expansion(s, yaml_document_get_node(s->document, below), depth + 1, n_nodes);
    }
    return status;
}

reshift_status yaml_open(yaml_source *s, const char *text, size_t size, yaml_node_t **root)
{
    *root = NULL;
    reshift_status status = check_depth(s, text, size);
    if (status != RESHIFT_OK) {
        return status;
    }
    yaml_parser_t parser;
    yaml_document_t *document = malloc(sizeof *document);
    if (!document || !yaml_parser_initialize(&parser)) {
        free(document);
        return error_memory(s->error, size, "a document");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, document)) {
        status = fail_notation(s, &parser, text, size);
        yaml_parser_delete(&parser);
        free(document);
        return status;
    }
    s->document = document;
    *root = yaml_document_get_root_node(document);
    if (*root) {
        int n_nodes = 0;
        status = check_expansion(s, *root, 0, &n_nodes);
    }
    if (*root && status == RESHIFT_OK) {
        yaml_document_t next;
        if (!yaml_parser_load(&parser, &next)) {
            status = fail_notation(s, &parser, text, size);
        } else {
            yaml_node_t *second = yaml_document_get_root_node(&next);
            if (second) {
                status = yaml_fail(s, &second->start_mark, "expected one document, found a second");
            }
            yaml_document_delete(&next);
        }
    }
    if (status != RESHIFT_OK) {
        yaml_close(s);
    }
    yaml_parser_delete(&parser);
    return status;
}

void yaml_close(yaml_source *s)
{
    if (s->document) {
        yaml_document_delete(s->document);
        free(s->document);
        s->document = NULL;
    }
}

const char *yaml_text(const yaml_node_t *node) { return (const char *)node->data.scalar.value; }

bool yaml_is_text(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && strlen(yaml_text(node)) == node->data.scalar.length;
}
