import Credit
import Drivers
import Metering

/// `[[unit]]`: an account, its meters, and what the customer sees.
public struct UnitSettings: Hashable, Sendable {
    public var id: String
    /// 1…16 configured meters; slot 1 is the first.
    public var meters: [MeterSerial]
    /// The load switch's name; nil for a unit that can only account.
    public var loadSwitch: String?
    /// What a billing system calls the place (`usage_place`).
    public var usagePlace: String?
    public var limits: AccountLimits
    public var policy: SupplyPolicy
    /// Inputs of the customer's buttons; nil when there are none.
    public var buttons: ButtonSettings?

    public init(
        id: String, meters: [MeterSerial], loadSwitch: String? = nil, usagePlace: String? = nil,
        limits: AccountLimits = AccountLimits(), policy: SupplyPolicy = SupplyPolicy(),
        buttons: ButtonSettings? = nil
    ) {
        self.id = id
        self.meters = meters
        self.loadSwitch = loadSwitch
        self.usagePlace = usagePlace
        self.limits = limits
        self.policy = policy
        self.buttons = buttons
    }
}

/// Where a unit's buttons are: each input of one port, polled; nil for a button that is not there.
public struct ButtonSettings: Hashable, Sendable {
    public var port: PortID
    /// The Modbus unit; 0 on a GPIO port.
    public var unit: UnitAddress
    public var emergencyCredit: UInt16?
    public var arm: UInt16?
    public var nextPage: UInt16?

    public init(port: PortID, unit: UnitAddress, emergencyCredit: UInt16?, arm: UInt16?, nextPage: UInt16?) {
        self.port = port
        self.unit = unit
        self.emergencyCredit = emergencyCredit
        self.arm = arm
        self.nextPage = nextPage
    }
}

/// `[[switch]]`: a load switch and how it is moved.
public struct SwitchSettings: Hashable, Sendable {
    public var name: String
    public var driver: SwitchDriver
    /// `button` or `automatic`: the file's word, until a command sets it.
    public var reconnect: ReconnectPolicy
    /// Longest random delay before a disconnection by remote order, or at the end of a protected time, seconds.
    public var remoteDelaySeconds: Int64

    public init(
        name: String, driver: SwitchDriver, reconnect: ReconnectPolicy = .button, remoteDelaySeconds: Int64 = 600
    ) {
        self.name = name
        self.driver = driver
        self.reconnect = reconnect
        self.remoteDelaySeconds = remoteDelaySeconds
    }
}

/// What moves the contact.
public enum SwitchDriver: Hashable, Sendable {
    /// A relay on a Modbus port.
    case modbusCoil(port: PortID, unit: UnitAddress, coil: UInt16, feedback: UInt16?)
    /// A GPIO output, opened as a port of its own.
    case gpio(port: PortID)
    /// The meter's own relay, written in the meter's session; only where the operator says so.
    case meterRegister(meter: MeterSerial, register: UInt32, connect: [UInt8], disconnect: [UInt8])
}
