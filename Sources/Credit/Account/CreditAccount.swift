import Intervals
import Metering

/// What the box's operator has set for a unit (contract §2).
public struct AccountLimits: Hashable, Codable, Sendable {
    /// A payment that would lift the balance above this is refused whole, micro-units.
    public var maxBalance: Int64
    /// A greater payment is refused whole, micro-units.
    public var maxCredit: Int64
    /// Payments lift the balance to the cut-off value before they repay emergency credit.
    public var floorFirst: Bool
    /// ISO 4217; payments in another currency are refused. Nil when the box has none.
    public var currency: String?

    /// Limits in micro-units; the defaults are those of the configuration.
    public init(
        maxBalance: Int64 = 1_000_000_000, maxCredit: Int64 = 500_000_000, floorFirst: Bool = false,
        currency: String? = nil
    ) {
        self.maxBalance = maxBalance
        self.maxCredit = maxCredit
        self.floorFirst = floorFirst
        self.currency = currency
    }
}

/// The settings of a unit that credit and supply go by; nil where nothing has been set.
public struct AccountSettings: Hashable, Codable, Sendable {
    struct Planned: Hashable, Codable, Sendable {
        var mode: OperationalMode
        var at: WallTime
    }

    public var emergencyCredit = EmergencyCreditSettings.none
    public var lowCredit = LowCreditSettings.none
    /// How payment debt is taken: `percentOfPayment`.
    public var paymentRecovery: ArrearsRecovery?
    /// How time debt is taken: `perPeriod`.
    public var timeRecovery: ArrearsRecovery?
    public var regularDeduction: RegularDeduction?
    public var suggestion: SuggestionSettings?
    public var friendlyDays: FriendlyDays?
    public var specialDays: SpecialDays?
    public var daylightSaving: DaylightSaving?
    public var supplyMode = SupplyModeSettings.normal
    public var disconnection = ElectricalDisconnection.initial
    public var currency: CurrencySymbols?
    /// A mode that takes effect later.
    var planned: Planned?

    /// Nothing set.
    public init() {}

    /// Payment debt: basis points of a payment, and the weekly cap in micro-units.
    var percentRecovery: (basisPoints: Int64, weeklyCap: Int64?)? {
        if case .percentOfPayment(let points, let cap) = paymentRecovery { (points, cap) } else { nil }
    }

    /// Time debt: micro-units a period.
    var periodRecovery: (amount: Int64, period: RecoveryPeriod)? {
        if case .perPeriod(let amount, let period) = timeRecovery { (amount, period) } else { nil }
    }
}

/// The credit account of one payment unit: a fold over its events.
///
/// The functions in `Rules/` decide: each checks an order, appends the events that follow from it and applies them;
/// when it throws, nothing has changed. `apply` is the fold itself, and what a restart replays. Money is in
/// micro-units, energy in whole Wh; there is no clock: every function is told the time.
public struct CreditAccount: Codable, Sendable {
    /// A loan that is not all used yet.
    struct OpenLoan: Hashable, Codable, Sendable {
        var id: String
        var left: Int64
        var expiresAt: WallTime?
    }

    /// An order whose business id is used up.
    enum AppliedOrder: Hashable, Codable, Sendable {
        /// With its parts, its week, and whether it came while emergency credit was selected.
        case payment(PaymentAdd, CreditRegisters, week: Int64, wasSelected: Bool, isReversed: Bool)
        case reversal(PaymentReverse)
        case adjustment(CreditAdjustment)
        case loan(LoanExtend)
    }

    /// Local days up to which charges by the calendar have been taken, days since 1970.
    struct DueDays: Hashable, Codable, Sendable {
        var standing: Int64 = 0
        var timeDebt: Int64 = 0
        var deduction: Int64 = 0
    }

    /// What payments have recovered in a local week, named by its Monday.
    struct RecoveredWeek: Hashable, Codable, Sendable {
        var monday: Int64
        var amount: Int64
    }

    public let unit: String
    public internal(set) var limits: AccountLimits
    /// The box's zone.
    public internal(set) var zone: ZoneRules
    /// Local time of the unit: the zone's, or that of the unit's own table.
    public internal(set) var clock: ZoneRules
    public internal(set) var mode = OperationalMode.prepayment
    public internal(set) var registers = CreditRegisters()
    public internal(set) var settings = AccountSettings()
    /// Whether emergency credit has been selected and not been repaid since.
    public internal(set) var isEmergencySelected = false
    public internal(set) var isEmergencyOffered = false
    /// Whether the customer has been warned and the credit is still low.
    public internal(set) var isLow = false
    /// The newest nine credits, newest first.
    public internal(set) var lastAdditions: [CreditAddition] = []

