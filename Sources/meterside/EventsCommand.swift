import ArgumentParser
import Metering

/// `meterside events`
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "What happened: the newest records of the journal.")

    @Option(name: .long, help: "How many, 1 to 1000.")
    var limit = 20

    @Option(name: .long, parsing: .unconditional, help: "Only from this time on: a time, a date, -2h, today.")
    var since: TimeArgument?

    @Option(name: .long, help: "Only this kind, such as meter.down, or all that begin so, such as meter.")
    var kind: String?

    @Flag(name: .long, help: "Go on with new ones until Ctrl-C.")
    var follow = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var parameters: JSONObject = ["limit": .integer(Int64(limit))]
        let daemon = try socket.connect()
        if let since { parameters["since"] = .string(since.time(now: try daemon.now()).text) }
        parameters["kind"] = kind.map { .string($0) }
        guard follow else {
            let result = try daemon.call("events", parameters)
            output.show(result) { Self.table(result.items("events")).lines(colour: $0) }
            return
        }
        parameters["follow"] = true
        _ = try daemon.follow("events", parameters) { members in
            guard let record = members["event"] else { return }
            output.show(record) { _ in [Self.line(record)] }
        }
    }

    static func table(_ records: [JSONValue]) -> Table {
        var table = Table(.left("AT"), .right("SEQ"), .left("KIND"), .flexible("WHAT"))
        for record in records {
            table.add(
                Table.Cell(TextLayout.time(record["at"]?.string)), Table.Cell(record.shown("seq")),
                Table.Cell(record.shown("kind"), tone: record["kind"] == "alarm" ? .bad : nil),
                Table.Cell(summary(record)))
        }
        return table
    }

    /// One record on one line, for following.
    static func line(_ record: JSONValue) -> String {
        let parts = [
            TextLayout.time(record["at"]?.string), record.shown("seq"), record.shown("kind"), summary(record),
        ]
        return TextLayout.cut(parts.map(TextLayout.clean).joined(separator: "  "), to: TextLayout.width)
    }

    /// What people look for first; the rest follows as it is recorded.
    private static let first = ["alarm", "event", "meter", "unit", "channel", "port", "why", "reason", "message"]

    /// `name=value` of the record's data; for an interval its end and its channels' values.
    static func summary(_ record: JSONValue) -> String {
        guard let data = record["data"], let members = data.object else { return "" }
        let names = first.filter { members[$0] != nil } + members.names.filter { !first.contains($0) }
        return names.map { "\($0)=\(data.shown($0))" }.joined(separator: " ")
    }
}
