import Credit
import Metering

/// A command that waits for its hour.
struct ScheduledOrder: Sendable {
    /// Seconds since 1970.
    var at: Int64
    var order: Order
}

/// Commands with `execute_at`: one answer when scheduled, one at the end.
extension Desk {
    /// Puts a checked command on the list.
    mutating func schedule(_ order: Order, at: Int64, turn: inout Turn) throws(Refusal) {
        guard scheduled.count < Self.mostScheduled else {
            throw Refusal(
                code: .limit, detail: "too_many_scheduled",
                message: "\(Self.mostScheduled) commands are scheduled already; cancel one first")
        }
        let when = WallTime(seconds: at).textSeconds
        let result = CommandResult(
            id: order.id, command: order.spec.name, unit: order.unit, state: .scheduled, code: .scheduled,
            message: "scheduled for \(when)", result: ["execute_at": .string(when)])
        finish(order, .commandScheduled, result, more: ["claims": order.payload], turn: &turn)
        insert(order, at: at)
    }

    /// Runs what is due. While the clock is not trusted nothing is: a clock that jumped to next year must not run, or
    /// expire, all there is.
    mutating func runScheduled(clock: inout ClockTrust, turn: inout Turn) {
        while clock.isTrusted, let first = scheduled.first, first.at <= turn.moment.wall.seconds {
            scheduled.removeFirst()
            run(first.order, clock: &clock, turn: &turn)
        }
    }

    /// When the next one is due by the wall clock; at most an hour away, because that clock may be set.
    func scheduledWake(clock: ClockTrust, turn: Turn) -> Uptime? {
        guard clock.isTrusted, let first = scheduled.first else { return nil }
        let wait = WallTime(seconds: first.at) - turn.moment.wall
        return turn.moment.uptime + min(max(wait, 0), 3_600_000) * 1000
    }

    /// Puts back what was scheduled before a restart, from `data` of its record.
    mutating func restore(_ data: JSONObject) {
        guard let payload = data["claims"], let id = data["jti"]?.string,
            let hash = data["payload_sha256"]?.string, let origin = Self.origin(of: data),
            let (claims, spec) = try? read(payload, isLocal: origin.kid == nil), let at = claims.executeAt
        else { return }
        insert(
            Order(
                id: id, claims: claims, payload: payload, payloadHash: hash, spec: spec, origin: origin,
                unit: claims.sub ?? box),
            at: at)
    }

    /// The checks that may have changed since it was accepted, then the deed.
    private mutating func run(_ order: Order, clock: inout ClockTrust, turn: inout Turn) {
        do throws(Refusal) {
            if let kid = order.origin.kid { try inForce(kid, clock: clock, turn: turn) }
            try checkTimes(order.claims, turn: turn)
            complete(order, try carryOut(order, clock: &clock, turn: &turn), turn: &turn)
        } catch {
            refuse(order, error, state: error.code == .expired ? .expired : nil, turn: &turn)
        }
    }

    private mutating func insert(_ order: Order, at: Int64) {
        var waiting = order
        waiting.token = nil
        waiting.counter = nil
        let place = scheduled.firstIndex { $0.at > at } ?? scheduled.endIndex
        scheduled.insert(ScheduledOrder(at: at, order: waiting), at: place)
    }

    private static func origin(of data: JSONObject) -> Order.Origin? {
        if let kid = data["kid"]?.string { return .key(kid) }
        guard let role = data["role"]?.string.flatMap(Role.init(rawValue:)),
            let uid = data["uid"]?.integer.flatMap(UInt32.init(exactly:))
        else { return nil }
        return .local(role, uid: uid)
    }

    private static let mostScheduled = 1000
}
