import Metering

/// How a unit is paid for.
public enum OperationalMode: String, Codable, Sendable, CaseIterable {
    /// Credit first; supply may be cut for lack of it.
    case prepayment
    /// Billed later: charges go to the balance, and supply is never cut for lack of credit.
    case credit
    /// Not in use: nothing is charged and nothing is switched.
    case factory
}

/// `operational_mode`
public struct OperationalModeSettings: Hashable, Sendable {
    public var mode: OperationalMode
    /// When it takes effect; nil is now.
    public var effectiveAt: WallTime?

    /// Reads the arguments of `operational_mode_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(value, path: path, allowed: ["mode", "effective_at", "confirm"])
        mode = try fields.word("mode", OperationalMode.self)
        effectiveAt = try fields.time("effective_at")
        if try !fields.flag("confirm", default: false) && mode == .factory {
            throw fields.fault("confirm", "must be true for the mode factory: it stops charging")
        }
    }
}

/// `supply_mode`: normal, or held on or off by order.
public struct SupplyModeSettings: Hashable, Codable, Sendable {
    /// What is ordered.
    public enum Mode: String, Codable, Sendable, CaseIterable {
        case normal
        case forceOn = "force_on"
        case forceOff = "force_off"
    }

    public var mode: Mode
    /// Why, for people; may be empty.
    public var why: String
    /// Back to normal then; nil is until told otherwise.
    public var expiresAt: WallTime?

    public static let normal = SupplyModeSettings(mode: .normal)

    /// A supply mode.
    public init(mode: Mode, why: String = "", expiresAt: WallTime? = nil) {
        self.mode = mode
        self.why = why
        self.expiresAt = expiresAt
    }

    /// Reads the arguments of `supply_mode_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(value, path: path, allowed: ["mode", "reason", "expires_at"])
        mode = try fields.word("mode", Mode.self)
        why = try fields.text("reason", bytes: 0...160, default: "")
        expiresAt = try fields.time("expires_at")
    }

    /// As `supply_mode_set` takes it.
    public var json: JSONValue {
        var object: JSONObject = ["mode": .string(mode.rawValue), "reason": .string(why)]
        object["expires_at"] = expiresAt.map { .string($0.textSeconds) }
        return .object(object)
    }

    /// The mode at an instant.
    public func mode(at time: WallTime) -> Mode {
        if let expiresAt, expiresAt <= time { return .normal }
        return mode
    }
}

/// How supply comes back after it was cut.
public enum ReconnectPolicy: String, Codable, Sendable, CaseIterable {
    /// Armed: the customer closes it.
    case button
    case automatic
}

/// When supply may come back after emergency credit.
public enum RestorePolicy: String, Sendable, CaseIterable {
    case usableCredit = "usable_credit"
    /// Emergency credit used and accumulated debt must be paid first.
    case debtCleared = "debt_cleared"
}

/// `omnipower`: whether the box may disconnect, and how supply comes back.
public struct ElectricalDisconnection: Hashable, Codable, Sendable {
    public var isEnabled: Bool
    /// 1…16
    public var meterSlot: Int
    /// Nil leaves it as the operator has configured the switch.
    public var reconnect: ReconnectPolicy?

    /// A new unit: disconnection is not enabled.
    public static let initial = ElectricalDisconnection(isEnabled: false)

    /// Electrical disconnection.
    public init(isEnabled: Bool, meterSlot: Int = 1, reconnect: ReconnectPolicy? = nil) {
        self.isEnabled = isEnabled
        self.meterSlot = meterSlot
        self.reconnect = reconnect
    }

    /// Reads the arguments of `omnipower_set`.
    public init(_ value: JSONValue, path: String = "") throws(ArgumentFault) {
        let fields = try FieldReader(value, path: path, allowed: ["enabled", "meter_slot", "reconnect"])
        isEnabled = try fields.flag("enabled")
        meterSlot = Int(try fields.integer("meter_slot", 1...16, default: 1))
        reconnect =
            fields.has("reconnect")
            ? try fields.word("reconnect", Word.self, default: .button) == .automatic ? .automatic : .button : nil
    }

    private enum Word: String, CaseIterable {
        case automatic
        case button = "button_release"
    }

    /// As `omnipower_set` takes it.
    public var json: JSONValue {
        var object: JSONObject = ["enabled": .bool(isEnabled), "meter_slot": .integer(Int64(meterSlot))]
        if let reconnect {
            let word: Word = reconnect == .automatic ? .automatic : .button
            object["reconnect"] = .string(word.rawValue)
        }
        return .object(object)
    }
}
