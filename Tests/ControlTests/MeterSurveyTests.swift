import Metering
import Testing

@testable import meterside

/// `meter survey` as a table and as CSV.
@Suite struct MeterSurveyTests {
    private static func survey(channels: Int, value: String = "1234567.89") -> JSONValue {
        let names = ["Export Wh Total", "Import Wh Total", "Export varh Total", "Import varh Total", "Volts, \"L1\""]
        return [
            "serial": "217072470", "minutes": 5,
            "channels": .array(
                (0..<channels).map { ["name": .string(names[$0 % 5]), "unit": $0 % 5 == 4 ? "" : "Wh"] }),
            "records": [
                [
                    "end": "2026-03-02T07:30:00Z", "status": [],
                    "values": .array((0..<channels).map { _ in .string(value) }),
                ],
                [
                    "end": "2026-03-02T07:35:00Z", "status": ["missing", "power_failed"],
                    "values": .array((0..<channels).map { _ in nil }),
                ],
            ],
        ]
    }

    @Test func table_ofFewChannels_showsThemAll() {
        let lines = MeterSurveyTable(Self.survey(channels: 2)).lines(colour: false)
        #expect(
            lines == [
                "meter 217072470  every 5 min  2 records",
                "",
                "                                          Export Wh   Import Wh",
                "END                STATUS                  Total Wh    Total Wh",
                "2026-03-02 07:30Z  ok                    1234567.89  1234567.89",
                "2026-03-02 07:35Z  missing,power_failed           -           -",
            ])
    }

    @Test func table_ofManyChannels_neverCutsAValue_andNamesTheRest() {
        for channels in [1, 3, 4, 5, 8, 30] {
            let lines = MeterSurveyTable(Self.survey(channels: channels)).lines(colour: false)
            #expect(lines.allSatisfy { $0.count <= 80 }, "\(channels)")
            let row = lines.first { $0.hasPrefix("2026-03-02 07:30") } ?? ""
            let shown = row.split(separator: " ").filter { $0 == "1234567.89" }.count
            #expect(shown >= min(channels, 3))
            #expect(!row.contains("…"))
            #expect(lines.contains { $0.contains("--csv and --json have all") } == (shown < channels))
        }
    }

    @Test func table_ofLongValues_keepsThemWhole() {
        let value = "9223372036854775807.123456"
        let lines = MeterSurveyTable(Self.survey(channels: 4, value: value)).lines(colour: false)
        #expect(lines.contains { $0.contains(value) } && lines.allSatisfy { $0.count <= 80 })
    }

    @Test func csv_isComplete_andQuotesWhatMustBe() {
        let lines = MeterSurveyTable(Self.survey(channels: 5)).csv
        #expect(
            lines == [
                "end,status,Export Wh Total Wh,Import Wh Total Wh,Export varh Total Wh,Import varh Total Wh,"
                    + "\"Volts, \"\"L1\"\"\"",
                "2026-03-02T07:30:00Z,,1234567.89,1234567.89,1234567.89,1234567.89,1234567.89",
                "2026-03-02T07:35:00Z,missing power_failed,,,,,",
            ])
    }

    @Test func nothing_isOnlyAHeading() {
        let table = MeterSurveyTable(["serial": "7", "minutes": 5, "channels": [], "records": []])
        #expect(table.csv == ["end,status"])
        #expect(table.lines(colour: false) == ["meter 7  every 5 min  0 records", "", "END  STATUS"])
    }

    @Test func namesOfTheMeter_doNotSteerTheTerminal() {
        let table = MeterSurveyTable([
            "serial": "7", "minutes": 5, "channels": [["name": "a\u{1B}[2Jb\r\n", "unit": ""]], "records": [],
        ])
        let text = (table.csv + table.lines(colour: false)).joined()
        #expect(!text.contains("\u{1B}") && !text.contains("\r") && !text.contains("\n"))
    }
}
