/* What the process does at its start about descriptors, and about signals while it works. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/**
 * Opens /dev/null for those of descriptors 0 to 2 that are closed, the other way round (standard input for writing), so
 * that no file of ours gets such a number and is mistaken for a standard stream; using the stream stays an error.
 */
void signals_reserve_descriptors(void);

/**
 * SIGINT, SIGTERM and SIGHUP (unless ignored, as under nohup) request a stop. Where nobody asks whether one is requested,
 * they end the process: at once until signals_will_be_polled(), later after POLL_SECONDS without a question. A second
 * signal ends it at once. SIGBUS is reported with the name of the file: a mapped input was cut or cannot be read.
 */
void signals_install(void);
void signals_will_be_polled(void);
/** The number of the signal that requested a stop, or 0. */
int signals_requested(void);

#endif
