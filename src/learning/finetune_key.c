/* The key of fine-tuning's checkpoint: a digest of images, initial weights and options. */
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "datasets/augmented.h"
#include "datasets/dataset.h"
#include "engine/plan.h"
#include "learning/finetune.h"

static void add_text(digest *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_text(digest *d, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    digest_add(d, text, (size_t)length < sizeof text ? (size_t)length + 1 : sizeof text);
}

/* What is not as it was before it could be chosen. */
static void add_tuning(digest *d, const reshift_finetune_options *o)
{
    const reshift_schedule *s = &o->schedule;
    if (o->optimizer != RESHIFT_OPTIMIZER_ADAM) {
        add_text(d, "optimizer %d", (int)o->optimizer);
    }
    if (o->optimizer == RESHIFT_OPTIMIZER_SGD) {
        add_text(d, "momentum %.17g nesterov %d", o->momentum, o->nesterov);
    }
    if (o->weight_decay > 0) {
        add_text(d, "weight decay %.17g", o->weight_decay);
    }
    if (o->label_smoothing > 0) {
        add_text(d, "label smoothing %.17g", o->label_smoothing);
    }
    if (o->auto_rate > 0) {
        add_text(d, "automatic rates %.17g of %d rows", o->auto_rate, RESHIFT_AUTO_ROWS);
    }
    if (s->warmup > 0 || s->kind != RESHIFT_SCHEDULE_CONSTANT) {
        add_text(d, "schedule %d by step %d warm-up %lld", (int)s->kind, s->by_step, (long long)s->warmup);
    }
    if (s->kind == RESHIFT_SCHEDULE_STEP) {
        add_text(d, "step size %lld gamma %.17g", (long long)s->step_size, s->gamma);
    }
    if (s->kind == RESHIFT_SCHEDULE_COSINE) { /* it ends with the last epoch */
        add_text(d, "epochs %d", o->epochs);
    }
}

reshift_status finetune_key(const finetune *t, char key[DIGEST_HEX_BYTES], reshift_error *error)
{
    const reshift_finetune_options *o = t->options;
    const reshift_recipe recipe = reshift_recipe_at(reshift_model_recipe(t->model), o->size);
    const graph *g = t->net->graph;
    char identity[2][DIGEST_HEX_BYTES] = {"", ""};
    reshift_status status = reshift_dataset_identity(t->dataset, identity[0], error);
    if (status == RESHIFT_OK && o->test) {
        status = reshift_dataset_identity(o->test, identity[1], error);
    }
    if (status != RESHIFT_OK) {
        return status;
    }
    char held_out[DIGEST_HEX_BYTES] = "";
    status = o->validation ? reshift_dataset_identity(o->validation, held_out, error) : RESHIFT_OK;
    if (status != RESHIFT_OK) {
        return status;
    }
    digest *d = digest_create(DIGEST_SHA256);
    if (!d) {
        return error_memory(error, 0, "a digest");
    }
    if (o->augment) {
        char text[1024];
        augment_describe(o->augment, text, sizeof text);
        add_text(d, "%s", text);
        if (finetune_crops_first(t)) { /* checkpoints of corruption at native size had no such line */
            add_text(d, "cropped before it is corrupted");
        }
    }
    if (o->validation) { /* a line for what older checkpoints do not know, only where it is asked for */
        add_text(d, "validation %lld %s keep %d", (long long)t->n_validation, held_out, (int)o->keep);
    }
    add_text(d, "batch %d size %d batchnorm %d seed %llu", o->batch, recipe.size, (int)o->batchnorm,
             (unsigned long long)o->seed);
    if (t->precision != RESHIFT_PRECISION_F32) {
        add_text(d, "precision %s", engine_arithmetic(t->precision));
    }
    add_tuning(d, o);
    for (int b = 0; b < g->n_blocks; b++) {
        if (t->rates[b] >= 0) {
            add_text(d, "train %s %.17g", g->blocks[b], t->rates[b]);
        }
    }
    add_text(d, "resize %d", recipe.resize);
    digest_add(d, recipe.mean, sizeof recipe.mean);
    digest_add(d, recipe.std, sizeof recipe.std);
    add_text(d, "rows %lld %s test %lld %s", (long long)t->n_rows, identity[0], (long long)t->n_test, identity[1]);
    for (int p = 0; p < g->n_parameters; p++) {
        add_text(d, "%s", g->parameters[p].name);
        digest_add(d, network_parameter(t->net, p), g->parameters[p].count * sizeof(float));
    }
    digest_add(d, t->net->batches_tracked, (size_t)g->n_nodes * sizeof *t->net->batches_tracked);
    for (int e = 0; o->order && e < o->epochs; e++) {
        digest_add(d, o->order + e * t->n_rows, (size_t)t->n_rows * sizeof *o->order);
    }
    digest_finish(d, key);
    digest_destroy(&d);
    return RESHIFT_OK;
}
