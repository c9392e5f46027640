import ArgumentParser
import Metering

/// `meterside interval list --meter S --from T --to T [--plot]`
struct IntervalListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "A meter's intervals, named by their ends, with quality and reason.",
        discussion: "Times: \(TimeArgument.allowed).")

    @Option(name: .long, help: "The meter's serial number.")
    var meter: String

    @Option(
        name: .long, parsing: .unconditional, help: "Intervals that end after this (default: a day before --to).")
    var from: TimeArgument?

    @Option(name: .long, parsing: .unconditional, help: "Intervals that end at this or before.")
    var to = TimeArgument.shifted(0)

    @Option(name: .long, help: "Only this channel, such as import_wh.")
    var channel: String?

    @Flag(name: .long, help: "Draw the load instead: a chart of up to a day, a row a day of up to a week.")
    var plot = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        if plot && output.json { throw ValidationError("--plot is for people, --json for programs: give one of them") }
    }

    func run() throws {
        let daemon = try socket.connect()
        let span = try TimeSpan(from: from, to: to, now: try daemon.now())
        if plot {
            try draw(daemon, span)
            return
        }
        let intervals = try Self.intervals(daemon, meter, channel, span)
        output.show(.array(intervals)) { colour in
            intervals.isEmpty ? ["No intervals between these times."] : Self.table(intervals).lines(colour: colour)
        }
    }

    /// A meter's intervals as the daemon lists them; all channels when none is named.
    static func intervals(
        _ daemon: Daemon, _ meter: String, _ channel: String?, _ span: TimeSpan
    ) throws(CommandFailure) -> [JSONValue] {
        var intervals: [JSONValue] = []
        // A day at a time: no answer of the daemon is longer than 1 MiB.
        for piece in span.pieces(of: 86_400_000) {
            var parameters = piece.parameters
            parameters["meter"] = .string(meter)
            parameters["channel"] = channel.map { .string($0) }
            intervals += try daemon.call("interval.list", parameters).items("intervals")
        }
        return intervals
    }

    private func draw(_ daemon: Daemon, _ span: TimeSpan) throws(CommandFailure) {
        guard span.to - span.from <= IntervalPlot.longestMinutes * 60_000 else {
            throw .usage("a plot shows at most a week", hint: "give a later --from, or an earlier --to")
        }
        let shown = channel ?? Channel.importWh.rawValue
        let intervals = try Self.intervals(daemon, meter, shown, span)
        let unit = Channel(rawValue: shown)?.unit == "varh" ? "var" : "W"
        let times = [span.from, span.to].map { TextLayout.minute($0.textSeconds) }.joined(separator: " to ")
        let heading = "meter \(meter)  \(shown)  \(times)"
        Terminal.out([TextLayout.clean(heading)])
        Terminal.out(
            intervals.isEmpty
                ? ["No intervals of this channel between these times."]
                : IntervalPlot(intervals, unit: unit, span: span).lines(colour: Terminal.showsColour))
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
