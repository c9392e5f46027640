import Intervals
import Metering

/// What became of an order with a business id.
public enum OrderOutcome: Hashable, Sendable {
    case applied
    /// The same order was applied before: nothing happened now.
    case alreadyApplied
}

/// Money that comes and goes by order. A business id is consumed only when the order is applied.
extension CreditAccount {
    /// Adds a payment in the fixed order: payment debt, accumulated debt, emergency credit used, balance.
    public mutating func pay(
        _ payment: PaymentAdd, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) -> OrderOutcome {
        switch applied["payment/\(payment.paymentID)"] {
        case .payment(payment, _, _, _, _)?: return .alreadyApplied
        case _?: throw Self.conflict("payment_id", payment.paymentID)
        case nil: break
        }
        if let currency = payment.currency, let own = limits.currency, currency != own {
            throw .refused(.format, "currency", "currency must be \(own), the currency of this box")
        }
        guard payment.amount <= limits.maxCredit else {
            throw .refused(
                .limit, "max_credit", "one payment may be at most \(limits.maxCredit) micro-units; nothing was added")
        }
        let thisWeek = monday(of: clock.day(of: time))
        let split = split(payment.amount, monday: thisWeek)
        let moved = try registers.moved(by: split)
        guard moved.balance <= limits.maxBalance else {
            throw .refused(
                .limit, "max_balance",
                "the balance would pass \(limits.maxBalance) micro-units; nothing was added")
        }
        let event = CreditEvent(at: time, .toppedUp(payment, split, week: thisWeek))
        book(event, registers: moved)
        events.append(event)
        if split.paymentDebt < 0, registers.paymentDebt == 0 {
            record(.cleared(.payment), at: time, into: &events)
        }
        settle(at: time, into: &events)
        return .applied
    }

    /// Where the parts of a payment go, as changes of the registers.
    private func split(_ amount: Int64, monday: Int64) -> CreditRegisters {
        var rest = amount
        func part(_ wanted: Int64) -> Int64 {
            let part = min(rest, max(0, wanted))
            rest -= part
            return part
        }
        guard mode == .prepayment else { return CreditRegisters(balance: amount) }
        let debt = part(recoverable(amount, monday: monday))
        let accumulated = part(registers.accumulated)
        let floor = limits.floorFirst ? part(-registers.balance) : 0
        // What makes emergency credit available again comes first, loans last.
        let ordinary = part(registers.emergencyUsed - registers.loanUsed)
        let loans = part(registers.loanUsed)
        return CreditRegisters(
            balance: floor + rest, emergencyUsed: -(ordinary + loans), loanUsed: -loans, accumulated: -accumulated,
            paymentDebt: -debt)
    }

    /// The share of a payment that goes to payment debt: rounded down to a micro-unit, at most what is owed and what
    /// the week's cap leaves.
    private func recoverable(_ amount: Int64, monday: Int64) -> Int64 {
        guard let recovery = settings.percentRecovery else { return 0 }
        let (high, low) = amount.multipliedFullWidth(by: recovery.basisPoints)
        let share = (high, low) == (0, 0) ? 0 : Int64(10_000).dividingFullWidth((high, low)).quotient
        var debt = min(share, registers.paymentDebt)
        if let cap = recovery.weeklyCap {
            let recovered = week.monday == monday ? week.amount : 0
            debt = min(debt, max(0, cap - recovered))
        }
        return debt
    }

    /// Takes a whole payment back, as if it had never been: each part returns to where it came from.
    public mutating func reverse(
        _ order: PaymentReverse, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) -> OrderOutcome {
        switch applied["reversal/\(order.reversalID)"] {
        case .reversal(order)?: return .alreadyApplied
        case _?: throw Self.conflict("reversal_id", order.reversalID)
        case nil: break
        }
        guard case .payment(_, let split, _, let wasSelected, let isReversed) = applied["payment/\(order.paymentID)"]
        else {
            throw .refused(.precondition, "payment_unknown", "no payment with this payment_id was applied here")
        }
        guard !isReversed else {
            throw .refused(.precondition, "payment_reversed", "this payment has been reversed already")
        }
        let back = split.negated
        let moved = try registers.moved(by: back)
        let event = CreditEvent(at: time, .reversed(order, back))
        book(event, registers: moved)
        events.append(event)
        // Emergency credit that the payment repaid in full was deselected by it: nobody is cut off for that.
        if wasSelected, !isEmergencySelected, back.emergencyUsed > 0 {
            record(.emergency(.selected), at: time, into: &events)
        }
        settle(at: time, into: &events)
        return .applied
    }

    /// Changes the balance by hand; debts are not touched.
    public mutating func adjust(
        _ order: CreditAdjustment, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) -> OrderOutcome {
        switch applied["adjustment/\(order.adjustmentID)"] {
        case .adjustment(order)?: return .alreadyApplied
        case _?: throw Self.conflict("adjustment_id", order.adjustmentID)
        case nil: break
        }
        let delta =
            switch order.amount {
            case .by(let delta): delta
            // Both are within the ledger's range, so the difference fits.
            case .to(let balance): balance - registers.balance
            }
        let moved = try registers.moved(by: CreditRegisters(balance: delta))
        guard delta <= 0 || moved.balance <= limits.maxBalance else {
            throw .refused(
                .limit, "max_balance", "the balance would pass \(limits.maxBalance) micro-units; nothing changed")
        }
        let event = CreditEvent(at: time, .adjusted(order, delta: delta))
        book(event, registers: moved)
        events.append(event)
        settle(at: time, into: &events)
        return .applied
    }

    /// Makes emergency credit available once more.
    public mutating func lend(
        _ loan: LoanExtend, at time: WallTime, into events: inout [CreditEvent]
    ) throws(CreditError) -> OrderOutcome {
        switch applied["loan/\(loan.loanID)"] {
        case .loan(loan)?: return .alreadyApplied
        case _?: throw Self.conflict("loan_id", loan.loanID)
        case nil: break
        }
        guard mode == .prepayment else {
            throw .refused(.precondition, "not_prepayment", "a loan needs the mode prepayment")
        }
        if let end = loan.expiresAt, end <= time {
            throw .refused(.limit, "expires_at", "expires_at must lie ahead")
        }
        let (left, overflow) = emergencyLeft.addingReportingOverflow(loan.amount)
        guard !overflow, left <= MoneyRange.amount.upperBound else { throw .overflow }
        record(.loan(loan), at: time, into: &events)
        settle(at: time, into: &events)
        return .applied
    }

    private static func conflict(_ field: String, _ id: String) -> CreditError {
        .refused(.conflict, field, "\(field) \(id) was applied with other content; use a new one")
    }
}
