/* Folders of photographs: classes and splits by name, and the messages for invalid folders. */
#include "temporary.h"

#include <sys/stat.h>

#include "datasets/loader.h"
#include "reshift/dataset.h"

static reshift_error error;

static const char *spec_of(const char *name)
{
    static char spec[300];
    snprintf(spec, sizeof spec, "folder:%s", in_temporary(name));
    return spec;
}

static reshift_dataset *open_split(const char *name, const char *split)
{
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.split = split;
    check_ok(reshift_dataset_open(spec_of(name), &options, &d, &error));
    return d;
}

static void check_refused(const char *name, const char *split, reshift_status code, const char *words)
{
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.split = split;
    check_error(reshift_dataset_open(spec_of(name), &options, &d, &error), code, words);
    assert_null(d);
}

static void test_classes(void **state)
{
    (void)state;
    put_png("pets/dog/b.png", 5, 4, 1);
    put_png("pets/dog/a.png", 7, 8, 2);
    put_png("pets/cat/10.png", 3, 9, 3);
    put_png("pets/Ant/x.JPG", 2, 2, 4); /* selected by its name, decoded by its content; capitals sort first */
    put_file("pets/cat/.DS_Store", "hidden", 6);
    put_file("pets/.git/HEAD", "hidden", 6);
    put_file("pets/LICENSE", "a file beside the classes", 25);
    reshift_dataset *d = open_split("pets", "test"), *same = open_split("pets", "train");
    assert_int_equal(reshift_dataset_count(d), 4);
    assert_int_equal(reshift_dataset_n_classes(d), 3);
    assert_string_equal(reshift_dataset_class_name(d, 0), "Ant");
    assert_string_equal(reshift_dataset_class_name(d, 2), "dog");
    assert_string_equal(reshift_dataset_kind(d), "folder");
    assert_false(reshift_dataset_fixed_size(d, NULL, NULL));
    static const int labels[4] = {0, 1, 2, 2}, heights[4] = {2, 3, 7, 5}, widths[4] = {2, 9, 8, 4},
                     reds[4] = {4, 3, 2, 1};
    static const char *const names[4] = {"pets/Ant/x.JPG", "pets/cat/10.png", "pets/dog/a.png", "pets/dog/b.png"};
    reshift_image image = {0};
    for (int row = 0; row < 4; row++) {
        assert_int_equal(reshift_dataset_label(d, row), labels[row]);
        check_ok(reshift_dataset_read(d, row, &image, &error));
        assert_int_equal(image.height, heights[row]);
        assert_int_equal(image.width, widths[row]);
        assert_int_equal(image.pixels[0], reds[row]);
        char name[300];
        reshift_dataset_row_name(d, row, name, sizeof name);
        assert_non_null(strstr(name, names[row]));
    }
    reshift_image_destroy(&image);
    /* The identity depends on the bytes, not on the location. */
    char first[65], second[65];
    check_ok(reshift_dataset_identity(d, first, &error));
    check_ok(reshift_dataset_identity(same, second, &error));
    assert_string_equal(first, second);
    put_png("pets/cat/10.png", 3, 9, 77);
    check_ok(reshift_dataset_identity(same, second, &error));
    assert_string_not_equal(first, second);
    reshift_dataset_close(&d);
    reshift_dataset_close(&same);
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.limit = 3;
    check_ok(reshift_dataset_open(spec_of("pets"), &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 3);
    check_ok(reshift_dataset_identity(d, first, &error));
    reshift_dataset_close(&d);
}

/*
 * A limit takes the same number from every class, the first of each, and one more of the first classes that have more.
 */
static void test_limit(void **state)
{
    (void)state;
    static const int sizes[3] = {5, 1, 3};
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < sizes[k]; i++) {
            char name[64];
            snprintf(name, sizeof name, "limited/c%d/%d.png", k, i);
            put_png(name, 2, 2, i);
        }
    }
    static const int expected[10][3] = {{5, 1, 3}, {1, 0, 0}, {1, 1, 0}, {1, 1, 1}, {2, 1, 1},
                                        {2, 1, 2}, {3, 1, 2}, {3, 1, 3}, {4, 1, 3}, {5, 1, 3}};
    for (int limit = 0; limit < 10; limit++) {
        reshift_dataset_options options;
        reshift_dataset *d;
        char name[300], ending[32];
        int found[3] = {0};
        reshift_dataset_options_default(&options);
        options.limit = limit;
        check_ok(reshift_dataset_open(spec_of("limited"), &options, &d, &error));
        assert_int_equal(reshift_dataset_n_classes(d), 3);
        for (int row = 0; row < reshift_dataset_count(d); row++) {
            const int label = reshift_dataset_label(d, row);
            reshift_dataset_row_name(d, row, name, sizeof name);
            snprintf(ending, sizeof ending, "/c%d/%d.png", label, found[label]++);
            assert_non_null(strstr(name, ending));
        }
        assert_memory_equal(found, expected[limit], sizeof found);
        reshift_dataset_close(&d);
    }
}

