/* reshift fetch: downloads into the data folder, with resuming and verification. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "reshift/fetch.h"

static void print_items(void)
{
    int count;
    const reshift_fetch_item *items = reshift_fetch_table(&count);
    for (int i = 0; i < count; i++) {
        char size[32] = "";
        if (items[i].bytes > 0) {
            snprintf(size, sizeof size, "%.0f MB", (double)items[i].bytes / 1e6);
        }
        printf("%-16s %9s  %s\n", items[i].name, size, items[i].about);
    }
}

int command_fetch(int argc, char **argv)
{
    common c = COMMON_DEFAULTS;
    option_words words;
    const char *mirror = NULL;
    bool list = false;
    const option options[] = {
        FLAG("--list", &list, "list the available downloads"),
        TEXT("--mirror", &mirror, "URL", "use this address instead of the official one", "$RESHIFT_MIRROR"),
        OPTION_DATA_DIR(c),
        OPTION_QUIET(c),
        OPTIONS_END,
    };
    const usage u = {
        .command = "fetch",
        .about = "Downloads data sets and weights into the data folder, resumes interrupted downloads, and verifies "
                 "the files.",
        .synopsis = "NAME... [options]",
        .argument = "NAME",
        .at_most = OPTION_WORDS_MOST,
        .example = "  reshift fetch cifar10 cifar10-c resnet50",
        .options = options,
    };
    int status = options_read(&u, argc, argv, &words);
    if (status >= 0 || (status = session_begin(&u, &c)) >= 0) {
        return status;
    }
    if (list) {
        print_items();
        return session_end();
    }
    if (words.n == 0) {
        return usage_error(&u, "expected a name; 'reshift fetch --list' lists them");
    }
    for (int i = 0; i < words.n; i++) {
        reshift_error error;
        if (reshift_fetch(words.items[i], c.data_dir, mirror, session_progress(), &error) != RESHIFT_OK) {
            return session_fail(&error);
        }
        session_say("%s: there and verified", words.items[i]);
    }
    return session_end();
}
