/* A model as its callers see it: names of weights, files there and back, recipe, class names, heads, broken files. */
#include "check.h"

#include <locale.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "models/model.h"
#include "reshift/machine.h"

/* A fresh folder in the system's temporary place; emptied by remove_folder. */
static char folder[] = "/tmp/reshift-test-models-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static reshift_model *create(const char *arch, int n_classes)
{
    reshift_error error;
    reshift_model *model = NULL;
    check_ok(reshift_model_create(arch, n_classes, 5, &model, &error));
    return model;
}

static void touch(const char *name)
{
    reshift_error error;
    check_ok(file_write_all(in_folder(name), "x", 1, true, &error));
}

static void expect_found(const char *weights, const char *file)
{
    reshift_error error;
    char path[600];
    check_ok(reshift_model_find(weights, folder, path, sizeof path, &error));
    assert_string_equal(path, in_folder(file));
}

/* ---- names ---- */

/* Each file made is a better answer than those made before it. */
static void test_names_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *name, *file;
    } steps[] = {
        {"resnet50", "resnet50-19c8e357.pth"},
        {"resnet50", "resnet50-0676ba61.pth"},
        {"resnet50", "resnet50@v1.safetensors"},
        {"resnet50", "resnet50.safetensors"},
        {"resnet50", "weights/resnet50-19c8e357.pth"},
        {"resnet50", "weights/resnet50-0676ba61.pth"},
        {"resnet50@v1", "weights/resnet50.safetensors"},
        {"resnet50@v2", "resnet50-11ad3fa6.pth"},
        {"resnet50@v2", "resnet50@v2.safetensors"},
        {"resnet50@v2", "weights/resnet50-11ad3fa6.pth"},
        {"resnet18", "weights/resnet18-5c106cde.pth"},
        {"resnet18", "weights/resnet18-f37072fd.pth"},
        {"resnet34", "weights/resnet34-333f7ec4.pth"},
        {"resnet34@v1", "weights/resnet34-b627a593.pth"},
        {"resnet101", "weights/resnet101-5d3b4d8f.pth"},
        {"resnet101", "weights/resnet101-63fe2227.pth"},
        {"resnet101@v2", "weights/resnet101-cd907fc2.pth"},
        {"resnet152", "weights/resnet152-b121ed2d.pth"},
        {"resnet152", "weights/resnet152-394f9c45.pth"},
        {"resnet152@v2", "weights/resnet152-f82ba261.pth"},
    };
    assert_int_equal(mkdir(in_folder("weights"), 0700), 0);
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        touch(steps[s].file);
        expect_found(steps[s].name, steps[s].file);
    }
    expect_found("resnet50", "weights/resnet50.safetensors"); /* V2 files never stand for V1 */
}

static void test_names_not_found(void **state)
{
    (void)state;
    reshift_error error;
    char path[600], words[512];
    snprintf(words, sizeof words,
             "cannot find weights 'resnet50': looked in '%s/weights' and above it for resnet50.safetensors, "
             "resnet50@v1.safetensors, resnet50-0676ba61.pth and resnet50-19c8e357.pth",
             folder);
    check_error(reshift_model_find("resnet50", folder, path, sizeof path, &error), RESHIFT_ERROR_NOT_FOUND, words);
    assert_non_null(strstr(error.hint, "reshift fetch resnet50"));
    check_error(reshift_model_find("resnet18@v2", folder, path, sizeof path, &error), RESHIFT_ERROR_ARGUMENT,
                "no V2 weights");
    check_error(reshift_model_find("resnet50@v3", folder, path, sizeof path, &error), RESHIFT_ERROR_NOT_FOUND,
                "cannot find weights 'resnet50@v3': there is no such file");
    assert_non_null(strstr(error.hint, "resnet152"));
    check_error(reshift_model_find(folder, folder, path, sizeof path, &error), RESHIFT_ERROR_IO, "it is a folder");
    touch("mine.pth");
    check_ok(reshift_model_find(in_folder("mine.pth"), NULL, path, sizeof path, &error));
    assert_string_equal(path, in_folder("mine.pth"));
    check_error(reshift_model_find(in_folder("mine.pth"), NULL, path, 8, &error), RESHIFT_ERROR_ARGUMENT, "too long");
}

