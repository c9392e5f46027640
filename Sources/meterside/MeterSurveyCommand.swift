import ArgumentParser
import Metering

/// `meterside meter survey SERIAL --from T --to T`
struct MeterSurveyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "survey", abstract: "Read a meter's own load survey from the wire.",
        discussion: "Times: \(TimeArgument.allowed).")

    @Argument(help: "The meter's serial number.")
    var serial: String

    @Option(name: .long, parsing: .unconditional, help: "Start of the span.")
    var from = TimeArgument.shifted(-86_400_000)

    @Option(name: .long, parsing: .unconditional, help: "End of the span.")
    var to = TimeArgument.shifted(0)

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    /// So many days fit one answer even at an interval of five minutes and many channels.
    static let daysAtOnce: Int64 = 14

    func run() throws {
        let daemon = try socket.connect()
        let span = try TimeSpan(from: from, to: to, now: try daemon.now())
        var whole: JSONObject?
        for piece in span.pieces(of: Self.daysAtOnce * 86_400_000) {
            var parameters: JSONObject = ["serial": .string(serial)]
            for (name, value) in piece.parameters.members { parameters[name] = value }
            let part = try daemon.call("meter.survey", parameters, silence: 120) { progress in
                let progress = JSONValue.object(progress)
                Terminal.progress("reading \(progress.shown("done")) of \(progress.shown("total")) records")
                return true
            }
            whole = Self.joined(whole, part)
        }
        Terminal.progress("")
        let survey = whole.map { JSONValue.object($0) } ?? .null
        output.show(survey) { Self.lines(survey, colour: $0) }
    }

    /// The pieces of one survey as one.
    static func joined(_ whole: JSONObject?, _ part: JSONValue) -> JSONObject? {
        guard var whole else { return part.object }
        whole["records"] = .array((whole["records"]?.array ?? []) + part.items("records"))
        return whole
    }

    static func lines(_ survey: JSONValue, colour: Bool) -> [String] {
        var table = Table(.left("END"), .left("STATUS"))
        for channel in survey.items("channels") {
            let unit = channel["unit"]?.string ?? ""
            var column = Table.Column.flexible(
                TextLayout.clean(channel.shown("name") + (unit.isEmpty ? "" : " " + unit)))
            column.isRight = true
            table.columns.append(column)
        }
        for record in survey.items("records") {
            let values = record["values"]?.array ?? []
            table.rows.append(
                [Table.Cell(TextLayout.time(record["end"]?.string)), Table.Cell(status(record))]
                    + values.map { Table.Cell($0.shown) })
        }
        let count = TextLayout.count(survey.items("records").count, "record")
        let heading = "meter \(survey.shown("serial"))  every \(survey.shown("minutes")) min  \(count)"
        return [TextLayout.clean(heading), ""] + table.lines(colour: colour)
    }

    /// The words of the status; `ok` for a record that has none.
    private static func status(_ record: JSONValue) -> String {
        let words = record["status"]?.array?.map(\.shown) ?? [record.shown("status")]
        return words.isEmpty ? "ok" : words.joined(separator: ",")
    }
}