static void test_splits(void **state)
{
    (void)state;
    put_png("both/train/a/1.png", 2, 2, 0);
    put_png("both/train/a/2.png", 2, 2, 0);
    put_png("both/train/b/1.png", 2, 2, 0);
    put_png("both/test/a/1.png", 2, 2, 0);
    put_png("both/test/b/1.png", 2, 2, 0);
    put_png("both/val/a/1.png", 2, 2, 0);
    reshift_dataset *d = open_split("both", "train");
    assert_int_equal(reshift_dataset_count(d), 3);
    reshift_dataset_close(&d);
    d = open_split("both", "test");
    assert_int_equal(reshift_dataset_count(d), 2);
    reshift_dataset_close(&d);

    put_png("valid/train/a/1.png", 2, 2, 0);
    put_png("valid/val/a/1.png", 2, 2, 0);
    put_png("valid/val/a/2.png", 2, 2, 0);
    d = open_split("valid", "test");
    assert_int_equal(reshift_dataset_count(d), 2);
    reshift_dataset_close(&d);

    /* A class may be named "train": its folder contains images, not classes. */
    put_png("traffic/car/1.png", 2, 2, 0);
    put_png("traffic/train/1.png", 2, 2, 0);
    d = open_split("traffic", "train");
    assert_int_equal(reshift_dataset_n_classes(d), 2);
    reshift_dataset_close(&d);

    put_png("half/train/a/1.png", 2, 2, 0);
    check_refused("half", "test", RESHIFT_ERROR_NOT_FOUND, "which has train/");
    put_png("other/train/a/1.png", 2, 2, 0);
    put_png("other/train/b/1.png", 2, 2, 0);
    put_png("other/test/a/1.png", 2, 2, 0);
    put_png("other/test/c/1.png", 2, 2, 0);
    check_refused("other", "test", RESHIFT_ERROR_FORMAT, "class 'b' is in '");
    assert_non_null(strstr(error.message, "other/train' and not in '"));
    assert_non_null(strstr(error.hint, "both splits need the same class folders"));
    put_png("fewer/train/a/1.png", 2, 2, 0);
    put_png("fewer/train/b/1.png", 2, 2, 0);
    put_png("fewer/test/a/1.png", 2, 2, 0);
    check_refused("fewer", "train", RESHIFT_ERROR_FORMAT, "class 'b' is in '");
    assert_non_null(strstr(error.message, "fewer/train' and not in '"));
}

