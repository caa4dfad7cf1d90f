/*
 * Answers of a server: the input is what it sends on every connection before it closes it. Whatever comes, a file
 * appears under its name only if it has the hash. The first byte chooses how much of the file is there already. All
 * connections go to this server, which is the proxy, too, so that no redirection leads anywhere else.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/fetch/download.h"

static const char content[] = "the file";

/* What is sent: a copy, because a connection that the download gave up may outlive the input. */
static struct {
    pthread_mutex_t lock;
    uint8_t bytes[1 << 16];
    size_t size;
    int listener;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *serve(void *context)
{
    static uint8_t answer[sizeof server.bytes];
    (void)context;
    for (;;) {
        char request[4096];
        int connection = accept(server.listener, NULL, NULL);
        if (connection < 0) {
            continue;
        }
        if (recv(connection, request, sizeof request, 0) > 0) {
            pthread_mutex_lock(&server.lock);
            size_t sent = 0, size = server.size;
            memcpy(answer, server.bytes, size);
            pthread_mutex_unlock(&server.lock);
            while (sent < size) {
                ssize_t n = send(connection, answer + sent, size - sent, MSG_NOSIGNAL);
                if (n <= 0) {
                    break;
                }
                sent += (size_t)n;
            }
        }
        shutdown(connection, SHUT_WR);
        while (recv(connection, request, sizeof request, 0) > 0) {
        }
        close(connection);
    }
    return NULL;
}

static int start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char proxy[64];
    pthread_t thread;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    must(server.listener >= 0 && bind(server.listener, (struct sockaddr *)&address, sizeof address) == 0);
    must(listen(server.listener, 16) == 0);
    must(getsockname(server.listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", ntohs(address.sin_port));
    setenv("http_proxy", proxy, 1);
    setenv("https_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    must(pthread_create(&thread, NULL, serve, NULL) == 0);
    return 1;
}

/* A busy server is asked again after a second or more: too long for a fuzzer. */
static void stop_waiting(void *context, reshift_log_level level, const char *text)
{
    (void)level;
    *(bool *)context |= strstr(text, "asking again") != NULL;
}

static bool is_stopped(void *context) { return *(bool *)context; }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static int running;
    running = running ? running : start();
    char folder[64], path[96], part[96];
    snprintf(folder, sizeof folder, "/dev/shm/fuzz-http-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/x", folder);
    snprintf(part, sizeof part, "%s/x.part", folder);
    mkdir(folder, 0777);
    const size_t there = size > 0 ? bytes[0] % (sizeof content - 1) : 0;
    if (there > 0) {
        FILE *file = fopen(part, "wb");
        must(file != NULL && fwrite(content, 1, there, file) == there && fclose(file) == 0);
    }
    pthread_mutex_lock(&server.lock);
    server.size = size > 0 ? size - 1 : 0;
    server.size = server.size < sizeof server.bytes ? server.size : sizeof server.bytes;
    memcpy(server.bytes, bytes + (size > 0), server.size);
    pthread_mutex_unlock(&server.lock);
    char hex[DIGEST_HEX_BYTES], found[DIGEST_HEX_BYTES];
    digest_bytes(DIGEST_SHA256, content, sizeof content - 1, hex);
    bool stopped = false;
    const reshift_progress progress = {.message = stop_waiting, .cancelled = is_stopped, .context = &stopped};
    const download d = {
        .address = "http://files.example/x", .path = path, .kind = DIGEST_SHA256, .hash = hex, .limit_bytes = 1 << 16};
    reshift_error error;
    reshift_status status = download_file(&d, &progress, &error);
    must_explain(status, &error);
    struct stat facts;
    must((status == RESHIFT_OK) == (stat(path, &facts) == 0));
    if (status == RESHIFT_OK) {
        must(digest_file(DIGEST_SHA256, path, found, &error) == RESHIFT_OK && strcmp(found, hex) == 0);
    }
    must(stat(part, &facts) != 0 || facts.st_size <= 1 << 16);
    unlink(path);
    unlink(part);
    rmdir(folder);
    return 0;
}
