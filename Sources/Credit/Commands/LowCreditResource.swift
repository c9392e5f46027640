import Metering

extension Resource {
    /// `low_credit`: when the customer is warned.
    static let lowCredit = Resource.ofUnit(
        "low_credit", "the low credit warning", roles: CommandSpec.billers, bulk: true,
        [
            .optional("enabled", .flag, "whether there is a warning; true unless said otherwise"),
            ArgumentSpec("threshold_micro", .amount, "warned below this available credit, micro-units"),
            .optional("audible", .flag, "whether the buzzer sounds"),
            .optional("repeat_minutes", .integer(0...1440), "sounds again after so many minutes; 0 is once"),
        ])
}
