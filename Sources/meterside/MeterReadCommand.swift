import ArgumentParser
import Metering

/// `meterside meter read SERIAL`
struct MeterReadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read", abstract: "Read a meter's registers now, from the wire.")

    @Argument(help: "The meter's serial number.")
    var serial: String

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let reading = try socket.connect().call("meter.read", ["serial": .string(serial)], silence: 120)
        output.show(reading) { Self.lines(reading, colour: $0) }
    }

    static func lines(_ reading: JSONValue, colour: Bool) -> [String] {
        var table = Table(
            .flexible("REGISTER"), .right("VALUE"), .left("UNIT"), .left("QUALITY"), .left("RAW"), .flexible("NOTE"))
        for item in reading.items("readings") {
            table.add(
                Table.Cell(item.shown("channel")), Table.Cell(item.shown("value")), Table.Cell(item.shown("unit")),
                Table.Cell(item.shown("quality"), tone: item["value"] == .null ? .doubtful : nil),
                // What the meter itself calls it.
                Table.Cell(item.shown("register")), Table.Cell(note(item)))
        }
        return heading(reading) + [""] + table.lines(colour: colour)
    }

    private static func note(_ item: JSONValue) -> String {
        guard item["value"] == .null else { return "" }
        return "no data: " + (item["why"]?.string ?? "no reason given")
    }

    static func heading(_ reading: JSONValue) -> [String] {
        var parts = [
            "meter \(reading.shown("serial"))", reading.shown("model"), TextLayout.time(reading["at"]?.string),
        ]
        if let offset = reading["clock_offset_s"]?.integer {
            parts.append(offset == 0 ? "clock right" : "clock \(offset > 0 ? "+" : "")\(offset) s")
        }
        return [TextLayout.cut(parts.map(TextLayout.clean).joined(separator: "  "), to: TextLayout.width)]
    }
}
