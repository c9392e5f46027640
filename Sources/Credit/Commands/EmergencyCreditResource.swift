import Metering

extension Resource {
    /// `emergency_credit`: a loan that the customer may use when credit runs out.
    static let emergencyCredit = Resource.ofUnit(
        "emergency_credit", "emergency credit", roles: CommandSpec.billers, bulk: true,
        [
            ArgumentSpec("limit_micro", .money(0...10_000_000_000), "how much may be used, micro-units"),
            .optional("offer_below_micro", .amount, "offered while the balance is below this, micro-units"),
            .optional("auto_activate", .flag, "whether the box selects it without the customer"),
            .optional("suspend_standing_charge", .flag, "whether the standing charge is kept out of it"),
            .optional("suspend_arrears", .flag, "whether time debt is kept out of it"),
        ])
}
