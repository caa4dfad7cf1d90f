/* Downloads from a server that this test runs itself on 127.0.0.1, honest and misbehaving; no other network access. */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/fetch/download.h"
#include "datasets/server.h"
#include "reshift/fetch.h"

enum { SIZE = 300000 };

static uint8_t body[SIZE], other[SIZE];
static char body_md5[DIGEST_HEX_BYTES], body_sha256[DIGEST_HEX_BYTES];
static server web;
static char folder[] = "/tmp/reshift-fetch-XXXXXX";
static char path[64], part[64], address[64], mirror[64];

static int begin(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (uint8_t)(i * 2654435761u >> 13);
        other[i] = (uint8_t)(body[i] ^ 1);
    }
    digest_bytes(DIGEST_MD5, body, SIZE, body_md5);
    digest_bytes(DIGEST_SHA256, body, SIZE, body_sha256);
    if (!mkdtemp(folder) || server_start(&web) != 0) {
        return -1;
    }
    setenv("no_proxy", "127.0.0.1", 1);
    unsetenv("RESHIFT_MIRROR");
    snprintf(path, sizeof path, "%s/file.bin", folder);
    snprintf(part, sizeof part, "%s/file.bin.part", folder);
    snprintf(mirror, sizeof mirror, "http://127.0.0.1:%d", web.port);
    snprintf(address, sizeof address, "%s/file.bin", mirror);
    return 0;
}

static int end(void **state)
{
    (void)state;
    server_stop(&web);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static int clean(void **state)
{
    (void)state;
    unlink(path);
    unlink(part);
    return 0;
}

static download whole(void) { return (download){address, path, DIGEST_MD5, body_md5, SIZE}; }

static long long size_of(const char *file)
{
    struct stat facts;
    return stat(file, &facts) == 0 ? (long long)facts.st_size : -1;
}

static void check_arrived(void)
{
    char *bytes;
    size_t count;
    reshift_error error;
    check_ok(file_read_all(path, &bytes, &count, &error));
    assert_int_equal(count, SIZE);
    assert_memory_equal(bytes, body, SIZE);
    free(bytes);
    assert_int_equal(size_of(part), -1);
}

static void write_part(const uint8_t *bytes, size_t count)
{
    reshift_error error;
    check_ok(file_write_all(part, bytes, count, true, &error));
}

static void test_complete_download(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
    assert_int_equal(web.requests, 1);
    assert_int_equal(web.ranges[0], -1);
    /* exists and is correct: no request */
    check_ok(download_file(&d, NULL, &error));
    assert_int_equal(web.requests, 1);
    /* sha256, given by its first digits, as in the names of weights */
    unlink(path);
    body_sha256[8] = '\0';
    d.kind = DIGEST_SHA256;
    d.hash = body_sha256;
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
}

static void test_existing_file_differs(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    check_ok(file_write_all(path, "mine", 4, false, &error));
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_EXISTS, "is not the published file: expected md5 ");
    assert_int_equal(size_of(path), 4);
    assert_int_equal(web.requests, 0);
}

static void test_resumed(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    server_behave(&web, body, SIZE, SERVER_CUTS, 100000);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "cannot download 'http://127.0.0.1:");
    assert_non_null(strstr(error.hint, "100000 bytes are kept in 'file.bin.part'"));
    assert_int_equal(size_of(part), 100000);
    assert_int_equal(size_of(path), -1);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "cannot download");
    assert_int_equal(size_of(part), 200000);
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    check_ok(download_file(&d, NULL, &error));
    assert_int_equal(web.requests, 1);
    assert_int_equal(web.ranges[0], 200000);
    check_arrived();
}

static void test_server_ignores_range(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    write_part(body, 1234);
    server_behave(&web, body, SIZE, SERVER_IGNORES_RANGE, 0);
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
    assert_int_equal(web.ranges[0], 1234);
    assert_int_equal(web.ranges[web.requests - 1], -1);
    assert_in_range(web.requests, 1, 2);
}

/* A server that sends other bytes than requested: they are never appended. */
static void test_wrong_range(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    write_part(body, 1234);
    server_behave(&web, body, SIZE, SERVER_WRONG_RANGE, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "the server answered 500");
    assert_int_equal(size_of(path), -1);
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
}

/* The part is already complete (the program was stopped while verifying it), or longer than the file. */
static void test_part_is_complete(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    write_part(body, SIZE);
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
    unlink(path);
    write_part(body, SIZE - 1);
    d.limit_bytes = SIZE - 2; /* a part larger than the limit cannot belong to this file */
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_FORMAT, "more than 299998 bytes came");
    assert_int_equal(size_of(part), -1);
}

/* A part of another file: the hash differs, and the whole file is requested again, once. */
static void test_foreign_part(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    write_part(other, 5000);
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
    assert_int_equal(web.requests, 2);
    assert_int_equal(web.ranges[0], 5000);
    assert_int_equal(web.ranges[1], -1);
}

