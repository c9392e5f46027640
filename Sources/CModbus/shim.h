#pragma once
#include <errno.h>
#include <modbus.h>
