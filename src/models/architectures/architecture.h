/*
 * Architectures as a table: one row a network, one file a family. A family is a file in this folder with its rows, its
 * detection and its graph; its line in architecture.c makes it known to everybody else: readers of checkpoints, names
 * of weights, downloads, recipes.
 */
#ifndef MODELS_ARCHITECTURES_ARCHITECTURE_H
#define MODELS_ARCHITECTURES_ARCHITECTURE_H

#include "network/graph.h"
#include "reshift/tensors.h"

#define ARCHITECTURE_VERSIONS 2 /* V1 and V2 weights */

/** Published weights of one version. */
typedef struct published_weights {
    const char *accuracy; /* on ImageNet, "76.13 % top-1"; NULL: there are no weights of this version */
    /** Names of files: the current one, then an older one that is still in use, or NULL. NAME-HHHHHHHH.pth: eight hex
     * digits of the file's sha256. */
    const char *files[2];
} published_weights;

typedef struct architecture_family architecture_family;

/** One network. */
typedef struct architecture {
    const char *name;  /* "resnet50": torchvision's */
    const char *title; /* "ResNet-50", for people */
    const architecture_family *family;
    const void *shape; /* the family's own description */
    const char *const
        *blocks; /* in order, NULL after the last; the last is the head's, the one before is the last stage */
    int size;    /* recipe: the input is size x size */
    int resize[ARCHITECTURE_VERSIONS]; /* recipe: shorter side of photographs before the crop, with V1 and V2 weights */
    published_weights published[ARCHITECTURE_VERSIONS];
} architecture;

struct architecture_family {
    const char *name; /* for messages: "residual network of torchvision's family" */
    const architecture *rows;
    int n_rows;
    const char *head;         /* module of the last layer: parameters HEAD.weight [K,D] and HEAD.bias [K] */
    const char *first_tensor; /* in every checkpoint of the family exactly once: its prefix is the network's */
    const char *const *trunk; /* beginnings of the names of all other modules, NULL after the last */
    const char *address;      /* the folder of published weights, with a slash at its end */
    /** The row that the tensors whose names begin with `prefix` fit, or NULL. One tensor that is missing or of a wrong
     * shape must not change the answer: messages about it are the business of weights.h. */
    const architecture *(*detect)(const reshift_tensors *tensors, const char *prefix);
    int (*n_features)(const architecture *arch); /* D */
    /** Errors: MEMORY. The caller destroys *g. */
    reshift_status (*build)(const architecture *arch, int n_classes, graph **g, reshift_error *error);
    /** UNSUPPORTED with what the tensors look like, where detect() found no row. */
    reshift_status (*refuse)(const reshift_tensors *tensors, reshift_error *error);
};

/** Row `index` of all families' rows, NULL past the last. */
const architecture *architecture_at(int index);
/** Family `index`, NULL past the last. */
const architecture_family *architecture_family_at(int index);
/** A row by name. Errors: ARGUMENT, with the known names as hint. */
reshift_status architecture_find(const char *name, const architecture **arch, reshift_error *error);

/** The graph of a row, with its blocks, feature node and head. Errors: MEMORY. The caller destroys *g. */
reshift_status architecture_graph(const architecture *arch, int n_classes, graph **g, reshift_error *error);
/** Features D. */
int architecture_n_features(const architecture *arch);

/**
 * Detects the architecture of a checkpoint (prefixes stripped) and its number of classes. Where the head's weight does
 * not have the network's features, *n_classes is ImageNet's 1000. Errors: UNSUPPORTED, with what the tensors look like.
 */
reshift_status architecture_detect(const reshift_tensors *tensors, const architecture **arch, int *n_classes,
                                   reshift_error *error);

/** Whether a name (without its prefix) belongs to a module of the family's networks below the head. */
bool architecture_is_trunk(const architecture_family *family, const char *name);

typedef enum architecture_listed {
    ARCHITECTURE_ALL,       /* every row */
    ARCHITECTURE_PUBLISHED, /* rows with published weights */
    ARCHITECTURE_V2         /* rows with V2 weights */
} architecture_listed;
/** "resnet18, resnet34 and resnet50": the names of these rows in `text` [size]. */
void architecture_names(architecture_listed listed, char *text, size_t size);

/* ---- families, one a file ---- */
extern const architecture_family family_resnet;

#endif
