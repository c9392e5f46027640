import ArgumentParser
import Metering

/// `meterside schedule …`
struct ScheduleGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Commands that wait for their time.",
        subcommands: [ScheduleListCommand.self, ScheduleCancelCommand.self])
}

/// `meterside schedule list`
struct ScheduleListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "What is scheduled, the next first.")

    @Option(name: .long, help: "Only of this unit.")
    var unit: String?

    @Option(name: .long, parsing: .unconditional, help: "Only from this time on: \(TimeArgument.allowed).")
    var from: TimeArgument?

    @Option(name: .long, parsing: .unconditional, help: "Only before this time.")
    var to: TimeArgument?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let daemon = try socket.connect()
        var parameters = JSONObject()
        parameters["unit"] = unit.map { .string($0) }
        if let from { parameters["from"] = .string(from.time(now: try daemon.now()).text) }
        if let to { parameters["to"] = .string(to.time(now: try daemon.now()).text) }
        let result = try daemon.call("schedule.list", parameters)
        output.show(result) { Self.lines(result.items("scheduled"), colour: $0) }
    }

    static func lines(_ scheduled: [JSONValue], width: Int = Terminal.columns, colour: Bool) -> [String] {
        guard !scheduled.isEmpty else { return ["Nothing is scheduled."] }
        if width < 60 {
            return scheduled.flatMap { item in
                [
                    TextLayout.minute(item["execute_at"]?.string) + " " + TextLayout.clean(item.shown("command")),
                    TextLayout.cut(TextLayout.clean("  \(item.shown("unit")) \(item.shown("id"))"), to: width),
                ]
            }
        }
        var table = Table(.left("AT"), .left("COMMAND"), .flexible("UNIT"), .flexible("ID"))
        for item in scheduled {
            table.add(
                Table.Cell(TextLayout.minute(item["execute_at"]?.string)), Table.Cell(item.shown("command")),
                Table.Cell(item.shown("unit")), Table.Cell(item.shown("id")))
        }
        return table.lines(width: width, colour: colour)
    }
}

/// `meterside schedule cancel ID`
struct ScheduleCancelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel a scheduled command.")

    @OptionGroup var request: RequestArgument
    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let daemon = try socket.connect(readsOnly: false)
        try daemon.carryOut("schedule.cancel", request.parameters, output)
    }
}
