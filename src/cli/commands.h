/* The commands, one file each. A command gets the arguments after its name and returns the program's exit status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

int command_bench(int argc, char **argv);
int command_calibrate(int argc, char **argv);
int command_corrupt(int argc, char **argv);
int command_demo(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_export(int argc, char **argv);
int command_extract(int argc, char **argv);
int command_fetch(int argc, char **argv);
int command_finetune(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_pca(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_probe(int argc, char **argv);
int command_report(int argc, char **argv);
int command_run(int argc, char **argv);
int command_sweep(int argc, char **argv);

#endif
