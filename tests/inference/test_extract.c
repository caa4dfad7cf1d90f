/* Going forward: features and logits whatever the batch, the same in memory and in files, and PyTorch's on real images.
 */
#include "check.h"

#include <math.h>
#include <unistd.h>

#include "base/files.h"
#include "training/made_up.h"
#include "reshift/learning.h"

enum { n_images = 23, n_classes = 5, n_features = 128 };

static char folder[256];

static const char *in_folder(const char *name)
{
    static char paths[8][320];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void open_all(reshift_dataset **dataset, reshift_model **model)
{
    reshift_error error;
    reshift_array images, labels;
    check_ok(reshift_array_create(RESHIFT_U8, 4, (int64_t[]){n_images, 32, 32, 3}, &images, &error));
    check_ok(reshift_array_create(RESHIFT_I64, 1, (int64_t[]){n_images}, &labels, &error));
    for (uint32_t i = 0; i < n_images * 32 * 32 * 3; i++) {
        ((uint8_t *)images.data)[i] = (uint8_t)made_up_hash(60, i / 5);
    }
    for (int i = 0; i < n_images; i++) {
        ((int64_t *)labels.data)[i] = i * 7 % n_classes;
    }
    char spec[700];
    snprintf(spec, sizeof spec, "npy:%s,%s", in_folder("images.npy"), in_folder("image-labels.npy"));
    check_ok(reshift_array_save_npy(in_folder("images.npy"), &images, true, &error));
    check_ok(reshift_array_save_npy(in_folder("image-labels.npy"), &labels, true, &error));
    check_ok(reshift_dataset_open(spec, NULL, dataset, &error));
    check_ok(reshift_model_create("resnet-demo", n_classes, 1, model, &error));
    reshift_array_destroy(&images);
    reshift_array_destroy(&labels);
}

/* Largest difference of two arrays, as a share of the largest value of the first. */
static double distance(const reshift_array *a, const reshift_array *b)
{
    double largest = 0, off = 0;
    assert_int_equal(reshift_array_count(a), reshift_array_count(b));
    for (int64_t i = 0; i < reshift_array_count(a); i++) {
        double x = (double)((const float *)a->data)[i], y = (double)((const float *)b->data)[i];
        largest = fabs(x) > largest ? fabs(x) : largest;
        off = fabs(x - y) > off ? fabs(x - y) : off;
    }
    return off / largest;
}

static void test_batch_does_not_matter(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model;
    open_all(&dataset, &model);
    reshift_array features, logits;
    check_ok(reshift_forward(model, dataset, NULL, &features, &logits, NULL, &error));
    assert_int_equal(features.shape[0], n_images);
    assert_int_equal(features.shape[1], n_features);
    assert_int_equal(logits.shape[1], n_classes);
    static const int batches[] = {1, 4, 8, 22, 23, 64};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        reshift_forward_options options = {.batch = batches[i]};
        reshift_array other_features, other_logits, alone;
        check_ok(reshift_forward(model, dataset, &options, &other_features, &other_logits, NULL, &error));
        check_ok(reshift_forward(model, dataset, &options, &alone, NULL, NULL, &error));
        /* float32 sums of at most 9 * 128 terms in eight convolutions, in whatever order */
        assert_true(distance(&features, &other_features) < 1e-5);
        assert_true(distance(&logits, &other_logits) < 1e-5);
        assert_true(distance(&features, &alone) < 1e-5);
        reshift_array_destroy(&other_features);
        reshift_array_destroy(&other_logits);
        reshift_array_destroy(&alone);
    }
    reshift_array head;
    check_ok(reshift_head_logits(model, &features, &head, &error));
    assert_true(distance(&logits, &head) < 1e-5);
    reshift_array_destroy(&head);
    check_error(reshift_head_logits(model, &logits, &head, &error), RESHIFT_ERROR_SHAPE, "expected float32 [N,128]");
    reshift_array_destroy(&features);
    reshift_array_destroy(&logits);
    reshift_dataset_close(&dataset);
    reshift_model_destroy(&model);
}

typedef struct watch {
    int64_t done, total, calls, cancel_at;
} watch;

