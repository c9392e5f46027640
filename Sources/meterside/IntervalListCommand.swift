import ArgumentParser
import Metering

/// `meterside interval list --meter S --from T --to T`
struct IntervalListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "A meter's intervals, named by their ends, with quality and reason.",
        discussion: "Times: \(TimeArgument.allowed).")

    @Option(name: .long, help: "The meter's serial number.")
    var meter: String

    @Option(name: .long, parsing: .unconditional, help: "Intervals that end after this.")
    var from = TimeArgument.shifted(-86_400_000)

    @Option(name: .long, parsing: .unconditional, help: "Intervals that end at this or before.")
    var to = TimeArgument.shifted(0)

    @Option(name: .long, help: "Only this channel, such as import_wh.")
    var channel: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let daemon = try socket.connect()
        let span = try TimeSpan(from: from, to: to, now: try daemon.now())
        var intervals: [JSONValue] = []
        // A day at a time: no answer of the daemon is longer than 1 MiB.
        for piece in span.pieces(of: 86_400_000) {
            var parameters = piece.parameters
            parameters["meter"] = .string(meter)
            parameters["channel"] = channel.map { .string($0) }
            intervals += try daemon.call("interval.list", parameters).items("intervals")
        }
        output.show(.array(intervals)) { colour in
            intervals.isEmpty ? ["No intervals between these times."] : Self.table(intervals).lines(colour: colour)
        }
    }

    static func table(_ intervals: [JSONValue]) -> Table {
        var table = Table(
            .left("END"), .left("CHANNEL"), .right("VALUE"), .left("UNIT"), .left("Q"), .left("SOURCE"),
            .right("REV"), .flexible("NOTE"))
        for interval in intervals {
            let isWattHours = interval["value_wh"] != nil
            let value = interval["value_wh"] ?? interval["value"] ?? .null
            table.add(
                Table.Cell(TextLayout.time(interval["end"]?.string)), Table.Cell(interval.shown("channel")),
                Table.Cell(value.shown), Table.Cell(isWattHours ? "Wh" : interval.shown("unit")),
                Table.Cell(interval.shown("quality"), tone: value == .null ? .doubtful : nil),
                Table.Cell(interval.shown("source")), Table.Cell(interval.shown("revision")),
                Table.Cell(note(interval)))
        }
        return table
    }

    private static func note(_ interval: JSONValue) -> String {
        let parts = ["reason", "method"].compactMap { interval[$0]?.string }.filter { !$0.isEmpty && $0 != "none" }
        return parts.joined(separator: ", ")
    }
}
