import Metering

/// `emergency_credit`: a loan that the customer may use when credit runs out.
public struct EmergencyCreditSettings: Hashable, Codable, Sendable {
    /// Micro-units, 0…10,000,000,000.
    public var limit: Int64
    /// Offered while the balance is below this, micro-units, never below the cut-off (0).
    public var offerBelow: Int64
    /// Selected by the box as soon as it is offered, without the customer.
    public var autoActivate: Bool
    /// The standing charge is kept out of emergency credit and added to the accumulated debt.
    public var suspendStandingCharge: Bool
    /// The same for time debt.
    public var suspendArrears: Bool

    /// The settings of a unit without emergency credit: nothing is suspended.
    public static let none = EmergencyCreditSettings(
        limit: 0, offerBelow: 0, autoActivate: false, suspendStandingCharge: false, suspendArrears: false)

    /// Emergency credit; amounts in micro-units.
    public init(
        limit: Int64, offerBelow: Int64, autoActivate: Bool = false, suspendStandingCharge: Bool = true,
        suspendArrears: Bool = true
    ) {
        self.limit = limit
        self.offerBelow = offerBelow
        self.autoActivate = autoActivate
        self.suspendStandingCharge = suspendStandingCharge
        self.suspendArrears = suspendArrears
    }

    /// Reads the arguments of `emergency_credit_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(
            value, path: path,
            allowed: [
                "limit_micro", "offer_below_micro", "auto_activate", "suspend_standing_charge", "suspend_arrears",
            ])
        limit = try fields.integer("limit_micro", 0...10_000_000_000)
        offerBelow = try fields.integer("offer_below_micro", MoneyRange.amount, default: 0)
        autoActivate = try fields.flag("auto_activate", default: false)
        suspendStandingCharge = try fields.flag("suspend_standing_charge", default: true)
        suspendArrears = try fields.flag("suspend_arrears", default: true)
    }

    /// As `emergency_credit_set` takes it.
    public var json: JSONValue {
        [
            "limit_micro": .integer(limit), "offer_below_micro": .integer(offerBelow),
            "auto_activate": .bool(autoActivate), "suspend_standing_charge": .bool(suspendStandingCharge),
            "suspend_arrears": .bool(suspendArrears),
        ]
    }
}

/// `low_credit`: when the customer is warned.
public struct LowCreditSettings: Hashable, Codable, Sendable {
    public var isEnabled: Bool
    /// Warned when the available credit falls below this, micro-units.
    public var threshold: Int64
    public var isAudible: Bool
    /// The buzzer sounds again after so many minutes, 0…1440; 0 is once.
    public var repeatMinutes: Int

    /// No warning.
    public static let none = LowCreditSettings(isEnabled: false, threshold: 0)

    /// A warning level in micro-units.
    public init(isEnabled: Bool, threshold: Int64, isAudible: Bool = false, repeatMinutes: Int = 0) {
        self.isEnabled = isEnabled
        self.threshold = threshold
        self.isAudible = isAudible
        self.repeatMinutes = repeatMinutes
    }

    /// Reads the arguments of `low_credit_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(
            value, path: path, allowed: ["enabled", "threshold_micro", "audible", "repeat_minutes"])
        isEnabled = try fields.flag("enabled", default: true)
        threshold = try fields.integer("threshold_micro", MoneyRange.amount)
        isAudible = try fields.flag("audible", default: false)
        repeatMinutes = Int(try fields.integer("repeat_minutes", 0...1440, default: 0))
    }

    /// As `low_credit_set` takes it.
    public var json: JSONValue {
        [
            "enabled": .bool(isEnabled), "threshold_micro": .integer(threshold), "audible": .bool(isAudible),
            "repeat_minutes": .integer(Int64(repeatMinutes)),
        ]
    }
}

/// `regular_deduction`: an amount that the account is charged by the calendar.
public struct RegularDeduction: Hashable, Codable, Sendable {
    public var isEnabled: Bool
    /// Micro-units.
    public var amount: Int64
    public var period: RecoveryPeriod

