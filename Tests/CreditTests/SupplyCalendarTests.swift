import Intervals
import Metering
import Testing

@testable import Credit

@Suite struct SupplyCalendarTests {
    private func calendar(
        _ friendly: JSONValue?, _ special: JSONValue? = ["days": []], clock: ZoneRules = Zones.london
    ) throws -> SupplyCalendar {
        SupplyCalendar(
            friendly: try friendly.map { try FriendlyDays($0) }, special: try special.map { try SpecialDays($0) },
            clock: clock)
    }

    private func reason(_ calendar: SupplyCalendar, _ text: String, _ uncertainty: Int64 = 0) -> SupplyReason? {
        calendar.span(at: time(text), uncertainty: uncertainty).protection?.reason
    }

    @Test(arguments: [
        // A Wednesday in March and one in July: local time counts.
        ("2026-03-04T07:59:59Z", true), ("2026-03-04T08:00:00Z", false), ("2026-03-04T14:59:59Z", false),
        ("2026-03-04T15:00:00Z", true), ("2026-07-01T06:59:59Z", true), ("2026-07-01T07:00:00Z", false),
        ("2026-07-01T13:59:59Z", false), ("2026-07-01T14:00:00Z", true), ("2026-03-06T12:00:00Z", true),
        ("2026-03-07T12:00:00Z", true), ("2026-03-08T12:00:00Z", true), ("2026-03-09T07:00:00Z", true),
        ("2026-03-09T12:00:00Z", false), ("2026-12-20T12:00:00Z", true), ("2026-12-30T12:00:00Z", true),
        ("2026-12-31T12:00:00Z", true), ("2027-01-05T12:00:00Z", false), ("2026-12-16T12:00:00Z", false),
    ])
    func span_untilACalendarIsSet(text: String, isProtected: Bool) throws {
        #expect((reason(try calendar(nil, nil), text) != nil) == isProtected)
    }

    @Test func span_eachDefaultLastsUntilItsOwnIsSet() throws {
        #expect(reason(try calendar(["days": [:]], nil), "2026-12-30T12:00:00Z") == .specialDay)
        #expect(reason(try calendar(["days": [:]]), "2026-12-30T12:00:00Z") == nil)
        #expect(reason(try calendar(nil), "2026-12-30T16:00:00Z") == .friendlyPeriod)
    }

