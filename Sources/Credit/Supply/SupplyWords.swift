/// The load switch's state, from open to closed.
public enum SupplyState: String, Codable, Sendable, CaseIterable, Comparable {
    case disconnected
    /// Open, and the customer may close it.
    case armed
    case connected

    private var rank: Int {
        switch self {
        case .disconnected: 0
        case .armed: 1
        case .connected: 2
        }
    }

    public static func < (left: SupplyState, right: SupplyState) -> Bool { left.rank < right.rank }
}

/// Why supply is as it is (design §7). The words are stable: they are journalled and published.
public enum SupplyReason: String, Codable, Sendable, CaseIterable {
    case credit
    case exhausted
    case emergencyCredit = "emergency_credit"
    case forceOn = "force_on"
    case forceOff = "force_off"
    case order
    case friendlyPeriod = "friendly_period"
    case specialDay = "special_day"
    /// Never to be disconnected, or not before the customer's notice is over.
    case protected
    case creditMode = "credit_mode"
    case notEnabled = "not_enabled"
    case clockUntrusted = "clock_untrusted"
    case readingUnconfirmed = "reading_unconfirmed"
    case dataStale = "data_stale"
    case wrongMeter = "wrong_meter"
    case journalFault = "journal_fault"
    case dwell
    case switchLimit = "switch_limit"
    case armedWait = "armed_wait"
    case test

    /// The reason in words, for people.
    public var words: String {
        switch self {
        case .credit: "there is credit"
        case .exhausted: "the credit is used up"
        case .emergencyCredit: "emergency credit is in use"
        case .forceOn: "it was ordered to stay on"
        case .forceOff: "it was ordered to stay off"
        case .order: "a signed order disconnected it"
        case .friendlyPeriod: "supply is not cut at these hours"
        case .specialDay: "supply is not cut today"
        case .protected: "supply may not be cut here, or not without notice"
        case .creditMode: "the unit is billed later"
        case .notEnabled: "disconnection is not enabled"
        case .clockUntrusted: "the time is in doubt"
        case .readingUnconfirmed: "the last reading is not confirmed yet"
        case .dataStale: "the meter has not answered lately"
        case .wrongMeter: "another meter answers"
        case .journalFault: "the box cannot record what it does"
        case .dwell: "the switch moved a moment ago"
        case .switchLimit: "the switch has moved too often"
        case .armedWait: "the customer may switch it on"
        case .test: "the switch is being tested"
        }
    }
}

/// What makes the box hold the supply: doubt never opens a switch.
public struct SupplyDoubts: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Disconnection has not been enabled for this unit.
    public static let notEnabled = SupplyDoubts(rawValue: 1)
    /// The box is in its safe state.
    public static let safeState = SupplyDoubts(rawValue: 2)
    /// Records cannot be made durable.
    public static let journalFault = SupplyDoubts(rawValue: 4)
    public static let clockUntrusted = SupplyDoubts(rawValue: 8)
    public static let wrongMeter = SupplyDoubts(rawValue: 16)
    public static let dataStale = SupplyDoubts(rawValue: 32)
    public static let readingUnconfirmed = SupplyDoubts(rawValue: 64)

    /// The reason to give: the first of those that apply.
    var reason: SupplyReason? {
        if contains(.notEnabled) { return .notEnabled }
        if !isDisjoint(with: [.safeState, .journalFault]) { return .journalFault }
        if contains(.clockUntrusted) { return .clockUntrusted }
        if contains(.wrongMeter) { return .wrongMeter }
        if contains(.dataStale) { return .dataStale }
        return contains(.readingUnconfirmed) ? .readingUnconfirmed : nil
    }
}