    /// A deduction of micro-units.
    public init(isEnabled: Bool = true, amount: Int64, period: RecoveryPeriod) {
        self.isEnabled = isEnabled
        self.amount = amount
        self.period = period
    }

    /// Reads the arguments of `regular_deduction_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(
            value, path: path, allowed: ["amount_micro", "enabled"] + RecoveryPeriod.members)
        amount = try fields.integer("amount_micro", MoneyRange.amount)
        isEnabled = try fields.flag("enabled", default: true)
        period = try RecoveryPeriod(fields)
    }

    /// As `regular_deduction_set` takes it.
    public var json: JSONValue {
        var object: JSONObject = ["amount_micro": .integer(amount), "enabled": .bool(isEnabled)]
        period.write(into: &object)
        return .object(object)
    }
}

/// `suggestion`: how the suggested top-up is worked out.
public struct SuggestionSettings: Hashable, Codable, Sendable {
    /// Days of use that are looked at, 1…90.
    public var lookbackDays: Int
    /// Days that the top-up shall last, 1…90.
    public var coverDays: Int
    /// Micro-units, from 1.
    public var roundUpTo: Int64
    public var minimum: Int64
    public var maximum: Int64

    /// Reads the arguments of `suggestion_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(
            value, path: path,
            allowed: ["lookback_days", "cover_days", "round_up_to_micro", "min_micro", "max_micro"])
        lookbackDays = Int(try fields.integer("lookback_days", 1...90))
        coverDays = Int(try fields.integer("cover_days", 1...90))
        roundUpTo = try fields.integer("round_up_to_micro", 1...MoneyRange.amount.upperBound, default: 1)
        minimum = try fields.integer("min_micro", MoneyRange.amount, default: 0)
        maximum = try fields.integer("max_micro", MoneyRange.amount, default: MoneyRange.amount.upperBound)
        guard minimum <= maximum else { throw fields.fault("min_micro", "must not be above max_micro") }
    }

    /// As `suggestion_set` takes it.
    public var json: JSONValue {
        [
            "lookback_days": .integer(Int64(lookbackDays)), "cover_days": .integer(Int64(coverDays)),
            "round_up_to_micro": .integer(roundUpTo), "min_micro": .integer(minimum), "max_micro": .integer(maximum),
        ]
    }
}

/// `currency`: the characters that money is shown with.
public struct CurrencySymbols: Hashable, Codable, Sendable {
    /// Where the symbol stands.
    public enum Position: String, Codable, Sendable, CaseIterable {
        case before, after
    }

    /// 1…3 characters.
    public var symbol: String
    /// 1…2 characters, or none.
    public var minorSymbol: String?
    public var position: Position
    /// Digits shown after the point, 0…3.
    public var decimals: Int

    /// Reads the arguments of `currency_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(
            value, path: path, allowed: ["symbol", "minor_symbol", "symbol_position", "decimals"])
        symbol = try fields.text("symbol", bytes: 1...12)
        minorSymbol = fields.has("minor_symbol") ? try fields.text("minor_symbol", bytes: 1...8) : nil
        guard symbol.count <= 3 else { throw fields.fault("symbol", "must have 1 to 3 characters") }
        guard (minorSymbol?.count ?? 1) <= 2 else {
            throw fields.fault("minor_symbol", "must have 1 or 2 characters")
        }
        position = try fields.word("symbol_position", Position.self, default: .before)
        decimals = Int(try fields.integer("decimals", 0...3, default: 2))
    }

    /// As `currency_set` takes it.
    public var json: JSONValue {
        var object: JSONObject = ["symbol": .string(symbol)]
        object["minor_symbol"] = minorSymbol.map { .string($0) }
        object["symbol_position"] = .string(position.rawValue)
        object["decimals"] = .integer(Int64(decimals))
        return .object(object)
    }
}
