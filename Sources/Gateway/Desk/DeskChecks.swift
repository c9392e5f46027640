import Credit
import Metering

/// The checks, in the order of their words.
extension Desk {
    /// `size format key signature target role`: who sends what to whom. Nothing here changes anything.
    func admit(
        _ envelope: Envelope, payload: JSONValue?, token: UInt64?, clock: ClockTrust, units: some DeskUnits,
        turn: Turn
    ) throws(Refusal) -> Order {
        if envelope.oversized {
            throw Refusal(code: .size, detail: "too_large", message: "a command may have 16 KiB at most")
        }
        if case .malformed(let why) = envelope.signature { throw .format("envelope", why) }
        guard let payload else { throw .format("payload", "the payload is no strict JSON") }
        let (claims, spec) = try read(payload, isLocal: envelope.signature.isLocal)
        let origin = try origin(envelope.signature, clock: clock, turn: turn)
        let unit = try target(claims, spec, units)
        try permit(origin, claims, spec, unit: unit, units)
        return Order(
            id: claims.jti ?? "\(Self.localPrefix)\(turn.nextSequence)", claims: claims, payload: payload,
            payloadHash: envelope.payloadHash, spec: spec, origin: origin, unit: unit, token: token)
    }

    /// `format`: the claims, the command and its arguments.
    func read(_ payload: JSONValue, isLocal: Bool) throws(Refusal) -> (Claims, CommandSpec) {
        let claims = try Claims(payload, isLocal: isLocal)
        if let id = claims.jti, id.utf8.starts(with: Self.localPrefix.utf8) {
            throw .format("jti", "ids that begin with \(Self.localPrefix) are made by the box itself")
        }
        guard let spec = Catalogue.command(claims.command) else {
            throw .format("cmd", "there is no such command; see meterside command list")
        }
        do throws(ArgumentFault) { try spec.check(claims.args) } catch {
            throw .format(error.argument, error.message)
        }
        if spec.kind.needsCounter, !isLocal, claims.counter == nil { throw .missing("ctr") }
        return (claims, spec)
    }

    /// `key`, `signature`.
    private func origin(
        _ signature: SignatureState, clock: ClockTrust, turn: Turn
    ) throws(Refusal) -> Order.Origin {
        switch signature {
        case .local(let role, let uid): return .local(role, uid: uid)
        case .malformed(let why): throw .format("envelope", why)
        case .unknownKey(let kid), .invalid(let kid), .valid(let kid):
            try inForce(kid, clock: clock, turn: turn)
            guard case .valid = signature else {
                throw Refusal(
                    code: .signature, detail: "invalid", message: "the signature does not belong to these bytes and key"
                )
            }
            return .key(kid)
        }
    }

    /// `key`: known, not revoked, within its time. Without a trusted clock only what is certain counts: it is later
    /// than the newest record.
    func inForce(_ kid: String, clock: ClockTrust, turn: Turn) throws(Refusal) {
        if ring.isRevoked(kid) {
            throw Refusal(code: .key, detail: "revoked", message: "this key was revoked")
        }
        guard let key = ring.key(kid) else {
            throw Refusal(code: .key, detail: "unknown_key", message: "the box holds no key of this kid")
        }
        if let notAfter = key.notAfter, (clock.isTrusted ? turn.recordTime : turn.newestAt) > notAfter {
            throw Refusal(code: .key, detail: "no_longer_valid", message: "this key's not_after has passed")
        }
        if let notBefore = key.notBefore, clock.isTrusted, turn.moment.wall < notBefore {
            throw Refusal(code: .key, detail: "not_yet_valid", message: "this key's not_before has not come")
        }
    }

    /// `target`: this box, and a unit it has. The box's own id is what box-wide and bulk commands name.
    private func target(
        _ claims: Claims, _ spec: CommandSpec, _ units: some DeskUnits
    ) throws(Refusal) -> String {
        if let aud = claims.aud, aud != box {
            throw Refusal(code: .target, detail: "other_box", message: "aud names another box; this one is \(box)")
        }
        let unit = claims.sub ?? box
        let isKnown = units.contains(unit)
        let isAllowed =
            switch spec.target {
            case .box: unit == box
            case .either: unit == box || isKnown
            // A command that refuses bulk is told so, whatever its sub.
            case .unit where claims.bulk != nil: unit == box || !spec.bulk && isKnown
            case .unit: isKnown
            }
        guard isAllowed else { throw Self.unknownUnit(spec, box: box, isBulk: claims.bulk != nil) }
        return unit
    }

    private static func unknownUnit(_ spec: CommandSpec, box: String, isBulk: Bool) -> Refusal {
        let wanted =
            switch spec.target {
            case .unit where !isBulk: "a unit of this box; see meterside unit list"
            case .either: "the box \(box) or a unit of it"
            default: "the box \(box)"
            }
        return Refusal(
            code: .target, detail: "unknown_unit", message: "sub must name \(wanted) for \(spec.name)")
    }

    /// `role`: may this key or person send this command to this unit, and all that it stands for?
    func permit(
        _ origin: Order.Origin, _ claims: Claims, _ spec: CommandSpec, unit: String, _ units: some DeskUnits
    ) throws(Refusal) {
        if let bulk = claims.bulk, unit == box {
            for unit in bulk.units ?? units.ids { try permit(origin, spec, unit: unit) }
            // Nobody without the role may ask for no units at all.
            try permitRole(origin, spec)
        } else {
            try permit(origin, spec, unit: unit)
        }
        // Nobody stores what he may not send: another one might apply it.
        for action in actions(of: claims) + storedActions(of: claims) { try permitRole(origin, action) }
        if let request = cancelled(by: claims), let spec = Catalogue.command(request.command) {
            try permit(origin, spec, unit: request.unit)
        }
    }

