/*
 * A text in YAML as a tree of nodes. libyaml's document API is used because every node knows its line, so that whatever
 * reads the tree can say where something is wrong.
 */
#ifndef EXPERIMENT_CONFIG_YAML_SOURCE_H
#define EXPERIMENT_CONFIG_YAML_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "reshift/status.h"

#define YAML_FILE_BYTES_MOST (1 << 20)
/* For values such as npy:a.npy,b.npy */
#define YAML_COMMA_HINT "in YAML's { } and [ ] a comma ends a value: put values that hold one in quotes"

/** Where words come from: a file, or a --set of the command line. */
typedef struct yaml_source {
    const char *what;          /* "experiment": what the file is, in messages */
    const char *file;          /* or NULL */
    const char *override_text; /* or NULL */
    reshift_error *error;
    yaml_document_t *document; /* from yaml_open() to yaml_close() */
} yaml_source;

/** Sets the source's error: `what`, file and line, or the --set, and these words. Returns ARGUMENT. */
reshift_status yaml_fail(const yaml_source *s, const yaml_mark_t *mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Parses the text as one document; *root is NULL where it is empty. The tree is finite and small with all aliases
 * expanded. Errors: ARGUMENT (no YAML, nested too deep, too many values, an alias inside the node that it names, a
 * second document), MEMORY; nothing is to be closed then. */
reshift_status yaml_open(yaml_source *s, const char *text, size_t size, yaml_node_t **root);
void yaml_close(yaml_source *s);

/** A scalar without a NUL inside, which would cut its text short without a word; and its text. */
bool yaml_is_text(const yaml_node_t *node);
const char *yaml_text(const yaml_node_t *node);

#endif
