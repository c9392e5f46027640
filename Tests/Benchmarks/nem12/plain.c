// The plain integer program that the reader is measured against: parses a NEM12 file of kWh with up to six decimals,
// adds up 30-minute totals and charges two time-of-use bands by weekday and hour in market time. It checks nothing.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t days_from_civil(int64_t y, int m, int d) {
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static const int64_t scale[] = {1000000, 100000, 10000, 1000, 100, 10, 1};

int main(int argc, char **argv) {
    int file = open(argv[argc - 1], O_RDONLY);
    enum { size = 1 << 20 };
    static char buffer[size + 1];
    size_t kept = 0;
    int64_t halves = 0, check = 0, peak = 0, off_peak = 0, values = 0;
    int minutes = 30;
    for (;;) {
        ssize_t got = read(file, buffer + kept, size - kept);
        if (got <= 0) break;
        char *p = buffer, *end = buffer + kept + got;
        for (;;) {
            char *stop = memchr(p, '\n', end - p);
            if (!stop) break;
            if (p[0] == '2') {
                for (int commas = 0; commas < 8; p++) commas += *p == ',';
                minutes = atoi(p);
            } else if (p[0] == '3') {
                int count = 1440 / minutes, each = 30 / minutes;
                int64_t date = strtol(p + 4, &p, 10);
                int64_t day = days_from_civil(date / 10000, date / 100 % 100, date % 100);
                int weekday = (day + 4) % 7, workday = weekday >= 1 && weekday <= 5;
                int64_t half = 0;
                p++;
                for (int i = 0; i < count; i++) {
                    int64_t v = 0;
                    char c = *p++;
                    while (c != ',' && c != '.') { v = v * 10 + (c - '0'); c = *p++; }
                    int decimals = 0;
                    if (c == '.')
                        for (c = *p++; c != ','; c = *p++) { v = v * 10 + (c - '0'); decimals++; }
                    v *= scale[decimals];
                    half += v;
                    if ((i + 1) % each == 0) {
                        halves++;
                        check = check * 31 + half;
                        half = 0;
                    }
                    int minute = i * minutes;
                    if (workday && minute >= 15 * 60 && minute < 21 * 60) peak += v; else off_peak += v;
                }
                values += count;
            }
            p = stop + 1;
        }
        kept = end - p;
        memmove(buffer, p, kept);
    }
    // kWh * 10^6 times micro-units of money per kWh.
    int64_t money = (int64_t)((__int128)peak * 412000 / 1000000) + (int64_t)((__int128)off_peak * 179500 / 1000000);
    printf("%lld values, %lld half hours, check %llu, %lld micro\n", (long long)values, (long long)halves,
           (unsigned long long)check, (long long)money);
    return 0;
}
