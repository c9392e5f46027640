#pragma once
#include <errno.h>
#include <modbus.h>

// The error of the libmodbus call just made, read before Swift can do anything that changes it.
static inline int cmodbus_errno(void) { return errno; }
