import Intervals
import Metering

extension CreditAccount {
    /// Replays one event of the journal. Energy and standing charges are rated again, because the carried remainders
    /// and block counters live in the tariff; an event whose lines differ from that is a contradiction.
    public mutating func apply(_ event: CreditEvent) throws(CreditError) {
        if case .charged(let charge) = event.change {
            switch charge.cause {
            case .energy(let number, let wattHours, let end), .export(let number, let wattHours, let end):
                try rerate(charge, try tariffs.charge(wattHours: wattHours, tariff: number, until: end))
            case .standing(let number, _):
                try rerate(charge, try tariffs.standing(tariff: number, at: event.at))
            case .timeDebt, .deduction: break
            }
        }
        let moved = try registers.moved(by: event.change.registers)
        book(event, registers: moved)
    }

    private mutating func rerate(_ charge: Charge, _ rated: TariffBook.Rated?) throws(CreditError) {
        guard let rated, rated.lines == charge.lines else {
            throw .contradiction("a charge of the journal is not what its tariff gives")
        }
        tariffs.note(rated)
    }

    /// Applies an event whose money has been checked.
    mutating func book(_ event: CreditEvent, registers moved: CreditRegisters) {
        if case .charged(let charge) = event.change { return book(charge, registers: moved, at: event.at) }
        registers = moved
        switch event.change {
        case .opened(_, let isSelected, let mode):
            isEmergencySelected = isSelected
            self.mode = mode
            isOpen = true
            restartCalendar(at: event.at)
        case .setting(let setting): take(setting, at: event.at)
        case .mode(let mode):
            self.mode = mode
            settings.planned = nil
            restartCalendar(at: event.at)
        case .charged: break
        case .toppedUp(let payment, let split, let monday):
            applied["payment/\(payment.paymentID)"] = .payment(
                payment, split, week: monday, wasSelected: isEmergencySelected, isReversed: false)
            if week.monday != monday { week = RecoveredWeek(monday: monday, amount: 0) }
            week.amount -= split.paymentDebt
            note(CreditAddition(at: event.at, amount: payment.amount, source: .payment, id: payment.paymentID))
        case .adjusted(let order, let delta):
            applied["adjustment/\(order.adjustmentID)"] = .adjustment(order)
            if delta > 0 {
                note(CreditAddition(at: event.at, amount: delta, source: .adjustment, id: order.adjustmentID))
            }
        case .reversed(let order, let split):
            applied["reversal/\(order.reversalID)"] = .reversal(order)
            noteReversed(order.paymentID, split)
        case .arrears(let value, _): take(value, at: event.at)
        case .emergency(let step): take(step)
        case .loan(let loan):
            applied["loan/\(loan.loanID)"] = .loan(loan)
            let open = OpenLoan(id: loan.loanID, left: loan.amount, expiresAt: loan.expiresAt)
            // What expires first is used first.
            let place = loans.firstIndex { Self.expires(open, before: $0) } ?? loans.count
            loans.insert(open, at: place)
        case .loanExpired(let id, _): loans.removeAll { $0.id == id }
        case .low(let step): take(step)
        case .cleared: break
        }
        if emergencyLeft > 0 { saidEmergencyExhausted = false }
        refreshDue()
    }

    /// Applies a charge whose money has been checked.
    mutating func book(_ charge: Charge, registers moved: CreditRegisters, at time: WallTime) {
        registers = moved
        note(charge, at: time)
        if emergencyLeft > 0 { saidEmergencyExhausted = false }
    }

    private static func expires(_ one: OpenLoan, before other: OpenLoan) -> Bool {
        switch (one.expiresAt, other.expiresAt) {
        case (let one?, let other?): one < other
        case (_?, nil): true
        case (nil, _): false
        }
    }

    private mutating func take(_ setting: UnitSetting, at time: WallTime) {
        switch setting {
        case .tariff(let value):
            passStanding(to: time)
            tariffs.add(value, from: value.tariff.validFrom ?? time, now: time, zone: clock)
        case .emergencyCredit(let value): settings.emergencyCredit = value
        case .lowCredit(let value): settings.lowCredit = value
        case .regularDeduction(let value):
            settings.regularDeduction = value
            due.deduction = clock.lastDay(atOrBefore: time, value.period.at)
        case .suggestion(let value): settings.suggestion = value
        case .friendlyDays(let value): settings.friendlyDays = value
        case .specialDays(let value): settings.specialDays = value
        case .daylightSaving(let value):
            passStanding(to: time)
            settings.daylightSaving = value
            clock = zone.overridden(by: value, at: time)
            tariffs.move(to: clock)
        case .supplyMode(let value): settings.supplyMode = value
        case .disconnection(let value): settings.disconnection = value
        case .currency(let value): settings.currency = value
        case .plannedMode(let mode, let time): settings.planned = AccountSettings.Planned(mode: mode, at: time)
        }
    }

