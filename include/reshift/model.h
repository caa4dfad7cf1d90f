/* Networks with torchvision's names: made from a checkpoint or from nothing, written so that torchvision loads them. */
#ifndef RESHIFT_MODEL_H
#define RESHIFT_MODEL_H

#include "reshift/fingerprints.h"
#include "reshift/progress.h"
#include "reshift/tensors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reshift_model reshift_model;

/** Input sizes that every part accepts: options, settings, metadata. */
#define RESHIFT_SIZE_SMALLEST 8
#define RESHIFT_SIZE_LARGEST 4096
/** Largest resize, as a multiple of the input size: the crop keeps at least 1/16 of the shorter side. */
#define RESHIFT_RESIZE_MOST 16

/**
 * Preparation of photographs: the shorter side is resized to `resize` (bilinear, 8 bits, Pillow's bytes), the central
 * size x size is cropped, and pixels become (x/255 - mean) / std. Stored in the metadata of the weights.
 */
typedef struct reshift_recipe {
    int resize;            /* shorter side before the crop (photographs only) */
    int size;              /* the network's input is size x size */
    float mean[3], std[3]; /* of x/255, R G B */
    bool stored;           /* read from the file; false: ImageNet's V1 values assumed */
} reshift_recipe;

/**
 * The recipe at another input size: the share of the picture that the crop keeps does not change, so resize becomes
 * floor(size x resize / recipe size), as in timm (floor(size / crop_pct)). Every command and function that takes an
 * input size gets resize and crop from here.
 *
 * recipe  NULL: ImageNet's (resize 256, crop 224, its mean and standard deviation)
 * size    0: the recipe's own. Others are not checked here: functions that use the recipe refuse those out of range
 */
RESHIFT_API reshift_recipe reshift_recipe_at(const reshift_recipe *recipe, int size);

/**
 * Loads a network. `weights` is a path or "PATH#BRANCH" (one of several networks in a checkpoint by its key, as in
 * "x.pth#state_dict_ema"), or an architecture's name (reshift_architecture_at(); with @v1 or @v2, V1 without) looked up
 * in the data folder's weights/ and then in the folder itself, NAME.safetensors first, then torchvision's file names.
 * The architecture is read from the tensors' names and shapes; wrappers around the network are stripped, whatever their
 * names, and an input normalisation in the checkpoint becomes the recipe's: reshift_model_note() says what was chosen.
 * A network without a last layer has 0 classes and gives features only. Errors: NOT_FOUND (saying where it looked),
 * those of reading, SHAPE (listing what is missing, unexpected or wrong), UNSUPPORTED (no architecture of the table),
 * NUMERIC (a value that is not finite, a negative running variance), FORMAT (a recipe in the metadata that cannot be).
 */
RESHIFT_API reshift_status reshift_model_load(const char *weights, const char *data_dir, reshift_model **model,
                                              reshift_error *error);
/** The file that `weights` means, written into `path` without a branch. Errors: NOT_FOUND; ARGUMENT (V2 weights that
 * were never published, a path longer than `size`); IO (a folder). */
RESHIFT_API reshift_status reshift_model_find(const char *weights, const char *data_dir, char *path, size_t size,
                                              reshift_error *error);
/** From tensors in memory (they may go afterwards; they are renamed), unwrapped as reshift_model_load() does.
 *  Errors: as there. The caller destroys *model. */
RESHIFT_API reshift_status reshift_model_from_tensors(reshift_tensors *tensors, reshift_model **model,
                                                      reshift_error *error);
/**
 * A fresh network of an architecture of the table (resnet-demo is the embedded demo's: 3x3 stem without pooling),
 * weights as torchvision initialises them (Kaiming normal fan-out for convolutions, 1 and 0 for batch norm,
 * U(-1/sqrt(D), 1/sqrt(D)) for the head), drawn from `seed`. Errors: ARGUMENT (unknown arch, with the known ones as
 * hint), MEMORY.
 */
RESHIFT_API reshift_status reshift_model_create(const char *arch, int n_classes, uint64_t seed, reshift_model **model,
                                                reshift_error *error);
/** A copy that shares nothing with the model. Errors: MEMORY. The caller destroys *copy. */
RESHIFT_API reshift_status reshift_model_clone(const reshift_model *model, reshift_model **copy, reshift_error *error);
/** Frees the model and nulls the caller's pointer; NULL accepted. */
RESHIFT_API void reshift_model_destroy(reshift_model **model);

/** The architecture: "resnet50"; the model's memory. */
RESHIFT_API const char *reshift_model_arch(const reshift_model *model);
/** Outputs of the network; 0: it has no last layer. */
RESHIFT_API int reshift_model_n_classes(const reshift_model *model);
/** Length of a feature vector: what the last layer reads. */
RESHIFT_API int reshift_model_n_features(const reshift_model *model);
/** Numbers that training can change, without running statistics. */
RESHIFT_API int64_t reshift_model_n_parameters(const reshift_model *model);
/** Names of the blocks that can be trained, in order: "conv1", "layer1", ..., "fc"; NULL past the last. */
RESHIFT_API const char *reshift_model_block(const reshift_model *model, int index);
/**
 * The blocks that fine-tuning trains where nobody chooses: 0: the last stage (it ends in the features), 1: the head;
 * NULL past these.
 */
RESHIFT_API const char *reshift_model_default_block(const reshift_model *model, int index);