/* ---- files ---- */

static void check_equal(const reshift_model *a, const reshift_model *b)
{
    const graph *g = model_network(a)->graph;
    assert_string_equal(reshift_model_arch(a), reshift_model_arch(b));
    assert_int_equal(g->n_floats, model_network(b)->graph->n_floats);
    assert_memory_equal(model_network(a)->values, model_network(b)->values, g->n_floats * sizeof(float));
    assert_memory_equal(model_network(a)->batches_tracked, model_network(b)->batches_tracked,
                        (size_t)g->n_nodes * sizeof(int64_t));
    const reshift_recipe *r = reshift_model_recipe(a), *s = reshift_model_recipe(b);
    assert_int_equal(r->size, s->size);
    assert_int_equal(r->resize, s->resize);
    assert_memory_equal(r->mean, s->mean, sizeof r->mean);
    assert_memory_equal(r->std, s->std, sizeof r->std);
    for (int k = 0; k < reshift_model_n_classes(a); k++) {
        const char *p = reshift_model_class_name(a, k), *q = reshift_model_class_name(b, k);
        assert_true((!p && !q) || (p && q && !strcmp(p, q)));
    }
}

static void test_save_and_load(void **state)
{
    (void)state;
    static const char *const names[3] = {"cat", "\"dog\"\n", "\xc3\xb1u"};
    const reshift_recipe recipe = {
        .resize = 40, .size = 33, .mean = {0.1f, 1.0f / 3, 1e-7f}, .std = {0.2f, 2.0f / 3, 1.5f}};
    reshift_error error;
    reshift_model *model = create("resnet-demo", 3), *loaded = NULL;
    reshift_model_set_recipe(model, &recipe);
    check_ok(reshift_model_set_class_names(model, names, 3, &error));
    model_network(model)->batches_tracked[2] = 12345678901;
    check_ok(reshift_model_save(in_folder("m.safetensors"), model, false, &error));
    check_error(reshift_model_save(in_folder("m.safetensors"), model, false, &error), RESHIFT_ERROR_EXISTS,
                "m.safetensors");
    check_ok(reshift_model_save(in_folder("m.safetensors"), model, true, &error));
    check_ok(reshift_model_load(in_folder("m.safetensors"), NULL, &loaded, &error));
    check_equal(model, loaded);
    assert_true(reshift_model_recipe(loaded)->stored);
    assert_string_equal(reshift_model_class_name(loaded, 2), names[2]);
    assert_null(reshift_model_class_name(loaded, 3));
    assert_null(reshift_model_class_name(loaded, -1));
    reshift_model_destroy(&model);
    reshift_model_destroy(&loaded);
    reshift_model_destroy(&loaded); /* NULL by now */
}

static void test_clone(void **state)
{
    (void)state;
    static const char *const names[2] = {"a", "b"};
    reshift_error error;
    reshift_model *model = create("resnet-demo", 2), *copy = NULL;
    check_ok(reshift_model_set_class_names(model, names, 2, &error));
    check_ok(reshift_model_clone(model, &copy, &error));
    check_equal(model, copy);
    float kept = model_network(model)->values[7];
    model_network(copy)->values[7] = kept + 1;
    assert_true(model_network(model)->values[7] == kept);
    reshift_model_destroy(&model);
    assert_string_equal(reshift_model_class_name(copy, 1), "b");
    reshift_model_destroy(&copy);
}

