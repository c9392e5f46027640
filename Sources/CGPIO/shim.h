// One GPIO line behind libgpiod 1.6 (Debian 12) and 2.x (Debian 13), whose calls have nothing in common.
// Every function returns a negative errno on failure, read before anything can change it.
#pragma once
#include <ctype.h>
#include <errno.h>
#include <gpiod.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Version 2 took the bulk calls away and with them their macro; neither version's header says its number.
#ifdef GPIOD_LINE_BULK_MAX_LINES
#define CGPIO_VERSION 1
#else
#define CGPIO_VERSION 2
#endif

// What a line is for. An output that keeps starts with the level that it has at the moment of the request, and gets
// direction and level in one call, so that a relay does not click.
#define CGPIO_INPUT 0
#define CGPIO_OUTPUT_KEEP 1
#define CGPIO_OUTPUT_INACTIVE 2

// The chip has no line of this number or name.
#define CGPIO_NO_LINE (-10000)

struct cgpio_line {
    struct gpiod_chip *chip;
#if CGPIO_VERSION == 1
    struct gpiod_line *line;
#else
    struct gpiod_line_request *request;
    unsigned int offset;
#endif
};

static inline int cgpio_error(void) { return errno > 0 ? -errno : -EIO; }

static inline bool cgpio_is_number(const char *text) {
    if (!*text) return false;
    for (; *text; text++)
        if (!isdigit((unsigned char)*text)) return false;
    return true;
}

static inline void cgpio_close(struct cgpio_line *line) {
    if (!line) return;
#if CGPIO_VERSION == 1
    if (line->line && gpiod_line_is_requested(line->line)) gpiod_line_release(line->line);
#else
    if (line->request) gpiod_line_request_release(line->request);
#endif
    if (line->chip) gpiod_chip_close(line->chip);
    free(line);
}

#if CGPIO_VERSION == 1

static inline struct gpiod_chip *cgpio_chip(const char *name) { return gpiod_chip_open_lookup(name); }

static inline int cgpio_get(struct cgpio_line *line) {
    int value = gpiod_line_get_value(line->line);
    return value < 0 ? cgpio_error() : value;
}

static inline int cgpio_set(struct cgpio_line *line, int value) {
    return gpiod_line_set_value(line->line, value) < 0 ? cgpio_error() : 0;
}

static inline int cgpio_request(struct cgpio_line *line, const char *name, int use, bool active_low, bool pull_up) {
    line->line = cgpio_is_number(name) ? gpiod_chip_get_line(line->chip, (unsigned int)strtoul(name, NULL, 10))
                                       : gpiod_chip_find_line(line->chip, name);
    if (!line->line) return CGPIO_NO_LINE;
    struct gpiod_line_request_config config = {
        .consumer = "meterside",
        .request_type = use == CGPIO_INPUT         ? GPIOD_LINE_REQUEST_DIRECTION_INPUT
                        : use == CGPIO_OUTPUT_KEEP ? GPIOD_LINE_REQUEST_DIRECTION_AS_IS
                                                   : GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
        .flags = (active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0) |
                 (pull_up ? GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP : 0),
    };
    if (gpiod_line_request(line->line, &config, 0) < 0) return cgpio_error();
    if (use != CGPIO_OUTPUT_KEEP) return 0;
    int value = cgpio_get(line);
    if (value < 0) return value;
    return gpiod_line_set_direction_output(line->line, value) < 0 ? cgpio_error() : 0;
}

#else

// Version 2 opens chips by their path only; a number, a name and a label are tried as version 1 does.
static inline struct gpiod_chip *cgpio_chip(const char *name) {
    char path[64];
    if (*name == '/') return gpiod_chip_open(name);
    if (cgpio_is_number(name) || strncmp(name, "gpiochip", 8) == 0) {
        snprintf(path, sizeof path, cgpio_is_number(name) ? "/dev/gpiochip%s" : "/dev/%s", name);
        return gpiod_chip_open(path);
    }
    for (int number = 0; number < 64; number++) {
        snprintf(path, sizeof path, "/dev/gpiochip%d", number);
        struct gpiod_chip *chip = gpiod_chip_open(path);
        if (!chip) continue;
        struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
        bool is_wanted = info && strcmp(gpiod_chip_info_get_label(info), name) == 0;
        gpiod_chip_info_free(info);
        if (is_wanted) return chip;
        gpiod_chip_close(chip);
    }
    errno = ENOENT;
    return NULL;
}

