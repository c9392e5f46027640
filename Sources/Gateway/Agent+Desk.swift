import Metering

/// The desk in the agent: what it is lent for a turn, and who carries out what it cannot.
extension Agent {
    /// Carries out what is due, and ends what others have carried out.
    mutating func runDesk(turn: inout Turn) {
        if let due = desk.nextWake, due <= turn.moment.uptime { showMetersToDesk(at: turn.moment) }
        desk.wake(clock: &clock, units: &units, turn: &turn)
        if !desk.replacements.isEmpty { replaceMeters(turn: &turn) }
        for order in desk.takeHanOrders() {
            guard let result = carryOutHan(order, turn: &turn) else { continue }
            desk.finish(order.id, result, turn: &turn)
        }
        for end in units.takeFinished() { desk.finish(end.id, end.result, turn: &turn) }
        desk.observe(turn.effects)
        for unit in desk.kept.takeChanged() { units.show(desk.messages(of: unit), unit: unit, turn: &turn) }
    }

    /// Who carries commands out beside the box itself.
    static func systems(of configuration: GatewayConfiguration) -> [String] {
        configuration.systems + (configuration.han == nil ? [] : ["han"])
    }
}