/** What is known of an architecture without weights. All strings are static. */
typedef struct reshift_architecture {
    const char *name;              /* "resnet50" */
    const char *title;             /* "ResNet-50" */
    const char *const *blocks;     /* that can be trained, in order; NULL after the last */
    const char *last_stage, *head; /* the blocks that fine-tuning trains where nobody chooses */
} reshift_architecture;
/** Row `index` of the table of architectures. False past the last: *row is unchanged then. Errors: none. */
RESHIFT_API bool reshift_architecture_at(int index, reshift_architecture *row);
/**
 * Whether any architecture of the table has a block of this name, or it is "all": for checks before the network is
 * read. Errors: ARGUMENT, with the names of all blocks.
 */
RESHIFT_API reshift_status reshift_block_check(const char *name, reshift_error *error);
/** Whether the ranges of all activations are known that int8 needs: see reshift_calibrate(). */
RESHIFT_API bool reshift_model_is_calibrated(const reshift_model *model);
/**
 * A remark on how the weights were read, for people: which of several networks was taken, what was dropped, an input
 * normalisation, metadata that is not understood. NULL past the last; the model's.
 */
RESHIFT_API const char *reshift_model_note(const reshift_model *model, int index, reshift_log_level *level);
/** How images are prepared; the model's memory, valid until its recipe is set or it is destroyed. */
RESHIFT_API const reshift_recipe *reshift_model_recipe(const reshift_model *model);
/** Replaces the recipe; copied. */
RESHIFT_API void reshift_model_set_recipe(reshift_model *model, const reshift_recipe *recipe);
/** Input size of the images that a head from a file was trained on, 0: not known. */
RESHIFT_API int reshift_model_head_size(const reshift_model *model);
/** Replaces the model's recipe by reshift_recipe_at(recipe, size); 0 changes nothing. */
RESHIFT_API void reshift_model_set_size(reshift_model *model, int size);
/** The class name stored with the weights, or NULL; the model's memory. */
RESHIFT_API const char *reshift_model_class_name(const reshift_model *model, int label);
/** Replaces the class names by n copies; names NULL: takes them away. Errors: SHAPE (n is not the number of classes),
 * MEMORY; they are as they were then. */
RESHIFT_API reshift_status reshift_model_set_class_names(reshift_model *model, const char *const *names, int n,
                                                         reshift_error *error);

/** Class names from a text file, one a line. Errors: NOT_FOUND, IO, FORMAT (with the line), SHAPE (not one a class),
 * MEMORY. */
RESHIFT_API reshift_status reshift_model_load_class_names(reshift_model *model, const char *path, reshift_error *error);

/**
 * The images that this network was trained on, as the weights' metadata says; NULL where it says nothing. A head's come
 * along with it. The model's memory.
 */
RESHIFT_API const reshift_fingerprints *reshift_model_trained_on(const reshift_model *model);
/** Adds `prints` to the images that the network was trained on. Errors: MEMORY. */
RESHIFT_API reshift_status reshift_model_add_trained_on(reshift_model *model, const reshift_fingerprints *prints,
                                                        reshift_error *error);
/** The same into the metadata of tensors, as reshift_model_to_tensors() does: for a file of a head alone. */
RESHIFT_API reshift_status reshift_tensors_set_trained_on(reshift_tensors *tensors, const reshift_fingerprints *prints,
                                                          reshift_error *error);

/** Replaces the head: weight [K,D] and bias [K], float32, copied; K may differ from before, all other parameters stay,
 * class names go. Errors: SHAPE, NUMERIC (a value that is not finite), MEMORY; the model is as it was then. */
RESHIFT_API reshift_status reshift_model_set_head(reshift_model *model, const reshift_array *weight,
                                                  const reshift_array *bias, reshift_error *error);
/**
 * Weight and bias of the head (fc.weight and fc.bias, the network's own names, or weight and bias alone) out of a file
 * that `reshift probe` or PyTorch wrote, with its class names. Where the file says how its images were prepared
 * (preparation.h), its input size and resize become the model's recipe. Errors: those of reading and of
 * reshift_model_set_head(); ARGUMENT (another mean or standard deviation than the network's, naming both).
 */
RESHIFT_API reshift_status reshift_model_load_head(reshift_model *model, const char *path, reshift_error *error);
/** A fresh head for K classes, PyTorch's initialisation drawn from `seed`. Errors: ARGUMENT, MEMORY. */
RESHIFT_API reshift_status reshift_model_reset_head(reshift_model *model, int n_classes, uint64_t seed,
                                                    reshift_error *error);
/**
 * Adds a head to the tensors of a file, as fc.weight [K,D] and fc.bias [K] whatever the network is: what
 * reshift_model_load_head() reads. Takes both over (they become empty arrays). Errors: ARGUMENT (there is one), MEMORY.
 */
RESHIFT_API reshift_status reshift_tensors_add_head(reshift_tensors *tensors, reshift_array *weight,
                                                    reshift_array *bias, reshift_error *error);

/** All tensors by torchvision's names, num_batches_tracked included, recipe and arch in the metadata. Errors: MEMORY.
 * The caller destroys *tensors. */
RESHIFT_API reshift_status reshift_model_to_tensors(const reshift_model *model, reshift_tensors **tensors,
                                                    reshift_error *error);
/** Writes reshift_model_to_tensors() as safetensors, atomically: torchvision loads it. Errors: EXISTS (without
 * overwrite), IO, MEMORY. */
RESHIFT_API reshift_status reshift_model_save(const char *path, const reshift_model *model, bool overwrite,
                                              reshift_error *error);

#ifdef __cplusplus
}
#endif
#endif
