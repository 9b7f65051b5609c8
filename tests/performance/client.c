/*
 * client - load client for Server-Sent Events: one thread, epoll, non-blocking.
 *
 * Opens N connections, waits until each has its complete response header, then counts the
 * events that arrive and, where one carries the key of -k, the time from publish to delivery.
 *
 *   cc -O2 -Wall -Wextra -o client client.c
 *   client -p PORT [-u /path/{i}] [-n N] [-H 'Name: value']... [-f FILE]
 *
 *   -u PATH  {i} becomes the connection number -f FILE  a line "PATH<tab>TOKEN" a connection
 *   -k KEY   the field that holds the time of publishing, ns of CLOCK_MONOTONIC ("t")
 *   -e NAME  count events of this name alone   -j N  handshakes in flight (100)
 *   -z K     the first K connections stop reading after their header (slow consumers)
 *   -q MS    quiet time which ends the drain (300)   -d S  longest drain (20)
 *   -w S     longest wait for the first event, or for what "seen" and "once" wait for (30)
 *
 * Commands come a line each on stdin, answers go a JSON line each to stdout; progress goes to
 * stderr, one word a line: READY (all N connected), GO (counters are zero, publish now),
 * WINDOW (the window is over, stop publishing).
 *
 *   SECONDS  count for so long from the first event on, then drain until it is quiet, so that
 *            `lost` compares complete counts: connections with fewer events than the best one
 *   seen     wait until every reading connection has got an event since it was opened
 *   once     wait until every reading connection has got an event from now on; tells when (ns)
 *   alive    how many connections are open, and when the last one was closed (ns)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COMMAND UINT32_MAX                  /* stands for stdin where others are numbers of connections */
#define BUF (256 * 1024)
#define MAX_LINE (64 * 1024)
#define SUB 7                               /* 128 sub-buckets per power of two */
#define NBUCKET ((64 - SUB + 1) << SUB)

enum state { IDLE, CONNECTING, HEADER, STREAM, DEAD };

struct conn {
    int fd;
    enum state state;
    uint32_t events;                        /* in this measurement, window and drain */
    uint32_t ever;                          /* since it was opened */
    uint8_t named;                          /* is the event that is being read of the name of -e? */
    uint64_t at;                            /* when the first event of this measurement came */
    uint32_t carry_len, carry_cap;
    char *carry;                            /* an unfinished line */
};

static const char *addr = "127.0.0.1", *path = "/";
static char headers[8192];
static char stamp_key[64] = "\"t\":";
static const char *only;                    /* the name of the events that count */
static char **paths, **tokens;              /* of each connection, from -f */
static int port, n_conns = 1, inflight_max = 100, stalled;
static int quiet_ms = 300;
static double drain_s = 20, first_s = 30;

static struct conn *conns;
static int ep, n_stream, n_dead, n_bad_status, inflight, next_conn;
static int has_command;
static char buf[MAX_LINE + BUF];

static uint64_t hist[NBUCKET], lat_n, lat_max, lat_neg;
static uint64_t ev_window, ev_total, by_window;
static uint64_t t_first, t_end, t_last;     /* window start, window end, last event */
static uint64_t t_dead;                     /* when the last connection was closed */
static int n_seen, n_once;                  /* reading connections with an event: ever, in this measurement */

