import Intervals
import Metering

/// Settings by order: checked against each other and against the time, then taken whole.
extension CreditAccount {
    /// Takes a setting from now on (a tariff from its `valid_from`).
    public mutating func set(
        _ setting: UnitSetting, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        try check(setting, at: time)
        record(.setting(setting), at: time, into: &events)
        settle(at: time, into: &events)
    }

    /// Takes a setting that stood before the account's first event: its dates may lie in the past.
    mutating func begin(
        with setting: UnitSetting, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        try checkLevels(setting)
        record(.setting(setting), at: time, into: &events)
    }

    /// The same for arrears.
    mutating func begin(
        with value: ArrearsSettings, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        let event = CreditEvent(at: time, .arrears(value, changed(by: value)))
        book(event, registers: try registers.moved(by: event.change.registers))
        events.append(event)
    }

    private func checkLevels(_ setting: UnitSetting) throws(CreditError) {
        switch setting {
        case .emergencyCredit(let value): try below(value.offerBelow, "offer_below_micro")
        case .lowCredit(let value) where value.isEnabled: try below(value.threshold, "threshold_micro")
        default: break
        }
    }

    private func check(_ setting: UnitSetting, at time: WallTime) throws(CreditError) {
        try checkLevels(setting)
        switch setting {
        case .tariff(let value):
            guard let from = value.tariff.validFrom else { break }
            try ahead(from, "valid_from", time)
            guard tariffs.planned(value.tariff.id, after: time) < TariffBook.mostVersions - 1 else {
                throw .refused(
                    .limit, "valid_from", "at most \(TariffBook.mostVersions - 1) versions of a tariff can be planned")
            }
        case .supplyMode(let value):
            if let end = value.expiresAt { try ahead(end, "expires_at", time) }
        case .plannedMode(_, let start): try ahead(start, "effective_at", time)
        case .daylightSaving(let value):
            if let end = value.intervals.last?.end { try ahead(end, "intervals", time) }
        case .emergencyCredit, .lowCredit, .regularDeduction, .suggestion, .friendlyDays, .specialDays, .disconnection,
            .currency:
            break
        }
    }

    /// Levels stand in order: cut-off (0), then this, then the greatest balance.
    private func below(_ level: Int64, _ field: String) throws(CreditError) {
        guard level <= limits.maxBalance else {
            throw .refused(
                .limit, field,
                "\(field) must be from 0, the cut-off value, to \(limits.maxBalance), the greatest balance")
        }
    }

    private func ahead(_ date: WallTime, _ field: String, _ now: WallTime) throws(CreditError) {
        guard date >= now else {
            throw .refused(.limit, field, "\(field) must not lie in the past; it is \(now.textSeconds) now")
        }
    }

    /// Changes how the unit is paid for, now or at `effectiveAt`. Registers stay as they are.
    public mutating func set(
        _ order: OperationalModeSettings, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        if let start = order.effectiveAt, start > time {
            return try set(.plannedMode(order.mode, start), at: time, into: &events)
        }
        if let start = order.effectiveAt { try ahead(start, "effective_at", time) }
        try setMode(order.mode, at: time, into: &events)
        settle(at: time, into: &events)
    }

    mutating func setMode(
        _ mode: OperationalMode, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        record(.mode(mode), at: time, into: &events)
    }

    /// Sets what is owed and how it is taken.
    public mutating func set(
        _ value: ArrearsSettings, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        try begin(with: value, at: time, into: &events)
        settle(at: time, into: &events)
    }

    private func changed(by value: ArrearsSettings) -> CreditRegisters {
        guard let balance = value.balance else { return CreditRegisters() }
        return value.movesTimeDebt(of: settings)
            ? CreditRegisters(timeDebt: balance - registers.timeDebt)
            : CreditRegisters(paymentDebt: balance - registers.paymentDebt)
    }

    /// Begins the account. Without an event before it the account is empty and in prepayment mode.
    public mutating func open(
        _ registers: CreditRegisters, isEmergencySelected: Bool = false, mode: OperationalMode = .prepayment,
        at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) {
        let moved = try self.registers.moved(by: registers)
        let event = CreditEvent(
            at: time, .opened(registers, isEmergencySelected: isEmergencySelected, mode))
        book(event, registers: moved)
        events.append(event)
        settle(at: time, into: &events)
    }
}
