import Intervals
import Metering
import Testing

@testable import Credit

/// Protected time at every change of the clock of eleven years in six zones, against the hands of a local clock.
@Suite struct SupplyCalendarChangeTests {
    /// Windows about the hours in which clocks change.
    private static let windows = [
        (60 + 30, 2 * 60 + 30), (2 * 60 + 15, 2 * 60 + 45), (2 * 60, 3 * 60), (22 * 60 + 10, 60 + 20),
        (23 * 60, 24 * 60), (0, 2 * 60 + 10),
    ]

    /// What somebody with a local clock in hand would say.
    private func isProtected(_ zone: ZoneRules, _ seconds: Int64, _ from: Int, _ to: Int) -> Bool {
        let minute = Int(zone.local(seconds).flooredRemainder(by: 86_400) / 60)
        return from < to ? minute >= from && minute < to : minute >= from || minute < to
    }

    @Test(arguments: Zones.changing.map(\.0))
    func span_aroundEveryChangeOfTheClock_isThatOfTheLocalClock(name: String) throws {
        let zone = try #require(Zones.changing.first { $0.0 == name }?.1)
        var changes = 0
        var at = time("2026-01-01T00:00:00Z").seconds
        while at < time("2037-01-01T00:00:00Z").seconds {
            let change = zone.offset(at: at).until
            changes += 1
            for (from, to) in Self.windows {
                let window = DayWindow(from: TimeOfDay(minutes: from), to: TimeOfDay(minutes: to))
                let calendar = SupplyCalendar(
                    friendly: FriendlyDays(windows: Weekday.allCases.map { _ in [window] }),
                    special: SpecialDays(days: []), clock: zone)
                for step: Int64 in -20...20 {
                    // Every ten minutes, and the last second before.
                    for seconds in [change + step * 600 - 1, change + step * 600] {
                        let span = calendar.span(at: WallTime(seconds: seconds))
                        let isNear = abs(seconds - change) <= 7200
                        let isSame = (span.protection != nil) == isProtected(zone, seconds, from, to)
                        // An hour that comes twice may be protected all through; nothing is ever protected less.
                        let isMore = isNear && span.protection != nil
                        #expect(isSame || isMore, "\(name), \(WallTime(seconds: seconds).text), \(from) to \(to)")
                        #expect(span.until > WallTime(seconds: seconds))
                    }
                }
            }
            at = change + 86_400
        }
        #expect(changes >= 22)
    }

    /// A day of 23 or 25 hours has its special day whole, and a week of nights is as long as its nights.
    @Test(arguments: Zones.changing.map(\.0))
    func specialDay_onTheDayOfAChange_lastsFromMidnightToMidnight(name: String) throws {
        let zone = try #require(Zones.changing.first { $0.0 == name }?.1)
        var at = time("2026-01-01T00:00:00Z").seconds
        while at < time("2037-01-01T00:00:00Z").seconds {
            let change = zone.offset(at: at).until
            let date = CivilTime(seconds: zone.local(change))
            let calendar = SupplyCalendar(
                friendly: FriendlyDays(windows: []),
                special: SpecialDays(days: [SpecialDay(year: date.year, month: date.month, day: date.day)]),
                clock: zone)
            let day = zone.local(change).flooredQuotient(by: 86_400)
            let begin = WallTime(seconds: zone.start(ofDay: day))
            let end = WallTime(seconds: zone.start(ofDay: day + 1))
            #expect(calendar.span(at: begin + -1).protection == nil, "\(name) \(begin.text)")
            #expect(calendar.span(at: begin + -1).until == begin)
            #expect(calendar.span(at: begin).protection == Protection(reason: .specialDay, until: end))
            #expect(calendar.span(at: end + -1).protection?.until == end)
            #expect(calendar.span(at: end).protection == nil)
            #expect([23, 23.5, 24.5, 25].contains(Double(end - begin) / 3_600_000))
            at = change + 86_400
        }
    }
}
