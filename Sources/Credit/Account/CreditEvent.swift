import Metering

/// Something that happened to an account. The account is nothing but the sum of its events.
public struct CreditEvent: Hashable, Sendable {
    public var at: WallTime
    public var change: CreditChange

    /// An event.
    public init(at: WallTime, _ change: CreditChange) {
        self.at = at
        self.change = change
    }
}

/// What happened. Money moved is in the event, so that the sum of events needs no rule that may change later.
public enum CreditChange: Hashable, Sendable {
    /// The account begins, with these registers and its emergency credit selected or not.
    case opened(CreditRegisters, isEmergencySelected: Bool, OperationalMode)
    indirect case setting(UnitSetting)
    case mode(OperationalMode)
    case charged(Charge)
    indirect case toppedUp(PaymentAdd, CreditRegisters, week: Int64)
    indirect case adjusted(CreditAdjustment, delta: Int64)
    indirect case reversed(PaymentReverse, CreditRegisters)
    /// What is owed was set by command: the change of the registers, and the recovery from now on.
    indirect case arrears(ArrearsSettings, CreditRegisters)
    /// A debt has been paid in full.
    case cleared(Debt)
    case emergency(EmergencyStep)
    indirect case loan(LoanExtend)
    /// The unused rest of a loan is gone.
    case loanExpired(id: String, rest: Int64)
    case low(LowStep)
}

/// The two kinds of arrears.
public enum Debt: String, Sendable, CaseIterable {
    case payment, time
}

/// What happened to emergency credit.
public enum EmergencyStep: String, Sendable, CaseIterable {
    case offered
    /// No longer offered: the balance has risen.
    case withdrawn
    /// By the customer.
    case selected
    /// By the box, because the unit is set so.
    case selectedAutomatically = "selected_automatically"
    case exhausted
    /// Repaid in full and deselected.
    case repaid
}

/// Crossings of the levels that people are told about, once each.
public enum LowStep: String, Sendable, CaseIterable {
    /// Available credit fell below the warning level.
    case low
    /// It is back at the warning level or above.
    case recovered
    /// Nothing usable is left.
    case exhausted
    /// Something usable is there again.
    case usable
}

/// Money taken for one thing at one instant.
public struct Charge: Hashable, Sendable {
    /// What for.
    public enum Cause: Hashable, Sendable {
        /// Energy used in the interval that ended then, whole Wh.
        case energy(tariff: Int64, wattHours: Int64, until: WallTime)
        /// Energy fed in: money given.
        case export(tariff: Int64, wattHours: Int64, until: WallTime)
        /// Local day, days since 1970.
        case standing(tariff: Int64, day: Int64)
        case timeDebt(day: Int64)
        case deduction(day: Int64)
    }

    public var cause: Cause
    /// The bill's lines: their sum is the charge.
    public var lines: [ChargeLine]
    /// How the registers change.
    public var change: CreditRegisters

    /// A charge.
    public init(cause: Cause, lines: [ChargeLine], change: CreditRegisters) {
        self.cause = cause
        self.lines = lines
        self.change = change
    }

    /// The sum of the lines, micro-units; the account has checked that it fits.
    public var amount: Int64 { lines.reduce(0) { $0 &+ $1.amount } }
}

/// One line of a charge.
public struct ChargeLine: Hashable, Sendable {
    /// A band's name, `standing`, `vat`, `time_debt` or `deduction`.
    public var what: String
    /// Whole Wh; 0 where no energy is charged.
    public var wattHours: Int64
    /// Micro-units for a kWh, or for a day.
    public var rate: Int64
    /// Micro-units; the rest of a micro is carried.
    public var amount: Int64

    /// A line.
    public init(what: String, wattHours: Int64 = 0, rate: Int64 = 0, amount: Int64) {
        self.what = what
        self.wattHours = wattHours
        self.rate = rate
        self.amount = amount
    }
}