static void test_class_names(void **state)
{
    (void)state;
    static const char *const names[2] = {"caf\xe9", "b"}; /* Latin-1, as a folder may be called */
    reshift_error error;
    reshift_model *model = create("resnet-demo", 2), *loaded = NULL;
    check_error(reshift_model_set_class_names(model, names, 1, &error), RESHIFT_ERROR_SHAPE,
                "expected 2 class names, found 1");
    assert_null(reshift_model_class_name(model, 0));
    check_ok(reshift_model_set_class_names(model, names, 2, &error));
    assert_string_equal(reshift_model_class_name(model, 0), names[0]);
    check_ok(reshift_model_save(in_folder("latin.safetensors"), model, false, &error));
    check_ok(reshift_model_load(in_folder("latin.safetensors"), NULL, &loaded, &error));
    assert_string_equal(reshift_model_class_name(loaded, 0), "caf\\xe9");
    check_ok(reshift_model_set_class_names(model, NULL, 0, &error));
    assert_null(reshift_model_class_name(model, 0));
    reshift_model_destroy(&model);
    reshift_model_destroy(&loaded);
}

/* ---- recipes ---- */

/* Writes a model with other texts in its metadata and loads it. */
static reshift_status load_with(const char *name, const char *const (*texts)[2], int n, reshift_model **loaded,
                                reshift_error *error)
{
    reshift_error own;
    reshift_model *model = create("resnet18", 2);
    reshift_tensors *written = NULL, *tensors = reshift_tensors_create();
    reshift_error *kept = error;
    error = &own;
    assert_int_equal(reshift_model_to_tensors(model, &written, &own), RESHIFT_OK);
    for (int64_t t = 0; t < reshift_tensors_count(written); t++) { /* the tensors without the metadata */
        reshift_array copy = *reshift_tensors_at(written, t);
        copy.release = NULL;
        assert_int_equal(reshift_tensors_add(tensors, reshift_tensors_name(written, t), &copy, &own), RESHIFT_OK);
    }
    for (int i = 0; i < n; i++) {
        assert_int_equal(reshift_tensors_set_text(tensors, texts[i][0], texts[i][1], &own), RESHIFT_OK);
    }
    assert_int_equal(reshift_tensors_save(in_folder(name), tensors, true, &own), RESHIFT_OK);
    reshift_tensors_destroy(&tensors);
    reshift_tensors_destroy(&written);
    reshift_model_destroy(&model);
    return reshift_model_load(in_folder(name), NULL, loaded, kept);
}

static void check_recipe(const char *file, const char *const (*texts)[2], int n, int resize, int size, float mean,
                         float std, bool stored)
{
    reshift_error error;
    reshift_model *model = NULL;
    check_ok(load_with(file, texts, n, &model, &error));
    const reshift_recipe *recipe = reshift_model_recipe(model);
    assert_int_equal(recipe->resize, resize);
    assert_int_equal(recipe->size, size);
    assert_true(recipe->mean[2] == mean);
    assert_true(recipe->std[2] == std);
    assert_int_equal(recipe->stored, stored);
    reshift_model_destroy(&model);
}

static void test_recipes(void **state)
{
    (void)state;
    static const char *const partial[][2] = {
        {"input_size", "224"}, {"mean", "0.485 0.456 0.4"}, {"std", ".229 .224 .2 "}};
    static const char *const large[][2] = {{"input_size", "288"}};
    static const char *const full[][2] = {{"input_size", "224"}, {"resize", "224"}, {"interpolation", "bilinear"}};
    check_recipe("plain.safetensors", NULL, 0, 256, 224, 0.406f, 0.225f, false);
    check_recipe("resnet50-11ad3fa6.pth", NULL, 0, 232, 224, 0.406f, 0.225f, false);
    check_recipe("resnet152@v2.safetensors", NULL, 0, 232, 224, 0.406f, 0.225f, false);
    check_recipe("partial.safetensors", partial, 3, 256, 224, 0.4f, 0.2f, true);
    check_recipe("large.safetensors", large, 1, 329, 288, 0.406f, 0.225f, true);
    check_recipe("full.safetensors", full, 3, 224, 224, 0.406f, 0.225f, true);
}

#define NINE "1,1,1,1,1,1,1,1,1,"
#define RANGES_64(last) "{\"maxpool\":[" NINE NINE NINE NINE NINE NINE NINE last "]}"

