import Credit
import Metering

/// Whether `signature` over `message` was made by the owner of the Ed25519 `publicKey`. The pure layers hold no
/// cipher, so the edge lends them this one.
public typealias SignatureCheck =
    @Sendable (_ publicKey: [UInt8], _ message: [UInt8], _ signature: [UInt8]) -> Bool

/// Where commands are judged, carried out and answered (contract §5).
///
/// The checks run in the order of their words: `size format key signature target role conflict expired stale policy
/// limit precondition`; the first that fails answers. What fails before `conflict` leaves at most an audit record, and
/// those are few an hour, because anybody who reaches the broker can cause them. From there on the id is consumed and
/// every answer is a record.
struct Desk: Sendable {
    let box: String
    private(set) var ring: KeyRing
    var scheduled: [ScheduledOrder] = []
    /// When something that was scheduled, or a count of what was not recorded, is due.
    var nextWake: Uptime?

    /// The configured meters, for commands about them; the agent keeps them up to date.
    var meters: [MeterStanding] = []
    /// Replacements that were just decided and are still to be carried out by the agent.
    var replacements: [MeterReplace] = []
    /// Of this program.
    var version = ""
    /// What is configured beside the units: upstream systems by their names, and `han`.
    var systems: [String] = []
    /// Orders for the home area network, still to be taken by the agent.
    var hanOrders: [Order] = []

    var requests = RequestStore()
    var waiting: [WaitingOrder] = []
    /// Stored templates, by id.
    var templates: [Template] = []
    var observations = Observations()
    var kept = KeptValues()
    /// `data` of commands that had not ended when the process did.
    var interrupted: [JSONObject]

    private let verify: SignatureCheck
    /// Answers given since the journal was last asked: several commands may be handled before one commit.
    private var recent: [(id: String, answer: StoredAnswer)] = []
    private var audits = RateLimit(limit: 60, seconds: 3600)
    private var undelivered = UndeliveredResults()
    private var courtesies = RateLimit(limit: 600, seconds: 60)
    private var misuse = RateLimit(limit: 6, seconds: 3600)

    /// - Parameters:
    ///   - keys: the folder's and the journal's, less the revoked.
    ///   - scheduled: `data` of every `command.scheduled` record whose `jti` has no `command.done` or
    ///     `command.refused` yet.
    ///   - unfinished: `data` of every `command.received` record whose `jti` has no other record yet.
    ///   - begun: ids of scheduled commands that left a record of their own before the process ended.
    ///   - memory: what the records of the units say of templates and kept values.
    init(
        box: String, keys: [SigningKey], revoked: [String], counters: [KeyCounter], scheduled: [JSONObject] = [],
        unfinished: [JSONObject] = [], begun: [String] = [], memory: DeskMemory = DeskMemory(),
        verify: @escaping SignatureCheck
    ) {
        self.box = box
        self.verify = verify
        interrupted = unfinished
        ring = KeyRing(keys: keys, revoked: revoked, counters: counters)
        templates = memory.templates
        kept = memory.kept
        observations = memory.observations
        for data in scheduled { restore(data, begun: begun) }
    }

    /// Keys in force.
    var keys: [SigningKey] { ring.keys }

    /// `key list`.
    var keyListJSON: JSONValue { ring.json }

    /// Takes the keys of a new configuration: the folder's and the journal's.
    mutating func reconfigure(keys: [SigningKey], turn: inout Turn) { ring.replace(with: keys) }

    /// Judges a command, carries it out and answers it.
    mutating func handle(
        _ envelope: Envelope, token: UInt64?, clock: inout ClockTrust, units: inout some DeskUnits,
        turn: inout Turn
    ) {
        defer { plan(clock: clock, turn: turn) }
        if envelope.retained {
            audit(
                ["detail": "retained", "payload_sha256": .string(envelope.payloadHash)], turn: &turn)
            return
        }
        let payload = envelope.oversized ? nil : try? JSONReader.read(envelope.payload)
        do throws(Refusal) {
            var order = try admit(
                envelope, payload: payload, token: token, clock: clock, units: units, turn: turn)
            if try answerRepeat(order, envelope: envelope, turn: &turn) { return }
            turn.append(.commandReceived, key: .name(order.id), received(order, turn: turn))
            requests.open(order, at: turn.recordTime)
            do throws(Refusal) {
                try judge(&order, clock: clock, turn: turn)
                requests.step(order.id, .validated, at: turn.recordTime)
                try decide(order, clock: &clock, units: &units, turn: &turn)
            } catch { refuse(order, error, turn: &turn) }
        } catch { turnAway(envelope, payload: payload, token: token, refusal: error, turn: &turn) }
    }

