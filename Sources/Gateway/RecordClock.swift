import Metering

/// How late records may be dated while the wall clock has run away, and whether it has.
///
/// A clock that jumps ahead by a year and back would leave the journal's newest record a year ahead, and nothing could
/// be placed for a year. From a jump of more than a minute until the clock is trusted again, or is back, records are
/// therefore dated by uptime from where the clock was before it.
///
/// A start is such a jump too, as long as nothing vouches for the clock: a box that seems to have been off for very
/// long may as well have a clock that is wrong. It is waited for a witness, longer the longer the box seems to have
/// been off; a box without any must not wait for ever.
struct RecordClock: Hashable, Sendable {
    /// Milliseconds.
    private static let largestStep: Int64 = 60_000
    /// How long a box may have been off to be believed at once, after a while, and at all; milliseconds.
    private static let restart: Int64 = 900_000
    private static let powerCut: Int64 = 6 * 3_600_000
    private static let longAbsence: Int64 = 60 * 86_400_000
    /// How long after its making a box may be started first.
    private static let onTheShelf: Int64 = 5 * 366 * 86_400_000
    /// How long a witness is waited for, microseconds.
    private static let patience: (short: Int64, long: Int64) = (600_000_000, 7_200_000_000)

    private let newestAt: WallTime
    private let builtAt: WallTime
    private var last: Moment?
    /// Where the clock was before it jumped ahead.
    private var before: Moment?
    /// A clock that nothing vouches for is believed from then on; nil for never.
    private var believedAt: Uptime?

    /// - Parameter newestAt: the time of the journal's newest record; the epoch when it is empty.
    init(newestAt: WallTime, builtAt: WallTime) {
        self.newestAt = newestAt
        self.builtAt = builtAt
    }

    /// Whether the wall clock places nothing.
    var hasRunAway: Bool { before != nil }

    /// The latest time a record of this turn may carry; called once at the start of a turn.
    /// - Parameter isVouchedFor: the clock has a witness already; asked at the first turn.
    mutating func latest(at moment: Moment, isVouchedFor: Bool) -> WallTime {
        if let last {
            if before == nil, moment.wall - expected(after: last, at: moment) > Self.largestStep {
                before = last
                believedAt = nil
            }
        } else if !isVouchedFor {
            begin(at: moment)
        }
        guard let before else { return moment.wall }
        return min(moment.wall, expected(after: before, at: moment))
    }

    private mutating func begin(at moment: Moment) {
        let isNew = newestAt.milliseconds == 0
        let known = isNew ? builtAt : newestAt
        let absence = moment.wall - known
        guard absence > (isNew ? Self.onTheShelf : Self.restart) else { return }
        before = Moment(wall: known, uptime: moment.uptime, kernelSynchronised: false)
        guard absence <= Self.longAbsence else { return }
        believedAt = moment.uptime + (absence <= Self.powerCut ? Self.patience.short : Self.patience.long)
    }

    /// Called at the end of a turn, when it is known whether the clock is trusted.
    mutating func settle(at moment: Moment, isTrusted: Bool) {
        last = moment
        guard let before else { return }
        let isBack = moment.wall - expected(after: before, at: moment) <= Self.largestStep
        let isBelieved = believedAt.map { moment.uptime >= $0 } ?? false
        guard isTrusted || isBack || isBelieved else { return }
        self.before = nil
        believedAt = nil
    }

    private func expected(after earlier: Moment, at moment: Moment) -> WallTime {
        earlier.wall + (moment.uptime - earlier.uptime) / 1000
    }
}
