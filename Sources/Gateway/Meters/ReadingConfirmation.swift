import Metering

/// What a connection can carry at most, to tell a wrong advance from a right one.
struct ConnectionLimit: Hashable, Sendable {
    /// Highest voltage of a 230 V supply, EN 50160 §4.2.2: 230 V + 10 %.
    static let maximumVolts: Int64 = 253
    /// Meters bring their registers up to date in steps of up to this, seconds.
    static let registerUpdateSeconds: Int64 = 10

    /// Watts × 1.25: a quarter more than the fuse carries for ever.
    let watts: Int64
    /// Step of the register, whole units.
    let quantum: Int64

    init(maxAmps: Int, phases: Int, quantum: Int64) {
        watts = Int64(maxAmps) * Int64(phases) * Self.maximumVolts * 5 / 4
        self.quantum = quantum
    }

    /// The greatest advance within a time, whole units.
    func greatestAdvance(microseconds: Int64) -> Int64 {
        let seconds = max(Self.registerUpdateSeconds, microseconds / 1_000_000 + 1)
        let (product, overflow) = watts.multipliedReportingOverflow(by: seconds)
        return overflow ? Int64.max : product / 3600 + quantum
    }
}

/// One good reading of a cumulative register.
struct RegisterPoint: Hashable, Sendable {
    /// Whole units.
    var value: Int64
    var moment: Moment
    /// Whether the wall clock was trusted when it was read.
    var trusted: Bool
}

/// The rule that a reading of a cumulative register counts only when the next good reading confirms it: not less, and
/// no further than the connection can carry. A checksum of 16 bits alone lets a wrong value through too often.
struct ReadingConfirmation: Hashable, Sendable {
    let width: Int64?
    let limit: ConnectionLimit
    private var confirmed: RegisterPoint?
    private var candidate: RegisterPoint?
    private var suspect: RegisterPoint?
    /// The confirmed reading comes from the journal: its uptime is of another boot.
    private var isRemembered: Bool
    /// The confirmed reading was counted otherwise: nothing follows it.
    private(set) var isOutdated = false

    /// What a new reading means.
    enum Verdict: Hashable, Sendable {
        /// It follows the one before, which is confirmed by it; nil for the first.
        case accepted(confirmed: RegisterPoint?)
        /// It follows neither: it is not used until a second one agrees with it.
        case suspect(Fault, isFirst: Bool)
        /// It follows the confirmed reading: the one in between was wrong and is dropped.
        case dropped(RegisterPoint)
        /// It agrees with the suspect before it: the register went on from there.
        case reanchored(RegisterPoint)
    }

    /// How a reading contradicts the ones before.
    enum Fault: String, Hashable, Sendable {
        case registerReset = "register_reset"
        case implausible = "implausible_reading"

        var alarm: AlarmWord { self == .registerReset ? .registerReset : .implausibleReading }
    }

    /// `remembered` is the register the journal knows last, at its wall time.
    init(width: Int64?, limit: ConnectionLimit, remembered: RegisterPoint?) {
        self.width = width
        self.limit = limit
        confirmed = remembered
        isRemembered = remembered != nil
    }

    /// The newest reading that may be used.
    var usable: RegisterPoint? { confirmed }

    /// Whether the newest reading contradicts the ones before it.
    var isInDoubt: Bool { suspect != nil }

    /// Whether the reading that may be used was made by this process.
    var isFresh: Bool { confirmed != nil && !isRemembered }

    /// The register is counted otherwise from now on: two new readings must agree before one is used, however near they
    /// are to the old ones.
    mutating func startAnew() { isOutdated = confirmed != nil }

    /// Judges a good reading.
    mutating func take(_ point: RegisterPoint) -> Verdict {
        if let candidate {
            if follows(point, candidate) { return accept(point, confirming: candidate) }
            if let suspect, follows(point, suspect) { return reanchor(at: suspect, then: point) }
            if let confirmed, follows(point, confirmed) {
                self.candidate = point
                suspect = nil
                return .dropped(candidate)
            }
            return hold(point, against: candidate)
        }
        if let confirmed, !follows(point, confirmed) {
            if let suspect, follows(point, suspect) { return reanchor(at: suspect, then: point) }
            return hold(point, against: confirmed)
        }
        candidate = point
        suspect = nil
        return .accepted(confirmed: nil)
    }

    private mutating func accept(_ point: RegisterPoint, confirming candidate: RegisterPoint) -> Verdict {
        confirmed = candidate
        isRemembered = false
        isOutdated = false
        self.candidate = point
        suspect = nil
        return .accepted(confirmed: candidate)
    }

    private mutating func reanchor(at suspect: RegisterPoint, then point: RegisterPoint) -> Verdict {
        confirmed = suspect
        isRemembered = false
        isOutdated = false
        candidate = point
        self.suspect = nil
        return .reanchored(suspect)
    }

    private mutating func hold(_ point: RegisterPoint, against reference: RegisterPoint) -> Verdict {
        let isFirst = suspect == nil
        suspect = point
        return .suspect(point.value < reference.value ? .registerReset : .implausible, isFirst: isFirst)
    }

    private func follows(_ point: RegisterPoint, _ earlier: RegisterPoint) -> Bool {
        if isOutdated, earlier == confirmed { return false }
        var advance = point.value - earlier.value
        if advance < 0, let width, earlier.value <= width { advance += width }
        guard advance >= 0 else { return false }
        if isRemembered, earlier == confirmed {
            // A wall clock that is behind the journal says nothing about the time that passed.
            let passed = point.moment.wall - earlier.moment.wall
            return passed < 0 || !point.trusted || advance <= limit.greatestAdvance(microseconds: passed * 1000)
        }
        return advance <= limit.greatestAdvance(microseconds: point.moment.uptime - earlier.moment.uptime)
    }
}