static void test_refusals(void **state)
{
    (void)state;
    check_refused("nowhere", "test", RESHIFT_ERROR_NOT_FOUND, "cannot open folder");
    assert_int_equal(mkdir(in_temporary("empty"), 0777), 0);
    check_refused("empty", "test", RESHIFT_ERROR_FORMAT, "no class folders in");
    assert_non_null(strstr(error.hint, "/empty/cat/1.jpg"));
    put_png("flat/1.png", 2, 2, 0);
    check_refused("flat", "test", RESHIFT_ERROR_FORMAT, "found 1 image and no sub-folder");
    put_png("hole/a/1.png", 2, 2, 0);
    assert_int_equal(mkdir(in_temporary("hole/b"), 0777), 0);
    check_refused("hole", "test", RESHIFT_ERROR_FORMAT, "class 'b' has no images");
    put_png("note/a/1.png", 2, 2, 0);
    put_file("note/a/notes.txt", "words", 5);
    put_file("note/b/notes.txt", "words", 5);
    check_refused("note", "test", RESHIFT_ERROR_FORMAT, "class 'b' has no images: '");
    assert_non_null(strstr(error.message, "note/b' holds 1 file of other kinds"));
    put_file("blank/a/1.png", "", 0);
    check_refused("blank", "test", RESHIFT_ERROR_FORMAT, "blank/a/1.png'");
    put_png("loop/a/1.png", 2, 2, 0);
    assert_int_equal(symlink("..", in_temporary("loop/a/up")), 0);
    check_refused("loop", "test", RESHIFT_ERROR_FORMAT, "folders within folders");

    /* Truncated: found when the set is opened, and named. */
    reshift_dataset *d;
    char *bytes;
    size_t count;
    put_png("cut/a/1.png", 20, 20, 9);
    put_png("cut/a/2.png", 20, 20, 9);
    check_ok(file_read_all(in_temporary("cut/a/1.png"), &bytes, &count, &error));
    put_file("cut/a/1.png", bytes, count / 2);
    put_file("cut/a/3.png", bytes, count / 3);
    free(bytes);
    check_refused("cut", "test", RESHIFT_ERROR_FORMAT, "cut/a/1.png'");
    assert_non_null(strstr(error.message, "and 1 more of 3 images"));
    assert_non_null(strstr(error.hint, "--skip-bad"));

    check_error(reshift_dataset_open("folder:", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT, "expected folder:DIR");
    check_error(reshift_dataset_open("folder", NULL, &d, &error), RESHIFT_ERROR_ARGUMENT, "expected folder:DIR");
}

static char told[4000];

static void keep_message(void *context, reshift_log_level level, const char *text)
{
    (void)context;
    size_t length = strlen(told);
    snprintf(told + length, sizeof told - length, "%d %s\n", level == RESHIFT_LOG_WARNING, text);
}

/* Rows, labels and order equal torchvision.datasets.ImageFolder (0.14) on the same tree. */
static void test_as_image_folder(void **state)
{
    (void)state;
    static const char *const images[] = {"tree/b/10.png",     "tree/b/9.PNG",       "tree/a/z.png",
                                         "tree/a/sub/1.jpeg", "tree/a/sub-x/2.png", "tree/a/sub/in/3.webp",
                                         "tree/a/A.png",      "tree/a/m.tif"};
    static const char *const others[] = {"tree/a/Thumbs.db",        "tree/b/desktop.ini", "tree/b/1.png~",
                                         "tree/b/1.png.bak",        "tree/a/sub/x.xml",   "tree/a/.hidden.png",
                                         "tree/__MACOSX/a/._z.png", "tree/.git/x.png"};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        put_png(images[i], 2, 3, (uint8_t)i); /* the content determines the format, whatever the ending */
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        put_png(others[i], 2, 3, 99);
    }
    /* sorted(os.walk): a, a/sub, a/sub-x, a/sub/in ('-' sorts before '/'), then the names in each */
    static const char *const expected[] = {"a/A.png",       "a/m.tif",         "a/z.png",  "a/sub/1.jpeg",
                                           "a/sub-x/2.png", "a/sub/in/3.webp", "b/10.png", "b/9.PNG"};
    const reshift_progress progress = {.message = keep_message};
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.progress = &progress;
    told[0] = '\0';
    check_ok(reshift_dataset_open(spec_of("tree"), &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 8);
    assert_int_equal(reshift_dataset_n_classes(d), 2);
    for (int row = 0; row < 8; row++) {
        char name[400];
        reshift_dataset_row_name(d, row, name, sizeof name);
        assert_non_null(strstr(name, "/tree/"));
        assert_string_equal(strstr(name, "/tree/") + 6, expected[row]);
        assert_int_equal(reshift_dataset_label(d, row), row >= 6);
    }
    assert_non_null(strstr(told, "0 '"));
    assert_non_null(strstr(told, "/tree': 5 files passed over"));
    reshift_dataset_close(&d);
}

static void test_skip_bad(void **state)
{
    (void)state;
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    const reshift_progress progress = {.message = keep_message};
    options.progress = &progress;
    char name[64];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "bad/%c/%02d.png", i % 2 ? 'a' : 'b', i);
        put_png(name, 8, 8, (uint8_t)i);
    }
    put_file("bad/a/01.png", "", 0);
    put_file("bad/b/06.png", "<!DOCTYPE html><html>gone</html>", 32);
    put_file("bad/b/08.png", "GIF89a-and-so-on", 16);
    put_file("bad/b/10.png", "\x89PNG\r\n\x1a\n....IEND", 16); /* its two ends are right */
    assert_int_equal(unlink(in_temporary("bad/a/03.png")), 0);
    assert_int_equal(symlink("nowhere", in_temporary("bad/a/03.png")), 0);
    check_error(reshift_dataset_open(spec_of("bad"), &options, &d, &error), RESHIFT_ERROR_FORMAT, "bad/a/01.png");
    assert_non_null(strstr(error.message, "and 4 more of 40 images")); /* includes the one whose two ends are correct */
    assert_non_null(strstr(error.hint, "--skip-bad"));
    options.skip_bad = true;
    told[0] = '\0';
    check_ok(reshift_dataset_open(spec_of("bad"), &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 35);
    assert_int_equal(reshift_dataset_n_skipped(d), 5);
    assert_non_null(strstr(told, "1 '"));
    assert_non_null(strstr(told, "5 of 40 images cannot be read and are left out"));
    assert_non_null(strstr(told, "an HTML page"));
    assert_non_null(strstr(told, "a GIF image"));
    reshift_image image = {0};
    for (int row = 0; row < 35; row++) {
        check_ok(reshift_dataset_read(d, row, &image, &error));
        reshift_dataset_row_name(d, row, name, sizeof name);
    }
    reshift_image_destroy(&image);
    /* Derived sets keep the count. */
    const int64_t rows[2] = {0, 30};
    reshift_dataset *two;
    check_ok(reshift_dataset_subset(d, rows, 2, &two, &error));
    assert_int_equal(reshift_dataset_label(two, 1), 1);
    assert_int_equal(reshift_dataset_n_skipped(two), 5);
    reshift_dataset_close(&two);
    reshift_dataset_close(&d);
    /* Damaged images are used and counted. */
    char command[512];
    snprintf(command, sizeof command,
             "rm -rf '%s'; mkdir -p '%s/a' '%s/b' && cd '%s/a' && for f in whole noise zeros zeros-no-end; do "
             "tar xzOf " TEST_SOURCE_ROOT
             "/tests/formats/golden/damaged-images.tar.gz $f.jpg >$f.jpg && cp $f.jpg ../b || exit 1; done",
             in_temporary("worn"), in_temporary("worn"), in_temporary("worn"), in_temporary("worn"));
    assert_int_equal(system(command), 0);
    told[0] = '\0';
    check_ok(reshift_dataset_open(spec_of("worn"), &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 8);
    assert_int_equal(reshift_dataset_n_skipped(d), 0);
    assert_int_equal(reshift_dataset_n_damaged(d), 6);
    assert_non_null(strstr(
        told,
        "6 of 8 images are damaged and used as far as they can be read, as Pillow does; the first is 'a/noise.jpg'"));
    reshift_dataset_close(&d);
    put_png("hopeless/a/1.png", 2, 2, 0);
    put_file("hopeless/b/1.png", "none", 4);
    check_error(reshift_dataset_open(spec_of("hopeless"), &options, &d, &error), RESHIFT_ERROR_FORMAT,
                "class 'b' in '");
}

/* The message names the parts that exist instead of the requested one. */
static void test_other_names_of_parts(void **state)
{
    (void)state;
    put_png("imagenet/train/a/1.png", 2, 2, 0);
    put_png("imagenet/val/1.png", 2, 2, 0);
    check_refused("imagenet", "test", RESHIFT_ERROR_NOT_FOUND, "no class folders in '");
    assert_non_null(strstr(error.message, "/imagenet/val', while '"));
    assert_non_null(strstr(error.hint, "one folder a class"));
    static const char *const words[] = {"valid", "validation", "Test", "Val"};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s-set/train/a/1.png", words[i]);
        put_png(name, 2, 2, 0);
        snprintf(name, sizeof name, "%s-set/%s/a/1.png", words[i], words[i]);
        put_png(name, 2, 2, 0);
        snprintf(name, sizeof name, "%s-set", words[i]);
        check_refused(name, "test", RESHIFT_ERROR_NOT_FOUND, "no test/ or val/ in '");
        assert_non_null(strstr(error.hint, "call it val or test"));
        assert_non_null(strstr(error.hint, words[i]));
    }
}

