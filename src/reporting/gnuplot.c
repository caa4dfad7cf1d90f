/*
 * Running gnuplot: posix_spawn, no shell, standard input from /dev/null, what it says on standard output and error read
 * into the message. Its locale is C (decimal points) with UTF-8 and its start-up files are left out (-d), so that only
 * the script decides the picture.
 */
#include "reporting/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

enum { PICTURES_MOST = 4 };

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

/* The caller's environment without what could change a picture, in one block with the array: free() it. NULL: no
 * memory. */
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

/* Reads what the child says until it closes its end; keeps the first `size` - 1 bytes. */
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

/* One line of what was said: line ends and runs of blanks become one space. */
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

static int spawn_in(const char *folder, char *const *arguments, int output, pid_t *child)
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
        /* The child must be able to die of the signals a caller may have blocked or ignored. */
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
            number = posix_spawnp(child, arguments[0], &actions, &attributes, arguments, environment);
        }
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    return number;
}

static reshift_status run_script(const gnuplot_figure *figure, const char *script, const char *part,
                                 reshift_error *error)
{
    char set_part[64];
    snprintf(set_part, sizeof set_part, "part='%s'", part);
    char *arguments[] = {(char *)(uintptr_t) "gnuplot", (char *)(uintptr_t) "-d",
                         (char *)(uintptr_t) "-e",      set_part,
                         (char *)(uintptr_t)script,     NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_from_errno(error, errno, "cannot start gnuplot");
    }
    pid_t child = 0;
    int number = spawn_in(figure->folder, arguments, ends[1], &child);
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

/* Whether a picture has its end: on a full disk gnuplot leaves what fitted and exits with 0. */
static bool is_whole(int descriptor, const char *ending)
{
    static const char png[] = "IEND\xae\x42\x60\x82", svg[] = "</svg>";
    char tail[64];
    off_t size = lseek(descriptor, 0, SEEK_END);
    off_t from = size > (off_t)sizeof tail ? size - (off_t)sizeof tail : 0;
    ssize_t length = pread(descriptor, tail, sizeof tail, from);
    const char *end = strcmp(strrchr(ending, '.'), ".png") == 0 ? png : svg;
    return length > 0 && memmem(tail, (size_t)length, end, strlen(end)) != NULL;
}

/* Makes the temporaries of the pictures, which gnuplot opens by their names. All must have one suffix: the script's. */
static reshift_status open_pictures(const gnuplot_figure *figure, const char *const *pictures, file_target *targets,
                                    int *n, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    for (*n = 0; pictures[*n] && status == RESHIFT_OK; ++*n) {
        char *path = figure_path(figure, pictures[*n]);
        if (*n == PICTURES_MOST || !path) {
            status = error_memory(error, strlen(figure->folder), "a path");
            free(path);
            break;
        }
        status = file_target_open(path, figure->overwrite, &targets[*n], error);
        const char *temporary = targets[*n].temporary;
        if (status == RESHIFT_OK && (!temporary || strcmp(temporary + strlen(temporary) - strlen(PART_SUFFIX),
                                                          PART_SUFFIX) != 0)) {
            status = error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': another program is drawing it", path);
        }
        free(path);
    }
    return status;
}

static reshift_status take_picture(file_target *target, const char *ending, reshift_error *error)
{
    if (lseek(target->lock, 0, SEEK_END) <= 0) {
        return error_set(error, RESHIFT_ERROR_NOT_FOUND, "gnuplot left no picture '%s'", target->path);
    }
    if (!is_whole(target->lock, ending)) {
        error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': gnuplot left it cut short", target->path);
        error_hint(error, "is the disk full?");
        return RESHIFT_ERROR_IO;
    }
    if (fsync(target->lock) != 0) {
        return error_from_errno(error, errno, "cannot write '%s'", target->path);
    }
    return file_target_rename(target, error);
}

reshift_status gnuplot_run(const gnuplot_figure *figure, const char *ending, const char *const *pictures,
                           reshift_error *error)
{
    char *script = NULL;
    file_target targets[PICTURES_MOST] = {{.lock = -1}};
    int n;
    if (asprintf(&script, "%s%s", figure->name, ending) < 0) {
        return error_memory(error, strlen(figure->name), "a path");
    }
    reshift_status status = open_pictures(figure, pictures, targets, &n, error);
    if (status == RESHIFT_OK) {
        status = run_script(figure, script, PART_SUFFIX, error);
    }
    for (int i = 0; i < n; i++) {
        if (status == RESHIFT_OK) {
            status = take_picture(&targets[i], pictures[i], error);
        }
    }
    if (status == RESHIFT_OK && n > 0) {
        status = folder_sync_of(targets[0].final, error);
    }
    for (int i = 0; i < n; i++) {
        file_target_close(&targets[i]);
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
    text_add(script, "if (!exists('part')) part = ''\n"
                     "set encoding utf8\n"
                     "set datafile separator ','\n"
                     "set datafile missing 'nan'\n"
                     "set border 3 linewidth 1 linecolor rgb '#666666'\n"
                     "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
                     "set grid ytics linewidth 0.5 linecolor rgb '#dddddd' linetype 1 dashtype solid\n");
}

static void set_output(text_buffer *script, const char *name, const char *ending)
{
    text_buffer file = {0};
    text_printf(&file, "%s%s", name, ending);
    text_add(script, "set output ");
    text_add_quoted(script, file.bytes ? file.bytes : "");
    text_add(script, ".part\n");
    script->failed |= file.failed;
    text_destroy(&file);
}

void gnuplot_terminal_png(text_buffer *script, int width, int height, const char *name, const char *ending)
{
    text_printf(script,
                "set terminal pngcairo noenhanced size %d,%d font 'sans,11' fontscale 2 linewidth 2 pointscale 2 "
                "background '#ffffff'\n",
                2 * width, 2 * height);
    set_output(script, name, ending);
}

void gnuplot_terminal_svg(text_buffer *script, int width, int height, const char *name, const char *ending)
{
    text_printf(script, "set terminal svg noenhanced size %d,%d dynamic font 'sans-serif,14' background '#ffffff'\n",
                width, height);
    set_output(script, name, ending);
}
