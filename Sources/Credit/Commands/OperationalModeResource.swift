import Metering

extension Resource {
    /// `operational_mode`: how the unit is paid for.
    static let operationalMode = Resource.ofUnit(
        "operational_mode", "the operational mode", roles: CommandSpec.billers, bulk: true,
        [
            ArgumentSpec("mode", .words(OperationalMode.self), "prepaid, billed later, or not in use"),
            .optional("effective_at", .time, "when it takes effect; now unless said otherwise"),
            .optional("confirm", .flag, "must be true for factory: nothing is charged any more"),
        ])
}
