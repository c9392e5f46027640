import Metering

extension Resource {
    /// `arrears`: what is owed and how it is taken.
    static let arrears = Resource.ofUnit(
        "arrears", "arrears and their recovery", roles: CommandSpec.billers, bulk: false,
        [
            ArgumentSpec("balance_micro", .amount, "what is owed, micro-units"),
            .optional("recovery", .object(recovery), "how it is taken; left as it is when missing"),
        ])

    private static let recovery = [
        ArgumentSpec(
            "mode", .oneOf(["percent_of_payment", "per_period"]), "a share of each payment, or an amount a period"),
        ArgumentSpec.optional("percent_bp", .integer(0...10_000), "the share, basis points"),
        ArgumentSpec.optional("weekly_cap_micro", .amount, "most that payments give in a local week, micro-units"),
        ArgumentSpec.optional("amount_micro", .amount, "the amount of a period, micro-units"),
        ArgumentSpec.optional("period", .words(RecoveryPeriod.Every.self), "how often"),
        ArgumentSpec.optional("at", .timeOfDay(mayEndDay: false), "local time of day"),
        ArgumentSpec.optional("weekday", .weekday, "for weekly"),
        ArgumentSpec.optional("day", .integer(1...28), "day of the month, for monthly"),
    ]
}
