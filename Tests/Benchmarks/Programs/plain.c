// The bare C program: libmodbus and libmosquitto and nothing else. Once a second it reads 20 registers of every unit in
// turn, decodes ten floats, prints them as JSON and publishes that at QoS 1. It checks, stores and repeats nothing.
//
// usage: plain MODBUS_PORT UNITS BROKER_PORT [spread]      `spread`: units evenly over the second instead of all at
// its start. Ends with its parent.
#define _GNU_SOURCE
#include <errno.h>
#include <modbus.h>
#include <mosquitto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const names[10] = {
    "import_wh",    "voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "current_l1_a",
    "current_l2_a", "current_l3_a", "power_w",      "power_factor", "frequency_hz",
};

static float decode(const uint16_t *words) {
    uint32_t bits = (uint32_t)words[0] << 16 | words[1];
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void poll_unit(modbus_t *modbus, struct mosquitto *client, int unit) {
    uint16_t words[20];
    char text[1024], topic[64];
    modbus_set_slave(modbus, unit);
    if (modbus_read_input_registers(modbus, 0, 20, words) != 20) {
        fprintf(stderr, "plain: unit %d: %s\n", unit, modbus_strerror(errno));
        return;
    }
    struct timespec wall;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &wall);
    gmtime_r(&wall.tv_sec, &parts);
    int length = snprintf(text, sizeof text, "{\"unit\":%d,\"at\":\"", unit);
    length += strftime(text + length, sizeof text - length, "%Y-%m-%dT%H:%M:%S", &parts);
    length += snprintf(text + length, sizeof text - length, ".%03ldZ\"", wall.tv_nsec / 1000000);
    for (int row = 0; row < 10; row++) {
        length += snprintf(
            text + length, sizeof text - length, ",\"%s\":%.9g", names[row], decode(words + 2 * row));
    }
    text[length++] = '}';
    snprintf(topic, sizeof topic, "plain/%d/live", unit);
    mosquitto_publish(client, NULL, topic, length, text, 1, false);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: plain MODBUS_PORT UNITS BROKER_PORT [spread]\n");
        return 2;
    }
    int units = atoi(argv[2]), spread = argc > 4;
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    if (!modbus || modbus_connect(modbus)) {
        fprintf(stderr, "plain: %s\n", modbus_strerror(errno));
        return 1;
    }
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("plain", true, NULL);
    mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    if (mosquitto_connect(client, "127.0.0.1", atoi(argv[3]), 60)) {
        fprintf(stderr, "plain: no broker\n");
        return 1;
    }
    mosquitto_loop_start(client);
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (pid_t parent = getppid(); getppid() == parent;) {
        for (int unit = 1; unit <= units; unit++) {
            struct timespec at = due;
            at.tv_nsec += spread ? (unit - 1) * (1000000000l / units) : 0;
            at.tv_sec += at.tv_nsec / 1000000000;
            at.tv_nsec %= 1000000000;
            if (spread || unit == 1) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
            poll_unit(modbus, client, unit);
        }
        due.tv_sec++;
    }
}
