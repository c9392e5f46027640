import Credit
import Metering

/// What a command did, in words and as the `result` member of its answer.
struct Outcome: Hashable, Sendable {
    var message: String
    var result: JSONValue
}

/// What each command needs, and what it does.
extension Desk {
    /// `precondition`: may it be done now? Changes nothing; asked again before it is done.
    func check(_ order: Order, clock: ClockTrust, turn: Turn) throws(Refusal) {
        try checkClock(order, clock: clock)
        let args = order.claims.args
        switch order.spec.name {
        case KeyAdd.spec.name:
            if let add = KeyAdd(args) { try check(add) }
        case KeyRevoke.spec.name:
            if let revoke = KeyRevoke(args), ring.key(revoke.kid) == nil, !ring.isRevoked(revoke.kid) {
                throw .precondition("unknown_key", "the box holds no key of this kid")
            }
        case MeterReplace.spec.name:
            guard let replace = MeterReplace(args) else {
                throw .precondition("serial", "a serial number is 1 to 32 of A-Z a-z 0-9 . -")
            }
            try check(replace)
        default: break
        }
    }

    /// Does it. Every change is a record of this turn.
    mutating func carryOut(
        _ order: Order, clock: inout ClockTrust, turn: inout Turn
    ) throws(Refusal) -> Outcome {
        try check(order, clock: clock, turn: turn)
        let args = order.claims.args
        switch order.spec.name {
        case Ping.spec.name: return pong(clock: clock, turn: turn)
        case TimeAttest.spec.name:
            guard let attest = TimeAttest(args) else { break }
            return try carryOut(attest, order, clock: &clock, turn: &turn)
        case KeyAdd.spec.name:
            guard let add = KeyAdd(args) else { break }
            return carryOut(add, order, turn: &turn)
        case KeyRevoke.spec.name:
            guard let revoke = KeyRevoke(args) else { break }
            return carryOut(revoke, order, turn: &turn)
        case MeterReplace.spec.name:
            guard let replace = MeterReplace(args) else { break }
            return carryOut(replace, order, turn: &turn)
        default: break
        }
        throw Refusal(
            code: .unsupported, detail: "not_implemented", message: "this box cannot carry out \(order.spec.name)")
    }

    private func pong(clock: ClockTrust, turn: Turn) -> Outcome {
        Outcome(
            message: "the box is there",
            result: [
                "pong": true, "at": .string(turn.moment.wall.text),
                "uptime_s": .integer(turn.moment.uptime.microseconds / 1_000_000), "head": .integer(turn.head),
                "clock": .string(clock.isTrusted ? "trusted" : "untrusted"),
            ])
    }

    // MARK: time_attest

    private func carryOut(
        _ attest: TimeAttest, _ order: Order, clock: inout ClockTrust, turn: inout Turn
    ) throws(Refusal) -> Outcome {
        // Without a trusted clock nothing else bounds how old the command is: a copy held back for a week must not
        // vouch for a clock that stands a week behind.
        let time = attest.time.seconds
        let isItsOwnTime =
            time >= (order.claims.iat ?? time) - Self.attestationGrace
            && time <= (order.claims.exp ?? time) + Self.attestationGrace
        guard isItsOwnTime, clock.attest(wall: attest.time, turn: &turn) else {
            throw .precondition(
                "clock_disagrees",
                "the box's clock says \(turn.moment.wall.textSeconds), the command \(attest.time.textSeconds)")
        }
        return Outcome(
            message: "the clock agrees",
            result: [
                "offset_ms": .integer(turn.moment.wall - attest.time),
                "clock": .string(clock.isTrusted ? "trusted" : "untrusted"),
            ])
    }

    private static let attestationGrace: Int64 = 60

    // MARK: keys

    private func check(_ add: KeyAdd) throws(Refusal) {
        guard isProof(add) else {
            throw .precondition("proof", "proof is not the new key's signature over \(box)/\(add.kid)")
        }
        if ring.isRevoked(add.kid) {
            throw .precondition("revoked", "this kid was revoked; a new key needs a new kid")
        }
        if let key = ring.key(add.kid) {
            guard key.publicKey == add.publicKey, key.role == add.role else {
                throw .precondition("kid_taken", "this kid names another key")
            }
        } else if ring.keys.count >= KeyRing.capacity {
            throw Refusal(
                code: .limit, detail: "too_many_keys", message: "the box holds \(KeyRing.capacity) keys already")
        }
    }

    private mutating func carryOut(_ add: KeyAdd, _ order: Order, turn: inout Turn) -> Outcome {
        var result: JSONObject = ["kid": .string(add.kid), "role": .string(add.role.rawValue)]
        guard ring.key(add.kid) == nil else {
            result["already_applied"] = true
            return Outcome(message: "the key was there already", result: .object(result))
        }
        turn.append(
            .keyAdded, key: .name(order.id),
            ["kid": .string(add.kid), "role": .string(add.role.rawValue), "key": .string(add.keyText)])
        changeKeys { $0.add(SigningKey(kid: add.kid, role: add.role, publicKey: add.publicKey)) }
        return Outcome(message: "the key is in force", result: .object(result))
    }

    private mutating func carryOut(_ revoke: KeyRevoke, _ order: Order, turn: inout Turn) -> Outcome {
        var result: JSONObject = ["kid": .string(revoke.kid)]
        guard !ring.isRevoked(revoke.kid) else {
            result["already_applied"] = true
            return Outcome(message: "the key was revoked already", result: .object(result))
        }
        turn.append(.keyRevoked, key: .name(order.id), ["kid": .string(revoke.kid)])
        changeKeys { $0.revoke(revoke.kid) }
        return Outcome(message: "the key is revoked for ever", result: .object(result))
    }
}
