import ArgumentParser
import Metering

/// `meterside doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "What is wrong, and what to do about it.",
        discussion: "Ends with 5 when a check found a fault, with 4 when the daemon does not answer.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let (result, status) = examine()
        output.show(result) { Self.lines(result, colour: $0) }
        if status != .done { throw status }
    }

    private func examine() -> (JSONValue, CommandStatus) {
        do throws(CommandFailure) {
            let result = try socket.connect().call("doctor")
            return (result, Self.hasFault(result) ? .refused : .done)
        } catch {
            // That the daemon cannot be asked is the first finding.
            return (Self.finding(error), error.status)
        }
    }

    /// The one check that was made when the daemon did not answer.
    static func finding(_ failure: CommandFailure) -> JSONValue {
        let check: JSONValue = [
            "name": "daemon", "state": "fault", "message": .string(failure.message), "hint": .string(failure.hint),
        ]
        return ["checks": [check]]
    }

    static func hasFault(_ result: JSONValue) -> Bool {
        result.items("checks").contains { $0["state"] == "fault" }
    }

    static func lines(_ result: JSONValue, colour: Bool) -> [String] {
        let checks = result.items("checks")
        let nameWidth = min(checks.map { TextLayout.clean($0.shown("name")).count }.max() ?? 0, 24)
        let faults = checks.count { $0["state"] == "fault" }
        let warnings = checks.count { $0["state"] == "warning" }
        return checks.flatMap { lines(check: $0, nameWidth: nameWidth, colour: colour) }
            + [
                "",
                [(checks.count, "check"), (faults, "fault"), (warnings, "warning")].map(TextLayout.count).joined(
                    separator: ", "),
            ]
    }

    private static func lines(check: JSONValue, nameWidth: Int, colour: Bool) -> [String] {
        let state = TextLayout.clean(check.shown("state"))
        let name = TextLayout.padded(
            TextLayout.cut(TextLayout.clean(check.shown("name")), to: nameWidth), to: nameWidth)
        let painted = colour ? Table.Tone(state: state)?.paint(state) ?? state : state
        let start = painted + TextLayout.padded("", to: 9 - state.count) + name + "  "
        let margin = TextLayout.padded("", to: 9 + nameWidth + 2)
        var message = TextLayout.wrapped(
            TextLayout.clean(check.shown("message")), indent: 0, width: TextLayout.width - margin.count)
        if let hint = check["hint"]?.string, !hint.isEmpty, state != "ok" {
            message += TextLayout.wrapped(
                "-> " + TextLayout.clean(hint), indent: 3, width: TextLayout.width - margin.count)
        }
        return message.enumerated().map { ($0 == 0 ? start : margin) + $1 }
    }
}
