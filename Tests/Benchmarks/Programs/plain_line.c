// Plain libmodbus as a master on a serial line: reads 20 registers again and again, as fast as it can.
//
// usage: plain_line DEVICE BAUD PARITY SECONDS      prints how many reads it did
#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: plain_line DEVICE BAUD PARITY SECONDS\n");
        return 2;
    }
    modbus_t *modbus = modbus_new_rtu(argv[1], atoi(argv[2]), argv[3][0], 8, 1);
    if (!modbus || modbus_connect(modbus)) {
        fprintf(stderr, "plain_line: %s\n", modbus_strerror(errno));
        return 1;
    }
    uint16_t words[20];
    int reads = 0;
    for (double end = now() + atof(argv[4]); now() < end; reads++) {
        modbus_set_slave(modbus, 1 + reads % 4);
        if (modbus_read_input_registers(modbus, 0, 20, words) != 20) {
            fprintf(stderr, "plain_line: %s\n", modbus_strerror(errno));
            return 1;
        }
    }
    printf("%d\n", reads);
    modbus_close(modbus);
    modbus_free(modbus);
}