static void see_update(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    watch *w = context;
    assert_string_equal(what, "features");
    assert_string_equal(unit, "images");
    assert_true(w->calls > 0 || done == 0);
    assert_true(done >= w->done && done <= total);
    w->done = done;
    w->total = total;
    w->calls++;
}

static bool see_cancel(void *context)
{
    const watch *w = context;
    return w->cancel_at && w->done >= w->cancel_at;
}

static void test_files(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model;
    open_all(&dataset, &model);
    const char *features_path = in_folder("features.npy"), *labels_path = in_folder("labels.npy");
    watch w = {0};
    reshift_progress progress = {.update = see_update, .cancelled = see_cancel, .context = &w};
    reshift_forward_options options = {.batch = 4};
    w.cancel_at = 8;
    check_error(reshift_extract(model, dataset, &options, features_path, labels_path, false, &progress, &error),
                RESHIFT_ERROR_CANCELLED, "stopped");
    assert_false(file_exists(features_path) || file_exists(labels_path));
    w = (watch){0};
    check_ok(reshift_extract(model, dataset, &options, features_path, labels_path, false, &progress, &error));
    assert_int_equal(w.done, n_images);
    assert_int_equal(w.total, n_images);
    reshift_array expected, features, labels;
    check_ok(reshift_forward(model, dataset, &options, &expected, NULL, NULL, &error));
    check_ok(reshift_array_load_npy(features_path, &features, &error));
    check_ok(reshift_array_load_npy(labels_path, &labels, &error));
    assert_memory_equal(features.data, expected.data, reshift_array_bytes(&expected));
    assert_int_equal(labels.dtype, RESHIFT_I64);
    for (int i = 0; i < n_images; i++) {
        assert_int_equal(((const int64_t *)labels.data)[i], i * 7 % n_classes);
    }
    check_error(reshift_extract(model, dataset, &options, features_path, NULL, false, NULL, &error),
                RESHIFT_ERROR_EXISTS, "exists already");
    check_error(reshift_extract(model, dataset, &options, in_folder("new.npy"), labels_path, false, NULL, &error),
                RESHIFT_ERROR_EXISTS, "labels.npy' exists already");
    assert_false(file_exists(in_folder("new.npy")));
    check_ok(reshift_extract(model, dataset, &options, features_path, NULL, true, NULL, &error));
    check_error(reshift_extract(model, dataset, &options, features_path, features_path, true, NULL, &error),
                RESHIFT_ERROR_ARGUMENT, "cannot both go to");
    reshift_array_destroy(&expected);
    reshift_array_destroy(&features);
    reshift_array_destroy(&labels);
    unlink(features_path);
    unlink(labels_path);
    reshift_dataset_close(&dataset);
    reshift_model_destroy(&model);
}

static void test_options(void **state)
{
    (void)state;
    reshift_error error;
    reshift_dataset *dataset;
    reshift_model *model;
    open_all(&dataset, &model);
    reshift_array features;
    reshift_forward_options options = {.size = 48};
    check_ok(reshift_forward(model, dataset, &options, &features, NULL, NULL, &error));
    assert_int_equal(features.shape[1], n_features);
    reshift_array_destroy(&features);
    options.size = -1;
    check_error(reshift_forward(model, dataset, &options, &features, NULL, NULL, &error), RESHIFT_ERROR_ARGUMENT,
                "input size");
    assert_null(features.data);
    options = (reshift_forward_options){.batch = -1};
    check_error(reshift_forward(model, dataset, &options, &features, NULL, NULL, &error), RESHIFT_ERROR_ARGUMENT,
                "batch");
    reshift_dataset_close(&dataset);
    reshift_model_destroy(&model);
}