static void test_class_names_of_a_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        reshift_status code;
        const char *words; /* the second name, or of the message */
    } cases[] = {
#define LINES(text, code, words) {text, sizeof text - 1, code, words}
        LINES("cat\ndog\n", RESHIFT_OK, "dog"),
        LINES("cat\r\ndog", RESHIFT_OK, "dog"),
        LINES("\xef\xbb\xbf"
              "cat\n\u00e9t\u00e9\n",
              RESHIFT_OK, "\u00e9t\u00e9"),
        LINES("cat\n\ndog\n", RESHIFT_ERROR_FORMAT, "line 2: expected 1 to 254 bytes, found none"),
        LINES("cat\n", RESHIFT_ERROR_SHAPE, "expected 2 lines, one a class, found 1"),
        LINES("a\nb\nc\n", RESHIFT_ERROR_SHAPE, "expected 2 lines, one a class, found 3"),
        LINES("cat\nd\0g\n", RESHIFT_ERROR_FORMAT, "line 2: a zero byte"),
        LINES("cat\n\xe9t\xe9\n", RESHIFT_ERROR_FORMAT, "line 2: expected UTF-8, found '?t?'"),
    };
    reshift_error error;
    reshift_model *model = create("resnet-demo", 2);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        check_ok(file_write_all(in_folder("names.txt"), cases[c].text, cases[c].size, true, &error));
        reshift_status status = reshift_model_load_class_names(model, in_folder("names.txt"), &error);
        assert_int_equal(status, cases[c].code);
        assert_non_null(
            strstr(status == RESHIFT_OK ? reshift_model_class_name(model, 1) : error.message, cases[c].words));
    }
    check_error(reshift_model_load_class_names(model, in_folder("no.txt"), &error), RESHIFT_ERROR_NOT_FOUND, "no.txt");
    check_error(reshift_model_load_class_names(model, folder, &error), RESHIFT_ERROR_IO, "folder");
    reshift_model_destroy(&model);
}

/* Values of other programs under the plain names: read where they can be, else ignored with a warning that says so. */
static void test_metadata_of_other_programs(void **state)
{
    (void)state;
    static const struct {
        const char *const text[2];
        int size;
        float mean;
        const char *note; /* NULL: read without a word */
    } cases[] = {
        {{"mean", "0.5,0.25,0.125"}, 224, 0.125f, NULL},
        {{"mean", "[0.5, 0.25, 0.125]"}, 224, 0.125f, NULL},
        {{"mean", "(0.5, 0.25, 0.125)"}, 224, 0.125f, NULL},
        {{"mean", "imagenet"}, 224, 0.406f, "metadata 'mean': expected three numbers, found 'imagenet': ignored"},
        {{"std", "0.5 0 0.5"},
         224,
         0.406f,
         "metadata 'std': expected three positive numbers, found '0.5 0 0.5': ignored"},
        {{"input_size", "[3, 288, 288]"}, 288, 0.406f, NULL},
        {{"input_size", "288, 288"}, 288, 0.406f, NULL},
        {{"input_size", "[3, 224, 192]"}, 224, 0.406f, "metadata 'input_size': expected a whole number from 8 to 4096"},
        {{"resize", "128"}, 224, 0.406f, "metadata 'resize': expected at least input_size 224"},
        {{"interpolation", "bicubic"},
         224,
         0.406f,
         "metadata 'interpolation': expected bilinear, found 'bicubic': ignored"},
        {{"class_names", "cat, dog"}, 224, 0.406f, NULL},
        {{"class_names", "cat,dog,cow"}, 224, 0.406f, "metadata 'class_names': expected a list of 2 strings"},
        {{"trained_on", "ImageNet-1k"},
         224,
         0.406f,
         "metadata 'trained_on': 'ImageNet-1k' is no list of training images"},
        {{"activation_ranges", "none"}, 224, 0.406f, "metadata 'activation_ranges': expected a JSON object"},
        {{"arch", "my own"}, 224, 0.406f, NULL},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        reshift_error error;
        reshift_model *model = NULL;
        reshift_log_level level = RESHIFT_LOG_INFO;
        check_ok(load_with("foreign.safetensors", &cases[c].text, 1, &model, &error));
        assert_int_equal(reshift_model_recipe(model)->size, cases[c].size);
        assert_true(reshift_model_recipe(model)->mean[2] == cases[c].mean);
        const char *said = reshift_model_note(model, 0, &level);
        assert_int_equal(said != NULL, cases[c].note != NULL);
        if (said) {
            assert_non_null(strstr(said, cases[c].note));
            assert_int_equal(level, RESHIFT_LOG_WARNING);
        }
        if (strcmp(cases[c].text[1], "cat, dog") == 0) {
            assert_string_equal(reshift_model_class_name(model, 1), "dog");
        }
        assert_null(reshift_model_trained_on(model));
        reshift_model_destroy(&model);
    }
}

