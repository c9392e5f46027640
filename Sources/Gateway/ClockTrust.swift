import Metering

/// Whether the wall clock may be trusted (design §3), and what happened to it.
///
/// Trusted means: not before the build date or the newest record, and at least one witness. Losing a witness counts
/// only after a grace, so that a flag that flickers writes no records; a step of more than 60 s counts at once, and
/// the witnesses are asked again a moment later.
struct ClockTrust: Sendable {
    /// Why the clock is trusted, or not.
    enum Reason: String, Sendable {
        case kernel, meter, attested, host
        case beforeBuild = "before_build"
        case beforeNewestRecord = "before_newest_record"
        case noWitness = "no_witness"
        case step

        var isTrust: Bool {
            switch self {
            case .kernel, .meter, .attested, .host: true
            case .beforeBuild, .beforeNewestRecord, .noWitness, .step: false
            }
        }
    }

    /// Nil until the first look.
    private(set) var reason: Reason?
    /// How far the wall clock may be off, milliseconds.
    private(set) var uncertainty = ClockTrust.looseUncertainty

    private let builtAt: WallTime
    private let isVouchedFor: Bool
    private var newestAt: WallTime
    private var previous: Moment?
    private var kernelSeen: Uptime?
    private var meterSeen: Uptime?
    private var attestedAt: Uptime?
    /// After a step over 60 s witnesses are not asked before this.
    private var retestAt: Uptime?
    private var retestDelay: Int64 = ClockTrust.second
    private var lastBigStep: Uptime?
    private var witnessLostAt: Uptime?
    private var untrustedSince: Uptime?
    private var alarmed = false
    private var stepRecords = RateLimit(limit: 60, seconds: 3600)
    private var trustRecords = RateLimit(limit: 60, seconds: 3600)
    private var alarms = RateLimit(limit: 6, seconds: 3600)

    /// - Parameter newestAt: the time of the newest journal record.
    init(configuration: BoxSettings, newestAt: WallTime) {
        builtAt = configuration.builtAt
        isVouchedFor = configuration.clockFromHost
        self.newestAt = newestAt
    }

    /// Whether the wall clock may decide anything.
    var isTrusted: Bool { reason?.isTrust ?? false }

    /// Whether the first look would trust the clock, without any meter's word.
    func isVouchedFor(at moment: Moment) -> Bool {
        (moment.kernelSynchronised || isVouchedFor) && moment.wall >= builtAt
            && moment.wall + Self.smallestStep >= newestAt
    }

    /// When this wants to look again although nothing happens.
    private(set) var nextWake: Uptime?

    /// Looks at the clock; called at the start of every turn.
    mutating func observe(turn: inout Turn) {
        if outvotesJournal(turn.moment) {
            // At the start of a turn: nothing of it has gone by the wrong time yet.
            turn.forgetFuture()
            newestAt = turn.newestAt
        }
        noticeStep(turn: &turn)
        if turn.moment.kernelSynchronised { kernelSeen = turn.moment.uptime }
        judge(turn: &turn)
        previous = turn.moment
        newestAt = turn.newestAt
        alarmIfDue(turn: &turn)
        nextWake = wakes(after: turn.moment.uptime)
    }

    /// A configured meter's clock differs from the box's by so much, either way. Only agreement counts: of several
    /// meters one may be wrong.
    mutating func meterClock(agreesWithin milliseconds: Int64, turn: inout Turn) {
        guard milliseconds.magnitude <= Self.agreement.magnitude else { return }
        meterSeen = turn.moment.uptime
        judge(turn: &turn)
        nextWake = wakes(after: turn.moment.uptime)
    }

    /// A signer says that it is `wall` now. False when the box's clock differs by more than 120 s, or when the time
    /// attested cannot be.
    mutating func attest(wall: WallTime, turn: inout Turn) -> Bool {
        guard wall >= builtAt, wall + Self.agreement >= newestAt || turn.moment.kernelSynchronised,
            (turn.moment.wall - wall).magnitude <= Self.agreement.magnitude
        else { return false }
        attestedAt = turn.moment.uptime
        judge(turn: &turn)
        nextWake = wakes(after: turn.moment.uptime)
        return true
    }

    // MARK: Steps

    private mutating func noticeStep(turn: inout Turn) {
        guard let previous else { return }
        let now = turn.moment
        let elapsed = (now.uptime - previous.uptime) / 1000
        let step = (now.wall - previous.wall) - elapsed
        // A clock that is being slewed gains or loses at most 500 ppm: no step.
        guard step.magnitude > Self.smallestStep.magnitude + elapsed.magnitude / 2000 else { return }
        if stepRecords.admit(at: now.uptime) {
            turn.append(
                .clockStep,
                [
                    "before": .string((previous.wall + elapsed).text), "after": .string(now.wall.text),
                    "step_ms": .integer(step),
                ])
        }
        guard step.magnitude > Self.largestTrustedStep.magnitude else { return }
        kernelSeen = nil
        meterSeen = nil
        attestedAt = nil
        // A clock that keeps jumping is asked ever more rarely, or it would fill the journal.
        let isRepeated = lastBigStep.map { now.uptime - $0 < Self.hour } ?? false
        retestDelay = isRepeated ? min(retestDelay * 2, 600 * Self.second) : Self.second
        lastBigStep = now.uptime
        retestAt = now.uptime + retestDelay
    }

