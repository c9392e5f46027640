import Metering

/// `payment_add`
public struct PaymentAdd: Hashable, Codable, Sendable {
    /// Unique for the unit, for ever.
    public var paymentID: String
    /// Micro-units, 10,000…999,999,000,000.
    public var amount: Int64
    /// ISO 4217; nil when the sender left it out.
    public var currency: String?
    public var paidAt: WallTime?
    public var channel: String?
    public var reference: String?

    /// A payment.
    public init(paymentID: String, amount: Int64, currency: String? = nil) {
        self.paymentID = paymentID
        self.amount = amount
        self.currency = currency
    }

    /// Reads the command's arguments.
    public init(_ value: JSONValue) throws(ArgumentFault) {
        let fields = try FieldReader(
            value, allowed: ["payment_id", "amount_micro", "currency", "paid_at", "channel", "reference"])
        paymentID = try fields.identifier("payment_id")
        amount = try fields.integer("amount_micro", MoneyRange.payment)
        currency = fields.has("currency") ? try fields.text("currency", bytes: 3...3) : nil
        if let currency, !currency.utf8.allSatisfy({ (65...90).contains($0) }) {
            throw fields.fault("currency", "must be three capital letters such as AUD")
        }
        paidAt = try fields.time("paid_at")
        channel = fields.has("channel") ? try fields.text("channel", bytes: 1...64) : nil
        reference = fields.has("reference") ? try fields.text("reference", bytes: 0...160) : nil
    }

    /// The command's arguments.
    public var json: JSONObject {
        var object: JSONObject = ["payment_id": .string(paymentID), "amount_micro": .integer(amount)]
        object["currency"] = currency.map { .string($0) }
        object["paid_at"] = paidAt.map { .string($0.text) }
        object["channel"] = channel.map { .string($0) }
        object["reference"] = reference.map { .string($0) }
        return object
    }
}

/// `payment_reverse`: takes a whole payment back, once.
public struct PaymentReverse: Hashable, Codable, Sendable {
    /// Unique for the unit, for ever.
    public var reversalID: String
    public var paymentID: String
    public var why: String

    /// Reads the command's arguments.
    public init(_ value: JSONValue) throws(ArgumentFault) {
        let fields = try FieldReader(value, allowed: ["payment_id", "reversal_id", "reason"])
        paymentID = try fields.identifier("payment_id")
        reversalID = try fields.identifier("reversal_id")
        why = try fields.text("reason", bytes: 0...160, default: "")
    }

    /// The command's arguments.
    public var json: JSONObject {
        ["payment_id": .string(paymentID), "reversal_id": .string(reversalID), "reason": .string(why)]
    }
}

/// `credit_adjust` and `credit_set`: the balance is changed by hand.
public struct CreditAdjustment: Hashable, Codable, Sendable {
    /// By how much, or to what, micro-units.
    public enum Amount: Hashable, Codable, Sendable {
        case by(Int64)
        case to(Int64)
    }

    /// Unique for the unit, for ever.
    public var adjustmentID: String
    public var amount: Amount
    public var why: String

    /// Reads the arguments of `credit_adjust`.
    public init(adjust value: JSONValue) throws(ArgumentFault) {
        let fields = try FieldReader(value, allowed: ["adjustment_id", "delta_micro", "reason"])
        adjustmentID = try fields.identifier("adjustment_id")
        let delta = try fields.integer("delta_micro", Self.range)
        guard delta != 0 else { throw fields.fault("delta_micro", "must not be zero") }
        amount = .by(delta)
        why = try fields.text("reason", bytes: 0...160, default: "")
    }

    /// Reads the arguments of `credit_set`.
    public init(set value: JSONValue) throws(ArgumentFault) {
        let fields = try FieldReader(value, allowed: ["adjustment_id", "balance_micro", "reason"])
        adjustmentID = try fields.identifier("adjustment_id")
        amount = .to(try fields.integer("balance_micro", Self.range))
        why = try fields.text("reason", bytes: 0...160, default: "")
    }

    private static let range = -MoneyRange.amount.upperBound...MoneyRange.amount.upperBound

    /// The command's arguments.
    public var json: JSONObject {
        var object: JSONObject = ["adjustment_id": .string(adjustmentID)]
        switch amount {
        case .by(let delta): object["delta_micro"] = .integer(delta)
        case .to(let balance): object["balance_micro"] = .integer(balance)
        }
        object["reason"] = .string(why)
        return object
    }
}

/// `loan_extend`: emergency credit made available once.
public struct LoanExtend: Hashable, Codable, Sendable {
    /// Unique for the unit, for ever.
    public var loanID: String
    /// Micro-units.
    public var amount: Int64
    /// What is not used by then is gone.
    public var expiresAt: WallTime?

    /// Reads the command's arguments.
    public init(_ value: JSONValue) throws(ArgumentFault) {
        let fields = try FieldReader(value, allowed: ["loan_id", "amount_micro", "expires_at"])
        loanID = try fields.identifier("loan_id")
        amount = try fields.integer("amount_micro", 1...10_000_000_000)
        expiresAt = try fields.time("expires_at")
    }

    /// The command's arguments.
    public var json: JSONObject {
        var object: JSONObject = ["loan_id": .string(loanID), "amount_micro": .integer(amount)]
        object["expires_at"] = expiresAt.map { .string($0.text) }
        return object
    }
}
