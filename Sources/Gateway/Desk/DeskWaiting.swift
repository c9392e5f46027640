import Credit
import Metering

/// A command whose end is told later: by the unit whose switch is awaited, by the home area network or by an upstream
/// system.
struct WaitingOrder: Sendable {
    var order: Order
    /// Given up then.
    var until: Uptime
}

/// Commands that take longer than a turn.
extension Desk {
    /// Keeps an order until its end is told.
    mutating func wait(for order: Order, turn: Turn) {
        requests.step(order.id, .verifying, at: turn.recordTime)
        waiting.append(WaitingOrder(order: order, until: turn.moment.uptime + Self.longestWait))
    }

    /// The end of a command that was awaited. An id that nobody waits for is ignored.
    mutating func finish(_ id: String, _ result: Result<Outcome, Refusal>, turn: inout Turn) {
        guard let index = waiting.firstIndex(where: { $0.order.id == id }) else { return }
        let order = waiting.remove(at: index).order
        switch result {
        case .success(let outcome): complete(order, outcome, turn: &turn)
        case .failure(let refusal):
            refuse(order, refusal, state: refusal.code == .expired ? .expired : nil, turn: &turn)
        }
    }

    /// An upstream system's answer.
    mutating func finish(upstream id: String, _ result: Result<JSONValue, ControlFailure>, turn: inout Turn) {
        switch result {
        case .success(let value): finish(id, .success(Outcome(message: "done", result: value)), turn: &turn)
        case .failure(let failure):
            finish(
                id,
                .failure(
                    Refusal(
                        code: CommandCode(rawValue: failure.code) ?? .noReply, detail: failure.code,
                        message: failure.message)), turn: &turn)
        }
    }

    /// Orders for the home area network that were given since this was last asked.
    mutating func takeHanOrders() -> [Order] {
        defer { hanOrders = [] }
        return hanOrders
    }

    /// Gives up what nobody has answered.
    mutating func giveUpWaiting(turn: inout Turn) {
        while let late = waiting.first(where: { $0.until <= turn.moment.uptime }) {
            finish(
                late.order.id,
                .failure(
                    Refusal(code: .noReply, detail: "no_end", message: "nothing was heard of it for half an hour")),
                turn: &turn)
        }
    }

    /// True when the same bytes are being carried out: their end is the answer.
    mutating func joins(_ order: Order) throws(Refusal) -> Bool {
        guard let index = waiting.firstIndex(where: { $0.order.id == order.id }) else { return false }
        guard waiting[index].order.payloadHash == order.payloadHash else { throw Self.otherContent }
        if let token = order.token { waiting[index].order.listeners.append(token) }
        return true
    }

    static let otherContent = Refusal(
        code: .conflict, detail: "other_content", message: "this jti was used before for another command")

    /// Takes up commands whose switch was awaited when the process ended, and ends the others: nobody knows how far
    /// they had come, and nothing is done twice.
    mutating func resume(units: inout some DeskUnits, turn: inout Turn) {
        let data = interrupted
        interrupted = []
        for data in data {
            guard let order = interruptedOrder(data) else { continue }
            requests.open(order, at: turn.recordTime)
            requests.step(order.id, .executing, at: turn.recordTime, note: "taken up after a restart")
            if Self.movesSwitch.contains(order.spec.name), units.contains(order.unit) {
                let closes =
                    order.spec.name == "usage_place_reconnect" || order.args["mode"]?.string == "force_on"
                units.resume(
                    id: order.id, unit: order.unit, closes: closes,
                    expires: data["exp"]?.integer.map { WallTime(seconds: $0 + Self.grace) }, turn: turn)
                wait(for: order, turn: turn)
            } else {
                refuse(order, Self.interruption, turn: &turn)
            }
        }
    }

    /// Commands that wait for a switch; their records keep the arguments, for a restart and for those who report them.
    static let movesSwitch = ["supply_mode_set", "usage_place_disconnect", "usage_place_reconnect"]

    private static let interruption = Refusal(
        code: .noReply, detail: "interrupted",
        message: "the box was restarted while it was carried out; look before sending it again")

    /// The order that a `command.received` record was about.
    private func interruptedOrder(_ data: JSONObject) -> Order? {
        guard let id = data["jti"]?.string, let hash = data["payload_sha256"]?.string,
            let origin = Order.Origin(data), let name = data["command"]?.string,
            let spec = Catalogue.command(name), let unit = data["unit"]?.string,
            let claims = try? Claims(
                ["cmd": .string(name), "args": .object(data["args"]?.object ?? JSONObject())], isLocal: true)
        else { return nil }
        return Order(
            id: id, claims: claims, payload: .null, payloadHash: hash, spec: spec, origin: origin, unit: unit)
    }

    /// Half an hour: longer than the random delay of a switch and its tries.
    private static let longestWait: Int64 = 1_800_000_000
}
