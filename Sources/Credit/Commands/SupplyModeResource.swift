import Metering

extension Resource {
    /// `supply_mode`: normal, or held on or off by order.
    static let supplyMode = Resource.ofUnit(
        "supply_mode", "the supply's operating mode", kind: .supply, roles: CommandSpec.operators, bulk: false,
        [
            ArgumentSpec("mode", .words(SupplyModeSettings.Mode.self), "by the rules, or held on or off"),
            .optional("reason", .reason, "why, for people"),
            .optional("expires_at", .time, "back to normal then; until told otherwise when missing"),
        ])
}
