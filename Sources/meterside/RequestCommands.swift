import ArgumentParser
import Metering

/// `meterside request …`
struct RequestGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "request", abstract: "Commands that were given, and what became of them.",
        subcommands: [RequestListCommand.self, RequestShowCommand.self, RequestCancelCommand.self])
}

/// `meterside request list`
struct RequestListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The newest requests, newest first.")

    @Option(name: .long, help: "Only of this unit.")
    var unit: String?

    @Option(name: .long, help: "Only in this state, such as scheduled, executing, completed or rejected.")
    var state: String?

    @Option(name: .long, parsing: .unconditional, help: "Only from this time on: \(TimeArgument.allowed).")
    var since: TimeArgument?

    @Option(name: .long, help: "How many, 1 to 500.")
    var limit = 50

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func validate() throws {
        guard (1...500).contains(limit) else { throw ValidationError("--limit takes 1 to 500.") }
    }

    func run() throws {
        let daemon = try socket.connect()
        var parameters: JSONObject = ["limit": .integer(Int64(limit))]
        parameters["unit"] = unit.map { .string($0) }
        parameters["state"] = state.map { .string($0) }
        if let since { parameters["since"] = .string(since.time(now: try daemon.now()).text) }
        let result = try daemon.call("request.list", parameters)
        output.show(result) { Self.lines(result.items("requests"), colour: $0) }
    }

    static func lines(_ requests: [JSONValue], width: Int = Terminal.columns, colour: Bool) -> [String] {
        guard !requests.isEmpty else { return ["No request matches."] }
        if width < 60 {
            return requests.flatMap { request in
                let state = TextLayout.clean(request.shown("state"))
                let at = TextLayout.minute((request["received_at"] ?? request["at"])?.string)
                return [
                    TextLayout.cut(TextLayout.clean("\(at) \(request.shown("command"))"), to: width),
                    "  " + (colour ? tone(state)?.paint(state) ?? state : state) + " "
                        + TextLayout.cut(
                            TextLayout.clean("\(request.shown("unit")) \(request.shown("id"))"),
                            to: max(width - state.count - 3, 4)),
                ]
            }
        }
        var table = Table(
            .left("RECEIVED"), .left("COMMAND"), .flexible("UNIT"), .left("STATE"), .flexible("WHY"), .flexible("ID"))
        for request in requests {
            let at = (request["received_at"] ?? request["at"])?.string
            table.add(
                Table.Cell(TextLayout.minute(at)), Table.Cell(request.shown("command")),
                Table.Cell(request.shown("unit")),
                Table.Cell(request.shown("state"), tone: tone(request.shown("state"))),
                Table.Cell((request["detail"] ?? request["code"])?.string ?? ""), Table.Cell(request.shown("id")))
        }
        return table.lines(width: width, colour: colour)
    }

    static func tone(_ state: String) -> Table.Tone? {
        switch state {
        case "completed": .good
        case "rejected", "failed": .bad
        case "expired", "cancelled": .doubtful
        default: nil
        }
    }
}

/// `meterside request show ID`
struct RequestShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One request, its progress and its result.")

    @OptionGroup var request: RequestArgument
    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("request.show", request.parameters)
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ request: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        var facts = Facts()
        facts.add("request", request.shown("id"))
        facts.add("command", request.shown("command"))
        facts.add("unit", request.shown("unit"))
        let state = request.shown("state")
        facts.add("state", state, tone: RequestListCommand.tone(state))
        if let attempts = request["attempts"]?.integer, attempts > 0 { facts.add("attempts", String(attempts)) }
        facts.add("execute at", ifAny: request["execute_at"]?.string.map { TextLayout.minute($0) })
        for step in request.items("progress") {
            let note = step["note"]?.string ?? ""
            facts.add(
                TextLayout.time(step["at"]?.string), step.shown("state") + (note.isEmpty ? "" : ": \(note)"))
        }
        var lines = facts.lines(width: width, colour: colour)
        if let result = request["result"], result.object != nil {
            lines += ["", "result"] + Outline.lines(result, indent: 2)
        }
        return lines
    }
}

/// `meterside request cancel ID`
struct RequestCancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel a request that is not being carried out yet.")

    @OptionGroup var request: RequestArgument
    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let daemon = try socket.connect(readsOnly: false)
        try daemon.carryOut("request.cancel", request.parameters, output)
    }
}

/// The id of a request: the `jti` or `--id` it was given with.
struct RequestArgument: ParsableArguments {
    @Argument(help: "The request's id.")
    var id: String

    mutating func validate() throws {
        guard PublicKeyFile.isIdentifier(id) else {
            throw ValidationError("A request's id has 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
        }
    }

    var parameters: JSONObject { ["id": .string(id)] }
}

extension Daemon {
    /// Asks for something that is a command: shows its result, and ends as that result says.
    func carryOut(_ method: String, _ parameters: JSONObject, _ output: JSONFlag) throws {
        let result = try call(method, parameters, silence: 120)
        output.show(result) { CommandSendCommand.lines(result, colour: $0) }
        let status = CommandSendCommand.status(result)
        if status != .done { throw status }
    }
}
