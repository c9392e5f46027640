#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

int clinux_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -errno;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

int clinux_peer_groups(int socket, uint32_t *groups, int capacity) {
    if (capacity < 0) return -EINVAL;
    socklen_t length = (socklen_t)capacity * (socklen_t)sizeof *groups;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &length) != 0) return -errno;
    return (int)(length / sizeof *groups);
}

static int wait_for(int wake, int fd, short events, int64_t nanoseconds) {
    struct pollfd both[2] = {{.fd = wake, .events = POLLIN}, {.fd = fd, .events = events}};
    struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    int ready = ppoll(both, 2, nanoseconds < 0 ? NULL : &time, NULL);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    int mask = both[0].revents != 0 ? CLINUX_WAKE : 0;
    if (both[1].revents & events & (POLLIN | POLLOUT)) mask |= CLINUX_READY;
    if (both[1].revents & (POLLHUP | POLLERR | POLLNVAL | POLLRDHUP)) mask |= CLINUX_HANGUP;
    return mask;
}

int clinux_wait(int wake, int fd, int64_t timeout_nanoseconds) {
    return wait_for(wake, fd, POLLIN | POLLRDHUP, timeout_nanoseconds);
}

int clinux_wait_writable(int wake, int fd, int64_t timeout_nanoseconds) {
    return wait_for(wake, fd, POLLOUT, timeout_nanoseconds);
}

int clinux_event_make(void) {
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return event < 0 ? -errno : event;
}

int clinux_event_signal(int event) {
    uint64_t one = 1;
    return write(event, &one, sizeof one) < 0 && errno != EAGAIN ? -errno : 0;
}

int clinux_event_clear(int event) {
    uint64_t count;
    return read(event, &count, sizeof count) < 0 && errno != EAGAIN ? -errno : 0;
}

// Event number + 1 for each signal, so that zero means none.
static atomic_int signal_events[65];

static void on_signal(int number) {
    int saved = errno;
    int event = atomic_load(&signal_events[number]) - 1;
    if (event >= 0) clinux_event_signal(event);
    errno = saved;
}

static int set_action(int number, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL) != 0 ? -errno : 0;
}

int clinux_signal_ignore(int number) { return set_action(number, SIG_IGN); }

int clinux_signal_to_event(int number, int event) {
    if (number < 1 || number > 64) return -EINVAL;
    atomic_store(&signal_events[number], event + 1);
    return set_action(number, event < 0 ? SIG_DFL : on_signal);
}

int clinux_thread_start(size_t stack_bytes, void *(*body)(void *), void *context) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int result = pthread_attr_init(&attributes);
    if (result != 0) return -result;
    sigfillset(&all);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    result = pthread_attr_setstacksize(&attributes, stack_bytes);
    if (result == 0) {
        // The thread inherits the mask, so no signal can reach it even before its first instruction.
        pthread_sigmask(SIG_SETMASK, &all, &before);
        result = pthread_create(&thread, &attributes, body, context);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return -result;
}

int clinux_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0) != 0 ? -errno : 0; }

int clinux_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0) != 0 ? -errno : 0;
}

int clinux_clock_synchronised(void) {
    struct timex state;
    memset(&state, 0, sizeof state);
    int result = adjtimex(&state);
    return result >= 0 && result != TIME_ERROR && !(state.status & STA_UNSYNC) ? 1 : 0;
}
