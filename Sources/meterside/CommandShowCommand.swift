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
        output.show(result) { _ in Self.lines(result) }
    }

    static func lines(_ command: JSONValue) -> [String] {
        var rest = command.object ?? JSONObject()
        rest["args"] = nil
        let arguments = command["args"]?.array ?? []
        let heading = arguments.isEmpty ? "It takes no arguments." : "arguments"
        return Outline.lines(.object(rest)) + ["", heading] + arguments.flatMap(lines(argument:))
    }

    private static func lines(argument: JSONValue) -> [String] {
        let need = argument["required"] == true ? "needed" : "optional"
        let text = "\(argument["summary"]?.string ?? ""): \(argument["must_be"]?.string ?? "")"
        return ["  \(TextLayout.clean(argument.shown("name"))) (\(need))"]
            + TextLayout.wrapped("    " + TextLayout.clean(text), indent: 4)
    }
}
