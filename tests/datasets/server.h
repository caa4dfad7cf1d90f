/*
 * A web server for tests: one thread on 127.0.0.1, a port chosen by the system, one request per connection, at most
 * SERVER_MOST_REQUESTS of them. It serves one body under every path and misbehaves in the selected way.
 */
#ifndef TESTS_DATASETS_SERVER_H
#define TESTS_DATASETS_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_MOST_REQUESTS 32

typedef enum server_manner {
    SERVER_HONEST,        /* 200, or 206 for a range, 416 for a range past the end */
    SERVER_IGNORES_RANGE, /* always 200 and the whole body */
    SERVER_CUTS,          /* announces the whole body, closes after `cut` bytes */
    SERVER_STALLS,        /* announces the whole body, sends `cut` bytes and waits until the client closes (5 s) */
    SERVER_MISSING,       /* 404 with a page */
    SERVER_BROKEN,        /* 503 with a page and Retry-After: 1 */
    SERVER_BUSY,          /* the same with 429, but only twice */
    SERVER_NO_HTTP,       /* bytes that are not HTTP */
    SERVER_ENDLESS,       /* no Content-Length, and an endless body */
    SERVER_LOOPS,         /* redirects to itself */
    SERVER_REDIRECTS,     /* once, to /real, which is honest */
    SERVER_TO_FILE,       /* redirects to file:///etc/hostname */
    SERVER_WRONG_RANGE    /* 206 for other bytes than requested */
} server_manner;

typedef struct server {
    int listener, port;
    pthread_t thread;
    const uint8_t *body;
    size_t size;
    server_manner manner;
    size_t cut;
    int requests;                           /* answered since the last server_behave() */
    long long ranges[SERVER_MOST_REQUESTS]; /* first byte requested, or -1 */
    bool stop;
    int total;
    pthread_mutex_t lock;
} server;

static inline void server_send(int connection, const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count > 0) {
        ssize_t n = send(connection, at, count, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* the client has gone */
        }
        at += n;
        count -= (size_t)n;
    }
}

static inline void server_text(int connection, const char *text) { server_send(connection, text, strlen(text)); }

static inline void server_answer(server *s, int connection, const char *request)
{
    pthread_mutex_lock(&s->lock);
    long long first = -1;
    const char *range = strstr(request, "Range: bytes=");
    if (range) {
        first = atoll(range + strlen("Range: bytes="));
    }
    if (s->requests < SERVER_MOST_REQUESTS) {
        s->ranges[s->requests++] = first;
    }
    server_manner manner = s->manner;
    const uint8_t *body = s->body;
    size_t size = s->size, cut = s->cut < size ? s->cut : size;
    int n_requests = s->requests;
    pthread_mutex_unlock(&s->lock);
    if (manner == SERVER_REDIRECTS && strncmp(request, "GET /real ", 10) == 0) {
        manner = SERVER_HONEST;
    }
    char head[256];
    size_t from = first > 0 && manner != SERVER_IGNORES_RANGE ? (size_t)first : 0;
    switch (manner) {
    case SERVER_MISSING:
        server_text(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone");
        return;
    case SERVER_BROKEN:
        server_text(connection, "HTTP/1.1 503 Unavailable\r\nRetry-After: 1\r\nContent-Length: 4\r\n"
                                "Connection: close\r\n\r\nbusy");
        return;
    case SERVER_NO_HTTP: server_text(connection, "SSH-2.0-no server of yours\r\n"); return;
    case SERVER_BUSY:
        if (n_requests <= 2) {
            server_text(connection, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 4\r\n"
                                    "Connection: close\r\n\r\nbusy");
            return;
        }
        break;
    case SERVER_LOOPS:
        server_text(connection,
                    "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    case SERVER_REDIRECTS:
        server_text(connection,
                    "HTTP/1.1 302 Found\r\nLocation: /real\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmove");
        return;
    case SERVER_TO_FILE:
        server_text(connection, "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n"
                                "Connection: close\r\n\r\n");
        return;
    case SERVER_ENDLESS:
        server_text(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 64; i++) {
            server_send(connection, body, size);
        }
        return;
    case SERVER_WRONG_RANGE:
        snprintf(head, sizeof head,
                 "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-%zu/%zu\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\n\r\n",
                 size - 1, size, size - 1);
        server_text(connection, range ? head : "HTTP/1.1 500 Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        server_send(connection, body + 1, range ? size - 1 : 0);
        return;
    case SERVER_HONEST:
    case SERVER_IGNORES_RANGE:
    case SERVER_CUTS:
    case SERVER_STALLS: break;
    }
    if (from >= size && from > 0) {
        snprintf(head, sizeof head,
                 "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%zu\r\nContent-Length: 4\r\n"
                 "Connection: close\r\n\r\npast",
                 size);
        server_text(connection, head);
        return;
    }
    if (from > 0) {
        snprintf(head, sizeof head,
                 "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\n\r\n",
                 from, size - 1, size, size - from);
    } else {
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", size);
    }
    server_text(connection, head);
    size_t rest = size - from;
    bool cuts = manner == SERVER_CUTS || manner == SERVER_STALLS;
    server_send(connection, body + from, cuts && cut < rest ? cut : rest);
    if (manner == SERVER_STALLS) {
        recv(connection, head, sizeof head, 0);
    }
}

static inline void *server_run(void *context)
{
    server *s = context;
    for (;;) {
        int connection = accept(s->listener, NULL, NULL);
        pthread_mutex_lock(&s->lock);
        bool stop = s->stop || connection < 0 || ++s->total > 8 * SERVER_MOST_REQUESTS;
        pthread_mutex_unlock(&s->lock);
        if (!stop) {
            struct timeval patience = {5, 0};
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
            char request[4096];
            size_t have = 0;
            request[0] = '\0';
            while (have < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
                ssize_t n = recv(connection, request + have, sizeof request - 1 - have, 0);
                if (n <= 0) {
                    break;
                }
                have += (size_t)n;
                request[have] = '\0';
            }
            server_answer(s, connection, request);
        }
        if (connection >= 0) {
            close(connection);
        }
        if (stop) {
            return NULL;
        }
    }
}

/** Sets the body and the behaviour, and resets the recorded requests. */
static inline void server_behave(server *s, const void *body, size_t size, server_manner manner, size_t cut)
{
    pthread_mutex_lock(&s->lock);
    s->body = body;
    s->size = size;
    s->manner = manner;
    s->cut = cut;
    s->requests = 0;
    pthread_mutex_unlock(&s->lock);
}

static inline int server_start(server *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(s->listener, 8) != 0 || getsockname(s->listener, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    s->port = ntohs(address.sin_port);
    return pthread_create(&s->thread, NULL, server_run, s);
}

static inline void server_stop(server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_mutex_unlock(&s->lock);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)s->port)};
    int knock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (knock >= 0) {
        connect(knock, (struct sockaddr *)&address, sizeof address);
        close(knock);
    }
    pthread_join(s->thread, NULL);
    close(s->listener);
}

#endif
