import CLinux
import Glibc

/// Ctrl-C, `kill` and a closed terminal, as an event that a poll sees.
struct StopSignal {
    /// Readable once a signal came.
    let event: Int32

    init() throws(SimulatorFailure) {
        event = clinux_event_make()
        guard event >= 0 else { throw .system("cannot make an event", -event) }
        for number in [SIGINT, SIGTERM, SIGHUP] {
            let result = clinux_signal_to_event(number, event)
            guard result == 0 else { throw .system("cannot watch for signal \(number)", -result) }
        }
    }

    var came: Bool { clinux_wait(event, -1, 0) & CLINUX_WAKE != 0 }
}
