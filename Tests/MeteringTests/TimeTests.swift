import Metering
import Testing

@Suite struct TimeTests {
    @Test func text_ofKnownInstants_isRFC3339() {
        #expect(WallTime(milliseconds: 0).text == "1970-01-01T00:00:00.000Z")
        #expect(WallTime(milliseconds: 1_772_436_600_123).text == "2026-03-02T07:30:00.123Z")
        #expect(WallTime(milliseconds: 1_772_436_600_999).textSeconds == "2026-03-02T07:30:00Z")
        #expect(WallTime(milliseconds: -1).text == "1969-12-31T23:59:59.999Z")
    }

    @Test(
        arguments: [
            ("2026-03-02T07:30:00Z", 1_772_436_600_000), ("2026-03-02T07:30:00.5Z", 1_772_436_600_500),
            ("2026-03-02T18:30:00+11:00", 1_772_436_600_000), ("2026-03-02T07:30Z", 1_772_436_600_000),
            ("2024-02-29", 1_709_164_800_000), ("1969-12-31T23:59:59.999Z", -1),
        ] as [(String, Int64)])
    func init_whenTextIsATime_readsIt(_ text: String, _ milliseconds: Int64) {
        #expect(WallTime(text: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-02-29", "2026-13-01", "2026-03-02T24:00:00Z", "2026-03-02T07:30:00", "2026-03-02T07:30:60Z",
        "2026-03-02T07:30:00Zx", "2026-03-02T07:30:00.Z", "+026-03-02", "2026-03-02T07:30:00+1:00",
    ])
    func init_whenTextIsNoTime_isNil(_ text: String) {
        #expect(WallTime(text: text) == nil)
    }

    @Test func civilTime_everyDayOfFourCenturies_roundTrips() {
        var seconds: Int64 = -11_676_096_000  // 1600-01-01
        var previous = CivilTime(seconds: seconds)
        #expect(previous == CivilTime(year: 1600, month: 1, day: 1))
        for _ in 0..<146_097 {
            seconds += 86_400
            let day = CivilTime(seconds: seconds)
            #expect(day.seconds == seconds && day.isValid && day != previous)
            previous = day
        }
        #expect(previous == CivilTime(year: 2000, month: 1, day: 1))
    }

    @Test func flooredRemainder_ofNegative_isNotNegative() {
        #expect(Int64(-1).flooredQuotient(by: 1000) == -1)
        #expect(Int64(-1).flooredRemainder(by: 1000) == 999)
        #expect(Int64(-1000).flooredRemainder(by: 1000) == 0)
    }
}
