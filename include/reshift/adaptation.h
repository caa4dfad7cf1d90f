/* How a network may adapt to the images it is tested on, without their labels. */
#ifndef RESHIFT_ADAPTATION_H
#define RESHIFT_ADAPTATION_H

#include <stdbool.h>

#include "reshift/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum reshift_adapt_kind {
    RESHIFT_ADAPT_NONE,
    RESHIFT_ADAPT_BN,  /* batch norm by the statistics of the test batch (Schneider et al. 2020, Nado et al. 2020) */
    RESHIFT_ADAPT_TENT /* the same, and a step on its scales and shifts a batch, against the entropy of the predictions
                          (Wang et al. 2021); a batch is judged before its own step */
} reshift_adapt_kind;

/**
 * Adaptation begins afresh from the weights in every cell of a table. A batch is `batch` rows, the last one what is
 * left; a single row left over joins the batch before. A row's result depends on the rows beside it, so batch and order
 * are part of the result.
 */
typedef struct reshift_adapt_options {
    reshift_adapt_kind kind;
    int batch;            /* 64; 2 or more */
    bool shuffled;        /* rows in an order drawn from the table's seed, the same in every cell; else the set's */
    double source_images; /* bn: the training statistics count as so many images: weight N / (N + batch) (Schneider's
                             pseudo sample size); 0: the batch alone */
    bool sgd;             /* tent: SGD with momentum 0.9; else Adam (beta 0.9, 0.999, eps 1e-8) */
    double learning_rate; /* tent: 0.001 */
} reshift_adapt_options;

/** No adaptation, and the values named next to the fields. It is a part of other options: it has no NULL. */
RESHIFT_API void reshift_adapt_options_default(reshift_adapt_options *options);
/** "none", "bn", "tent"; static. */
RESHIFT_API const char *reshift_adapt_name(reshift_adapt_kind kind);
/** False where `name` is none of these. */
RESHIFT_API bool reshift_adapt_read(const char *name, reshift_adapt_kind *kind);

#ifdef __cplusplus
}
#endif
#endif