static uint64_t now_ns(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static unsigned bucket_of(uint64_t v)
{
    if (v < (2u << SUB))
        return (unsigned)v;
    unsigned shift = 63 - (unsigned)__builtin_clzll(v) - SUB;
    return ((shift + 1) << SUB) + (unsigned)((v >> shift) - (1u << SUB));
}

static uint64_t bucket_value(unsigned b)
{
    if (b < (2u << SUB))
        return b;
    unsigned shift = (b >> SUB) - 1;
    return ((uint64_t)((b & ((1u << SUB) - 1)) + (1u << SUB))) << shift;
}

static double percentile_ms(double p)
{
    uint64_t want = (uint64_t)(p * (double)lat_n), seen = 0;
    for (unsigned b = 0; b < NBUCKET; b++)
        if ((seen += hist[b]) > want)
            return (double)bucket_value(b) / 1e6;
    return (double)lat_max / 1e6;
}

static void conn_dead(struct conn *c)
{
    if (c->state == CONNECTING || c->state == HEADER)
        inflight--;
    if (c->state == STREAM)
        n_stream--;
    c->state = DEAD;
    n_dead++;
    t_dead = now_ns(CLOCK_MONOTONIC);
    close(c->fd);
}

static void start_connect(int i)
{
    struct conn *c = &conns[i];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event ev = {.events = EPOLLOUT, .data.u32 = (uint32_t)i};
    int one = 1;

    inet_pton(AF_INET, addr, &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        perror("socket");
        exit(1);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->state = CONNECTING;
    inflight++;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        perror("connect");
        conn_dead(c);
        return;
    }
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
}

static void send_request(int i)
{
    struct conn *c = &conns[i];
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    const char *mark = strstr(path, "{i}");
    char req[16384], bearer[512] = "";
    int len, err = 0;
    socklen_t errlen = sizeof err;

    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &errlen);
    if (err) {
        conn_dead(c);
        return;
    }
    if (paths) {
        snprintf(bearer, sizeof bearer, "Authorization: Bearer %s\r\n", tokens[i]);
        len = snprintf(req, sizeof req, "GET %s HTTP/1.1\r\n", paths[i]);
    } else if (mark)
        len = snprintf(req, sizeof req, "GET %.*s%d%s HTTP/1.1\r\n", (int)(mark - path), path, i, mark + 3);
    else
        len = snprintf(req, sizeof req, "GET %s HTTP/1.1\r\n", path);
    len += snprintf(req + len, sizeof req - (size_t)len,
                    "Host: %s:%d\r\nAccept: text/event-stream\r\n%s%s\r\n", addr, port, bearer, headers);
    if (send(c->fd, req, (size_t)len, MSG_NOSIGNAL) != len) {
        conn_dead(c);
        return;
    }
    c->state = HEADER;
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
}

static void on_event(int i, const char *line, size_t len, uint64_t mono)
{
    struct conn *c = &conns[i];
    const char *t = memmem(line, len, stamp_key, strlen(stamp_key));

    if (!c->ever++ && i >= stalled)
        n_seen++;
    if (!c->at) {
        c->at = mono;
        n_once += i >= stalled;
    }
    if (!t_first)
        t_first = mono;
    t_last = mono;
    c->events++;
    ev_total++;
    if (t_end && mono > t_end)
        return;
    ev_window++;
    if (!t)
        return;
    uint64_t stamp = 0;
    for (t += strlen(stamp_key); t < line + len && (*t == ' ' || (*t >= '0' && *t <= '9')); t++)
        if (*t != ' ')
            stamp = stamp * 10 + (uint64_t)(*t - '0');
    if (stamp > mono) {
        lat_neg++;
        return;
    }
    uint64_t lat = mono - stamp;
    hist[bucket_of(lat)]++;
    lat_n++;
    if (lat > lat_max)
        lat_max = lat;
}

/* Returns 0 when the connection died. */
static int on_line(int i, const char *line, size_t len, uint64_t mono)
{
    struct conn *c = &conns[i];

    if (c->state == STREAM) {
        len -= len && line[len - 1] == '\r';
        if (len > 5 && memcmp(line, "data:", 5) == 0) {
            if (!only || c->named)
                on_event(i, line, len, mono);
        } else if (only && len > 7 && memcmp(line, "event: ", 7) == 0)
            c->named = strlen(only) == len - 7 && memcmp(line + 7, only, len - 7) == 0;
        return 1;
    }
    if (len > 12 && memcmp(line, "HTTP/1.", 7) == 0 && memcmp(line + 9, "200", 3) != 0) {
        if (!n_bad_status++)
            fprintf(stderr, "status: %.*s\n", (int)len, line);
        conn_dead(c);
        return 0;
    }
    if (len == 1 && line[0] == '\r') {      /* the end of the header */
        c->state = STREAM;
        inflight--;
        n_stream++;
        if (i < stalled)
            epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
    }
    return 1;
}

static void on_readable(int i)
{
    struct conn *c = &conns[i];
    char *start = buf + MAX_LINE - c->carry_len, *end;
    ssize_t got = recv(c->fd, buf + MAX_LINE, BUF, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        conn_dead(c);
        return;
    }
    by_window += (uint64_t)got;
    uint64_t mono = now_ns(CLOCK_MONOTONIC);
    if (c->carry_len)
        memcpy(start, c->carry, c->carry_len);
    c->carry_len = 0;
    end = buf + MAX_LINE + got;
    for (;;) {
        char *nl = memchr(start, '\n', (size_t)(end - start));
        if (!nl)
            break;
        if (!on_line(i, start, (size_t)(nl - start), mono))
            return;
        start = nl + 1;
    }
    size_t rest = (size_t)(end - start);
    if (rest > MAX_LINE) {
        fprintf(stderr, "a line is longer than %d bytes\n", MAX_LINE);
        exit(1);
    }
    if (rest) {
        if (c->carry_cap < rest) {
            c->carry_cap = (uint32_t)rest + 256;
            c->carry = realloc(c->carry, c->carry_cap);
        }
        memcpy(c->carry, start, rest);
        c->carry_len = (uint32_t)rest;
    }
}

