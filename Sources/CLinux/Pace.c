#include "CLinux.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

// The page: how many changes there are, a real instant, the simulated instant it stands for, then the changes, each a
// real instant and the speed from it on. Words of eight bytes; only the first is ever written after it was read.
enum { PAGE = 4096, HEADER = 3, MOST = (PAGE / 8 - HEADER) / 2 };

int64_t *clinux_pace_open(const char *path, int writes) {
    int fd = open(path, (writes ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0644);
    if (fd < 0) return NULL;
    if (writes && ftruncate(fd, PAGE) != 0) {
        close(fd);
        return NULL;
    }
    int access = writes ? PROT_READ | PROT_WRITE : PROT_READ;
    void *page = lseek(fd, 0, SEEK_END) < PAGE ? MAP_FAILED : mmap(NULL, PAGE, access, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

void clinux_pace_close(int64_t *page) { munmap(page, PAGE); }

void clinux_pace_begin(int64_t *page, int64_t real, int64_t simulated) {
    __atomic_store_n(page, 0, __ATOMIC_RELEASE);
    page[1] = real;
    page[2] = simulated;
}

void clinux_pace_change(int64_t *page, int64_t now, int64_t from, int64_t speed) {
    int64_t count = __atomic_load_n(page, __ATOMIC_ACQUIRE);
    // What has not begun is not wanted any more, if this begins before it.
    while (count > 0 && page[HEADER + 2 * count - 2] > now && page[HEADER + 2 * count - 2] >= from) count--;
    if (count == MOST) return;
    __atomic_store_n(page, count, __ATOMIC_RELEASE);
    page[HEADER + 2 * count] = from;
    page[HEADER + 2 * count + 1] = speed;
    __atomic_store_n(page, count + 1, __ATOMIC_RELEASE);
}

int64_t clinux_pace_time(const int64_t *page, int64_t real, int64_t *speed) {
    int64_t count = __atomic_load_n(page, __ATOMIC_ACQUIRE);
    int64_t at = page[1], simulated = page[2], scale = 1;
    for (int64_t i = 0; i < count && i < MOST && page[HEADER + 2 * i] <= real; i++) {
        simulated += (page[HEADER + 2 * i] - at) * scale;
        at = page[HEADER + 2 * i];
        scale = page[HEADER + 2 * i + 1];
    }
    *speed = scale;
    return simulated + (real - at) * scale;
}
