import Intervals
import Metering

@testable import Credit

/// Zones of the tests, made here: the suite needs no files of the machine.
enum Zones {
    static let london = zone(0, 3600, start: (3, 5, 3600), end: (10, 5, 3600))
    /// Changes at 02:00 and 03:00 local, 16:00 UTC.
    static let sydney = zone(36_000, 39_600, start: (10, 1, -28_800), end: (4, 1, -28_800))
    /// Half an hour of daylight saving: 10:30 and 11:00.
    static let lordHowe = zone(37_800, 39_600, start: (10, 1, -30_600), end: (4, 1, -32_400))
    static let adelaide = zone(34_200, 37_800, start: (10, 1, -27_000), end: (4, 1, -27_000))
    static let auckland = zone(43_200, 46_800, start: (9, 5, -36_000), end: (4, 1, -36_000))
    static let newYork = zone(-18_000, -14_400, start: (3, 2, 25_200), end: (11, 1, 21_600))
    /// Six that change, in both hemispheres, one of them by half an hour.
    static let changing = [
        ("London", london), ("Sydney", sydney), ("Lord Howe", lordHowe), ("Adelaide", adelaide),
        ("Auckland", auckland), ("New York", newYork),
    ]

    static func named(_ name: String) -> ZoneRules? {
        switch name {
        case "Europe/London": london
        case "Australia/Sydney": sydney
        case "Australia/Lord_Howe": lordHowe
        default: nil
        }
    }

    /// `start` and `end` are a month, the number of its Sunday (5 is the last), and UTC seconds after that day begins.
    private static func zone(
        _ standard: Int64, _ daylight: Int64, start: (Int, Int, Int64), end: (Int, Int, Int64)
    ) -> ZoneRules {
        var transitions: [ZoneRules.Transition] = []
        for year in 2020...2045 {
            for (rule, offset) in [(start, daylight), (end, standard)] {
                let day = sunday(year, rule.0, rule.1)
                transitions.append(ZoneRules.Transition(at: day * 86_400 + rule.2, offset: offset))
            }
        }
        let first = transitions.sorted { $0.at < $1.at }.first
        return ZoneRules(firstOffset: first?.offset == standard ? daylight : standard, transitions: transitions)
    }

    private static func sunday(_ year: Int, _ month: Int, _ number: Int) -> Int64 {
        let last = CivilTime.daysIn(month: month, year: year)
        let sundays = (1...last).map { CivilTime(year: year, month: month, day: $0).seconds / 86_400 }
            .filter { Weekday(day: $0) == .sunday }
        return number == 5 ? sundays[sundays.count - 1] : sundays[number - 1]
    }
}

/// An instant of a test.
func time(_ text: String) -> WallTime {
    WallTime(text: text) ?? WallTime(milliseconds: 0)
}

/// A tariff of one band.
func flatTariff(_ rate: Int64, standing: Int64 = 0, vat: Int64 = 0, id: Int64 = 1) throws -> UnitSetting {
    .tariff(
        try TariffSetting([
            "tariff_id": .integer(id), "unit": "kWh", "standing_micro_per_day": .integer(standing),
            "vat_bp": .integer(vat), "bands": [["name": "all", "rate_micro": .integer(rate)]],
        ]))
}