static void test_recipes_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *const text[2];
        reshift_status code;
        const char *words;
    } cases[] = {
        {{"reshift.input_size", "7"},
         RESHIFT_ERROR_FORMAT,
         "metadata 'reshift.input_size': expected a whole number from 8 to 4096, found '7'"},
        {{"reshift.input_size", "224px"}, RESHIFT_ERROR_FORMAT, "found '224px'"},
        {{"reshift.input_size", "99999999999999999999"}, RESHIFT_ERROR_FORMAT, "metadata 'reshift.input_size'"},
        {{"reshift.resize", "128"},
         RESHIFT_ERROR_FORMAT,
         "metadata 'reshift.resize': expected at least input_size 224 and at most 16 times that, found 128"},
        {{"reshift.resize", "3585"}, RESHIFT_ERROR_FORMAT, "at most 16 times that, found 3585"},
        {{"reshift.mean", "0.5 0.5"},
         RESHIFT_ERROR_FORMAT,
         "metadata 'reshift.mean': expected three numbers, found '0.5 0.5'"},
        {{"reshift.mean", "0.5 nan 0.5"}, RESHIFT_ERROR_FORMAT, "metadata 'reshift.mean'"},
        {{"reshift.std", "0.5 0 0.5"}, RESHIFT_ERROR_FORMAT, "metadata 'reshift.std': expected three positive numbers"},
        {{"reshift.std", "1 1 1 1"}, RESHIFT_ERROR_FORMAT, "metadata 'reshift.std'"},
        {{"reshift.interpolation", "bicubic"}, RESHIFT_ERROR_UNSUPPORTED, "expected bilinear, found 'bicubic'"},
        {{"reshift.class_names", "cat,dog"},
         RESHIFT_ERROR_FORMAT,
         "metadata 'reshift.class_names': expected a list of 2 strings"},
        {{"reshift.class_names", "[\"cat\"]"}, RESHIFT_ERROR_FORMAT, "expected a list of 2 strings, found '[\"cat\"]'"},
        {{"reshift.class_names", "[\"cat\",7]"},
         RESHIFT_ERROR_FORMAT,
         "metadata 'reshift.class_names': entry 1 is not a string"},
        {{"reshift.activation_ranges", "[1]"},
         RESHIFT_ERROR_FORMAT,
         "metadata 'reshift.activation_ranges': expected a JSON object"},
        {{"reshift.activation_ranges", "{\"layer1.0.bn1\":[1]}"},
         RESHIFT_ERROR_FORMAT,
         "has no activation 'layer1.0.bn1'"},
        {{"reshift.activation_ranges", "{\"maxpool\":[1,2]}"},
         RESHIFT_ERROR_FORMAT,
         "expected 64 numbers at 'maxpool', found 2"},
        {{"reshift.activation_ranges", RANGES_64("0")},
         RESHIFT_ERROR_FORMAT,
         "a positive number at 'maxpool' [63], found one"},
        {{"reshift.activation_ranges", RANGES_64("1e99")}, RESHIFT_ERROR_FORMAT, "a positive number at 'maxpool' [63]"},
        {{"reshift.activation_ranges", RANGES_64("true")}, RESHIFT_ERROR_FORMAT, "found something else"},
    };
    reshift_error error;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        reshift_model *model = NULL;
        check_error(load_with("bad.safetensors", &cases[c].text, 1, &model, &error), cases[c].code, cases[c].words);
        assert_non_null(strstr(error.message, "cannot read weights"));
        assert_null(model);
    }
}

