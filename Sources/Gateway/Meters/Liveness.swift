import Metering

/// Whether a meter answers: data about it, not a process.
struct Liveness: Hashable, Sendable {
    /// A meter is silent after this many polls in a row without an answer …
    static let missedPolls = 3
    /// … and this long without one, microseconds.
    static let silentAfter: Int64 = 60_000_000
    /// A silent meter is asked at most this rarely, microseconds.
    static let longestBackOff: Int64 = 300_000_000

    /// The words of `status` (contract §8).
    enum State: String, Hashable, Sendable {
        case live, silent, mismatch, refused
    }

    private(set) var state = State.silent
    private(set) var lastGood: Moment?
    /// Polls in a row without an answer.
    private(set) var missed = 0
    private(set) var why: NoData?
    private let startedAt: Uptime
    /// The outage has its record and its alarm.
    private(set) var isReported = false

    init(startedAt: Uptime) { self.startedAt = startedAt }

    /// Polls are tried once only while a meter does not answer, so that it costs others little.
    var isAnswering: Bool { missed == 0 && lastGood != nil }

    /// Notes an answer with data; true when the meter was not live before.
    mutating func answered(at moment: Moment) -> Bool {
        let isNew = state != .live
        state = .live
        lastGood = moment
        missed = 0
        why = nil
        isReported = false
        return isNew
    }

    /// Notes a poll without any answer; true when the meter becomes silent with it.
    mutating func missed(why: NoData, at moment: Moment) -> Bool {
        missed = min(missed + 1, 1000)
        self.why = why
        guard state == .live || !isReported, state != .refused, state != .mismatch, missed >= Self.missedPolls,
            moment.uptime - (lastGood?.uptime ?? startedAt) >= Self.silentAfter
        else { return false }
        state = .silent
        isReported = true
        return true
    }

    /// The meter answers, but does not let us in; true when that is new.
    mutating func refused() -> Bool { enter(.refused, why: .refused) }

    /// Another meter answers; true when that is new.
    mutating func mismatched() -> Bool { enter(.mismatch, why: .wrongMeter) }

    private mutating func enter(_ new: State, why: NoData) -> Bool {
        let isNew = state != new
        state = new
        self.why = why
        isReported = true
        missed = min(missed + 1, 1000)
        return isNew
    }

    /// How long to wait for the next poll: the poll interval, doubled for every missed poll up to five minutes.
    func pause(pollMicroseconds: Int64) -> Int64 {
        guard missed > 0 else { return pollMicroseconds }
        let doublings = min(missed, 10)
        return max(pollMicroseconds, min(pollMicroseconds << doublings, Self.longestBackOff))
    }
}
