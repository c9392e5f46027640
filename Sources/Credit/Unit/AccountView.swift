import Metering

extension CreditAccount {
    /// The members of `credit show` (contract §8) that the account knows; the journal adds `as_of_seq`.
    public func json(at time: WallTime) -> JSONObject {
        let emergency: JSONValue = [
            "state": .string(emergencyState.rawValue), "limit_micro": .integer(settings.emergencyCredit.limit),
            "used_micro": .integer(registers.emergencyUsed), "left_micro": .integer(emergencyLeft),
        ]
        return [
            "unit": .string(unit), "mode": .string(mode.rawValue), "balance_micro": .integer(registers.balance),
            "available_micro": .integer(available), "emergency": emergency,
            "arrears_micro": .integer(registers.paymentDebt &+ registers.timeDebt),
            "payment_debt_micro": .integer(registers.paymentDebt), "time_debt_micro": .integer(registers.timeDebt),
            "accumulated_micro": .integer(registers.accumulated),
            "tariff": .array(tariffNumbers.map { tariffJSON($0, at: time) }), "low": .bool(isLow),
            "suggested_micro": JSONValue(suggestedTopUp(at: time)),
        ]
    }

    /// A tariff in force, as it was sent; null when none is in force yet.
    func tariffJSON(_ number: Int64, at time: WallTime) -> JSONValue {
        tariffs.index(number, at: time).map { tariffs.versions[$0].plan.setting.json } ?? .null
    }

    /// The value of a setting as its `…_fetch` gives it; nil when there is no such setting.
    public func settingJSON(_ name: String, at time: WallTime) -> JSONValue? {
        switch name {
        case "tariff": .array(tariffNumbers.map { tariffJSON($0, at: time) })
        case "emergency_credit": settings.emergencyCredit.json
        case "low_credit": settings.lowCredit.json
        case "arrears": arrearsJSON
        case "regular_deduction": settings.regularDeduction?.json ?? .null
        case "suggestion": settings.suggestion?.json ?? .null
        case "friendly_days": (settings.friendlyDays ?? .initial).json
        case "special_days": (settings.specialDays ?? .initial).json
        case "daylight_saving": settings.daylightSaving?.json ?? .null
        case "supply_mode": settings.supplyMode.json
        case "omnipower": settings.disconnection.json
        case "currency": settings.currency?.json ?? .null
        case "operational_mode": ["mode": .string(mode.rawValue)]
        default: nil
        }
    }

    private var arrearsJSON: JSONValue {
        var recoveries: [JSONValue] = []
        for recovery in [settings.paymentRecovery, settings.timeRecovery] {
            if let recovery { recoveries.append(recovery.json) }
        }
        let (sum, overflow) = registers.paymentDebt.addingReportingOverflow(registers.timeDebt)
        var object: JSONObject = [
            "balance_micro": .integer(overflow ? MoneyRange.ledger.upperBound : sum),
            "payment_debt_micro": .integer(registers.paymentDebt), "time_debt_micro": .integer(registers.timeDebt),
            "recoveries": .array(recoveries),
        ]
        // As it was set, where there is only one.
        if recoveries.count == 1 { object["recovery"] = recoveries[0] }
        return .object(object)
    }
}
