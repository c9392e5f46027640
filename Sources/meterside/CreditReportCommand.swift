import ArgumentParser
import Metering

/// `meterside credit report UNIT`
struct CreditReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "What came to and went from a unit's balance in a period.")

    @OptionGroup var unit: UnitArgument

    @Option(name: .long, parsing: .unconditional, help: "From this time on: \(TimeArgument.allowed).")
    var from: TimeArgument?

    @Option(name: .long, parsing: .unconditional, help: "Before this time; now when left out.")
    var to: TimeArgument?

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let daemon = try socket.connect()
        var parameters = unit.parameters
        let now = try daemon.now()
        if let from { parameters["from"] = .string(from.time(now: now).text) }
        if let to { parameters["to"] = .string(to.time(now: now).text) }
        if let from, let to, from.time(now: now) >= to.time(now: now) {
            throw CommandFailure.usage("--from must be before --to", hint: "allowed are \(TimeArgument.allowed)")
        }
        let result = try daemon.call("credit.report", parameters)
        output.show(result) { _ in Self.lines(result, unit: unit.unit) }
    }

    static func lines(_ result: JSONValue, unit: String, width: Int = Terminal.columns) -> [String] {
        var ledger = Ledger()
        func add(_ label: String, _ name: String, sign: Int64 = 1) {
            guard let micro = result[name]?.integer, micro != 0 else { return }
            ledger.add(label, sign &* micro)
        }
        ledger.add("opening balance", result["opening_micro"]?.integer ?? 0)
        add("payments less reversals", "additions_micro")
        add("adjustments", "adjustments_micro")
        add("energy", "consumption_micro", sign: -1)
        add("energy fed in", "export_micro")
        add("standing charges", "standing_micro", sign: -1)
        add("VAT", "vat_micro", sign: -1)
        add("deductions", "deductions_micro", sign: -1)
        add("debt repaid", "arrears_micro", sign: -1)
        add("emergency credit used", "emergency_used_micro")
        add("charges put off", "accumulated_micro")
        ledger.add("closing balance", result["closing_micro"]?.integer ?? 0)
        let from = TextLayout.minute(result["from"]?.string)
        let to = TextLayout.minute(result["to"]?.string)
        return TextLayout.wrapped("\(TextLayout.clean(unit)) from \(from) to \(to)", indent: 2, width: width) + [""]
            + ledger.lines(width: width)
    }
}
