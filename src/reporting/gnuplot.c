/*
 * Runs gnuplot with posix_spawn, without a shell. Standard input is /dev/null; standard output and error are read and
 * included in the message. The locale is C (decimal points) with UTF-8 and start-up files are disabled (-d), so that
 * only the script determines the picture.
 */
#include "reporting/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

enum { PICTURES_MOST = 2 }; /* a PNG and an SVG */

static char *figure_path(const gnuplot_figure *figure, const char *ending)
{
    char *path = NULL, *name = NULL;
    if (asprintf(&name, "%s%s", figure->name, ending) >= 0) {
        path = path_join(figure->folder, name);
        free(name);
    }
    return path;
}

reshift_status gnuplot_begin(const gnuplot_figure *figure, const char *const *endings, reshift_error *error)
{
    if (!figure->name[0] || figure->name[0] == '.' || strchr(figure->name, '/') || strlen(figure->name) > 200) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "figure name '%s': expected the start of a file name",
                         figure->name);
    }
    for (const char *c = figure->name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return error_set(error, RESHIFT_ERROR_ARGUMENT, "figure name: expected no control characters");
        }
    }
    for (int i = 0; endings[i] && !figure->overwrite; i++) {
        char *path = figure_path(figure, endings[i]);
        bool there = false;
        reshift_status status = path ? path_is_file(path, &there, error) : RESHIFT_OK;
        if (there) {
            error_set(error, RESHIFT_ERROR_EXISTS, "'%s' exists already", path);
            error_hint(error, "use --force to replace it, or choose another folder");
        }
        free(path);
        if (!path) {
            return error_memory(error, strlen(figure->folder), "a path");
        }
        if (there || status != RESHIFT_OK) {
            return there ? RESHIFT_ERROR_EXISTS : status;
        }
    }
    return folder_create(figure->folder, error);
}

reshift_status gnuplot_write(const gnuplot_figure *figure, const char *ending, const text_buffer *text,
                             reshift_error *error)
{
    char *path = figure_path(figure, ending);
    reshift_status status =
        path ? text_write(text, path, figure->overwrite, error) : error_memory(error, strlen(figure->folder), "a path");
    free(path);
    return status;
}

/*
 * The caller's environment without variables that could change a picture, in one block with the array. The caller frees
 * it; NULL when out of memory.
 */
static char **plain_environment(void)
{
    static const char *const dropped[] = {"LC_", "LANG=", "LANGUAGE=", "GNUTERM=", "GNUPLOT_"};
    size_t count = 0, kept = 0;
    while (environ && environ[count]) {
        count++;
    }
    char **plain = calloc(count + 2, sizeof *plain);
    if (!plain) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        bool drop = false;
        for (size_t j = 0; j < sizeof dropped / sizeof *dropped; j++) {
            drop |= strncmp(environ[i], dropped[j], strlen(dropped[j])) == 0;
        }
        if (!drop) {
            plain[kept++] = environ[i];
        }
    }
    plain[kept] = (char *)(uintptr_t) "LC_ALL=C.UTF-8";
    return plain;
}

