import ArgumentParser
import Metering

/// `meterside credit show UNIT`
struct CreditShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "What is left on a unit's account, and what is owed.")

    @OptionGroup var unit: UnitArgument
    @OptionGroup var socket: SocketOption
    @OptionGroup var output: JSONFlag

    func run() throws {
        let result = try socket.connect().call("credit.show", unit.parameters)
        output.show(result) { Self.lines(result, colour: $0) }
    }

    static func lines(_ result: JSONValue, width: Int = Terminal.columns, colour: Bool) -> [String] {
        let emergency = result["emergency"] ?? .null
        var facts = Facts()
        facts.add("unit", "\(result.shown("unit")), \(result.shown("mode"))")
        facts.add("low credit", result["low"] == true ? "yes: the customer has been warned" : "no")
        facts.add("emergency", words(emergency["state"]?.string))
        for (index, tariff) in (result["tariff"]?.array ?? []).enumerated() where tariff != .null {
            facts.add(index == 0 ? "tariff" : "", self.tariff(tariff))
        }
        facts.add("as of record", result.shown("as_of_seq"))
        var ledger = Ledger()
        func add(_ label: String, _ value: JSONValue?) {
            if let micro = value?.integer { ledger.add(label, micro) }
        }
        add("balance", result["balance_micro"])
        add("available", result["available_micro"])
        for (label, name) in [("emergency credit limit", "limit_micro"), ("emergency credit used", "used_micro")]
        where emergency[name]?.integer ?? 0 != 0 { add(label, emergency[name]) }
        let debts = [
            ("payment debt", "payment_debt_micro"), ("time debt", "time_debt_micro"), ("put off", "accumulated_micro"),
        ]
        for (label, name) in debts where result[name]?.integer ?? 0 != 0 { add(label, result[name]) }
        add("suggested top-up", result["suggested_micro"])
        return facts.lines(width: width, colour: colour) + [""] + ledger.lines(width: width)
    }

    private static func words(_ state: String?) -> String {
        switch state {
        case "off": "off"
        case "offered": "offered: the customer may select it"
        case "selected": "selected, not needed yet"
        case "in_use": "in use"
        case "exhausted": "used up"
        default: state ?? "-"
        }
    }

    /// `1: peak 0.412, night 0.1795 a kWh, 0.5368 a day`
    private static func tariff(_ tariff: JSONValue) -> String {
        let bands = tariff.items("bands").map { band in
            let from = band["from_quantity_wh"]?.integer ?? 0
            let reached = from == 0 ? "" : " from \(from / 1000) kWh"
            return "\(band.shown("name")) \(band.money("rate_micro"))\(reached)"
        }
        var text =
            "\(tariff.shown("tariff_id")): \(bands.joined(separator: ", ")) a "
            + (tariff["unit"]?.string ?? "kWh")
        if tariff["standing_micro_per_day"]?.integer ?? 0 != 0 {
            text += ", \(tariff.money("standing_micro_per_day")) a day"
        }
        return text
    }
}
