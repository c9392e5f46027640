import Metering

/// One record of the journal in words: what it did to a unit's money, and the lines that show why.
public struct ExplainedRecord: Hashable, Sendable {
    /// What moved the balance, or another register; the sums of a day are made of these.
    public struct Part: Hashable, Sendable {
        /// A stable word: a band's name for energy, `standing`, `vat`, `payment`, `payment_debt`, `accumulated`,
        /// `emergency_repaid`, `emergency_used`, `time_debt`, `deduction`, `adjustment`, `reversal`, `opening` …
        public var what: String
        /// Whole Wh; 0 where no energy is charged.
        public var wattHours: Int64
        /// Micro-units for a kWh or a day, basis points for VAT; 0 where there is none.
        public var rate: Int64
        /// What it did to the balance, micro-units.
        public var amount: Int64

        /// A part.
        public init(_ what: String, wattHours: Int64 = 0, rate: Int64 = 0, amount: Int64) {
            self.what = what
            self.wattHours = wattHours
            self.rate = rate
            self.amount = amount
        }
    }

    public var seq: Int64
    /// When the money fell due; the record may be later.
    public var at: WallTime
    public var kind: JournalKind
    /// What happened, for people.
    public var text: String
    public var parts: [Part]
    /// How the registers change.
    public var change: CreditRegisters
    /// The balance that the record states; nil where it states none.
    public var stated: Int64?

    /// Whether the parts give exactly the change of the balance.
    public var isExplained: Bool { parts.reduce(0) { $0 &+ $1.amount } == change.balance }

    /// Reads a record of a unit; nil for one that is no event of an account, such as a supply decision.
    public init?(
        seq: Int64, kind: JournalKind, data: JSONObject, at recorded: WallTime
    ) throws(CreditError) {
        self.seq = seq
        self.kind = kind
        if kind == .unitSetting, let name = data["setting"]?.string, !Self.isOfAccount(name) {
            // What the box notes about a unit beside its account: wiring, tests, texts.
            (at, text, parts) = (recorded, "\(name) was noted", [])
            (change, stated) = (CreditRegisters(), nil)
            return
        }
        guard let event = try CreditEvent.read(kind: kind, data: data, at: recorded) else { return nil }
        at = event.at
        change = event.change.registers
        stated = data["balance_micro"]?.integer
        (text, parts) = Self.explain(event.change)
    }

    private static func isOfAccount(_ setting: String) -> Bool {
        UnitSetting.names.contains(setting) || ["opening", "operational_mode"].contains(setting)
    }

    private static func explain(_ change: CreditChange) -> (String, [Part]) {
        switch change {
        case .opened(let registers, _, let mode):
            return ("the account begins, mode \(mode.rawValue)", [Part("opening", amount: registers.balance)])
        case .setting(let setting): return ("\(setting.name) was set", [])
        case .mode(let mode): return ("mode \(mode.rawValue) from now on", [])
        case .charged(let charge): return explain(charge)
        case .toppedUp(let payment, let split, _):
            return ("payment \(payment.paymentID)", explain("payment", of: payment.amount, split))
        case .adjusted(let order, let delta):
            return ("adjustment \(order.adjustmentID)", [Part("adjustment", amount: delta)])
        case .reversed(let order, let split):
            let whole = split.balance &- split.emergencyUsed &- split.accumulated &- split.paymentDebt
            return ("payment \(order.paymentID) reversed, \(order.reversalID)", explain("reversal", of: whole, split))
        case .arrears(_, let split):
            return ("what is owed was set: \(owed(split))", [])
        case .cleared(let debt): return ("\(debt.rawValue) debt is paid", [])
        case .emergency(let step): return ("emergency credit \(words(step))", [])
        case .loan(let loan): return ("loan \(loan.loanID): more emergency credit", [])
        case .loanExpired(let id, _): return ("loan \(id) is over", [])
        case .low(let step): return (words(step), [])
        }
    }

    /// A payment or its reversal: the whole, and what of it does not reach the balance.
    private static func explain(_ what: String, of whole: Int64, _ split: CreditRegisters) -> [Part] {
        var parts = [Part(what, amount: whole)]
        func add(_ what: String, _ amount: Int64) { if amount != 0 { parts.append(Part(what, amount: amount)) } }
        add("payment_debt", split.paymentDebt)
        add("accumulated", split.accumulated)
        add("emergency_repaid", split.emergencyUsed)
        return parts
    }

    private static func explain(_ charge: Charge) -> (String, [Part]) {
        let sign: Int64
        let text: String
        switch charge.cause {
        case .energy(_, let wattHours, _): (text, sign) = ("\(energyText(wattHours)) used", -1)
        case .export(_, let wattHours, _): (text, sign) = ("\(energyText(wattHours)) fed in", 1)
        case .standing(_, let day): (text, sign) = ("standing charge of \(dayText(day))", -1)
        case .timeDebt(let day): (text, sign) = ("debt taken by time, \(dayText(day))", -1)
        case .deduction(let day): (text, sign) = ("deduction of \(dayText(day))", -1)
        }
        var parts = charge.lines.map {
            Part($0.what, wattHours: $0.wattHours, rate: $0.rate, amount: sign &* $0.amount)
        }
        // What another register took did not come from the balance.
        if charge.change.emergencyUsed != 0 {
            parts.append(Part("emergency_used", amount: charge.change.emergencyUsed))
        }
        if charge.change.accumulated != 0 { parts.append(Part("put_off", amount: charge.change.accumulated)) }
        return (text, parts)
    }

