import Metering

/// An event as the journal keeps it (contract §4): its kind, and the data from which it is read back.
extension CreditEvent {
    /// The record's kind.
    public var kind: JournalKind {
        switch change {
        case .opened, .setting: .unitSetting
        case .mode: .unitMode
        case .charged: .creditCharged
        case .toppedUp: .creditToppedUp
        case .adjusted: .creditAdjusted
        case .reversed: .creditReversed
        case .arrears, .cleared: .creditArrears
        case .emergency: .creditEmergency
        case .loan, .loanExpired: .creditLoan
        case .low: .creditLow
        }
    }

    /// What makes the record's key unique when a business id caused it: `<kind>/<unit>/<this>`.
    public var businessID: String? {
        switch change {
        case .toppedUp(let payment, _, _): payment.paymentID
        case .adjusted(let order, _): order.adjustmentID
        case .reversed(let order, _): order.reversalID
        case .loan(let loan): loan.loanID
        default: nil
        }
    }

    /// The record's data. `due_at` is the event's own time: the record's may be later, when something fell due while
    /// the box was off.
    /// - Parameter balance: after the event, micro-units: what people look for.
    public func data(unit: String, balance: Int64) -> JSONObject {
        var object: JSONObject = ["unit": .string(unit), "due_at": .string(at.text)]
        change.write(into: &object)
        if change.registers != CreditRegisters() { object["balance_micro"] = .integer(balance) }
        return object
    }

    /// The data of events that have just been applied to `account`, each with the balance after it.
    public static func data(of events: [CreditEvent], on account: CreditAccount) -> [JSONObject] {
        var balance = account.balance
        var data: [JSONObject] = []
        for event in events.reversed() {
            data.append(event.data(unit: account.unit, balance: balance))
            balance &-= event.change.registers.balance
        }
        return data.reversed()
    }
}

extension CreditChange {
    fileprivate func write(into object: inout JSONObject) {
        switch self {
        case .opened(let registers, let isSelected, let mode):
            object["setting"] = "opening"
            object["value"] = ["mode": .string(mode.rawValue), "emergency_selected": .bool(isSelected)]
            object["change"] = registers.json
        case .setting(let setting):
            object["setting"] = .string(setting.name)
            object["value"] = setting.json
        case .mode(let mode): object["mode"] = .string(mode.rawValue)
        case .charged(let charge): charge.write(into: &object)
        case .toppedUp(let payment, let split, let week):
            for (name, value) in payment.json.members { object[name] = value }
            object["change"] = split.json
            object["week"] = .string(dayText(week))
        case .adjusted(let order, let delta):
            object["adjustment_id"] = .string(order.adjustmentID)
            object["order"] = .object(order.json)
            object["delta_micro"] = .integer(delta)
            object["change"] = registers.json
        case .reversed(let order, let split):
            for (name, value) in order.json.members { object[name] = value }
            object["change"] = split.json
        case .arrears(let value, let change):
            object["arrears"] = "set"
            object["value"] = value.json
            object["change"] = change.json
        case .cleared(let debt):
            object["arrears"] = "cleared"
            object["debt"] = .string(debt.rawValue)
        case .emergency(let step): object["emergency"] = .string(step.rawValue)
        case .loan(let loan):
            for (name, value) in loan.json.members { object[name] = value }
        case .loanExpired(let id, let rest):
            object["expired"] = .string(id)
            object["rest_micro"] = .integer(rest)
        case .low(let step): object["credit"] = .string(step.rawValue)
        }
    }
}

extension Charge {
    fileprivate func write(into object: inout JSONObject) {
        switch cause {
        case .energy(let tariff, let wattHours, let until):
            object["charge"] = "energy"
            Self.writeEnergy(tariff, wattHours, until, &object)
        case .export(let tariff, let wattHours, let until):
            object["charge"] = "export"
            Self.writeEnergy(tariff, wattHours, until, &object)
        case .standing(let tariff, let day):
            object["charge"] = "standing"
            object["tariff_id"] = .integer(tariff)
            object["day"] = .string(dayText(day))
        case .timeDebt(let day):
            object["charge"] = "time_debt"
            object["day"] = .string(dayText(day))
        case .deduction(let day):
            object["charge"] = "deduction"
            object["day"] = .string(dayText(day))
        }
        object["amount_micro"] = .integer(amount)
        object["lines"] = .array(lines.map(\.json))
        object["change"] = change.json
    }

    private static func writeEnergy(
        _ tariff: Int64, _ wattHours: Int64, _ until: WallTime, _ object: inout JSONObject
    ) {
        object["tariff_id"] = .integer(tariff)
        object["energy_wh"] = .integer(wattHours)
        object["until"] = .string(until.text)
    }
}

extension ChargeLine {
    /// The line of a bill, as `nem12 rate` prints it.
    public var json: JSONValue {
        var object: JSONObject = ["what": .string(what)]
        if wattHours > 0 { object["quantity_wh"] = .integer(wattHours) }
        if rate > 0 { object[what == "vat" ? "vat_bp" : "rate_micro"] = .integer(rate) }
        object["amount_micro"] = .integer(amount)
        return .object(object)
    }
}
