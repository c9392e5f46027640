import ArgumentParser
import Credit
import Metering

/// `meterside supply …`
struct SupplyGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "supply", abstract: "Supply of payment units, and their load switches.",
        subcommands: [SupplyShowCommand.self, SupplyTestCommand.self])
}

/// `meterside supply show UNIT`
struct SupplyShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Whether a unit has supply, and why.")

    @OptionGroup var unit: UnitArgument
    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("supply.show", unit.parameters)
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ result: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        var facts = Facts()
        facts.add("unit", result.shown("unit"))
        facts.add("decided", state: result["decided"]?.string)
        facts.add("because", SupplyText.reason(result.shown("reason")))
        facts.add("since", ifAny: result["since"]?.string.map { TextLayout.minute($0) })
        facts.add("ordered", ifAny: result["ordered"]?.string)
        facts.add("observed", state: result["observed"]?.string)
        facts.add("kept until", ifAny: result["protected_until"]?.string.map { TextLayout.minute($0) })
        facts.add("notice until", ifAny: result["notice_until"]?.string.map { TextLayout.minute($0) })
        facts.add("disconnection", result["enabled"] == true ? "enabled" : "not enabled")
        if let isTested = result["tested"]?.bool {
            facts.add("supply test", isTested ? "passed" : "not done since switch or meter last changed")
        }
        return facts.lines(width: width, colour: colour)
    }
}

/// Words for people.
enum SupplyText {
    /// `credit exhausted` in words, with the word itself.
    static func reason(_ word: String) -> String {
        SupplyReason(rawValue: word).map { "\($0.words) (\(word))" } ?? word
    }
}

/// `meterside supply test UNIT`
struct SupplyTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Open and close a unit's load switch, and see whether it follows.",
        discussion: """
            The home loses supply for some seconds. Disconnection can be enabled only after this test has passed \
            since the switch or the meter last changed. Ends with 5 when the switch did not follow.
            """)

    @OptionGroup var unit: UnitArgument

    @Flag(name: .long, help: "Do not ask for the meter's serial.")
    var yes = false

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let daemon = try socket.connect(readsOnly: false)
        let shown = try daemon.call("unit.show", unit.parameters)
        try Confirmation.ask(
            "The supply behind unit \(unit.unit) will be switched off and on again.",
            serials: shown.items("meters").map(\.shown), isGiven: yes)
        let result = try daemon.call("supply.test", unit.parameters, silence: 180) { progress in
            Terminal.progress(Self.text(.object(progress)))
            return true
        }
        Terminal.progress("")
        output.show(result) { Self.lines(result, colour: $0) }
        if result["passed"] != true { throw CommandStatus.refused }
    }

    static func lines(_ result: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        var facts = Facts()
        for step in result.items("steps") {
            let isGood = step["ok"] != false
            let note = step["note"]?.string ?? ""
            facts.add(
                step.shown("step"), (isGood ? "ok" : "FAILED") + (note.isEmpty ? "" : ": \(note)"),
                tone: isGood ? .good : .bad)
        }
        let hasPassed = result["passed"] == true
        facts.add("supply test", hasPassed ? "passed" : "not passed", tone: hasPassed ? .good : .bad)
        facts.add("", ifAny: result["message"]?.string)
        return facts.lines(width: width, colour: colour)
    }

    private static func text(_ progress: JSONValue) -> String {
        [progress["step"]?.string, progress["note"]?.string].compactMap(\.self).joined(separator: ": ")
    }
}
