import Metering

extension Resource {
    /// `daylight_saving`: the unit's own table, in place of the zone's rules until its last interval ends.
    static let daylightSaving = Resource.ofUnit(
        "daylight_saving", "the daylight saving intervals", roles: CommandSpec.managers, bulk: true,
        [.optional("intervals", .list(.object(interval), 0...20), "in order and apart; none is the zone's own rules")])

    private static let interval = [
        ArgumentSpec("start", .time, "when it begins"), ArgumentSpec("end", .time, "when it ends"),
        ArgumentSpec("offset_minutes", .integer(-120...120), "added to standard time, minutes"),
    ]
}