    var tariffs = TariffBook()
    var loans: [OpenLoan] = []
    var due = DueDays()
    var week = RecoveredWeek(monday: .min, amount: 0)
    var saidEmergencyExhausted = false
    var saidExhausted = false
    /// By `payment/<id>` and so on. Looked up, never iterated.
    var applied: [String: AppliedOrder] = [:]
    var use = DailyUse()
    /// No charge by the calendar is due before this.
    var nextDue = WallTime(milliseconds: .max)
    /// Nothing falls due before the account has begun.
    var isOpen = false

    /// An account before its first event.
    public init(unit: String, zone: ZoneRules, limits: AccountLimits = AccountLimits()) {
        self.unit = unit
        self.zone = zone
        self.limits = limits
        clock = zone
    }

    /// Money left, micro-units.
    public var balance: Int64 { registers.balance }

    /// What emergency credit could still give if it were selected, micro-units.
    @inline(__always)  // called, it would be given a copy of the account
    public var emergencyLeft: Int64 {
        let ordinary = settings.emergencyCredit.limit - (registers.emergencyUsed - registers.loanUsed)
        return max(0, ordinary) + loanLeft
    }

    /// Available credit: the balance, and emergency credit where it is selected (prepayment model, rule 11).
    public var available: Int64 { registers.balance + (isEmergencySelected ? emergencyLeft : 0) }

    /// Whether there is credit that supply may go on with: the cut-off value is 0.
    public var isUsable: Bool { registers.balance > 0 || isEmergencyUsable }

    /// Whether emergency credit is selected and some of it left.
    public var isEmergencyUsable: Bool { isEmergencySelected && emergencyLeft > 0 }

    /// Whether everything that emergency credit and suspension have left owing is paid.
    public var isDebtCleared: Bool {
        registers.balance > 0 && registers.emergencyUsed == 0 && registers.accumulated == 0
    }

    /// The state of emergency credit, as `credit show` prints it.
    public var emergencyState: EmergencyState {
        if isEmergencySelected {
            if emergencyLeft == 0 { return .exhausted }
            return registers.balance > 0 ? .selected : .inUse
        }
        return isEmergencyOffered ? .offered : .off
    }

    var loanLeft: Int64 { loans.reduce(0) { $0 + $1.left } }

    /// The level that the balance must reach to be out of emergency credit.
    var isBelowOffer: Bool { registers.balance < settings.emergencyCredit.offerBelow || registers.balance <= 0 }
}

/// State of emergency credit.
public enum EmergencyState: String, Sendable, CaseIterable {
    case off
    case offered
    case selected
    case inUse = "in_use"
    case exhausted
}

/// One of the newest credits.
public struct CreditAddition: Hashable, Codable, Sendable {
    /// Where it came from.
    public enum Source: String, Codable, Sendable {
        case payment, adjustment
    }

    public var at: WallTime
    /// Micro-units.
    public var amount: Int64
    public var source: Source
    /// The payment's or the adjustment's id.
    public var id: String

    /// The row of `credit_last_additions_fetch`.
    public var json: JSONValue {
        [
            "at": .string(at.text), "amount_micro": .integer(amount), "source": .string(source.rawValue),
            source == .payment ? "payment_id" : "adjustment_id": .string(id),
        ]
    }
}

/// What was charged on the newest days: the suggestion is worked out from it.
struct DailyUse: Hashable, Codable, Sendable {
    struct Day: Hashable, Codable, Sendable {
        var day: Int64
        var amount: Int64
    }

    /// In order of day; the last 91.
    private(set) var days: [Day] = []

    mutating func add(_ amount: Int64, on day: Int64) {
        if let last = days.indices.last, days[last].day >= day {
            // A clock that went back: what is charged now belongs to the newest day all the same.
            days[last].amount = Self.sum(days[last].amount, amount)
            return
        }
        days.append(Day(day: day, amount: amount))
        if days.count > 91 { days.removeFirst() }
    }

    /// The sum of whole days before `day`, and how many days it stands for (days without use count).
    func sum(before day: Int64, lookback: Int) -> (amount: Int64, days: Int64) {
        let first = max(day - Int64(lookback), days.first?.day ?? day)
        let amount = days.reduce(Int64(0)) { $1.day >= first && $1.day < day ? Self.sum($0, $1.amount) : $0 }
        return (amount, max(0, day - first))
    }

    /// A suggestion needs no exact figure of more than the ledger holds.
    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? MoneyRange.ledger.upperBound : min(sum, MoneyRange.ledger.upperBound)
    }
}
