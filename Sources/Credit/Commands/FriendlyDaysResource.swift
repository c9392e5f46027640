import Metering

extension Resource {
    /// `friendly_days`: local times of a week in which supply is not cut.
    static let friendlyDays = Resource.ofUnit(
        "friendly_days", "the friendly times of a week", roles: CommandSpec.managers, bulk: true,
        [
            ArgumentSpec("days", .object(days), "windows of each weekday; a day that is missing has none"),
            .optional(
                "requires_credit_at_start", .flag,
                "false: supply that is off comes back when a window starts; else it stays off"),
        ])

    private static let days = Weekday.allCases.map {
        ArgumentSpec.optional($0.rawValue, .list(.object(window), 0...4), "windows that begin on this day")
    }

    private static let window = [
        ArgumentSpec("from", .timeOfDay(mayEndDay: false), "local time"),
        ArgumentSpec("to", .timeOfDay(mayEndDay: true), "local time; past midnight when not after from"),
    ]
}
