import Metering

/// `[han]`, as far as the agent decides by it. The install code is not here: only the edges hold it.
public struct HanSettings: Hashable, Sendable {
    /// The adapter's device, for messages.
    public var device: String
    /// The configured meter whose import register the HAN's must follow; nil to compare nothing.
    public var meter: MeterSerial?
    public var hasInstallCode: Bool
    /// `[upstream.powerbox]` is configured: a bind is asked for there. Else the utility does it by hand.
    public var hasPowerBox: Bool

    public init(device: String, meter: MeterSerial?, hasInstallCode: Bool, hasPowerBox: Bool) {
        self.device = device
        self.meter = meter
        self.hasInstallCode = hasInstallCode
        self.hasPowerBox = hasPowerBox
    }
}

/// The import register of the configured meter, as the comparison with the HAN needs it.
struct HanRevenue: Hashable, Sendable {
    /// The newest confirmed reading, whole Wh.
    var point: RegisterPoint
    /// What the register steps by, Wh.
    var step: Int64
}
