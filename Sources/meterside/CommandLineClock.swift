import Glibc
import Metering

/// The only place of the command line that reads clocks.
enum CommandLineClock {
    /// Civil time.
    static func wall() -> WallTime {
        let now = read(CLOCK_REALTIME)
        return WallTime(milliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
    }

    /// Time since boot, for deadlines.
    static func uptime() -> Uptime {
        let now = read(CLOCK_MONOTONIC)
        return Uptime(microseconds: Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var now = timespec()
        clock_gettime(clock, &now)
        return now
    }
}
