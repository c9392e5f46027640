#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <time.h>

int clinux_poll(struct pollfd *descriptors, size_t count, int64_t timeout_nanoseconds) {
    struct timespec limit = {timeout_nanoseconds / 1000000000, timeout_nanoseconds % 1000000000};
    int ready = ppoll(descriptors, count, timeout_nanoseconds < 0 ? NULL : &limit, NULL);
    return ready >= 0 ? ready : errno == EINTR ? 0 : -errno;
}
