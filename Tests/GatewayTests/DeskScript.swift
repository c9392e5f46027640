import Credit
import Metering

@testable import Gateway

/// A desk with its clock and a journal of answers, driven as a script: time passes, commands come, effects are kept.
struct DeskScript {
    static let start = WallTime(text: "2026-11-20T12:00:00.000Z") ?? WallTime(seconds: 0)
    static let box = "BOX1"
    static let keys = [
        SigningKey(kid: "owner", role: .owner, publicKey: [UInt8](repeating: 1, count: 32)),
        SigningKey(kid: "billing", role: .billing, publicKey: [UInt8](repeating: 2, count: 32)),
        SigningKey(kid: "ops", role: .ops, publicKey: [UInt8](repeating: 3, count: 32)),
        SigningKey(kid: "reader", role: .read, publicKey: [UInt8](repeating: 4, count: 32)),
        SigningKey(kid: "victim", role: .read, publicKey: [UInt8](repeating: 5, count: 32)),
        SigningKey(
            kid: "early", role: .owner, publicKey: [UInt8](repeating: 6, count: 32), notBefore: start + 3_600_000),
        SigningKey(
            kid: "late", role: .owner, publicKey: [UInt8](repeating: 7, count: 32), notAfter: start + -3_600_000),
        SigningKey(kid: "bound", role: .owner, publicKey: [UInt8](repeating: 8, count: 32), units: ["unit-1"]),
    ]

    var desk: Desk
    var clock: ClockTrust
    var units = DeskScriptUnits()
    var wall = DeskScript.start
    var uptime = Uptime(seconds: 1000)
    var isSynchronised: Bool
    var isConnected = true
    var head: Int64 = 100
    var newestAt = DeskScript.start + -60_000
    /// Everything appended so far.
    private(set) var records: [JournalDraft] = []
    /// Effects of the last step.
    private(set) var effects: [Effect] = []
    private var answers: [(id: String, answer: StoredAnswer)] = []

    /// Proofs are 64 bytes that repeat the key's first byte.
    static let verify: SignatureCheck = { key, message, signature in
        message.starts(with: "BOX1/".utf8) && signature == [UInt8](repeating: key.first ?? 0, count: 64)
    }

    init(
        isSynchronised: Bool = true, counters: [KeyCounter] = [], scheduled: [JSONObject] = [],
        unfinished: [JSONObject] = [], records: [JournalDraft] = []
    ) {
        self.isSynchronised = isSynchronised
        desk = Desk(
            box: Self.box, keys: Self.keys, revoked: ["revoked"], counters: counters, scheduled: scheduled,
            unfinished: unfinished, memory: Self.memory(records), verify: Self.verify)
        desk.meters = [Self.meter].compactMap(\.self)
        clock = ClockTrust(
            configuration: BoxSettings(
                id: Self.box, version: "1", intervalMinutes: 5, clockFromHost: false,
                builtAt: WallTime(text: "2026-11-01T00:00:00Z") ?? WallTime(seconds: 0), hasMqtt: true,
                unconfigured: false), newestAt: newestAt)
    }

    private static func memory(_ records: [JournalDraft]) -> DeskMemory {
        var memory = DeskMemory()
        for draft in records where JournalKind.ofUnitsInTests.contains(draft.kind) {
            memory.take(JournalEntry(draft: draft, hash: ""), box: box)
        }
        return memory
    }

    /// One turn: the clock is looked at, `body` happens, what is due is done.
    mutating func turn(_ body: (inout Desk, inout ClockTrust, inout Turn) -> Void = { _, _, _ in }) {
        var turn = Turn(
            moment: Moment(wall: wall, uptime: uptime, kernelSynchronised: isSynchronised), head: head,
            newestAt: newestAt, isConnected: isConnected)
        clock.observe(turn: &turn)
        body(&desk, &clock, &turn)
        desk.wake(clock: &clock, units: &units, turn: &turn)
        head = turn.head
        newestAt = turn.newestAt
        effects = turn.effects
        for case .append(let draft) in effects {
            records.append(draft)
            guard let id = draft.data["jti"]?.string, let hash = draft.data["payload_sha256"]?.string,
                let result = draft.data["result"]?.object, !answers.contains(where: { $0.id == id })
            else { continue }
            answers.append((id, StoredAnswer(payloadHash: hash, result: result)))
        }
    }

    /// Lets time pass on both clocks.
    mutating func pass(seconds: Int64) {
        wall = wall + seconds * 1000
        uptime = uptime + seconds * 1_000_000
    }

    /// Sends claims under a signature and gives the answer that was published or returned.
    @discardableResult
    mutating func send(
        _ claims: JSONObject, _ signature: SignatureState = .valid(kid: "owner"), retained: Bool = false,
        token: UInt64? = nil, isRemembered: Bool = true
    ) -> JSONObject? {
        send(bytes: JSONWriter.compact(.object(claims)), signature, retained: retained, token: token)
    }

    @discardableResult
    mutating func send(
        bytes: [UInt8], _ signature: SignatureState, retained: Bool = false, oversized: Bool = false,
        token: UInt64? = nil
    ) -> JSONObject? {
        let id = (try? JSONReader.read(bytes))?["jti"]?.string
        let envelope = Envelope(
            payload: oversized ? [] : bytes, payloadHash: String(decoding: bytes, as: UTF8.self),
            signature: signature, retained: retained, oversized: oversized,
            stored: answers.first { $0.id == id }?.answer)
        handle([envelope], token: token)
        return answer
    }

