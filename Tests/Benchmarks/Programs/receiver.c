// The other side of the broker: subscribes at QoS 1 and counts what arrives. Its count is what programs are judged by.
//
// usage: receiver PORT NEEDLE FILTER…      NEEDLE is counted inside payloads ("" counts messages). Prints `ready`
// when the broker has taken the subscriptions, then obeys lines on standard input until it ends:
//   ?   one line of JSON about what came since the last `0`
//   0   forgets it
#define _GNU_SOURCE
#include <mosquitto.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TOPICS = 1 << 14 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t messages, polls, bytes, topics, lowest = 9;
static uint64_t seen[TOPICS];
static int64_t first, last;
static const char *needle;
static char **filters;
static int filter_count, open_subscriptions;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void note_topic(const char *text) {
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    if (!hash) hash = 1;
    for (uint64_t place = hash % TOPICS, tries = 0; tries < TOPICS; place = (place + 1) % TOPICS, tries++) {
        if (seen[place] == hash) return;
        if (seen[place]) continue;
        seen[place] = hash;
        topics++;
        return;
    }
}

static void on_message(struct mosquitto *client, void *object, const struct mosquitto_message *message) {
    (void)client, (void)object;
    pthread_mutex_lock(&lock);
    last = now();
    if (!first) first = last;
    messages++;
    bytes += message->payloadlen;
    if ((uint64_t)message->qos < lowest) lowest = message->qos;
    note_topic(message->topic);
    size_t length = strlen(needle), left = message->payloadlen;
    const char *place = message->payload;
    if (!length) polls++;
    while (length && left >= length) {
        const char *found = memmem(place, left, needle, length);
        if (!found) break;
        polls++;
        left -= found + length - place;
        place = found + length;
    }
    pthread_mutex_unlock(&lock);
}

static void on_connect(struct mosquitto *client, void *object, int code) {
    (void)object;
    if (code) return;
    for (int index = 0; index < filter_count; index++) mosquitto_subscribe(client, NULL, filters[index], 1);
}

static void on_subscribe(struct mosquitto *client, void *object, int id, int count, const int *granted) {
    (void)client, (void)object, (void)id, (void)count, (void)granted;
    if (--open_subscriptions) return;
    printf("ready\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: receiver PORT NEEDLE FILTER...\n");
        return 2;
    }
    needle = argv[2];
    filters = argv + 3;
    filter_count = open_subscriptions = argc - 3;
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new(NULL, true, NULL);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_message_callback_set(client, on_message);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    if (mosquitto_connect(client, "127.0.0.1", atoi(argv[1]), 60) != MOSQ_ERR_SUCCESS) {
        fprintf(stderr, "receiver: no broker on port %s\n", argv[1]);
        return 1;
    }
    mosquitto_loop_start(client);
    char line[64];
    for (ssize_t count; (count = read(0, line, sizeof line)) > 0;) {
        for (ssize_t index = 0; index < count; index++) {
            pthread_mutex_lock(&lock);
            if (line[index] == '?') {
                printf("{\"at\":%lld,\"messages\":%llu,\"polls\":%llu,\"bytes\":%llu,\"topics\":%llu,\"qos\":%llu,"
                       "\"first\":%lld,\"last\":%lld}\n",
                       (long long)now(), (unsigned long long)messages, (unsigned long long)polls,
                       (unsigned long long)bytes, (unsigned long long)topics,
                       (unsigned long long)(lowest == 9 ? 0 : lowest), (long long)first, (long long)last);
                fflush(stdout);
            }
            if (line[index] == '0') {
                messages = polls = bytes = topics = 0;
                lowest = 9;
                first = last = 0;
                memset(seen, 0, sizeof seen);
            }
            pthread_mutex_unlock(&lock);
        }
    }
    mosquitto_disconnect(client);
    mosquitto_loop_stop(client, false);
}