    /// Carries out what is due; called in every turn, it costs nothing when nothing is.
    mutating func wake(clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn) {
        if observations.since == nil { observations.since = turn.recordTime }
        if !interrupted.isEmpty { resume(units: &units, turn: &turn) }
        runScheduled(clock: &clock, units: &units, turn: &turn)
        giveUpWaiting(turn: &turn)
        if turn.isConnected, !undelivered.isEmpty { undelivered.publish(&turn) }
        if let count = audits.takeHeldBack(at: turn.moment.uptime) {
            turn.append(.commandRefused, ["detail": "not_recorded", "count": .integer(Int64(count))])
        }
        plan(clock: clock, turn: turn)
    }

    private mutating func plan(clock: ClockTrust, turn: Turn) {
        let late = waiting.map(\.until).min()
        nextWake = [audits.nextWake, scheduledWake(clock: clock, turn: turn), late].compactMap(\.self).min()
    }

    // MARK: Deciding

    private mutating func decide(
        _ order: Order, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) throws(Refusal) {
        guard let at = order.claims.executeAt, at > turn.moment.wall.seconds else {
            return try execute(order, clock: &clock, units: &units, turn: &turn)
        }
        try check(order, clock: clock, units: units, turn: turn)
        // Whether a switch may move is asked at its time, not now; of many units each is asked for itself.
        if order.claims.bulk == nil, order.spec.kind != .supply, let command = try Self.unitCommand(order) {
            try units.check(command, unit: order.unit, clock: clock, turn: turn)
        }
        try schedule(order, at: at, turn: &turn)
    }

    /// Carries a command out now, and answers it when it has ended.
    mutating func execute(
        _ order: Order, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) throws(Refusal) {
        requests.step(order.id, .executing, at: turn.recordTime)
        if let bulk = order.claims.bulk {
            try checkClock(order, clock: clock)
            return try completeBulk(order, bulk, clock: &clock, units: &units, turn: &turn)
        }
        if order.spec.name == "template_apply" {
            return try completeApplication(order, clock: &clock, units: &units, turn: &turn)
        }
        switch try carryOut(order, clock: &clock, units: &units, turn: &turn) {
        case .done(let outcome):
            try checkSize(outcome, order)
            complete(order, outcome, turn: &turn)
        case .waiting: wait(for: order, turn: turn)
        }
    }

    /// An answer that no transport takes is worth nothing.
    private func checkSize(_ outcome: Outcome, _ order: Order) throws(Refusal) {
        guard order.spec.kind == .read, order.spec.target == .box,
            JSONWriter.compact(outcome.result).count > Self.largestAnswer
        else { return }
        throw Refusal(
            code: .limit, detail: "answer_too_large", message: "the answer is too large; ask for a smaller page")
    }

    /// The command is done.
    mutating func complete(_ order: Order, _ outcome: Outcome, turn: inout Turn) {
        let result = CommandResult(
            id: order.id, command: order.spec.name, unit: order.unit, state: .completed, code: .applied,
            message: outcome.message, result: outcome.result, kept: outcome.kept)
        observe(order, at: turn.recordTime)
        finish(order, .commandDone, result, turn: &turn)
    }

    /// The command is refused, or failed, for ever.
    mutating func refuse(
        _ order: Order, _ refusal: Refusal, state: CommandResult.State? = nil, turn: inout Turn
    ) {
        let result = CommandResult(
            id: order.id, command: order.spec.name, unit: order.unit,
            state: state ?? (refusal.isFailure ? .failed : .rejected), code: refusal.code, detail: refusal.detail,
            message: refusal.message)
        finish(order, .commandRefused, result, turn: &turn)
    }

    /// Writes the record that holds the answer, and answers.
    mutating func finish(
        _ order: Order, _ kind: JournalKind, _ result: CommandResult, more: JSONObject = JSONObject(),
        turn: inout Turn
    ) {
        let time = turn.recordTime
        let json = result.json(seq: turn.nextSequence, at: time)
        var kept = json
        // Bodies of reads are not journalled (contract §4); a ping's is no reading.
        if order.spec.kind == .read, order.spec.name != Ping.spec.name { kept["result"] = .null }
        if let less = result.kept { kept["result"] = less }
        var data = order.recordData
        if let counter = order.counter { data["ctr"] = .integer(counter) }
        for (name, value) in more.members { data[name] = value }
        data["result"] = .object(kept)
        turn.append(kind, key: .name(order.id), data)
        requests.end(order.id, result.state.requestState, answer: kept, at: time)
        remember(order.id, StoredAnswer(payloadHash: order.payloadHash, result: kept))
        answer(json, id: order.id, token: order.token, turn: &turn)
        for token in order.listeners { answer(json, id: order.id, token: token, turn: &turn) }
    }