static void test_wrong_bytes(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    server_behave(&web, other, SIZE, SERVER_HONEST, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_FORMAT, "is not the published file: expected md5 ");
    assert_int_equal(web.requests, 1);
    assert_int_equal(size_of(path), -1);
    assert_int_equal(size_of(part), -1);
    write_part(body, 5000);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_FORMAT, "is not the published file");
    assert_int_equal(web.requests, 3);
    assert_int_equal(size_of(part), -1);
}

static void test_error_responses(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    server_behave(&web, body, SIZE, SERVER_MISSING, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_NOT_FOUND, "the server does not have it");
    assert_int_equal(size_of(part), -1); /* neither the page nor an empty file */
    server_behave(&web, body, SIZE, SERVER_BROKEN, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "the server answered 503");
    assert_int_equal(size_of(part), -1);
    assert_int_equal(web.requests, 4); /* a request to a busy server is repeated */
    write_part(body, 77);
    server_behave(&web, body, SIZE, SERVER_BUSY, 0);
    check_ok(download_file(&d, NULL, &error));
    assert_int_equal(web.requests, 3);
    assert_int_equal((int)web.ranges[2], 77);
    check_arrived();
    unlink(path);
    server_behave(&web, body, SIZE, SERVER_NO_HTTP, 0); /* not a usage error */
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "cannot download");
    server_behave(&web, body, SIZE, SERVER_ENDLESS, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_FORMAT, "more than 300000 bytes came");
    assert_int_equal(size_of(part), -1);
}

static void test_redirects(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    server_behave(&web, body, SIZE, SERVER_REDIRECTS, 0);
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
    unlink(path);
    server_behave(&web, body, SIZE, SERVER_LOOPS, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "redirects");
    assert_int_equal(web.requests, 6);
    server_behave(&web, body, SIZE, SERVER_TO_FILE, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "rotocol");
    assert_int_equal(size_of(path), -1);
    assert_int_equal(size_of(part), -1);
}

static void test_connection_refused(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    int lonely = socket(AF_INET, SOCK_STREAM, 0); /* bound, so that nobody else takes the port, but not listening */
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof place;
    assert_int_equal(bind(lonely, (struct sockaddr *)&place, sizeof place), 0);
    assert_int_equal(getsockname(lonely, (struct sockaddr *)&place, &length), 0);
    char nobody[64];
    snprintf(nobody, sizeof nobody, "http://127.0.0.1:%d/file.bin", ntohs(place.sin_port));
    d.address = nobody;
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "cannot download 'http://127.0.0.1:");
    assert_int_equal(size_of(part), -1);
    close(lonely);
    d.address = "http://";
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_ARGUMENT, "'http://' is not an address");
    d.address = "ftp://127.0.0.1/file.bin";
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_ARGUMENT, "ftp");
}

/* Received bytes are written to a file of ours, not through a link at its name. */
static void test_part_is_a_link(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    char victim[256];
    snprintf(victim, sizeof victim, "%s/victim", folder);
    check_ok(file_write_all(victim, "keep me", 7, true, &error));
    assert_int_equal(symlink(victim, part), 0);
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "expected a file, found a link");
    assert_int_equal(size_of(victim), 7);
    unlink(part);
    assert_int_equal(mkfifo(part, 0600), 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "found a pipe");
    unlink(part);
    unlink(victim);
}

typedef struct watcher {
    int64_t first, last, total;
    int calls;
    int64_t stop_at;
} watcher;

static void watch(void *context, const char *what, int64_t done, int64_t total, const char *unit)
{
    watcher *w = context;
    if (strncmp(what, "downloading file.bin", 20) != 0) {
        return;
    }
    assert_string_equal(unit, "bytes");
    assert_true(done >= w->last);
    if (w->calls++ == 0) {
        w->first = done;
    }
    w->last = done;
    w->total = total;
}

static bool stop_soon(void *context)
{
    const watcher *w = context;
    return w->stop_at > 0 && w->last >= w->stop_at;
}

static void test_progress_and_cancellation(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    watcher w = {.stop_at = 1};
    reshift_progress progress = {watch, NULL, stop_soon, &w};
    server_behave(&web, body, SIZE, SERVER_STALLS, 1000);
    check_error(download_file(&d, &progress, &error), RESHIFT_ERROR_CANCELLED, "stopped on request");
    assert_int_equal(size_of(part), 1000);
    assert_int_equal(size_of(path), -1);
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    w = (watcher){0};
    check_ok(download_file(&d, &progress, &error));
    check_arrived();
    assert_int_equal(w.first, 0);
    assert_int_equal(w.last, SIZE);
    assert_int_equal(w.total, SIZE);
}

/* A full disk: the part is a link to the device that refuses every byte. */
static void test_full_disk(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    struct rlimit before, small = {1000, RLIM_INFINITY}; /* a limit of 1000 bytes per file */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    reshift_status status = download_file(&d, NULL, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    check_error(status, RESHIFT_ERROR_IO, "File too large");
    assert_int_equal(size_of(path), -1);
}

static void test_concurrent_downloads(void **state)
{
    (void)state;
    reshift_error error;
    download d = whole();
    write_part(body, 10);
    int other_process = open(part, O_RDWR);
    assert_int_equal(flock(other_process, LOCK_EX), 0);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_IO, "is being downloaded by another process");
    assert_int_equal(size_of(part), 10);
    close(other_process);
}