    private mutating func take(_ value: ArrearsSettings, at time: WallTime) {
        switch value.recovery {
        case .percentOfPayment: settings.paymentRecovery = value.recovery
        case .perPeriod(_, let period):
            settings.timeRecovery = value.recovery
            due.timeDebt = clock.lastDay(atOrBefore: time, period.at)
        case nil:
            if value.movesTimeDebt(of: settings), let period = settings.periodRecovery?.period {
                due.timeDebt = clock.lastDay(atOrBefore: time, period.at)
            }
        }
    }

    private mutating func take(_ step: EmergencyStep) {
        switch step {
        case .offered: isEmergencyOffered = true
        case .withdrawn: isEmergencyOffered = false
        case .selected, .selectedAutomatically:
            isEmergencySelected = true
            isEmergencyOffered = false
        case .exhausted: saidEmergencyExhausted = true
        case .repaid: isEmergencySelected = false
        }
    }

    private mutating func take(_ step: LowStep) {
        switch step {
        case .low: isLow = true
        case .recovered: isLow = false
        case .exhausted: saidExhausted = true
        case .usable: saidExhausted = false
        }
    }

    private mutating func note(_ charge: Charge, at time: WallTime) {
        var fromLoans = charge.change.loanUsed
        for index in loans.indices where fromLoans > 0 {
            let part = min(loans[index].left, fromLoans)
            loans[index].left -= part
            fromLoans -= part
        }
        if charge.change.loanUsed > 0 { loans.removeAll { $0.left == 0 } }
        switch charge.cause {
        case .energy: use.add(charge.amount, on: clock.day(of: time))
        case .export: break
        case .standing(_, let day):
            due.standing = max(due.standing, day)
            use.add(charge.amount, on: day)
        case .timeDebt(let day): due.timeDebt = max(due.timeDebt, day)
        case .deduction(let day):
            due.deduction = max(due.deduction, day)
            use.add(charge.amount, on: day)
        }
    }

    private mutating func noteReversed(_ paymentID: String, _ split: CreditRegisters) {
        let key = "payment/\(paymentID)"
        guard case .payment(let payment, let original, let monday, let wasSelected, _) = applied[key] else { return }
        applied[key] = .payment(payment, original, week: monday, wasSelected: wasSelected, isReversed: true)
        // What the payment took of the week's cap is free again.
        if week.monday == monday { week.amount = max(0, week.amount - split.paymentDebt) }
        lastAdditions.removeAll { $0.source == .payment && $0.id == paymentID }
    }

    private mutating func note(_ addition: CreditAddition) {
        lastAdditions.insert(addition, at: 0)
        if lastAdditions.count > 9 { lastAdditions.removeLast() }
    }

    /// Days without a standing charge leave no record. A price or a local time that begins now does not reach back to
    /// them, not even when the journal is read again.
    private mutating func passStanding(to time: WallTime) {
        guard isOpen else { return }
        due.standing = max(due.standing, clock.lastDay(atOrBefore: time, .midnight))
    }

    /// Nothing that fell due before is taken any more: a mode that does not charge leaves no arrears behind.
    private mutating func restartCalendar(at time: WallTime) {
        due.standing = clock.lastDay(atOrBefore: time, .midnight)
        due.timeDebt = clock.lastDay(atOrBefore: time, settings.periodRecovery?.period.at ?? .midnight)
        due.deduction = clock.lastDay(atOrBefore: time, settings.regularDeduction?.period.at ?? .midnight)
    }
}

extension CreditChange {
    /// How the registers change.
    public var registers: CreditRegisters {
        switch self {
        case .opened(let registers, _, _): registers
        case .charged(let charge): charge.change
        case .toppedUp(_, let split, _), .reversed(_, let split), .arrears(_, let split): split
        case .adjusted(_, let delta): CreditRegisters(balance: delta)
        case .setting, .mode, .cleared, .emergency, .loan, .loanExpired, .low: CreditRegisters()
        }
    }
}

extension ArrearsSettings {
    /// Whether the balance is time debt: its recovery says so, or the unit has no other recovery.
    func movesTimeDebt(of settings: AccountSettings) -> Bool {
        switch recovery {
        case .perPeriod: true
        case .percentOfPayment: false
        case nil: settings.timeRecovery != nil && settings.paymentRecovery == nil
        }
    }
}
