import Drivers
import Metering

/// One wire: what it is and what is spoken on it.
public struct PortConfiguration: Hashable, Sendable {
    public var id: PortID
    public var wire: PortWire
    /// How Modbus requests are framed. Any port carries EDMI requests too, which is what a scan needs.
    public var `protocol`: WireProtocol

    public init(id: PortID, wire: PortWire, protocol: WireProtocol) {
        self.id = id
        self.wire = wire
        self.protocol = `protocol`
    }
}

/// A serial device, a TCP connection, or lines of a GPIO chip.
public enum PortWire: Hashable, Sendable {
    /// `device` should be a stable name (`/dev/serial/by-id/…`): it is opened again by this name after an unplug.
    /// `rs485` asks the driver to switch the transmitter; not for adapters that do it by themselves.
    case serial(device: String, line: LineSettings, rs485: Bool)
    /// A name or numeric address.
    case tcp(host: String, port: UInt16)
    /// A load switch or buttons on the box's own pins: a port that carries `contact` or `inputs` and nothing else.
    case gpio(GpioWire)
}

/// What a wire carries.
public enum WireProtocol: String, Hashable, Sendable {
    /// EDMI command line; Modbus requests, if any, are RTU.
    case edmi
    /// Modbus RTU, on a serial line or as the same bytes over TCP.
    case modbusRTU
    /// Modbus TCP with its own header; on a serial device it means RTU.
    case modbusTCP
}
