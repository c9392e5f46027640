import Metering

/// A time zone as data: when its offset from UTC changes. Pure: where the table comes from is the edge's business.
public struct ZoneRules: Hashable, Codable, Sendable {
    /// From `at` on, local time is `offset` seconds ahead of UTC.
    public struct Transition: Hashable, Codable, Sendable {
        /// Seconds since 1970 UTC.
        public var at: Int64
        /// Seconds east of UTC.
        public var offset: Int64

        public init(at: Int64, offset: Int64) {
            self.at = at
            self.offset = offset
        }
    }

    /// The offset before the first transition.
    public let firstOffset: Int64
    /// In order of time.
    public let transitions: [Transition]
    /// Seconds since 1970 UTC up to which the table holds; past it the last offset stays, and somebody must be told.
    public let knownUntil: Int64

    /// - Parameters:
    ///   - firstOffset: seconds east of UTC before the first transition.
    ///   - transitions: in any order; those that change nothing are dropped.
    ///   - knownUntil: seconds since 1970 UTC; nil when the table holds for ever.
    public init(firstOffset: Int64, transitions: [Transition], knownUntil: Int64? = nil) {
        self.firstOffset = firstOffset
        var offset = firstOffset
        var kept: [Transition] = []
        for transition in transitions.sorted(by: { $0.at < $1.at }) where transition.offset != offset {
            kept.append(transition)
            offset = transition.offset
        }
        self.transitions = kept
        self.knownUntil = knownUntil ?? .max
    }

    /// The same offset for ever.
    public static func fixed(_ offset: Int64) -> ZoneRules { ZoneRules(firstOffset: offset, transitions: []) }

    /// UTC+10 without daylight saving: the time of the market and of NEM12.
    public static let market = ZoneRules.fixed(MarketTime.offset)

    /// The offset in force at an instant, and the next instant at which it changes.
    public func offset(at instant: Int64) -> (offset: Int64, until: Int64) {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].at <= instant { low = middle + 1 } else { high = middle }
        }
        let until = low < transitions.count ? transitions[low].at : Int64.max
        return (low == 0 ? firstOffset : transitions[low - 1].offset, until)
    }

    /// Seconds since 1970 on the local calendar.
    public func local(_ instant: Int64) -> Int64 { instant + offset(at: instant).offset }

    /// The first instant whose local date is `day` (days since 1970) or later. Where the clock jumps over midnight that
    /// is the instant of the jump; where midnight comes twice it is the first one.
    public func start(ofDay day: Int64) -> Int64 {
        let wanted = day * 86_400
        // No offset is beyond a day; walk the few spans of constant offset around the wanted time.
        var from = wanted - 93_600
        while true {
            let (offset, until) = offset(at: from)
            let instant = wanted - offset
            if instant < until { return max(instant, from) }
            from = until
        }
    }
}
