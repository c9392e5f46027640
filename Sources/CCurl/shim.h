#pragma once
#include <errno.h>
#include <curl/curl.h>
