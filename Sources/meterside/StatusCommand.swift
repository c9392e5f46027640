import ArgumentParser
import Metering

/// `meterside status`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How the box and its meters are.")

    private typealias Cell = Table.Cell

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let status = try socket.connect().call("status")
        output.show(status) { Self.lines(status, colour: $0) }
    }

    /// Narrower than this, tables become some lines a row.
    private static let narrow = 60

    static func lines(_ status: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        let isNarrow = width < narrow
        let version = status["version"]?.string ?? ""
        var lines = [version.isEmpty ? "metersided" : "metersided \(TextLayout.clean(version))", ""]
        lines += isNarrow ? box(status, width: width, colour: colour) : boxTable(status).lines(colour: colour)
        if status["state"] == "unconfigured" {
            lines += [""]
            lines += TextLayout.wrapped(
                "There is no configuration yet: write /etc/meterside/meterside.toml; `meterside meter scan` finds "
                    + "the meters.", indent: 0, width: width)
        }
        let meters = status.items("meters")
        if !meters.isEmpty {
            lines += [""]
            lines +=
                isNarrow
                ? meters.flatMap { MeterListCommand.narrow($0, width: width, colour: colour) }
                : MeterListCommand.statusTable(meters).lines(colour: colour)
        }
        let units = status.items("units")
        if !units.isEmpty {
            lines += [""]
            lines +=
                isNarrow
                ? UnitListCommand.narrow(units, width: width, colour: colour) : unitTable(units).lines(colour: colour)
        }
        return lines
    }

    private static func box(_ status: JSONValue, width: Int, colour: Bool) -> [String] {
        var facts = Facts()
        facts.add("box", status.shown("box"))
        facts.add("state", state: status["state"]?.string)
        facts.add("clock", state: status["clock"]?.string)
        facts.add("mqtt", state: status["mqtt"]?.string)
        let journal = status["journal"] ?? .null
        facts.add("journal", "\(journal.shown("head")), acknowledged to \(journal.shown("acknowledged"))")
        return facts.lines(width: width, colour: colour)
    }

    private static func boxTable(_ status: JSONValue) -> Table {
        var facts = Table(
            .left("BOX"), .left("STATE"), .left("CLOCK"), .left("MQTT"), .right("JOURNAL"), .right("ACKNOWLEDGED"))
        let journal = status["journal"] ?? .null
        facts.add(
            Cell(status.shown("box")), .state(status["state"]?.string), .state(status["clock"]?.string),
            .state(status["mqtt"]?.string), Cell(journal.shown("head")), Cell(journal.shown("acknowledged")))
        return facts
    }

    private static func unitTable(_ units: [JSONValue]) -> Table {
        var table = Table(.left("UNIT"), .left("MODE"), .right("BALANCE"), .left("SUPPLY"), .flexible("REASON"))
        for unit in units {
            table.add(
                Cell(unit.shown("id")), Cell(unit.shown("mode")),
                Cell(unit["balance_micro"]?.integer.map(TextLayout.money) ?? "-"),
                .state(unit["supply"]?.string), Cell(unit.shown("reason")))
        }
        return table
    }
}
