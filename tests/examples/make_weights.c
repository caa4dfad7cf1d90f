/* make_weights CLASSES FILE: a small network with drawn weights. */
#include <stdio.h>
#include <stdlib.h>

#include <reshift/reshift.h>

int main(int argc, char **argv)
{
    reshift_error error;
    reshift_model *model = NULL;
    if (argc != 3 || reshift_model_create("resnet-demo", atoi(argv[1]), 1, &model, &error) != RESHIFT_OK ||
        reshift_model_save(argv[2], model, false, &error) != RESHIFT_OK) {
        fprintf(stderr, "make_weights: %s\n", argc == 3 ? error.message : "usage: make_weights CLASSES FILE");
        return 1;
    }
    reshift_model_destroy(&model);
    return 0;
}
