import ArgumentParser
import Metering

/// `meterside command list`
struct CommandListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The commands that the box knows.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("command.list")
        output.show(result) { Self.table(result.items("commands")).lines(colour: $0) }
    }

    static func table(_ commands: [JSONValue]) -> Table {
        var table = Table(.left("NAME"), .flexible("ROLES"), .flexible("WHAT"))
        for command in commands {
            table.add(
                Table.Cell(command.shown("name")),
                Table.Cell(command.items("roles").map(\.shown).joined(separator: ", ")),
                Table.Cell(command["summary"]?.string ?? ""))
        }
        return table
    }
}