static inline int cgpio_get(struct cgpio_line *line) {
    enum gpiod_line_value value = gpiod_line_request_get_value(line->request, line->offset);
    return value == GPIOD_LINE_VALUE_ERROR ? cgpio_error() : value == GPIOD_LINE_VALUE_ACTIVE;
}

static inline int cgpio_set(struct cgpio_line *line, int value) {
    enum gpiod_line_value level = value ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE;
    return gpiod_line_request_set_value(line->request, line->offset, level) < 0 ? cgpio_error() : 0;
}

// Requests the line, or changes the request that stands, in one call.
static inline int cgpio_configure(
    struct cgpio_line *line, enum gpiod_line_direction direction, int value, bool active_low, bool pull_up) {
    int result = -ENOMEM;
    struct gpiod_line_settings *settings = gpiod_line_settings_new();
    struct gpiod_line_config *config = gpiod_line_config_new();
    struct gpiod_request_config *request = gpiod_request_config_new();
    if (settings && config && request) {
        gpiod_request_config_set_consumer(request, "meterside");
        gpiod_line_settings_set_active_low(settings, active_low);
        if (gpiod_line_settings_set_direction(settings, direction) < 0 ||
            (pull_up && gpiod_line_settings_set_bias(settings, GPIOD_LINE_BIAS_PULL_UP) < 0) ||
            gpiod_line_settings_set_output_value(
                settings, value ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE) < 0 ||
            gpiod_line_config_add_line_settings(config, &line->offset, 1, settings) < 0) {
            result = cgpio_error();
        } else if (line->request) {
            result = gpiod_line_request_reconfigure_lines(line->request, config) < 0 ? cgpio_error() : 0;
        } else {
            line->request = gpiod_chip_request_lines(line->chip, request, config);
            result = line->request ? 0 : cgpio_error();
        }
    }
    gpiod_request_config_free(request);
    gpiod_line_config_free(config);
    gpiod_line_settings_free(settings);
    return result;
}

static inline int cgpio_request(struct cgpio_line *line, const char *name, int use, bool active_low, bool pull_up) {
    if (cgpio_is_number(name)) {
        line->offset = (unsigned int)strtoul(name, NULL, 10);
    } else {
        int offset = gpiod_chip_get_line_offset_from_name(line->chip, name);
        if (offset < 0) return CGPIO_NO_LINE;
        line->offset = (unsigned int)offset;
    }
    enum gpiod_line_direction direction = use == CGPIO_INPUT         ? GPIOD_LINE_DIRECTION_INPUT
                                          : use == CGPIO_OUTPUT_KEEP ? GPIOD_LINE_DIRECTION_AS_IS
                                                                     : GPIOD_LINE_DIRECTION_OUTPUT;
    int result = cgpio_configure(line, direction, 0, active_low, pull_up);
    // A number beyond the chip's lines is refused by the kernel with EINVAL.
    if (result == -EINVAL && cgpio_is_number(name)) return CGPIO_NO_LINE;
    if (result < 0 || use != CGPIO_OUTPUT_KEEP) return result;
    int value = cgpio_get(line);
    return value < 0 ? value : cgpio_configure(line, GPIOD_LINE_DIRECTION_OUTPUT, value, active_low, pull_up);
}

#endif

// Requests one line of a chip: the chip by path, name, number or label, the line by number or name.
static inline int cgpio_open(
    const char *chip, const char *name, int use, bool active_low, bool pull_up, struct cgpio_line **opened) {
    struct cgpio_line *line = (struct cgpio_line *)calloc(1, sizeof *line);
    if (!line) return -ENOMEM;
    errno = 0;
    line->chip = cgpio_chip(chip);
    int result = line->chip ? cgpio_request(line, name, use, active_low, pull_up) : errno ? -errno : -ENOENT;
    if (result < 0) {
        cgpio_close(line);
        return result;
    }
    *opened = line;
    return 0;
}