/* A corrupted folder keeps the sizes of its images. */
static void test_corrupted_photos(void **state)
{
    (void)state;
    put_png("large/a/1.png", 40, 50, 200);
    put_png("large/b/1.png", 64, 33, 100);
    reshift_dataset *d;
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.corruption = "gaussian_blur";
    check_ok(reshift_dataset_open(spec_of("large"), &options, &d, &error));
    assert_int_equal(reshift_dataset_count(d), 10);
    assert_false(reshift_dataset_fixed_size(d, NULL, NULL));
    assert_false(reshift_dataset_from_file(d));
    assert_string_equal(reshift_dataset_kind(d), "folder");
    reshift_image image = {0};
    check_ok(reshift_dataset_read(d, 9, &image, &error));
    assert_int_equal(image.height, 64);
    assert_int_equal(image.width, 33);
    assert_int_equal(reshift_dataset_label(d, 9), 1);
    assert_int_equal(reshift_dataset_severity(d, 9), 5);
    reshift_image_destroy(&image);
    reshift_dataset_close(&d);
}

/*
 * Without train/ and test/: a share of every class is the test part, the rest is the training part; they do not
 * overlap.
 */
static void test_drawn_split(void **state)
{
    (void)state;
    static const int of_class[3] = {10, 5, 2};
    char name[64];
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < of_class[k]; i++) {
            snprintf(name, sizeof name, "whole/c%d/%02d.png", k, i);
            put_png(name, 2, 2, (uint8_t)(20 * k + i));
        }
    }
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.test_share = 0.4;
    options.seed = 3;
    reshift_dataset *test, *train, *shifted, *one;
    int seen[17] = {0}, tested[3] = {0};
    check_ok(reshift_dataset_open(spec_of("whole"), &options, &test, &error));
    options.split = "train";
    check_ok(reshift_dataset_open(spec_of("whole"), &options, &train, &error));
    assert_int_equal(reshift_dataset_count(test) + reshift_dataset_count(train), 17);
    for (int row = 0; row < reshift_dataset_count(train); row++) {
        seen[reshift_dataset_source(train, row)]++;
    }
    for (int row = 0; row < reshift_dataset_count(test); row++) {
        seen[reshift_dataset_source(test, row)]++;
        tested[reshift_dataset_label(test, row)]++;
    }
    for (int i = 0; i < 17; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_int_equal(tested[0], 4);
    assert_int_equal(tested[1], 2);
    assert_int_equal(tested[2], 1);
    assert_string_equal(reshift_dataset_class_name(test, 2), "c2");
    options.split = "test"; /* the shifted test part contains the same images, and a limit applies to the part */
    options.corruption = "gaussian_blur";
    options.severity_last = 2;
    options.limit = 3;
    put_png("whole/c0/00.png", 40, 40, 1);
    check_ok(reshift_dataset_open(spec_of("whole"), &options, &shifted, &error));
    assert_int_equal(reshift_dataset_count(shifted), 6);
    for (int row = 0; row < 6; row++) {
        assert_int_equal(reshift_dataset_source(shifted, row),
                         reshift_dataset_source(test, (const int[]){0, 4, 6}[row % 3]));
    }
    reshift_dataset_close(&shifted);
    options.corruption = NULL;
    put_png("both/train/b/3.png", 2, 2, 0); /* a set with parts keeps them */
    check_ok(reshift_dataset_open(spec_of("both"), &options, &one, &error));
    assert_int_equal(reshift_dataset_count(one), 2);
    reshift_dataset_close(&one);
    put_png("single/a/1.png", 2, 2, 0);
    put_png("single/a/2.png", 2, 2, 0);
    put_png("single/b/1.png", 2, 2, 0);
    check_error(reshift_dataset_open(spec_of("single"), &options, &one, &error), RESHIFT_ERROR_SHAPE,
                "class 'b' has one image; a training and a test part need two");
    assert_null(one);
    options.test_share = 1;
    check_error(reshift_dataset_open(spec_of("single"), &options, &one, &error), RESHIFT_ERROR_ARGUMENT,
                "test share 1");
    reshift_dataset_close(&test);
    reshift_dataset_close(&train);
}

