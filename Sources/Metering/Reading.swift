/// Why a value is missing. Absence has a reason and is data.
public enum NoData: String, Sendable, CaseIterable {
    /// The meter did not answer in time.
    case timeout
    /// Every reply in the window was damaged.
    case badChecksum = "bad_checksum"
    /// The meter answered that it will not give the value (log-in, access).
    case refused
    /// The meter has no such register.
    case notPresent = "not_present"
    /// The meter answered with its own mark for "no value" (NaN, 7FFF…).
    case invalid
    /// The port is closed or its device is gone.
    case portDown = "port_down"
    /// The agent was not running.
    case off
    /// The reading was never confirmed by a next one, or was implausible.
    case unconfirmed
    /// Another serial number answers at this address.
    case wrongMeter = "wrong_meter"
    /// The wall clock stepped inside the interval, or was not trusted.
    case clock
    /// The register was reset or ran backwards.
    case registerReset = "register_reset"
}

/// A register's name in the outside contract (`import_wh`, `voltage_l1_v`, `frequency_hz`): quantity, then unit.
public struct RegisterName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }
    public static func < (left: RegisterName, right: RegisterName) -> Bool { left.text < right.text }
    public var description: String { text }
}

/// The four cumulative channels that intervals are kept for.
public enum Channel: String, Codable, Sendable, CaseIterable {
    case importWh = "import_wh"
    case exportWh = "export_wh"
    case importVarh = "import_varh"
    case exportVarh = "export_varh"

    public var name: RegisterName { RegisterName(rawValue) }

    /// The unit of the channel's values, `Wh` or `varh`.
    public var unit: String {
        switch self {
        case .importWh, .exportWh: "Wh"
        case .importVarh, .exportVarh: "varh"
        }
    }

    /// Import and export exchanged: what `swap_import_export` does.
    public var swapped: Channel {
        switch self {
        case .importWh: .exportWh
        case .exportWh: .importWh
        case .importVarh: .exportVarh
        case .exportVarh: .importVarh
        }
    }
}

/// Quality of a value, the letters of NEM12 (AEMO MDFF, appendix on quality flags).
public enum QualityFlag: String, Sendable, CaseIterable {
    case actual = "A"
    case estimated = "E"
    case finalSubstitute = "F"
    case null = "N"
    case substituted = "S"
    case varies = "V"
}

/// A register's value with its moment, or the reason why there is none.
public struct Reading: Hashable, Sendable {
    public var name: RegisterName
    /// What the meter itself calls it: an address such as `1E00` or `0x0048`.
    public var register: String
    public var value: Result<DecimalValue, MissingValue>
    /// Unit as printed: `V A W var VA Wh varh Hz` or empty for a ratio.
    public var unit: String
    public var at: WallTime

    public init(
        name: RegisterName, register: String, value: Result<DecimalValue, MissingValue>, unit: String, at: WallTime
    ) {
        self.name = name
        self.register = register
        self.value = value
        self.unit = unit
        self.at = at
    }
}

/// `NoData` as an error, so that a reading is a `Result`.
public struct MissingValue: Error, Hashable, Sendable {
    public var reason: NoData
    public init(_ reason: NoData) { self.reason = reason }
}
