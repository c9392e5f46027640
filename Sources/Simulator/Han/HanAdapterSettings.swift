import Metering

/// A simulated HAN adapter and the meter it looks for.
public struct HanAdapterSettings: Sendable {
    /// The adapter's own address.
    public var device: EUI64
    /// The meter's radio.
    public var meter: EUI64
    /// Printed in clear by `get_device_info`, as real adapters do.
    public var installCode: Secret
    public var linkKey: Secret
    /// What the meter measures.
    public var load: HouseholdLoad
    /// How long each step of joining takes, microseconds.
    public var joinStep: Int64 = 1_000_000
    /// How often the meter's demand is told unasked, microseconds; 0 for never.
    public var demandInterval: Int64 = 15_000_000
    /// The same for its summation.
    public var summationInterval: Int64 = 60_000_000
    /// ISO 4217 number, 36 is the Australian dollar.
    public var currency = 36
    /// Ten thousandths of the currency's unit, a kWh.
    public var price = 3125
    /// The zone of the meter's local time, minutes.
    public var zoneMinutes: Int64 = 600
    public var multiplier: UInt32 = 1
    public var divisor: UInt32 = 1000

    public init(device: EUI64, meter: EUI64, installCode: Secret, linkKey: Secret, load: HouseholdLoad) {
        self.device = device
        self.meter = meter
        self.installCode = installCode
        self.linkKey = linkKey
        self.load = load
    }
}

/// What is to go wrong with a simulated HAN adapter.
public struct HanAdapterFaults: Hashable, Sendable {
    /// It answers nothing and tells nothing.
    public var isSilent = false
    /// Its XML is as real ones' at their worst: tags closed in another case or misspelt, noise, fragments cut off.
    public var isBroken = false
    /// The meter knows another install code: joining ends in `Authenticating: Fail`.
    public var hasWrongCode = false
    /// The HAN's register counts so many per mille more (or less) than the meter from now on.
    public var driftPerMille: Int64 = 0

    public init() {}
}
