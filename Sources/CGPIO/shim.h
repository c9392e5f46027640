#pragma once
#include <errno.h>
#include <gpiod.h>
