/*
 * Progress on stderr: on a terminal a bar with rate and remaining time, otherwise a plain line from time to time. Stop
 * requests (cli/signals.h) are passed to the library by the same callbacks.
 */
#include "cli/session.h"
#include "cli/show.h"
#include "cli/signals.h"

#include <errno.h>
#include <stdatomic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reshift/learning.h"
#include "reshift/machine.h"
#include "reshift/outputs.h"

#define BAR_SECONDS 0.1
#define LINE_SECONDS 15.0
#define BAR_CELLS 24

static struct {
    bool quiet, terminal, bar_shown;
    char what[96];
    double started, shown;
    int64_t first; /* items done at the start: not 0 for resumed work */
} session;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void clear_bar(void)
{
    if (session.bar_shown) {
        fprintf(stderr, "\r\033[K");
        session.bar_shown = false;
    }
}

static void time_words(double seconds, char *text, size_t size)
{
    if (seconds < 90) {
        snprintf(text, size, "%.0f s", seconds);
    } else if (seconds < 5400) {
        snprintf(text, size, "%.0f min", seconds / 60);
    } else {
        snprintf(text, size, "%.1f h", seconds / 3600);
    }
}

static void show_bar(int64_t done, int64_t total, const char *unit, double rate, const char *left)
{
    clear_bar();
    fprintf(stderr, "%s ", session.what);
    if (total > 0) {
        int cells = (int)(done * BAR_CELLS / total);
        fprintf(stderr, "[%.*s%*s] %3d %%  ", cells, "########################", BAR_CELLS - cells, "",
                (int)(100 * done / total));
    }
    fprintf(stderr, "%lld %s", (long long)done, unit);
    if (rate > 0) {
        fprintf(stderr, ", %.*f/s%s%s", rate < 10 ? 2 : 0, rate, *left ? ", left: " : "", left);
    }
    fflush(stderr);
    session.bar_shown = true;
}

static void show_line(int64_t done, int64_t total, const char *unit, double rate, const char *left)
{
    fprintf(stderr, "%s: %lld", session.what, (long long)done);
    if (total > 0) {
        fprintf(stderr, " of %lld", (long long)total);
    }
    fprintf(stderr, " %s, %.*f/s%s%s\n", unit, rate < 10 ? 2 : 0, rate, *left ? ", left: " : "", left);
}

static void on_update(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    (void)context;
    if (session.quiet) {
        return;
    }
    double now = now_seconds();
    const char *name = shown(what);
    if (strcmp(name, session.what) != 0 || done < session.first) {
        snprintf(session.what, sizeof session.what, "%s", name);
        session.started = session.shown = now;
        session.first = done;
    }
    bool finished = total > 0 && done >= total;
    if (finished) {
        clear_bar();
        session.what[0] = '\0';
        return;
    }
    if (now - session.shown < (session.terminal ? BAR_SECONDS : LINE_SECONDS)) {
        return;
    }
    session.shown = now;
    double elapsed = now - session.started;
    double rate = elapsed > 0 ? (double)(done - session.first) / elapsed : 0;
    char left[32] = "";
    if (total > 0 && rate > 0) {
        time_words((double)(total - done) / rate, left, sizeof left);
    }
    session.terminal ? show_bar(done, total, unit, rate, left) : show_line(done, total, unit, rate, left);
}

static void on_message(void *context, reshift_log_level level, const char *text)
{
    (void)context;
    if (session.quiet && level == RESHIFT_LOG_INFO) {
        return;
    }
    clear_bar();
    fprintf(stderr, "%s%s\n", level == RESHIFT_LOG_WARNING ? "reshift: warning: " : "", shown(text));
}

static bool on_cancelled(void *context)
{
    (void)context;
    return signals_requested() != 0;
}

static const reshift_progress progress = {on_update, on_message, on_cancelled, NULL};

reshift_precision session_precision(const common *c)
{
    reshift_precision precision = RESHIFT_PRECISION_F32;
    if (c->precision) {
        reshift_precision_read(c->precision, &precision);
    }
    return precision;
}