/* A program may have set a locale that writes 0,485. One is made here, where its sources are installed. */
static void test_numbers_in_any_locale(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >/dev/null 2>&1", folder);
    int made = system(command);
    setenv("LOCPATH", folder, 1);
    if (made != 0 || !setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        unsetenv("LOCPATH");
        print_message("# skipped: no locale with a decimal comma can be made here (Debian's package locales)\n");
        skip();
    }
    char text[16];
    snprintf(text, sizeof text, "%.1f", 0.5);
    assert_string_equal(text, "0,5");
    test_save_and_load(state);
    setlocale(LC_NUMERIC, "C");
    unsetenv("LOCPATH");
}

/* ---- heads ---- */

static void test_heads(void **state)
{
    (void)state;
    static const char *const names[10] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    reshift_error error;
    reshift_model *model = create("resnet18", 10), *before = NULL;
    model_network(model)->batches_tracked[2] = 77;
    check_ok(reshift_model_set_class_names(model, names, 10, &error));
    check_ok(reshift_model_clone(model, &before, &error));
    const graph *g = model_network(before)->graph;
    int fc = graph_find_parameter(g, "fc.weight");

    reshift_array weight, bias;
    check_ok(reshift_array_create(RESHIFT_F32, 2, (int64_t[]){4, 512}, &weight, &error));
    check_ok(reshift_array_create(RESHIFT_F32, 1, (int64_t[]){4}, &bias, &error));
    for (int i = 0; i < 4 * 512; i++) {
        ((float *)weight.data)[i] = (float)i;
    }
    ((float *)bias.data)[3] = -1;
    check_ok(reshift_model_set_head(model, &weight, &bias, &error));
    assert_int_equal(reshift_model_n_classes(model), 4);
    assert_null(reshift_model_class_name(model, 0));
    network *net = model_network(model);
    assert_int_equal(net->graph->parameters[fc].shape[0], 4);
    assert_memory_equal(network_parameter(net, fc), weight.data, 4 * 512 * sizeof(float));
    assert_memory_equal(network_parameter(net, fc + 1), bias.data, 4 * sizeof(float));
    for (int p = 0; p < fc; p++) { /* nothing else changed */
        assert_memory_equal(network_parameter(net, p), network_parameter(model_network(before), p),
                            g->parameters[p].count * sizeof(float));
    }
    assert_int_equal(net->batches_tracked[2], 77);

    /* the same number of classes keeps the network and tells plans that fc changed */
    uint64_t version = net->version[fc];
    ((float *)weight.data)[0] = 5;
    check_ok(reshift_model_set_head(model, &weight, &bias, &error));
    assert_ptr_equal(model_network(model), net);
    assert_true(net->version[fc] > version && network_parameter(net, fc)[0] == 5);

    check_ok(reshift_model_reset_head(model, 10, 5, &error));
    assert_memory_equal(network_parameter(model_network(model), fc), network_parameter(model_network(before), fc),
                        10 * 512 * sizeof(float)); /* `create` drew it from seed 5 as well */
    check_error(reshift_model_reset_head(model, 0, 5, &error), RESHIFT_ERROR_ARGUMENT, "at least 1 class");

    bias.shape[0] = 3;
    check_error(reshift_model_set_head(model, &weight, &bias, &error), RESHIFT_ERROR_SHAPE,
                "tensor 'fc.bias': expected [4], found [3]");
    bias.shape[0] = 4;
    weight.shape[0] = 8;
    weight.shape[1] = 256;
    check_error(reshift_model_set_head(model, &weight, &bias, &error), RESHIFT_ERROR_SHAPE,
                "tensor 'fc.weight': expected [K,512] for any number of classes K, found [8,256]");
    weight.shape[0] = 4;
    weight.shape[1] = 512;
    ((float *)weight.data)[9] = INFINITY;
    check_error(reshift_model_set_head(model, &weight, &bias, &error), RESHIFT_ERROR_NUMERIC,
                "tensor 'fc.weight': element 9 is not finite");
    weight.dtype = RESHIFT_I32;
    check_error(reshift_model_set_head(model, &weight, &bias, &error), RESHIFT_ERROR_SHAPE,
                "expected float32, found int32");
    assert_int_equal(reshift_model_n_classes(model), 10);
    reshift_array_destroy(&weight);
    reshift_array_destroy(&bias);
    reshift_model_destroy(&model);
    reshift_model_destroy(&before);
}

