/*
 * The table of stages: what each one does, the inputs and earlier stages it reads, and the files it writes. The
 * settings that a stage reads are named in the settings table alone. Reading anything else fails the stage (reads.h).
 */
#include "experiment/run.h"

#define STAGE(name) FEEDS_STAGE(STAGE_##name)
#define INPUT(name) FEEDS_INPUT(INPUT_##name)
#define NETWORK (INPUT(WEIGHTS) | INPUT(CALIBRATION) | STAGE(PRETRAIN)) /* the network that the study starts from */

static const char *const pretrain_outputs[] = {"weights/pretrained.safetensors", "history/pretrain.csv", NULL};

static const char *const features_outputs[] = {"features/train-clean.npy",
                                               "features/train-clean.npy.json",
                                               "features/train-clean-labels.npy",
                                               "features/original-clean.npy",
                                               "features/original-clean.npy.json",
                                               "features/clean-labels.npy",
                                               NULL};

static const char *const probe_outputs[] = {"weights/probe.safetensors", "history/probe.csv", NULL};

static const char *const shift_outputs[] = {"features/original-shift.npy", "features/original-shift.npy.json",
                                            "features/shift-labels.npy", NULL};

static const char *const finetune_outputs[] = {"split/train-rows.npy",          "split/test-rows.npy",
                                               "weights/finetuned.safetensors", "weights/moved.csv",
                                               "history/finetune.csv",          NULL};

static const char *const measure_outputs[] = {"features/finetuned-clean.npy",
                                              "features/finetuned-shift.npy",
                                              "features/finetuned-clean.npy.json",
                                              "features/finetuned-shift.npy.json",
                                              "features/clean-seen.npy",
                                              "features/shift-seen.npy",
                                              "predictions/original-clean.npy",
                                              "predictions/original-shift.npy",
                                              "predictions/finetuned-clean.npy",
                                              "predictions/finetuned-shift.npy",
                                              "results.csv",
                                              "results.json",
                                              NULL};

static const char *const adapt_outputs[] = {"adapted.csv", "adapted.json", NULL};

#define PANEL_FILES(name)                                                                                              \
    "pca/" name ".npy", "pca/" name "-components.npy", "pca/" name "-mean.npy", "pca/" name "-variance.npy"
static const char *const analysis_outputs[] = {PANEL_FILES("original-clean"),  PANEL_FILES("original-shift"),
                                               PANEL_FILES("finetuned-clean"), PANEL_FILES("finetuned-shift"),
                                               "pca/separation.csv",           "pca/separation.json",
                                               "pca/separation-change.csv",    NULL};

/* clang-format off: pairs of a picture and its drawing */
#define CURVES(name)                                                                                                   \
    "plots/" name "-loss.png", "plots/" name "-loss.svg", "plots/" name "-accuracy.png", "plots/" name "-accuracy.svg"
#define REPORT_FILES                                                                                                   \
    "report.html", CURVES("probe"), "plots/severity.png", "plots/severity.svg", "plots/pca.png", "plots/pca.svg"
/* clang-format on */
static const char *const report_outputs[] = {REPORT_FILES, CURVES("finetune"), NULL};
static const char *const report_outputs_without_epochs[] = {REPORT_FILES, NULL};

static const stage stages[STAGE_COUNT] = {
    [STAGE_PRETRAIN] = {.name = "pretrain",
                        .about = "pretraining the demo's network",
                        .reads = INPUT(PRETRAIN),
                        .outputs = pretrain_outputs,
                        .work = stage_pretrain},
    [STAGE_FEATURES] = {.name = "features",
                        .about = "features of the clean images",
                        .reads = NETWORK | INPUT(TRAIN) | INPUT(TEST),
                        .outputs = features_outputs,
                        .work = stage_features},
    [STAGE_PROBE] = {.name = "probe",
                     .about = "a linear probe on them",
                     .reads = STAGE(FEATURES),
                     .outputs = probe_outputs,
                     .work = stage_probe},
    [STAGE_SHIFT] = {.name = "shift",
                     .about = "the frozen network on the shifted images",
                     .reads = NETWORK | INPUT(SHIFT),
                     .outputs = shift_outputs,
                     .work = stage_shift},
    [STAGE_FINETUNE] = {.name = "finetune",
                        .about = "fine-tuning on shifted images",
                        .reads = NETWORK | INPUT(SHIFT) | INPUT(ROWS) | INPUT(SPLIT) | STAGE(PROBE),
                        .outputs = finetune_outputs,
                        .validation = "split/validation-rows.npy",
                        .work = stage_finetune},
    [STAGE_MEASURE] = {.name = "measure",
                       .about = "measuring again",
                       .reads =
                           INPUT(TEST) | INPUT(SHIFT) | STAGE(FEATURES) | STAGE(PROBE) | STAGE(SHIFT) | STAGE(FINETUNE),
                       .outputs = measure_outputs,
                       .work = stage_measure},
    [STAGE_ADAPT] = {.name = "adapt",
                     .about = "both networks adapting to the test images",
                     .reads = NETWORK | INPUT(TEST) | INPUT(SHIFT) | STAGE(PROBE) | STAGE(FINETUNE) | STAGE(MEASURE),
                     .outputs = adapt_outputs,
                     .work = stage_adapt},
    [STAGE_ANALYSIS] = {.name = "analysis",
                        .about = "principal components of the features",
                        .reads = STAGE(MEASURE),
                        .outputs = analysis_outputs,
                        .work = stage_analysis},
    [STAGE_REPORT] = {.name = "report",
                      .about = "plots and report.html",
                      .reads = STAGE(PROBE) | STAGE(FINETUNE) | STAGE(MEASURE) | STAGE(ADAPT) | STAGE(ANALYSIS),
                      .every_setting = true,
                      .outputs = report_outputs,
                      .folder = "plots",
                      .work = stage_report},
};

const stage *run_stages(void) { return stages; }

bool run_applies(const run *r, stage_name s)
{
    return s == STAGE_PRETRAIN ? r->opened.pretrained_here
           : s == STAGE_ADAPT  ? r->all_settings->adapt.method != RESHIFT_ADAPT_NONE
                               : true;
}

void run_outputs(const run *r, const stage *one, const char *outputs[RUN_OUTPUTS_MOST])
{
    const bool curves = one != &stages[STAGE_REPORT] || r->all_settings->finetune.epochs > 0;
    const char *const *always = curves ? one->outputs : report_outputs_without_epochs;
    int n = 0;
    for (; always[n]; n++) {
        outputs[n] = always[n];
    }
    if (one->validation && r->opened.n_held_out > 0) {
        outputs[n++] = one->validation;
    }
    outputs[n] = NULL;
}
