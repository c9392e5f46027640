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
                : Self.table(meters).lines(colour: colour)
        }
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
