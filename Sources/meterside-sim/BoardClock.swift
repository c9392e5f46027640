import Glibc
import Metering

/// The only place of the simulator that reads clocks. The meters' time runs `scale` times faster than the real one,
/// by the formula metersided uses with the same `--time-scale` and `--time-anchor`.
struct BoardClock: Sendable {
    /// 1…3600
    let scale: Int64
    /// Wall time, milliseconds since 1970, at which scaled and real time agree.
    let anchor: Int64
    /// How time runs where that changes; in place of `scale`.
    var pace: TimePace?

    init(scale: Int64, anchor: Int64?) {
        self.scale = scale
        self.anchor = anchor ?? Self.realWall()
    }

    /// UTC as the board and the daemon on it see it.
    func wall() -> WallTime {
        pace?.now ?? WallTime(milliseconds: anchor + (Self.realWall() - anchor) * scale)
    }

    /// Real time that never jumps, for waits and for the pace of the wire.
    static func uptime() -> Uptime { Uptime(microseconds: read(CLOCK_MONOTONIC)) }

    /// Wall time as it is, microseconds since 1970.
    static func realTime() -> Int64 { read(CLOCK_REALTIME) }

    private static func realWall() -> Int64 { realTime() / 1000 }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
