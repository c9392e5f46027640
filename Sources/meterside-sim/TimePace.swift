import CLinux
import Metering

/// How fast time runs, where that changes: a night passes quickly, a switch moves slowly enough to be seen. The daemon
/// follows the same file with `--time-pace`.
final class TimePace: @unchecked Sendable {
    /// The file, for the daemon.
    let path: String
    /// Written by one thread only; everything that is read at the same time is behind an atomic count.
    private let page: UnsafeMutablePointer<Int64>

    /// A change takes effect so much later, microseconds, so that everybody knows of it before it does.
    private static let notice: Int64 = 20_000

    /// Time begins at `start` now, `speed` times as fast as the real one.
    init(path: String, start: WallTime, speed: Int64) throws(SimulatorFailure) {
        self.path = path
        guard let page = clinux_pace_open(path, 1) else { throw .file("\(path): cannot be written and mapped") }
        self.page = page
        let now = BoardClock.realTime()
        clinux_pace_begin(page, now, start.milliseconds * 1000)
        clinux_pace_change(page, now, now, speed)
    }

    deinit { clinux_pace_close(page) }

    /// Simulated wall time.
    var now: WallTime { WallTime(milliseconds: at(BoardClock.realTime()).simulated / 1000) }

    /// How many times faster than the real one time runs now.
    var speed: Int64 { at(BoardClock.realTime()).speed }

    /// From now on time runs so fast.
    func run(_ speed: Int64) {
        let now = BoardClock.realTime()
        clinux_pace_change(page, now, now + Self.notice, speed)
    }

    /// Time runs at `speed` until a simulated instant, and then at another one.
    func run(_ speed: Int64, until: WallTime, then next: Int64) {
        let now = BoardClock.realTime()
        let from = now + Self.notice
        clinux_pace_change(page, now, from, speed)
        let left = until.milliseconds * 1000 - at(from).simulated
        clinux_pace_change(page, now, from + max(Self.notice, left / max(1, speed)), next)
    }

    private func at(_ real: Int64) -> (simulated: Int64, speed: Int64) {
        var speed: Int64 = 1
        let simulated = clinux_pace_time(page, real, &speed)
        return (simulated, max(1, speed))
    }
}
