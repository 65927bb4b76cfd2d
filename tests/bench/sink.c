/* A mail server that costs little: it takes every message, counts final dots, and keeps one in `every` whole.
 *
 *   sink PORT STATS FOLDER EVERY [PIPELINING] [DELAY_MS]
 *
 * Prints the port it listens on (loopback only). STATS is a file of four 64-bit numbers: messages, bytes, and the
 * nanoseconds (CLOCK_MONOTONIC) of the first and the last message. Kept messages are FOLDER/<number>.eml with their
 * recipient in front. PIPELINING 0: not offered. DELAY_MS: every answer leaves so much later. Ends on SIGTERM. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM (1 << 20)
#define OUT 8192
#define LATER 4096

struct stats { uint64_t messages, bytes, first_ns, last_ns; };
struct conversation {
    int fd, content, keeping;
    size_t held, kept;
    char recipient[512], *in, *letter;
};
struct answer { int fd; uint64_t due_ns; size_t length; char text[OUT]; };

static volatile sig_atomic_t ended;
static struct stats *stats;
static const char *folder;
static uint64_t every, delay_ns;
static int pipelining = 1;
static struct answer *later;
static size_t first_later, after_later;

static void end(int number) { (void)number; ended = 1; }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void say(int fd, const char *text, size_t length) {
    if (!length) return;
    if (delay_ns && after_later - first_later < LATER) {
        struct answer *a = &later[after_later++ % LATER];
        a->fd = fd, a->due_ns = now_ns() + delay_ns, a->length = length;
        memcpy(a->text, text, length);
        return;
    }
    if (write(fd, text, length) < 0) { /* the client went away; its end is read next */ }
}

static void keep(struct conversation *c) {
    char name[1024];
    snprintf(name, sizeof name, "%s/%lu.eml", folder, (unsigned long)stats->messages);
    FILE *file = fopen(name, "wb");
    if (!file) return;
    fprintf(file, "X-Rcpt-To: %s\r\n", c->recipient);
    fwrite(c->letter, 1, c->kept, file);
    fclose(file);
}

static void taken(struct conversation *c) {
    uint64_t at = now_ns();
    if (!stats->messages) stats->first_ns = at;
    stats->last_ns = at;
    stats->messages++;
    if (c->keeping) keep(c);
    c->content = c->keeping = 0;
    c->kept = 0;
}

static void remember(struct conversation *c, const char *from, size_t length) {
    if (!c->keeping || c->kept + length > ROOM) return;
    memcpy(c->letter + c->kept, from, length);
    c->kept += length;
}

/* Acts on what is held; answers go into `out`. Returns how much of `out` is used, -1 to hang up. */
static int act(struct conversation *c, char *out) {
    size_t at = 0, used = 0;
    int leave = 0;
#define ANSWER(text) (memcpy(out + used, text, sizeof(text) - 1), used += sizeof(text) - 1)
    while (at < c->held && used < OUT - 256) {
        char *from = c->in + at;
        size_t left = c->held - at;
        if (c->content) {
            char *dot = memmem(from, left, "\r\n.\r\n", 5);
            size_t length = dot ? (size_t)(dot - from) + 2 : left > 4 ? left - 4 : 0;
            remember(c, from, length);
            stats->bytes += length;
            at += length;
            if (!dot) break;
            at += 3;
            taken(c);
            ANSWER("250 2.0.0 Ok\r\n");
            continue;
        }
        char *line_end = memchr(from, '\n', left);
        if (!line_end) break;
        size_t length = (size_t)(line_end - from) + 1;
        if (!strncasecmp(from, "EHLO", 4)) {
            if (pipelining) ANSWER("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
            else ANSWER("250-sink.test\r\n250 8BITMIME\r\n");
        } else if (!strncasecmp(from, "RCPT", 4)) {
            size_t room = length < sizeof c->recipient ? length : sizeof c->recipient - 1;
            char *open = memchr(from, '<', room), *close = memchr(from, '>', room);
            size_t width = open && close > open ? (size_t)(close - open) - 1 : 0;
            memcpy(c->recipient, open ? open + 1 : "", width);
            c->recipient[width] = 0;
            ANSWER("250 2.1.5 Ok\r\n");
        } else if (!strncasecmp(from, "DATA", 4)) {
            c->content = 1;
            c->keeping = every && stats->messages % every == 0;
            ANSWER("354 Go ahead\r\n");
        } else if (!strncasecmp(from, "QUIT", 4)) {
            ANSWER("221 Bye\r\n");
            leave = 1;
        } else ANSWER("250 Ok\r\n");
        at += length;
    }
    memmove(c->in, c->in + at, c->held - at);
    c->held -= at;
    say(c->fd, out, used);
    return leave ? -1 : (int)used;
}

static void serve(int epoll, int listening) {
    struct epoll_event events[64];
    static char out[OUT];
    while (!ended) {
        int wait_ms = first_later == after_later ? 200 : 1;
        int ready = epoll_wait(epoll, events, 64, wait_ms);
        while (first_later != after_later && later[first_later % LATER].due_ns <= now_ns()) {
            struct answer *a = &later[first_later++ % LATER];
            if (write(a->fd, a->text, a->length) < 0) { /* gone */ }
        }
        for (int n = 0; n < ready; n++) {
            struct conversation *c = events[n].data.ptr;
            if (!c) {
                int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK), one = 1;
                if (fd < 0) continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c);
                c->fd = fd, c->in = malloc(ROOM), c->letter = malloc(ROOM);
                struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
                say(fd, "220 sink.test ESMTP\r\n", 21);
                continue;
            }
            ssize_t got = read(c->fd, c->in + c->held, ROOM - c->held);
            if (got < 0 && errno == EAGAIN) continue;
            if (got > 0) c->held += (size_t)got;
            int used = got > 0 ? act(c, out) : -1;
            while (used >= OUT - 256) used = act(c, out);
            if (used < 0) {
                close(c->fd);
                free(c->in), free(c->letter), free(c);
            }
        }
    }
}

int main(int count, char **words) {
    if (count < 5) return fprintf(stderr, "sink PORT STATS FOLDER EVERY [PIPELINING] [DELAY_MS]\n"), 2;
    signal(SIGTERM, end);
    signal(SIGPIPE, SIG_IGN);
    int file = open(words[2], O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, sizeof *stats)) return perror(words[2]), 1;
    stats = mmap(NULL, sizeof *stats, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    folder = words[3], every = strtoull(words[4], NULL, 10);
    if (count > 5) pipelining = atoi(words[5]);
    if (count > 6) delay_ns = strtoull(words[6], NULL, 10) * 1000000u;
    later = calloc(LATER, sizeof *later);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    if (bind(listening, (struct sockaddr *)&where, size) || listen(listening, 128)) return perror("listen"), 1;
    getsockname(listening, (struct sockaddr *)&where, &size);
    printf("%d\n", ntohs(where.sin_port));
    fflush(stdout);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event);
    serve(epoll, listening);
    return 0;
}
