import Metering

/// How late records may be dated while the wall clock has run away.
///
/// A clock that jumps ahead by a year and back would leave the journal's newest record a year ahead, and nothing could
/// be placed for a year. From a jump of more than a minute until the clock is trusted again, or is back, records are
/// therefore dated by uptime from where the clock was before it.
struct RecordClock: Hashable, Sendable {
    /// Milliseconds.
    private static let largestStep: Int64 = 60_000

    private var last: Moment?
    /// Where the clock was before it jumped ahead.
    private var before: Moment?

    /// The latest time a record of this turn may carry; called once at the start of a turn.
    mutating func latest(at moment: Moment) -> WallTime {
        if before == nil, let last, moment.wall - expected(after: last, at: moment) > Self.largestStep { before = last }
        guard let before else { return moment.wall }
        return min(moment.wall, expected(after: before, at: moment))
    }

    /// Called at the end of a turn, when it is known whether the clock is trusted.
    mutating func settle(at moment: Moment, isTrusted: Bool) {
        if let before, isTrusted || moment.wall - expected(after: before, at: moment) <= Self.largestStep {
            self.before = nil
        }
        last = moment
    }

    private func expected(after earlier: Moment, at moment: Moment) -> WallTime {
        earlier.wall + (moment.uptime - earlier.uptime) / 1000
    }
}
