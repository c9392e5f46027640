import Metering

/// `credit_report_fetch`: what a period began with, what came and went, and what it ended with. Micro-units; the
/// closing balance is the opening balance and every line between, exactly.
public struct CreditReport: Hashable, Sendable {
    public var from: WallTime
    public var to: WallTime
    public private(set) var opening: Int64 = 0
    /// Payments less reversals, whole.
    public private(set) var additions: Int64 = 0
    public private(set) var adjustments: Int64 = 0
    public private(set) var consumption: Int64 = 0
    public private(set) var export: Int64 = 0
    public private(set) var standing: Int64 = 0
    public private(set) var vat: Int64 = 0
    public private(set) var deductions: Int64 = 0
    /// Time debt taken, and parts of payments that went to payment debt.
    public private(set) var arrears: Int64 = 0
    /// Emergency credit drawn less repaid.
    public private(set) var emergencyUsed: Int64 = 0
    /// Suspended charges less what payments repaid of them.
    public private(set) var accumulated: Int64 = 0
    public private(set) var closing: Int64 = 0

    /// The report of `[from, to)` over all events of an account, in order.
    public init(_ events: [CreditEvent], from: WallTime, to: WallTime) {
        self.from = from
        self.to = to
        for event in events {
            let change = event.change.registers
            if event.at < to { closing &+= change.balance }
            if event.at < from { opening &+= change.balance }
            if event.at >= from, event.at < to { add(event.change, change) }
        }
    }

    private mutating func add(_ change: CreditChange, _ registers: CreditRegisters) {
        switch change {
        case .charged(let charge):
            for line in charge.lines { add(line, charge.cause) }
        case .toppedUp(let payment, _, _):
            additions &+= payment.amount
            arrears &-= registers.paymentDebt
        case .reversed(_, let split):
            additions &-= split.balanceOfPayment
            arrears &-= registers.paymentDebt
        case .adjusted(_, let delta): adjustments &+= delta
        case .opened: adjustments &+= registers.balance
        default: return
        }
        if case .opened = change { return }
        emergencyUsed &+= registers.emergencyUsed
        accumulated &+= registers.accumulated
    }

    private mutating func add(_ line: ChargeLine, _ cause: Charge.Cause) {
        switch cause {
        case .export: export &+= line.amount
        case _ where line.what == "vat": vat &+= line.amount
        case .energy: consumption &+= line.amount
        case .standing: standing &+= line.amount
        case .timeDebt: arrears &+= line.amount
        case .deduction: deductions &+= line.amount
        }
    }

    /// The command's result.
    public var json: JSONValue {
        [
            "from": .string(from.text), "to": .string(to.text), "opening_micro": .integer(opening),
            "additions_micro": .integer(additions), "adjustments_micro": .integer(adjustments),
            "consumption_micro": .integer(consumption), "export_micro": .integer(export),
            "standing_micro": .integer(standing), "vat_micro": .integer(vat),
            "deductions_micro": .integer(deductions), "arrears_micro": .integer(arrears),
            "emergency_used_micro": .integer(emergencyUsed), "accumulated_micro": .integer(accumulated),
            "closing_micro": .integer(closing),
        ]
    }
}

extension CreditRegisters {
    /// The whole payment that a reversal takes back: its parts, each as it changed the registers.
    fileprivate var balanceOfPayment: Int64 { -(balance &- emergencyUsed &- accumulated &- paymentDebt) }
}
