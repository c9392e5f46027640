import Metering

/// A load survey as rows: for people as wide as the terminal, as CSV complete.
struct MeterSurveyTable {
    let survey: JSONValue
    private var channels: [JSONValue] { survey.items("channels") }
    private var records: [JSONValue] { survey.items("records") }

    init(_ survey: JSONValue) { self.survey = survey }

    // MARK: - CSV

    /// A heading and a line for each record; times are RFC 3339, several words of a status stand apart by blanks, a
    /// missing value is empty.
    var csv: [String] {
        let names = channels.map { Self.name($0) }
        let heading = (["end", "status"] + names).map(Self.field).joined(separator: ",")
        return [heading]
            + records.map { record in
                let values = (record["values"]?.array ?? []).map { $0 == .null ? "" : $0.shown }
                let cells = [record["end"]?.string ?? "", Self.status(record, " ")] + values
                return cells.map(Self.field).joined(separator: ",")
            }
    }

    /// A cell of CSV (RFC 4180), without control characters: the names are the meter's.
    private static func field(_ text: String) -> String {
        let clean = TextLayout.clean(text)
        guard clean.contains(where: { $0 == "," || $0 == "\"" }) else { return clean }
        return "\"" + clean.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    // MARK: - For people

    /// Heading, then a table of the channels that fit, never cutting a value; the others are named below it.
    func lines(colour: Bool, width: Int = TextLayout.width) -> [String] {
        let count = TextLayout.count(records.count, "record")
        let heading = "meter \(survey.shown("serial"))  every \(survey.shown("minutes")) min  \(count)"
        let titles = channels.map { Self.title(Self.name($0)) }
        var widths: [Int] = []
        for index in titles.indices {
            let values = records.map { Self.value($0, index).count }
            widths.append(max(values.max() ?? 0, titles[index].map(\.count).max() ?? 0))
        }
        let statuses = records.map { Self.status($0, ",").count }
        let ends = records.map { TextLayout.minute($0["end"]?.string).count }
        var used = max(ends.max() ?? 0, "END".count) + Table.gap.count + max(statuses.max() ?? 0, "STATUS".count)
        let fitting = widths.prefix { width in
            used += Table.gap.count + width
            return used <= TextLayout.width
        }.count
        let shown = max(fitting, min(titles.count, 1))
        var lines = [TextLayout.clean(heading), ""] + table(titles.prefix(shown)).lines(width: width, colour: colour)
        guard shown < titles.count else { return lines }
        let rest = channels.dropFirst(shown).map { Self.name($0) }.joined(separator: ", ")
        let text = "\(TextLayout.count(titles.count - shown, "more channel")): \(rest); --csv and --json have all"
        lines += [""] + TextLayout.wrapped(TextLayout.clean(text), indent: 2)
        return lines
    }

    /// Titles of several lines stand on the last one.
    private func table(_ titles: ArraySlice<[String]>) -> Table {
        let height = max(titles.map(\.count).max() ?? 0, 1)
        let padded = titles.map { [String](repeating: "", count: height - $0.count) + $0 }
        func heads(_ line: Int) -> [String] {
            (line == height - 1 ? ["END", "STATUS"] : ["", ""]) + padded.map { $0[line] }
        }
        var table = Table()
        table.columns = heads(0).enumerated().map { Table.Column(title: $1, isRight: $0 > 1) }
        table.rows = (1..<height).map { heads($0).map { Table.Cell($0) } }
        for record in records {
            let status = Self.status(record, ",")
            let cells = [
                Table.Cell(TextLayout.minute(record["end"]?.string)),
                Table.Cell(status.isEmpty ? "ok" : status, tone: status.isEmpty ? nil : .doubtful),
            ]
            table.rows.append(cells + titles.indices.map { Table.Cell(Self.value(record, $0)) })
        }
        return table
    }

    /// Name and unit.
    private static func name(_ channel: JSONValue) -> String {
        let unit = channel["unit"]?.string ?? ""
        return channel.shown("name") + (unit.isEmpty ? "" : " " + unit)
    }

    /// A name in lines of about a dozen characters.
    private static func title(_ name: String) -> [String] {
        TextLayout.wrapped(TextLayout.clean(name), indent: 0, width: 12).map { TextLayout.cut($0, to: 16) }
    }

    private static func value(_ record: JSONValue, _ index: Int) -> String {
        let values = record["values"]?.array ?? []
        return values.indices.contains(index) ? values[index].shown : "-"
    }

    /// The words of the status; empty for a record that has none.
    private static func status(_ record: JSONValue, _ separator: String) -> String {
        record["status"]?.array?.map(\.shown).joined(separator: separator) ?? record.shown("status")
    }
}
