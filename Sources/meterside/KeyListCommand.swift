import ArgumentParser
import Metering

/// `meterside key list`
struct KeyListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The keys that may sign commands for this box.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("key.list")
        output.show(result) { colour in
            let keys = result.items("keys")
            return keys.isEmpty
                ? ["The box knows no key; `meterside key make` makes one."] : Self.table(keys).lines(colour: colour)
        }
    }

    static func table(_ keys: [JSONValue]) -> Table {
        var table = Table(
            .flexible("KID"), .left("ROLE"), .left("STATE"), .left("NOT AFTER"), .right("CTR"), .flexible("UNITS"))
        for key in keys {
            let isRevoked = key["state"] == "revoked"
            table.add(
                Table.Cell(key.shown("kid")), Table.Cell(key.shown("role")),
                Table.Cell(isRevoked ? "revoked" : "in force", tone: isRevoked ? .bad : nil),
                Table.Cell(TextLayout.time(key["not_after"]?.string)), Table.Cell(key.shown("counter")),
                Table.Cell(key["units"]?.array.map { $0.map(\.shown).joined(separator: ",") } ?? "all"))
        }
        return table
    }
}
