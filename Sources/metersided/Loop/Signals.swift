import CLinux
import Glibc

/// Signals as descriptors that the loop polls: TERM and INT stop, HUP reloads.
struct Signals {
    /// Readable after TERM or INT.
    let stop: Int32
    /// Readable after HUP.
    let reload: Int32

    init() {
        stop = clinux_event_make()
        reload = clinux_event_make()
        _ = clinux_signal_to_event(SIGTERM, stop)
        _ = clinux_signal_to_event(SIGINT, stop)
        _ = clinux_signal_to_event(SIGHUP, reload)
        // Whoever started us may have left them blocked, and a daemon that cannot be told to stop must be killed.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&signals, signal) }
        sigprocmask(SIG_UNBLOCK, &signals, nil)
    }

    var pollDescriptors: [pollfd] {
        [stop, reload].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    }

    /// Whether the descriptor became readable; it is cleared.
    func take(_ descriptor: Int32, in polled: [pollfd]) -> Bool {
        guard polled.contains(where: { $0.fd == descriptor && $0.revents != 0 }) else { return false }
        _ = clinux_event_clear(descriptor)
        return true
    }
}
