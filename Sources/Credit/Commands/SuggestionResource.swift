import Metering

extension Resource {
    /// `suggestion`: how the suggested top-up is worked out.
    static let suggestion = Resource.ofUnit(
        "suggestion", "how a top-up is suggested", roles: CommandSpec.billers, bulk: false,
        [
            ArgumentSpec("lookback_days", .integer(1...90), "days of use that are looked at"),
            ArgumentSpec("cover_days", .integer(1...90), "days that the top-up shall last"),
            .optional(
                "round_up_to_micro", .money(1...MoneyRange.amount.upperBound), "rounded up to a multiple of this"),
            .optional("min_micro", .amount, "at least, micro-units"),
            .optional("max_micro", .amount, "at most, micro-units"),
        ])
}
