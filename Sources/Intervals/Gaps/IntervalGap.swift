import Metering

/// Intervals in a row whose newest statement is the same and lacks an actual value on some channel.
public struct IntervalGap: Hashable, Sendable {
    public let meter: MeterSerial
    public let epoch: Int
    /// 5, 15 or 30.
    public let minutes: Int
    /// End of the first and of the last interval meant.
    public internal(set) var first: WallTime
    public internal(set) var last: WallTime
    /// Of the newest statement about each of them.
    public let revision: Int
    /// What that statement says, one for each channel. Of a closed gap only the channels that miss something.
    public internal(set) var values: [IntervalValue]
    /// The register at the start of the first interval, for each of `values`, whole units; nil where it is not known.
    public internal(set) var before: [Int64?]
    /// Whether a better value may still be had; a closed gap is only told about.
    public internal(set) var isOpen: Bool
    /// The end of the new meter's first statement, with its initial readings, where this gap was noted right after it.
    private let exchangedAt: WallTime?

    /// What an interval misses; nil when every channel has an actual value. `previous` is the newest statement about
    /// the interval that ends where this one starts, nil when there is none.
    public init?(_ interval: Interval, after previous: Interval?) {
        let missing = interval.values.filter(Self.isMissing)
        guard !missing.isEmpty else { return nil }
        meter = interval.meter
        epoch = interval.epoch
        minutes = interval.minutes
        first = interval.end
        last = interval.end
        revision = interval.revision
        values = interval.values
        before = interval.values.map { value in
            previous?.values.first { $0.channel == value.channel }?.registerAtEnd
        }
        exchangedAt = previous.flatMap { $0.isInitial ? $0.end : nil }
        // What the meter's own survey could not say better has been asked already.
        isOpen = missing.contains { $0.source != .survey }
    }

    /// Why a meter that replaced another has nothing for the time before: nothing is missing.
    public static let replacedReason = "meter_replaced"

    /// Whether a value says only where a new meter's register began.
    static func isInitial(_ value: IntervalValue) -> Bool {
        value.quality == .null && value.reason == replacedReason && value.source == .register
    }

    /// Whether its first interval is the first one of a meter that replaced another.
    var followsExchange: Bool { exchangedAt == start }

    /// Whether a value is none, or none that was measured.
    public static func isMissing(_ value: IntervalValue) -> Bool {
        (value.quality == .null && value.reason != replacedReason) || isEstimate(value)
    }

    /// Whether a value was made, not measured: its register may be made too.
    static func isEstimate(_ value: IntervalValue) -> Bool {
        value.quality == .estimated || value.quality == .substituted
    }

    /// Milliseconds.
    var length: Int64 { Int64(minutes) * 60_000 }

    /// How many intervals.
    public var count: Int64 { (last - first) / length + 1 }

    /// Start of the first interval.
    public var start: WallTime { first + -length }

    func contains(_ end: WallTime) -> Bool { first <= end && end <= last }

    /// The register at the start of one of its intervals.
    func registers(before end: WallTime) -> [Int64?] { end == first ? before : values.map(\.registerAtEnd) }

    /// Nothing better can be had: only what is missing is remembered, so that long runs stay one gap.
    public mutating func close() {
        isOpen = false
        values = values.filter(Self.isMissing).map { value in
            var rest = value
            rest.value = nil
            rest.registerAtEnd = nil
            return rest
        }
        before = values.map { _ in nil }
    }

    /// Whether the other gap goes on where this one ends and says the same.
    func joins(_ next: IntervalGap) -> Bool {
        meter == next.meter && epoch == next.epoch && minutes == next.minutes && next.first == last + length
            && isOpen == next.isOpen && values == next.values
            && (isOpen ? revision == next.revision && next.before == values.map(\.registerAtEnd) : true)
    }
}

extension Interval {
    /// Whether it is the first statement of a meter that replaced another: where its registers began.
    public var isInitial: Bool { values.contains(where: IntervalGap.isInitial) }
}
