/*
 * Downloads with libcurl, in three steps: missing bytes are appended to PATH.part, the complete file is hashed, then it
 * is renamed. A resumed part may belong to another file, so if the hash is wrong after a resumed download, the part is
 * deleted and the whole file is requested once more.
 */
#include "datasets/fetch/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "reshift/version.h"

#define CONNECT_SECONDS 30L
#define STALL_SECONDS 60L /* less than STALL_BYTES per second for so long: the connection is considered dead */
#define STALL_BYTES 100L
#define MAX_REDIRECTS 5L
#define BUSY_TRIES 4         /* maximum number of requests to a server that answers 429 or 503 */
#define BUSY_SECONDS_MOST 60 /* maximum wait between them, whatever the server requests */

/* A download in progress, passed to libcurl's callbacks. */
typedef struct transfer {
    const download *what;
    const reshift_progress *progress;
    char title[256]; /* "downloading NAME" */
    char *part_path;
    int part;        /* descriptor, locked */
    int64_t resumed; /* bytes present before this request */
    int64_t size;    /* bytes there now */
    int write_errno; /* errno of a failed write */
    bool too_long;
    bool cancelled;
    int64_t reported;
} transfer;

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    transfer *t = context;
    size_t total = size * count, done = 0;
    if ((uint64_t)t->size + total > (uint64_t)t->what->limit_bytes) {
        t->too_long = true;
        return CURL_WRITEFUNC_ERROR;
    }
    while (done < total) {
        ssize_t n = write(t->part, bytes + done, total - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            t->write_errno = n < 0 ? errno : ENOSPC;
            return CURL_WRITEFUNC_ERROR;
        }
        done += (size_t)n;
        t->size += n;
    }
    return total;
}

static int take_progress(void *context, curl_off_t expected, curl_off_t done, curl_off_t to_send, curl_off_t sent)
{
    (void)to_send;
    (void)sent;
    (void)done;
    transfer *t = context;
    if (t->size > t->reported) {
        t->reported = t->size;
        int64_t total = expected > 0 ? t->resumed + (int64_t)expected : 0;
        progress_update(t->progress, t->title, t->size, total, "bytes");
    }
    t->cancelled = progress_check(t->progress, NULL) != RESHIFT_OK;
    return t->cancelled;
}

/* Sets the protocols that this handle may use and may be redirected to. */
static CURLcode limit_protocols(CURL *curl, bool secure)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    CURLcode code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http,https,file");
    return code ? code : curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
#else
    long any = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS, secure ? CURLPROTO_HTTPS : any | CURLPROTO_FILE);
    return code ? code : curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, secure ? CURLPROTO_HTTPS : any);
#endif
}

/* Reads the certificate paths from the environment like OpenSSL's programs and curl; libcurl itself does not. */
static bool set_certificates(CURL *curl)
{
    const char *bundle = getenv("CURL_CA_BUNDLE"), *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    if (bundle && *bundle) {
        return !curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
    }
    return (!file || !*file || !curl_easy_setopt(curl, CURLOPT_CAINFO, file)) &&
           (!folder || !*folder || !curl_easy_setopt(curl, CURLOPT_CAPATH, folder));
}

static bool set_options(CURL *curl, CURLU *address, transfer *t, char *words)
{
    bool secure = strncmp(t->what->address, "https:", 6) == 0;
    return !limit_protocols(curl, secure) && set_certificates(curl) &&
           !curl_easy_setopt(curl, CURLOPT_CURLU, address) && !curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words) &&
           !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(curl, CURLOPT_USERAGENT, "reshift/" RESHIFT_VERSION_TEXT) &&
           !curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L) && !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L) &&
           !curl_easy_setopt(curl, CURLOPT_MAXREDIRS, MAX_REDIRECTS) &&
           !curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS) &&
           !curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS) &&
           !curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES) &&
           !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes) &&
           !curl_easy_setopt(curl, CURLOPT_WRITEDATA, t) && !curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) &&
           !curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, take_progress) &&
           !curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t) &&
           !curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->resumed);
}

