#include "cli/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLL_SECONDS 5U

static volatile sig_atomic_t requested; /* the signal's number */
static volatile sig_atomic_t polled;    /* somebody will ask */

void signals_reserve_descriptors(void)
{
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
        if (fcntl(number, F_GETFD) < 0) {
            int descriptor = open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY);
            if (descriptor >= 0 && descriptor != number) {
                dup2(descriptor, number);
                close(descriptor);
            }
        }
    }
}

/* ---- requests to stop ---- */

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void end_by(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static void on_request(int number)
{
    requested = number;
    if (!polled) {
        end_by(number);
        return;
    }
    say("\nreshift: stopping; Ctrl-C again ends at once\n");
    signal(SIGINT, SIG_DFL);
    signal(number, SIG_DFL);
    alarm(POLL_SECONDS);
}

static void on_alarm(int number)
{
    (void)number;
    end_by(requested ? requested : SIGTERM);
}

void signals_will_be_polled(void) { polled = 1; }

int signals_requested(void)
{
    int number = requested;
    if (number) {
        alarm(0); /* the library polls and stops properly, which may take longer */
    }
    return number;
}

/* ---- mapped files ---- */

static uintptr_t hexadecimal(const char **text)
{
    uintptr_t value = 0;
    for (;; ++*text) {
        char c = **text;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) {
            return value;
        }
        value = value << 4 | (uintptr_t)digit;
    }
}

/* If this line of /proc/self/maps contains `address`: the file's path, and the offset in the file. */
static const char *path_at(const char *line, uintptr_t address, uint64_t *offset)
{
    const char *at = line;
    uintptr_t begin = hexadecimal(&at);
    at += *at == '-';
    uintptr_t end = hexadecimal(&at);
    const char *path = strchr(line, '/');
    if (address < begin || address >= end || !path) {
        return NULL;
    }
    at += strcspn(at + 1, " ") + 2; /* the permissions */
    *offset = (uint64_t)hexadecimal(&at) + (address - begin);
    return path;
}

/* Finds the file mapped at `address`. Uses only functions that are allowed in a signal handler. */
static bool find_mapped(uintptr_t address, char *path, size_t size, uint64_t *offset)
{
    static char line[4608]; /* a path and the fields before it */
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    char c;
    bool found = false;
    while (maps >= 0 && !found && read(maps, &c, 1) == 1) {
        if (c != '\n') {
            length += length < sizeof line - 1;
            line[length - 1] = c;
            continue;
        }
        line[length] = '\0';
        const char *name = path_at(line, address, offset);
        if (name && strlen(name) < size) {
            memcpy(path, name, strlen(name) + 1);
            found = true;
        }
        length = 0;
    }
    if (maps >= 0) {
        close(maps);
    }
    return found;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    static char path[4200];
    uint64_t offset = 0;
    struct stat facts;
    signal(number, SIG_DFL);
    if (!find_mapped((uintptr_t)info->si_addr, path, sizeof path, &offset)) {
        raise(number);
        return;
    }
    for (char *c = path; *c; c++) {
        *c = (unsigned char)*c < 32 || *c == 127 ? '?' : *c;
    }
    say("\nreshift: cannot read '");
    say(path);
    bool cut = stat(path, &facts) == 0 && (uint64_t)facts.st_size <= offset;
    say(cut ? "': it was cut short while it was in use\n"
            : "': the disk does not answer (input/output error, or full)\n");
    _exit(1);
}

void signals_install(void)
{
    signal(SIGXFSZ, SIG_IGN); /* exceeding the file size limit is reported as a write error */
    struct sigaction action = {.sa_handler = on_request, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
        sigaction(SIGHUP, &action, NULL);
    }
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    struct sigaction fault = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &fault, NULL);
}
