/* reshift corrupt: corrupted versions of an image set, as arrays, as image folders, or one image on a sheet. */
#include <jansson.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/corruption.h"
#include "reshift/model.h"
#include "reshift/reporting.h"

typedef struct corrupt_command {
    common c;
    option_range severity;
    const char *data, *split, *names, *out, *constants, *format, *sheet;
    int64_t size, image;
    bool list;
    const reshift_corruption **chosen; /* [n] */
    int n;
    reshift_corrupt_options how;
    reshift_constants used; /* for all images of the set */
} corrupt_command;

/* ---- --list ---- */

/* One array per severity. */
static json_t *constants_json(const double constants[5][RESHIFT_CORRUPTION_CONSTANTS], int n)
{
    json_t *severities = json_array();
    for (int s = 0; s < 5; s++) {
        json_t *values = json_array();
        for (int i = 0; i < n; i++) {
            json_array_append_new(values, json_real(constants[s][i]));
        }
        json_array_append_new(severities, values);
    }
    return severities;
}

static void print_constants(const char *set, const double constants[5][RESHIFT_CORRUPTION_CONSTANTS], int n)
{
    printf("    %-9s", set);
    for (int s = 0; s < 5; s++) {
        printf(" %s", n > 1 ? "(" : "");
        for (int i = 0; i < n; i++) {
            printf("%s%g", i ? ", " : "", constants[s][i]);
        }
        printf("%s", n > 1 ? ")" : "");
    }
    printf("\n");
}

static int list_corruptions(bool as_json)
{
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    json_t *rows = json_array();
    for (int i = 0; i < count; i++) {
        const reshift_corruption *row = &table[i];
        if (as_json) {
            json_array_append_new(rows, json_pack("{s:s, s:s, s:b, s:b, s:s, s:s, s:{s:o, s:o}}", "name", row->name,
                                                  "family", row->family, "random", row->random, "validation",
                                                  row->validation, "about", row->about, "parameters", row->parameters,
                                                  "constants", "cifar", constants_json(row->cifar, row->n_constants),
                                                  "imagenet", constants_json(row->imagenet, row->n_constants)));
            continue;
        }
        printf("%-18s %-8s %s%s\n", row->name, row->family, row->random ? "random" : "deterministic",
               row->validation ? ", validation" : "");
        printf("    %s\n    constants: %s\n", row->about, row->parameters);
        print_constants("cifar", row->cifar, row->n_constants);
        print_constants("imagenet", row->imagenet, row->n_constants);
    }
    if (as_json) {
        print_json(rows, JSON_INDENT(1) | JSON_REAL_PRECISION(6), "[]");
    }
    json_decref(rows);
    return session_end();
}

/* ---- the request ---- */

/* The corruptions named by --corruption: all, or those of a comma list. Returns -1 to continue. */
static int choose(const usage *u, corrupt_command *k, reshift_error *error)
{
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    k->chosen = calloc((size_t)count, sizeof *k->chosen);
    char *memory = malloc(strlen(k->names) + 1);
    option_words names;
    int status = -1;
    if (!k->chosen || !memory) {
        fprintf(stderr, "reshift: out of memory\n");
        status = 1;
    } else if (strcmp(k->names, "all") == 0) {
        for (int i = 0; i < count; i++) {
            k->chosen[k->n++] = &table[i];
        }
    } else if (!split_words(k->names, memory, &names) || names.n > count) {
        status = usage_error(u, "--corruption: expected names with commas between them, or all, found '%s'", k->names);
    } else {
        for (int i = 0; i < names.n && status < 0; i++) {
            if (reshift_corruption_find(names.items[i], &k->chosen[k->n++], error) != RESHIFT_OK) {
                status = session_fail(error);
            }
        }
    }
    free(memory);
    return status;
}

