import Metering

/// The box's clocks in a simulated world: true time runs evenly, the wall clock is what the box believes.
public struct WorldClock: Hashable, Sendable {
    /// Since the world began, microseconds; also the box's uptime.
    public private(set) var elapsed: Int64 = 0
    /// True UTC when the world began.
    public let start: WallTime
    /// What the box's wall clock is ahead of the truth, milliseconds.
    public var offset: Int64 = 0
    /// Parts per million the wall clock runs fast.
    public var drift: Int64 = 0
    public var isSynchronised = true
    private var driftedFrom: Int64 = 0

    public init(start: WallTime) { self.start = start }

    /// True time in UTC.
    public var truth: WallTime { start + elapsed / 1000 }

    /// What the box reads.
    public var moment: Moment { moment(at: elapsed) }

    /// What the box will read at a later instant, if nothing steps until then.
    public func moment(at elapsed: Int64) -> Moment {
        let drifted = (elapsed - driftedFrom) / 1_000_000 * drift / 1000
        return Moment(
            wall: start + (elapsed / 1000 + offset + drifted), uptime: Uptime(microseconds: elapsed),
            kernelSynchronised: isSynchronised)
    }

    /// Lets time pass to `elapsed`; never back.
    public mutating func advance(to elapsed: Int64) { self.elapsed = max(self.elapsed, elapsed) }

    /// The wall clock jumps by `milliseconds`.
    public mutating func step(by milliseconds: Int64) { offset += milliseconds }

    /// From now on the wall clock runs fast by `partsPerMillion`; negative for slow.
    public mutating func setDrift(_ partsPerMillion: Int64) {
        offset += (elapsed - driftedFrom) / 1_000_000 * drift / 1000
        driftedFrom = elapsed
        drift = partsPerMillion
    }
}
