import Metering

/// Money of a unit in plain numbers, micro-units.
struct TraceMoney: Hashable, Sendable {
    var balance: Int64 = 0
    var emergency: Int64 = 0
    var loans: Int64 = 0
    var accumulated: Int64 = 0
    var paymentDebt: Int64 = 0
    var timeDebt: Int64 = 0

    static func += (left: inout TraceMoney, right: TraceMoney) {
        left.balance += right.balance
        left.emergency += right.emergency
        left.loans += right.loans
        left.accumulated += right.accumulated
        left.paymentDebt += right.paymentDebt
        left.timeDebt += right.timeDebt
    }

    var negated: TraceMoney {
        TraceMoney(
            balance: -balance, emergency: -emergency, loans: -loans, accumulated: -accumulated,
            paymentDebt: -paymentDebt, timeDebt: -timeDebt)
    }
}

/// One line of a charge.
struct TraceLine: Hashable, Sendable {
    var what: String
    var wattHours: Int64
    var rate: Int64
    var amount: Int64
}

/// What supply was decided to be.
struct TraceDecision: Hashable, Sendable {
    /// 0 disconnected, 1 armed, 2 connected.
    var state: Int
    var reason: String
    var isHeld: Bool
    /// Milliseconds since 1970.
    var noticeUntil: Int64?
}

/// A durable record of a unit in plain words and numbers: all that the auditor knows of what the product did.
struct TraceRecord: Sendable {
    enum Kind: UInt8, Sendable {
        case opened, setting, mode
        case energy, export, standing, timeDebt, deduction
        case toppedUp, adjusted, reversed, arrears, clearedPayment, clearedTime
        case offered, withdrawn, selected, selectedAutomatically, emergencyExhausted, repaid
        case loan, loanExpired
        case low, recovered, exhausted, usable
        case decided, warning
    }

    var kind: Kind
    /// When it happened or fell due, milliseconds since 1970.
    var at: Int64
    var change = TraceMoney()
    /// The tariff of a charge.
    var tariff: Int64 = 0
    var wattHours: Int64 = 0
    /// The end of the energy's interval, or what a warning warns of, milliseconds since 1970.
    var until: Int64 = 0
    /// The local day of a charge, or the Monday of a payment's week, days since 1970.
    var day: Int64 = 0
    /// A payment's whole amount, or the rest of a loan.
    var amount: Int64 = 0
    /// The business id, the setting's name, or the mode.
    var word = ""
    /// The payment that is reversed.
    var other = ""
    /// A setting's value, or an order's arguments.
    var value = JSONValue.null
    /// Whether an opening had emergency credit selected.
    var isSelected = false
    var decision = TraceDecision(state: 0, reason: "", isHeld: false, noticeUntil: nil)

    init(_ kind: Kind, at: Int64) {
        self.kind = kind
        self.at = at
    }
}

/// What became of something that was asked of a unit.
enum TraceOutcome: Hashable, Sendable {
    case applied
    case alreadyApplied
    case refused(String, String)
}

/// Something asked of a unit, in plain words.
enum TraceAct: Hashable, Sendable {
    /// Time has passed.
    case wake
    case charge(wattHours: Int64, tariff: Int64, isExport: Bool)
    case command(String, JSONValue)
    case press(String)
    case disconnect
    case allowSupply

    /// Whether what falls due is not taken in its turn: an order about the switch alone, or a new local time.
    var leavesDues: Bool {
        switch self {
        case .disconnect, .allowSupply, .command("daylight_saving_set", _): true
        default: false
        }
    }

    var words: String {
        switch self {
        case .wake: "wake"
        case .charge(let wattHours, let tariff, let isExport):
            "charge \(wattHours) Wh \(isExport ? "fed in" : "used") by tariff \(tariff)"
        case .command(let name, let args):
            "\(name) \(String(decoding: JSONWriter.canonical(args), as: UTF8.self))"
        case .press(let button): "press \(button)"
        case .disconnect: "usage_place_disconnect"
        case .allowSupply: "usage_place_reconnect"
        }
    }
}

/// A mixing sum over everything that a run did: two runs with the same sum did the same.
public struct TraceDigest: Hashable, Sendable {
    public private(set) var value: UInt64 = 0x6A09_E667_F3BC_C908

    mutating func add(_ number: Int64) {
        value = (value ^ UInt64(bitPattern: number)) &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 29
    }

    mutating func add(_ text: String) {
        for byte in text.utf8 { add(Int64(byte)) }
    }

    mutating func add(_ record: TraceRecord, _ lines: [TraceLine]) {
        add(Int64(record.kind.rawValue))
        add(record.at)
        add(record.change.balance)
        add(record.change.emergency &* 31 &+ record.change.accumulated)
        add(record.wattHours &+ record.day &+ record.amount)
        if !record.word.isEmpty { add(record.word) }
        if record.kind == .decided { add(record.decision.reason) }
        for line in lines { add(line.amount) }
    }
}