/* Heads come as fc.weight and fc.bias, as a bare linear layer, or inside a whole checkpoint; class names come along. */
static void test_load_head(void **state)
{
    (void)state;
    static const char *const spellings[2][2] = {{"fc.weight", "fc.bias"}, {"weight", "bias"}};
    reshift_error error;
    reshift_model *model = create("resnet18", 10);
    for (int s = 0; s < 2; s++) {
        reshift_tensors *tensors = reshift_tensors_create();
        reshift_array weight, bias;
        check_ok(reshift_array_create(RESHIFT_F64, 2, (int64_t[]){3, 512}, &weight, &error));
        check_ok(reshift_array_create(RESHIFT_F32, 1, (int64_t[]){3}, &bias, &error));
        ((double *)weight.data)[600] = 0.5 + s;
        check_ok(reshift_tensors_add(tensors, spellings[s][0], &weight, &error));
        check_ok(reshift_tensors_add(tensors, spellings[s][1], &bias, &error));
        check_ok(reshift_tensors_set_text(tensors, "class_names", "[\"x\",\"y\",\"z\"]", &error));
        check_ok(reshift_tensors_save(in_folder("head.safetensors"), tensors, true, &error));
        reshift_tensors_destroy(&tensors);
        check_ok(reshift_model_load_head(model, in_folder("head.safetensors"), &error));
        assert_int_equal(reshift_model_n_classes(model), 3);
        assert_string_equal(reshift_model_class_name(model, 2), "z");
        network *net = model_network(model);
        assert_true(network_parameter(net, graph_find_parameter(net->graph, "fc.weight"))[600] == 0.5f + (float)s);
    }
    reshift_model *other = create("resnet-demo", 6);
    check_ok(reshift_model_save(in_folder("demo.safetensors"), other, false, &error));
    check_error(reshift_model_load_head(model, in_folder("demo.safetensors"), &error), RESHIFT_ERROR_SHAPE,
                "demo.safetensors': tensor 'fc.weight': expected [K,512] for any number of classes K, found [6,128]");
    check_ok(reshift_model_load_head(other, in_folder("demo.safetensors"), &error));
    check_error(reshift_model_load_head(model, in_folder("none.safetensors"), &error), RESHIFT_ERROR_NOT_FOUND,
                "cannot read head");
    assert_string_equal(reshift_model_class_name(model, 2), "z"); /* untouched by what failed */
    reshift_model_destroy(&model);
    reshift_model_destroy(&other);
}

/* ---- broken files ---- */

static void test_truncated(void **state)
{
    (void)state;
    reshift_error error;
    reshift_model *model = create("resnet-demo", 3), *loaded = NULL;
    check_ok(reshift_model_save(in_folder("whole.safetensors"), model, false, &error));
    reshift_model_destroy(&model);
    char *bytes = NULL;
    size_t count;
    check_ok(file_read_all(in_folder("whole.safetensors"), &bytes, &count, &error));
    static const char *const reasons[] = {"expected a checkpoint, found an empty file", "expected a checkpoint",
                                          "the header has ", "tensor '", "tensor 'fc.bias'"};
    const size_t cuts[] = {0, 4, 100, count / 2, count - 1};
    for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
        char words[600];
        check_ok(file_write_all(in_folder("cut.safetensors"), bytes, cuts[c], true, &error));
        snprintf(words, sizeof words, "cannot read weights '%s': %s", in_folder("cut.safetensors"), reasons[c]);
        check_error(reshift_model_load(in_folder("cut.safetensors"), NULL, &loaded, &error), RESHIFT_ERROR_FORMAT,
                    words);
        assert_null(loaded);
    }
    free(bytes);
}

