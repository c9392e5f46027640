import Metering

/// Recomputes a unit from its settings' JSON and its records, and says what must not be. It shares no code with
/// `Credit`: whole sums instead of carried remainders, clock readings instead of spans, and rules written anew from
/// the reference. Invariants are those of the reliability reference: INV-1 to INV-7 and INV-11 to INV-13.
struct Auditor: Sendable {
    /// What the box's operator has set, which no record holds.
    struct Limits: Hashable, Sendable {
        var maxBalance: Int64
        var maxCredit: Int64
        var floorFirst: Bool
        var currency: String
        var neverDisconnect: Bool
        /// Supply comes back only when emergency credit and accumulated debt are paid.
        var needsDebtCleared: Bool
    }

    struct Loan: Hashable, Sendable {
        var id: String
        var left: Int64
        var until: Int64?
    }

    struct Payment: Hashable, Sendable {
        var content: JSONValue
        var parts: TraceMoney
        var monday: Int64
        /// It came while emergency credit was selected.
        var wasSelected: Bool
        var isReversed = false
    }

    /// The first thing that was wrong.
    private(set) var violation: AuditFinding?
    /// What the unit is doing, for the finding.
    var now = AuditInstant()

    let limits: Limits
    var clock: AuditClock
    var settings = AuditSettings()
    var tariffs: [AuditTariff] = []
    var money = TraceMoney()
    var mode = "prepayment"
    var planned: (mode: String, at: Int64)?
    var isOpen = false

    var isSelected = false
    var isOffered = false
    var isLow = false
    var saidExhausted = false
    var saidEmergencyExhausted = false
    var loans: [Loan] = []
    var payments: [String: Payment] = [:]
    /// Other business ids, by `<kind>/<id>`.
    var orders: [String: JSONValue] = [:]
    var week: (monday: Int64, amount: Int64) = (.min, 0)

    /// Local days up to which charges by the calendar are done.
    var standingDone: Int64 = 0
    var rateDone: Int64 = 0
    var deductionDone: Int64 = 0
    var isDueKnown = false
    var nextDue: AuditDue?

    /// `cleared` records that must come next.
    var owesCleared: TraceRecord.Kind?
    /// Emergency credit was selected in the middle of a charge that must come next.
    var owesCharge = false
    /// A reversal gave back emergency credit that was in use.
    var owesSelection = false
    var wattHours: Int64 = 0
    var expected: [TraceLine] = []
    var supply = AuditSupply()
    var records: Int64 = 0
    private var lastAt = Int64.min

    init(limits: Limits, clock: AuditClock) {
        self.limits = limits
        self.clock = clock
    }

    // MARK: - Findings

    /// Two numbers must be the same.
    @inline(__always)
    mutating func equal(_ found: Int64, _ wanted: Int64, _ rule: StaticString, _ what: StaticString) {
        if found != wanted { find(rule, "\(what)", "\(wanted)", "\(found)") }
    }

    /// Something must hold.
    @inline(__always)
    mutating func check(_ holds: Bool, _ rule: StaticString, _ what: @autoclosure () -> String) {
        if !holds { find(rule, what(), "true", "false") }
    }

    mutating func find(_ rule: StaticString, _ what: String, _ wanted: String, _ found: String) {
        guard violation == nil else { return }
        violation = AuditFinding(
            rule: "\(rule)", what: what, wanted: wanted, found: found, record: records, at: now.wall,
            event: now.act.words)
    }

    // MARK: - What is left

    var loanLeft: Int64 {
        var sum: Int64 = 0
        for loan in loans { sum += loan.left }
        return sum
    }

    var emergencyLeft: Int64 {
        max(0, settings.emergencyLimit - money.emergency + money.loans) + (loans.isEmpty ? 0 : loanLeft)
    }

    var isUsable: Bool { money.balance > 0 || (isSelected && emergencyLeft > 0) }

    var isBelowOffer: Bool { money.balance <= 0 || money.balance < settings.offerBelow }

    var isDebtCleared: Bool { money.balance > 0 && money.emergency == 0 && money.accumulated == 0 }

    // MARK: - Records

