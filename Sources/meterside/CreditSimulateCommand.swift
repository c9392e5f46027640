import ArgumentParser
import Credit
import Intervals
import Metering

/// `meterside credit …`
struct CreditGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credit", abstract: "Accounts of payment units.",
        subcommands: [
            CreditShowCommand.self, CreditExplainCommand.self, CreditTopUpCommand.self, CreditReportCommand.self,
            CreditSimulateCommand.self,
        ])
}

/// `meterside credit simulate FILE`
struct CreditSimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Try a tariff or a rule on an account; needs no daemon.",
        discussion: """
            FILE is a JSON scenario: a zone, a unit with its settings (as the `…_set` commands take them), and dated \
            events: `advance_wh`, `cmd` with `args`, `button`, `tick`. Each event gives a row; --json also has the \
            journal. An event that is refused changes nothing and is listed; a scenario that does not read ends \
            with 5.
            """)

    /// Longest scenario, bytes.
    private static let limit = 64 << 20

    @Argument(help: "The scenario.")
    var file: String

    @OptionGroup var output: JSONFlag

    func run() throws {
        let bytes = try FileAccess.read(file, limit: Self.limit)
        let scenario: JSONValue
        do throws(JSONError) { scenario = try JSONReader.read(bytes) } catch {
            throw CommandFailure(code: "format", message: "\(file): \(error)", hint: "a scenario is one JSON object")
        }
        let result: JSONValue
        do throws(ArgumentFault) {
            result = try CreditScenario.run(scenario) { name in
                do throws(CommandFailure) { return try ZoneAccess.rules(name) } catch { return nil }
            }
        } catch {
            throw CommandFailure(
                code: "format", message: "\(file): \(error.message)",
                hint: "see meterside credit simulate --help")
        }
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ result: JSONValue, colour: Bool = false) -> [String] {
        var table = Table(
            .left("AT"), .right("BALANCE"), .right("EMERGENCY"), .right("DEBT"), .left("SUPPLY"), .flexible("REASON"))
        for step in result.items("steps") {
            let debts = ["accumulated_micro", "payment_debt_micro", "time_debt_micro"]
            let debt = debts.reduce(Int64(0)) { $0 &+ (step[$1]?.integer ?? 0) }
            table.add(
                Table.Cell(TextLayout.time(step["at"]?.string)), Table.Cell(money(step["balance_micro"]?.integer)),
                Table.Cell(money(step["emergency_used_micro"]?.integer)), Table.Cell(money(debt)),
                .state(step["supply"]?.string), Table.Cell(step.shown("reason")))
        }
        // Alerts stand under the row of their event.
        let rows = table.lines(colour: colour)
        var lines = Array(rows.prefix(1))
        for (row, step) in zip(rows.dropFirst(), result.items("steps")) {
            lines.append(row)
            lines += step.items("alerts").map { "  ! \($0.shown)" }
        }
        let refused = result.items("refused")
        if !refused.isEmpty { lines += ["", "\(TextLayout.count(refused.count, "event")) refused:"] }
        for refusal in refused {
            let event = (refusal["event"]?.integer ?? 0) + 1
            let text = "  event \(event): \(refusal.shown("code")), \(refusal.shown("detail")): "
            lines += TextLayout.wrapped(text + TextLayout.clean(refusal.shown("message")), indent: 4)
        }
        return lines
    }

    private static func money(_ micro: Int64?) -> String { micro.map { TextLayout.money(micro: $0) } ?? "-" }
}
