import Credit
import Metering

/// Writes down what happened in the auditor's plain words.
extension TraceRecord {
    /// A record of an account's event; the lines of a charge go into `lines`.
    init(_ event: CreditEvent, lines: inout [TraceLine]) {
        lines.removeAll(keepingCapacity: true)
        self.init(Self.kind(event.change), at: event.at.milliseconds)
        change = TraceMoney(event.change.registers)
        switch event.change {
        case .charged(let charge): take(charge, &lines)
        case .opened(_, let isSelected, let mode):
            self.isSelected = isSelected
            word = mode.rawValue
        case .setting(let setting):
            word = setting.name
            value = setting.json
        case .mode(let mode): word = mode.rawValue
        case .toppedUp(let payment, _, let week):
            word = payment.paymentID
            amount = payment.amount
            value = .object(payment.json)
            day = week
        case .adjusted(let order, _):
            word = order.adjustmentID
            value = .object(order.json)
        case .reversed(let order, _):
            word = order.reversalID
            other = order.paymentID
            value = .object(order.json)
        case .arrears(let arrears, _): value = arrears.json
        case .loan(let loan):
            word = loan.loanID
            amount = loan.amount
            value = .object(loan.json)
        case .loanExpired(let id, let rest):
            word = id
            amount = rest
        case .cleared, .emergency, .low: break
        }
    }

    private mutating func take(_ charge: Charge, _ lines: inout [TraceLine]) {
        switch charge.cause {
        case .energy(let number, let used, let end), .export(let number, let used, let end):
            tariff = number
            wattHours = used
            until = end.milliseconds
        case .standing(let number, let local):
            tariff = number
            day = local
        case .timeDebt(let local), .deduction(let local): day = local
        }
        for line in charge.lines {
            lines.append(
                TraceLine(what: line.what, wattHours: line.wattHours, rate: line.rate, amount: line.amount))
        }
    }

    private static func kind(_ change: CreditChange) -> Kind {
        switch change {
        case .opened: .opened
        case .setting: .setting
        case .mode: .mode
        case .charged(let charge): kind(charge.cause)
        case .toppedUp: .toppedUp
        case .adjusted: .adjusted
        case .reversed: .reversed
        case .arrears: .arrears
        case .cleared(let debt): debt == .payment ? .clearedPayment : .clearedTime
        case .emergency(let step): kind(step)
        case .loan: .loan
        case .loanExpired: .loanExpired
        case .low(let step): kind(step)
        }
    }

    private static func kind(_ cause: Charge.Cause) -> Kind {
        switch cause {
        case .energy: .energy
        case .export: .export
        case .standing: .standing
        case .timeDebt: .timeDebt
        case .deduction: .deduction
        }
    }

    private static func kind(_ step: EmergencyStep) -> Kind {
        switch step {
        case .offered: .offered
        case .withdrawn: .withdrawn
        case .selected: .selected
        case .selectedAutomatically: .selectedAutomatically
        case .exhausted: .emergencyExhausted
        case .repaid: .repaid
        }
    }

    private static func kind(_ step: LowStep) -> Kind {
        switch step {
        case .low: .low
        case .recovered: .recovered
        case .exhausted: .exhausted
        case .usable: .usable
        }
    }

    /// A record of a supply decision or a warning.
    init(_ news: SupplyNews, at time: WallTime) {
        switch news {
        case .decided(let decision, let notice, _):
            self.init(.decided, at: time.milliseconds)
            self.decision = TraceDecision(decision, noticeUntil: notice)
        case .warning(let until):
            self.init(.warning, at: time.milliseconds)
            self.until = until.milliseconds
        }
    }
}

extension TraceDecision {
    init(_ decision: SupplyDecision, noticeUntil: WallTime?) {
        self.init(
            state: SupplyState.allCases.firstIndex(of: decision.state) ?? 0, reason: decision.reason.rawValue,
            isHeld: decision.isHeld, noticeUntil: noticeUntil?.milliseconds)
    }
}

extension TraceMoney {
    @inline(__always)
    init(_ registers: CreditRegisters) {
        self.init(
            balance: registers.balance, emergency: registers.emergencyUsed, loans: registers.loanUsed,
            accumulated: registers.accumulated, paymentDebt: registers.paymentDebt, timeDebt: registers.timeDebt)
    }
}
