// A Modbus RTU unit on a pseudo-terminal that takes as long as a real line: a pseudo-terminal itself has no speed. It
// answers function 3 and 4 of every unit address with counting words.
//
// usage: line BAUD BITS      BITS a character: 10 (8N1) or 11 (8E1). Prints `device NAME`, then obeys standard input:
//   ?   one line of JSON about the exchanges since the last `0`
//   0   forgets them
//
// A request of n characters is over n characters after its bytes came; the unit then keeps 3.5 characters of silence
// and sends, and the reply is readable when its last character would have been on the wire. The master owes another 3.5
// characters. So a cycle, from one request to the next, cannot be shorter than all characters and two silences unless
// the master breaks the silence; everything longer is the master's (and this machine's) own time.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 16 };

static int64_t character, silence; // nanoseconds
static int64_t began, shortest, elapsed;
static uint64_t cycles, early, broken;
static double ratios[MOST];

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// Sleeps most of the time and looks at the clock for the rest: no tick may be lost here.
static void wait_until(int64_t end) {
    int64_t soon = end - 60000;
    if (soon > now()) {
        struct timespec time = {soon / 1000000000, soon % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {}
    }
    while (now() < end) {}
}

static uint16_t checksum(const uint8_t *bytes, size_t count) {
    uint16_t crc = 0xFFFF;
    while (count--) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
    }
    return crc;
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void tell(void) {
    uint64_t count = cycles < MOST ? cycles : MOST;
    qsort(ratios, count, sizeof ratios[0], by_size);
    printf("{\"cycles\":%llu,\"elapsed\":%lld,\"shortest\":%lld,\"early\":%llu,\"broken\":%llu,\"ratio\":%.6f,"
           "\"least\":%.6f,\"median\":%.6f,\"p99\":%.6f}\n",
           (unsigned long long)cycles, (long long)elapsed, (long long)shortest, (unsigned long long)early,
           (unsigned long long)broken, shortest ? (double)elapsed / (double)shortest : 0, count ? ratios[0] : 0,
           count ? ratios[count / 2] : 0, count ? ratios[count - 1 - count / 100] : 0);
    fflush(stdout);
}

static void forget(void) {
    began = shortest = elapsed = 0;
    cycles = early = broken = 0;
}

static void obey(void) {
    char line[64];
    ssize_t count = read(0, line, sizeof line);
    if (count <= 0) exit(0);
    for (ssize_t index = 0; index < count; index++) {
        if (line[index] == '?') tell();
        if (line[index] == '0') forget();
    }
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: line BAUD BITS\n");
        return 2;
    }
    long baud = atol(argv[1]);
    character = atol(argv[2]) * 1000000000 / baud;
    silence = baud > 19200 ? 1750000 : character * 35 / 10;
    prctl(PR_SET_TIMERSLACK, 1);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master)) {
        perror("line: pseudo-terminal");
        return 1;
    }
    char *name = ptsname(master);
    int keep = open(name, O_RDWR | O_NOCTTY); // so that the other side may close and open again
    struct termios raw;
    tcgetattr(keep, &raw);
    cfmakeraw(&raw);
    tcsetattr(keep, TCSANOW, &raw);
    printf("device %s\n", name);
    fflush(stdout);
    uint8_t request[8];
    size_t have = 0;
    int64_t previous = 0; // least time of the cycle under way
    int64_t replied = 0;
    for (;;) {
        struct pollfd both[2] = {{.fd = 0, .events = POLLIN}, {.fd = master, .events = POLLIN}};
        poll(both, 2, -1);
        if (both[0].revents) obey();
        if (!(both[1].revents & POLLIN)) continue;
        ssize_t count = read(master, request + have, sizeof request - have);
        int64_t arrived = now();
        if (count <= 0) continue;
        have += count;
        if (have < sizeof request) continue;
        have = 0;
        unsigned words = request[4] << 8 | request[5];
        uint16_t crc = checksum(request, 6);
        if (request[6] != (crc & 255) || request[7] != crc >> 8 || words < 1 || words > 125) {
            broken++;
            continue;
        }
        if (began) {
            int64_t took = arrived - began;
            if (cycles < MOST) ratios[cycles] = (double)took / (double)previous;
            cycles++;
            elapsed += took;
            shortest += previous;
            if (arrived < replied + silence) early++;
        }
        uint8_t reply[256] = {request[0], request[1], (uint8_t)(2 * words)};
        size_t length = 3 + 2 * words;
        static uint32_t readings;
        readings++;
        for (unsigned index = 0; index < words; index++) {
            // Even registers: the high word of a float near 256; odd ones: its digits.
            uint16_t word = index % 2 == 0 ? 0x4248 : (uint16_t)(readings * 7 + index);
            reply[3 + 2 * index] = word >> 8;
            reply[4 + 2 * index] = word & 255;
        }
        crc = checksum(reply, length);
        reply[length++] = crc & 255;
        reply[length++] = crc >> 8;
        int64_t wire = (int64_t)(8 + length) * character + silence;
        previous = wire + silence;
        began = arrived;
        wait_until(arrived + wire);
        if (write(master, reply, length) < 0) perror("line: write");
        replied = arrived + wire;
    }
}
