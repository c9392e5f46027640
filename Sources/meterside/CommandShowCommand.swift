import ArgumentParser
import Metering

/// `meterside command show NAME`
struct CommandShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One command: its arguments and who may send it.")

    @Argument(help: "The command's name.")
    var name: String

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("command.show", ["name": .string(name)])
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ command: JSONValue, colour: Bool) -> [String] {
        guard var rest = command.object else { return Outline.lines(command) }
        let arguments = command.items("args").filter { $0.object != nil }
        if !arguments.isEmpty { rest["args"] = nil }
        let lines = Outline.lines(.object(rest))
        guard !arguments.isEmpty else { return lines }
        var table = Table(
            .left("ARGUMENT"), .left("TYPE"), .left("NEEDED"), .flexible("ALLOWED"), .flexible("WHAT"))
        for argument in arguments {
            table.add(
                Table.Cell(argument.shown("name")), Table.Cell(argument.shown("type")),
                Table.Cell(argument.shown("required")), Table.Cell(argument.shown("allowed")),
                Table.Cell(argument["summary"]?.string ?? ""))
        }
        return lines + [""] + table.lines(colour: colour)
    }
}
