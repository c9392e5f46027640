import Metering
import Testing

@testable import meterside

/// `interval gaps` as people read it.
@Suite struct IntervalGapsTests {
    private static func gap(
        _ channel: String, _ from: String, _ to: String, _ count: Int64, _ why: String, next: String? = nil
    ) -> JSONValue {
        [
            "meter": "217072470", "channel": .string(channel), "from": .string(from), "to": .string(to),
            "intervals": .integer(count), "why": .string(why), "next_try_at": JSONValue(next),
        ]
    }

    @Test func gaps_ofSeveralChannels_areOneRow_withTheReasonInWords() {
        let from = "2026-03-02T07:30:00Z"
        let to = "2026-03-02T08:30:00Z"
        let lines = IntervalGapsCommand.lines(
            [
                Self.gap("import_wh", from, to, 12, "timeout", next: "2026-03-02T09:00:10.500Z"),
                Self.gap("export_wh", from, to, 12, "timeout", next: "2026-03-02T09:00:10.500Z"),
                Self.gap("import_wh", to, "2026-03-02T08:35:00Z", 1, "solar_flare"),
            ], colour: false)
        #expect(
            lines == [
                "METER      FROM               TO                 INTERVALS  NEXT TRY",
                "217072470  2026-03-02 07:30Z  2026-03-02 08:30Z         12  2026-03-02 09:00:10Z",
                "  import_wh, export_wh: the meter did not answer in time",
                "217072470  2026-03-02 08:30Z  2026-03-02 08:35Z          1  -",
                "  import_wh: solar flare",
                "",
                "2 gaps: 25 values missing or estimated",
            ])
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test func noGap_saysSo() {
        #expect(IntervalGapsCommand.lines([], colour: false) == ["No interval lacks an actual value."])
    }

    @Test func everyReason_hasWordsOfItsOwn() {
        let words =
            NoData.allCases.map(\.rawValue) + ["power_failed", "not_recorded", "incomplete", "calibration_lost", ""]
        let texts = words.map { IntervalGapsCommand.words($0) }
        #expect(Set(texts).count == words.count)
        #expect(texts.allSatisfy { $0.contains(" ") && !$0.contains("_") })
        #expect(IntervalGapsCommand.words("\u{1B}[2Jnew_word") == "\u{1B}[2Jnew word")
        let hostile = IntervalGapsCommand.lines([Self.gap("a\nb", "x", "y", 1, "\u{1B}[2J")], colour: false)
        #expect(!hostile.joined().contains("\u{1B}") && !hostile.joined().contains("\n"))
    }
}
