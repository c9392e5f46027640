// Terminals stand apart: the kernel's termios2 cannot be included beside glibc's termios.
#define _GNU_SOURCE
#include "CLinux.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int clinux_pty_open(char *slave_path, size_t capacity) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return -errno;
    int failure = grantpt(master) != 0 || unlockpt(master) != 0 ? errno : ptsname_r(master, slave_path, capacity);
    if (failure == 0) return master;
    close(master);
    return -failure;
}

int clinux_serial_set(int fd, uint32_t baud, int data_bits, char parity, int stop_bits) {
    struct termios2 line;
    if (ioctl(fd, TCGETS2, &line) != 0) return -errno;
    line.c_iflag = parity == 'N' ? 0 : INPCK;
    line.c_oflag = 0;
    line.c_lflag = 0;
    line.c_cflag = CREAD | CLOCAL | BOTHER | (data_bits == 7 ? CS7 : CS8);
    if (parity != 'N') line.c_cflag |= PARENB;
    if (parity == 'O') line.c_cflag |= PARODD;
    if (stop_bits == 2) line.c_cflag |= CSTOPB;
    line.c_ispeed = baud;
    line.c_ospeed = baud;
    memset(line.c_cc, 0, sizeof line.c_cc);
    line.c_cc[VMIN] = 1;  // so that a read of 0 bytes means hung up, not merely nothing there
    return ioctl(fd, TCSETSF2, &line) != 0 ? -errno : 0;
}

int clinux_serial_get(int fd, uint32_t *baud, int *data_bits, char *parity, int *stop_bits) {
    struct termios2 line;
    if (ioctl(fd, TCGETS2, &line) != 0) return -errno;
    *baud = line.c_ospeed;
    *data_bits = (line.c_cflag & CSIZE) == CS7 ? 7 : 8;
    *parity = !(line.c_cflag & PARENB) ? 'N' : line.c_cflag & PARODD ? 'O' : 'E';
    *stop_bits = line.c_cflag & CSTOPB ? 2 : 1;
    return 0;
}

int clinux_serial_exclusive(int fd, int held) { return ioctl(fd, held ? TIOCEXCL : TIOCNXCL) != 0 ? -errno : 0; }

int clinux_serial_rs485(int fd, int enable) {
    struct serial_rs485 mode;
    memset(&mode, 0, sizeof mode);
    if (enable) mode.flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND;
    if (ioctl(fd, TIOCSRS485, &mode) != 0) return -errno;
    if (ioctl(fd, TIOCGRS485, &mode) != 0) return -errno;
    return mode.flags & SER_RS485_ENABLED ? 1 : 0;
}