    @Test func span_coversTheClocksUncertainty() throws {
        let calendar = try calendar(["days": ["wed": [["from": "10:00", "to": "11:00"]]]])
        for (text, isProtected) in [
            ("2026-03-04T09:57:59.999Z", false), ("2026-03-04T09:58:00Z", true), ("2026-03-04T11:01:59.999Z", true),
            ("2026-03-04T11:02:00Z", false),
        ] { #expect((reason(calendar, text, 120_000) != nil) == isProtected, "\(text)") }
        #expect(
            calendar.span(at: time("2026-03-04T10:30:00Z"), uncertainty: 120_000).until
                == time("2026-03-04T11:02:00Z"))
        #expect(
            calendar.span(at: time("2026-03-04T09:00:00Z"), uncertainty: 120_000).until
                == time("2026-03-04T09:58:00Z"))
    }

    @Test func span_looksThroughWindowsThatTouch() throws {
        let calendar = try calendar([
            "days": [
                "wed": [
                    ["from": "10:00", "to": "11:00"], ["from": "11:00", "to": "12:30"],
                    ["from": "22:00", "to": "07:00"],
                ]
            ]
        ])
        #expect(calendar.span(at: time("2026-03-04T10:00:00Z")).until == time("2026-03-04T12:30:00Z"))
        #expect(calendar.span(at: time("2026-03-05T03:00:00Z")).until == time("2026-03-05T07:00:00Z"))
        let usual = SupplyCalendar(friendly: nil, special: nil, clock: Zones.london)
        #expect(usual.span(at: time("2026-03-05T16:00:00Z")).until == time("2026-03-09T08:00:00Z"))
    }

    @Test func span_onTheDaysOf23And25Hours() throws {
        let night = try calendar([
            "days": ["sun": [["from": "01:15", "to": "01:45"]], "sat": [["from": "23:00", "to": "01:30"]]]
        ])
        // 29 March: 01:00 becomes 02:00, so 01:15 to 01:45 never comes, and 01:30 is the jump.
        #expect(reason(night, "2026-03-29T00:59:59Z") == .friendlyPeriod)
        #expect(reason(night, "2026-03-29T01:00:00Z") == nil)
        // 25 October: 01:00 to 02:00 comes twice; both are inside.
        for text in ["2026-10-25T00:15:00Z", "2026-10-25T00:44:00Z", "2026-10-25T01:15:00Z", "2026-10-25T01:44:00Z"] {
            #expect(reason(night, text) == .friendlyPeriod, "\(text)")
        }
        #expect(reason(night, "2026-10-25T01:45:00Z") == nil)
    }

    @Test func span_inEveryZoneIsLocal() throws {
        for (zone, offsets) in [
            (Zones.sydney, [("2026-01-14", 11 * 60), ("2026-07-15", 600)]),
            (Zones.lordHowe, [("2026-01-14", 660), ("2026-07-15", 630)]),
        ] {
            let calendar = try calendar(["days": ["wed": [["from": "12:00", "to": "13:00"]]]], clock: zone)
            for (day, minutes) in offsets {
                let noon = time("\(day)T12:00:00Z") + -Int64(minutes) * 60_000
                #expect(calendar.span(at: noon + -1).protection == nil)
                #expect(calendar.span(at: noon).until == noon + 3_600_000)
            }
        }
    }

    @Test func span_whereNothingIsProtected_isLookedAtAgainInADay() throws {
        let none = try calendar(["days": [:]])
        let noon = time("2026-03-04T12:00:00Z")
        #expect(none.span(at: noon) == SupplyCalendar.Span(protection: nil, until: noon + 86_400_000))
    }

    @Test func specialDays_onceAndEveryYear() throws {
        let calendar = try calendar(
            ["days": [:]],
            [
                "days": [
                    ["date": "--12-25"], ["date": "2026-05-04", "from": "09:00", "to": "17:00"], ["date": "--02-29"],
                ]
            ])
        for (text, isProtected) in [
            ("2026-12-25T00:00:00Z", true), ("2031-12-25T23:59:59Z", true), ("2026-12-26T00:00:00Z", false),
            ("2026-05-04T08:00:00Z", true), ("2026-05-04T07:59:59Z", false), ("2026-05-04T16:00:00Z", false),
            ("2027-05-04T10:00:00Z", false), ("2028-02-29T12:00:00Z", true), ("2027-03-01T12:00:00Z", false),
        ] { #expect((reason(calendar, text) == .specialDay) == isProtected, "\(text)") }
    }

    @Test func ownTable_replacesTheZonesRules() throws {
        let table = try DaylightSaving([
            "intervals": [["start": "2026-04-12T00:00:00Z", "end": "2026-09-13T00:00:00Z", "offset_minutes": 120]]
        ])
        let clock = Zones.london.overridden(by: table, at: time("2026-03-01T00:00:00Z"))
        #expect(clock.local(time("2026-04-01T00:00:00Z").seconds) == time("2026-04-01T00:00:00Z").seconds)
        #expect(clock.local(time("2026-05-01T00:00:00Z").seconds) == time("2026-05-01T02:00:00Z").seconds)
        #expect(clock.knownUntil == time("2026-09-13T00:00:00Z").seconds)
        #expect(
            Zones.london.overridden(by: DaylightSaving(intervals: []), at: time("2026-03-01T00:00:00Z")) == Zones.london
        )
        // Also when it is summer by the zone's rules when the table is set.
        let summer = Zones.lordHowe.overridden(by: table, at: time("2026-01-01T00:00:00Z"))
        #expect(summer.offset(at: time("2026-02-01T00:00:00Z").seconds).offset == 37_800)
    }

    @Test func instants_ofGapsAndRepeats() {
        let spring = time("2026-03-29T00:00:00Z").seconds / 86_400
        let autumn = time("2026-10-25T00:00:00Z").seconds / 86_400
        let half = TimeOfDay(minutes: 90)
        #expect(Zones.london.instant(spring, half) == time("2026-03-29T01:00:00Z"))
        #expect(Zones.london.lastInstant(spring, half) == time("2026-03-29T01:00:00Z"))
        #expect(Zones.london.instant(autumn, half) == time("2026-10-25T00:30:00Z"))
        #expect(Zones.london.lastInstant(autumn, half) == time("2026-10-25T01:30:00Z"))
        // The second 01:00 is the very instant of the change.
        #expect(Zones.london.lastInstant(autumn, TimeOfDay(minutes: 60)) == time("2026-10-25T01:00:00Z"))
        #expect(Zones.london.lastInstant(autumn, TimeOfDay(minutes: 120)) == time("2026-10-25T02:00:00Z"))
        #expect(Zones.london.instant(autumn, .endOfDay) == time("2026-10-26T00:00:00Z"))
        #expect(Zones.london.lastDay(atOrBefore: time("2026-10-25T00:30:00Z"), half) == autumn)
        #expect(Zones.london.lastDay(atOrBefore: time("2026-10-25T00:29:59Z"), half) == autumn - 1)
    }

    @Test func periods_fallDueOnTheirDays() {
        func days(_ period: RecoveryPeriod, after text: String, _ count: Int) -> [String] {
            var day = time(text).seconds / 86_400
            return (0..<count).map { _ in
                day = period.nextDay(after: day)
                return dayText(day)
            }
        }
        #expect(days(RecoveryPeriod(.daily), after: "2026-02-27", 3) == ["2026-02-28", "2026-03-01", "2026-03-02"])
        #expect(days(RecoveryPeriod(.weekly), after: "2026-03-02", 2) == ["2026-03-09", "2026-03-16"])
        #expect(
            days(RecoveryPeriod(.weekly, weekday: .sunday), after: "2026-03-02", 2) == ["2026-03-08", "2026-03-15"])
        #expect(days(RecoveryPeriod(.monthly), after: "2026-11-01", 3) == ["2026-12-01", "2027-01-01", "2027-02-01"])
        #expect(
            days(RecoveryPeriod(.monthly, day: 28), after: "2026-12-27", 3) == [
                "2026-12-28", "2027-01-28", "2027-02-28",
            ])
        #expect(monday(of: time("2026-03-08").seconds / 86_400) == time("2026-03-02").seconds / 86_400)
    }
}