    private static func owed(_ split: CreditRegisters) -> String {
        split.paymentDebt != 0 ? "payment debt" : split.timeDebt != 0 ? "time debt" : "recovery only"
    }

    private static func words(_ step: EmergencyStep) -> String {
        switch step {
        case .offered: "is offered"
        case .withdrawn: "is offered no more"
        case .selected: "was selected by the customer"
        case .selectedAutomatically: "was selected by the box"
        case .exhausted: "is used up"
        case .repaid: "is repaid"
        }
    }

    private static func words(_ step: LowStep) -> String {
        switch step {
        case .low: "credit is low"
        case .recovered: "credit is low no more"
        case .exhausted: "nothing usable is left"
        case .usable: "there is usable credit again"
        }
    }

    /// `0.500 kWh`, exact.
    static func energyText(_ wattHours: Int64) -> String {
        let rest = String(wattHours.magnitude % 1000)
        return "\(wattHours < 0 ? "-" : "")\(wattHours.magnitude / 1000)."
            + String(repeating: "0", count: 3 - rest.count) + rest + " kWh"
    }
}

/// Why a balance is what it is: an account's records one after another, and sums that are checked on the way.
public struct CreditExplanation: Sendable {
    /// The sum of one thing over a day.
    public typealias Part = ExplainedRecord.Part

    /// A local day, or the time before the span.
    public struct Day: Hashable, Sendable {
        /// Days since 1970, local.
        public var day: Int64
        public var opening: Int64
        public var parts: [Part]
        public var records: Int
        public var closing: Int64
    }

    /// A record whose stated balance is not the sum.
    public struct Disagreement: Hashable, Sendable {
        public var seq: Int64
        public var summed: Int64
        public var stated: Int64
    }

    /// `[from, to)`; nil is open.
    public let from: WallTime?
    public let to: WallTime?
    public private(set) var registers = CreditRegisters()
    public private(set) var opening: Int64 = 0
    public private(set) var closing: Int64 = 0
    public private(set) var days: [Day] = []
    /// Sums over the whole span.
    public private(set) var totals: [Part] = []
    public private(set) var records = 0
    /// The first sixteen.
    public private(set) var disagreements: [Disagreement] = []

    /// Before the first record.
    public init(from: WallTime?, to: WallTime?) {
        self.from = from
        self.to = to
    }

    /// Takes the next record, in order. True when it lies in the span.
    /// - Parameter day: the local day on which it fell due, days since 1970.
    public mutating func take(_ record: ExplainedRecord, day: Int64) -> Bool {
        let before = registers.balance
        registers = registers.wrapping(record.change)
        check(record)
        if let from, record.at < from {
            opening = registers.balance
            closing = opening
            return false
        }
        if let to, record.at >= to { return false }
        records += 1
        closing &+= record.change.balance
        // What fell due on a day that is past is counted to the newest day.
        if days.last.map({ $0.day < day }) ?? true {
            days.append(Day(day: day, opening: before, parts: [], records: 0, closing: before))
        }
        let last = days.count - 1
        days[last].records += 1
        days[last].closing &+= record.change.balance
        for part in record.parts {
            Self.add(part, to: &days[last].parts)
            Self.add(part, to: &totals)
        }
        return true
    }

    private mutating func check(_ record: ExplainedRecord) {
        let agrees = record.isExplained && (record.stated.map { $0 == registers.balance } ?? true)
        guard !agrees, disagreements.count < 16 else { return }
        disagreements.append(
            Disagreement(seq: record.seq, summed: registers.balance, stated: record.stated ?? registers.balance))
    }

    private static func add(_ part: Part, to parts: inout [Part]) {
        if let index = parts.firstIndex(where: { $0.what == part.what && $0.rate == part.rate }) {
            parts[index].wattHours &+= part.wattHours
            parts[index].amount &+= part.amount
        } else {
            parts.append(part)
        }
    }
}

extension CreditRegisters {
    /// Sums without a check: a sum that is wrong is shown, not hidden.
    fileprivate func wrapping(_ change: CreditRegisters) -> CreditRegisters {
        CreditRegisters(
            balance: balance &+ change.balance, emergencyUsed: emergencyUsed &+ change.emergencyUsed,
            loanUsed: loanUsed &+ change.loanUsed, accumulated: accumulated &+ change.accumulated,
            paymentDebt: paymentDebt &+ change.paymentDebt, timeDebt: timeDebt &+ change.timeDebt)
    }
}
