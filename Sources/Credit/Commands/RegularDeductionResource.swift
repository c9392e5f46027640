import Metering

extension Resource {
    /// `regular_deduction`: an amount that the account is charged by the calendar.
    static let regularDeduction = Resource.ofUnit(
        "regular_deduction", "the regular deduction", roles: CommandSpec.billers, bulk: true,
        [
            ArgumentSpec("amount_micro", .amount, "what is deducted, micro-units"),
            .optional("enabled", .flag, "whether it is deducted; true unless said otherwise"),
        ] + ArgumentSpec.period)
}