    private func permit(_ origin: Order.Origin, _ spec: CommandSpec, unit: String) throws(Refusal) {
        if let bound = boundUnits(origin), !bound.contains(unit), !(unit == box && spec.isForEveryKey) {
            throw Refusal(code: .role, detail: "other_unit", message: "this key may not command \(unit)")
        }
        try permitRole(origin, spec)
    }

    private func permitRole(_ origin: Order.Origin, _ spec: CommandSpec) throws(Refusal) {
        let role: Role
        switch origin {
        case .local(let local, _): role = local
        case .key(let kid):
            guard let key = ring.key(kid) else { return }
            role = key.role
        }
        guard spec.roles.contains(role) else {
            throw Refusal(
                code: .role, detail: "not_permitted", message: "the role \(role.rawValue) may not send \(spec.name)")
        }
    }

    /// Units that a key is bound to; nil for all.
    func boundUnits(_ origin: Order.Origin) -> [String]? { origin.kid.flatMap { ring.key($0)?.units } }

    /// `expired stale policy`. The counter rises here, whatever happens to the command later.
    mutating func judge(_ order: inout Order, clock: ClockTrust, turn: Turn) throws(Refusal) {
        if clock.isTrusted { try checkTimes(order.claims, turn: turn) }
        if let kid = order.origin.kid, order.spec.kind.needsCounter, let counter = order.claims.counter {
            guard counter > ring.counter(of: kid) else {
                throw Refusal(
                    code: .stale, detail: "counter",
                    message: "ctr must be greater than \(ring.counter(of: kid)), the last one of this key")
            }
            order.counter = counter
            changeKeys { $0.raise(kid, to: counter) }
        }
        try checkLife(order, turn: turn)
        try checkBulk(order)
        if order.claims.executeAt != nil, !order.spec.mayWait {
            throw Refusal(
                code: .policy, detail: "may_not_wait",
                message: "\(order.spec.name) carries a secret and is never kept for later; leave execute_at out")
        }
    }

    /// `policy`: bulk only where the command, and all that it stands for, allow it.
    func checkBulk(_ order: Order) throws(Refusal) {
        guard order.claims.bulk != nil else { return }
        for spec in [order.spec] + actions(of: order.claims) where !spec.bulk {
            throw Refusal(code: .policy, detail: "bulk_not_allowed", message: "\(spec.name) refuses bulk")
        }
    }

    /// `expired`: 60 s of grace on either side, and never earlier than the newest record, so that a clock turned back
    /// revives nothing.
    func checkTimes(_ claims: Claims, turn: Turn) throws(Refusal) {
        let now = turn.moment.wall.seconds
        if let exp = claims.exp, turn.recordTime.seconds > exp + Self.grace || exp < claims.iat ?? exp {
            throw Refusal(code: .expired, detail: "expired", message: "exp has passed; sign a new command")
        }
        if max(claims.iat ?? 0, claims.nbf ?? 0) > now + Self.grace {
            throw Refusal(
                code: .expired, detail: "not_yet_valid", message: "iat or nbf lies ahead of the box's clock")
        }
        if let exp = claims.exp, let at = claims.executeAt, exp < at {
            throw Refusal(
                code: .expired, detail: "ends_before_execution", message: "exp must not be before execute_at")
        }
    }

    /// `policy`: how long a command of its class may live, and how far ahead it may be ordered.
    func checkLife(_ order: Order, turn: Turn) throws(Refusal) {
        let claims = order.claims
        // A template lives as long as the shortest-lived command in it.
        let longest = actions(of: claims).reduce(order.spec.kind.longestLife) { min($0, $1.kind.longestLife) }
        if let exp = claims.exp, let start = claims.executeAt ?? claims.iat, exp - start > longest {
            throw Refusal(
                code: .policy, detail: "life_too_long", message: "\(order.spec.name) may live \(longest) s at most")
        }
        guard let at = claims.executeAt else { return }
        // Counted from when it was signed: one that comes late is carried out late.
        let ahead = at - (claims.iat ?? turn.moment.wall.seconds)
        guard ahead >= -Self.grace else {
            throw Refusal(
                code: .policy, detail: "execute_at", message: "execute_at lies in the past; leave it out for at once")
        }
        if ahead > Self.farthestAhead {
            throw Refusal(
                code: .policy, detail: "life_too_long", message: "execute_at may be 366 days ahead at most")
        }
    }

    /// `precondition`, as far as it holds for every command: what sets state needs a clock.
    func checkClock(_ order: Order, clock: ClockTrust) throws(Refusal) {
        guard !clock.isTrusted, !order.spec.kind.worksWithoutClock, !order.spec.ignoresClock else { return }
        throw .precondition(
            "clock_untrusted", "the box does not trust its clock; send time_attest or give it network time")
    }

    /// Ids the box makes for local commands that bring none.
    static let localPrefix = "local."
    /// Seconds.
    static let grace: Int64 = 60
    private static let farthestAhead: Int64 = 366 * 86_400
}

extension SignatureState {
    /// From the control socket.
    var isLocal: Bool { if case .local = self { true } else { false } }
}