reshift_constants session_constants(const common *c)
{
    return !c->constants                           ? RESHIFT_CONSTANTS_AUTO
           : strcmp(c->constants, "cifar") == 0    ? RESHIFT_CONSTANTS_CIFAR
           : strcmp(c->constants, "imagenet") == 0 ? RESHIFT_CONSTANTS_IMAGENET
                                                   : RESHIFT_CONSTANTS_AUTO;
}

bool session_corrupts_native(const common *c) { return c->corrupt_at && strcmp(c->corrupt_at, "native") == 0; }

reshift_jpeg_step session_jpeg(const common *c) { return c->no_jpeg ? RESHIFT_JPEG_OFF : RESHIFT_JPEG_AUTO; }

const reshift_progress *session_progress(void)
{
    signals_will_be_polled();
    return &progress;
}

void session_say(const char *format, ...)
{
    if (session.quiet) {
        return;
    }
    clear_bar();
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s\n", shown(text));
}

int session_begin(const usage *u, const common *c)
{
    session.quiet = c->quiet;
    session.terminal = isatty(STDERR_FILENO) == 1;
    signals_install();
    reshift_precision precision;
    if (c->precision && !reshift_precision_read(c->precision, &precision)) {
        return usage_error(u, "--precision: expected f32, bf16, int8 or auto, found '%s'", c->precision);
    }
    if (c->constants && session_constants(c) == RESHIFT_CONSTANTS_AUTO && strcmp(c->constants, "auto") != 0) {
        return usage_error(u, "--constants: expected auto, cifar or imagenet, found '%s'", c->constants);
    }
    if (c->corrupt_at && !session_corrupts_native(c) && strcmp(c->corrupt_at, "crop") != 0) {
        return usage_error(u, "--corrupt-at: expected crop or native, found '%s'", c->corrupt_at);
    }
    reshift_error error;
    if (reshift_threads_check((int)c->threads, &error) != RESHIFT_OK) {
        return session_fail(&error);
    }
    reshift_threads_set((int)c->threads);
    return -1;
}

int session_fail(const reshift_error *error)
{
    clear_bar();
    fflush(stdout);
    fprintf(stderr, "reshift: %s\n", shown(error->message));
    if (error->hint[0]) {
        fprintf(stderr, "hint: %s\n", shown(error->hint));
    }
    switch (error->code) {
    case RESHIFT_ERROR_ARGUMENT: return 2;
    case RESHIFT_ERROR_CANCELLED: return 128 + (signals_requested() ? signals_requested() : SIGINT);
    default: return 1;
    }
}

static atomic_bool out_of_memory;

void session_out_of_memory(void) { atomic_store(&out_of_memory, true); }

void *session_allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory) {
        /* jansson omits the part without memory, or fails an assertion: nothing it has built can be trusted */
        static const char words[] = "reshift: out of memory\n";
        ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
        (void)ignored;
        _exit(1);
    }
    return memory;
}

int session_print(const char *text)
{
    if (!text) {
        session_out_of_memory();
    }
    fputs(text ? text : "", stdout);
    return session_end();
}

int session_end(void)
{
    clear_bar();
    errno = 0;
    if (atomic_load(&out_of_memory)) {
        fprintf(stderr, "reshift: out of memory: the result is not complete\n");
        return 1;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "reshift: cannot write the result: %s\n", strerror(errno ? errno : EIO));
        return 1;
    }
    return 0;
}

reshift_status check_data(const char *spec, const char *split, reshift_error *error)
{
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.split = split;
    return reshift_dataset_check(spec, &options, error);
}

