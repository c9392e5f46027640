import Credit
import Drivers
import Metering

/// What the desk asks of the units (the other half is `UnitHub+Show`).
extension UnitHub {
    func contains(_ id: String) -> Bool { index(of: id) != nil }

    /// The unit at a place as a billing system calls it.
    func knows(usagePlace: String) -> String? { units.first { $0.settings.usagePlace == usagePlace }?.id }

    private static let unknown = Refusal(code: .target, detail: "unknown_unit", message: "no such unit is configured")

    /// Whether a command would be carried out now; changes nothing.
    func check(_ command: UnitCommand, unit: String, clock: ClockTrust, turn: Turn) throws(Refusal) {
        guard let index = index(of: unit) else { throw Self.unknown }
        try units[index].check(command, turn: turn, context(clock))
    }

    /// Carries out a command; waits for the switch where the command is about it.
    mutating func begin(
        _ command: UnitCommand, unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress {
        let progress = try change(unit, clock: clock, turn: &turn) {
            (unit, turn, context) throws(Refusal) -> UnitProgress in
            let outcome = try unit.carryOut(command, order: order, turn: &turn, context)
            guard let closes = command.ordersSwitch, unit.load != nil else { return .done(outcome) }
            return unit.awaitSwitch(order.id, closes: closes, isDisconnect: false, turn: &turn, context)
        }
        guard let progress else { throw Self.unknown }
        return progress
    }

    /// Carries out a command without waiting for a switch.
    mutating func carryOut(
        _ command: UnitCommand, unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> Outcome {
        let outcome = try change(unit, clock: clock, turn: &turn) {
            (unit, turn, context) throws(Refusal) -> Outcome in
            try unit.carryOut(command, order: order, turn: &turn, context)
        }
        guard let outcome else { throw Self.unknown }
        return outcome
    }

    /// Whether a disconnect order would be carried out now; changes nothing.
    func checkDisconnect(unit: String, clock: ClockTrust, turn: Turn) throws(Refusal) {
        guard let index = index(of: unit) else { throw Self.unknown }
        try units[index].checkDisconnect(turn: turn, context(clock))
    }

    /// A signed order to cut the supply.
    mutating func disconnect(
        unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress {
        let progress = try change(unit, clock: clock, turn: &turn) {
            (unit, turn, context) throws(Refusal) -> UnitProgress in
            try unit.disconnect(order: order, turn: &turn, context)
        }
        guard let progress else { throw Self.unknown }
        return progress
    }

    /// Takes such an order back.
    mutating func reconnect(
        unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress {
        let progress = try change(unit, clock: clock, turn: &turn) {
            (unit, turn, context) throws(Refusal) -> UnitProgress in
            unit.reconnect(order: order, turn: &turn, context)
        }
        guard let progress else { throw Self.unknown }
        return progress
    }

    /// After a restart: the switch of an order that had been given is awaited again.
    mutating func resume(id: String, unit: String, closes: Bool, expires: WallTime?, turn: Turn) {
        guard let index = index(of: unit) else { return }
        units[index].resume(id: id, closes: closes, expires: expires, at: turn.moment.uptime)
    }
}

extension ManagedUnit {
    mutating func resume(id: String, closes: Bool, expires: WallTime?, at now: Uptime) {
        waiters.append(
            SwitchWaiter(
                id: id, closes: closes, isDisconnect: !closes && payment.supply.isDisconnectOrdered,
                until: now + (longestDelay + 180) * 1_000_000, expires: expires))
        needsRefresh = true
    }
}
