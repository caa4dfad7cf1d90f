/* reshift report: redraws plots and page of a finished run from its files. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/show.h"
#include "reshift/experiment.h"

int command_report(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const option options[] = {OPTION_QUIET(c), OPTIONS_END};
    const usage u = {
        .command = "report",
        .about =
            "Draws the plots and report.html of a finished run again, from the files of its folder. They are replaced.",
        .synopsis = "RUN-FOLDER [options]",
        .argument = "RUN-FOLDER",
        .at_least = 1,
        .at_most = 1,
        .example = "  reshift report runs/seed",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    reshift_error error;
    if (reshift_report_write(words.items[0], session_progress(), &error) != RESHIFT_OK) {
        return session_fail(&error);
    }
    printf("%s/report.html\n", shown(words.items[0]));
    return session_end();
}