/* Reads the child's output until it closes its end; keeps the first `size` - 1 bytes. */
static void listen_to(int descriptor, char *said, size_t size)
{
    size_t length = 0;
    for (;;) {
        char bytes[512];
        ssize_t count = read(descriptor, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        size_t fits = size - 1 - length < (size_t)count ? size - 1 - length : (size_t)count;
        memcpy(said + length, bytes, fits);
        length += fits;
    }
    said[length] = '\0';
}

/* Replaces line ends and runs of blanks by one space. */
static void squeeze(char *words)
{
    char *out = words;
    for (const char *c = words; *c; c++) {
        bool blank = (unsigned char)*c <= ' ';
        if (!blank) {
            *out++ = *c;
        } else if (out > words && out[-1] != ' ') {
            *out++ = ' ';
        }
    }
    while (out > words && out[-1] == ' ') {
        out--;
    }
    *out = '\0';
}

/* The descriptors of the pictures in the child. */
enum { FIRST_PICTURE = 10 };

typedef struct picture {
    const char *ending; /* "-loss.png" */
    int memory;         /* memfd for gnuplot's output, or -1 */
} picture;

static int spawn_in(const char *folder, char *const *arguments, int output, const picture *pictures, int n,
                    pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char **environment = plain_environment();
    int number = environment ? posix_spawn_file_actions_init(&actions) : ENOMEM;
    if (number != 0) {
        free(environment);
        return number;
    }
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        /* The child must react to signals that a caller may have blocked or ignored. */
        sigset_t none, defaults;
        sigemptyset(&none);
        sigemptyset(&defaults);
        sigaddset(&defaults, SIGINT);
        sigaddset(&defaults, SIGPIPE);
        sigaddset(&defaults, SIGTERM);
        sigaddset(&defaults, SIGHUP);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &defaults);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if ((number = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)) == 0 &&
            (number = posix_spawn_file_actions_adddup2(&actions, output, 1)) == 0 &&
            (number = posix_spawn_file_actions_adddup2(&actions, output, 2)) == 0 &&
            (number = posix_spawn_file_actions_addchdir_np(&actions, folder)) == 0) {
            for (int i = 0; i < n && number == 0; i++) {
                number = posix_spawn_file_actions_adddup2(&actions, pictures[i].memory, FIRST_PICTURE + i);
            }
        }
        if (number == 0) {
            number = posix_spawnp(child, arguments[0], &actions, &attributes, arguments, environment);
        }
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    return number;
}

static const char *extension(const picture *p) { return strrchr(p->ending, '.') + 1; }

static reshift_status run_script(const gnuplot_figure *figure, const char *script, const picture *pictures, int n,
                                 reshift_error *error)
{
    char outputs[PICTURES_MOST * 32] = "";
    for (int i = 0; i < n; i++) {
        size_t length = strlen(outputs);
        snprintf(outputs + length, sizeof outputs - length, "%s='/dev/fd/%d';", extension(&pictures[i]),
                 FIRST_PICTURE + i);
    }
    char *arguments[] = {(char *)(uintptr_t) "gnuplot", (char *)(uintptr_t) "-d",
                         (char *)(uintptr_t) "-e",      outputs,
                         (char *)(uintptr_t)script,     NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_from_errno(error, errno, "cannot start gnuplot");
    }
    pid_t child = 0;
    int number = spawn_in(figure->folder, arguments, ends[1], pictures, n, &child);
    close(ends[1]);
    if (number != 0) {
        close(ends[0]);
        error_from_errno(error, number, "cannot start gnuplot");
        if (number == ENOENT) {
            error_hint(
                error,
                "install gnuplot (Debian: apt-get install gnuplot-nox); the script '%s/%s' draws the figure then",
                figure->folder, script);
            return RESHIFT_ERROR_NOT_FOUND;
        }
        return RESHIFT_ERROR_IO;
    }
    char said[600];
    listen_to(ends[0], said, sizeof said);
    close(ends[0]);
    int state = 0;
    while (waitpid(child, &state, 0) < 0) {
        if (errno != EINTR) {
            return error_from_errno(error, errno, "cannot wait for gnuplot");
        }
    }
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0) {
        return RESHIFT_OK;
    }
    squeeze(said);
    if (WIFSIGNALED(state) && (WTERMSIG(state) == SIGINT || WTERMSIG(state) == SIGTERM || WTERMSIG(state) == SIGHUP)) {
        return error_set(error, RESHIFT_ERROR_CANCELLED, "gnuplot was interrupted");
    }
    return error_set(error, RESHIFT_ERROR_IO, "gnuplot could not draw '%s/%s' (%s %d): %s", figure->folder, script,
                     WIFSIGNALED(state) ? "signal" : "exit", WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state),
                     said[0] ? said : "it said nothing");
}

/* True if a picture is complete: when gnuplot cannot write, it leaves a truncated file and exits with 0. */
static bool is_whole(const char *bytes, size_t size, const char *type)
{
    const char *end = strcmp(type, "png") == 0 ? "IEND\xae\x42\x60\x82" : "</svg>";
    const size_t tail = size < 64 ? size : 64;
    return memmem(bytes + size - tail, tail, end, strlen(end)) != NULL;
}

