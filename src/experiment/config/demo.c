/* The embedded demo's experiment. The same text as experiments/demo.yaml, which a test holds against this one. */
#include "experiment/config/demo.h"

const char demo_experiment[] =
    "# The embedded demo (`reshift demo`): the whole study on built-in pictures, no data and no downloads.\n"
    "# A small network is pretrained on one set of drawn shapes, then studied on another.\n"
    "name: demo\n"
    "seed: 0\n"
    "model:    {arch: resnet-demo, weights: demo}\n"
    "input:    {size: 32, batch: 64, precision: f32}\n"
    "source:   {data: demo, limit_train: 0, limit_test: 0}\n"
    "pretrain: {epochs: 4, batch: 64, lr: 0.003}\n"
    "probe:    {epochs: 30, batch: 64, optimizer: adam, lr: 0.001}\n"
    "shift:    {data: demo, corruption: gaussian_blur, severity: 1-5, generate: true}\n"
    "finetune: {train: [layer4, fc], lr: {layer4: 0.0001, fc: 0.001}, optimizer: adam, epochs: 10, batch: 64,\n"
    "           samples: 4000, split: by-image, batchnorm: frozen, cache_budget: 1G, monitor: 1000}\n"
    "analysis: {pca: 2}\n";