static reshift_status empty_part(transfer *t, reshift_error *error)
{
    if (ftruncate(t->part, 0) != 0 || lseek(t->part, 0, SEEK_SET) < 0) {
        return error_from_errno(error, errno, "cannot write '%s'", t->part_path);
    }
    t->size = t->resumed = t->reported = 0;
    return RESHIFT_OK;
}

/*
 * True if the protocol of the requested address is known. libcurl also reports "unsupported protocol" for an answer
 * that is not HTTP.
 */
static bool is_known_protocol(const char *address)
{
    return strncmp(address, "https:", 6) == 0 || strncmp(address, "http:", 5) == 0 || strncmp(address, "file:", 5) == 0;
}

static reshift_status transfer_failed(const transfer *t, CURLcode code, long answer, const char *words,
                                      reshift_error *error)
{
    const char *address = t->what->address, *name = file_name(t->what->path);
    reshift_status status;
    if (t->cancelled) {
        status = error_set(error, RESHIFT_ERROR_CANCELLED, "stopped on request");
    } else if (t->too_long) {
        return error_set(error, RESHIFT_ERROR_FORMAT,
                         "cannot download '%s': more than %lld bytes came, the file is smaller", address,
                         (long long)t->what->limit_bytes);
    } else if (t->write_errno) {
        status = error_from_errno(error, t->write_errno, "cannot write '%s'", t->part_path);
    } else if (answer == 0 &&
               (code == CURLE_URL_MALFORMAT || (code == CURLE_UNSUPPORTED_PROTOCOL && !is_known_protocol(address)))) {
        return error_set(error, RESHIFT_ERROR_ARGUMENT, "cannot download '%s': %s", address,
                         *words ? words : curl_easy_strerror(code));
    } else if (code == CURLE_FILE_COULDNT_READ_FILE || answer == 404 || answer == 410) {
        error_set(error, RESHIFT_ERROR_NOT_FOUND, "cannot download '%s': %s", address,
                  answer ? "the server does not have it" : "there is no such file");
        return RESHIFT_ERROR_NOT_FOUND;
    } else if (code == CURLE_HTTP_RETURNED_ERROR) {
        status = error_set(error, RESHIFT_ERROR_IO, "cannot download '%s': the server answered %ld", address, answer);
    } else {
        status = error_set(error, RESHIFT_ERROR_IO, "cannot download '%s': %s", address,
                           *words ? words : curl_easy_strerror(code));
    }
    if (t->size > 0) {
        error_hint(error, "%lld bytes are kept in '%s.part'; the same command goes on from there", (long long)t->size,
                   name);
    }
    return status;
}

/*
 * Waits before repeating a request to a busy server: as long as it says (Retry-After), otherwise 1, 2, 4 ... seconds.
 */
static reshift_status wait_for_server(CURL *curl, const transfer *t, int tries, long answer, reshift_error *error)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    seconds = seconds > 0 ? seconds : (curl_off_t)1 << (tries - 1);
    seconds = seconds < BUSY_SECONDS_MOST ? seconds : BUSY_SECONDS_MOST;
    progress_message(t->progress, RESHIFT_LOG_INFO, "%s: the server is busy (%ld), asking again in %d s",
                     file_name(t->what->path), answer, (int)seconds);
    reshift_status status = RESHIFT_OK;
    for (int i = 0; status == RESHIFT_OK && i < 10 * (int)seconds; i++) {
        usleep(100000);
        status = progress_check(t->progress, error);
    }
    return status;
}

