import Metering

/// Charges and payments, reckoned anew.
extension Auditor {
    // MARK: - Charges

    mutating func takeEnergy(_ record: TraceRecord, _ lines: [TraceLine]) {
        endDue()
        if !owesCharge { checkSettled("before a charge") }
        guard case .charge(let asked, let number, let isExport) = now.act else {
            return find("INV-2", "energy is charged when it is read", "charge", now.act.words)
        }
        equal(record.wattHours, asked, "INV-2", "energy charged is energy read")
        equal(record.tariff, number, "INV-1", "the tariff of the meter slot")
        equal(record.until, now.wall, "INV-1", "the end of the interval")
        check((record.kind == .export) == isExport, "INV-1", "fed in or used")
        wattHours += record.wattHours
        guard let index = tariffs.lastIndex(where: { $0.number == number && $0.from <= record.until - 1 }) else {
            return find("INV-1", "a tariff in force", "no charge", "charge")
        }
        tariffs[index].charge(record.wattHours, until: record.until, clock: &clock, into: &expected)
        let amount = checkLines(lines)
        if record.kind == .export {
            book(record.change, TraceMoney(balance: amount))
        } else {
            takeAmount(amount, record, isSuspended: false, isTimeDebt: false)
        }
    }

    /// The sum of the lines, which must be those expected.
    private mutating func checkLines(_ lines: [TraceLine]) -> Int64 {
        var amount: Int64 = 0
        for line in expected { amount += line.amount }
        if lines != expected {
            find("INV-1", "lines of a charge", Self.words(expected), Self.words(lines))
        }
        return amount
    }

    private static func words(_ lines: [TraceLine]) -> String {
        lines.map { "\($0.what) \($0.wattHours) Wh × \($0.rate) = \($0.amount)" }.joined(separator: ", ")
    }

    /// What is taken must come from where the rules say.
    mutating func takeAmount(_ amount: Int64, _ record: TraceRecord, isSuspended: Bool, isTimeDebt: Bool) {
        let wasForced = owesCharge
        owesCharge = false
        var change = TraceMoney()
        if mode != "prepayment" {
            change.balance = -amount
        } else {
            let positive = max(0, money.balance)
            let left = emergencyLeft
            let after = money.balance - amount
            // Emergency credit that selects itself does so before the charge that needs it.
            let isNeeded = after <= 0 || after < settings.offerBelow
            if wasForced {
                check(amount > 0 && isNeeded, "INV-1", "emergency credit selected itself without need")
            } else if settings.selectsItself, !isSelected, money.emergency == 0, left > 0, amount > 0 {
                check(!isNeeded, "INV-1", "emergency credit did not select itself")
            }
            if amount <= positive {
                change.balance = -amount
            } else if isSuspended {
                change.balance = -positive
                change.accumulated = amount - positive
            } else {
                let lent = isSelected ? min(amount - positive, left) : 0
                change.emergency = lent
                change.loans = min(lent, loanLeft)
                change.balance = lent - amount
            }
        }
        if isTimeDebt { change.timeDebt = -amount }
        drawLoans(change.loans)
        book(record.change, change)
    }

    private mutating func drawLoans(_ amount: Int64) {
        guard amount > 0 else { return }
        isDueKnown = false
        var rest = amount
        while rest > 0, !loans.isEmpty {
            let part = min(rest, loans[0].left)
            loans[0].left -= part
            rest -= part
            if loans[0].left == 0 { loans.removeFirst() } else { break }
        }
    }

    /// Registers change as reckoned, and every debt stays at least 0.
    mutating func book(_ found: TraceMoney, _ wanted: TraceMoney) {
        if found != wanted { find("INV-1", "registers change", "\(wanted)", "\(found)") }
        money += wanted
        let now = money
        check(
            now.emergency >= 0 && now.loans >= 0 && now.accumulated >= 0 && now.paymentDebt >= 0 && now.timeDebt >= 0,
            "INV-1", "a debt below zero: \(now)")
    }

    // MARK: - Payments

    /// How a payment must be shared out.
    func parts(_ amount: Int64, _ monday: Int64) -> TraceMoney {
        guard mode == "prepayment" else { return TraceMoney(balance: amount) }
        var change = TraceMoney()
        var rest = amount
        if let percent = settings.percent {
            var debt = min(amount * percent / 10_000, money.paymentDebt)
            if let cap = settings.weeklyCap {
                debt = min(debt, max(0, cap - (week.monday == monday ? week.amount : 0)))
            }
            change.paymentDebt = -debt
            rest -= debt
        }
        let accumulated = min(rest, money.accumulated)
        change.accumulated = -accumulated
        rest -= accumulated
        if limits.floorFirst, money.balance < 0 {
            let lift = min(rest, -money.balance)
            change.balance += lift
            rest -= lift
        }
        let repaid = min(rest, money.emergency)
        change.emergency = -repaid
        change.loans = -max(0, repaid - (money.emergency - money.loans))
        change.balance += rest - repaid
        return change
    }

    mutating func takePayment(_ record: TraceRecord) {
        endDue()
        checkSettled("before a payment")
        check(payments[record.word] == nil, "INV-3", "payment \(record.word) has one effect")
        guard case .command("payment_add", let args) = now.act else {
            return find("INV-3", "a payment needs its command", "payment_add", now.act.words)
        }
        check(record.value == args, "INV-3", "the payment recorded is the payment sent")
        let monday = clock.day(AuditClock.floor(record.at, 1000))
        let thisMonday = monday - Int64(AuditClock.weekday(monday))
        equal(record.day, thisMonday, "INV-1", "the week of a payment")
        let wanted = parts(record.amount, thisMonday)
        let debtBefore = money.paymentDebt
        book(record.change, wanted)
        payments[record.word] = Payment(content: args, parts: wanted, monday: thisMonday, wasSelected: isSelected)
        if week.monday != thisMonday { week = (thisMonday, 0) }
        week.amount -= wanted.paymentDebt
        if debtBefore > 0, money.paymentDebt == 0, wanted.paymentDebt < 0 { owesCleared = .clearedPayment }
        check(money.balance <= limits.maxBalance, "INV-1", "the greatest balance")
    }

    mutating func takeReversal(_ record: TraceRecord) {
        endDue()
        checkSettled("before a reversal")
        guard let payment = payments[record.other], !payment.isReversed else {
            return find("INV-3", "a payment is reversed once", "a payment", record.other)
        }
        check(orders["reversal/\(record.word)"] == nil, "INV-3", "reversal \(record.word) has one effect")
        orders["reversal/\(record.word)"] = record.value
        payments[record.other]?.isReversed = true
        if week.monday == payment.monday { week.amount = max(0, week.amount + payment.parts.paymentDebt) }
        // The payment ended the use of emergency credit; without it that use goes on.
        owesSelection = payment.wasSelected && !isSelected && payment.parts.emergency < 0
        book(record.change, payment.parts.negated)
    }

    mutating func takeAdjustment(_ record: TraceRecord) {
        endDue()
        checkSettled("before an adjustment")
        check(orders["adjustment/\(record.word)"] == nil, "INV-3", "adjustment \(record.word) has one effect")
        orders["adjustment/\(record.word)"] = record.value
        let wanted = record.value["balance_micro"]?.integer.map { $0 - money.balance }
        book(
            record.change,
            TraceMoney(balance: wanted ?? record.value["delta_micro"]?.integer ?? 0))
    }
}
