/* The program: finds the command by its name and calls it. All commands are in one table. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/show.h"
#include "reshift/machine.h"
#include "reshift/status.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} command;

static const command commands[] = {
    {"demo", command_demo, "do the whole study on built-in pictures: no data, no downloads"},
    {"run", command_run, "do the study that an experiment file describes"},
    {"sweep", command_sweep, "do a study for every combination of values, side by side"},
    {"report", command_report, "draw the plots and the page of a finished run again"},
    {"fetch", command_fetch, "download data sets and weights"},
    {"calibrate", command_calibrate, "find what int8 needs to know and store it with the weights"},
    {"extract", command_extract, "turn images into feature vectors"},
    {"probe", command_probe, "train a linear probe on features"},
    {"eval", command_eval, "measure accuracy, by corruption and severity"},
    {"finetune", command_finetune, "train chosen blocks of a network"},
    {"corrupt", command_corrupt, "make corrupted versions of images"},
    {"pca", command_pca, "project features on their principal components"},
    {"predict", command_predict, "name what is in photographs"},
    {"export", command_export, "write a network as ONNX or safetensors for other programs"},
    {"inspect", command_inspect, "say what is in a checkpoint, array, archive or data set"},
    {"bench", command_bench, "measure rates and this machine's limits"},
};
#define COMMANDS ((int)(sizeof commands / sizeof *commands))

static void print_overview(FILE *out)
{
    fprintf(out,
            "reshift %s: how does a pretrained image network hold up when the images\n"
            "shift, and how little fine-tuning repairs it?\n\nusage: reshift COMMAND [options]\n\ncommands:\n",
            reshift_version());
    for (int i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-10s%s\n", commands[i].name, commands[i].about);
    }
    fprintf(out, "\nenvironment:\n"
                 "  RESHIFT_DATA     the data folder, where --data-dir is not given\n"
                 "  OMP_NUM_THREADS  threads, where --threads is not given\n"
                 "  RESHIFT_ISA      use no newer instructions than sse41, avx2, avx2_vnni,\n"
                 "                   avx512, avx512_vnni, avx512_bf16 or amx; 'reshift --version'\n"
                 "                   shows those in use\n"
                 "\n'reshift COMMAND --help' shows its options and an example; 'reshift demo' is a\n"
                 "good start\n");
}

static const command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS + 2];
    int n = 0;
    for (; n < COMMANDS; n++) {
        names[n] = commands[n].name;
    }
    names[n++] = "help";
    names[n] = NULL;
    const char *nearest = nearest_word(name, names);
    fprintf(stderr, "reshift: unknown command '%s'\n", shown(name));
    if (nearest) {
        fprintf(stderr, "hint: did you mean 'reshift %s'?\n", nearest);
    } else {
        fprintf(stderr, "hint: 'reshift help' lists the commands\n");
    }
    return 2;
}

/*
 * RESHIFT_ISA also limits OpenBLAS, and OpenBLAS does not recognise processors newer than itself. It selects its
 * kernels before main() from an environment variable, so the program restarts itself with that variable set. If that
 * fails, it continues with OpenBLAS' own choice.
 */
static void choose_openblas(char **argv)
{
    const char *core = reshift_openblas_core();
    if (core && !getenv("OPENBLAS_CORETYPE") && setenv("OPENBLAS_CORETYPE", core, 1) == 0) {
        execv("/proc/self/exe", argv);
    }
}

static void print_version(void)
{
    printf("reshift %s\n%s\nOpenBLAS %s\ninstructions: %s%s\n", reshift_version(), reshift_engine_description(),
           reshift_openblas_kernels(), reshift_processor_form(),
           getenv("RESHIFT_ISA") ? " (limited by RESHIFT_ISA)" : "");
}

int main(int argc, char **argv)
{
    signals_reserve_descriptors();
    json_set_alloc_funcs(session_allocate, free);
    reshift_error error;
    if (reshift_processor_check(&error) != RESHIFT_OK) {
        fprintf(stderr, "reshift: %s\n", error.message);
        return 2;
    }
    choose_openblas(argv);
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        print_version();
        return session_end();
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        if (argc < 3) {
            print_overview(stdout);
            return session_end();
        }
        if (strcmp(argv[2], "help") == 0) {
            print_overview(stdout);
            return session_end();
        }
        const command *about = find_command(argv[2]);
        char help[] = "--help";
        char *words[] = {help, NULL};
        return about ? about->run(1, words) : unknown_command(argv[2]);
    }
    const command *chosen = find_command(name);
    return chosen ? chosen->run(argc - 2, argv + 2) : unknown_command(name);
}