/* The index of `word` in a NULL-terminated list; -1 if it is missing. */
static int place_of(const char *word, const char *const *list)
{
    for (int i = 0; list[i]; i++) {
        if (strcmp(word, list[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* Returns -1 to continue. */
static int check_words(const usage *u, corrupt_command *k)
{
    static const char *const kinds[] = {"auto", "cifar", "imagenet", NULL}; /* as the enums have them */
    static const char *const formats[] = {"npy", "folder", NULL};
    int kind = place_of(k->constants, kinds), format = place_of(k->format, formats);
    if (kind < 0) {
        return usage_error(u, "--constants: expected auto, cifar or imagenet, found '%s'", k->constants);
    }
    if (format < 0) {
        return usage_error(u, "--format: expected npy or folder, found '%s'", k->format);
    }
    if (!k->data || (!k->sheet && (!k->names || !k->out)) || !k->names != !k->out) {
        return usage_error(u, "expected --data, and --corruption with --out, or --sheet");
    }
    if (k->image >= 0 && !k->sheet) {
        return usage_error(u, "--image: which image --sheet shows; there is no --sheet");
    }
    k->how = (reshift_corrupt_options){.severity_first = (int)k->severity.first,
                                       .severity_last = (int)k->severity.last,
                                       .constants = (reshift_constants)kind,
                                       .jpeg = session_jpeg(&k->c),
                                       .seed = (uint64_t)k->c.seed,
                                       .overwrite = k->c.force,
                                       .layout = (reshift_corrupt_layout)format};
    return -1;
}

/* ---- the work ---- */

static void target_of(const corrupt_command *k, int i, char *path, size_t size)
{
    size_t length = strlen(k->out);
    snprintf(path, size, "%s%s%s%s", k->out, length && k->out[length - 1] == '/' ? "" : "/", k->chosen[i]->name,
             k->how.layout == RESHIFT_CORRUPT_NPY ? ".npy" : "");
}

/* Checks all targets before the first is created. */
static reshift_status check_targets(const corrupt_command *k, reshift_error *error)
{
    reshift_status status = k->sheet ? check_target(&k->c, k->sheet, error) : RESHIFT_OK;
    for (int i = 0; status == RESHIFT_OK && i < k->n; i++) {
        char path[4096];
        target_of(k, i, path, sizeof path);
        if (!k->c.force && access(path, F_OK) != 0 && errno != ENOENT && errno != ENOTDIR) {
            status = fail_with(error, RESHIFT_ERROR_IO, "cannot write '%s': %s", path, strerror(errno));
        } else if (!k->c.force && access(path, F_OK) == 0) {
            reshift_error_clear(error);
            error->code = status = RESHIFT_ERROR_EXISTS;
            snprintf(error->message, sizeof error->message, "'%s' exists already", path);
            snprintf(error->hint, sizeof error->hint, "use --force to replace it, or choose another folder");
        }
    }
    return status;
}

static bool is_frost(const reshift_corruption *corruption) { return strcmp(corruption->name, "frost") == 0; }

/* The overlays if frost is requested, with a note if they are not the published ones. */
static reshift_status find_frost(corrupt_command *k, reshift_frost **frost, reshift_error *error)
{
    bool wanted = k->sheet != NULL;
    for (int i = 0; i < k->n; i++) {
        wanted = wanted || is_frost(k->chosen[i]);
    }
    reshift_status status = wanted ? reshift_frost_find(k->c.data_dir, frost, error) : RESHIFT_OK;
    if (status == RESHIFT_OK && wanted && !*frost) {
        fprintf(stderr, "reshift: warning: %s\n", RESHIFT_FROST_DRAWN);
    }
    k->how.frost = *frost;
    return status;
}

static reshift_status draw_sheet(const corrupt_command *k, const reshift_dataset *dataset, reshift_error *error)
{
    int64_t row = k->image < 0 ? 0 : k->image;
    reshift_image image = {0};
    reshift_corrupt_options how = k->how;
    how.constants = k->used; /* those of the set, whatever the size of this image */
    reshift_status status = reshift_dataset_read(dataset, row, &image, error);
    if (status == RESHIFT_OK) {
        status = reshift_corruption_sheet_draw(k->sheet, &image, reshift_dataset_source(dataset, row), &how,
                                               session_progress(), error);
    }
    reshift_image_destroy(&image);
    return status;
}

/* The contents of one corruption's file or folder. */
static json_t *file_json(const corrupt_command *k, int i, const reshift_dataset *dataset, const char *path)
{
    const bool large = k->used == RESHIFT_CONSTANTS_IMAGENET;
    const json_int_t quality = large && !k->c.no_jpeg ? RESHIFT_JPEG_QUALITY : 0;
    const reshift_recipe crop = reshift_recipe_at(NULL, (int)k->size);
    json_t *corrupted_at =
        k->size > 0 ? json_pack("{s:i, s:i}", "resize", crop.resize, "crop", crop.size) : json_string("native");
    int64_t severities = k->severity.last - k->severity.first + 1;
    return json_pack("{s:s, s:o, s:I, s:[I, I], s:s, s:o, s:I, s:I, s:s?}", "corruption", k->chosen[i]->name, "path",
                     json_text(path), "images", (json_int_t)(severities * reshift_dataset_count(dataset)), "severities",
                     (json_int_t)k->severity.first, (json_int_t)k->severity.last, "constants",
                     large ? "imagenet" : "cifar", "corrupted_at", corrupted_at, "jpeg_quality", quality, "seed",
                     (json_int_t)k->c.seed, "note",
                     is_frost(k->chosen[i]) && !k->how.frost ? RESHIFT_FROST_DRAWN : NULL);
}

static reshift_status open_images(const corrupt_command *k, reshift_dataset **dataset, reshift_error *error)
{
    reshift_status status = open_data(&k->c, k->data, k->split, NULL, NULL, NULL, dataset, error);
    if (status == RESHIFT_OK && k->size > 0) {
        reshift_dataset *whole = *dataset;
        const reshift_recipe recipe = reshift_recipe_at(NULL, (int)k->size);
        status = reshift_dataset_cropped(whole, recipe.resize, recipe.size, dataset, error);
        reshift_dataset_close(&whole);
    }
    return status;
}

static reshift_status work(corrupt_command *k, json_t *files, reshift_error *error)
{
    reshift_dataset *dataset = NULL;
    reshift_frost *frost = NULL;
    reshift_status status = check_targets(k, error);
    if (status == RESHIFT_OK) {
        status = open_images(k, &dataset, error);
    }
    if (status == RESHIFT_OK) {
        status = find_frost(k, &frost, error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_corrupt_constants(dataset, k->how.constants, &k->used, error);
    }
    for (int i = 0; i < k->n && status == RESHIFT_OK; i++) { /* checked before hours are spent on the first */
        status = reshift_corrupt_check(dataset, k->chosen[i], &k->how, error);
    }
    if (status == RESHIFT_OK && k->sheet) {
        status = draw_sheet(k, dataset, error);
        if (status == RESHIFT_OK && !k->c.json) {
            printf("%s\n", shown(k->sheet));
        }
    }
    for (int i = 0; i < k->n && status == RESHIFT_OK; i++) {
        char path[4096];
        target_of(k, i, path, sizeof path);
        status = reshift_corrupt_write(dataset, k->chosen[i], &k->how, k->out, session_progress(), error);
        if (status == RESHIFT_OK && k->c.json) {
            json_array_append_new(files, file_json(k, i, dataset, path));
        } else if (status == RESHIFT_OK) {
            printf("%s\n", shown(path));
            fflush(stdout);
        }
    }
    reshift_dataset_close(&dataset);
    reshift_frost_close(&frost);
    return status;
}

int command_corrupt(int argc, char **argv)
{
    corrupt_command k = {
        .c = COMMON_DEFAULTS, .severity = {1, 5}, .split = "test", .constants = "auto", .format = "npy", .image = -1};
    option_words words;
    const option options[] = {
        TEXT("--data", &k.data, "DATA", "cifar10[:DIR], folder:DIR, npy:IMAGES.npy,LABELS.npy, npy:BOTH.npz or demo",
             NULL),
        TEXT("--split", &k.split, "train|test", "part of the set", "test"),
        TEXT("--corruption", &k.names, "NAME[,NAME]", "which corruptions, or all", NULL),
        RANGE("--severity", &k.severity, "N[-M]", 1, 5, "severities", "1-5"),
        TEXT("--constants", &k.constants, "auto|cifar|imagenet",
             "strengths, one set for all images: for 32x32 or 224x224; auto: the nearer", "auto"),
        OPTION_NO_JPEG(k.c),
        OPTION_SKIP_BAD(k.c),
        COUNT("--size", &k.size, "N", RESHIFT_SIZE_SMALLEST, RESHIFT_SIZE_LARGEST,
              "first resize the shorter side to N x 256/224 (rounded down) and crop the centre N x N", "as they are"),
        TEXT("--out", &k.out, "DIR", "output folder", NULL),
        TEXT(
            "--format", &k.format, "npy|folder",
            "npy: NAME.npy, uint8 [severities x N,H,W,3], and labels.npy; folder: NAME/SEVERITY/CLASS/IMAGE.JPEG (.png "
            "without JPEG step)",
            "npy"),
        TEXT("--sheet", &k.sheet, "FILE.png", "draw one image under all corruptions at all severities", NULL),
        COUNT("--image", &k.image, "N", 0, COUNT_MOST, "image of --sheet, from 0", "0"),
        FLAG("--list", &k.list, "list the corruptions with both sets of constants"),
        OPTION_LIMIT(k.c),
        OPTION_SEED(k.c),
        OPTION_DATA_DIR(k.c),
        OPTION_THREADS(k.c),
        OPTION_FORCE(k.c),
        OPTION_QUIET(k.c),
        OPTION_JSON(k.c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "corrupt",
        .about = "Makes corrupted versions of images, as CIFAR-10-C and ImageNet-C define them and in their layouts.",
        .synopsis = "--data DATA --corruption NAME --out DIR [options]",
        .example =
            "  reshift corrupt --data cifar10 --split test --corruption all --severity 1-5 --seed 0 --out CIFAR-10-C/\n"
            "  reshift corrupt --data folder:photos --size 224 --corruption fog,snow --format folder --out photos-C/\n"
            "  reshift corrupt --data cifar10 --sheet sheet.png --image 7",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &k.c)) >= 0) {
        return status;
    }
    if (k.list) {
        return list_corruptions(k.c.json);
    }
    reshift_error error;
    status = check_words(&u, &k);
    if (status < 0 && k.names) {
        status = choose(&u, &k, &error);
    }
    if (status < 0) {
        json_t *files = json_array();
        status = work(&k, files, &error) == RESHIFT_OK ? -1 : session_fail(&error);
        if (status < 0 && k.c.json) {
            json_t *object =
                json_pack("{s:O, s:o}", "files", files, "sheet", k.sheet ? json_text(k.sheet) : json_null());
            print_json(object, JSON_INDENT(1), "{}");
            json_decref(object);
        }
        json_decref(files);
    }
    free(k.chosen);
    return status >= 0 ? status : session_end();
}
