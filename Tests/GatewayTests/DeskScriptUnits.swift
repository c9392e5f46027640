import Credit
import Intervals
import Metering

@testable import Gateway

/// Units for the desk's tests: real accounts, and a supply that is one flag.
struct DeskScriptUnits: DeskUnits {
    struct Unit {
        var account: CreditAccount
        var isConnected = true
        var isProtected = false
    }

    var ids = ["unit-1", "unit-2", "unit-3"]
    var all: [String: Unit] = [:]
    /// Whether switches are seen to follow at once.
    var isWaiting = false
    var resumed: [String] = []
    private var finished: [(id: String, result: Result<Outcome, Refusal>)] = []

    init() {
        for id in ids {
            var account = CreditAccount(
                unit: id, zone: .fixed(0), limits: AccountLimits(currency: "AUD"))
            var events: [CreditEvent] = []
            try? account.open(CreditRegisters(), at: DeskScript.start + -1000, into: &events)
            all[id] = Unit(account: account)
        }
    }

    func contains(_ id: String) -> Bool { ids.contains(id) }
    func knows(usagePlace: String) -> String? { usagePlace == "RE12345" ? "unit-1" : nil }

    func check(_ command: UnitCommand, unit: String, clock: ClockTrust, turn: Turn) throws(Refusal) {
        var copy = self
        var events: [CreditEvent] = []
        _ = try copy.apply(command, unit, at: turn.recordTime, into: &events)
    }