    // MARK: Judgement

    private mutating func judge(turn: inout Turn) {
        let now = turn.moment.uptime
        uncertainty = turn.moment.kernelSynchronised ? Self.tightUncertainty : Self.looseUncertainty
        var verdict = verdict(at: turn.moment)
        if verdict == .noWitness, let reason, reason.isTrust {
            let lostAt = witnessLostAt ?? now
            witnessLostAt = lostAt
            if now - lostAt < Self.grace { verdict = reason }
        } else {
            witnessLostAt = nil
        }
        let before = reason
        reason = verdict
        untrustedSince = verdict.isTrust ? nil : untrustedSince ?? now
        if verdict.isTrust { alarmed = false }
        guard before?.isTrust != verdict.isTrust else { return }
        // Only a start is given time; trust that is lost is worth an alarm at once.
        if before?.isTrust == true { untrustedSince = Uptime(microseconds: now.microseconds - Self.startGrace) }
        guard trustRecords.admit(at: now) else { return }
        turn.append(
            .clockTrust,
            [
                "trusted": .bool(verdict.isTrust), "reason": .string(verdict.rawValue),
                "uncertainty_ms": .integer(uncertainty),
            ])
    }

    private mutating func verdict(at moment: Moment) -> Reason {
        if moment.wall < builtAt { return .beforeBuild }
        if moment.wall + Self.smallestStep < newestAt { return .beforeNewestRecord }
        if let retestAt {
            guard moment.uptime >= retestAt else { return .step }
            self.retestAt = nil
        }
        if moment.kernelSynchronised { return .kernel }
        if isVouchedFor { return .host }
        if hasMeterWitness(moment) { return .meter }
        if hasAttestation(moment) { return .attested }
        if let kernelSeen, moment.uptime - kernelSeen <= Self.grace { return .kernel }
        return .noWitness
    }

    /// A clock that was wrong for long may have left records of the future. Against them stand two witnesses that have
    /// nothing to do with each other: the network's time, and a meter's or a signer's word. Else the box would hold
    /// everything until that future has come.
    private func outvotesJournal(_ moment: Moment) -> Bool {
        guard moment.wall + Self.smallestStep < newestAt, moment.wall >= builtAt, moment.kernelSynchronised,
            retestAt.map({ moment.uptime >= $0 }) ?? true
        else { return false }
        return hasMeterWitness(moment) || hasAttestation(moment)
    }

    private func hasMeterWitness(_ moment: Moment) -> Bool {
        meterSeen.map { moment.uptime - $0 <= Self.meterLife } ?? false
    }

    private func hasAttestation(_ moment: Moment) -> Bool {
        attestedAt.map { moment.uptime - $0 <= Self.attestationLife } ?? false
    }

    private mutating func alarmIfDue(turn: inout Turn) {
        guard let reason, !reason.isTrust, !alarmed, let untrustedSince,
            turn.moment.uptime - untrustedSince >= Self.startGrace
        else { return }
        alarmed = true
        guard alarms.admit(at: turn.moment.uptime) else { return }
        turn.alarm(.clockUntrusted, ["reason": .string(reason.rawValue), "wall": .string(turn.moment.wall.text)])
    }

    private func wakes(after now: Uptime) -> Uptime? {
        var times: [Uptime] = []
        if let retestAt { times.append(retestAt) }
        if let witnessLostAt { times.append(witnessLostAt + Self.grace) }
        if !alarmed, let untrustedSince { times.append(untrustedSince + Self.startGrace) }
        return times.filter { $0 > now }.min()
    }

    // MARK: Bounds

    private static let second: Int64 = 1_000_000
    private static let hour: Int64 = 3600 * second
    /// Milliseconds: what is noticed, what ends trust, how well a witness must agree.
    private static let smallestStep: Int64 = 1000
    private static let largestTrustedStep: Int64 = 60_000
    private static let agreement: Int64 = 120_000
    private static let tightUncertainty: Int64 = 2000
    private static let looseUncertainty: Int64 = 120_000
    /// Meters are asked hourly; one question may go unanswered.
    private static let meterLife = 2 * hour + 600 * second
    /// A poor crystal (200 ppm) is 120 s off after a week.
    private static let attestationLife = 7 * 24 * hour
    /// How long the last witness may be away before that counts.
    private static let grace = 300 * second
    /// After a start network time may need a moment before its absence is worth an alarm.
    private static let startGrace = 10 * second
}
