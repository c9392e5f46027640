import Metering
import Testing

@testable import meterside

/// `interval list --plot`, cell by cell.
@Suite struct IntervalPlotTests {
    /// Minutes since 1970 of 2026-03-02T00:00Z, a Monday.
    private static let midnight: Int64 = 29_540_160

    private static func item(
        _ end: Int64, _ value: Int64?, _ quality: String = "A", minutes: Int64 = 5, reason: String = ""
    ) -> JSONValue {
        [
            "meter": "7", "channel": "import_wh", "end": .string(WallTime(seconds: end * 60).textSeconds),
            "minutes": .integer(minutes), "value_wh": JSONValue(value), "quality": .string(quality),
            "method": "boundary", "reason": .string(reason), "source": "register", "revision": 0,
        ]
    }

    private static func plot(_ items: [JSONValue], from: Int64, to: Int64, unit: String = "W") -> IntervalPlot {
        IntervalPlot(
            items, unit: unit,
            span: TimeSpan(from: WallTime(seconds: from * 60), to: WallTime(seconds: to * 60)))
    }

    /// A day of 5 minutes: a low night, a morning, a midday without data, an estimated evening.
    private static func day(from start: Int64 = midnight) -> [JSONValue] {
        (Int64(1)...288).map { number in
            let end = start + number * 5
            switch number {
            case 145...156: return item(end, nil, "N", reason: "timeout")
            case 157...158: return item(end, nil, "N", reason: "off")
            case 205...240: return item(end, 300, "E", reason: "timeout")
            case 73...108: return item(end, (number - 72) * 9)
            default: return item(end, 20)
            }
        }
    }

