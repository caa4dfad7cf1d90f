/* From the name of published weights ("resnet50@v2") to a file in the data folder. */
#ifndef MODELS_WEIGHTS_FIND_H
#define MODELS_WEIGHTS_FIND_H

/** 2 if V2 weights are stored under this file's name (folders are ignored), else 1. */
int find_version(const char *path);

#endif