/* Requests the missing bytes, or the whole file if the server does not support ranges. */
static reshift_status transfer_rest(transfer *t, reshift_error *error)
{
    reshift_status status = RESHIFT_OK;
    char words[CURL_ERROR_SIZE];
    CURL *curl = curl_easy_init();
    CURLU *address = curl_url();
    if (!curl || !address) {
        status = error_memory(error, sizeof words, "a download");
        goto done;
    }
    if (curl_url_set(address, CURLUPART_URL, t->what->address, CURLU_URLENCODE) != CURLUE_OK) {
        status = error_set(error, RESHIFT_ERROR_ARGUMENT, "'%s' is not an address", t->what->address);
        error_hint(error, "expected https://HOST/PATH, http://HOST/PATH or file:///PATH");
        goto done;
    }
    for (int attempt = 0, tries = 1; attempt < 2; attempt++) {
        words[0] = '\0';
        t->resumed = t->size;
        if (!set_options(curl, address, t, words)) {
            status = error_set(error, RESHIFT_ERROR_INTERNAL, "libcurl refused its options: %s", words);
            goto done;
        }
        CURLcode code = curl_easy_perform(curl);
        long answer = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
        bool nothing_left = t->resumed > 0 && answer == 416; /* the part is as long as the file; the hash decides */
        if (code == CURLE_OK || nothing_left) {
            goto done;
        }
        bool cannot_resume = code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME;
        if (attempt == 0 && t->resumed > 0 && cannot_resume) {
            status = empty_part(t, error);
            if (status != RESHIFT_OK) {
                goto done;
            }
            continue;
        }
        if (code == CURLE_HTTP_RETURNED_ERROR && (answer == 429 || answer == 503) && tries < BUSY_TRIES) {
            status = wait_for_server(curl, t, tries++, answer, error);
            if (status != RESHIFT_OK) {
                goto done;
            }
            attempt--;
            continue;
        }
        status = transfer_failed(t, code, answer, words, error);
        goto done;
    }
done:
    curl_url_cleanup(address);
    curl_easy_cleanup(curl);
    return status;
}