static void poll_once(int timeout_ms)
{
    struct epoll_event evs[512];
    int n = epoll_wait(ep, evs, 512, timeout_ms);

    for (int k = 0; k < n; k++) {
        int i = (int)evs[k].data.u32;
        if (evs[k].data.u32 == COMMAND)
            has_command = 1;
        else if (conns[i].state == CONNECTING)
            send_request(i);
        else if (conns[i].state == HEADER || conns[i].state == STREAM)
            on_readable(i);
    }
}

static void measure(double seconds, double connect_s)
{
    uint64_t begin = now_ns(CLOCK_MONOTONIC), window_ns = (uint64_t)(seconds * 1e9), now;
    uint32_t best = 0, least = UINT32_MAX;
    int lost = 0;

    memset(hist, 0, sizeof hist);
    lat_n = lat_max = lat_neg = ev_window = ev_total = by_window = t_first = t_end = t_last = 0;
    for (int i = 0; i < n_conns; i++)
        conns[i].events = 0;
    fprintf(stderr, "GO\n");
    do {
        poll_once(20);
        now = now_ns(CLOCK_MONOTONIC);
        if (t_first && !t_end)
            t_end = t_first + window_ns;
    } while (t_first ? now < t_end : now - begin < (uint64_t)(first_s * 1e9));
    uint64_t bytes = by_window;
    fprintf(stderr, "WINDOW\n");
    uint64_t drain_from = now_ns(CLOCK_MONOTONIC);
    for (;;) {
        poll_once(20);
        now = now_ns(CLOCK_MONOTONIC);
        uint64_t quiet_from = t_last > drain_from ? t_last : drain_from;
        if (now - quiet_from > (uint64_t)quiet_ms * 1000000u || now - drain_from > (uint64_t)(drain_s * 1e9))
            break;
    }
    for (int i = stalled; i < n_conns; i++) {
        if (conns[i].events > best)
            best = conns[i].events;
        if (conns[i].events < least)
            least = conns[i].events;
    }
    for (int i = stalled; i < n_conns; i++)
        lost += conns[i].events < best;
    printf("{\"n\": %d, \"streaming\": %d, \"dead\": %d, \"bad_status\": %d, \"connect_s\": %.3f, "
           "\"window_s\": %.3f, \"deliveries\": %llu, \"per_s\": %.1f, \"bytes\": %llu, "
           "\"events_max\": %u, \"events_min\": %u, \"lost\": %d, \"drained\": %llu, "
           "\"lat_n\": %llu, \"lat_negative\": %llu, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f}\n",
           n_conns, n_stream, n_dead, n_bad_status, connect_s, seconds,
           (unsigned long long)ev_window, (double)ev_window / seconds, (unsigned long long)bytes,
           best, best ? least : 0, lost, (unsigned long long)(ev_total - ev_window),
           (unsigned long long)lat_n, (unsigned long long)lat_neg,
           percentile_ms(0.50), percentile_ms(0.99), (double)lat_max / 1e6);
    fflush(stdout);
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Waits until *count says that every reading connection has an event. */
static void wait_for_all(const int *count)
{
    uint64_t begin = now_ns(CLOCK_MONOTONIC);
    while (*count < n_conns - stalled && now_ns(CLOCK_MONOTONIC) - begin < (uint64_t)(first_s * 1e9))
        poll_once(20);
}

static void once(void)
{
    uint64_t *at = calloc((size_t)n_conns, sizeof *at);
    int n = 0;

    n_once = 0;
    for (int i = 0; i < n_conns; i++)
        conns[i].at = 0;
    fprintf(stderr, "GO\n");
    wait_for_all(&n_once);
    for (int i = stalled; i < n_conns; i++)
        if (conns[i].at)
            at[n++] = conns[i].at;
    qsort(at, (size_t)n, sizeof *at, by_time);
    printf("{\"n\": %d, \"got\": %d, \"first_ns\": %llu, \"p50_ns\": %llu, \"p99_ns\": %llu, \"last_ns\": %llu}\n",
           n_conns - stalled, n, (unsigned long long)(n ? at[0] : 0), (unsigned long long)(n ? at[n / 2] : 0),
           (unsigned long long)(n ? at[(int)(n * 0.99)] : 0), (unsigned long long)(n ? at[n - 1] : 0));
    fflush(stdout);
    free(at);
}

static void read_requests(const char *name)
{
    FILE *file = fopen(name, "r");
    char line[8192];

    if (!file) {
        perror(name);
        exit(2);
    }
    paths = calloc((size_t)n_conns, sizeof *paths);
    tokens = calloc((size_t)n_conns, sizeof *tokens);
    for (int i = 0; i < n_conns; i++) {
        if (!fgets(line, sizeof line, file)) {
            fprintf(stderr, "%s has fewer than %d lines\n", name, n_conns);
            exit(2);
        }
        line[strcspn(line, "\n")] = 0;
        char *tab = strchr(line, '\t');
        if (!tab) {
            fprintf(stderr, "%s, line %d: no tab\n", name, i + 1);
            exit(2);
        }
        *tab = 0;
        paths[i] = strdup(line);
        tokens[i] = strdup(tab + 1);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    const char *requests = NULL;
    int opt;
    size_t hl = 0;

    while ((opt = getopt(argc, argv, "p:u:n:f:k:e:H:j:z:q:d:w:")) != -1)
        switch (opt) {
        case 'p': port = atoi(optarg); break;
        case 'u': path = optarg; break;
        case 'n': n_conns = atoi(optarg); break;
        case 'f': requests = optarg; break;
        case 'k': snprintf(stamp_key, sizeof stamp_key, "\"%s\":", optarg); break;
        case 'e': only = optarg; break;
        case 'j': inflight_max = atoi(optarg); break;
        case 'z': stalled = atoi(optarg); break;
        case 'q': quiet_ms = atoi(optarg); break;
        case 'd': drain_s = atof(optarg); break;
        case 'w': first_s = atof(optarg); break;
        case 'H':
            hl += (size_t)snprintf(headers + hl, sizeof headers - hl, "%s\r\n", optarg);
            if (hl >= sizeof headers) {
                fprintf(stderr, "too many headers\n");
                return 2;
            }
            break;
        default:
            return 2;
        }
    if (!port || n_conns < 1 || stalled >= n_conns) {
        fprintf(stderr, "usage: client -p PORT [-u PATH] [-n N] [-f FILE] [-H HEADER]... (see the source)\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit rl = {(rlim_t)n_conns + 64, (rlim_t)n_conns + 64}, old;
    getrlimit(RLIMIT_NOFILE, &old);
    if (old.rlim_max > rl.rlim_max)
        rl.rlim_max = old.rlim_max;
    if (old.rlim_cur < rl.rlim_cur && setrlimit(RLIMIT_NOFILE, &rl) < 0)
        perror("setrlimit");
    if (requests)
        read_requests(requests);
    conns = calloc((size_t)n_conns, sizeof *conns);
    ep = epoll_create1(EPOLL_CLOEXEC);

    uint64_t begin = now_ns(CLOCK_MONOTONIC), moved = begin;
    int done = 0;
    while (n_stream + n_dead < n_conns) {
        while (next_conn < n_conns && inflight < inflight_max)
            start_connect(next_conn++);
        poll_once(100);
        uint64_t now = now_ns(CLOCK_MONOTONIC);
        if (n_stream + n_dead != done) {
            done = n_stream + n_dead;
            moved = now;
        } else if (now - moved > 20000000000u) {
            fprintf(stderr, "stuck: %d streaming, %d dead, of %d\n", n_stream, n_dead, n_conns);
            return 1;
        }
    }
    double connect_s = (double)(now_ns(CLOCK_MONOTONIC) - begin) / 1e9;
    fprintf(stderr, "READY\n");
    printf("{\"streaming\": %d, \"dead\": %d, \"bad_status\": %d, \"connect_s\": %.3f}\n", n_stream, n_dead, n_bad_status,
           connect_s);
    fflush(stdout);
    char line[64];
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = COMMAND};
    epoll_ctl(ep, EPOLL_CTL_ADD, STDIN_FILENO, &ev);
    for (;;) {
        for (has_command = 0; !has_command;)  /* streams are read while nobody asks */
            poll_once(1000);
        if (!fgets(line, sizeof line, stdin))
            return 0;
        if (strncmp(line, "seen", 4) == 0) {
            wait_for_all(&n_seen);
            printf("{\"seen\": %d}\n", n_seen);
            fflush(stdout);
        } else if (strncmp(line, "once", 4) == 0)
            once();
        else if (strncmp(line, "alive", 5) == 0) {
            printf("{\"streaming\": %d, \"dead\": %d, \"last_dead_ns\": %llu}\n", n_stream, n_dead,
                   (unsigned long long)t_dead);
            fflush(stdout);
        } else
            measure(atof(line), connect_s);
    }
}
