import Metering

/// Where the binding of the box to the utility's meter stands. A utility that accepted a bind has only taken note of
/// it: bound is what HAN data proves. Nothing is ever asked for twice by itself.
struct HanBinding: Hashable, Sendable {
    enum State: String, Sendable, CaseIterable {
        case unbound
        /// Asked for; the answer is not there, or got lost (`isUnknown`).
        case requested
        case accepted
        /// The radio has begun to join.
        case joining
        case bound, failed
        case timedOut = "timed_out"
        /// The end of the binding was asked for.
        case releasing
    }

    /// An adapter and a meter.
    struct Pair: Hashable, Sendable {
        var mac: String
        var meter: String
    }

    /// Pairing may take so long, microseconds (EnergyGrid: up to 48 h); usually it is over after the shorter time.
    static let deadline: Int64 = 48 * 3_600_000_000
    static let usual: Int64 = 15 * 60_000_000

    private(set) var state = State.unbound
    private(set) var since: WallTime
    /// The command that asked.
    private(set) var by: String?
    /// A stable word about the state: `unknown`, `refused`, `join_failed` …
    private(set) var detail: String?
    /// Whether the utility holds, or may hold, a bind of ours: then a new one needs an unbind first.
    private(set) var isHeldUpstream = false
    /// What the utility was asked to bind to each other, while it holds that: another adapter or meter may stand in the
    /// configuration by now, and it is these that an unbind must name.
    private(set) var held: Pair?
    /// The utility refused to undo it, perhaps because it has forgotten it: a new bind may be ordered without that.
    private(set) var isReleaseRefused = false
    /// The binding that is held is not one to the meter of the configuration.
    private var isOfAnotherMeter = false
    /// Whether the radio was seen to join since the bind was asked for.
    private(set) var joinSeen = false
    /// Data of a meter that has not forgotten us yet proves nothing after an unbind: until then, or until the radio
    /// has left the network.
    private var ignoresDataUntil: Uptime?
    /// What to return to when the end of the binding is refused.
    private var before = State.unbound
    private var startedAt: Uptime

    init(at moment: Moment) {
        since = moment.wall
        startedAt = moment.uptime
    }

    /// Goes on from the newest record.
    init(record: JSONObject, at moment: Moment) {
        self.init(at: moment)
        guard let bind = record["bind"]?.object, let state = bind["state"]?.string.flatMap(State.init(rawValue:))
        else { return }
        self.state = state
        since = bind["since"]?.string.flatMap { WallTime(text: $0) } ?? moment.wall
        by = bind["by"]?.string
        detail = bind["detail"]?.string
        isHeldUpstream = bind["held"]?.bool ?? false
        joinSeen = bind["join_seen"]?.bool ?? false
        isReleaseRefused = bind["release_refused"]?.bool ?? false
        if let mac = bind["held_mac"]?.string, let meter = bind["held_meter"]?.string {
            held = Pair(mac: mac, meter: meter)
        }
        // A clock that was wrong meanwhile can neither lengthen nor skip the wait by more than itself.
        let passed = min(max(0, moment.wall - since), Self.deadline / 1000) * 1000
        startedAt = Uptime(microseconds: moment.uptime.microseconds - passed)
        // The answer to what was under way is lost with the process that waited for it.
        if state == .requested || state == .releasing, isHeldUpstream { detail = "unknown" }
    }

    var isUnknown: Bool { detail == "unknown" }

    /// When the state ends by itself.
    var nextWake: Uptime? {
        switch state {
        case .requested, .accepted, .joining: startedAt + Self.deadline
        default: nil
        }
    }

    /// What every record holds.
    var json: JSONValue {
        var json: JSONObject = [
            "state": .string(state.rawValue), "since": .string(since.textSeconds), "by": JSONValue(by),
            "detail": JSONValue(detail), "held": .bool(isHeldUpstream), "join_seen": .bool(joinSeen),
        ]
        if let held {
            json["held_mac"] = .string(held.mac)
            json["held_meter"] = .string(held.meter)
        }
        if isReleaseRefused { json["release_refused"] = true }
        return .object(json)
    }

    /// Longer than it usually takes, but not too long yet.
    func isLate(at now: Uptime) -> Bool { nextWake != nil && now - startedAt > Self.usual }

    private mutating func enter(_ new: State, detail: String? = nil, at moment: Moment) {
        state = new
        self.detail = detail
        since = moment.wall
        startedAt = moment.uptime
    }

    // MARK: Asked for

