// What Linux offers and Swift's Glibc module cannot see: GNU extensions, variadic calls and kernel structures.
// Every function returns a negative errno on failure unless it says otherwise, so that errno is never read late.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <poll.h>

// Pseudo-terminals: opens a master, unlocks its slave and writes the slave's path. Returns the master (close-on-exec).
int clinux_pty_open(char *slave_path, size_t capacity);

// Unix sockets: who is at the other end. `clinux_peer_groups` returns how many supplementary groups it wrote.
int clinux_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid);
int clinux_peer_groups(int socket, uint32_t *groups, int capacity);

// Serial lines. `parity` is 'N', 'E' or 'O'. Raw mode, no flow control, CLOCAL, any baud rate (termios2, BOTHER);
// input not yet read is discarded. `clinux_serial_get` reads the same back.
int clinux_serial_set(int fd, uint32_t baud, int data_bits, char parity, int stop_bits);
int clinux_serial_get(int fd, uint32_t *baud, int *data_bits, char *parity, int *stop_bits);
// No other open of this terminal succeeds while it is held (TIOCEXCL; root is not bound by it, hence also flock).
int clinux_serial_exclusive(int fd, int held);
// RS-485 direction by the driver (TIOCSRS485), read back: 1 taken, 0 the driver dropped it, -ENOTTY unsupported.
int clinux_serial_rs485(int fd, int enable);

// Waiting. `wake` and `fd` are polled for input together; either may be -1. Returns a mask of CLINUX_WAKE,
// CLINUX_READY (input, or `fd` is writable for `clinux_wait_writable`) and CLINUX_HANGUP (closed or failed);
// 0 when the time is over or a signal came. A negative time-out waits for ever.
#define CLINUX_WAKE 1
#define CLINUX_READY 2
#define CLINUX_HANGUP 4
int clinux_wait(int wake, int fd, int64_t timeout_nanoseconds);
int clinux_wait_writable(int wake, int fd, int64_t timeout_nanoseconds);

// Events: a counter that is readable while it is not zero (close-on-exec, non-blocking).
int clinux_event_make(void);
int clinux_event_signal(int event);
int clinux_event_clear(int event);

// Signals. The handler only signals the event; `event` -1 takes it away again. Both return 0 or a negative errno.
int clinux_signal_ignore(int signal);
int clinux_signal_to_event(int signal, int event);

// Threads: a detached thread with all signals blocked.
int clinux_thread_start(size_t stack_bytes, void *(*body)(void *), void *context);
// The calling thread's name (cut to 15 bytes), and how late the kernel may let its timers fire to save power
// (the default is 50,000 ns).
int clinux_thread_name(const char *name);
int clinux_timer_slack(unsigned long nanoseconds);

// 1 when the kernel says the wall clock is disciplined, else 0.
int clinux_clock_synchronised(void);

// A page of a file in which one process says how fast simulated time passes and others read it: the same formula gives
// all of them the same time at the same real instant (all in microseconds). NULL when it cannot be mapped.
// `clinux_pace_begin` comes first; `clinux_pace_change` sets a speed from an instant on, which should be a little ahead
// of `now`, and forgets changes planned for later; `clinux_pace_time` gives the simulated time and its speed.
int64_t *clinux_pace_open(const char *path, int writes);
void clinux_pace_close(int64_t *page);
void clinux_pace_begin(int64_t *page, int64_t real, int64_t simulated);
void clinux_pace_change(int64_t *page, int64_t now, int64_t from, int64_t speed);
int64_t clinux_pace_time(const int64_t *page, int64_t real, int64_t *speed);

// ppoll with a time-out in nanoseconds; a negative one waits for ever. Returns how many are ready, 0 also for a signal.
int clinux_poll(struct pollfd *descriptors, size_t count, int64_t timeout_nanoseconds);
