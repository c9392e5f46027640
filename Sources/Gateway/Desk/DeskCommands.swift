import Credit
import Metering

/// What a command did, in words and as the `result` member of its answer.
struct Outcome: Hashable, Sendable {
    var message: String
    var result: JSONValue
    /// What the journal keeps of it, where that is less.
    var kept: JSONValue?

    init(message: String, result: JSONValue, kept: JSONValue? = nil) {
        self.message = message
        self.result = result
        self.kept = kept
    }
}

/// What each command needs, and what it does.
extension Desk {
    /// `precondition`: may it be done? Changes nothing; asked again before it is done.
    func check(_ order: Order, clock: ClockTrust, units: some DeskUnits, turn: Turn) throws(Refusal) {
        try checkClock(order, clock: clock)
        let args = order.args
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
        case "template_upsert": _ = try newTemplate(args)
        case "template_apply": _ = try template(of: args)
        case "request_cancel", "schedule_cancel": _ = try cancellable(order)
        case "usage_place_disconnect", "usage_place_reconnect":
            try checkPlace(order, clock: clock, units: units, turn: turn)
        default: try checkCarrier(order.spec)
        }
    }

    /// Does it. Every change is a record of this turn.
    mutating func carryOut(
        _ order: Order, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) throws(Refusal) -> UnitProgress {
        try check(order, clock: clock, units: units, turn: turn)
        if let command = try Self.unitCommand(order) {
            return try units.begin(command, unit: order.unit, order: order, clock: clock, turn: &turn)
        }
        switch order.spec.carrier {
        case .desk: break
        case .han:
            hanOrders.append(order)
            return .waiting
        case .upstream(let system):
            turn.emit(.upstream(Self.upstreamOrder(order, system: system)))
            return .waiting
        }
        switch order.spec.name {
        case "usage_place_disconnect":
            return try units.disconnect(unit: order.unit, order: order, clock: clock, turn: &turn)
        case "usage_place_reconnect":
            return try units.reconnect(unit: order.unit, order: order, clock: clock, turn: &turn)
        default: break
        }
        if order.spec.kind == .read { return .done(try read(order, clock: clock, units: units, turn: turn)) }
        return .done(try carryOutHere(order, clock: &clock, turn: &turn))
    }

    /// What the desk does itself.
    private mutating func carryOutHere(
        _ order: Order, clock: inout ClockTrust, turn: inout Turn
    ) throws(Refusal) -> Outcome {
        let args = order.args
        if let verb = order.spec.verb, verb.verb == .set {
            return keep(verb.resource, args, order, turn: &turn)
        }
        switch order.spec.name {
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
        case "request_cancel", "schedule_cancel": return try cancel(order, turn: &turn)
        case "template_upsert": return try upsert(order, turn: &turn)
        case "display_text_show": return showText(order, turn: &turn)
        default: break
        }
        throw Refusal(
            code: .unsupported, detail: "not_implemented", message: "this box cannot carry out \(order.spec.name)")
    }

    /// The command of a unit that an order is; nil when it is none.
    static func unitCommand(_ order: Order) throws(Refusal) -> UnitCommand? {
        do throws(ArgumentFault) {
            return try UnitCommand.read(order.spec.name, .object(order.args))
        } catch {
            throw .format(error.argument, error.message)
        }
    }

    /// Whether somebody is there to carry it out.
    private func checkCarrier(_ spec: CommandSpec) throws(Refusal) {
        let system: String
        switch spec.carrier {
        case .desk: return
        case .han: system = "han"
        // How far commissioning is can be said of every box.
        case .upstream where spec.name == "commissioning_status_get": return
        case .upstream(let name): system = name
        }
        guard systems.contains(system) else {
            throw Refusal(
                code: .unsupported, detail: "not_configured",
                message: "this box has no \(system == "han" ? "[han]" : "[upstream.\(system)]") in its configuration")
        }
    }

    /// The command's name without its system is the operation.
    private static func upstreamOrder(_ order: Order, system: String) -> UpstreamOrder {
        let name = order.spec.name
        let operation = name.hasPrefix("\(system)_") ? String(name.dropFirst(system.utf8.count + 1)) : name
        return UpstreamOrder(id: order.id, system: system, operation: operation, args: order.args)
    }

    private func checkPlace(
        _ order: Order, clock: ClockTrust, units: some DeskUnits, turn: Turn
    ) throws(Refusal) {
        let now = turn.moment.wall
        if let place = order.args["usageplacecode"]?.string, units.knows(usagePlace: place) != order.unit {
            throw .precondition("usage_place", "this usage place is not that of the unit \(order.unit)")
        }
        // Its times are asked when it is carried out, by a clock that is trusted.
        guard clock.isTrusted, order.claims.executeAt.map({ WallTime(seconds: $0) <= now }) ?? true else { return }
        if let begin = Self.time(order.args["not_before"]), now < begin {
            throw .precondition("not_before", "not_before lies ahead; send execute_at to order for later")
        }
        if let end = Self.time(order.args["expires_at"]), now > end {
            throw Refusal(code: .expired, detail: "expires_at", message: "expires_at has passed")
        }
    }

    /// An instant in arguments that were checked.
    static func time(_ value: JSONValue?) -> WallTime? {
        value?.string.flatMap { WallTime(text: $0) } ?? value?.integer.map { WallTime(seconds: $0) }
    }

    func pong(clock: ClockTrust, turn: Turn) -> Outcome {
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
