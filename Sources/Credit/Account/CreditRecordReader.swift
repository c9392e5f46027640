import Metering

extension CreditEvent {
    /// Reads an event back from a record. Nil for a kind that is none of an account's.
    public static func read(
        kind: JournalKind, data: JSONObject, at recorded: WallTime
    ) throws(CreditError) -> CreditEvent? {
        let record = CreditRecordReader(data)
        guard let change = try record.change(kind) else { return nil }
        return CreditEvent(at: try record.time("due_at", default: recorded), change)
    }
}

/// Reads the data of an account's records.
private struct CreditRecordReader {
    private let data: JSONObject

    init(_ data: JSONObject) { self.data = data }

    func change(_ kind: JournalKind) throws(CreditError) -> CreditChange? {
        do throws(ArgumentFault) {
            switch kind {
            case .unitSetting: return try setting()
            case .unitMode: return .mode(try word("mode"))
            case .creditCharged: return .charged(try charge())
            case .creditToppedUp:
                let payment = try PaymentAdd(
                    part(["payment_id", "amount_micro", "currency", "paid_at", "channel", "reference"]))
                return .toppedUp(payment, try registers(), week: try day("week"))
            case .creditAdjusted: return try adjusted()
            case .creditReversed:
                return .reversed(
                    try PaymentReverse(part(["payment_id", "reversal_id", "reason"])), try registers())
            case .creditArrears:
                if data["arrears"] == "cleared" { return .cleared(try word("debt")) }
                return .arrears(try ArrearsSettings(data["value"] ?? .null, needsBalance: false), try registers())
            case .creditEmergency: return .emergency(try word("emergency"))
            case .creditLoan:
                if let id = data["expired"]?.string { return .loanExpired(id: id, rest: try integer("rest_micro")) }
                return .loan(try LoanExtend(part(["loan_id", "amount_micro", "expires_at"])))
            case .creditLow: return .low(try word("credit"))
            default: return nil
            }
        } catch {
            throw .contradiction("a record of the journal does not read: \(error.message)")
        }
    }

    func time(_ name: String, default missing: WallTime? = nil) throws(CreditError) -> WallTime {
        guard let time = data[name]?.string.flatMap({ WallTime(text: $0) }) ?? missing else {
            throw .contradiction("a record of the journal has no \(name)")
        }
        return time
    }

    private func fault(_ name: String) -> ArgumentFault {
        ArgumentFault(argument: name, message: "\(name) is missing or wrong")
    }

    private func integer(_ name: String) throws(ArgumentFault) -> Int64 {
        guard let number = data[name]?.integer, MoneyRange.ledger.contains(number) else { throw fault(name) }
        return number
    }

    private func word<Word: RawRepresentable>(_ name: String) throws(ArgumentFault) -> Word
    where Word.RawValue == String {
        guard let word = data[name]?.string.flatMap(Word.init(rawValue:)) else { throw fault(name) }
        return word
    }

    private func registers() throws(ArgumentFault) -> CreditRegisters {
        guard let registers = CreditRegisters(data["change"]) else { throw fault("change") }
        return registers
    }

    private func day(_ name: String) throws(ArgumentFault) -> Int64 {
        guard let time = data[name]?.string.flatMap({ WallTime(text: $0) }) else { throw fault(name) }
        return time.seconds.flooredQuotient(by: 86_400)
    }

    private func part(_ names: [String]) -> JSONValue {
        var object = JSONObject()
        for name in names { object[name] = data[name] }
        return .object(object)
    }

    private func setting() throws(ArgumentFault) -> CreditChange {
        guard let name = data["setting"]?.string, let value = data["value"] else { throw fault("setting") }
        if name == "opening" {
            guard let isSelected = value["emergency_selected"]?.bool,
                let mode = value["mode"]?.string.flatMap(OperationalMode.init(rawValue:))
            else { throw fault("value") }
            return .opened(try registers(), isEmergencySelected: isSelected, mode)
        }
        if name == "operational_mode" {
            guard let mode = value["mode"]?.string.flatMap(OperationalMode.init(rawValue:)),
                let start = value["effective_at"]?.string.flatMap({ WallTime(text: $0) })
            else { throw fault("value") }
            return .setting(.plannedMode(mode, start))
        }
        guard let setting = try UnitSetting.read(name, value) else { throw fault("setting") }
        return .setting(setting)
    }

    private func adjusted() throws(ArgumentFault) -> CreditChange {
        let order = data["order"] ?? .null
        let adjustment =
            order["delta_micro"] == nil ? try CreditAdjustment(set: order) : try CreditAdjustment(adjust: order)
        return .adjusted(adjustment, delta: try integer("delta_micro"))
    }

    private func charge() throws(ArgumentFault) -> Charge {
        let cause: Charge.Cause
        switch data["charge"]?.string {
        case "energy":
            cause = .energy(
                tariff: try integer("tariff_id"), wattHours: try integer("energy_wh"), until: try until())
        case "export":
            cause = .export(
                tariff: try integer("tariff_id"), wattHours: try integer("energy_wh"), until: try until())
        case "standing": cause = .standing(tariff: try integer("tariff_id"), day: try day("day"))
        case "time_debt": cause = .timeDebt(day: try day("day"))
        case "deduction": cause = .deduction(day: try day("day"))
        default: throw fault("charge")
        }
        guard let lines = data["lines"]?.array else { throw fault("lines") }
        var read: [ChargeLine] = []
        for line in lines {
            guard let what = line["what"]?.string, let amount = line["amount_micro"]?.integer else {
                throw fault("lines")
            }
            read.append(
                ChargeLine(
                    what: what, wattHours: line["quantity_wh"]?.integer ?? 0,
                    rate: line[what == "vat" ? "vat_bp" : "rate_micro"]?.integer ?? 0, amount: amount))
        }
        return Charge(cause: cause, lines: read, change: try registers())
    }

    private func until() throws(ArgumentFault) -> WallTime {
        guard let time = data["until"]?.string.flatMap({ WallTime(text: $0) }) else { throw fault("until") }
        return time
    }
}
