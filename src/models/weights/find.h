/* From the name of published weights ("resnet50@v2") to a file in the data folder. */
#ifndef MODELS_WEIGHTS_FIND_H
#define MODELS_WEIGHTS_FIND_H

#include <stdbool.h>

/** True where the file's name (folders in front are ignored) is one under which V2 weights are kept. */
bool find_is_v2(const char *path);

#endif
