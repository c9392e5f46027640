import Metering

/// How owed money is taken.
public enum ArrearsRecovery: Hashable, Codable, Sendable {
    /// A part of each payment, basis points of it, at most so much (micro-units) in a local week from Monday.
    case percentOfPayment(basisPoints: Int64, weeklyCap: Int64?)
    /// An amount (micro-units) each period.
    case perPeriod(amount: Int64, RecoveryPeriod)

    /// Reads the `recovery` of `arrears_set`.
    init(_ value: JSONValue, path: String) throws(ArgumentFault) {
        let fields = try FieldReader(
            value, path: path,
            allowed: ["mode", "percent_bp", "amount_micro", "weekly_cap_micro"] + RecoveryPeriod.members)
        switch try fields.word("mode", Mode.self) {
        case .percent:
            for name in ["amount_micro"] + RecoveryPeriod.members where fields.has(name) {
                throw fields.fault(name, "goes with the mode per_period only")
            }
            self = .percentOfPayment(
                basisPoints: try fields.integer("percent_bp", 0...10_000),
                weeklyCap: try fields.optionalInteger("weekly_cap_micro", MoneyRange.amount))
        case .period:
            for name in ["percent_bp", "weekly_cap_micro"] where fields.has(name) {
                throw fields.fault(name, "goes with the mode percent_of_payment only")
            }
            self = .perPeriod(
                amount: try fields.integer("amount_micro", MoneyRange.amount), try RecoveryPeriod(fields))
        }
    }

    private enum Mode: String, CaseIterable {
        case percent = "percent_of_payment"
        case period = "per_period"
    }

    /// As `arrears_set` takes it.
    public var json: JSONValue {
        switch self {
        case .percentOfPayment(let basisPoints, let cap):
            var object: JSONObject = [
                "mode": .string(Mode.percent.rawValue), "percent_bp": .integer(basisPoints),
            ]
            object["weekly_cap_micro"] = cap.map { .integer($0) }
            return .object(object)
        case .perPeriod(let amount, let period):
            var object: JSONObject = ["mode": .string(Mode.period.rawValue), "amount_micro": .integer(amount)]
            period.write(into: &object)
            return .object(object)
        }
    }
}

/// `arrears`: what is owed and how it is taken. A unit can have one debt of each recovery at a time.
public struct ArrearsSettings: Hashable, Sendable {
    /// Micro-units; nil leaves what is owed as it is (only in a scenario's settings).
    public var balance: Int64?
    /// Nil leaves the recovery as it is.
    public var recovery: ArrearsRecovery?

    /// Arrears in micro-units.
    public init(balance: Int64?, recovery: ArrearsRecovery?) {
        self.balance = balance
        self.recovery = recovery
    }

    /// Reads the arguments of `arrears_set`; in a scenario's settings the balance may be the unit's own.
    public init(_ value: JSONValue, path: String = "", needsBalance: Bool = true) throws(ArgumentFault) {
        let fields = try FieldReader(value, path: path, allowed: ["balance_micro", "recovery"])
        balance =
            needsBalance || fields.has("balance_micro") ? try fields.integer("balance_micro", MoneyRange.amount) : nil
        recovery = nil
        if let value = fields.value("recovery") {
            recovery = try ArrearsRecovery(value, path: fields.path("recovery"))
        }
    }

    /// As `arrears_set` takes it.
    public var json: JSONValue {
        var object = JSONObject()
        object["balance_micro"] = balance.map { .integer($0) }
        object["recovery"] = recovery?.json
        return .object(object)
    }
}
