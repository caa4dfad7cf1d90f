/*
 * The stages of a study and what each one's result depends on. A stage's key is the sha256 of a text: the layout's
 * number, the stage's settings as the experiment file would write them, the identities of the data and weights it
 * reads, and the keys of the stages it stands on. Equal keys mean equal results, so a stage whose key is recorded is
 * not done again. What cannot change a result (names, the cache's budget) is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/plan.h"
#include "experiment/manifest.h"
#include "experiment/run.h"

#define BIT(x) (1u << (x))

static const char *const pretrain_settings[] = {"seed", "input.size", "input.precision", "pretrain.", NULL};
static const char *const pretrain_outputs[] = {"weights/pretrained.safetensors", "history/pretrain.csv", NULL};

static const char *const features_settings[] = {"input.", NULL};
static const char *const features_outputs[] = {"features/train-clean.npy", "features/train-clean-labels.npy",
                                               "features/original-clean.npy", "features/clean-labels.npy", NULL};

static const char *const probe_settings[] = {"seed", "probe.", NULL};
static const char *const probe_outputs[] = {"weights/probe.safetensors", "history/probe.csv", NULL};

static const char *const shift_settings[] = {"input.", NULL};
static const char *const shift_outputs[] = {"features/original-shift.npy", "features/shift-labels.npy", NULL};

static const char *const finetune_settings[] = {"seed",
                                                "input.size",
                                                "input.precision",
                                                "finetune.train",
                                                "finetune.lr",
                                                "finetune.optimizer",
                                                "finetune.epochs",
                                                "finetune.batch",
                                                "finetune.samples",
                                                "finetune.split",
                                                "finetune.batchnorm",
                                                "finetune.monitor",
                                                "finetune.rows",
                                                "finetune.validation",
                                                "finetune.augment",
                                                "finetune.crop_padding",
                                                "finetune.augment_corruptions",
                                                "finetune.augment_severity",
                                                "finetune.keep",
                                                "finetune.momentum",
                                                "finetune.nesterov",
                                                "finetune.weight_decay",
                                                "finetune.label_smoothing",
                                                "finetune.schedule",
                                                "finetune.schedule_unit",
                                                "finetune.warmup",
                                                "finetune.step_size",
                                                "finetune.gamma",
                                                NULL};
/* Keys younger than MANIFEST_LAYOUT. At their defaults they are left out, so that the keys of older runs still hold. */
static const char *const younger[] = {"source.test_fraction",
                                      "probe.l2",
                                      "probe.held_out",
                                      "finetune.rows",
                                      "finetune.validation",
                                      "finetune.keep",
                                      "adapt.",
                                      "finetune.momentum",
                                      "finetune.nesterov",
                                      "finetune.weight_decay",
                                      "finetune.label_smoothing",
                                      "finetune.schedule",
                                      "finetune.schedule_unit",
                                      "finetune.warmup",
                                      "finetune.step_size",
                                      "finetune.gamma",
                                      "finetune.augment",
                                      "finetune.crop_padding",
                                      "finetune.augment_corruptions",
                                      "finetune.augment_severity",
                                      NULL};

static const char *const finetune_outputs[] = {"split/train-rows.npy",          "split/test-rows.npy",
                                               "weights/finetuned.safetensors", "weights/moved.csv",
                                               "history/finetune.csv",          NULL};

static const char *const measure_settings[] = {"input.", NULL};
static const char *const measure_outputs[] = {"features/finetuned-clean.npy",
                                              "features/finetuned-shift.npy",
                                              "features/clean-seen.npy",
                                              "features/shift-seen.npy",
                                              "results.csv",
                                              "results.json",
                                              NULL};

static const char *const adapt_settings[] = {"seed",   "input.", "source.limit_test", "shift.", "finetune.split",
                                             "adapt.", NULL};
static const char *const adapt_outputs[] = {"adapted.csv", "adapted.json", NULL};

static const char *const analysis_settings[] = {"analysis.", NULL};
#define PANEL_FILES(name)                                                                                              \
    "pca/" name ".npy", "pca/" name "-components.npy", "pca/" name "-mean.npy", "pca/" name "-variance.npy"
static const char *const analysis_outputs[] = {PANEL_FILES("original-clean"),
                                               PANEL_FILES("original-shift"),
                                               PANEL_FILES("finetuned-clean"),
                                               PANEL_FILES("finetuned-shift"),
                                               "pca/separation.csv",
                                               "pca/separation.json",
                                               NULL};

/* the page shows the whole resolved experiment */
static const char *const report_settings[] = {"name",   "seed",      "model.", "input.",    "source.",   "probe.",
                                              "shift.", "finetune.", "adapt.", "analysis.", "pretrain.", NULL};
/* clang-format off: pairs of a picture and its drawing */
#define CURVES(name)                                                                                                   \
    "plots/" name "-loss.png", "plots/" name "-loss.svg", "plots/" name "-accuracy.png", "plots/" name "-accuracy.svg"
#define REPORT_FILES                                                                                                   \
    "report.html", CURVES("probe"), "plots/severity.png", "plots/severity.svg", "plots/pca.png", "plots/pca.svg"
/* clang-format on */
static const char *const report_outputs[] = {REPORT_FILES, CURVES("finetune"), NULL};
static const char *const report_outputs_without_epochs[] = {REPORT_FILES, NULL};