    /// Several commands in one turn.
    mutating func handle(_ envelopes: [Envelope], token: UInt64? = nil) {
        var lent = units
        turn { desk, clock, turn in
            for envelope in envelopes {
                desk.handle(envelope, token: token, clock: &clock, units: &lent, turn: &turn)
            }
            for end in lent.takeFinished() { desk.finish(end.id, end.result, turn: &turn) }
        }
        units = lent
    }

    /// The answer of the last step.
    var answer: JSONObject? {
        for effect in effects {
            switch effect {
            case .publish(let publication) where publication.topic.hasPrefix("result/"):
                guard let value = try? JSONReader.read(publication.payload) else { continue }
                return value.object
            case .answer(_, .success(.object(let object))): return object
            default: continue
            }
        }
        return nil
    }

    /// All results published in the last step.
    var results: [JSONObject] {
        effects.compactMap { effect in
            guard case .publish(let message) = effect, message.topic.hasPrefix("result/") else { return nil }
            return (try? JSONReader.read(message.payload))?.object
        }
    }

    /// Kinds of the records of the last step.
    var kinds: [JournalKind] {
        effects.compactMap { effect in
            if case .append(let draft) = effect { draft.kind } else { nil }
        }
    }

    /// Claims of a command that nothing is wrong with.
    func claims(_ command: String, id: String, counter: Int64 = 1) -> JSONObject {
        let now = wall.seconds
        let isForUnit = Catalogue.command(command)?.target == .unit
        var claims: JSONObject = [
            "jti": .string(id), "aud": "BOX1", "sub": isForUnit ? "unit-1" : "BOX1", "iat": .integer(now),
            "exp": .integer(now + 600),
            "cmd": .string(command), "args": .object(arguments(of: command)),
        ]
        if Catalogue.command(command)?.kind.needsCounter ?? false { claims["ctr"] = .integer(counter) }
        return claims
    }

    /// Arguments that do something.
    func arguments(of command: String) -> JSONObject {
        switch command {
        case "time_attest": ["time": .integer(wall.seconds)]
        case "key_revoke": ["kid": "victim"]
        case "meter_replace":
            ["serial": "M1", "new_serial": "M2", "final": ["import_wh": 1200], "initial": ["import_wh": 3]]
        case "key_add":
            ["kid": "fresh", "role": "billing", "key": .string(Self.text(9, 32)), "proof": .string(Self.text(9, 64))]
        default: DeskScriptUnits.arguments[command]?.object ?? [:]
        }
    }

    /// Base64 of `count` bytes of the same value.
    static func text(_ byte: UInt8, _ count: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var bits = [UInt8](repeating: byte, count: count).flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        while bits.count % 6 != 0 { bits.append(0) }
        let digits = stride(from: 0, to: bits.count, by: 6).map { start in
            alphabet[bits[start..<start + 6].reduce(0) { $0 << 1 | Int($1) }]
        }
        return String(digits) + String(repeating: "=", count: (4 - digits.count % 4) % 4)
    }
}

extension JournalKind {
    /// What accounts and supply are folds over.
    static let ofUnitsInTests = allCases.filter { kind in
        ["credit.", "unit.", "supply."].contains { kind.rawValue.hasPrefix($0) }
    }
}

extension DeskScript {
    /// The process ends and starts again: all it has is the journal.
    mutating func restart() {
        func ids(_ kinds: [JournalKind]) -> Set<String> {
            Set(records.filter { kinds.contains($0.kind) }.compactMap { $0.data["jti"]?.string })
        }
        func data(of kind: JournalKind, without ids: Set<String>) -> [JSONObject] {
            records.filter { $0.kind == kind }.map(\.data).filter { !ids.contains($0["jti"]?.string ?? "") }
        }
        let ended = ids([.commandDone, .commandRefused])
        var counters: [String: Int64] = [:]
        for record in records {
            guard let kid = record.data["kid"]?.string, let counter = record.data["ctr"]?.integer else { continue }
            counters[kid] = max(counters[kid] ?? 0, counter)
        }
        desk = Desk(
            box: Self.box, keys: Self.keys, revoked: ["revoked"],
            counters: counters.map { KeyCounter(kid: $0.key, counter: $0.value) },
            scheduled: data(of: .commandScheduled, without: ended),
            unfinished: data(of: .commandReceived, without: ended.union(ids([.commandScheduled]))),
            begun: records.filter { JournalKind.ofUnitsInTests.contains($0.kind) }.compactMap {
                $0.key.split(separator: "/").last.map { String($0) }
            }, memory: Self.memory(records), verify: Self.verify)
        desk.meters = [Self.meter].compactMap(\.self)
    }
}

extension JSONObject {
    /// A copy with one member changed; nil removes it.
    func with(_ name: String, _ value: JSONValue?) -> JSONObject {
        var copy = self
        copy[name] = value
        return copy
    }
}

extension DeskScript {
    /// The meter of the box: import is kept and was 1000 at the end of the newest interval.
    static var meter: MeterStanding? {
        MeterSerial("M1").map { serial in
            let value = IntervalValue(
                channel: .importWh, value: 10, quality: .actual, method: "boundary", reason: "", source: .register,
                registerAtEnd: 1000)
            return MeterStanding(
                serial: serial, channels: [.importWh],
                newest: Interval(meter: serial, epoch: 1, end: start, minutes: 5, revision: 0, values: [value]),
                known: [1000], greatest: [1500], rollsOver: [false], isRetired: false, isBehind: false)
        }
    }
}
