import Intervals
import Metering

/// One self-contained HTML page about a file: what it holds, its load, what is missing and what is wrong.
struct Nem12Page {
    let text: String

    /// Most rows of a table; the rest is counted.
    private static let mostRows = 200

    init(_ file: String, _ summary: Nem12Summary, _ picture: Nem12Picture) {
        let state = summary.isGood ? "good" : TextLayout.count(summary.faultCount, "fault")
        var body = [
            "<h1>\(Self.escaped(file))</h1>",
            "<p class=\"\(summary.isGood ? "good" : "bad")\">\(state)</p>", "<dl>",
        ]
        for (name, value) in Nem12CheckCommand.headings(summary) {
            body.append("<dt>\(name)</dt><dd>\(Self.escaped(value))</dd>")
        }
        body.append("</dl>")
        body += Self.faults(summary)
        body += Nem12Chart.daily(picture.days) + Nem12Chart.meanDay(picture)
        body += Self.gaps(picture)
        text = Self.head(file) + body.joined(separator: "\n") + "\n</body>\n</html>\n"
    }

    static func escaped(_ text: String) -> String {
        TextLayout.clean(text).reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }

    private static func faults(_ summary: Nem12Summary) -> [String] {
        guard !summary.isGood else { return [] }
        var lines = ["<h2>Faults</h2>", "<table><tr><th>Line<th>Field<th>Rule<th>What is wrong</tr>"]
        for fault in summary.faults.prefix(mostRows) {
            lines.append(
                "<tr><td class=\"n\">\(fault.line)<td class=\"n\">\(fault.field > 0 ? String(fault.field) : "")"
                    + "<td>\(fault.rule.rawValue)<td>\(escaped(fault.message))</tr>")
        }
        lines.append("</table>")
        if summary.faultCount > mostRows { lines.append("<p>and \(summary.faultCount - mostRows) more</p>") }
        return lines
    }

    private static func gaps(_ picture: Nem12Picture) -> [String] {
        let gaps = picture.gaps
        var lines = ["<h2>Gaps</h2>"]
        if gaps.isEmpty {
            lines.append("<p>No day is missing inside a stream, and no interval is null.</p>")
        } else {
            lines.append("<table><tr><th>NMI<th>Stream<th>From<th>To<th>What</tr>")
            for gap in gaps.prefix(mostRows) {
                let count = gap.days.upperBound - gap.days.lowerBound + 1
                let what =
                    gap.intervals.map { "intervals \($0.lowerBound) to \($0.upperBound) are null" }
                    ?? "no record for \(TextLayout.count(count, "day"))"
                lines.append(
                    "<tr><td>\(gap.nmi)<td>\(gap.suffix)<td class=\"n\">\(Nem12File.date(gap.days.lowerBound))"
                        + "<td class=\"n\">\(Nem12File.date(gap.days.upperBound))<td>\(what)</tr>")
            }
            lines.append("</table>")
            if gaps.count > mostRows { lines.append("<p>and \(gaps.count - mostRows) more</p>") }
        }
        if picture.isCut { lines.append("<p>The file is very large: the charts and gaps show a part of it.</p>") }
        return lines
    }

    private static func head(_ file: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>\(escaped(file))</title>
        <style>
        :root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #6b7280; --line: #d6dae0;
          --import: #2563a8; --export: #2e8b57; --replaced: #d97706; --null: #b91c1c; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #15181c; --soft: #9aa3ae;
          --line: #343a42; --import: #6aa5e8; --export: #5fc48c; --replaced: #f0a53c; --null: #f07171; } }
        body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
          max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.3rem; overflow-wrap: anywhere; margin-bottom: 0; }
        h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
        .good { color: var(--export); font-weight: 600; margin: 0; }
        .bad { color: var(--null); font-weight: 600; margin: 0; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
        dt { color: var(--soft); } dd { margin: 0; }
        table { border-collapse: collapse; width: 100%; font-size: .9rem; }
        th { text-align: left; color: var(--soft); font-weight: 500; }
        th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
        .n { font-variant-numeric: tabular-nums; white-space: nowrap; }
        svg { display: block; width: 100%; height: 220px; border-bottom: 1px solid var(--line); }
        .i { fill: var(--import); } .e { fill: var(--export); } .r { fill: var(--replaced); } .x { fill: var(--null); }
        .axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .85rem; }
        .key span::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
        .key span { margin-right: 1.2rem; font-size: .85rem; color: var(--soft); }
        .ki::before { background: var(--import); } .ke::before { background: var(--export); }
        .kr::before { background: var(--replaced); } .kx::before { background: var(--null); }
        </style>
        </head>
        <body>

        """
    }
}