/* Real checkpoints of a CIFAR-10 ResNet-20, in both of PyTorch's containers. */
static void test_resnet20_is_refused(void **state)
{
    (void)state;
    check_need_data();
    static const char *const files[] = {"cifar10-resnet20-legacy.pth", "cifar10-resnet20-zip.pth"};
    reshift_error error;
    for (int f = 0; f < 2; f++) {
        char path[4096];
        reshift_model *model = NULL;
        snprintf(path, sizeof path, "%s/weights/%s", check_data(), files[f]);
        check_error(reshift_model_load(path, NULL, &model, &error), RESHIFT_ERROR_UNSUPPORTED,
                    "not a residual network of torchvision's family: expected layer1 to layer4, found layer1 to layer3 "
                    "(basic residual blocks: 3, 3, 3; channels: 16, 32, 64) and no 'fc.weight'");
        assert_non_null(strstr(error.message, files[f]));
        assert_null(model);
    }
}

static void test_real_recipe(void **state)
{
    (void)state;
    check_need_data();
    reshift_error error;
    reshift_model *model = NULL;
    check_ok(reshift_model_load("resnet18@v1", check_data(), &model, &error));
    const reshift_recipe *recipe = reshift_model_recipe(model);
    assert_true(recipe->stored && recipe->size == 224 && recipe->resize == 256);
    assert_true(recipe->mean[0] == 0.485f && recipe->std[1] == 0.224f);
    assert_int_equal(reshift_model_n_classes(model), 1000);
    reshift_model_destroy(&model);
}

/* ---- the machine ---- */

static void test_threads(void **state)
{
    (void)state;
    int before = reshift_threads_count();
    reshift_threads_set(1);
    assert_int_equal(reshift_threads_count(), 1);
#ifdef _OPENMP
    setenv("OMP_NUM_THREADS", "3,2", 1);
    reshift_threads_set(0);
    assert_int_equal(reshift_threads_count(), 3);
    setenv("OMP_NUM_THREADS", "none", 1);
    reshift_threads_set(0);
    assert_in_range(reshift_threads_count(), 1, sysconf(_SC_NPROCESSORS_ONLN));
#endif
    unsetenv("OMP_NUM_THREADS");
    reshift_threads_set(before);
    assert_int_equal(reshift_threads_count(), before);
    assert_true(reshift_peak_memory_bytes() > 1 << 20);
    size_t bytes = (size_t)64 << 20;
    char *block = malloc(bytes); /* the peak stays when the block goes, and is forgotten when asked */
    assert_non_null(block);
    memset(block, 1, bytes);
    size_t with = reshift_peak_memory_bytes();
    free(block);
    assert_true(with > bytes && reshift_peak_memory_bytes() >= with);
    if (reshift_peak_memory_forget()) {
        assert_true(reshift_peak_memory_bytes() < with - bytes / 2);
    }
    assert_non_null(strstr(reshift_engine_description(), "oneDNN"));
}

#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_names_in_order),
        FOLDER_TEST(test_names_not_found),
        FOLDER_TEST(test_save_and_load),
        FOLDER_TEST(test_clone),
        FOLDER_TEST(test_class_names),
        FOLDER_TEST(test_recipes),
        FOLDER_TEST(test_class_names_of_a_file),
        FOLDER_TEST(test_metadata_of_other_programs),
        FOLDER_TEST(test_recipes_that_cannot_be),
        FOLDER_TEST(test_numbers_in_any_locale),
        FOLDER_TEST(test_heads),
        FOLDER_TEST(test_load_head),
        FOLDER_TEST(test_truncated),
        cmocka_unit_test(test_resnet20_is_refused),
        cmocka_unit_test(test_real_recipe),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
