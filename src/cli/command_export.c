/* reshift export: writes a network as a file for other programs. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/export.h"
#include "reshift/words.h"

static bool ends_with(const char *path, const char *ending)
{
    size_t length = strlen(path), part = strlen(ending);
    return length > part && strcmp(path + length - part, ending) == 0;
}

int command_export(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const char *weights = NULL, *head = NULL, *out = NULL, *format = NULL, *names = NULL;
    const option options[] = {
        TEXT("--weights", &weights, "W",
             "a checkpoint (FILE#BRANCH: one of several networks in it), or a name such as resnet50", NULL),
        TEXT("--head", &head, "FILE", "fc to write instead, from 'reshift probe'", NULL),
        OUTPUT("--out", &out, "FILE", "the file to write", NULL),
        TEXT("--format", &format, "onnx|safetensors",
             "onnx: for OpenCV, ONNX Runtime and others; safetensors: for torchvision's load_state_dict, strict",
             "by FILE's ending"),
        TEXT("--classes", &names, "FILE.txt", "names of the classes to store, one a line", "those of the weights"),
        OPTION_SIZE(c),
        OPTION_DATA_DIR(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "export",
        .about = "Writes a network for other programs: ONNX (input [N,3,size,size], normalised; output logits), or "
                 "safetensors\n"
                 "with torchvision's names. The metadata contain the preparation of images and the class names.",
        .synopsis = "--weights W --out FILE [options]",
        .example = "  reshift export --weights runs/seed/weights/finetuned.safetensors --out finetuned.onnx\n"
                   "  reshift export --weights resnet50 --head fc.safetensors --out probed.safetensors",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (!weights || !out) {
        return usage_error(&u, "expected --weights and --out");
    }
    if (!format) {
        format = ends_with(out, ".onnx") ? "onnx" : ends_with(out, ".safetensors") ? "safetensors" : "";
    }
    const bool onnx = strcmp(format, "onnx") == 0;
    if (!onnx && strcmp(format, "safetensors") != 0) {
        return *format ? usage_error(&u, "--format: expected onnx or safetensors, found '%s'", format)
                       : usage_error(&u, "--out '%s': expected a name that ends in .onnx or .safetensors, or --format",
                                     out);
    }
    if (ends_with(out, onnx ? ".safetensors" : ".onnx")) {
        return usage_error(&u, "--out '%s': what is written is %s: choose a name that does not say otherwise", out,
                           format);
    }
    reshift_error error;
    reshift_model *model = NULL;
    reshift_status done = check_target(&c, out, &error);
    if (done == RESHIFT_OK) {
        done = open_model(&c, weights, head, &model, &error);
    }
    if (done == RESHIFT_OK && names) {
        done = reshift_model_load_class_names(model, names, &error);
    }
    if (done == RESHIFT_OK) {
        reshift_model_set_size(model, (int)c.size);
        done = onnx ? reshift_model_save_onnx(out, model, 0, c.force, &error)
                    : reshift_model_save(out, model, c.force, &error);
    }
    if (done == RESHIFT_OK) {
        const reshift_recipe *recipe = reshift_model_recipe(model);
        printf("%s: %s, %d %s, images of %dx%d, resize %d\n", shown(out), reshift_model_arch(model),
               reshift_model_n_classes(model), reshift_noun_for(reshift_model_n_classes(model), "class", "classes"),
               recipe->size, recipe->size, recipe->resize);
        status = session_end();
    } else {
        status = session_fail(&error);
    }
    reshift_model_destroy(&model);
    return status;
}
