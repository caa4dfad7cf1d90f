/* How measured images were prepared: the columns of results, and the words of tables and pages. */
#ifndef RESHIFT_IMAGE_FACTS_H
#define RESHIFT_IMAGE_FACTS_H

#include "reshift/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A value of reshift_image_facts that differs among the images. */
#define RESHIFT_FACT_MIXED (-2)

/** From files or corruption to the network's input. Zeroed: nothing is known. */
typedef struct reshift_image_facts {
    int input_size; /* pixels of the network's square input; 0: not known */
    int resize;     /* photographs: shorter side before the centre crop; 0: images are scaled to input_size whole */
    bool corrupted; /* the values below apply */
    int constants;  /* reshift_constants that the corruption was made with; AUTO: not known, the images are files */
    int crop_resize, crop; /* photographs resized and cropped before they were corrupted; 0: at their own size */
    int jpeg;              /* quality of the JPEG step after the corruption; 0: none */
} reshift_image_facts;

/** Of several sets together: values that differ become RESHIFT_FACT_MIXED. Values of corruptions come from corrupted
 * sets only. */
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
RESHIFT_API void reshift_image_facts_list(const reshift_image_facts *facts,
                                          reshift_image_fact list[RESHIFT_IMAGE_FACTS]);
/** Takes one named value back, a word or (word NULL) a number. False: no such fact, or no such value. */
RESHIFT_API bool reshift_image_facts_set(reshift_image_facts *facts, const char *name, const char *word,
                                         int64_t number);

#ifdef __cplusplus
}
#endif
#endif
