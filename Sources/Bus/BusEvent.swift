import Drivers
import Metering

/// What the wires tell.
public enum BusEvent: Hashable, Sendable {
    /// The answer to a request; every submitted request gets exactly one.
    case reply(BusReply)
    /// The device was opened, or opened again. The note says what could not be had as configured.
    case up(PortID, note: String?)
    /// The device cannot be opened or went away, told once; the text says what to do.
    case down(PortID, String)
    /// A frame seen on a tapped wire.
    case frame(CapturedFrame)
    /// Frames of a tapped wire were dropped because there were too many; told once a second at most.
    case tapOverflow(PortID)
}

/// Bytes seen on a wire, passwords of EDMI log-ins replaced by stars.
public struct CapturedFrame: Hashable, Sendable {
    public var port: PortID
    public var direction: Direction
    /// One frame as it was on the wire, or the noise between two.
    public var bytes: [UInt8]
    /// When it was sent, or when its last byte was read.
    public var at: Moment

    public init(port: PortID, direction: Direction, bytes: [UInt8], at: Moment) {
        self.port = port
        self.direction = direction
        self.bytes = bytes
        self.at = at
    }

    /// Seen from the box.
    public enum Direction: String, Hashable, Sendable {
        case sent = "tx"
        case received = "rx"
    }
}