reshift_status open_data(const common *c, const char *spec, const char *split, const char *corruption,
                         const option_range *severity, const reshift_model *model, reshift_dataset **dataset,
                         reshift_error *error)
{
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.data_dir = c->data_dir;
    options.skip_bad = c->skip_bad;
    options.progress = session_progress();
    options.split = split;
    options.limit = c->limit;
    options.corruption = corruption;
    if (severity) {
        options.severity_first = (int)severity->first;
        options.severity_last = (int)severity->last;
    }
    options.generate = model != NULL;
    options.constants = session_constants(c);
    if (model && !session_corrupts_native(c)) {
        const reshift_recipe recipe = reshift_recipe_at(reshift_model_recipe(model), (int)c->size);
        options.crop_resize = recipe.resize;
        options.crop_size = recipe.size;
    }
    options.seed = (uint64_t)c->seed;
    options.jpeg = session_jpeg(c);
    reshift_status status = reshift_dataset_open(spec, &options, dataset, error);
    if (status == RESHIFT_OK && reshift_dataset_note(*dataset)) {
        on_message(NULL, RESHIFT_LOG_WARNING, reshift_dataset_note(*dataset));
    }
    return status;
}

reshift_status open_model(const common *c, const char *weights, const char *head, reshift_model **model,
                          reshift_error *error)
{
    reshift_log_level level;
    const char *text;
    reshift_status status = reshift_model_load(weights, c->data_dir, model, error);
    for (int i = 0; status == RESHIFT_OK && (text = reshift_model_note(*model, i, &level)) != NULL; i++) {
        char line[1200];
        snprintf(line, sizeof line, "%s: %s", weights, text);
        on_message(NULL, level, line);
    }
    if (status == RESHIFT_OK && head) {
        status = reshift_model_load_head(*model, head, error);
    }
    const int size = status == RESHIFT_OK ? reshift_model_head_size(*model) : 0;
    if (size > 0 && c->size > 0 && c->size != size) {
        fail_with(error, RESHIFT_ERROR_SHAPE, "head '%s' was trained on images of %dx%d, --size is %lld", head, size,
                  size, (long long)c->size);
        snprintf(error->hint, sizeof error->hint,
                 "leave --size out, or train a head on features of that size: reshift extract --size %lld",
                 (long long)c->size);
        status = RESHIFT_ERROR_SHAPE;
    }
    return status;
}

reshift_status session_calibrate(const common *c, reshift_model *model, const char *spec, reshift_error *error)
{
    if (reshift_precision_here(session_precision(c), false) != RESHIFT_PRECISION_INT8 ||
        reshift_model_is_calibrated(model)) {
        return RESHIFT_OK;
    }
    reshift_dataset_options options;
    reshift_dataset_options_default(&options);
    options.data_dir = c->data_dir;
    options.skip_bad = c->skip_bad;
    options.split = "train";
    options.seed = (uint64_t)c->seed;
    if (strncmp(spec, "folder:", 7) != 0) { /* folders are sorted by class, and read image by image */
        options.limit = 10000;
    }
    reshift_dataset *dataset = NULL;
    reshift_status status = reshift_dataset_open(spec, &options, &dataset, error);
    const char *training = reshift_dataset_training_of(spec); /* versions of test images have no training part */
    if (status != RESHIFT_OK && training) {
        status = reshift_dataset_open(training, &options, &dataset, error);
    }
    if (status != RESHIFT_OK) {
        session_say("int8: no training images, so ranges of activations come from the images at hand");
        return RESHIFT_OK;
    }
    status = reshift_calibrate(model, dataset, (int)c->size, session_progress(), error);
    reshift_dataset_close(&dataset);
    return status;
}

reshift_status fail_with(reshift_error *error, reshift_status code, const char *format, ...)
{
    reshift_error_clear(error);
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return code;
}

reshift_status fail_in(reshift_error *error, reshift_status code, const char *format, ...)
{
    char prefix[sizeof error->message], message[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    snprintf(message, sizeof message, "%s: %s", prefix, error->message);
    memcpy(error->message, message, sizeof message);
    return code;
}

reshift_status check_target(const common *c, const char *path, reshift_error *error)
{
    return reshift_output_check(path, c->force, error);
}