/* Writes a picture from memory to its file: a full disk is an error here, wherever it occurs in the file. */
static reshift_status take_picture(const gnuplot_figure *figure, const picture *p, reshift_error *error)
{
    char *path = figure_path(figure, p->ending);
    if (!path) {
        return error_memory(error, strlen(figure->folder), "a path");
    }
    reshift_status status;
    off_t size = lseek(p->memory, 0, SEEK_END);
    char *bytes = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, p->memory, 0) : MAP_FAILED;
    if (size <= 0) {
        status = error_set(error, RESHIFT_ERROR_NOT_FOUND, "gnuplot left no picture '%s'", path);
    } else if (bytes == MAP_FAILED) {
        status = error_memory(error, (size_t)size, path);
    } else if (!is_whole(bytes, (size_t)size, extension(p))) {
        status = error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': gnuplot left it cut short", path);
    } else {
        status = file_write_all(path, bytes, (size_t)size, figure->overwrite, error);
    }
    if (bytes != MAP_FAILED) {
        munmap(bytes, (size_t)size);
    }
    free(path);
    return status;
}

/* gnuplot does not check its writes: it draws into memory. */
static reshift_status open_pictures(const char *const *endings, picture *pictures, int *n, reshift_error *error)
{
    for (*n = 0; endings[*n] && *n < PICTURES_MOST; ++*n) {
        pictures[*n] = (picture){endings[*n], memfd_create("a picture", MFD_CLOEXEC)};
        if (pictures[*n].memory < 0) {
            return error_from_errno(error, errno, "cannot start gnuplot");
        }
        /* must not be a descriptor number that the child uses */
        int moved = fcntl(pictures[*n].memory, F_DUPFD_CLOEXEC, FIRST_PICTURE + PICTURES_MOST);
        close(pictures[*n].memory);
        pictures[*n].memory = moved;
        if (moved < 0) {
            return error_from_errno(error, errno, "cannot start gnuplot");
        }
    }
    return RESHIFT_OK;
}

reshift_status gnuplot_run(const gnuplot_figure *figure, const char *ending, const char *const *endings,
                           reshift_error *error)
{
    char *script = NULL;
    picture pictures[PICTURES_MOST];
    int n;
    if (asprintf(&script, "%s%s", figure->name, ending) < 0) {
        return error_memory(error, strlen(figure->name), "a path");
    }
    reshift_status status = open_pictures(endings, pictures, &n, error);
    if (status == RESHIFT_OK) {
        status = run_script(figure, script, pictures, n, error);
    }
    for (int i = 0; i < n; i++) {
        if (status == RESHIFT_OK) {
            status = take_picture(figure, &pictures[i], error);
        }
        close(pictures[i].memory);
    }
    free(script);
    return status;
}

void gnuplot_head(text_buffer *script, const char *name, const char *script_ending, const char *data_ending)
{
    text_printf(script,
                "# Draws this figure out of %s%s. To restyle it, change this file and run in its folder:\n"
                "#   gnuplot %s%s\n",
                name, data_ending, name, script_ending);
    text_add(script, "set encoding utf8\n"
                     "set datafile separator ','\n"
                     "set datafile missing 'nan'\n"
                     "set border 3 linewidth 1 linecolor rgb '#666666'\n"
                     "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
                     "set grid ytics linewidth 0.5 linecolor rgb '#dddddd' linetype 1 dashtype solid\n");
}

void gnuplot_output(text_buffer *script, const char *name, const char *ending)
{
    const char *type = strrchr(ending, '.') + 1;
    text_buffer file = {0};
    text_printf(&file, "%s%s", name, ending);
    text_printf(script, "set output (exists('%s') ? %s : ", type, type);
    text_add_quoted(script, file.bytes ? file.bytes : "");
    text_add(script, ")\n");
    script->failed |= file.failed;
    text_destroy(&file);
}

void gnuplot_terminal_png(text_buffer *script, int width, int height, const char *name, const char *ending)
{
    text_printf(script,
                "set terminal pngcairo noenhanced size %d,%d font 'sans,11' fontscale 2 linewidth 2 pointscale 2 "
                "background '#ffffff'\n",
                2 * width, 2 * height);
    gnuplot_output(script, name, ending);
}

void gnuplot_terminal_svg(text_buffer *script, int width, int height, const char *name, const char *ending)
{
    text_printf(script, "set terminal svg noenhanced size %d,%d dynamic font 'sans-serif,14' background '#ffffff'\n",
                width, height);
    gnuplot_output(script, name, ending);
}
