import ArgumentParser
import Intervals
import Metering

/// `meterside nem12 check FILE`
struct Nem12CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Hold a NEM12 or NEM13 file to the rules of the format.",
        discussion: "Says line, field and rule of every fault. Ends with 5 when there is one.")

    @Argument(help: "The file, unpacked; - is standard input.")
    var file: String

    @Option(name: .long, help: "Make this HTML page with a load chart, the gaps and the faults.")
    var report: String?

    @OptionGroup var output: JSONFlag

    /// Most faults that are shown to people; `--json` has the first 1000.
    private static let mostShown = 20

    func run() throws {
        let summary: Nem12Summary
        if let report {
            var both = SummaryAndPicture()
            try Nem12File.read(file, to: &both)
            summary = both.summary
            try FileAccess.create(report, mode: 0o644, Array(Nem12Page(file, summary, both.picture).text.utf8))
        } else {
            var counted = Nem12Summary()
            try Nem12File.read(file, to: &counted)
            summary = counted
        }
        output.show(summary.json) { Self.lines(file, summary, colour: $0) }
        if !summary.isGood { throw CommandStatus.refused }
    }

    static func lines(_ file: String, _ summary: Nem12Summary, colour: Bool) -> [String] {
        let word = summary.isGood ? "good" : TextLayout.count(summary.faultCount, "fault")
        let tone: Table.Tone = summary.isGood ? .good : .bad
        var lines = [TextLayout.clean("\(file): ") + (colour ? tone.paint(word) : word)]
        for (name, value) in headings(summary) {
            let rows = TextLayout.wrapped(value, indent: 0, width: TextLayout.width - 10)
            for (index, row) in rows.enumerated() {
                lines.append(TextLayout.padded(index == 0 ? name : "", to: 10) + row)
            }
        }
        guard !summary.isGood else { return lines }
        lines.append("")
        for fault in summary.faults.prefix(mostShown) {
            let place = fault.field > 0 ? "line \(fault.line), field \(fault.field)" : "line \(fault.line)"
            let text = TextLayout.clean("\(place): \(fault.message) [\(fault.rule.rawValue)]")
            lines += TextLayout.wrapped(text, indent: 4)
        }
        if summary.faultCount > mostShown {
            lines.append("… and \(summary.faultCount - mostShown) more; --json lists the first 1000")
        }
        return lines
    }

    /// What the file holds, for the terminal and the page.
    static func headings(_ summary: Nem12Summary) -> [(name: String, value: String)] {
        var lines: [(name: String, value: String)] = []
        if let header = summary.header {
            let time = WallTime(seconds: header.created * 60).textSeconds
            lines.append(
                (
                    "file",
                    "\(header.version.rawValue) from \(header.from) to \(header.to), made "
                        + "\(time.prefix(10)) \(time.dropFirst(11).prefix(5)) market time"
                ))
        }
        var contents =
            "\(Nem12File.count(summary.nmis, "NMI")), \(Nem12File.count(summary.days, "day"))"
        if let span = summary.span {
            contents += " (\(Nem12File.date(span.lowerBound)) to \(Nem12File.date(span.upperBound)))"
        }
        lines.append(("contents", contents + ", \(Nem12File.count(summary.readings, "reading"))"))
        let qualities = zip(QualityFlag.allCases, summary.qualities).filter { $0.1 > 0 }
        if !qualities.isEmpty {
            let words = qualities.map { "\($0.0.words) \(Nem12File.grouped($0.1))" }
            lines.append(("quality", words.joined(separator: ", ")))
        }
        return lines
    }
}

/// Feeds both.
private struct SummaryAndPicture: Nem12Handler {
    var summary = Nem12Summary()
    var picture = Nem12Picture()

    mutating func header(_ header: Nem12Header) { summary.header(header) }
    mutating func day(_ day: Nem12Day) {
        summary.day(day)
        picture.day(day)
    }
    mutating func reading(_ reading: Nem13Reading) { summary.reading(reading) }
    mutating func fault(_ fault: Nem12Fault) { summary.fault(fault) }
}