    /// May a bind be asked for now, and must the utility's first be undone? Changes nothing.
    func check(rebind: Bool, resend: Bool) throws(Refusal) {
        if rebind || resend && isReleaseRefused { return }
        switch state {
        case .bound: throw .precondition("already_bound", "the box is bound; rebind first undoes that")
        case .releasing: throw .precondition("unbind_under_way", "an unbind is under way; wait for its end")
        case .requested where isUnknown:
            if joinSeen {
                throw .precondition("join_seen", "the radio has begun to join: the bind arrived; wait for its data")
            }
            guard resend else {
                throw .precondition(
                    "outcome_unknown",
                    "whether the last bind arrived is not known; wait for the radio to join, or ask for resend")
            }
        case .requested, .accepted, .joining:
            throw .precondition("bind_under_way", "a bind is under way; pairing may take 48 hours")
        case .failed where isHeldUpstream, .timedOut where isHeldUpstream:
            throw .precondition("rebind_needed", "the utility holds the last bind; rebind first undoes it")
        case .failed, .timedOut, .unbound: break
        }
    }

    /// - Parameter pair: what PowerBox is asked to bind; nil where the utility binds by its own means.
    mutating func request(by id: String, _ pair: Pair?, at moment: Moment) {
        by = id
        joinSeen = false
        isReleaseRefused = false
        isOfAnotherMeter = false
        isHeldUpstream = pair != nil
        held = pair
        enter(.requested, at: moment)
    }

    mutating func accepted(at moment: Moment) {
        guard state == .requested else { return }
        enter(.accepted, at: moment)
    }

    mutating func refused(_ word: String, at moment: Moment) {
        guard state == .requested else { return }
        // Bound already is not ours to call failed, but it is held there.
        isHeldUpstream = word == "meter_already_bound"
        if !isHeldUpstream { held = nil }
        enter(.failed, detail: word, at: moment)
    }

    /// Asked, and no answer: whether it arrived only the radio can tell.
    mutating func lostAnswer() { if state == .requested || state == .releasing { detail = "unknown" } }

    // MARK: Undone

    mutating func requestRelease(by id: String, at moment: Moment) {
        by = id
        if state != .releasing { before = state }
        enter(.releasing, at: moment)
    }

    mutating func released(at moment: Moment) {
        isHeldUpstream = false
        isReleaseRefused = false
        isOfAnotherMeter = false
        held = nil
        ignoresDataUntil = moment.uptime + Self.usual
        enter(.unbound, at: moment)
    }

    mutating func releaseRefused(_ word: String, at moment: Moment) {
        guard state == .releasing else { return }
        isReleaseRefused = true
        enter(before, detail: word, at: moment)
    }

    // MARK: Another meter

    /// The configuration names this meter now. A binding to another one is none to it, whatever data come.
    mutating func use(meter: String?, at moment: Moment) {
        let wasOfAnother = isOfAnotherMeter
        isOfAnotherMeter = held.map { held in meter.map { $0 != held.meter } ?? false } ?? false
        guard isOfAnotherMeter != wasOfAnother, state != .releasing, state != .failed || wasOfAnother else { return }
        if isOfAnotherMeter {
            enter(.failed, detail: "other_meter", at: moment)
        } else {
            // It is the old one again: its data will tell.
            enter(.accepted, at: moment)
        }
    }

    // MARK: Seen

    /// The radio's state changed.
    mutating func saw(_ group: HanJoinGroup, at moment: Moment) {
        if group != .bound, group != .unknown { ignoresDataUntil = nil }
        if isOfAnotherMeter || group == .bound && isIgnoringData(at: moment.uptime) { return }
        switch (state, group) {
        case (.requested, .joining), (.requested, .authenticating), (.requested, .bound), (.accepted, .joining),
            (.accepted, .authenticating), (.accepted, .bound), (.timedOut, .joining), (.timedOut, .authenticating):
            joinSeen = true
            enter(.joining, at: moment)
        case (.failed, .joining) where detail == "join_failed",
            (.failed, .authenticating) where detail == "join_failed":
            enter(.joining, at: moment)
        case (.joining, .failed), (.accepted, .failed):
            joinSeen = true
            enter(.failed, detail: "join_failed", at: moment)
        default: break
        }
    }

    /// A value of the meter came over the radio: the only proof there is.
    mutating func sawData(at moment: Moment) {
        guard state != .bound, state != .releasing, !isOfAnotherMeter, !isIgnoringData(at: moment.uptime)
        else { return }
        enter(.bound, at: moment)
    }

    private func isIgnoringData(at now: Uptime) -> Bool { ignoresDataUntil.map { now < $0 } ?? false }

    /// Time has passed.
    mutating func advance(at moment: Moment) {
        guard let deadline = nextWake, deadline <= moment.uptime else { return }
        enter(.timedOut, detail: joinSeen ? "no_data" : "no_join", at: moment)
    }
}
