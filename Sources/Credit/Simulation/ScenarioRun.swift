import Intervals
import Metering

/// A scenario while it runs.
struct ScenarioRun {
    private var unit: PaymentUnit
    private var now: SupplyInstant
    private var steps: [JSONValue] = []
    private var journal: [JSONValue] = []
    private var refused: [JSONValue] = []
    private var alerts: [JSONValue] = []
    /// Everything that happened to the account, for its report.
    private var history: [CreditEvent] = []
    private var lastRecord = WallTime(milliseconds: .min)

    /// The unit as the scenario states it, from just before the first event: what falls due at that instant counts.
    init(_ scenario: CreditScenario) throws(ArgumentFault) {
        let first = scenario.events.first?.at ?? WallTime(milliseconds: 0)
        let start = first + -1
        now = SupplyInstant(wall: start, uptime: Uptime(microseconds: 0))
        let stated = scenario.unit
        var account = CreditAccount(unit: stated.id, zone: scenario.zone, limits: stated.limits)
        var events: [CreditEvent] = []
        do throws(CreditError) {
            try Self.open(&account, stated, at: start, &events)
        } catch {
            throw Self.fault(error)
        }
        // An account that begins without credit has been without it: nothing that happens here asks for a notice.
        let supply = UnitSupply(
            policy: stated.policy, current: stated.supply, isTested: stated.isTested,
            isExhaustionKnown: !account.isUsable)
        unit = PaymentUnit(account: account, supply: supply)
        history = events
        for (event, data) in zip(events, CreditEvent.data(of: events, on: account)) {
            write(event.kind, event.businessID, data, at: first)
        }
    }

    private static func open(
        _ account: inout CreditAccount, _ stated: ScenarioUnit, at start: WallTime, _ events: inout [CreditEvent]
    ) throws(CreditError) {
        var disconnection = ElectricalDisconnection(isEnabled: stated.isEnabled ?? true)
        for setting in stated.settings {
            if case .disconnection(let value) = setting {
                disconnection = value
                if let isEnabled = stated.isEnabled { disconnection.isEnabled = isEnabled }
            } else {
                try account.begin(with: setting, at: start, into: &events)
            }
        }
        if let reconnect = stated.reconnect { disconnection.reconnect = reconnect }
        try account.begin(with: .disconnection(disconnection), at: start, into: &events)
        for var value in stated.arrears {
            let isTime = value.movesTimeDebt(of: account.settings)
            if isTime ? stated.statesTimeDebt : stated.statesPaymentDebt { value.balance = nil }
            try account.begin(with: value, at: start, into: &events)
        }
        try account.open(
            stated.registers, isEmergencySelected: stated.isEmergencySelected, mode: stated.mode, at: start,
            into: &events)
    }

    private static func fault(_ error: CreditError) -> ArgumentFault {
        switch error {
        case .refused(let refusal): ArgumentFault(argument: "unit.\(refusal.detail)", message: refusal.message)
        case .contradiction(let why): ArgumentFault(argument: "unit", message: why)
        }
    }

    /// What `credit simulate` prints.
    var json: JSONValue { ["steps": .array(steps), "journal": .array(journal), "refused": .array(refused)] }

    /// Time passes to the event, then the event happens, then the step is written down.
    mutating func take(_ event: ScenarioEvent, _ index: Int) throws(ArgumentFault) {
        var result: JSONValue?
        do throws(CreditError) {
            // What is stated holds until the first event has happened, unless something falls due at that instant.
            if steps.isEmpty, unit.account.nextDueTime.map({ $0 > event.at }) ?? true {
                move(to: event.at)
            } else {
                try pass(to: event.at)
            }
            result = try happen(event)
        } catch {
            refuse(error, index, at: event.at)
        }
        if unit.supply.decision == nil { try? pass(straightTo: event.at) }
        let account = unit.account
        var step: JSONObject = [
            "at": .string(event.at.text), "balance_micro": .integer(account.registers.balance),
            "emergency_used_micro": .integer(account.registers.emergencyUsed),
            "accumulated_micro": .integer(account.registers.accumulated),
            "payment_debt_micro": .integer(account.registers.paymentDebt),
            "time_debt_micro": .integer(account.registers.timeDebt),
            "supply": .string(unit.supply.current.rawValue),
            "reason": JSONValue(unit.supply.decision?.reason.rawValue), "alerts": .array(alerts),
            "emergency_state": .string(account.emergencyState.rawValue), "available_micro": .integer(account.available),
            "emergency_left_micro": .integer(account.emergencyLeft),
        ]
        step["result"] = result
        steps.append(.object(step))
        alerts = []
    }

    private mutating func refuse(_ error: CreditError, _ index: Int, at time: WallTime) {
        let refusal: CreditRefusal
        switch error {
        case .refused(let given): refusal = given
        case .contradiction(let why): refusal = CreditRefusal(.precondition, detail: "contradiction", message: why)
        }
        if refusal.code == .conflict, refusal.detail == "payment_id" { alerts.append("payment_conflict") }
        refused.append([
            "event": .integer(Int64(index)), "at": .string(time.text), "code": .string(refusal.code.rawValue),
            "detail": .string(refusal.detail), "message": .string(refusal.message),
        ])
    }

