/// A zone of the simulated world as a rule, from which the unit's table and the auditor's arithmetic are made, each in
/// its own way.
struct SoakZone: Hashable, Sendable {
    /// A Sunday of a month (5 is the last), and seconds of UTC after that day begins.
    struct Change: Hashable, Sendable {
        var month: Int
        var sunday: Int
        var seconds: Int64
    }

    var name: String
    /// Seconds east of UTC.
    var standard: Int64
    var daylight: Int64
    /// When daylight saving begins and ends; nil for a zone without it.
    var begin: Change?
    var end: Change?

    static let all: [SoakZone] = [
        SoakZone(name: "UTC", standard: 0, daylight: 0),
        SoakZone(name: "Asia/Kolkata", standard: 19_800, daylight: 19_800),
        SoakZone(
            name: "Europe/London", standard: 0, daylight: 3600, begin: Change(month: 3, sunday: 5, seconds: 3600),
            end: Change(month: 10, sunday: 5, seconds: 3600)),
        SoakZone(
            name: "Europe/Helsinki", standard: 7200, daylight: 10_800,
            begin: Change(month: 3, sunday: 5, seconds: 3600), end: Change(month: 10, sunday: 5, seconds: 3600)),
        SoakZone(
            name: "America/New_York", standard: -18_000, daylight: -14_400,
            begin: Change(month: 3, sunday: 2, seconds: 25_200), end: Change(month: 11, sunday: 1, seconds: 21_600)),
        SoakZone(
            name: "Australia/Sydney", standard: 36_000, daylight: 39_600,
            begin: Change(month: 10, sunday: 1, seconds: -28_800), end: Change(month: 4, sunday: 1, seconds: -28_800)),
        SoakZone(
            name: "Australia/Lord_Howe", standard: 37_800, daylight: 39_600,
            begin: Change(month: 10, sunday: 1, seconds: -30_600), end: Change(month: 4, sunday: 1, seconds: -32_400)),
        // Its clocks change at midnight: a day there begins at one o'clock.
        SoakZone(
            name: "America/Asuncion", standard: -14_400, daylight: -10_800,
            begin: Change(month: 10, sunday: 1, seconds: 14_400), end: Change(month: 3, sunday: 4, seconds: 10_800)),
    ]

    init(
        name: String, standard: Int64, daylight: Int64, begin: Change? = nil, end: Change? = nil
    ) {
        self.name = name
        self.standard = standard
        self.daylight = daylight
        self.begin = begin
        self.end = end
    }
}
