/* Descriptors at the start of the process, and signals while it works. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/**
 * Opens /dev/null for closed descriptors among 0 to 2, with the opposite access (standard input for writing). So no
 * file of ours gets such a number and is mistaken for a standard stream, and using the stream is still an error.
 */
void signals_reserve_descriptors(void);

/**
 * SIGINT, SIGTERM and SIGHUP (unless ignored, as under nohup) request a stop. If nobody polls for requests, they end
 * the process: immediately before signals_will_be_polled(), later after POLL_SECONDS without a poll. A second signal
 * ends it immediately. SIGBUS is reported with the name of the file: a mapped input was truncated or cannot be read.
 */
void signals_install(void);
void signals_will_be_polled(void);
/** The number of the signal that requested a stop, or 0. */
int signals_requested(void);

#endif
