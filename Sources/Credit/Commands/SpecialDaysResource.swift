import Metering

extension Resource {
    /// `special_days`: dates on which supply is not cut.
    static let specialDays = Resource.ofUnit(
        "special_days", "the special days", roles: CommandSpec.managers, bulk: true,
        [ArgumentSpec("days", .list(.object(day), 0...64), "dates, once or every year")])

    private static let day = [
        ArgumentSpec("date", .date, "the local date"),
        ArgumentSpec.optional("from", .timeOfDay(mayEndDay: false), "local time; the whole day unless said otherwise"),
        ArgumentSpec.optional("to", .timeOfDay(mayEndDay: true), "local time, after from"),
    ]
}
