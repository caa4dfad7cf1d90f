/* The embedded demo's experiment: the text of experiments/demo.yaml, so that the program needs no file to show itself.
 */
#ifndef EXPERIMENT_CONFIG_DEMO_H
#define EXPERIMENT_CONFIG_DEMO_H

extern const char demo_experiment[];

#endif
