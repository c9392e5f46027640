import Metering

/// The money of an account, micro-units. Everything but the balance is at least 0.
public struct CreditRegisters: Hashable, Codable, Sendable {
    /// What is left; may be negative.
    public var balance: Int64
    /// Emergency credit drawn and not repaid, loans included.
    public var emergencyUsed: Int64
    /// The part of `emergencyUsed` that came from loans: repaying it makes nothing available again.
    public var loanUsed: Int64
    /// Charges kept out of emergency credit.
    public var accumulated: Int64
    /// Owed, and taken from payments.
    public var paymentDebt: Int64
    /// Owed, and taken by time.
    public var timeDebt: Int64

    /// Registers in micro-units.
    public init(
        balance: Int64 = 0, emergencyUsed: Int64 = 0, loanUsed: Int64 = 0, accumulated: Int64 = 0,
        paymentDebt: Int64 = 0, timeDebt: Int64 = 0
    ) {
        self.balance = balance
        self.emergencyUsed = emergencyUsed
        self.loanUsed = loanUsed
        self.accumulated = accumulated
        self.paymentDebt = paymentDebt
        self.timeDebt = timeDebt
    }

    /// Registers after a change; refused when one leaves what a journal's number can hold, or a debt turns negative.
    func moved(by change: CreditRegisters) throws(CreditError) -> CreditRegisters {
        func sum(_ left: Int64, _ right: Int64, _ range: ClosedRange<Int64>) throws(CreditError) -> Int64 {
            let (sum, overflow) = left.addingReportingOverflow(right)
            guard !overflow, range.contains(sum) else { throw .overflow }
            return sum
        }
        let owed = 0...MoneyRange.ledger.upperBound
        return CreditRegisters(
            balance: try sum(balance, change.balance, MoneyRange.ledger),
            emergencyUsed: try sum(emergencyUsed, change.emergencyUsed, owed),
            loanUsed: try sum(loanUsed, change.loanUsed, owed),
            accumulated: try sum(accumulated, change.accumulated, owed),
            paymentDebt: try sum(paymentDebt, change.paymentDebt, owed),
            timeDebt: try sum(timeDebt, change.timeDebt, owed))
    }

    /// Every register with the other sign. The ledger's range is symmetric, so this never overflows.
    var negated: CreditRegisters {
        CreditRegisters(
            balance: -balance, emergencyUsed: -emergencyUsed, loanUsed: -loanUsed, accumulated: -accumulated,
            paymentDebt: -paymentDebt, timeDebt: -timeDebt)
    }

    /// What is not zero, by name.
    var json: JSONValue {
        var object = JSONObject()
        func put(_ name: String, _ value: Int64) {
            if value != 0 { object[name] = .integer(value) }
        }
        put("balance_micro", balance)
        put("emergency_used_micro", emergencyUsed)
        put("loan_used_micro", loanUsed)
        put("accumulated_micro", accumulated)
        put("payment_debt_micro", paymentDebt)
        put("time_debt_micro", timeDebt)
        return .object(object)
    }

    /// Reads what `json` wrote.
    init?(_ value: JSONValue?) {
        guard let object = value?.object else { return nil }
        var isGood = true
        func number(_ name: String) -> Int64 {
            guard let member = object[name] else { return 0 }
            if let number = member.integer, MoneyRange.ledger.contains(number) { return number }
            isGood = false
            return 0
        }
        self.init(
            balance: number("balance_micro"), emergencyUsed: number("emergency_used_micro"),
            loanUsed: number("loan_used_micro"), accumulated: number("accumulated_micro"),
            paymentDebt: number("payment_debt_micro"), timeDebt: number("time_debt_micro"))
        guard isGood else { return nil }
    }
}
