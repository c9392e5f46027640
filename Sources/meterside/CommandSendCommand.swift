import ArgumentParser
import Metering

/// `meterside command send NAME`
struct CommandSendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Give the box a command as a local person, without a signature.",
        discussion: """
            root may send everything, the group meterside what an installer may. --id makes a repetition safe: the \
            same id gives the same answer. Ends with 5 when the command was refused, with 4 when the meter did not \
            answer, with 6 when an upstream system refused or failed.
            """)

    @Argument(help: "The command's name (`meterside command list`).")
    var name: String

    @Option(name: .long, help: "The payment unit; the box itself when left out.")
    var unit: String?

    @Option(name: .long, help: "The arguments, a JSON object.")
    var args = "{}"

    @Option(name: .long, parsing: .unconditional, help: "Not now but then: \(TimeArgument.allowed).")
    var executeAt: TimeArgument?

    @Option(name: .long, help: "The command's id, so that it can be repeated.")
    var id: String?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        var parameters: JSONObject = ["name": .string(name), "args": .object(try Signing.arguments(args))]
        parameters["unit"] = unit.map { .string($0) }
        parameters["id"] = id.map { .string($0) }
        let daemon = try socket.connect(readsOnly: false)
        if let executeAt { parameters["execute_at"] = .string(executeAt.time(now: try daemon.now()).text) }
        let result = try daemon.call("command.send", parameters, silence: 120)
        output.show(result) { Self.lines(result, colour: $0) }
        let status = Self.status(result)
        if status != .done { throw status }
    }

    /// A command that was answered may still have been refused or have failed.
    static func status(_ result: JSONValue) -> CommandStatus {
        switch result["state"]?.string {
        case "completed", "scheduled": .done
        case "failed" where result["code"] == "no_reply":
            goesUpstream(result["command"]?.string ?? "") ? .upstream : .noReply
        default: .refused
        }
    }

    /// Commands that somebody beyond the box carries out.
    private static func goesUpstream(_ command: String) -> Bool {
        ["reposit_", "redex_", "powerbox_", "han_"].contains { command.hasPrefix($0) }
    }

    static func lines(_ result: JSONValue, colour: Bool) -> [String] {
        let state = result.shown("state")
        let tone: Table.Tone = status(result) == .done ? .good : .bad
        var rest = result.object ?? JSONObject()
        rest["state"] = nil
        for name in ["detail", "message", "repeat"] where rest[name] == "" || rest[name] == .null { rest[name] = nil }
        return [colour ? tone.paint(TextLayout.clean(state)) : TextLayout.clean(state)]
            + Outline.lines(.object(rest), indent: 2)
    }
}