static void test_file_addresses(void **state)
{
    (void)state;
    reshift_error error;
    char source[128], from[160];
    snprintf(source, sizeof source, "%s/a source.bin", folder);
    snprintf(from, sizeof from, "file://%s", source);
    check_ok(file_write_all(source, body, SIZE, true, &error));
    download d = whole();
    d.address = from;
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
    unlink(path);
    write_part(body, 4321);
    check_ok(download_file(&d, NULL, &error));
    check_arrived();
    unlink(path);
    unlink(source);
    check_error(download_file(&d, NULL, &error), RESHIFT_ERROR_NOT_FOUND, "there is no such file");
    assert_int_equal(size_of(part), -1);
}

static void test_items(void **state)
{
    (void)state;
    reshift_error error;
    int count;
    const reshift_fetch_item *table = reshift_fetch_table(&count);
    assert_int_equal(count, 21);
    server_behave(&web, body, SIZE, SERVER_MISSING, 0);
    for (int i = 0; i < count; i++) {
        check_error(reshift_fetch(table[i].name, folder, mirror, NULL, &error), RESHIFT_ERROR_NOT_FOUND,
                    "the server does not have it");
    }
    check_error(reshift_fetch("resnet50", folder, mirror, NULL, &error), RESHIFT_ERROR_NOT_FOUND,
                "/resnet50-0676ba61.pth': the server does not have it");
    check_error(reshift_fetch("cifar10-c", folder, mirror, NULL, &error), RESHIFT_ERROR_NOT_FOUND, "/CIFAR-10-C.tar'");
    check_error(reshift_fetch("resnet18@v2", folder, mirror, NULL, &error), RESHIFT_ERROR_ARGUMENT,
                "nothing called 'resnet18@v2'");
    assert_non_null(strstr(error.hint, "cifar10, cifar10-py, cifar10-c, frost, resnet18@v1"));
    assert_non_null(strstr(error.hint, "frost"));
    check_error(reshift_fetch("cifar10", folder, "ftp://x", NULL, &error), RESHIFT_ERROR_ARGUMENT,
                "the mirror 'ftp://x' is not an address");
    /* received bytes are verified against the published hash, and deleted */
    server_behave(&web, body, SIZE, SERVER_HONEST, 0);
    setenv("RESHIFT_MIRROR", mirror, 1);
    check_error(reshift_fetch("resnet18", folder, NULL, NULL, &error), RESHIFT_ERROR_FORMAT,
                "expected sha256 f37072fd, found ");
    unsetenv("RESHIFT_MIRROR");
    char weights[96];
    snprintf(weights, sizeof weights, "%s/weights/resnet18-f37072fd.pth", folder);
    assert_int_equal(size_of(weights), -1);
}

/* The real overlays, from a folder used as a mirror, are stored where the corruption looks for them. */
static void test_real_frost(void **state)
{
    (void)state;
    check_need_data();
    reshift_error error;
    char from[512], to[96];
    snprintf(from, sizeof from, "%s/frost/", check_data());
    if (!folder_exists(from)) {
        print_message("# skipped: %s is not there\n", from);
        skip();
    }
    check_ok(reshift_fetch("frost", folder, from, NULL, &error));
    for (int i = 1; i <= 6; i++) {
        snprintf(to, sizeof to, "%s/frost/frost%d.%s", folder, i, i <= 3 ? "png" : "jpg");
        assert_true(size_of(to) > 0);
    }
    check_ok(reshift_fetch("frost", folder, "/nowhere", NULL, &error)); /* complete: no request */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_complete_download, clean),
        cmocka_unit_test_setup(test_existing_file_differs, clean),
        cmocka_unit_test_setup(test_resumed, clean),
        cmocka_unit_test_setup(test_server_ignores_range, clean),
        cmocka_unit_test_setup(test_wrong_range, clean),
        cmocka_unit_test_setup(test_part_is_complete, clean),
        cmocka_unit_test_setup(test_foreign_part, clean),
        cmocka_unit_test_setup(test_wrong_bytes, clean),
        cmocka_unit_test_setup(test_error_responses, clean),
        cmocka_unit_test_setup(test_redirects, clean),
        cmocka_unit_test_setup(test_connection_refused, clean),
        cmocka_unit_test_setup(test_part_is_a_link, clean),
        cmocka_unit_test_setup(test_progress_and_cancellation, clean),
        cmocka_unit_test_setup(test_full_disk, clean),
        cmocka_unit_test_setup(test_concurrent_downloads, clean),
        cmocka_unit_test_setup(test_file_addresses, clean),
        cmocka_unit_test_setup(test_items, clean),
        cmocka_unit_test_setup(test_real_frost, clean),
    };
    return cmocka_run_group_tests_name("fetch", tests, begin, end);
}