    private func received(_ order: Order, turn: Turn) -> JSONObject {
        var data = order.recordData
        data["command"] = .string(order.spec.name)
        data["unit"] = .string(order.unit)
        if Self.movesSwitch.contains(order.spec.name) {
            data["args"] = .object(order.args)
            data["exp"] = .integer(order.expires(after: turn.recordTime.seconds))
        }
        return data
    }

    // MARK: Answering

    private mutating func answer(_ result: JSONObject, id: String?, token: UInt64?, turn: inout Turn) {
        if let token {
            turn.emit(.answer(token: token, .success(.object(result))))
        } else if let id {
            let payload = JSONWriter.compact(.object(result))
            if turn.isConnected {
                turn.publish("result/\(id)", payload)
            } else {
                undelivered.keep("result/\(id)", payload)
            }
        }
    }

    /// True when the same bytes were answered before: that answer is given again.
    private mutating func answerRepeat(
        _ order: Order, envelope: Envelope, turn: inout Turn
    ) throws(Refusal) -> Bool {
        if try joins(order) { return true }
        guard let stored = envelope.stored ?? recent.last(where: { $0.id == order.id })?.answer else { return false }
        guard stored.payloadHash == order.payloadHash else {
            if misuse.admit(at: turn.moment.uptime) {
                turn.alarm(.keyMisuse, ["what": "conflict", "jti": .string(order.id)])
            }
            throw Self.otherContent
        }
        var result = stored.result
        result["repeat"] = true
        answer(result, id: order.id, token: order.token, turn: &turn)
        // The first answer said only when; the second, as it was, says what became of it.
        if order.token == nil, result["state"] == "scheduled", var end = requests.ended(order.id) {
            end["repeat"] = true
            answer(end, id: order.id, token: nil, turn: &turn)
        }
        return true
    }

    private mutating func remember(_ id: String, _ answer: StoredAnswer) {
        // The first answer is the answer; the end of a scheduled command does not replace it.
        guard !recent.contains(where: { $0.id == id }) else { return }
        if recent.count >= Self.remembered { recent.removeFirst() }
        recent.append((id, answer))
    }

    /// Answers what was never admitted. Nothing is stored against its id.
    private mutating func turnAway(
        _ envelope: Envelope, payload: JSONValue?, token: UInt64?, refusal: Refusal, turn: inout Turn
    ) {
        let id = Claims.identifier(in: payload)
        let result = CommandResult(
            id: id, command: Self.known(payload?["cmd"]?.string), unit: Self.name(payload?["sub"]?.string),
            state: .rejected, code: refusal.code, detail: refusal.detail, message: refusal.message)
        var data: JSONObject = ["payload_sha256": .string(envelope.payloadHash)]
        switch envelope.signature {
        case .valid(let kid), .invalid(let kid), .unknownKey(let kid): data["kid"] = .string(kid)
        case .local(let role, let uid):
            for (name, value) in Order.Origin.local(role, uid: uid).recordData.members { data[name] = value }
        case .malformed: break
        }
        let next = turn.nextSequence
        var seq: Int64?
        if audits.admit(at: turn.moment.uptime) {
            seq = next
            data["result"] = .object(result.json(seq: seq, at: turn.recordTime))
            turn.append(.commandRefused, data)
        }
        let json = result.json(seq: seq, at: turn.recordTime)
        if let token {
            answer(json, id: id, token: token, turn: &turn)
        } else if id != nil, courtesies.admit(at: turn.moment.uptime) {
            answer(json, id: id, token: nil, turn: &turn)
        }
    }

    /// An audit record, one of at most 60 an hour; the rest is counted.
    private mutating func audit(_ data: JSONObject, turn: inout Turn) {
        guard audits.admit(at: turn.moment.uptime) else { return }
        turn.append(.commandRefused, data)
    }

    private static func known(_ name: String?) -> String? { name.flatMap(Catalogue.command)?.name }

    private static func name(_ text: String?) -> String? { text.flatMap { Identifier.isValid($0) ? $0 : nil } }

    /// More than a batch of the loop holds.
    private static let remembered = 256
    /// Half of what the control socket and the broker's transport hold.
    private static let largestAnswer = 512 * 1024
}

/// Changes of the key ring, for the commands that make them.
extension Desk {
    mutating func changeKeys(_ change: (inout KeyRing) -> Void) { change(&ring) }

    func isProof(_ add: KeyAdd) -> Bool { verify(add.publicKey, add.proofMessage(box: box), add.proof) }
}
