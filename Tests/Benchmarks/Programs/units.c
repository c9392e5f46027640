// Many Modbus TCP units on one port: answers functions 3 and 4 and counts requests by unit. One thread, one epoll, no
// allocation, so that it disturbs what is measured as little as it can.
//
// usage: units UNITS      prints `port N`, then obeys lines on standard input until it ends:
//   ?   one line of JSON about the requests since the last `0`
//   0   forgets them
//
// Registers 0 to 19 of every unit are ten float32, high word first: a register in Wh that grows by one with every
// request, and nine values as a meter has them, other digits every time.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 1024, REGISTERS = 20, BUFFER = 4096 };

typedef struct {
    int used;
    size_t length;
    uint8_t bytes[BUFFER];
} connection_t;

static connection_t connections[CONNECTIONS];
static uint32_t readings[256];
static uint64_t requests[256], registers, accepted;
static int64_t first, last, longest;
static int units;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void put_float(uint8_t *to, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    to[0] = bits >> 24;
    to[1] = bits >> 16;
    to[2] = bits >> 8;
    to[3] = bits;
}

static void make_registers(uint8_t unit, uint8_t *to) {
    static const float bases[10] = {0, 230, 231, 229, 12, 13, 11, 2760, 0.97f, 50};
    uint32_t count = ++readings[unit];
    put_float(to, (float)(1000000u + count));
    for (uint32_t row = 1; row < 10; row++) {
        uint32_t noise = (count * 2654435761u) ^ (unit * 40503u) ^ (row * 2246822519u);
        noise *= 3266489917u;
        put_float(to + 4 * row, bases[row] * (1 + 0.01f * (float)(noise >> 8) / 16777216));
    }
}

// The reply to one request, or nothing for a unit that is not here.
static size_t answer(const uint8_t *request, uint8_t *reply) {
    uint8_t unit = request[6], function = request[7];
    unsigned start = request[8] << 8 | request[9], count = request[10] << 8 | request[11];
    if (unit < 1 || unit > units) return 0;
    int64_t time = now();
    if (!first) first = time;
    if (last && time - last > longest) longest = time - last;
    last = time;
    requests[unit]++;
    memcpy(reply, request, 4);
    reply[6] = unit;
    if ((function != 3 && function != 4) || count < 1 || count > 125) {
        reply[4] = 0;
        reply[5] = 3;
        reply[7] = function | 0x80;
        reply[8] = function == 3 || function == 4 ? 3 : 1;
        return 9;
    }
    uint8_t block[2 * REGISTERS];
    make_registers(unit, block);
    registers += count;
    size_t bytes = 2 * count;
    reply[4] = (3 + bytes) >> 8;
    reply[5] = (3 + bytes) & 255;
    reply[7] = function;
    reply[8] = bytes;
    for (unsigned index = 0; index < count; index++) {
        unsigned address = start + index;
        reply[9 + 2 * index] = address < REGISTERS ? block[2 * address] : 0;
        reply[10 + 2 * index] = address < REGISTERS ? block[2 * address + 1] : 0;
    }
    return 9 + bytes;
}

static void serve(int descriptor) {
    connection_t *connection = &connections[descriptor];
    ssize_t count = read(descriptor, connection->bytes + connection->length, BUFFER - connection->length);
    if (count <= 0) {
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        connection->used = 0;
        close(descriptor);
        return;
    }
    connection->length += count;
    size_t taken = 0, filled = 0;
    uint8_t replies[BUFFER];
    while (connection->length - taken >= 12 && filled + 260 < sizeof replies) {
        filled += answer(connection->bytes + taken, replies + filled);
        taken += 12;
    }
    memmove(connection->bytes, connection->bytes + taken, connection->length - taken);
    connection->length -= taken;
    if (filled && write(descriptor, replies, filled) < 0) perror("units: write");
}

static void tell(void) {
    uint64_t total = 0, least = UINT64_MAX, most = 0, asked = 0;
    for (int unit = 1; unit <= units; unit++) {
        total += requests[unit];
        if (requests[unit]) asked++;
        if (requests[unit] < least) least = requests[unit];
        if (requests[unit] > most) most = requests[unit];
    }
    printf("{\"at\":%lld,\"requests\":%llu,\"registers\":%llu,\"asked\":%llu,\"least\":%llu,\"most\":%llu,"
           "\"connections\":%llu,\"first\":%lld,\"last\":%lld,\"longest\":%lld}\n",
           (long long)now(), (unsigned long long)total, (unsigned long long)registers, (unsigned long long)asked,
           (unsigned long long)least, (unsigned long long)most, (unsigned long long)accepted, (long long)first,
           (long long)last, (long long)longest);
    fflush(stdout);
}

static void obey(void) {
    char line[64];
    ssize_t count = read(0, line, sizeof line);
    if (count <= 0) exit(0);
    for (ssize_t index = 0; index < count; index++) {
        if (line[index] == '?') tell();
        if (line[index] != '0') continue;
        memset(requests, 0, sizeof requests);
        registers = accepted = 0;
        first = last = longest = 0;
    }
}

int main(int argc, char **argv) {
    units = argc > 1 ? atoi(argv[1]) : 0;
    if (units < 1 || units > 247) {
        fprintf(stderr, "usage: units UNITS (1 to 247)\n");
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 256) ||
        getsockname(listener, (struct sockaddr *)&address, &length)) {
        perror("units: listen");
        return 1;
    }
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = 0;
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, -1);
        for (int index = 0; index < ready; index++) {
            int descriptor = events[index].data.fd;
            if (descriptor == 0) {
                obey();
            } else if (descriptor == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (client < 0) continue;
                if (client >= CONNECTIONS) {
                    close(client);
                    continue;
                }
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                connections[client] = (connection_t){.used = 1};
                accepted++;
                event.data.fd = client;
                epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
            } else {
                serve(descriptor);
            }
        }
    }
}
