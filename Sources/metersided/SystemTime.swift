import CLinux
import Glibc
import Metering
import Synchronization

/// The only place that reads clocks and waits. Time comes from libc, dynamically linked, so that a fake clock can be
/// put under the daemon from outside.
final class SystemTime: Sendable {
    /// How many times faster than the real clocks time runs; 1 except on the simulated board.
    let scale: Int64
    private let startWall: Int64
    private let startUptime: Int64
    private let kernel = Mutex<(checkedAt: Int64, synchronised: Bool)?>(nil)

    /// `anchor`: the wall time, milliseconds since 1970, that scaled time starts from; nil for now.
    init(scale: Int64, anchor: Int64?) {
        self.scale = scale
        startWall = anchor.map { $0 * 1000 } ?? Self.read(CLOCK_REALTIME)
        startUptime = Self.read(CLOCK_BOOTTIME)
    }

    /// Both clocks, read together.
    func now() -> Moment {
        let uptime = Self.read(CLOCK_BOOTTIME)
        let wall = Self.read(CLOCK_REALTIME)
        let synchronised = kernelSynchronised(at: uptime)
        guard scale > 1 else {
            return Moment(
                wall: WallTime(milliseconds: wall / 1000), uptime: Uptime(microseconds: uptime),
                kernelSynchronised: synchronised)
        }
        return Moment(
            wall: WallTime(milliseconds: (startWall + (wall - startWall) * scale) / 1000),
            uptime: Uptime(microseconds: startUptime + (uptime - startUptime) * scale),
            kernelSynchronised: synchronised)
    }

    /// Time since boot, never scaled: what silences on a wire are measured with.
    func realUptime() -> Uptime { Uptime(microseconds: Self.read(CLOCK_BOOTTIME)) }

    /// Waits until a descriptor is ready or `until` has come; nil waits for the descriptors alone.
    func wait(_ descriptors: inout [pollfd], until: Uptime?) {
        let nanoseconds = until.map { max(0, ($0 - now().uptime) / scale) * 1000 } ?? -1
        _ = clinux_poll(&descriptors, descriptors.count, nanoseconds)
    }

    /// `adjtimex` says whether the clock is disciplined. It changes slowly, so it is asked every ten seconds at most.
    private func kernelSynchronised(at uptime: Int64) -> Bool {
        kernel.withLock { state in
            if let state, uptime - state.checkedAt < 10_000_000 { return state.synchronised }
            let synchronised = clinux_clock_synchronised() == 1
            state = (uptime, synchronised)
            return synchronised
        }
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
