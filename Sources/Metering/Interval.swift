/// Where an interval's value came from.
public enum IntervalSource: String, Sendable {
    case survey
    case register
    case estimate
}

/// One channel's value in one interval.
public struct IntervalValue: Hashable, Sendable {
    public var channel: Channel
    /// Whole watt-hours or var-hours; nil when there is no data.
    public var value: Int64?
    public var quality: QualityFlag
    /// How the value was made: `boundary` (register read at the boundary), `interpolated`, `survey`, `balanced` (the
    /// survey's amount made to fit the registers read around its stretch), `final_reading`, `none`; or a NEM12 method
    /// number (14, 15, 17, 19: a substitute).
    public var method: String
    /// Why the value is missing or not actual; empty for an actual value.
    public var reason: String
    public var source: IntervalSource
    /// The cumulative register at the interval's end, whole units, when known: the anchor of the next interval.
    public var registerAtEnd: Int64?

    public init(
        channel: Channel, value: Int64?, quality: QualityFlag, method: String, reason: String,
        source: IntervalSource, registerAtEnd: Int64?
    ) {
        self.channel = channel
        self.value = value
        self.quality = quality
        self.method = method
        self.reason = reason
        self.source = source
        self.registerAtEnd = registerAtEnd
    }
}

/// All channels of a meter for `[end − minutes, end)`, named by its end in UTC.
public struct Interval: Hashable, Sendable {
    public var meter: MeterSerial
    /// Counts replacements of the meter at this place; starts at 1.
    public var epoch: Int
    /// On a boundary: a multiple of `minutes` since midnight UTC.
    public var end: WallTime
    /// 5, 15 or 30.
    public var minutes: Int
    /// 0 for the first statement about this interval, +1 for each better one.
    public var revision: Int
    public var values: [IntervalValue]

    public init(
        meter: MeterSerial, epoch: Int, end: WallTime, minutes: Int, revision: Int, values: [IntervalValue]
    ) {
        self.meter = meter
        self.epoch = epoch
        self.end = end
        self.minutes = minutes
        self.revision = revision
        self.values = values
    }

    /// The unique journal key, `interval/<serial>/<epoch>/<end>/<revision>`.
    public var key: String { "interval/\(meter)/\(epoch)/\(end.textSeconds)/\(revision)" }
}