    /// Lets time pass: everything that falls due or changes by itself happens at its own instant, in order.
    private mutating func pass(to time: WallTime) throws(CreditError) {
        while true {
            let wake = unit.nextWake(after: now)
            guard wake <= time, wake > now.wall else { break }
            try pass(straightTo: wake)
        }
        try pass(straightTo: time)
    }

    private mutating func pass(straightTo time: WallTime) throws(CreditError) {
        move(to: time)
        var events: [UnitEvent] = []
        defer { note(events) }
        try unit.wake(at: now, into: &events)
    }

    /// The wall clock may be set back; uptime goes on.
    private mutating func move(to time: WallTime) {
        let passed = max(0, time - now.wall)
        now = SupplyInstant(wall: time, uptime: now.uptime + passed * 1000)
    }

    private mutating func happen(_ event: ScenarioEvent) throws(CreditError) -> JSONValue? {
        var events: [UnitEvent] = []
        defer { note(events) }
        var result: JSONValue?
        switch event.act {
        case .advance(let wattHours, let tariff, let isExport):
            let account = unit.account
            let inForce = account.tariffNumber(isExport: isExport, at: event.at + -1)
            let number = tariff ?? inForce ?? account.tariffNumbers.first ?? 0
            try unit.charge(wattHours: wattHours, tariff: number, isExport: isExport, at: now, into: &events)
        case .button(let button): try unit.press(button, at: now, into: &events)
        case .command(let name, let args):
            if let read = try read(name, args) {
                result = read
            } else {
                result = try carryOut(name, args, into: &events)
            }
        case .tick: break
        }
        return result
    }

    private mutating func carryOut(
        _ name: String, _ args: JSONValue, into events: inout [UnitEvent]
    ) throws(CreditError) -> JSONValue? {
        let command: UnitCommand?
        do throws(ArgumentFault) {
            command = try UnitCommand.read(name, args)
        } catch {
            throw .refused(CreditRefusal(error))
        }
        guard let command else {
            throw .refused(
                .format, "cmd", "no such command of a unit; there are \(UnitCommand.names.joined(separator: ", "))")
        }
        let outcome = try unit.carryOut(command, at: now, into: &events)
        return outcome == .alreadyApplied ? ["already_applied": true] : nil
    }

    /// Commands that only read.
    private func read(_ name: String, _ args: JSONValue) throws(CreditError) -> JSONValue? {
        switch name {
        case "credit_fetch": return .object(unit.account.json(at: now.wall))
        case "credit_last_additions_fetch": return .array(unit.account.lastAdditions.map(\.json))
        case "credit_report_fetch":
            do throws(ArgumentFault) {
                let fields = try FieldReader(args, allowed: ["from", "to"])
                let from = try fields.time("from") ?? history.first?.at ?? now.wall
                return CreditReport(history, from: from, to: try fields.time("to") ?? now.wall + 1).json
            } catch {
                throw .refused(CreditRefusal(error))
            }
        default:
            guard name.hasSuffix("_fetch") else { return nil }
            return unit.account.settingJSON(String(name.dropLast(6)), at: now.wall)
        }
    }

    /// Writes the journal, collects alerts, and lets the switch obey.
    private mutating func note(_ events: [UnitEvent]) {
        for event in events {
            switch event {
            case .credit(let credit, let balance):
                history.append(credit)
                let data = credit.data(unit: unit.account.unit, balance: balance)
                write(credit.kind, credit.businessID, data, at: credit.at)
                if let alert = credit.alert { alerts.append(.string(alert)) }
            case .supply(.warning): alerts.append("friendly_period_ending")
            case .supply(let news):
                if let data = news.data(unit: unit.account.unit) { write(.supplyDecided, nil, data, at: now.wall) }
                if case .decided(let decision, _, _) = news, decision.state != unit.supply.current {
                    unit.follow(decision.state, at: now.uptime)
                }
            }
        }
    }

    private mutating func write(_ kind: JournalKind, _ id: String?, _ data: JSONObject, at time: WallTime) {
        let seq = Int64(journal.count + 1)
        // The order is the sequence; the time of a record never goes back.
        lastRecord = max(lastRecord, time)
        let key = id.map { "\(kind.rawValue)/\(unit.account.unit)/\($0)" } ?? "\(kind.rawValue)/\(seq)"
        journal.append([
            "seq": .integer(seq), "at": .string(lastRecord.text), "kind": .string(kind.rawValue),
            "key": .string(key), "data": .object(data),
        ])
    }
}

extension CreditEvent {
    /// The word of the alert that this event is; nil when nobody is alerted.
    public var alert: String? {
        switch change {
        case .toppedUp: "credit_added"
        case .emergency(.offered): "emergency_offered"
        case .emergency(.selected), .emergency(.selectedAutomatically): "emergency_selected"
        case .emergency(.exhausted): "emergency_exhausted"
        case .low(.low): "low_credit"
        case .low(.exhausted): "credit_exhausted"
        case .cleared(.payment): "payment_debt_cleared"
        case .cleared(.time): "time_debt_cleared"
        case .loanExpired: "loan_expired"
        default: nil
        }
    }
}