/* Hashes a file with progress reports and compares `hex` with the expected hash. */
static reshift_status verify_file(const download *d, const char *path, const reshift_progress *progress, bool *right,
                                  char hex[DIGEST_HEX_BYTES], reshift_error *error)
{
    enum { CHUNK = 4 << 20 };
    *right = false;
    char title[256];
    snprintf(title, sizeof title, "verifying %s", file_name(d->path));
    file_map map;
    reshift_status status = file_map_open(path, &map, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    digest *sum = digest_create(d->kind);
    if (!sum) {
        status = error_memory(error, sizeof title, "a digest");
    }
    for (size_t done = 0; status == RESHIFT_OK && done < map.size; done += CHUNK) {
        progress_update(progress, title, (int64_t)done, (int64_t)map.size, "bytes");
        digest_add(sum, map.data + done, map.size - done < CHUNK ? map.size - done : CHUNK);
        status = progress_check(progress, error);
    }
    if (status == RESHIFT_OK) {
        progress_update(progress, title, (int64_t)map.size, (int64_t)map.size, "bytes");
        digest_finish(sum, hex);
        *right = strncmp(hex, d->hash, strlen(d->hash)) == 0;
    }
    digest_destroy(&sum);
    file_map_close(&map);
    return status;
}

static const char *kind_name(digest_kind kind) { return kind == DIGEST_MD5 ? "md5" : "sha256"; }

static reshift_status being_downloaded(const transfer *t, reshift_error *error)
{
    return error_set(error, RESHIFT_ERROR_IO, "'%s' is being downloaded by another process", t->what->path);
}

/* Opens PATH.part for appending and locks it. */
static reshift_status open_part(transfer *t, reshift_error *error)
{
    if (asprintf(&t->part_path, "%s.part", t->what->path) < 0) {
        t->part_path = NULL;
        return error_memory(error, strlen(t->what->path), "a path");
    }
    t->part = open(t->part_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (t->part < 0 && (errno == ELOOP || errno == ENXIO)) {
        return error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': expected a file, found a link or pipe",
                         t->part_path);
    }
    if (t->part < 0) {
        return error_from_errno(error, errno, "cannot write '%s'", t->part_path);
    }
    if (flock(t->part, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return being_downloaded(t, error);
    }
    struct stat ours, there;
    if (fstat(t->part, &ours) == 0 && !S_ISREG(ours.st_mode)) {
        return error_set(error, RESHIFT_ERROR_IO, "cannot write '%s': expected a file, found %s", t->part_path,
                         file_type_name(ours.st_mode));
    }
    if (fstat(t->part, &ours) != 0 || stat(t->part_path, &there) != 0 || ours.st_ino != there.st_ino) {
        return being_downloaded(t, error); /* it was renamed between open and lock */
    }
    off_t size = lseek(t->part, 0, SEEK_END);
    if (size < 0) {
        return error_from_errno(error, errno, "cannot read '%s'", t->part_path);
    }
    t->size = size;
    return size > t->what->limit_bytes ? empty_part(t, error) : RESHIFT_OK;
}

static reshift_status rename_part(const transfer *t, reshift_error *error)
{
    const char *path = t->what->path;
    if (fsync(t->part) != 0) {
        return error_from_errno(error, errno, "cannot write '%s'", path);
    }
    int failed = renameat2(AT_FDCWD, t->part_path, AT_FDCWD, path, RENAME_NOREPLACE);
    if (failed && (errno == EINVAL || errno == ENOSYS)) {
        failed = rename(t->part_path, path); /* the file system does not support RENAME_NOREPLACE */
    }
    return failed ? error_from_errno(error, errno, "cannot write '%s'", path) : folder_sync_of(path, error);
}

/* A file already exists at the path: success if it is correct, else an error. */
static reshift_status check_present(const download *d, const reshift_progress *progress, reshift_error *error)
{
    bool right;
    char hex[DIGEST_HEX_BYTES];
    reshift_status status = verify_file(d, d->path, progress, &right, hex, error);
    if (status == RESHIFT_OK && !right) {
        status = error_set(error, RESHIFT_ERROR_EXISTS,
                           "'%s' is there already and is not the published file: expected %s %s, found %s", d->path,
                           kind_name(d->kind), d->hash, hex);
        error_hint(error, "move it away, then the same command downloads it");
    }
    return status;
}

reshift_status download_file(const download *d, const reshift_progress *progress, reshift_error *error)
{
    bool there;
    reshift_status status = path_is_file(d->path, &there, error);
    if (status != RESHIFT_OK) {
        return status;
    }
    if (there) {
        return check_present(d, progress, error);
    }
    transfer t = {.what = d, .progress = progress, .part = -1};
    snprintf(t.title, sizeof t.title, "downloading %s", file_name(d->path));
    bool remove_part = false;
    status = open_part(&t, error);
    if (status != RESHIFT_OK) {
        goto done;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        status = error_set(error, RESHIFT_ERROR_INTERNAL, "libcurl does not start");
        goto done;
    }
    bool right = false;
    char hex[DIGEST_HEX_BYTES] = "";
    for (int attempt = 0; attempt < 2 && status == RESHIFT_OK && !right; attempt++) {
        if (attempt > 0) {
            progress_message(progress, RESHIFT_LOG_WARNING,
                             "%s: the part that was there is not of this file, starting anew", file_name(d->path));
            status = empty_part(&t, error);
        }
        bool from_part = t.size > 0;
        progress_update(progress, t.title, 0, 0, "bytes");
        status = status == RESHIFT_OK ? transfer_rest(&t, error) : status;
        if (status == RESHIFT_OK) {
            progress_update(progress, t.title, t.size, t.size, "bytes");
            status = verify_file(d, t.part_path, progress, &right, hex, error);
        }
        from_part = from_part && t.resumed > 0; /* false as well if the server sent everything */
        if (!from_part) {
            break;
        }
    }
    curl_global_cleanup();
    if (status == RESHIFT_OK && !right) {
        remove_part = true;
        status = error_set(error, RESHIFT_ERROR_FORMAT,
                           "what came from '%s' is not the published file: expected %s %s, found %s", d->address,
                           kind_name(d->kind), d->hash, hex);
        error_hint(error, "it was removed; the address may be out of date or answer with a page of its own");
    }
    if (status == RESHIFT_OK) {
        status = rename_part(&t, error);
    }
    remove_part = remove_part || t.size == 0 || t.too_long;
done:
    if (t.part >= 0) {
        if (remove_part && status != RESHIFT_OK) {
            unlink(t.part_path);
        }
        close(t.part);
    }
    free(t.part_path);
    return status;
}