/* clang-format off: one block a stage */
static const stage stages[STAGE_COUNT] = {
    [STAGE_PRETRAIN] = {"pretrain", "pretraining the demo's network", pretrain_settings, BIT(INPUT_PRETRAIN), 0, false,
                        pretrain_outputs, NULL, stage_pretrain},
    [STAGE_FEATURES] = {"features", "features of the clean images", features_settings,
                        BIT(INPUT_WEIGHTS) | BIT(INPUT_TRAIN) | BIT(INPUT_TEST), BIT(STAGE_PRETRAIN), false,
                        features_outputs, NULL, stage_features},
    [STAGE_PROBE] = {"probe", "a linear probe on them", probe_settings, 0, BIT(STAGE_FEATURES), false, probe_outputs,
                     NULL, stage_probe},
    [STAGE_SHIFT] = {"shift", "the frozen network on the shifted images", shift_settings,
                     BIT(INPUT_WEIGHTS) | BIT(INPUT_SHIFT), BIT(STAGE_PRETRAIN), false, shift_outputs, NULL,
                     stage_shift},
    [STAGE_FINETUNE] = {"finetune", "fine-tuning on shifted images", finetune_settings,
                        BIT(INPUT_WEIGHTS) | BIT(INPUT_SHIFT) | BIT(INPUT_ROWS), BIT(STAGE_PRETRAIN) | BIT(STAGE_PROBE),
                        false, finetune_outputs, "split/validation-rows.npy", stage_finetune},
    [STAGE_MEASURE] = {"measure", "measuring again", measure_settings, BIT(INPUT_TEST) | BIT(INPUT_SHIFT),
                       BIT(STAGE_FEATURES) | BIT(STAGE_PROBE) | BIT(STAGE_SHIFT) | BIT(STAGE_FINETUNE), false,
                       measure_outputs, NULL, stage_measure},
    [STAGE_ADAPT] = {"adapt", "both networks adapting to the test images", adapt_settings,
                     BIT(INPUT_WEIGHTS) | BIT(INPUT_TEST) | BIT(INPUT_SHIFT),
                     BIT(STAGE_PRETRAIN) | BIT(STAGE_PROBE) | BIT(STAGE_FINETUNE), false, adapt_outputs, NULL,
                     stage_adapt},
    [STAGE_ANALYSIS] = {"analysis", "principal components of the features", analysis_settings, 0, BIT(STAGE_MEASURE),
                        false, analysis_outputs, NULL, stage_analysis},
    [STAGE_REPORT] = {"report", "plots and report.html", report_settings, 0,
                      BIT(STAGE_PROBE) | BIT(STAGE_FINETUNE) | BIT(STAGE_MEASURE) | BIT(STAGE_ADAPT) |
                          BIT(STAGE_ANALYSIS),
                      true, report_outputs, NULL, stage_report},
};
/* clang-format on */

const stage *run_stages(void) { return stages; }

void run_outputs(const run *r, const stage *one, const char *outputs[RUN_OUTPUTS_MOST])
{
    const bool curves = one != &stages[STAGE_REPORT] || r->experiment->finetune.epochs > 0;
    const char *const *always = curves ? one->outputs : report_outputs_without_epochs;
    int n = 0;
    for (; always[n]; n++) {
        outputs[n] = always[n];
    }
    if (one->validation && r->n_held_out > 0) {
        outputs[n++] = one->validation;
    }
    outputs[n] = NULL;
}

/* Paths, or "section." for all of one. */
static bool names_path(const char *const *names, const char *path)
{
    for (int i = 0; names[i]; i++) {
        size_t length = strlen(names[i]);
        bool section = names[i][length - 1] == '.';
        if (section ? strncmp(path, names[i], length) == 0 : strcmp(path, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool left_out(const setting *row, const char *value)
{
    return names_path(younger, row->path) && strcmp(value, row->fallback) == 0;
}

static void add_line(digest *d, const char *name, const char *value)
{
    digest_add(d, name, strlen(name));
    digest_add(d, " = ", 3);
    digest_add(d, value, strlen(value));
    digest_add(d, "\n", 1);
}

reshift_status run_make_keys(run *r, reshift_error *error)
{
    static const char *const input_names[INPUT_COUNT] = {"pretraining set", "weights",     "training set",
                                                         "test set",        "shifted set", "fine-tuning set"};
    for (int s = 0; s < STAGE_COUNT; s++) {
        digest *d = digest_create(DIGEST_SHA256);
        if (!d) {
            return error_memory(error, 0, "a digest");
        }
        char layout[16];
        snprintf(layout, sizeof layout, "%d", MANIFEST_LAYOUT);
        add_line(d, "layout", layout);
        add_line(d, "stage", stages[s].name);
        bool good = true;
        for (const setting *row = settings_table(); row->path && good; row++) {
            if (names_path(stages[s].settings, row->path)) {
                char *value = setting_value_text(r->experiment, row);
                good = value != NULL;
                if (good && !left_out(row, value)) {
                    const bool precision = strcmp(row->path, "input.precision") == 0;
                    const reshift_precision named = (reshift_precision)r->experiment->input.precision;
                    add_line(d, row->path, precision ? engine_arithmetic(named) : value);
                }
                free(value);
            }
        }
        for (int i = 0; i < INPUT_COUNT; i++) {
            if (stages[s].inputs & BIT(i) && (i != INPUT_ROWS || r->identities[i][0])) {
                add_line(d, input_names[i], r->identities[i]);
            }
        }
        for (int below = 0; below < s; below++) {
            const bool absent = below == STAGE_ADAPT && r->experiment->adapt.method == RESHIFT_ADAPT_NONE;
            if (stages[s].stands_on & BIT(below) && !absent) {
                add_line(d, stages[below].name, r->keys[below]);
            }
        }
        digest_finish(d, r->keys[s]);
        digest_destroy(&d);
        if (!good) {
            return error_memory(error, 0, "a stage's key");
        }
    }
    return RESHIFT_OK;
}
