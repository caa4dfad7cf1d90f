/* ImageNet's 1,000 classes as published networks have them: what output i stands for. */
#ifndef MODELS_CLASSES_IMAGENET_CLASSES_H
#define MODELS_CLASSES_IMAGENET_CLASSES_H

enum { IMAGENET_CLASSES = 1000 };

typedef struct imagenet_class {
    const char *wnid; /* WordNet 3.0 identifier: the folder name of the class, "n01440764" */
    const char *name; /* "tench" */
} imagenet_class;

/** In the order of the outputs, which is the ascending order of the identifiers. */
extern const imagenet_class imagenet_classes[IMAGENET_CLASSES];

#endif
