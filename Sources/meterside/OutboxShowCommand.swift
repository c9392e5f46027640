import ArgumentParser
import Metering

/// `meterside outbox show`
struct OutboxShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Records that wait for the cloud's receipt, and those that were parked.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("outbox.show")
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ outbox: JSONValue, colour: Bool) -> [String] {
        var lines = [
            "pending       \(outbox.shown("pending"))",
            "oldest        \(TextLayout.time(outbox["oldest_at"]?.string))",
            "acknowledged  \(outbox.shown("acknowledged"))",
        ]
        let parked = outbox["parked"]?.array ?? []
        guard !parked.isEmpty else { return lines }
        var table = Table(
            .right("SEQ"), .left("SYSTEM"), .left("CODE"), .right("ATTEMPTS"), .flexible("DETAIL"))
        for item in parked {
            table.add(
                Table.Cell(item.shown("seq")), Table.Cell(item.shown("system")),
                Table.Cell(item.shown("code"), tone: .doubtful), Table.Cell(item.shown("attempts")),
                Table.Cell(item.shown("detail")))
        }
        lines += ["", "parked:"] + table.lines(colour: colour)
        return lines
    }
}
