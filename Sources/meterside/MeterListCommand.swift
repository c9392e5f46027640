import ArgumentParser
import Metering

/// `meterside meter list`
struct MeterListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The configured meters and how they are.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("meter.list")
        output.show(result) { colour in
            let meters = result.items("meters")
            return meters.isEmpty
                ? ["No meter is configured; `meterside meter scan --port PORT` looks for some."]
                : Self.lines(meters, colour: colour)
        }
    }

    static func lines(_ meters: [JSONValue], width: Int = Terminal.columns, colour: Bool) -> [String] {
        guard width < 60 else { return table(meters).lines(colour: colour) }
        return meters.flatMap { narrow($0, width: width, colour: colour) }
    }

    /// A meter in three lines, for a narrow terminal.
    static func narrow(_ meter: JSONValue, width: Int, colour: Bool) -> [String] {
        let state = TextLayout.clean(meter["state"]?.string ?? "-")
        let tone = Table.Tone(state: state)
        let serial = TextLayout.cut(TextLayout.clean(meter.shown("serial")), to: max(width - state.count - 1, 8))
        let place = "\(meter.shown("model")), port \(meter.shown("port"))"
        let read = meter["last_reading_at"]?.string.map { "read \(TextLayout.time($0))" } ?? "not read yet"
        return [
            TextLayout.padded(serial, to: width - state.count) + (colour ? tone?.paint(state) ?? state : state),
            "  " + TextLayout.cut(TextLayout.clean(place), to: width - 2), "  " + read,
        ]
    }

    static func table(_ meters: [JSONValue]) -> Table {
        var table = Table(
            .left("SERIAL"), .flexible("MODEL"), .flexible("PORT"), .left("ADDRESS"), .left("STATE"),
            .left("LAST READING"))
        for meter in meters {
            table.add(
                Table.Cell(meter.shown("serial")), Table.Cell(meter.shown("model")), Table.Cell(meter.shown("port")),
                Table.Cell(meter.shown("address")), .state(meter["state"]?.string),
                Table.Cell(TextLayout.time(meter["last_reading_at"]?.string)))
        }
        return table
    }

    /// The shorter table of `status`.
    static func statusTable(_ meters: [JSONValue]) -> Table {
        var table = Table(
            .left("METER"), .flexible("MODEL"), .flexible("PORT"), .left("STATE"), .left("LAST READING"))
        for meter in meters {
            table.add(
                Table.Cell(meter.shown("serial")), Table.Cell(meter.shown("model")), Table.Cell(meter.shown("port")),
                .state(meter["state"]?.string), Table.Cell(TextLayout.time(meter["last_reading_at"]?.string)))
        }
        return table
    }
}
