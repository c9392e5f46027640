import Metering

extension Resource {
    /// `omnipower`: whether the box may disconnect, and how supply comes back.
    static let omnipower = Resource.ofUnit(
        "omnipower", "electrical disconnection", kind: .supply, roles: CommandSpec.operators, bulk: false,
        [
            ArgumentSpec("enabled", .flag, "whether the box may disconnect; needs a passed supply test"),
            .optional("meter_slot", .slot, "the meter whose supply it is"),
            .optional("reconnect", .oneOf(["automatic", "button_release"]), "how supply comes back"),
        ])
}

/// `omnipower_relay_fetch`: where the load switch is, as it was last seen.
enum OmnipowerRelayFetch {
    static let spec = CommandSpec(
        name: "omnipower_relay_fetch", summary: "Says where the unit's load switch is.", kind: .read, target: .unit,
        roles: CommandSpec.readers)
}
