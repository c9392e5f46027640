import ArgumentParser
import Metering

/// `meterside unit …`
struct UnitGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unit", abstract: "Payment units.", subcommands: [UnitListCommand.self, UnitShowCommand.self])
}

/// `meterside unit list`
struct UnitListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The payment units, their balance and their supply.")

    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("unit.list")
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ result: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        let units = result.items("units")
        guard !units.isEmpty else {
            return TextLayout.wrapped(
                "No unit is configured: add a [[unit]] to the configuration.", indent: 0, width: width)
        }
        if width < 60 { return narrow(units, width: width, colour: colour) }
        var table = Table(
            .left("UNIT"), .left("MODE"), .right("BALANCE"), .left("SUPPLY"), .left("REASON"), .flexible("METERS"))
        for unit in units {
            table.add(
                Table.Cell(unit.shown("id")), Table.Cell(unit.shown("mode")),
                Table.Cell(unit.money("balance_micro"), tone: unit["low"] == true ? .doubtful : nil),
                .state(unit["supply"]?.string), Table.Cell(unit.shown("reason")),
                Table.Cell(unit.items("meters").map(\.shown).joined(separator: " ")))
        }
        return table.lines(width: width, colour: colour)
    }

    /// Two lines a unit.
    static func narrow(_ units: [JSONValue], width: Int, colour: Bool) -> [String] {
        units.flatMap { unit in
            let balance = unit.money("balance_micro")
            let name = TextLayout.cut(TextLayout.clean(unit.shown("id")), to: max(width - balance.count - 1, 8))
            let state = TextLayout.clean(unit["supply"]?.string ?? "-")
            let tone = Table.Tone(state: state)
            return [
                TextLayout.padded(name, to: width - balance.count) + balance,
                "  " + (colour ? tone?.paint(state) ?? state : state) + ", "
                    + TextLayout.clean("\(unit.shown("reason")), \(unit.shown("mode"))"),
            ]
        }
    }
}

/// `meterside unit show UNIT`
struct UnitShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One payment unit: its account, supply and settings.")

    @OptionGroup var unit: UnitArgument
    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    @Flag(name: .long, help: "Show what the customer's display shows, page by page.")
    var display = false

    func run() throws {
        let daemon = try socket.connect()
        let result = try daemon.call(display ? "unit.page" : "unit.show", unit.parameters)
        output.show(result) { display ? Self.pages(result) : Self.lines(result, colour: $0) }
    }

    static func pages(_ result: JSONValue) -> [String] {
        let all = result.items("all").isEmpty ? result.items("lines") : result["all"]?.array ?? []
        return all.map { TextLayout.clean($0.shown) }
    }

    static func lines(_ result: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        var facts = Facts()
        facts.add("unit", result["id"]?.string ?? result.shown("unit"))
        facts.add("mode", result.shown("mode"))
        facts.add("balance", result.money("balance_micro"), tone: result["low"] == true ? .doubtful : nil)
        if result["available_micro"]?.integer != nil { facts.add("available", result.money("available_micro")) }
        facts.add("supply", state: result["supply"]?.string)
        facts.add("reason", ifAny: result["reason"]?.string.map(SupplyText.reason))
        facts.add("meters", ifAny: result.items("meters").map(\.shown).joined(separator: " "))
        facts.add("switch", ifAny: result["switch"]?.string)
        facts.add("place", ifAny: result["usage_place"]?.string)
        facts.add("fault", ifAny: result["fault"]?.string)
        if let isEnabled = result["enabled"]?.bool {
            facts.add("disconnection", isEnabled ? "enabled" : "not enabled")
        }
        if let isTested = result["tested"]?.bool {
            facts.add("supply test", isTested ? "passed" : "not done since switch or meter last changed")
        }
        var lines = facts.lines(width: width, colour: colour)
        for (name, value) in result["settings"]?.object?.members ?? [] where value != .null {
            lines += ["", TextLayout.clean(name)] + Outline.lines(value, indent: 2)
        }
        return lines
    }
}

/// The unit that a verb is about.
struct UnitArgument: ParsableArguments {
    @Argument(help: "The payment unit (`meterside unit list`).")
    var unit: String

    mutating func validate() throws {
        guard PublicKeyFile.isIdentifier(unit) else {
            throw ValidationError("A unit's id has 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
        }
    }

    var parameters: JSONObject { ["unit": .string(unit)] }
}

extension JSONValue {
    /// An amount in micro-units for a cell; a dash when it is missing.
    func money(_ name: String) -> String { self[name]?.integer.map { TextLayout.money(micro: $0) } ?? "-" }
}