/* A folder's image and the same image alone go the same way: the weights' recipe for photographs. */
static void test_prediction(void **state)
{
    (void)state;
    reshift_error error;
    reshift_image photo = {0};
    check_ok(reshift_image_resize(&photo, 50, 70, &error));
    for (uint32_t i = 0; i < 50 * 70 * 3; i++) {
        photo.pixels[i] = (uint8_t)made_up_hash(61, i / 7);
    }
    char spec[300];
    check_ok(folder_create(in_folder("photos/cat"), &error));
    check_ok(reshift_image_save_png(in_folder("photos/cat/one.png"), &photo, true, &error));
    snprintf(spec, sizeof spec, "folder:%s", in_folder("photos"));
    reshift_dataset *dataset;
    reshift_model *model;
    check_ok(reshift_dataset_open(spec, NULL, &dataset, &error));
    check_ok(reshift_model_create("resnet-demo", n_classes, 1, &model, &error));
    reshift_array logits;
    float probabilities[n_classes];
    check_ok(reshift_forward(model, dataset, NULL, NULL, &logits, NULL, &error));
    check_ok(reshift_predict(model, &photo, RESHIFT_PRECISION_F32, probabilities, &error));
    double sum = 0, total = 0;
    for (int k = 0; k < n_classes; k++) {
        sum += exp((double)((const float *)logits.data)[k]);
    }
    for (int k = 0; k < n_classes; k++) {
        assert_true(fabs((double)probabilities[k] - exp((double)((const float *)logits.data)[k]) / sum) < 1e-5);
        total += (double)probabilities[k];
    }
    assert_true(fabs(total - 1) < 1e-6);
    reshift_array_destroy(&logits);
    reshift_image_destroy(&photo);
    reshift_dataset_close(&dataset);
    reshift_model_destroy(&model);
    unlink(in_folder("photos/cat/one.png"));
    rmdir(in_folder("photos/cat"));
    rmdir(in_folder("photos"));
}

/* ResNet-50's features of real images: within 1e-4 of PyTorch's, relative to each row's length. */
static void test_features_are_those_of_pytorch(void **state)
{
    (void)state;
    check_need_data();
    enum { n = 8, d = 2048 };
    reshift_error error;
    reshift_tensors *golden;
    check_ok(
        reshift_tensors_load(TEST_SOURCE_ROOT "/tests/training/golden/training-resnet50.safetensors", &golden, &error));
    const reshift_array *expected = reshift_tensors_find(golden, "features");
    assert_non_null(expected);
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.limit = n;
    reshift_dataset *dataset;
    reshift_model *model;
    reshift_array features;
    check_ok(reshift_dataset_open("cifar10", &options, &dataset, &error));
    check_ok(reshift_model_load("resnet50", NULL, &model, &error));
    /* bfloat16: each of some 70 kept tensors adds a rounding of at most 2^-8, 2^-9.8 in the mean square, of its own:
     * sqrt(70) 2^-9.8 = 0.01 if none were enlarged on the way, twice that where the image is plain */
    const double bounds[] = {[RESHIFT_PRECISION_F32] = 1e-4, [RESHIFT_PRECISION_BF16] = 0.05};
    for (reshift_precision precision = RESHIFT_PRECISION_F32; precision <= RESHIFT_PRECISION_BF16; precision++) {
        if (reshift_precision_here(precision, false) != precision) {
            continue;
        }
        check_ok(reshift_forward(model, dataset,
                                 &(reshift_forward_options){.size = 224, .batch = 5, .precision = precision}, &features,
                                 NULL, NULL, &error));
        double worst = 0;
        for (int i = 0; i < n; i++) {
            double squares = 0, norm = 0;
            for (int k = 0; k < d; k++) {
                double x = (double)((const float *)expected->data)[i * d + k];
                double off = (double)((const float *)features.data)[i * d + k] - x;
                squares += off * off;
                norm += x * x;
            }
            worst = sqrt(squares / norm) > worst ? sqrt(squares / norm) : worst;
        }
        print_message("# features of ResNet-50 in %s within %.1e\n", reshift_precision_name(precision), worst);
        assert_true(worst < bounds[precision]);
        reshift_array_destroy(&features);
    }
    reshift_dataset_close(&dataset);
    reshift_model_destroy(&model);
    reshift_tensors_destroy(&golden);
}

int main(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/reshift-extract-%ld", parent ? parent : "/tmp", (long)getpid());
    folder_create(folder, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_does_not_matter),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_prediction),
        cmocka_unit_test(test_features_are_those_of_pytorch),
    };
    int failed = cmocka_run_group_tests_name("extract", tests, NULL, NULL);
    unlink(in_folder("images.npy"));
    unlink(in_folder("image-labels.npy"));
    rmdir(folder);
    return failed;
}
