import Metering

/// What a HAN adapter says, decoded. Secrets are gone: an install code or a link key that stood in it is not in here.
public enum HanFragment: Hashable, Sendable {
    case connection(HanConnection)
    case device(HanDevice)
    case time(HanClock)
    case demand(HanDemand)
    case summation(HanSummation)
    case price(HanPrice)
    case message(HanMessage)
    case schedule(HanSchedule)
    case meterInfo(HanMeterInfo)
    case meterList(HanMeterList)
    case profile(HanProfile)
    case period(HanPeriodUsage)
    /// The only error an adapter knows; it does not say which command it is about.
    case warning(String)
    /// A fragment of a name that is not known, or without the value it is there for.
    case other(name: String, why: String)
}

/// `ConnectionStatus` and `NetworkInfo`.
public struct HanConnection: Hashable, Sendable {
    public var device: EUI64?
    /// The radio of the meter (the coordinator of its network).
    public var coordinator: EUI64?
    public var state: HanJoinState
    public var description: String?
    public var statusCode: UInt64?
    public var extendedPan: String?
    /// 11…26
    public var channel: Int?
    public var shortAddress: UInt64?
    /// 0…100
    public var linkStrength: Int?
}

/// Where the joining stands, in the adapter's words.
public struct HanJoinState: Hashable, Sendable {
    /// `Connected`, `Join: Fail` … as printed; texts that nobody knows are kept.
    public var text: String

    public init(_ text: String) { self.text = text }

    /// What it comes to for people.
    public enum Group: String, Hashable, Sendable, CaseIterable {
        case searching, joining, authenticating, bound, lost, failed, unknown
    }

    public var group: Group {
        switch text {
        case "Initializing", "Network Discovery": .searching
        case "Joining", "Join: Success": .joining
        case "Authenticating", "Authenticating: Success": .authenticating
        case "Connected": .bound
        case "Disconnected", "Rejoining": .lost
        case "Join: Fail", "Authenticating: Fail": .failed
        default: .unknown
        }
    }
}

/// `DeviceInfo`, without its two secrets.
public struct HanDevice: Hashable, Sendable {
    public var device: EUI64?
    public var firmware: String?
    public var hardware: String?
    public var image: String?
    public var manufacturer: String?
    public var model: String?
    public var dateCode: String?
    /// Whether the adapter's install code is the one the box was given; nil when either is not known.
    public var installCodeMatches: Bool?
}

/// `TimeCluster`: the meter's time.
public struct HanClock: Hashable, Sendable {
    public var meter: EUI64?
    public var utc: WallTime?
    /// Already shifted to the meter's zone: for display only, no instant.
    public var local: WallTime?
}

/// `InstantaneousDemand`.
public struct HanDemand: Hashable, Sendable {
    public var meter: EUI64?
    public var at: WallTime?
    /// kW, negative while exporting.
    public var kilowatts: Result<DecimalValue, MissingValue>
}

/// `CurrentSummationDelivered`.
public struct HanSummation: Hashable, Sendable {
    public var meter: EUI64?
    public var at: WallTime?
    /// kWh from the grid.
    public var delivered: Result<DecimalValue, MissingValue>
    /// kWh to the grid.
    public var received: Result<DecimalValue, MissingValue>
    /// What the register steps by, kWh.
    public var step: DecimalValue?
}

/// `PriceCluster`.
public struct HanPrice: Hashable, Sendable {
    public var meter: EUI64?
    public var at: WallTime?
    /// Of one kWh, in the currency's major unit; missing when the meter has none.
    public var price: Result<DecimalValue, MissingValue>
    /// ISO 4217 number.
    public var currency: Int?
    public var tier: Int?
    public var label: String?
}

/// `MessageCluster`.
public struct HanMessage: Hashable, Sendable {
    public var meter: EUI64?
    public var at: WallTime?
    public var id: UInt64?
    /// Empty when there is no message.
    public var text: String
    public var mustConfirm: Bool
    public var isConfirmed: Bool
    /// `Active`, `Cancel Pending`.
    public var queue: String?
}

/// `ScheduleInfo`.
public struct HanSchedule: Hashable, Sendable {
    public var meter: EUI64?
    /// `time`, `price`, `demand`, `summation`, `message`.
    public var event: String
    /// Seconds.
    public var frequency: Int?
    public var isEnabled: Bool
}

/// `MeterInfo`.
public struct HanMeterInfo: Hashable, Sendable {
    public var meter: EUI64?
    /// `electric`, `gas` …; newer adapters print `0x0000` for electric.
    public var type: String?
    public var isEnabled: Bool?
    public var nickName: String?
}

/// `MeterList`.
public struct HanMeterList: Hashable, Sendable {
    public var device: EUI64?
    public var meters: [EUI64]
}

/// `ProfileData`.
public struct HanProfile: Hashable, Sendable {
    public var meter: EUI64?
    public var end: WallTime?
    /// 0 success … 5 none available.
    public var status: Int?
    public var intervalPeriod: Int?
    /// Raw counts, newest first; nil for an interval without data.
    public var intervals: [UInt64?]
}

/// `CurrentPeriodUsage` and `LastPeriodUsage`.
public struct HanPeriodUsage: Hashable, Sendable {
    public var isLast: Bool
    public var meter: EUI64?
    public var start: WallTime?
    public var end: WallTime?
    /// kWh
    public var usage: Result<DecimalValue, MissingValue>
}
