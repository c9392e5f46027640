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
    mutating func runScheduled(clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn) {
        while clock.isTrusted, let first = scheduled.first, first.at <= turn.moment.wall.seconds {
            scheduled.removeFirst()
            run(first.order, clock: &clock, units: &units, turn: &turn)
        }
    }

    /// When the next one is due by the wall clock; at most an hour away, because that clock may be set.
    func scheduledWake(clock: ClockTrust, turn: Turn) -> Uptime? {
        guard clock.isTrusted, let first = scheduled.first else { return nil }
        let wait = WallTime(seconds: first.at) - turn.moment.wall
        return turn.moment.uptime + min(max(wait, 0), 3_600_000) * 1000
    }

    /// Puts back what was scheduled before a restart, from `data` of its record.
    /// - Parameter begun: ids of those that had left a record of their own before the process ended: an order to a
    ///   switch among them is taken up, not given again.
    mutating func restore(_ data: JSONObject, begun: [String]) {
        guard let payload = data["claims"], let id = data["jti"]?.string,
            let hash = data["payload_sha256"]?.string, let origin = Order.Origin(data),
            let (claims, spec) = try? read(payload, isLocal: origin.kid == nil), let at = claims.executeAt
        else { return }
        let unit = claims.sub ?? box
        let order = Order(
            id: id, claims: claims, payload: payload, payloadHash: hash, spec: spec, origin: origin, unit: unit)
        if begun.contains(id), Self.movesSwitch.contains(spec.name) {
            var received = data
            received["command"] = .string(spec.name)
            received["unit"] = .string(unit)
            received["args"] = .object(claims.args)
            received["exp"] = .integer(order.expires(after: at))
            interrupted.append(received)
            return
        }
        let since = (data["result"]?["at"]?.string).flatMap { WallTime(text: $0) } ?? WallTime(seconds: 0)
        requests.open(order, at: since)
        requests.step(id, .scheduled, at: since)
        insert(order, at: at)
    }

    /// The checks that may have changed since it was accepted, then the deed.
    private mutating func run(
        _ order: Order, clock: inout ClockTrust, units: inout some DeskUnits, turn: inout Turn
    ) {
        do throws(Refusal) {
            if let kid = order.origin.kid { try inForce(kid, clock: clock, turn: turn) }
            try checkTimes(order.claims, turn: turn)
            guard order.unit == box || units.contains(order.unit) else {
                throw Refusal(
                    code: .target, detail: "unknown_unit", message: "the unit \(order.unit) is no longer configured")
            }
            // Keys, units and templates may have changed meanwhile.
            try permit(order.origin, order.claims, order.spec, unit: order.unit, units)
            try checkLife(order, turn: turn)
            try checkBulk(order)
            requests.step(order.id, .queued, at: turn.recordTime)
            try execute(order, clock: &clock, units: &units, turn: &turn)
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

    private static let mostScheduled = 1000
}
