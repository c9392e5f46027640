import Metering
import Testing

@testable import meterside

/// Tables, wrapping and amounts: everything fits 80 columns.
@Suite struct LayoutTests {
    @Test func table_alignsColumns_andLeavesNoBlanksAtTheEnd() {
        var table = Table(.left("NAME"), .right("VALUE"), .flexible("NOTE"))
        table.add("import_wh", "20330000", "")
        table.add("power_w", "-5", "exporting")
        #expect(
            table.lines() == [
                "NAME          VALUE  NOTE",
                "import_wh  20330000",
                "power_w          -5  exporting",
            ])
    }

    @Test func table_whenTooWide_cutsTheFlexibleColumns() {
        var table = Table(.left("SERIAL"), .flexible("MODEL"), .flexible("NOTE"))
        table.add(
            "217072470", Table.Cell(String(repeating: "m", count: 40)), Table.Cell(String(repeating: "n", count: 60)))
        for width in [80, 60, 40] {
            let lines = table.lines(width: width)
            #expect(lines.allSatisfy { $0.count <= width })
            #expect(lines[1].hasPrefix("217072470  mmmmm"))
            #expect(lines[1].hasSuffix("…"))
        }
    }

    @Test func table_whenNothingGivesWay_isCutAtTheEdge() {
        var table = Table(.left("A"), .left("B"))
        table.add(Table.Cell(String(repeating: "a", count: 50)), Table.Cell(String(repeating: "b", count: 50)))
        #expect(table.lines()[1].count == 80)
    }

    @Test func table_paintsOnlyWithColour_andKeepsItsWidth() {
        var table = Table(.left("STATE"), .left("X"))
        table.add(.state("live"), "1")
        table.add(.state("mismatch"), "2")
        #expect(table.lines()[1] == "live      1")
        let painted = table.lines(colour: true)
        #expect(painted[1] == "\u{1B}[32mlive    \u{1B}[0m  1")
        #expect(painted[2].hasPrefix("\u{1B}[31mmismatch"))
    }

    @Test func clean_takesOutWhatSteersTheTerminal() {
        #expect(TextLayout.clean("a\u{1B}[2Jb\r\n\u{9B}c\u{202E}d\u{7F}") == "a?[2Jb???c?d?")
        #expect(TextLayout.clean("Mëter №1 °C") == "Mëter №1 °C")
        #expect(Table.Cell("\u{7}bell").text == "?bell")
    }

    @Test func wrapped_breaksBetweenWords_andIndentsTheRest() {
        #expect(TextLayout.wrapped("one two three four", indent: 2, width: 9) == ["one two", "  three", "  four"])
        #expect(TextLayout.wrapped("  one two three", indent: 4, width: 9) == ["  one two", "    three"])
        let long = String(repeating: "w", count: 20)
        #expect(TextLayout.wrapped("a \(long) b", indent: 2, width: 9) == ["a", "  " + long, "  b"])
        #expect(TextLayout.wrapped("", indent: 2) == [""])
    }

    @Test func time_dropsTheFraction() {
        #expect(TextLayout.time("2026-03-02T07:30:00.123Z") == "2026-03-02 07:30:00Z")
        #expect(TextLayout.time("2026-03-02T07:30:00Z") == "2026-03-02 07:30:00Z")
        #expect(TextLayout.time("never") == "never")
        #expect(TextLayout.time(nil) == "-")
    }

    @Test func money_isExact() {
        #expect(TextLayout.money(micro: 1_200_000) == "1.20")
        #expect(TextLayout.money(micro: -1) == "-0.000001")
        #expect(TextLayout.money(micro: 0) == "0.00")
        #expect(TextLayout.money(micro: -1_234_567) == "-1.234567")
        #expect(TextLayout.money(micro: .min) == "-9223372036854.775808")
    }

    @Test func failure_showsMessageThenHint_andFaultsOneALine() {
        let failure = CommandFailure(
            code: "config", message: "the configuration was refused:\na.toml:1: box: missing\na.toml:2: x: unknown",
            hint: "mend the file")
        #expect(
            failure.lines() == [
                "meterside: the configuration was refused:", "  a.toml:1: box: missing", "  a.toml:2: x: unknown",
                "  mend the file",
            ])
        let expected: JSONValue = ["error": ["code": "usage", "message": "m", "hint": ""]]
        #expect(CommandFailure.usage("m").json == expected)
    }

    @Test func screen_countsWhatDoesNotFit() {
        let lines = (1...30).map { "line \($0)" }
        #expect(Terminal.fitted(lines, height: 31) == lines)
        let fitted = Terminal.fitted(lines, height: 24)
        #expect(fitted.count == 23)
        #expect(fitted.last == "… 8 more lines: make the window higher")
    }

    @Test func outline_showsAnyJSON() throws {
        let value = try JSONReader.read(
            #"{"name":"ping","roles":["owner","ops"],"args":[{"n":1,"long":true},{"n":null}],"x":{"y":"z"}}"#)
        #expect(
            Outline.lines(value) == [
                "name   ping", "roles  owner, ops", "args", "  - n     1", "    long  yes", "  - n  -", "x",
                "  y  z",
            ])
    }
}
