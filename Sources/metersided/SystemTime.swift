import CLinux
import Glibc
import Metering
import Synchronization

/// The only place that reads clocks and waits. Time comes from libc, dynamically linked, so that a fake clock can be
/// put under the daemon from outside.
final class SystemTime: Sendable {
    /// How many times faster than the real clocks time runs; 1 except on the simulated board.
    let scale: Int64
    /// How time runs where that changes; in place of `scale`.
    private let pace: Pace?
    private let startWall: Int64
    private let startUptime: Int64
    private let kernel = Mutex<(checkedAt: Int64, synchronised: Bool)?>(nil)

    /// `anchor`: the wall time, milliseconds since 1970, that scaled time starts from; nil for now. `pace`: the file
    /// that says how time runs.
    init(scale: Int64, anchor: Int64?, pace: String? = nil) throws(StartFault) {
        self.scale = scale
        self.pace = try pace.map { path throws(StartFault) in try Pace(path) }
        startWall = anchor.map { $0 * 1000 } ?? Self.read(CLOCK_REALTIME)
        startUptime = Self.read(CLOCK_BOOTTIME)
    }

    /// Both clocks, read together.
    func now() -> Moment {
        let uptime = Self.read(CLOCK_BOOTTIME)
        let wall = Self.read(CLOCK_REALTIME)
        let synchronised = kernelSynchronised(at: uptime)
        if let pace { return moment(pace, wall, uptime, synchronised) }
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

    private func moment(_ pace: Pace, _ wall: Int64, _ uptime: Int64, _ synchronised: Bool) -> Moment {
        let passed = pace.time(at: startWall + uptime - startUptime).simulated - pace.time(at: startWall).simulated
        return Moment(
            wall: WallTime(milliseconds: pace.time(at: wall).simulated / 1000),
            uptime: Uptime(microseconds: startUptime + passed), kernelSynchronised: synchronised)
    }

    /// Time since boot, never scaled: what silences on a wire are measured with.
    func realUptime() -> Uptime { Uptime(microseconds: Self.read(CLOCK_BOOTTIME)) }

    /// Waits until a descriptor is ready or `until` has come; nil waits for the descriptors alone.
    func wait(_ descriptors: inout [pollfd], until: Uptime?) {
        var scale = scale
        if let pace { scale = pace.time(at: Self.read(CLOCK_REALTIME)).speed }
        var nanoseconds = until.map { max(0, ($0 - now().uptime) / scale) * 1000 } ?? -1
        // Time may run faster before the wait is over.
        if pace != nil { nanoseconds = min(nanoseconds, Self.longestPacedWait) }
        _ = clinux_poll(&descriptors, descriptors.count, nanoseconds)
    }

    private static let longestPacedWait: Int64 = 20_000_000

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

/// The file in which the simulator says how fast time runs.
private struct Pace: @unchecked Sendable {
    /// Mapped for as long as the process lives, and only read.
    private let page: UnsafePointer<Int64>

    init(_ path: String) throws(StartFault) {
        guard let page = clinux_pace_open(path, 0) else {
            throw StartFault(message: "--time-pace: cannot use \(path)", code: 2)
        }
        self.page = UnsafePointer(page)
    }

    /// Microseconds.
    func time(at real: Int64) -> (simulated: Int64, speed: Int64) {
        var speed: Int64 = 1
        let simulated = clinux_pace_time(page, real, &speed)
        return (simulated, max(1, speed))
    }
}
