import Intervals
import Metering

/// One event of a scenario.
struct ScenarioEvent: Sendable {
    enum Act: Sendable {
        case advance(wattHours: Int64, tariff: Int64?, isExport: Bool)
        case command(String, JSONValue)
        case button(UnitButton)
        case tick
    }

    var at: WallTime
    var act: Act

    init(_ value: JSONValue, path: String) throws(ArgumentFault) {
        let fields = try FieldReader(
            value, path: path,
            allowed: ["at", "advance_wh", "tariff_id", "channel", "cmd", "args", "button", "tick"])
        guard let at = try fields.time("at") else { throw fields.fault("at", "is missing") }
        self.at = at
        let acts = ["advance_wh", "cmd", "button", "tick"].filter { fields.has($0) }
        guard acts.count == 1 else {
            throw ArgumentFault(
                argument: path, message: "\(path) must have exactly one of advance_wh, cmd, button, tick")
        }
        for (name, owner) in [("tariff_id", "advance_wh"), ("channel", "advance_wh"), ("args", "cmd")]
        where fields.has(name) && acts != [owner] {
            throw fields.fault(name, "goes with \(owner) only")
        }
        switch acts.first {
        case "advance_wh":
            act = .advance(
                wattHours: try fields.integer("advance_wh", 0...CreditAccount.mostWattHours),
                tariff: try fields.optionalInteger("tariff_id", 0...8),
                isExport: try fields.word("channel", ScenarioChannel.self, default: .importWh) == .exportWh)
        case "cmd": act = .command(try fields.text("cmd", bytes: 1...64), fields.value("args") ?? [:])
        case "button": act = .button(try fields.word("button", UnitButton.self))
        default:
            guard try fields.flag("tick") else { throw fields.fault("tick", "must be true") }
            act = .tick
        }
    }
}

private enum ScenarioChannel: String, CaseIterable {
    case importWh = "import_wh"
    case exportWh = "export_wh"
}

/// The unit of a scenario before its first event; everything has a default.
struct ScenarioUnit: Sendable {
    var id: String
    var mode: OperationalMode
    var registers: CreditRegisters
    var isEmergencySelected: Bool
    var limits: AccountLimits
    var policy: SupplyPolicy
    var supply: SupplyState
    var isEnabled: Bool?
    var isTested: Bool
    var reconnect: ReconnectPolicy?
    var settings: [UnitSetting] = []
    var arrears: [ArrearsSettings] = []
    /// Debts that the unit states itself: they stand against the balance in `arrears`.
    var statesPaymentDebt: Bool
    var statesTimeDebt: Bool

    private static let members = [
        "id", "mode", "balance_micro", "emergency_used_micro", "emergency_state", "accumulated_micro",
        "payment_debt_micro", "time_debt_micro", "max_balance_micro", "max_credit_micro", "restore", "floor_first",
        "never_disconnect", "reconnect", "supply", "enabled", "tested", "settings",
    ]

    init(_ value: JSONValue, currency: String?) throws(ArgumentFault) {
        let fields = try FieldReader(value, path: "unit", allowed: Self.members)
        id = fields.has("id") ? try fields.identifier("id") : "unit-1"
        mode = try fields.word("mode", OperationalMode.self, default: .prepayment)
        let owed = 0...MoneyRange.ledger.upperBound
        registers = CreditRegisters(
            balance: try fields.integer("balance_micro", MoneyRange.ledger, default: 0),
            emergencyUsed: try fields.integer("emergency_used_micro", owed, default: 0),
            accumulated: try fields.integer("accumulated_micro", owed, default: 0),
            paymentDebt: try fields.integer("payment_debt_micro", owed, default: 0),
            timeDebt: try fields.integer("time_debt_micro", owed, default: 0))
        statesPaymentDebt = fields.has("payment_debt_micro")
        statesTimeDebt = fields.has("time_debt_micro")
        let state = try fields.word(
            "emergency_state", EmergencyState.self, default: registers.emergencyUsed > 0 ? .inUse : .off)
        isEmergencySelected = [.selected, .inUse, .exhausted].contains(state)
        let amount = 1...MoneyRange.ledger.upperBound
        limits = AccountLimits(
            maxBalance: try fields.integer("max_balance_micro", amount, default: 1_000_000_000),
            maxCredit: try fields.integer("max_credit_micro", amount, default: 500_000_000),
            floorFirst: try fields.flag("floor_first", default: false), currency: currency)
        policy = SupplyPolicy(
            neverDisconnect: try fields.flag("never_disconnect", default: false),
            restore: try fields.word("restore", RestorePolicy.self, default: .usableCredit))
        supply = try fields.word("supply", SupplyState.self, default: .connected)
        isEnabled = fields.has("enabled") ? try fields.flag("enabled") : nil
        isTested = try fields.flag("tested", default: true)
        reconnect = fields.has("reconnect") ? try fields.word("reconnect", ReconnectPolicy.self) : nil
        try readSettings(fields.value("settings") ?? [:])
    }

    private mutating func readSettings(_ value: JSONValue) throws(ArgumentFault) {
        // The unit's own table comes first: what falls due is counted by it.
        let names = ["daylight_saving"] + UnitSetting.names.filter { $0 != "daylight_saving" }
        let fields = try FieldReader(value, path: "unit.settings", allowed: names + ["arrears", "operational_mode"])
        for name in names {
            guard let value = fields.value(name) else { continue }
            for (path, item) in Self.items(value, path: fields.path(name), isList: name == "tariff") {
                if let setting = try UnitSetting.read(name, item, path: path) { settings.append(setting) }
            }
        }
        if let value = fields.value("arrears") {
            for (path, item) in Self.items(value, path: fields.path("arrears"), isList: true) {
                arrears.append(try ArrearsSettings(item, path: path, needsBalance: false))
            }
        }
        if let value = fields.value("operational_mode") {
            mode = try OperationalModeSettings(value, path: fields.path("operational_mode")).mode
        }
        guard limits.maxBalance >= registers.balance else {
            throw ArgumentFault(
                argument: "unit.balance_micro", message: "unit.balance_micro must not be above max_balance_micro")
        }
    }

    /// One value, or a list of them where a unit may have several.
    private static func items(_ value: JSONValue, path: String, isList: Bool) -> [(String, JSONValue)] {
        guard isList, let list = value.array else { return [(path, value)] }
        return list.enumerated().map { ("\(path)[\($0.offset)]", $0.element) }
    }
}