    @Test func day_isAChart() {
        let lines = Self.plot(Self.day(), from: Self.midnight, to: Self.midnight + 1440).lines(colour: false)
        #expect(
            lines == [
                "mean kW of each 20 minutes",
                "",
                "    4┤                          ▃",
                "     │                         ▂█                        ▒▒▒▒▒▒▒▒▒",
                "     │                        ▁██                        ▒▒▒▒▒▒▒▒▒",
                "     │                       ▁███                        ▒▒▒▒▒▒▒▒▒",
                "     │                       ████                        ▒▒▒▒▒▒▒▒▒",
                "    2┤                      █████                        ▒▒▒▒▒▒▒▒▒",
                "     │                     ▇█████                        ▒▒▒▒▒▒▒▒▒",
                "     │                    ▇██████                        ▒▒▒▒▒▒▒▒▒",
                "     │                   ▆███████                        ▒▒▒▒▒▒▒▒▒",
                "     │▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅████████▅▅▅▅▅▅▅▅▅   ▅▅▅▅▅▅▅▅▅▅▅▅▒▒▒▒▒▒▒▒▒▅▅▅▅▅▅▅▅▅▅▅▅",
                "    0└┬────────┬────────┬────────┬────────┬────────┬────────┬────────┬────────",
                "                                          ××××           ~~~~~~~~~",
                "      00:00    03:00    06:00    09:00    12:00    15:00    18:00    21:00Z",
                "",
                "█ actual   ▒ ~ estimated or substituted   × no data",
                "total 20.834 kWh in 274 intervals, 36 of them estimated or substituted; 14",
                "  without data (timeout, off)",
            ])
    }

    @Test func week_isARowADay() {
        let from = Self.midnight + 600
        let items = (Self.day() + Self.day(from: Self.midnight + 1440)).filter { Self.end($0) > from }
        let lines = Self.plot(items, from: from, to: Self.midnight + 2880).lines(colour: false)
        #expect(
            Array(lines.dropLast(2)) == [
                "mean power of each 30 minutes, from ▁ 0 to █ 4 kW",
                "",
                "Mon 2026-03-02                      ▁▁▁▁  ▁▁▁▁▁▁▁▁▇▇▇▇▇▇▁▁▁▁▁▁▁▁    13.160 kWh",
                "                                       ×××       ~~~~~~",
                "Tue 2026-03-03  ▁▁▁▁▁▁▁▁▁▁▁▁▁▂▃▅▆▇▁▁▁▁▁▁  ▁▁▁▁▁▁▁▁▇▇▇▇▇▇▁▁▁▁▁▁▁▁    20.834 kWh",
                "                                       ×××       ~~~~~~",
                "               00:00 03:00 06:00 09:00 12:00 15:00 18:00 21:00Z",
                "",
                "█ actual   ~ estimated or substituted   × no data",
            ])
    }

    private static func end(_ item: JSONValue) -> Int64 {
        (item["end"]?.string.flatMap { WallTime(text: $0) }?.seconds ?? 0) / 60
    }

    @Test func wholeWeek_fitsAScreen_andEightyColumns() {
        let items = (0..<7).flatMap { Self.day(from: Self.midnight + $0 * 1440) }
        for shift: Int64 in [0, 7, 725] {
            let to = Self.midnight + 7 * 1440 - shift
            let lines = Self.plot(items, from: to - 7 * 1440, to: to).lines(colour: false)
            #expect(lines.count <= 23 && lines.allSatisfy { $0.count <= 80 })
        }
    }

    @Test func day_whenItEndsAtAnyMinute_fitsEightyColumns() {
        let items = Self.day() + Self.day(from: Self.midnight + 1440)
        for shift: Int64 in [0, 1, 5, 19, 20, 437] {
            for length: Int64 in [5, 60, 361, 720, 1439, 1440] {
                let to = Self.midnight + 1440 + shift
                let own = items.filter { Self.end($0) > to - length && Self.end($0) <= to }
                let lines = Self.plot(own, from: to - length, to: to).lines(colour: false)
                #expect(lines.allSatisfy { $0.count <= 80 }, "\(shift) \(length)")
                #expect(lines.allSatisfy { $0.last != " " })
            }
        }
    }

    @Test func columns_areTheMeanOfWhatIsKnown() {
        let start = Self.midnight
        let items = [
            Self.item(start + 5, 10), Self.item(start + 10, nil, "N"), Self.item(start + 25, 100, "F"),
            Self.item(start + 40, 0),
        ]
        let columns = Self.plot(items, from: start, to: start + 60).columns(of: 20, from: start, to: start + 60)
        #expect(
            columns == [
                // The ends :15 and :20, then :30 and :35, were never spoken of.
                IntervalPlot.Column(watts: 120, isReplaced: false, isLacking: true),
                IntervalPlot.Column(watts: 600, isReplaced: true, isLacking: true),
                IntervalPlot.Column(),
            ])
    }

    @Test func intervals_thatWereNeverStated_areMissing() {
        let items = Self.day().enumerated().filter { !(100..<112).contains($0.offset) }.map(\.element)
        let lines = Self.plot(items, from: Self.midnight, to: Self.midnight + 1440).lines(colour: false)
        #expect(lines.contains { $0.contains("26 without") || $0.contains("; 26") })
        #expect(lines.contains { $0.hasPrefix("                               ×××") })
    }

    @Test func halfHours_haveAColumnEach_andReactiveItsUnit() {
        let items = (Int64(1)...48).map { Self.item(Self.midnight + $0 * 30, $0 * 1_000_000, minutes: 30) }
        let lines = Self.plot(items, from: Self.midnight, to: Self.midnight + 1440, unit: "var").lines(colour: false)
        #expect(lines[0] == "mean Mvar of each 30 minutes")
        #expect(lines[2].hasPrefix("  100┤") && lines[7].hasPrefix("   50┤"))
        #expect(lines[12].count == 6 + 48)
    }

    @Test func colour_repeatsTheShapes_andNothingElseChanges() {
        let plot = Self.plot(Self.day(), from: Self.midnight, to: Self.midnight + 1440)
        let painted = plot.lines(colour: true)
        #expect(painted.joined().contains("\u{1B}[33m▒▒▒▒▒▒▒▒▒\u{1B}[0m"))
        #expect(painted.joined().contains("\u{1B}[31m××××\u{1B}[0m"))
        var plain = painted.joined(separator: "\n")
        for code in ["32", "33", "31", "0"] { plain = plain.replacing("\u{1B}[\(code)m", with: "") }
        #expect(plain == plot.lines(colour: false).joined(separator: "\n"))
    }

    @Test func strangeValues_drawSomething() {
        let start = Self.midnight
        let zero = (Int64(1)...12).map { Self.item(start + $0 * 5, 0) }
        #expect(Self.plot(zero, from: start, to: start + 60).lines(colour: false)[2] == "   10┤")
        let huge = [Self.item(start + 5, .max), Self.item(start + 10, .max), Self.item(start + 15, -7)]
        #expect(Self.plot(huge, from: start, to: start + 60).lines(colour: false).allSatisfy { $0.count <= 80 })
        let junk: [JSONValue] = [1, nil, ["end": "never"], ["end": "2026-03-02T00:05:00Z", "minutes": 0]]
        #expect(Self.plot(junk, from: start, to: start + 60).samples.isEmpty)
        // Out of order, and twice the same end: the later statement counts.
        let twice = [Self.item(start + 5, 1), Self.item(start + 5, 2), Self.item(start, 9)]
        #expect(Self.plot(twice, from: start, to: start + 60).samples.map(\.value) == [2])
    }

    @Test func scale_isRound() {
        let tops = [0, 9, 10, 11, 399, 401, 999, 1001, 59_000].map { PowerScale(most: $0).top }
        #expect(tops == [10, 10, 10, 20, 400, 500, 1000, 2000, 60_000])
        let scale = PowerScale(most: 900)
        #expect(scale.prefix == "k" && scale.text(scale.top) == "1" && scale.half == "0.5")
        #expect(
            scale.eighths(1, rows: 10) == 1 && scale.eighths(0, rows: 10) == 0 && scale.eighths(1000, rows: 10) == 80)
    }
}