    mutating func begin(
        _ command: UnitCommand, unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress {
        let outcome = try carryOut(command, unit: unit, order: order, clock: clock, turn: &turn)
        if case .set(.supplyMode) = command, isWaiting { return .waiting }
        return .done(outcome)
    }

    mutating func carryOut(
        _ command: UnitCommand, unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> Outcome {
        var events: [CreditEvent] = []
        let outcome = try apply(command, unit, at: turn.recordTime, into: &events)
        for (index, event) in events.enumerated() {
            let name = event.businessID.map { "\(unit)/\($0)" } ?? order.id
            turn.append(
                event.kind, key: index == 0 ? .name(name) : .sequence, event.data(unit: unit, balance: 0))
        }
        var result: JSONObject = ["balance_micro": .integer(all[unit]?.account.balance ?? 0)]
        if outcome == .alreadyApplied { result["already_applied"] = true }
        return Outcome(message: "done", result: .object(result))
    }

    private mutating func apply(
        _ command: UnitCommand, _ unit: String, at time: WallTime, into events: inout [CreditEvent]
    ) throws(Refusal) -> OrderOutcome {
        guard var account = all[unit]?.account else { return .applied }
        do throws(CreditError) {
            var outcome = OrderOutcome.applied
            switch command {
            case .pay(let order): outcome = try account.pay(order, at: time, into: &events)
            case .reverse(let order): outcome = try account.reverse(order, at: time, into: &events)
            case .adjust(let order): outcome = try account.adjust(order, at: time, into: &events)
            case .lend(let order): outcome = try account.lend(order, at: time, into: &events)
            case .setArrears(let value): try account.set(value, at: time, into: &events)
            case .setMode(let value): try account.set(value, at: time, into: &events)
            case .set(let value): try account.set(value, at: time, into: &events)
            }
            all[unit]?.account = account
            return outcome
        } catch {
            guard case .refused(let refusal) = error else {
                throw .precondition("contradiction", "a record contradicts")
            }
            throw Refusal(
                code: CommandCode(rawValue: refusal.code.rawValue) ?? .precondition, detail: refusal.detail,
                message: refusal.message)
        }
    }

    func checkDisconnect(unit: String, clock: ClockTrust, turn: Turn) throws(Refusal) {
        guard all[unit]?.isProtected == false else {
            throw Refusal(code: .policy, detail: "friendly_period", message: "it is a protected time")
        }
    }

    mutating func disconnect(
        unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress {
        try checkDisconnect(unit: unit, clock: clock, turn: turn)
        return move(unit, to: false, order)
    }

    mutating func reconnect(
        unit: String, order: Order, clock: ClockTrust, turn: inout Turn
    ) throws(Refusal) -> UnitProgress { move(unit, to: true, order) }

    private mutating func move(_ unit: String, to isConnected: Bool, _ order: Order) -> UnitProgress {
        all[unit]?.isConnected = isConnected
        return isWaiting ? .waiting : .done(Outcome(message: "done", result: ["relay": .bool(isConnected)]))
    }

    mutating func resume(id: String, unit: String, closes: Bool, expires: WallTime?, turn: Turn) { resumed.append(id) }

    /// The switch of an order is seen to have followed, or not.
    mutating func end(_ id: String, _ result: Result<Outcome, Refusal>) { finished.append((id, result)) }

    mutating func takeFinished() -> [(id: String, result: Result<Outcome, Refusal>)] {
        defer { finished = [] }
        return finished
    }

    func settingJSON(_ resource: String, unit: String, at time: WallTime) -> JSONValue? {
        all[unit]?.account.settingJSON(resource, at: time)
    }

    func creditJSON(unit: String, at time: WallTime) -> JSONValue? {
        (all[unit]?.account.json(at: time)).map { .object($0) }
    }

    func supplyJSON(unit: String) -> JSONValue? {
        (all[unit]?.isConnected).map { ["unit": .string(unit), "decided": $0 ? "connected" : "disconnected"] }
    }

    func relayJSON(unit: String) -> JSONValue? {
        unit == "unit-3" ? nil : (all[unit]?.isConnected).map { ["relay": $0 ? "connected" : "disconnected"] }
    }

    func additionsJSON(unit: String) -> JSONValue? {
        (all[unit]?.account.lastAdditions).map { .array($0.map(\.json)) }
    }

    func creditReportJSON(unit: String, from: WallTime?, to: WallTime?, at time: WallTime) -> JSONValue? {
        ["from": JSONValue(from?.text), "to": .string((to ?? time).text), "closing_micro": 1]
    }

    func meterReadingsJSON(unit: String) -> JSONValue? { [["slot": 1, "serial": "M1"], ["slot": 2, "serial": "M2"]] }

    func listJSON(at time: WallTime) -> JSONValue {
        .array(ids.map { ["id": .string($0), "supply": supplyJSON(unit: $0)?["decided"] ?? .null] })
    }

    /// Arguments of a unit's commands that do something.
    static let arguments: [String: JSONValue] = [
        "payment_add": ["payment_id": "pay-1", "amount_micro": 20_000_000, "currency": "AUD"],
        "credit_adjust": ["adjustment_id": "adj-1", "delta_micro": -1_000_000, "reason": "meter test"],
        "credit_set": ["adjustment_id": "adj-2", "balance_micro": 5_000_000],
        "loan_extend": ["loan_id": "loan-1", "amount_micro": 3_000_000],
        "tariff_set": ["tariff_id": 1, "bands": [["name": "all", "rate_micro": 250_000]]],
        "emergency_credit_set": ["limit_micro": 5_000_000, "offer_below_micro": 1_000_000],
        "low_credit_set": ["threshold_micro": 2_000_000],
        "arrears_set": ["balance_micro": 35_000_000],
        "regular_deduction_set": ["amount_micro": 100_000, "period": "weekly", "weekday": "tue"],
        "suggestion_set": ["lookback_days": 7, "cover_days": 14],
        "friendly_days_set": ["days": ["mon": [["from": "15:00", "to": "08:00"]]]],
        "special_days_set": ["days": [["date": "--12-25"]]],
        "daylight_saving_set": ["intervals": []],
        "supply_mode_set": ["mode": "force_on", "reason": "vulnerable"],
        "operational_mode_set": ["mode": "credit"],
        "omnipower_set": ["enabled": false],
        "currency_set": ["symbol": "$"],
        "usage_place_disconnect": ["request_id": "r-1", "usageplacecode": "RE12345"],
        "usage_place_reconnect": ["usageplacecode": "RE12345"],
        "template_upsert": [
            "template_id": "mine", "name": "Mine", "revision": 1,
            "actions": [["command": "low_credit_set", "payload": ["threshold_micro": 3_000_000]]],
        ],
        "template_apply": ["application_id": "app-1", "template_id": "credit_default"],
    ]
}