    /// Takes one durable record.
    mutating func take(_ record: TraceRecord, _ lines: [TraceLine]) {
        records += 1
        if let wanted = owesCleared, record.kind != wanted {
            find("INV-1", "a debt paid in full is said at once", "\(wanted)", "\(record.kind)")
        }
        owesCleared = nil
        if owesCharge, !record.kind.isCharge {
            find("INV-1", "emergency credit is selected in the middle of a charge", "charge", "\(record.kind)")
        }
        switch record.kind {
        case .energy, .export: takeEnergy(record, lines)
        case .decided: takeDecision(record.decision)
        case .warning: takeWarning(record)
        case .standing, .timeDebt, .deduction: takeDue(record, lines)
        case .opened, .setting, .mode, .loan, .loanExpired, .arrears: takeSetting(record)
        case .toppedUp: takePayment(record)
        case .reversed: takeReversal(record)
        case .adjusted: takeAdjustment(record)
        case .clearedPayment, .clearedTime: break
        case .offered, .withdrawn, .selected, .selectedAutomatically, .emergencyExhausted, .repaid, .low, .recovered,
            .exhausted, .usable:
            takeTransition(record)
        }
        if emergencyLeft > 0 { saidEmergencyExhausted = false }
        if record.kind != .energy, record.kind != .export { isDueKnown = false }
    }

    /// Nothing may be open when something new is recorded or a turn ends.
    mutating func checkSettled(_ what: @autoclosure () -> String) {
        if let kind = pendingTransition { find("INV-1", what(), "\(kind)", "nothing") }
    }

    /// What must be told now.
    var pendingTransition: TraceRecord.Kind? {
        if owesSelection { return .selected }
        guard mode == "prepayment", isOpen else { return nil }
        let left = emergencyLeft
        let canOffer = !isSelected && money.emergency == 0 && left > 0 && isBelowOffer
        if isSelected {
            if money.emergency == 0, !isBelowOffer { return .repaid }
            if left == 0, !saidEmergencyExhausted { return .emergencyExhausted }
        } else {
            if canOffer, !isOffered { return .offered }
            if canOffer, settings.selectsItself { return .selectedAutomatically }
            if isOffered, !canOffer { return .withdrawn }
        }
        let available = money.balance + (isSelected ? left : 0)
        if let warnBelow = settings.warnBelow, available < warnBelow {
            if !isLow { return .low }
        } else if isLow {
            return .recovered
        }
        let isUsable = money.balance > 0 || (isSelected && left > 0)
        if isUsable, saidExhausted { return .usable }
        if !isUsable, !saidExhausted { return .exhausted }
        return nil
    }

    private mutating func takeTransition(_ record: TraceRecord) {
        let pending = pendingTransition
        if record.kind != pending {
            let wasPressed = record.kind == .selected && now.act == .press("emergency_credit") && isOffered
            let isBeforeCharge =
                settings.selectsItself && !isSelected && money.emergency == 0 && emergencyLeft > 0
                && (record.kind == .selectedAutomatically && isOffered || record.kind == .offered && !isOffered)
            if isBeforeCharge {
                owesCharge = record.kind == .selectedAutomatically
            } else if !wasPressed {
                find(
                    "INV-1", "what is told follows from the registers", pending.map { "\($0)" } ?? "nothing",
                    "\(record.kind)")
            }
        }
        switch record.kind {
        case .offered: isOffered = true
        case .withdrawn: isOffered = false
        case .selected, .selectedAutomatically:
            isSelected = true
            isOffered = false
            owesSelection = false
        case .repaid: isSelected = false
        case .emergencyExhausted: saidEmergencyExhausted = true
        case .low: isLow = true
        case .recovered: isLow = false
        case .exhausted: saidExhausted = true
        default: saidExhausted = false
        }
    }
}

/// What was wrong first.
public struct AuditFinding: Hashable, Sendable {
    /// The invariant.
    public var rule: String
    public var what: String
    public var wanted: String
    public var found: String
    /// Number of the record of the unit.
    public var record: Int64
    /// By the box's clock, milliseconds since 1970.
    public var at: Int64
    /// What was asked of the unit.
    public var event: String
}

/// The instant of a turn, and what the world knows about it.
struct AuditInstant: Sendable {
    var act = TraceAct.wake
    /// The box's clock, milliseconds since 1970.
    var wall: Int64 = 0
    /// The world's clock, milliseconds since 1970.
    var truth: Int64 = 0
    /// Milliseconds that never jump.
    var uptime: Int64 = 0
    /// How wrong the box's clock may be, milliseconds.
    var uncertainty: Int64 = 0
    var isClockTrusted = true
    /// Any doubt: nothing may be opened.
    var isInDoubt = false
    /// Energy used, an order or a button; else a notice goes before a cut.
    var isUse = true
    var isTested = true
}

extension TraceRecord.Kind {
    var isCharge: Bool {
        switch self {
        case .energy, .export, .standing, .timeDebt, .deduction: true
        default: false
        }
    }
}