/* One class is a valid set, and so are a thousand. */
static void test_few_and_many_classes(void **state)
{
    (void)state;
    put_png("lonely/all/1.png", 2, 2, 0);
    put_png("lonely/all/2.png", 2, 2, 0);
    reshift_dataset *d = open_split("lonely", "test");
    assert_int_equal(reshift_dataset_n_classes(d), 1);
    assert_string_equal(reshift_dataset_class_name(d, 0), "all");
    reshift_dataset_close(&d);
    char name[64];
    for (int k = 0; k < 1000; k++) {
        snprintf(name, sizeof name, "many/n%04d/1.png", k);
        put_png(name, 2, 2, 0);
    }
    d = open_split("many", "test");
    assert_int_equal(reshift_dataset_n_classes(d), 1000);
    assert_int_equal(reshift_dataset_label(d, 999), 999);
    assert_string_equal(reshift_dataset_class_name(d, 999), "n0999");
    reshift_dataset_close(&d);
}

/* An unreadable file is named once in the message. */
static void test_named_once(void **state)
{
    (void)state;
    char *bytes;
    size_t count;
    put_png("torn/a/1.png", 20, 20, 9);
    check_ok(file_read_all(in_temporary("torn/a/1.png"), &bytes, &count, &error));
    reshift_dataset *d = open_split("torn", "test");
    put_file("torn/a/1.png", bytes, count / 2); /* after the check at the start */
    free(bytes);
    const loader_options options = {.batch = 1, .size = 8, .resize = 8, .std = {1, 1, 1}};
    loader *l;
    const float *images;
    const int *labels;
    int n;
    check_ok(loader_open(d, NULL, 1, &options, &l, &error));
    check_error(loader_next(l, &images, &labels, &n, &error), RESHIFT_ERROR_FORMAT, "torn/a/1.png");
    const char *first = strstr(error.message, "torn/a/1.png");
    assert_null(strstr(first + 1, "torn/a/1.png"));
    loader_close(&l);
    reshift_dataset_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),          cmocka_unit_test(test_limit),
        cmocka_unit_test(test_splits),           cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_corrupted_photos), cmocka_unit_test(test_as_image_folder),
        cmocka_unit_test(test_skip_bad),         cmocka_unit_test(test_other_names_of_parts),
        cmocka_unit_test(test_drawn_split),      cmocka_unit_test(test_few_and_many_classes),
        cmocka_unit_test(test_named_once),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
