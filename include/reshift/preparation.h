/*
 * How images were prepared. Of features: written to a file next to them and carried into the head trained on them. Of
 * measurements: the columns of results, and the words of tables and pages.
 */
#ifndef RESHIFT_PREPARATION_H
#define RESHIFT_PREPARATION_H

#include "reshift/dataset.h"
#include "reshift/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reshift_preparation {
    reshift_recipe recipe; /* at the size that was used; interpolation is bilinear */
    char arch[32];         /* of the network that gave the features */
    char data[512];        /* the set, in words */
} reshift_preparation;

/**
 * Writes `path`, which is FEATURES.json, about the finished file `features`: input size, resize, mean, standard deviation, interpolation,
 * architecture, data, and the sha256 of the features, so that a description left behind by another file is recognised.
 * Errors: EXISTS (without overwrite), IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_preparation_save(const char *path, const char *features,
                                                    const reshift_preparation *preparation, bool overwrite,
                                                    reshift_error *error);
/**
 * Reads it. *known is false, without an error, where there is no such file or it describes other features.
 * Errors: FORMAT (it is no such description), IO, MEMORY.
 */
RESHIFT_API reshift_status reshift_preparation_load(const char *features, reshift_preparation *preparation, bool *known,
                                                    reshift_error *error);
/** Whether images prepared by both are the same; else `difference` says how, naming both ("64x64 (resize 73) and ..."). */
RESHIFT_API bool reshift_preparation_same(const reshift_preparation *a, const reshift_preparation *b, char *difference,
                                          size_t size);
/** Into the metadata of a head: reshift_model_load_head() reads it. Errors: MEMORY. */
RESHIFT_API reshift_status reshift_tensors_set_preparation(reshift_tensors *tensors,
                                                           const reshift_preparation *preparation,
                                                           reshift_error *error);

/* ---- how measured images were prepared ---- */

/** A value of reshift_image_facts that differs among the images. */
#define RESHIFT_FACT_MIXED (-2)

/** From files or corruption to the network's input. Zeroed: nothing is known. */
typedef struct reshift_image_facts {
    int input_size;           /* pixels of the network's square input; 0: not known */
    int resize;               /* photographs: shorter side before the centre crop; 0: images are scaled to input_size whole */
    bool corrupted;           /* the values below apply */
    int constants;            /* reshift_constants that the corruption was made with; AUTO: not known, the images are files */
    int crop_resize, crop;    /* photographs resized and cropped before they were corrupted; 0: at their own size */
    int jpeg;                 /* quality of the JPEG step after the corruption; 0: none */
} reshift_image_facts;

/** Of a set whose images a network of this recipe measures at `size` (0: the recipe's own). */
RESHIFT_API reshift_image_facts reshift_image_facts_of(const reshift_dataset *dataset, const reshift_recipe *recipe,
                                                       int size);
/** Of several sets together: values that differ become RESHIFT_FACT_MIXED. Values of corruptions come from corrupted sets only. */
RESHIFT_API reshift_image_facts reshift_image_facts_merge(const reshift_image_facts *a, const reshift_image_facts *b);

/** "224x224 (resize 256, centre crop)". Returns `text`. */
RESHIFT_API const char *reshift_image_facts_input(const reshift_image_facts *facts, char *text, size_t size);
/**
 * "constants of ImageNet-C (224x224), after resize 256 and crop 224; stored as JPEG of quality 85"; "" where nothing is
 * known or nothing was corrupted. Returns `text`.
 */
RESHIFT_API const char *reshift_image_facts_corruption(const reshift_image_facts *facts, char *text, size_t size);

/** One column of results.csv and one key of results.json. */
typedef struct reshift_image_fact {
    const char *name;
    const char *word; /* the value where it is a word, static; NULL: it is `number` */
    int number;       /* -1 without a word: the column does not apply and is empty */
} reshift_image_fact;
#define RESHIFT_IMAGE_FACTS 6
/** input_size, resize, constants, corrupt_resize, corrupt_crop, jpeg_quality: docs/formats.md. */
RESHIFT_API void reshift_image_facts_list(const reshift_image_facts *facts, reshift_image_fact list[RESHIFT_IMAGE_FACTS]);
/** Takes one named value back, a word or (word NULL) a number. False: no such fact, or no such value. */
RESHIFT_API bool reshift_image_facts_set(reshift_image_facts *facts, const char *name, const char *word, int64_t number);

#ifdef __cplusplus
}
#endif
#endif
