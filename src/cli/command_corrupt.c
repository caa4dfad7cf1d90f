/* reshift corrupt: corrupted versions of an image set in CIFAR-10-C's layout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "reshift/corruption.h"

/* The corruptions that --corruption names: all that are available, or those of a comma list. -1 to go on. */
static int choose(const usage *u, const char *text, const reshift_corruption **chosen, int *n, reshift_error *error)
{
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    *n = 0;
    if (strcmp(text, "all") == 0) {
        for (int i = 0; i < count; i++) {
            if (table[i].available) {
                chosen[(*n)++] = &table[i];
            } else {
                fprintf(stderr, "reshift: warning: left out: %s is not available in this build\n", table[i].name);
            }
        }
        return -1;
    }
    option_words names;
    char *memory = malloc(strlen(text) + 1);
    if (!memory || !split_words(text, memory, &names) || names.n > count) {
        free(memory);
        return usage_error(u, "--corruption: expected names with commas between them, or all, found '%s'", text);
    }
    int status = -1;
    for (int i = 0; i < names.n && status < 0; i++) {
        if (reshift_corruption_find(names.items[i], &chosen[(*n)++], error) != RESHIFT_OK) {
            status = session_fail(error);
        }
    }
    free(memory);
    return status;
}

int command_corrupt(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    option_range severity = {1, 5};
    const char *data = NULL, *split = "test", *names = NULL, *out = NULL, *constants = "auto";
    bool list = false;
    const option options[] = {
        TEXT("--data", &data, "DATA", "cifar10[:DIR], folder:DIR, npy:IMAGES.npy,LABELS.npy or demo", NULL),
        TEXT("--split", &split, "train|test", "which part of the set", "test"),
        TEXT("--corruption", &names, "NAME[,NAME]", "which corruptions, or all", NULL),
        RANGE("--severity", &severity, "N[-M]", 1, 5, "severities", "1-5"),
        TEXT("--constants", &constants, "auto|cifar|imagenet",
             "strengths for small or for large images; auto: the nearer", "auto"),
        TEXT("--out", &out, "DIR", "gets NAME.npy, uint8 [severities x N,H,W,3], and labels.npy", NULL),
        FLAG("--list", &list, "list the corruptions"),
        OPTION_LIMIT(c),
        OPTION_SEED(c),
        OPTION_DATA_DIR(c),
        OPTION_THREADS(c),
        OPTION_FORCE(c),
        OPTION_QUIET(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "corrupt",
        .about =
            "Makes corrupted versions of images, as CIFAR-10-C and ImageNet-C define them, in CIFAR-10-C's layout.",
        .synopsis = "--data DATA --corruption NAME --out DIR [options]",
        .example =
            "  reshift corrupt --data cifar10 --split test --corruption all --severity 1-5 --seed 0 --out CIFAR-10-C/",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    int count;
    const reshift_corruption *table = reshift_corruption_table(&count);
    if (list) {
        for (int i = 0; i < count; i++) {
            printf("%-18s %-8s %s%s%s\n", table[i].name, table[i].family, table[i].random ? "random" : "deterministic",
                   table[i].validation ? ", validation" : "",
                   table[i].available ? "" : ", not available in this build");
        }
        return session_end();
    }
    if (!data || !names || !out) {
        return usage_error(&u, "expected --data, --corruption and --out");
    }
    reshift_corrupt_options how = {.severity_first = (int)severity.first,
                                   .severity_last = (int)severity.last,
                                   .seed = (uint64_t)c.seed,
                                   .overwrite = c.force};
    static const char *const kinds[] = {"auto", "cifar", "imagenet"};
    int kind = 0;
    while (kind < 3 && strcmp(kinds[kind], constants) != 0) {
        kind++;
    }
    if (kind == 3) {
        return usage_error(&u, "--constants: expected auto, cifar or imagenet, found '%s'", constants);
    }
    how.constants = (reshift_constants)kind; /* the enum has this order */
    reshift_error error;
    const reshift_corruption **chosen = calloc((size_t)count, sizeof *chosen);
    int n = 0;
    status = chosen ? choose(&u, names, chosen, &n, &error) : 1;
    reshift_dataset *dataset = NULL;
    if (status < 0 && open_data(&c, data, split, NULL, NULL, false, &dataset, &error) != RESHIFT_OK) {
        status = session_fail(&error);
    }
    for (int i = 0; i < n && status < 0; i++) {
        if (reshift_corrupt_write(dataset, chosen[i], &how, out, session_progress(), &error) != RESHIFT_OK) {
            status = session_fail(&error);
        } else {
            printf("%s/%s.npy\n", out, chosen[i]->name);
        }
    }
    reshift_dataset_close(&dataset);
    free(chosen);
    return status >= 0 ? status : session_end();
}
