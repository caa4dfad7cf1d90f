/*
 * The accuracy of a network on a folder of images, clean and corrupted:
 *
 *     cc robustness.c -o robustness $(pkg-config --cflags --libs reshift)
 *     ./robustness model.safetensors photos gaussian_blur
 */
#include <stdio.h>

#include <reshift/reshift.h>

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: robustness WEIGHTS FOLDER CORRUPTION\n");
        return 2;
    }
    char spec[4096];
    snprintf(spec, sizeof spec, "folder:%s", argv[2]);

    reshift_error error;
    reshift_model *model = NULL;
    const reshift_corruption *corruption = NULL;
    reshift_robustness table = {0};
    reshift_robustness_options options;
    reshift_robustness_options_default(&options);
    options.data = spec;
    options.corruptions = &corruption;
    options.n_corruptions = 1;

    reshift_status status = reshift_model_load(argv[1], NULL, &model, &error);
    if (status == RESHIFT_OK) {
        status = reshift_corruption_find(argv[3], &corruption, &error);
    }
    if (status == RESHIFT_OK) {
        status = reshift_robustness_measure(model, &options, &table, NULL, &error);
    }
    if (status != RESHIFT_OK) {
        fprintf(stderr, "robustness: %s\n%s%s", error.message, error.hint, error.hint[0] ? "\n" : "");
    }
    for (int i = 0; i < table.n_cells; i++) {
        const reshift_cell *cell = &table.cells[i];
        const reshift_accuracy *a = &cell->all.accuracy;
        printf("%-16s %d  %5.1f %% (95 %%: %.1f to %.1f)\n", cell->corruption ? cell->corruption->name : "clean",
               cell->severity, 100 * a->accuracy, 100 * a->low, 100 * a->high);
    }
    reshift_robustness_destroy(&table);
    reshift_model_destroy(&model);
    return status == RESHIFT_OK ? 0 : 1;
}
